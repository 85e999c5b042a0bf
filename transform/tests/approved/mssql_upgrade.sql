BEGIN TRANSACTION;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

GO

-- Running upgrade  -> 0001

CREATE TABLE order_list (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NOT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    order_number NVARCHAR(400) NULL,
    customer_source NVARCHAR(400) NULL,
    customer NVARCHAR(200) NULL,
    customer_po NVARCHAR(400) NULL,
    customer_alt_po NVARCHAR(400) NULL,
    style NVARCHAR(400) NULL,
    style_description NVARCHAR(400) NULL,
    pattern_id NVARCHAR(400) NULL,
    alias_item NVARCHAR(400) NULL,
    color NVARCHAR(400) NULL,
    color_code NVARCHAR(400) NULL,
    uom NVARCHAR(400) NULL,
    total_qty INTEGER NULL,
    size_qty BIGINT NOT NULL,
    ordered_on DATE NULL,
    ex_factory_on DATE NULL,
    eta_on DATE NULL,
    delivery_method NVARCHAR(400) NULL,
    order_type NVARCHAR(400) NULL,
    season NVARCHAR(400) NULL,
    customer_season NVARCHAR(400) NULL,
    [drop] NVARCHAR(400) NULL,
    category NVARCHAR(400) NULL,
    destination NVARCHAR(400) NULL,
    destination_warehouse NVARCHAR(400) NULL,
    channel NVARCHAR(400) NULL,
    customer_price NUMERIC(18, 4) NULL,
    final_fob_usd NUMERIC(18, 4) NULL,
    notes NVARCHAR(max) NULL,
    sizes NVARCHAR(max) NOT NULL,
    extra NVARCHAR(max) NOT NULL,
    findings NVARCHAR(max) NULL,
    CONSTRAINT pk_order_list PRIMARY KEY (load_id, row_number)
);

GO

CREATE TABLE stg_orders_sharepoint (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    order_line_id NVARCHAR(32) NOT NULL,
    order_number NVARCHAR(400) NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    customer_alt_po NVARCHAR(200) NULL,
    customer_alt_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    pattern_id NVARCHAR(200) NULL,
    pattern_id_source NVARCHAR(400) NULL,
    alias_item NVARCHAR(200) NULL,
    alias_item_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    color_code NVARCHAR(400) NULL,
    category NVARCHAR(400) NULL,
    ordered_qty INTEGER NOT NULL,
    order_type NVARCHAR(400) NULL,
    delivery_method NVARCHAR(400) NULL,
    season NVARCHAR(400) NULL,
    [drop] NVARCHAR(400) NULL,
    ordered_on DATE NULL,
    ex_factory_on DATE NULL,
    eta_on DATE NULL,
    customer_price NUMERIC(18, 4) NULL,
    final_fob_usd NUMERIC(18, 4) NULL,
    CONSTRAINT pk_stg_orders_sharepoint PRIMARY KEY (load_id, order_line_id)
);

GO

CREATE TABLE stg_orders_wms (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    order_line_id NVARCHAR(32) NOT NULL,
    order_number NVARCHAR(400) NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    customer_alt_po NVARCHAR(200) NULL,
    customer_alt_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    pattern_id NVARCHAR(200) NULL,
    pattern_id_source NVARCHAR(400) NULL,
    alias_item NVARCHAR(200) NULL,
    alias_item_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    color_code NVARCHAR(400) NULL,
    category NVARCHAR(400) NULL,
    ordered_qty INTEGER NOT NULL,
    order_type NVARCHAR(400) NULL,
    delivery_method NVARCHAR(400) NULL,
    season NVARCHAR(400) NULL,
    [drop] NVARCHAR(400) NULL,
    ordered_on DATE NULL,
    ex_factory_on DATE NULL,
    eta_on DATE NULL,
    customer_price NUMERIC(18, 4) NULL,
    final_fob_usd NUMERIC(18, 4) NULL,
    CONSTRAINT pk_stg_orders_wms PRIMARY KEY (load_id, order_line_id)
);

GO

CREATE TABLE stg_packed (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    row_id NVARCHAR(32) NOT NULL,
    connection NVARCHAR(200) NOT NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    carton_id NVARCHAR(400) NULL,
    sku NVARCHAR(400) NULL,
    qty INTEGER NOT NULL,
    season NVARCHAR(400) NULL,
    shipping_method NVARCHAR(400) NULL,
    country NVARCHAR(400) NULL,
    packed_on DATE NULL,
    CONSTRAINT pk_stg_packed PRIMARY KEY (load_id, row_id)
);

GO

