EXEC sp_getapplock @Resource = N'target-mssql stg.it''s', @LockMode = 'Exclusive', @LockOwner = 'Transaction';
