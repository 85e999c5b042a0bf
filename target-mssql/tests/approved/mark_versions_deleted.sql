UPDATE [stg].[order list]]]
SET [_sdc_deleted_at] = '2026-03-04 10:00:00.000000'
WHERE [_sdc_table_version] < 7 AND [_sdc_deleted_at] IS NULL;