CREATE TABLE stg_shipped (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    row_id NVARCHAR(32) NOT NULL,
    connection NVARCHAR(200) NOT NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    carton_id NVARCHAR(400) NULL,
    sku NVARCHAR(400) NULL,
    qty INTEGER NOT NULL,
    season NVARCHAR(400) NULL,
    shipping_method NVARCHAR(400) NULL,
    country NVARCHAR(400) NULL,
    shipped_on DATE NULL,
    CONSTRAINT pk_stg_shipped PRIMARY KEY (load_id, row_id)
);

GO

CREATE TABLE stg_quarantine_sharepoint (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    quarantine_id NVARCHAR(32) NOT NULL,
    stream NVARCHAR(200) NOT NULL,
    place NVARCHAR(700) NOT NULL,
    field NVARCHAR(200) NULL,
    reason_code NVARCHAR(64) NOT NULL,
    reason NVARCHAR(1000) NOT NULL,
    value NVARCHAR(max) NULL,
    record NVARCHAR(max) NULL,
    cells BIGINT NOT NULL,
    qty BIGINT NOT NULL,
    CONSTRAINT pk_stg_quarantine_sharepoint PRIMARY KEY (load_id, quarantine_id)
);

GO

CREATE TABLE stg_quarantine_wms (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    quarantine_id NVARCHAR(32) NOT NULL,
    stream NVARCHAR(200) NOT NULL,
    place NVARCHAR(700) NOT NULL,
    field NVARCHAR(200) NULL,
    reason_code NVARCHAR(64) NOT NULL,
    reason NVARCHAR(1000) NOT NULL,
    value NVARCHAR(max) NULL,
    record NVARCHAR(max) NULL,
    cells BIGINT NOT NULL,
    qty BIGINT NOT NULL,
    CONSTRAINT pk_stg_quarantine_wms PRIMARY KEY (load_id, quarantine_id)
);

GO

CREATE TABLE source_files (
    file_id NVARCHAR(200) NOT NULL,
    name NVARCHAR(400) NOT NULL,
    path NVARCHAR(400) NOT NULL,
    size_bytes BIGINT NULL,
    etag NVARCHAR(200) NULL,
    content_hash NVARCHAR(64) NULL,
    modified_at DATETIME2(6) NULL,
    sheet NVARCHAR(200) NULL,
    header_row BIGINT NULL,
    status NVARCHAR(7) NOT NULL,
    error NVARCHAR(1000) NULL,
    listed_at DATETIME2(6) NOT NULL,
    load_id NVARCHAR(32) NULL,
    CONSTRAINT pk_source_files PRIMARY KEY (file_id)
);

GO

CREATE TABLE loads (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    stream NVARCHAR(200) NOT NULL,
    kind NVARCHAR(7) NOT NULL,
    connection NVARCHAR(200) NULL,
    window_from DATE NULL,
    window_to DATE NULL,
    started_at DATETIME2(6) NOT NULL,
    finished_at DATETIME2(6) NOT NULL,
    rows BIGINT NOT NULL,
    qty FLOAT(53) NULL,
    CONSTRAINT pk_loads PRIMARY KEY (load_id)
);

GO

CREATE INDEX ix_loads_unit_id_load_id ON loads (unit_id, load_id);

GO

CREATE TABLE load_counts (
    load_id NVARCHAR(32) NOT NULL,
    [table] NVARCHAR(200) NOT NULL,
    measure NVARCHAR(11) NOT NULL,
    reason NVARCHAR(64) NOT NULL,
    rows BIGINT NOT NULL,
    cells BIGINT NOT NULL,
    qty BIGINT NOT NULL,
    CONSTRAINT pk_load_counts PRIMARY KEY (load_id, [table], measure, reason)
);

GO

CREATE TABLE stg_orders (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    order_line_id NVARCHAR(32) NOT NULL,
    order_number NVARCHAR(400) NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    customer_alt_po NVARCHAR(200) NULL,
    customer_alt_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    pattern_id NVARCHAR(200) NULL,
    pattern_id_source NVARCHAR(400) NULL,
    alias_item NVARCHAR(200) NULL,
    alias_item_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    color_code NVARCHAR(400) NULL,
    category NVARCHAR(400) NULL,
    ordered_qty INTEGER NOT NULL,
    order_type NVARCHAR(400) NULL,
    delivery_method NVARCHAR(400) NULL,
    season NVARCHAR(400) NULL,
    [drop] NVARCHAR(400) NULL,
    ordered_on DATE NULL,
    ex_factory_on DATE NULL,
    eta_on DATE NULL,
    customer_price NUMERIC(18, 4) NULL,
    final_fob_usd NUMERIC(18, 4) NULL,
    origin NVARCHAR(64) NOT NULL,
    cancelled BIT NOT NULL,
    order_key_id NVARCHAR(32) NOT NULL,
    CONSTRAINT pk_stg_orders PRIMARY KEY (order_line_id)
);

