"""Who holds the lease: the process that starts a run's steps one after the other (``meltano run``), not one step.

A process is named by host, id and start, because ids are used again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path, PurePath
from typing import Final

import psutil

INITIAL_NAMESPACE: Final = "pid:[4026531836]"
"""The process namespace of a Linux machine that is no container (PROC_PID_INIT_INO in linux/proc_ns.h)."""
START_TOLERANCE: Final = timedelta(seconds=5)
"""The kernel derives a start from the clock, which may be set meanwhile; no id is used again as fast as this."""
RUN_OPTIONS_WITH_VALUE: Final = frozenset(
    {"--run-id", "--timeout", "--state-id-suffix", "--state-strategy", "--database-uri"}
)
"""Options of ``meltano run`` (4.4) that take the next argument."""
MAX_JOB_LENGTH: Final = 200


@dataclass(frozen=True)
class Owner:
    """A process on a host.

    Attributes:
        host: the machine's name and, in a container, its process namespace.
        pid: the process id there.
        started_at: when it started, UTC, without a zone, whole seconds.
    """

    host: str
    pid: int
    started_at: datetime

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started_at.isoformat()}Z"

    @property
    def text(self) -> str:
        """The owner for people."""
        return f"process {self.pid} on {self.host}"

    def is_same(self, other: Owner) -> bool:
        """Whether both name one process, the start within ``START_TOLERANCE``."""
        near = abs(self.started_at - other.started_at) <= START_TOLERANCE
        return (self.host, self.pid) == (other.host, other.pid) and near


def parse_owner(text: str | None) -> Owner | None:
    """Read an owner as ``str(owner)`` wrote it.

    Returns:
        The owner, or ``None`` where the text is missing or names none.
    """
    parts = (text or "").rsplit("/", 2)
    try:
        host, pid, started = parts
        return Owner(host, int(pid), datetime.fromisoformat(started.removesuffix("Z")))
    except ValueError:
        return None


def current_owner() -> Owner:
    """Name the process that started this one, which starts the run's other steps too."""
    process = _parent()
    return Owner(host(), process.pid, _started_at(process))


def current_job() -> str | None:
    """Name the job that the process which started this one runs.

    Returns:
        The job, or ``None`` where that process is no ``meltano run``.
    """
    try:
        return job_of(_parent().cmdline())
    except psutil.Error:
        return None


def job_of(command: Sequence[str]) -> str | None:
    """Find the job on a command line: what follows ``run`` of a ``meltano``.

    Args:
        command: the arguments, the program first.

    Returns:
        The job's name, or the blocks with blanks between where no job is named; ``None`` for another program or
        another verb.
    """
    # The interpreter, its options and `-m` may stand before the program.
    program = next((i for i, part in enumerate(command[:4]) if PurePath(part).stem == "meltano"), None)
    if program is None or "run" not in command[program:]:
        return None
    rest = iter(command[list(command).index("run", program) + 1 :])
    blocks = []
    for part in rest:
        if part in RUN_OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not part.startswith("-"):
            blocks.append(part)
    return " ".join(blocks)[:MAX_JOB_LENGTH] or None


def is_gone(owner: Owner) -> bool:
    """Whether a process is known to have ended. Of a process elsewhere nothing is known.

    Returns:
        True where it ran here and no process of that id and start is alive.
    """
    if owner.host != host():
        return False
    try:
        process = psutil.Process(owner.pid)
        here = Owner(owner.host, owner.pid, _started_at(process))
        return not here.is_same(owner) or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


@cache
def host() -> str:
    """Name this machine. Containers can share one name and each has a process 1, so their namespace is added."""
    name = socket.gethostname()
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return name
    return name if namespace == INITIAL_NAMESPACE else f"{name} {namespace}"


def _parent() -> psutil.Process:
    """Find the process that started this one; in a container whose first process this is, there is none but itself."""
    try:
        return psutil.Process(os.getppid())
    except psutil.NoSuchProcess:
        return psutil.Process()


def _started_at(process: psutil.Process) -> datetime:
    return datetime.fromtimestamp(int(process.create_time()), UTC).replace(tzinfo=None)
