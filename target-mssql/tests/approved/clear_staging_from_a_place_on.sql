DELETE FROM #load_18f0c0ffee_3 WHERE [_target_mssql_order] >= 20000;
