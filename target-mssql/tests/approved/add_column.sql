ALTER TABLE [stg].[order list]]] ADD [∆] NVARCHAR(400) NULL;