GO

CREATE INDEX ix_stg_orders_order_key_id ON stg_orders (order_key_id);

GO

CREATE TABLE stg_packed_current (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    row_id NVARCHAR(32) NOT NULL,
    connection NVARCHAR(200) NOT NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    carton_id NVARCHAR(400) NULL,
    sku NVARCHAR(400) NULL,
    qty INTEGER NOT NULL,
    season NVARCHAR(400) NULL,
    shipping_method NVARCHAR(400) NULL,
    country NVARCHAR(400) NULL,
    packed_on DATE NULL,
    qty_source INTEGER NOT NULL,
    fulfil_key_id NVARCHAR(32) NOT NULL,
    CONSTRAINT pk_stg_packed_current PRIMARY KEY (row_id)
);

GO

CREATE INDEX ix_stg_packed_current_fulfil_key_id ON stg_packed_current (fulfil_key_id);

GO

CREATE TABLE stg_shipped_current (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    row_id NVARCHAR(32) NOT NULL,
    connection NVARCHAR(200) NOT NULL,
    customer NVARCHAR(200) NOT NULL,
    customer_source NVARCHAR(400) NULL,
    customer_po NVARCHAR(200) NULL,
    customer_po_source NVARCHAR(400) NULL,
    style NVARCHAR(200) NULL,
    style_source NVARCHAR(400) NULL,
    color NVARCHAR(200) NULL,
    color_source NVARCHAR(400) NULL,
    size NVARCHAR(200) NULL,
    size_source NVARCHAR(400) NULL,
    carton_id NVARCHAR(400) NULL,
    sku NVARCHAR(400) NULL,
    qty INTEGER NOT NULL,
    season NVARCHAR(400) NULL,
    shipping_method NVARCHAR(400) NULL,
    country NVARCHAR(400) NULL,
    shipped_on DATE NULL,
    fulfil_key_id NVARCHAR(32) NOT NULL,
    CONSTRAINT pk_stg_shipped_current PRIMARY KEY (row_id)
);

GO

CREATE INDEX ix_stg_shipped_current_fulfil_key_id ON stg_shipped_current (fulfil_key_id);

GO

CREATE TABLE recon_load (
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    stream NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    status NVARCHAR(64) NOT NULL,
    superseded_by NVARCHAR(400) NULL,
    stale_reason NVARCHAR(max) NULL,
    started_at DATETIME2(6) NOT NULL,
    rows BIGINT NOT NULL,
    staged_qty BIGINT NOT NULL,
    CONSTRAINT pk_recon_load PRIMARY KEY (load_id)
);

GO

CREATE INDEX ix_recon_load_unit_id ON recon_load (unit_id);

GO

CREATE TABLE recon_match (
    fulfil_key_id NVARCHAR(32) NOT NULL,
    fulfil_customer NVARCHAR(200) NULL,
    fulfil_customer_po NVARCHAR(200) NULL,
    fulfil_style NVARCHAR(200) NULL,
    fulfil_color NVARCHAR(200) NULL,
    fulfil_size NVARCHAR(200) NULL,
    order_key_id NVARCHAR(32) NULL,
    order_customer NVARCHAR(200) NULL,
    order_customer_po NVARCHAR(200) NULL,
    order_style NVARCHAR(200) NULL,
    order_color NVARCHAR(200) NULL,
    order_size NVARCHAR(200) NULL,
    match_type NVARCHAR(64) NOT NULL,
    match_rule NVARCHAR(64) NULL,
    match_score NUMERIC(9, 4) NOT NULL,
    po_score NUMERIC(9, 4) NULL,
    style_score NUMERIC(9, 4) NULL,
    color_score NUMERIC(9, 4) NULL,
    size_score NUMERIC(9, 4) NULL,
    best_match_field NVARCHAR(64) NULL,
    evidence NVARCHAR(max) NULL,
    runner_up_order_key_id NVARCHAR(32) NULL,
    runner_up_score NUMERIC(9, 4) NULL,
    candidates NVARCHAR(max) NULL,
    review_status NVARCHAR(64) NOT NULL,
    decided_by NVARCHAR(64) NOT NULL,
    CONSTRAINT pk_recon_match PRIMARY KEY (fulfil_key_id)
);

GO

CREATE INDEX ix_recon_match_order_key_id ON recon_match (order_key_id);

GO

CREATE TABLE recon_order_fill (
    order_line_id NVARCHAR(32) NOT NULL,
    fulfil_key_id NVARCHAR(32) NOT NULL,
    packed_qty BIGINT NOT NULL,
    shipped_qty BIGINT NOT NULL,
    CONSTRAINT pk_recon_order_fill PRIMARY KEY (order_line_id, fulfil_key_id)
);

GO

