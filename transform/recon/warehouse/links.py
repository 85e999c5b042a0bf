"""Finds the stored links of a fulfilment or order key, by id or by PO, for ``recon explain``."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from order_rules.canonical import clean
from order_rules.tables import recon_match


def find_links(engine: sa.Engine, key: str, most: int) -> tuple[list[dict[str, Any]], int]:
    """Find the rows of ``recon_match`` that a key names.

    Args:
        engine: the warehouse, migrated.
        key: a fulfil_key_id, an order_key_id, or a PO of either side in any spelling that cleans to the same.
        most: how many to give at most.

    Returns:
        The rows, best score first, and how many there are in all.
    """
    match = recon_match.c
    text = key.strip()
    po = clean(text)
    where = sa.or_(
        match.fulfil_key_id == text.lower(),
        match.order_key_id == text.lower(),
        *([match.fulfil_customer_po == po, match.order_customer_po == po] if po else []),
    )
    order = (match.match_score.desc(), match.fulfil_key_id)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(recon_match).where(where).order_by(*order).limit(most)).mappings().all()
        total = connection.execute(sa.select(sa.func.count()).select_from(recon_match).where(where)).scalar_one()
    return [dict(row) for row in rows], int(total)
