"""Runs the tap as `python -m tap_sharepoint_orders`."""

from tap_sharepoint_orders.tap import TapSharePointOrders

if __name__ == "__main__":
    TapSharePointOrders.cli()