CREATE INDEX ix_recon_order_fill_fulfil_key_id ON recon_order_fill (fulfil_key_id);

GO

CREATE TABLE fact_order_recon (
    recon_id NVARCHAR(32) NOT NULL,
    order_key_id NVARCHAR(32) NULL,
    fulfil_key_id NVARCHAR(32) NULL,
    customer NVARCHAR(200) NULL,
    customer_po NVARCHAR(200) NULL,
    style NVARCHAR(200) NULL,
    color NVARCHAR(200) NULL,
    size NVARCHAR(200) NULL,
    order_numbers NVARCHAR(max) NULL,
    customer_alt_po NVARCHAR(400) NULL,
    pattern_id NVARCHAR(400) NULL,
    ordered_qty BIGINT NOT NULL,
    cancelled_qty BIGINT NOT NULL,
    packed_qty BIGINT NOT NULL,
    shipped_qty BIGINT NOT NULL,
    fuzzy_qty BIGINT NOT NULL,
    qty_variance BIGINT NOT NULL,
    qty_variance_pct NUMERIC(18, 4) NULL,
    match_type NVARCHAR(64) NOT NULL,
    match_rule NVARCHAR(64) NULL,
    match_score NUMERIC(9, 4) NULL,
    recon_status NVARCHAR(64) NOT NULL,
    quality_flag NVARCHAR(64) NULL,
    incomplete_key BIT NOT NULL,
    order_lines INTEGER NOT NULL,
    cartons INTEGER NOT NULL,
    first_packed_on DATE NULL,
    last_shipped_on DATE NULL,
    earliest_ex_factory_on DATE NULL,
    first_seen_at DATETIME2(6) NOT NULL,
    updated_at DATETIME2(6) NOT NULL,
    changed_run_id NVARCHAR(32) NOT NULL,
    CONSTRAINT pk_fact_order_recon PRIMARY KEY (recon_id)
);

GO

CREATE INDEX ix_fact_order_recon_customer_recon_status ON fact_order_recon (customer, recon_status);

GO

CREATE INDEX ix_fact_order_recon_order_key_id ON fact_order_recon (order_key_id);

GO

CREATE INDEX ix_fact_order_recon_fulfil_key_id ON fact_order_recon (fulfil_key_id);

GO

CREATE TABLE recon_override (
    fulfil_key_id NVARCHAR(32) NOT NULL,
    fulfil_customer NVARCHAR(200) NULL,
    fulfil_customer_po NVARCHAR(200) NULL,
    fulfil_style NVARCHAR(200) NULL,
    fulfil_color NVARCHAR(200) NULL,
    fulfil_size NVARCHAR(200) NULL,
    order_key_id NVARCHAR(32) NULL,
    order_customer NVARCHAR(200) NULL,
    order_customer_po NVARCHAR(200) NULL,
    order_style NVARCHAR(200) NULL,
    order_color NVARCHAR(200) NULL,
    order_size NVARCHAR(200) NULL,
    decision NVARCHAR(64) NOT NULL,
    reason NVARCHAR(max) NULL,
    decided_by NVARCHAR(200) NOT NULL,
    decided_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_recon_override PRIMARY KEY (fulfil_key_id)
);

GO

CREATE TABLE quarantine (
    quarantine_id NVARCHAR(32) NOT NULL,
    stream NVARCHAR(200) NOT NULL,
    place NVARCHAR(700) NOT NULL,
    field NVARCHAR(200) NULL,
    reason_code NVARCHAR(64) NOT NULL,
    reason NVARCHAR(1000) NOT NULL,
    value NVARCHAR(max) NULL,
    record NVARCHAR(max) NULL,
    cells BIGINT NOT NULL,
    qty BIGINT NOT NULL,
    load_id NVARCHAR(32) NOT NULL,
    unit_id NVARCHAR(200) NOT NULL,
    source NVARCHAR(400) NOT NULL,
    sheet NVARCHAR(200) NULL,
    row_number BIGINT NULL,
    rules_version NVARCHAR(32) NOT NULL,
    first_seen_at DATETIME2(6) NOT NULL,
    resolved_at DATETIME2(6) NULL,
    CONSTRAINT pk_quarantine PRIMARY KEY (quarantine_id)
);

GO

CREATE INDEX ix_quarantine_resolved_at ON quarantine (resolved_at);

GO

CREATE TABLE audit_run (
    run_id NVARCHAR(32) NOT NULL,
    job NVARCHAR(200) NOT NULL,
    mode NVARCHAR(64) NOT NULL,
    started_at DATETIME2(6) NOT NULL,
    finished_at DATETIME2(6) NULL,
    status NVARCHAR(64) NOT NULL,
    reason NVARCHAR(max) NULL,
    owner NVARCHAR(400) NOT NULL,
    CONSTRAINT pk_audit_run PRIMARY KEY (run_id)
);

