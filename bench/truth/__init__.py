"""Made truths: orders, what was delivered of them, and which delivery belongs to which order, from size and seed.

``make_truth`` gives frames in canonical form, as they stand before ``sum_orders`` and ``sum_cartons``, so that the
matching is measured alone.
"""

from .kinds import KINDS, Corruption, Reading
from .make import Truth, make_truth

__all__ = ["KINDS", "Corruption", "Reading", "Truth", "make_truth"]
