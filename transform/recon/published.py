"""What the last run published of the matching, as far as this one can build on it.

A customer whose inputs are those of the last succeeded run keeps its links: they are read back instead of matched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from order_rules import tables

from recon.frames import codes_of
from recon.staged import Reader

LINK: Final = ("fulfil_key_id", "order_key_id", "match_type", "match_rule", "match_score", "review_status")
"""What later steps need to know of a link."""


@dataclass(frozen=True)
class Published:
    """The published links of customers of whom nothing changed.

    Attributes:
        customers: who they are.
        links: ``LINK`` of all their fulfilment keys.
        others: customers with published links that do not stay as they are.
    """

    customers: frozenset[str]
    links: pd.DataFrame
    others: frozenset[str]


def nothing_stays() -> Published:
    """Give what stays where everything is matched again: nothing."""
    return Published(frozenset(), pd.DataFrame({name: pd.Series(dtype="str") for name in LINK}), frozenset())


def read_links(reader: Reader) -> pd.DataFrame:
    """Read the published links.

    Args:
        reader: where they are read.

    Returns:
        fulfil_customer and ``LINK`` of every fulfilment key.
    """
    match = tables.recon_match.c
    columns = [match.fulfil_customer, *(match[name] for name in LINK)]
    return reader.read(columns, plain=["fulfil_key_id", "order_key_id"])


def unchanged(
    before: Mapping[str, str], links: pd.DataFrame, hashes: pd.Series[Any], fulfil_keys: pd.DataFrame
) -> Published:
    """Keep the links of customers of whom nothing changed since the last run that succeeded.

    A customer whose published links are not exactly those of its fulfilment keys is matched again, whatever its hash
    says: somebody was at the table.

    Args:
        before: customer to the hash of the last run's inputs, from ``last_hashes``.
        links: from ``read_links``.
        hashes: customer to the hash of today's inputs.
        fulfil_keys: fulfil_key_id, customer of every fulfilment key.

    Returns:
        What stays as it is.
    """
    same = {str(customer) for customer, found in hashes.items() if before.get(str(customer)) == found}
    own = pd.Series(fulfil_keys["customer"].to_numpy(), index=fulfil_keys["fulfil_key_id"])
    owner = own.reindex(links["fulfil_key_id"].to_numpy(dtype=object)).to_numpy()
    whose = links["fulfil_customer"]
    moved = np.asarray(pd.isna(owner) | (owner != whose.astype("str").to_numpy()), dtype=bool)
    there, wanted = _count(whose), _count(fulfil_keys["customer"].astype("category"))
    astray = set(whose[moved].dropna()) | {name for name in same if there.get(name) != wanted.get(name)}
    stays = frozenset(same - astray)
    kept = whose.isin(list(stays)).to_numpy()
    return Published(stays, links.loc[kept, list(LINK)], frozenset(there) - stays)


def _count(customers: pd.Series[Any]) -> dict[str, int]:
    counts = np.bincount(codes_of(customers)[codes_of(customers) >= 0], minlength=len(customers.cat.categories))
    return {str(name): int(rows) for name, rows in zip(customers.cat.categories, counts, strict=True) if rows}


def last_hashes(connection: sa.Connection) -> dict[str, str]:
    """Read what went into each customer's matching in the last run that succeeded.

    Returns:
        Customer to hash; none where no run has.
    """
    run, of_run = tables.audit_run.c, tables.recon_customer_run.c
    reconciled = sa.exists().where(of_run.run_id == run.run_id)
    newest_first = (run.started_at.desc(), run.run_id.desc())
    newest = sa.select(run.run_id).where(run.status == "succeeded", reconciled).order_by(*newest_first).limit(1)
    run_id = connection.execute(newest).scalar()
    found = connection.execute(sa.select(of_run.customer, of_run.input_hash).where(of_run.run_id == run_id))
    return {customer: input_hash for customer, input_hash in found}  # noqa: C416  (rows are no pairs to a type checker)
