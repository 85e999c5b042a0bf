ALTER TABLE [stg].[order list]]] ALTER COLUMN [select] BIGINT;
