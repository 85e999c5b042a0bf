-- A small warehouse with the three views, for SQLite.
CREATE TABLE packed (
  Customer TEXT, Customer_PO TEXT, Season TEXT, cartonid TEXT, Pack_Date DATE, Shipping_Method TEXT,
  shippingCountry TEXT, Style TEXT, Color TEXT, Size TEXT, SKUBarcode TEXT, Stock_Age INTEGER, Qty INTEGER
);
INSERT INTO packed VALUES
  ('BRIGHTON', '4500012345', 'SS26', 'C-01', '2026-02-20', 'SEA', 'US', 'B-100', 'NAVY', 'XL', '111', 12, 24),
  ('BRIGHTON', '4500012345', 'SS26', 'C-01', '2026-02-20', 'SEA', 'US', 'B-100', 'NAVY', 'XXL', '112', 12, 12),
  ('HARBOUR', '88-01', 'SS26', 'C-02', '2026-03-01', 'AIR', 'GB', 'H-7', 'ECRU', 'OS', '201', 3, 60),
  ('HARBOUR', '88-01', 'SS26', 'C-02', '2026-03-01', 'AIR', 'GB', 'H-7', 'ECRU', 'OS', '201', 3, 60);
CREATE VIEW v_packed_products AS SELECT * FROM packed;

CREATE TABLE shipped (
  Customer TEXT, CartonID TEXT, Customer_PO TEXT, Season TEXT, Shipped_Date TEXT, Style TEXT, Color TEXT, Size TEXT,
  SKUBarcode TEXT, Shipping_Method TEXT, shippingCountry TEXT, Qty INTEGER
);
INSERT INTO shipped VALUES
  ('BRIGHTON', 'C-90', '4500012345', 'SS26', '2026-01-10', 'B-100', 'NAVY', 'XL', '111', 'SEA', 'US', 48),
  ('BRIGHTON', 'C-91', '4500012345', 'SS26', '2026-02-25', 'B-100', 'NAVY', 'XXL', '112', 'SEA', 'US', 6),
  ('HARBOUR', 'C-92', '88-01', 'SS26', '2026-03-04', 'H-7', 'ECRU', 'OS', '201', 'AIR', 'GB', 30);
CREATE VIEW v_shipped AS SELECT * FROM shipped;

CREATE TABLE master_order_list (
  Customer TEXT, Customer_PO TEXT, Customer_Alt_PO TEXT, Season TEXT, AAG_Season TEXT, Style TEXT, Color TEXT,
  Category TEXT, Pattern_ID TEXT, "UNIT OF MEASURE" TEXT, "XS" INTEGER, "S" INTEGER, "2XL/3XL" INTEGER,
  "32C" INTEGER, "TOTAL QTY" INTEGER
);
INSERT INTO master_order_list VALUES
  ('BRIGHTON', '4500012345', 'B-77', 'SS26', 'S26', 'B-100', 'NAVY', 'TOPS', 'P-1', 'EA', 10, 20, 5, 1, 36),
  ('HARBOUR', '88-01', 'H-78', 'SS26', 'S26', 'H-7', 'ECRU', 'BAGS', 'P-2', 'EA', NULL, 4, NULL, 2, 6);
CREATE VIEW v_master_order_list AS SELECT * FROM master_order_list;
