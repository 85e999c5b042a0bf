SELECT TOP (0) CAST(0 AS BIGINT) AS [_target_mssql_order], t.[load id], t.[row_number]
INTO ##load_18f0c0ffee_3
FROM [stg].[order list]]] AS t;
