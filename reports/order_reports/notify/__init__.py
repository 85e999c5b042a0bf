"""Tells people of a run: worked out once from the warehouse, carried by Monday.com, e-mail and webhooks."""
