INSERT INTO [stg].[order list]]] ([load id], [row_number], [∆])
SELECT s.[load id], s.[row_number], s.[∆]
FROM #load_18f0c0ffee_3 AS s
ORDER BY s.[_target_mssql_order];
