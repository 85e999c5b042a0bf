CREATE TABLE [log] (
    [row_number] BIGINT NOT NULL,
    [∆] NVARCHAR(400) NULL
);
