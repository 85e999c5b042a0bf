DELETE s
FROM #load_18f0c0ffee_3 AS s
WHERE EXISTS (
    SELECT 1 FROM #load_18f0c0ffee_3 AS later
    WHERE later.[load id] = s.[load id] AND later.[row_number] = s.[row_number] AND later.[_target_mssql_order] > s.[_target_mssql_order]
);
