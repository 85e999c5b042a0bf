"""Matches customers on a Spark cluster: orders and fulfilment grouped together by customer, one call a customer.

For a company that outgrows one machine. The frames and the function are those of the other engines; Spark carries
them. Needs Java 17 and ``pip install order-recon[spark]``. The session's settings (the master among them) are Spark's
own, by ``spark-defaults.conf`` or ``spark-submit``; without any it is local.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from recon.engines import Engine, EngineError, Task
from recon.frames import objects
from recon.matching import match_customer
from recon.matching.columns import BLOCKS, COMPARED, DECIDED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NUMBERS: Final = frozenset(name for name in DECIDED if name.endswith("_score"))
COUNTS: Final = ", ".join(f"{name} bigint" for name in COMPARED)
RESULT: Final = ", ".join([*(f"{name} {'double' if name in NUMBERS else 'string'}" for name in DECIDED), COUNTS])
"""What comes back of each customer: what was decided, and in its first row what was compared."""
NUMBER: Final = "task"
"""The column by which both sides are grouped: the position of the customer's task."""


def spark_engine(session: SparkSession | None = None) -> Engine:
    """Make the engine of a Spark cluster.

    Args:
        session: an open session; ``None``: the running one, else one that ends with the matching.

    Returns:
        The engine.

    Raises:
        EngineError: Spark is not installed.
    """
    try:
        from pyspark.sql import SparkSession as Session  # noqa: PLC0415  (an extra)
    except ImportError:
        msg = "The Spark engine is not installed here: pip install 'order-recon[spark]', or use --engine local."
        raise EngineError(msg) from None

    def run(tasks: Sequence[Task]) -> Iterable[pd.DataFrame]:
        if not tasks:
            return []
        found = session or Session.getActiveSession()
        own = found or Session.builder.appName("recon reconcile").getOrCreate()
        try:
            return [match_on(own, tasks)]
        finally:
            if found is None:
                own.stop()

    return run


def match_on(session: SparkSession, tasks: Sequence[Task]) -> pd.DataFrame:
    """Match customers on a cluster.

    Args:
        session: the cluster's session.
        tasks: the customers.

    Returns:
        ``columns.DECIDED`` of all of them, text columns ``str``, with the sums of ``columns.COMPARED``.
    """
    orders = _spread(session, [task.orders for task in tasks])
    fulfilment = _spread(session, [task.fulfilment for task in tasks])
    kinds = tasks[0].orders.dtypes.astype(str).to_dict(), tasks[0].fulfilment.dtypes.astype(str).to_dict()
    rules = session.sparkContext.broadcast(pickle.dumps([task.rules for task in tasks]))

    def match(key: tuple[Any, ...], left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
        sides = [side.drop(columns=NUMBER).astype(kind) for side, kind in zip((left, right), kinds, strict=True)]
        own = pickle.loads(rules.value)[int(key[0])]  # noqa: S301  (written above, by this very process's driver)
        decided = match_customer(sides[0], sides[1], own)
        first = np.arange(len(decided)) == 0
        return _plain(decided.assign(**{name: count * first for name, count in decided.attrs[BLOCKS].items()}))

    grouped = orders.groupBy(NUMBER).cogroup(fulfilment.groupBy(NUMBER))
    found: pd.DataFrame = grouped.applyInPandas(match, RESULT).toPandas()
    made = found.astype({name: "float64" if name in NUMBERS else "str" for name in DECIDED})[list(DECIDED)]
    made.attrs[BLOCKS] = {name: int(found[name].sum()) for name in COMPARED}
    return made


def _spread(session: SparkSession, frames: Sequence[pd.DataFrame]) -> DataFrame:
    """Hand one side's frames to the cluster, each row with its task's position."""
    numbered = pd.concat([frame.assign(**{NUMBER: number}) for number, frame in enumerate(frames)], ignore_index=True)
    return session.createDataFrame(_plain(numbered), schema=_schema(numbered))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame's text as Python objects, missing as ``None``: Spark takes no text that pandas keeps in Arrow."""
    texts = {str(name): objects(frame[name]) for name, kind in frame.dtypes.items() if kind.kind not in "ifb"}
    return frame.assign(**{name: pd.Series(values, index=frame.index, dtype=object) for name, values in texts.items()})


def _schema(frame: pd.DataFrame) -> str:
    kinds = {"i": "bigint", "f": "double", "b": "boolean"}
    return ", ".join(f"`{name}` {kinds.get(kind.kind, 'string')}" for name, kind in frame.dtypes.items())
