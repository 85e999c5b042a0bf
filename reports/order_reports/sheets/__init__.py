"""The tabs of the workbook, one module each; ``table`` is what those with rows have in common."""
