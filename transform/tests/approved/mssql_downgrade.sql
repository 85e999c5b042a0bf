BEGIN TRANSACTION;

-- Running downgrade 0007 -> 0006

ALTER TABLE recon_load DROP COLUMN rows_hash;

GO

UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0007';

GO

-- Running downgrade 0006 -> 0005

ALTER TABLE audit_run DROP COLUMN published_run_id;

GO

ALTER TABLE audit_run DROP COLUMN input_hash;

GO

UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0006';

GO

-- Running downgrade 0005 -> 0004

DROP TABLE wms_allocation;

GO

DROP TABLE wms_order_dtl;

GO

DROP TABLE wms_order_hdr;

GO

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0005';

GO

-- Running downgrade 0004 -> 0003

DROP TABLE recon_ruled_out;

GO

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0004';

GO

-- Running downgrade 0003 -> 0002

DROP TABLE notification;

GO

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0003';

GO

-- Running downgrade 0002 -> 0001

IF OBJECT_ID(N'v_order_list', N'V') IS NOT NULL DROP VIEW v_order_list;

GO

IF OBJECT_ID(N'v_order_status', N'V') IS NOT NULL DROP VIEW v_order_status;

GO

IF OBJECT_ID(N'v_customer_scorecard', N'V') IS NOT NULL DROP VIEW v_customer_scorecard;

GO

IF OBJECT_ID(N'v_review_queue', N'V') IS NOT NULL DROP VIEW v_review_queue;

GO

IF OBJECT_ID(N'v_quarantine_open', N'V') IS NOT NULL DROP VIEW v_quarantine_open;

GO

IF OBJECT_ID(N'v_run_history', N'V') IS NOT NULL DROP VIEW v_run_history;

GO

UPDATE alembic_version SET version_num='0001' WHERE alembic_version.version_num = '0002';

GO

-- Running downgrade 0001 ->

DROP TABLE recon_customer_run;

GO

DROP TABLE audit_count;

GO

DROP TABLE audit_lease;

GO

DROP TABLE audit_run;

GO

DROP TABLE quarantine;

GO

DROP TABLE recon_override;

GO

DROP TABLE fact_order_recon;

GO

DROP TABLE recon_order_fill;

GO

DROP TABLE recon_match;

GO

DROP TABLE recon_load;

GO

DROP TABLE stg_shipped_current;

GO

DROP TABLE stg_packed_current;

GO

DROP TABLE stg_orders;

GO

DROP TABLE load_counts;

GO

DROP TABLE loads;

GO

DROP TABLE source_files;

GO

DROP TABLE stg_quarantine_wms;

GO

DROP TABLE stg_quarantine_sharepoint;

GO

DROP TABLE stg_shipped;

GO

DROP TABLE stg_packed;

GO

DROP TABLE stg_orders_wms;

GO

DROP TABLE stg_orders_sharepoint;

GO

DROP TABLE order_list;

GO

DELETE FROM alembic_version WHERE alembic_version.version_num = '0001';

GO

COMMIT;

GO
