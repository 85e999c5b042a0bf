"""What programs of this project ask of themselves: what their source is, and to be spared the search for garbage."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

from order_rules.ids import ID_LENGTH


def source_hash(paths: Iterable[Path]) -> str:
    """Hash source files, so that no change of them can be forgotten to be told by a version.

    Args:
        paths: the files, in an order that does not change.

    Returns:
        32 hex characters.
    """
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:ID_LENGTH]


@cache
def program_hash(package: Path, suffixes: Collection[str] = (".py",)) -> str:
    """Hash a package's source together with this one's, which it uses.

    Args:
        package: the package's folder.
        suffixes: of the files that count.

    Returns:
        32 hex characters.
    """
    packages = (package, Path(__file__).parent)
    return source_hash(path for one in packages for path in sorted(one.rglob("*")) if path.suffix in suffixes)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep Python from looking for cycles among many values that hold none: they are freed by counting references."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