GO

CREATE INDEX ix_audit_run_started_at ON audit_run (started_at);

GO

CREATE TABLE audit_lease (
    name NVARCHAR(64) NOT NULL,
    run_id NVARCHAR(32) NULL,
    owner NVARCHAR(400) NULL,
    heartbeat_at DATETIME2(6) NULL,
    expires_at DATETIME2(6) NULL,
    CONSTRAINT pk_audit_lease PRIMARY KEY (name)
);

GO

INSERT INTO audit_lease (name) VALUES ('run');

GO

CREATE TABLE audit_count (
    run_id NVARCHAR(32) NOT NULL,
    [table] NVARCHAR(200) NOT NULL,
    measure NVARCHAR(64) NOT NULL,
    reason NVARCHAR(64) NOT NULL,
    rows BIGINT NOT NULL,
    cells BIGINT NOT NULL,
    qty BIGINT NOT NULL,
    CONSTRAINT pk_audit_count PRIMARY KEY (run_id, [table], measure, reason),
    CONSTRAINT fk_audit_count_run_id FOREIGN KEY(run_id) REFERENCES audit_run (run_id)
);

GO

CREATE TABLE recon_customer_run (
    run_id NVARCHAR(32) NOT NULL,
    customer NVARCHAR(200) NOT NULL,
    input_hash NVARCHAR(32) NOT NULL,
    order_keys BIGINT NOT NULL,
    ordered_qty BIGINT NOT NULL,
    cancelled_qty BIGINT NOT NULL,
    packed_qty BIGINT NOT NULL,
    shipped_qty BIGINT NOT NULL,
    exact_qty BIGINT NOT NULL,
    fuzzy_qty BIGINT NOT NULL,
    unmatched_qty BIGINT NOT NULL,
    CONSTRAINT pk_recon_customer_run PRIMARY KEY (run_id, customer),
    CONSTRAINT fk_recon_customer_run_run_id FOREIGN KEY(run_id) REFERENCES audit_run (run_id)
);

GO

INSERT INTO alembic_version (version_num) OUTPUT inserted.version_num VALUES ('0001');

GO

-- Running upgrade 0001 -> 0002

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

CREATE VIEW v_order_list AS
SELECT
    o.load_id,
    o.unit_id,
    o.source,
    o.sheet,
    o.row_number,
    o.rules_version,
    o.order_number,
    o.customer_source,
    o.customer,
    o.customer_po,
    o.customer_alt_po,
    o.style,
    o.style_description,
    o.pattern_id,
    o.alias_item,
    o.color,
    o.color_code,
    o.uom,
    o.total_qty,
    o.size_qty,
    o.ordered_on,
    o.ex_factory_on,
    o.eta_on,
    o.delivery_method,
    o.order_type,
    o.season,
    o.customer_season,
    o.[drop],
    o.category,
    o.destination,
    o.destination_warehouse,
    o.channel,
    o.customer_price,
    o.final_fob_usd,
    o.notes,
    o.sizes,
    o.extra,
    o.findings,
    l.started_at AS read_at,
    l.stale_reason
FROM order_list AS o
INNER JOIN recon_load AS l ON o.load_id = l.load_id
WHERE l.status = 'counts';

GO

CREATE VIEW v_order_status AS
SELECT
    f.recon_id,
    f.order_key_id,
    f.fulfil_key_id,
    f.customer,
    f.customer_po,
    f.style,
    f.color,
    f.size,
    f.order_numbers,
    f.customer_alt_po,
    f.pattern_id,
    f.ordered_qty,
    f.cancelled_qty,
    f.packed_qty,
    f.shipped_qty,
    f.fuzzy_qty,
    f.qty_variance,
    f.qty_variance_pct,
    f.match_type,
    f.match_rule,
    f.match_score,
    f.recon_status,
    f.quality_flag,
    f.incomplete_key,
    f.order_lines,
    f.cartons,
    f.first_packed_on,
    f.last_shipped_on,
    f.earliest_ex_factory_on,
    f.first_seen_at,
    f.updated_at,
    f.changed_run_id,
    CASE WHEN f.recon_status NOT IN ('COMPLETE', 'CANCELLED') THEN DATEDIFF(day, f.earliest_ex_factory_on, CAST(SYSUTCDATETIME() AS date)) END AS days_open
FROM fact_order_recon AS f;

GO

