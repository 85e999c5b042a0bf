UPDATE t
SET [∆] = s.[∆],
    [CUSTOMER'S [COLOUR]]] = s.[CUSTOMER'S [COLOUR]]],
    [select] = s.[select]
FROM [stg].[order list]]] AS t WITH (UPDLOCK, HOLDLOCK)
INNER JOIN #load_18f0c0ffee_3 AS s ON t.[load id] = s.[load id] AND t.[row_number] = s.[row_number];
