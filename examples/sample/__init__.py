"""A deterministic sample of what the project reads: order lists, a WMS database, and the truth about both.

Everything is made from a seed and a date. The brands are fictional; the header rows and the ways in which the
data goes wrong are those of real order lists.
"""
