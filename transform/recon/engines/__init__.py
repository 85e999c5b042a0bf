"""How the customers are gone through: one after the other, in a pool of processes, or on a Spark cluster.

Every engine calls ``matching.match_customer`` with the same frames and rules and gives the same rows, so that which one
ran is a matter of time alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from recon.matching import match_customer
from recon.matching.passes import CustomerRules


class Task(NamedTuple):
    """One customer's matching.

    Attributes:
        orders: its order readings.
        fulfilment: its open fulfilment keys.
        rules: its rules.
    """

    orders: pd.DataFrame
    fulfilment: pd.DataFrame
    rules: CustomerRules

    @property
    def rows(self) -> int:
        """Rows of both sides: what its time goes by."""
        return len(self.orders) + len(self.fulfilment)


Engine = Callable[[Sequence[Task]], Iterable[pd.DataFrame]]
"""From tasks to one frame of ``columns.DECIDED`` each, in any order."""


class EngineError(Exception):
    """An engine cannot be used. The message says why and what to do."""


def in_process(tasks: Sequence[Task]) -> Iterable[pd.DataFrame]:
    """Match the customers one after the other.

    Returns:
        One frame a customer.
    """
    return [match_customer(*task) for task in tasks]


@dataclass(frozen=True)
class How:
    """How the customers are matched; whichever way, the result is the same.

    Attributes:
        engine: how they are gone through.
        rematch: match also those of whom nothing changed since the last run.
        processes: how many may work at once; with two, cartons are read while orders are.
    """

    engine: Engine = in_process
    rematch: bool = False
    processes: int = 1


def processors(workers: int | None = None) -> int:
    """Say how many processes may work at once.

    Args:
        workers: as many as this; ``None``: one a processor that this process may use.

    Returns:
        At least one.
    """
    if workers:
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose(name: str, workers: int | None = None) -> Engine:
    """Choose an engine by the name that ``recon reconcile --engine`` is told.

    Args:
        name: ``local`` or ``spark``.
        workers: processes of the local engine; ``None``: one a processor.

    Returns:
        The engine; nothing of it is started before there is work.

    Raises:
        EngineError: Spark is not installed.
    """
    if name == "spark":
        from recon.engines.spark import spark_engine  # noqa: PLC0415  (half a gigabyte, for those who run a cluster)

        return spark_engine()
    from recon.engines.local import local_engine  # noqa: PLC0415  (as above, though smaller)

    return local_engine(workers)
