ALTER TABLE [stg].[order list]]] ALTER COLUMN [∆] NVARCHAR(900);
