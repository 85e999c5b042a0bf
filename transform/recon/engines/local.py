"""Matches customers in a pool of processes on this machine, the largest first.

A customer is never split: links are a matter of the customer as a whole (which spelling it misspells everywhere, which
order has units left), so parts of one would decide without knowing of each other. The largest customer is therefore
the least time the pool can take. What bounds its memory is the blocking inside ``match_customer``, which is the same in
every engine.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Final

import pandas as pd

from recon.engines import Engine, EngineError, Task, in_process, processors
from recon.matching import match_customer
from recon.memory import give_back_large_blocks

POOL_ROWS: Final = 60_000
"""Rows of both sides from which a pool is worth its start: a worker loads pandas for a second, in which one process
matches about as many."""
START_METHOD: Final = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
"""Workers never inherit a database connection or a thread's lock, as they would by ``fork``."""


def local_engine(workers: int | None = None) -> Engine:
    """Make the engine of this machine.

    Args:
        workers: how many processes; ``None``: one a processor that this process may use.

    Returns:
        An engine that starts its pool when there is enough to match, and ends it before it returns or raises.
    """
    count = processors(workers)

    def run(tasks: Sequence[Task]) -> Iterable[pd.DataFrame]:
        processes = min(count, len(tasks))
        if processes < 2 or sum(task.rows for task in tasks) < POOL_ROWS:  # noqa: PLR2004  (one is this one)
            return in_process(tasks)
        return _in_pool(sorted(tasks, key=lambda task: task.rows, reverse=True), processes)

    return run


def _in_pool(tasks: Sequence[Task], processes: int) -> list[pd.DataFrame]:
    with worker_pool(processes) as pool:
        futures = [pool.submit(match_customer, *task) for task in tasks]
        wait(futures, return_when=FIRST_EXCEPTION)
        return [future.result() for future in futures]


@contextmanager
def worker_pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes that ends with the block, at once where the block is left by an error or a signal.

    Args:
        processes: how many.

    Yields:
        The pool.

    Raises:
        EngineError: one of the processes was killed.
    """
    context = multiprocessing.get_context(START_METHOD)
    if START_METHOD == "forkserver":
        # Loaded once by the server that forks the workers, not once a worker.
        context.set_forkserver_preload(["recon.matching"])
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker)
    try:
        yield pool
    except BrokenProcessPool:
        msg = (
            "A process that read or matched was killed, most likely for want of memory. Run again with fewer of them "
            "(recon reconcile --workers 1) or on a machine with more memory."
        )
        raise EngineError(msg) from None
    except BaseException:
        # At a signal too: a worker in the middle of a customer would keep this process waiting for minutes.
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        _let_go(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _let_go(pool: ProcessPoolExecutor) -> None:
    """Let a pool see that its workers are gone.

    One that was ended in the middle of a long answer leaves the pool's own thread waiting for the rest of it, and this
    process for that thread: a pipe has no end as long as its writing side is open, and the pool holds that open here.
    """
    answers = getattr(pool, "_result_queue", None)  # nothing public leads there
    writer = getattr(answers, "_writer", None)
    if writer is not None:
        writer.close()


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, which ends the workers, and let SIGTERM end one at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    give_back_large_blocks()
