"""Reports of order-audit over the published warehouse: the workbook that planners open on Monday morning.

``read`` and ``facts`` know the warehouse, ``sheets`` lay out one tab each, ``workbook`` puts them together.
"""
