"""Fetches several entities at once, in threads that read ahead while the SDK writes one stream after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Page = TypeVar("Page")

#: Pages of an entity that wait to be written; with 1,250 rows of 2 KB each, 20 MB.
PAGES_AHEAD = 8
_POLL_SECONDS = 0.2


class _Feed(Generic[Page]):
    def __init__(self, name: str, pages: Iterator[Page]) -> None:
        self._pages = pages
        self._queue: queue.Queue[tuple[Page | None, BaseException | None]] = queue.Queue(PAGES_AHEAD)
        self._stopped = threading.Event()
        # A daemon: a tap that is told to end does not wait for an answer from the network.
        threading.Thread(target=self._run, name=f"fetch {name}", daemon=True).start()

    def _run(self) -> None:
        try:
            for page in self._pages:
                if not self._put((page, None)):
                    return
            self._put((None, None))
        except BaseException as error:  # noqa: BLE001  it is raised again where the pages are used
            self._put((None, error))

    def _put(self, item: tuple[Page | None, BaseException | None]) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def stop(self) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[Page]:
        while True:
            page, error = self._queue.get()
            if error is not None:
                raise error
            if page is None:
                return
            yield page


class Prefetch(Generic[Page]):
    """Reads ahead: while an entity's pages are used, those of the next ones are fetched.

    Entities must be used in the order they are known in. All before the one in use have been used up, so no more than
    `concurrency` are fetched at once, and the one in use is always among them.
    """

    def __init__(self, concurrency: int) -> None:
        """Fetch at most so many entities at once."""
        self._concurrency = concurrency
        self._feeds: dict[str, _Feed[Page]] = {}

    def pages(self, name: str, sources: Sequence[tuple[str, Callable[[], Iterator[Page]]]]) -> Iterator[Page]:
        """Yield an entity's pages.

        Args:
            name: The entity.
            sources: It and those after it: name, and what fetches its pages.

        Raises:
            BaseException: What fetching raised.
        """
        for ahead, fetch in sources[: self._concurrency]:
            if ahead not in self._feeds:
                self._feeds[ahead] = _Feed(ahead, fetch())
        try:
            yield from self._feeds[name]
        except BaseException:
            self.stop()
            raise
        del self._feeds[name]

    def stop(self) -> None:
        """Fetch no more."""
        for feed in self._feeds.values():
            feed.stop()
        self._feeds.clear()