CREATE VIEW v_customer_scorecard AS
SELECT
    f.customer,
    f.order_keys,
    f.order_lines,
    f.ordered_qty,
    f.cancelled_qty,
    f.packed_qty,
    f.shipped_qty,
    f.fuzzy_qty,
    f.unmatched_qty,
    f.complete_keys,
    f.open_keys,
    f.under_keys,
    f.over_keys,
    f.unfulfilled_keys,
    f.cancelled_keys,
    f.no_order_keys,
    f.good_keys,
    f.acceptable_keys,
    f.questionable_keys,
    f.poor_keys,
    f.incomplete_keys,
    CASE
        WHEN f.ordered_qty > 0
            THEN ROUND(100.0 * (f.packed_qty + f.shipped_qty - f.unmatched_qty) / f.ordered_qty, 2)
    END AS fill_pct,
    COALESCE(m.pending, 0) AS review_pending
FROM (
    SELECT
        customer,
        SUM(CASE WHEN order_key_id IS NOT NULL THEN 1 ELSE 0 END) AS order_keys,
        SUM(order_lines) AS order_lines,
        SUM(ordered_qty) AS ordered_qty,
        SUM(cancelled_qty) AS cancelled_qty,
        SUM(packed_qty) AS packed_qty,
        SUM(shipped_qty) AS shipped_qty,
        SUM(fuzzy_qty) AS fuzzy_qty,
        SUM(CASE WHEN order_key_id IS NULL THEN packed_qty + shipped_qty ELSE 0 END) AS unmatched_qty,
        SUM(CASE WHEN recon_status = 'COMPLETE' THEN 1 ELSE 0 END) AS complete_keys,
        SUM(CASE WHEN recon_status = 'OPEN' THEN 1 ELSE 0 END) AS open_keys,
        SUM(CASE WHEN recon_status = 'UNDER' THEN 1 ELSE 0 END) AS under_keys,
        SUM(CASE WHEN recon_status = 'OVER' THEN 1 ELSE 0 END) AS over_keys,
        SUM(CASE WHEN recon_status = 'UNFULFILLED' THEN 1 ELSE 0 END) AS unfulfilled_keys,
        SUM(CASE WHEN recon_status = 'CANCELLED' THEN 1 ELSE 0 END) AS cancelled_keys,
        SUM(CASE WHEN recon_status = 'NO_ORDER' THEN 1 ELSE 0 END) AS no_order_keys,
        SUM(CASE WHEN quality_flag = 'GOOD' THEN 1 ELSE 0 END) AS good_keys,
        SUM(CASE WHEN quality_flag = 'ACCEPTABLE' THEN 1 ELSE 0 END) AS acceptable_keys,
        SUM(CASE WHEN quality_flag = 'QUESTIONABLE' THEN 1 ELSE 0 END) AS questionable_keys,
        SUM(CASE WHEN quality_flag = 'POOR' THEN 1 ELSE 0 END) AS poor_keys,
        SUM(CASE WHEN incomplete_key = 1 THEN 1 ELSE 0 END) AS incomplete_keys
    FROM fact_order_recon
    GROUP BY customer
) AS f
LEFT JOIN (
    SELECT
        fulfil_customer,
        COUNT(*) AS pending
    FROM recon_match
    WHERE review_status = 'PENDING'
    GROUP BY fulfil_customer
) AS m ON f.customer = m.fulfil_customer;

GO

CREATE VIEW v_review_queue AS
SELECT
    m.fulfil_key_id,
    m.fulfil_customer,
    m.fulfil_customer_po,
    m.fulfil_style,
    m.fulfil_color,
    m.fulfil_size,
    COALESCE(p.qty, 0) AS packed_qty,
    COALESCE(s.qty, 0) AS shipped_qty,
    m.order_key_id,
    m.order_customer,
    m.order_customer_po,
    m.order_style,
    m.order_color,
    m.order_size,
    m.match_type,
    m.match_rule,
    m.match_score,
    m.runner_up_order_key_id,
    m.runner_up_score,
    m.evidence,
    m.candidates
FROM recon_match AS m
LEFT JOIN (
    SELECT
        fulfil_key_id,
        SUM(CAST(qty AS BIGINT)) AS qty
    FROM stg_packed_current
    GROUP BY fulfil_key_id
) AS p ON m.fulfil_key_id = p.fulfil_key_id
LEFT JOIN (
    SELECT
        fulfil_key_id,
        SUM(CAST(qty AS BIGINT)) AS qty
    FROM stg_shipped_current
    GROUP BY fulfil_key_id
) AS s ON m.fulfil_key_id = s.fulfil_key_id
WHERE m.review_status = 'PENDING';

GO

CREATE VIEW v_quarantine_open AS
SELECT
    q.quarantine_id,
    q.stream,
    q.place,
    q.field,
    q.reason_code,
    q.reason,
    q.value,
    q.record,
    q.cells,
    q.qty,
    q.load_id,
    q.unit_id,
    q.source,
    q.sheet,
    q.row_number,
    q.rules_version,
    q.first_seen_at
