"""Runs the target as `python -m target_mssql`."""

from target_mssql.target import TargetMSSQL

if __name__ == "__main__":
    TargetMSSQL.cli()
