"""A Singer target for SQL Server, Azure SQL and, for development, SQLite."""
