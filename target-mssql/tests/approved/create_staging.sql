SELECT TOP (0) CAST(0 AS BIGINT) AS [_target_mssql_order], t.[load id], t.[row_number], t.[∆], t.[CUSTOMER'S [COLOUR]]], t.[select], t.[100%s], t.[ratio], t.[huge], t.[cancelled], t.[ordered_on], t.[read_at], t.[at]
INTO #load_18f0c0ffee_3
FROM [stg].[order list]]] AS t;
