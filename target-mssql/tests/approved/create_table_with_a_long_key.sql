CREATE TABLE [stg].[order list]]] (
    [a] NVARCHAR(600) NOT NULL,
    PRIMARY KEY NONCLUSTERED ([a])
);
