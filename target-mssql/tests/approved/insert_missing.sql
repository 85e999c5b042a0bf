INSERT INTO [stg].[order list]]] ([load id], [row_number], [∆], [CUSTOMER'S [COLOUR]]], [select])
SELECT s.[load id], s.[row_number], s.[∆], s.[CUSTOMER'S [COLOUR]]], s.[select]
FROM #load_18f0c0ffee_3 AS s
WHERE NOT EXISTS (
    SELECT 1 FROM [stg].[order list]]] AS t WITH (UPDLOCK, HOLDLOCK)
    WHERE t.[load id] = s.[load id] AND t.[row_number] = s.[row_number]
);