FROM quarantine AS q
WHERE q.resolved_at IS NULL;

GO

CREATE VIEW v_run_history AS
SELECT
    r.run_id,
    r.job,
    r.mode,
    r.started_at,
    r.finished_at,
    DATEDIFF(second, r.started_at, r.finished_at) AS seconds_taken,
    r.status,
    r.reason,
    r.owner,
    COALESCE(c.files, 0) AS files,
    COALESCE(c.received_rows, 0) AS received_rows,
    COALESCE(c.read_qty, 0) AS read_qty,
    COALESCE(c.staged_qty, 0) AS staged_qty,
    COALESCE(c.excluded_qty, 0) AS excluded_qty,
    COALESCE(c.quarantined_qty, 0) AS quarantined_qty,
    COALESCE(c.quarantined_cells, 0) AS quarantined_cells,
    COALESCE(c.stale_units, 0) AS stale_units,
    COALESCE(c.findings, 0) AS findings,
    COALESCE(t.customers, 0) AS customers,
    COALESCE(t.ordered_qty, 0) AS ordered_qty,
    COALESCE(t.packed_qty, 0) AS packed_qty,
    COALESCE(t.shipped_qty, 0) AS shipped_qty,
    COALESCE(t.unmatched_qty, 0) AS unmatched_qty
FROM audit_run AS r
LEFT JOIN (
    SELECT
        run_id,
        SUM(CASE WHEN measure = 'files' THEN [rows] ELSE 0 END) AS files,
        SUM(CASE WHEN measure = 'received' THEN [rows] ELSE 0 END) AS received_rows,
        SUM(CASE WHEN measure = 'read' THEN qty ELSE 0 END) AS read_qty,
        SUM(CASE WHEN measure = 'staged' THEN qty ELSE 0 END) AS staged_qty,
        SUM(CASE WHEN measure = 'excluded' THEN qty ELSE 0 END) AS excluded_qty,
        SUM(CASE WHEN measure = 'quarantined' THEN qty ELSE 0 END) AS quarantined_qty,
        SUM(CASE WHEN measure = 'quarantined' THEN cells ELSE 0 END) AS quarantined_cells,
        SUM(CASE WHEN measure = 'stale' THEN [rows] ELSE 0 END) AS stale_units,
        SUM(CASE WHEN measure = 'finding' THEN [rows] ELSE 0 END) AS findings
    FROM audit_count
    GROUP BY run_id
) AS c ON r.run_id = c.run_id
LEFT JOIN (
    SELECT
        run_id,
        COUNT(*) AS customers,
        SUM(ordered_qty) AS ordered_qty,
        SUM(packed_qty) AS packed_qty,
        SUM(shipped_qty) AS shipped_qty,
        SUM(unmatched_qty) AS unmatched_qty
    FROM recon_customer_run
    GROUP BY run_id
) AS t ON r.run_id = t.run_id;

GO

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

GO

-- Running upgrade 0002 -> 0003

CREATE TABLE notification (
    notification_id NVARCHAR(32) NOT NULL,
    channel NVARCHAR(200) NOT NULL,
    run_id NVARCHAR(32) NULL,
    digest NVARCHAR(32) NOT NULL,
    status NVARCHAR(64) NOT NULL,
    error NVARCHAR(max) NULL,
    external_id NVARCHAR(200) NULL,
    sent_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_notification PRIMARY KEY (notification_id),
    CONSTRAINT fk_notification_run_id FOREIGN KEY(run_id) REFERENCES audit_run (run_id)
);

GO

CREATE INDEX ix_notification_sent_at ON notification (sent_at);

GO

CREATE INDEX ix_notification_channel_notification_id ON notification (channel, notification_id);

GO

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

GO

-- Running upgrade 0003 -> 0004

CREATE TABLE recon_ruled_out (
    fulfil_key_id NVARCHAR(32) NOT NULL,
    fulfil_customer NVARCHAR(200) NULL,
    fulfil_customer_po NVARCHAR(200) NULL,
    fulfil_style NVARCHAR(200) NULL,
    fulfil_color NVARCHAR(200) NULL,
    fulfil_size NVARCHAR(200) NULL,
    order_key_id NVARCHAR(32) NOT NULL,
    order_customer NVARCHAR(200) NULL,
    order_customer_po NVARCHAR(200) NULL,
    order_style NVARCHAR(200) NULL,
    order_color NVARCHAR(200) NULL,
    order_size NVARCHAR(200) NULL,
    reason NVARCHAR(max) NULL,
    decided_by NVARCHAR(200) NOT NULL,
    decided_at DATETIME2(6) NOT NULL,
    CONSTRAINT pk_recon_ruled_out PRIMARY KEY (fulfil_key_id, order_key_id)
);

GO

