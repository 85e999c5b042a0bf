"""Reports of order-audit over the published warehouse: the workbook planners open on Monday, and a page to look at.

``read`` and ``facts`` know the warehouse, ``exceptions`` what both tell, ``sheets`` and ``page`` lay it out.
"""
