DELETE FROM [stg].[order list]]]
WHERE [_sdc_table_version] < 7;
