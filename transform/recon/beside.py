"""Work that goes on beside this process: rows are read where they are needed, and what was made of them travels.

Two processes at most. One reads, whatever it is told; the other holds what it made of its rows and answers questions
about it, so that a million cartons never come here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar
from uuid import uuid4

import sqlalchemy as sa

from recon.memory import give_back_large_blocks
from recon.staged import Connected, Reader, reader_at

BESIDE_ROWS: Final = 300_000
"""Rows from which processes of their own are worth their start: some three seconds of reading."""

P = ParamSpec("P")
T = TypeVar("T")
H = TypeVar("H")
H_co = TypeVar("H_co", covariant=True)

Answer = Callable[[], T]
"""Gives a result, waiting for it where it is not there yet."""


class Held(Protocol[H_co]):
    """Something that stays where it was made."""

    def ask(self, what: Callable[Concatenate[H_co, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        """Have a function work on it; questions are worked on one after the other.

        Args:
            what: a function of a module, or a method by its class.
            args: what it takes beside.
            kwargs: the same by name.

        Returns:
            What gives its result.
        """
        ...


class Beside(Protocol):
    """Where work goes on."""

    def read(self, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        """Read rows.

        Args:
            read: a function of a module, which is given where rows are read.
            args: what it takes beside.
            kwargs: the same by name.

        Returns:
            What gives its result.
        """
        ...

    def keep(self, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        """Read rows now that are needed later; until then they stay where they are read.

        Args:
            read: as ``read``.
            args: as ``read``.
            kwargs: as ``read``.

        Returns:
            What gives its result, once.
        """
        ...

    def hold(self, make: Callable[Concatenate[Reader, P], H], *args: P.args, **kwargs: P.kwargs) -> Held[H]:
        """Make something of rows that stays where it is.

        Args:
            make: as ``read``.
            args: as ``read``.
            kwargs: as ``read``.

        Returns:
            What may be asked about it.
        """
        ...


@contextmanager
def beside(connection: sa.Connection, *, rows: int, processes: int) -> Iterator[Beside]:
    """Open the processes that work beside this one, where there are many rows; else all is done here, at once.

    Nothing is staged or published by others while a run holds the warehouse, so that all see the same until this
    process writes: what is read of a published table must have been answered by then.

    Args:
        connection: an open connection; the caller's transaction.
        rows: about how many rows there are.
        processes: how many may work at once; with one, none is started.

    Yields:
        Where work goes on.

    Raises:
        EngineError: one of the processes was killed.
    """
    if processes == 1 or rows < BESIDE_ROWS:
        yield _Here(Connected(connection))
        return
    from recon.engines.local import worker_pool  # noqa: PLC0415  (multiprocessing, for those who read many)

    give_back_large_blocks()
    url = connection.engine.url.render_as_string(hide_password=False)
    with worker_pool(1) as reader, worker_pool(1) as holder:
        # A thread starts them: a process takes a second to start, in which loads are counted here.
        starting = Thread(target=_start, args=(url, reader, holder))
        starting.start()
        try:
            yield _Elsewhere(url, reader, holder)
        finally:
            starting.join()


@dataclass(frozen=True)
class _Here:
    reader: Reader

    def read(self, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        found = read(self.reader, *args, **kwargs)
        return lambda: found

    def keep(self, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        return self.read(read, *args, **kwargs)

    def hold(self, make: Callable[Concatenate[Reader, P], H], *args: P.args, **kwargs: P.kwargs) -> Held[H]:
        return _HeldHere(make(self.reader, *args, **kwargs))


@dataclass(frozen=True)
class _HeldHere(Generic[H]):
    held: H

    def ask(self, what: Callable[Concatenate[H, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        found = what(self.held, *args, **kwargs)
        return lambda: found


@dataclass(frozen=True)
class _Elsewhere:
    url: str
    reader: ProcessPoolExecutor
    holder: ProcessPoolExecutor

    def read(self, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        return self.reader.submit(_read, self.url, read, args, kwargs).result

    def keep(self, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        return _held_by(self.reader, self.url, read, args, kwargs).give

    def hold(self, make: Callable[Concatenate[Reader, P], H], *args: P.args, **kwargs: P.kwargs) -> Held[H]:
        return _held_by(self.holder, self.url, make, args, kwargs)


@dataclass(frozen=True)
class _HeldElsewhere:
    holder: ProcessPoolExecutor
    name: str
    made: Future[None]

    def ask(self, what: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        asked = self.holder.submit(_ask, self.name, what, args, kwargs)

        def answer() -> T:
            self.made.result()  # where it could not be made, that is the error to tell
            return asked.result()

        return answer

    def give(self) -> Any:  # noqa: ANN401  (whatever was made)
        """Give it over; it is held no more."""
        self.made.result()
        return self.holder.submit(_give, self.name).result()


_held: dict[str, Any] = {}
"""In a process that works beside: what it holds."""


def _held_by(
    holder: ProcessPoolExecutor, url: str, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> _HeldElsewhere:
    name = uuid4().hex
    return _HeldElsewhere(holder, name, holder.submit(_hold, name, url, make, args, kwargs))


def _start(url: str, *pools: ProcessPoolExecutor) -> None:
    with suppress(RuntimeError):  # ended before it began
        for pool in pools:
            pool.submit(_get_ready, url)


def _get_ready(url: str) -> None:
    """Load what reading and holding take, while it is not yet known what there is to read."""
    with reader_at(url):
        import recon.cartons  # noqa: F401, PLC0415


def _read(url: str, read: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    with reader_at(url) as reader:
        return read(reader, *args, **kwargs)


def _hold(name: str, url: str, make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    _held[name] = _read(url, make, args, kwargs)


def _ask(name: str, what: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    return what(_held[name], *args, **kwargs)


def _give(name: str) -> Any:  # noqa: ANN401  (whatever was made)
    return _held.pop(name)
