"""The rules of order-audit that mapper, recon and reports share.

``canonical`` cleans values, ``ids`` names rows, ``config`` reads the YAML rules, ``models`` are the rows of
the staging tables and ``tables`` the whole warehouse. Nothing here does I/O but reading ``config/``.
"""
