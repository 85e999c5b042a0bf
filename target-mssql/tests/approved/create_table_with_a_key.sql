CREATE TABLE [stg].[order list]]] (
    [load id] NVARCHAR(32) COLLATE Latin1_General_BIN2 NOT NULL,
    [row_number] BIGINT NOT NULL,
    [∆] NVARCHAR(400) NULL,
    [CUSTOMER'S [COLOUR]]] NVARCHAR(max) NULL,
    [select] INTEGER NULL,
    [100%s] DECIMAL(18, 4) NULL,
    [ratio] FLOAT(53) NULL,
    [huge] DECIMAL(38, 10) NULL,
    [cancelled] BIT NULL,
    [ordered_on] DATE NULL,
    [read_at] DATETIME2(6) NULL,
    [at] TIME(6) NULL,
    PRIMARY KEY CLUSTERED ([load id], [row_number])
);