INSERT INTO recon_ruled_out (fulfil_key_id, fulfil_customer, fulfil_customer_po, fulfil_style, fulfil_color, fulfil_size, order_key_id, order_customer, order_customer_po, order_style, order_color, order_size, reason, decided_by, decided_at) SELECT fulfil_key_id, fulfil_customer, fulfil_customer_po, fulfil_style, fulfil_color, fulfil_size, order_key_id, order_customer, order_customer_po, order_style, order_color, order_size, reason, decided_by, decided_at FROM recon_override WHERE decision = 'REJECT' AND order_key_id IS NOT NULL;

GO

DELETE FROM recon_override WHERE decision = 'REJECT' AND order_key_id IS NOT NULL;

GO

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';

GO

-- Running upgrade 0004 -> 0005

CREATE TABLE wms_order_hdr (
    id BIGINT NOT NULL,
    create_ts DATETIME2(6) NULL,
    mod_ts DATETIME2(6) NULL,
    facility_key NVARCHAR(400) NULL,
    company_key NVARCHAR(400) NULL,
    order_nbr NVARCHAR(400) NULL,
    order_type_key NVARCHAR(400) NULL,
    status_id BIGINT NULL,
    ord_date DATE NULL,
    exp_date DATE NULL,
    req_ship_date DATE NULL,
    start_ship_date DATE NULL,
    stop_ship_date DATE NULL,
    dest_facility_key NVARCHAR(400) NULL,
    cust_name NVARCHAR(400) NULL,
    cust_nbr NVARCHAR(400) NULL,
    customer_po_nbr NVARCHAR(400) NULL,
    ref_nbr NVARCHAR(400) NULL,
    stop_ship_flg BIT NULL,
    total_orig_ord_qty NUMERIC(18, 4) NULL,
    extra NVARCHAR(max) NULL,
    CONSTRAINT pk_wms_order_hdr PRIMARY KEY (id)
);

GO

CREATE INDEX ix_wms_order_hdr_mod_ts ON wms_order_hdr (mod_ts);

GO

CREATE INDEX ix_wms_order_hdr_order_nbr ON wms_order_hdr (order_nbr);

GO

CREATE TABLE wms_order_dtl (
    id BIGINT NOT NULL,
    create_ts DATETIME2(6) NULL,
    mod_ts DATETIME2(6) NULL,
    order_id BIGINT NULL,
    order_key NVARCHAR(400) NULL,
    seq_nbr BIGINT NULL,
    item_id BIGINT NULL,
    item_key NVARCHAR(400) NULL,
    item_alternate_code NVARCHAR(400) NULL,
    po_nbr NVARCHAR(400) NULL,
    status_id BIGINT NULL,
    ord_qty NUMERIC(18, 4) NULL,
    orig_ord_qty NUMERIC(18, 4) NULL,
    alloc_qty NUMERIC(18, 4) NULL,
    extra NVARCHAR(max) NULL,
    CONSTRAINT pk_wms_order_dtl PRIMARY KEY (id)
);

GO

CREATE INDEX ix_wms_order_dtl_mod_ts ON wms_order_dtl (mod_ts);

GO

CREATE INDEX ix_wms_order_dtl_order_id ON wms_order_dtl (order_id);

GO

CREATE TABLE wms_allocation (
    id BIGINT NOT NULL,
    create_ts DATETIME2(6) NULL,
    mod_ts DATETIME2(6) NULL,
    order_dtl_id BIGINT NULL,
    from_inventory_id BIGINT NULL,
    to_inventory_id BIGINT NULL,
    wave_id BIGINT NULL,
    wave_key NVARCHAR(400) NULL,
    status_id BIGINT NULL,
    alloc_qty NUMERIC(18, 4) NULL,
    packed_qty NUMERIC(18, 4) NULL,
    extra NVARCHAR(max) NULL,
    CONSTRAINT pk_wms_allocation PRIMARY KEY (id)
);

GO

CREATE INDEX ix_wms_allocation_mod_ts ON wms_allocation (mod_ts);

GO

CREATE INDEX ix_wms_allocation_order_dtl_id ON wms_allocation (order_dtl_id);

GO

UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';

GO

-- Running upgrade 0005 -> 0006

ALTER TABLE audit_run ADD input_hash NVARCHAR(32) NULL;

GO

ALTER TABLE audit_run ADD published_run_id NVARCHAR(32) NULL;

GO

UPDATE audit_run SET published_run_id = run_id WHERE status = 'succeeded' AND run_id IN (SELECT run_id FROM audit_count WHERE measure = 'files');

GO

UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';

GO

-- Running upgrade 0006 -> 0007

ALTER TABLE recon_load ADD rows_hash NVARCHAR(32) NULL;

GO

UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';

GO

COMMIT;

GO
