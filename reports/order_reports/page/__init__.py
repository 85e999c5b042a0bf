"""The page: one HTML file that shows how things stand, with its pictures in it and nothing fetched from anywhere.

``figures`` reads what it tells, ``flow`` and ``pictures`` draw it, ``build`` puts the file together.
"""
