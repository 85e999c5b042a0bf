"""Runs a command and says what it and every process it started took: wall and CPU seconds, peak memory by program.

Sampled from outside, so nothing measured knows of it; a process that lives for less than a sampling step may be missed
in the peaks, never in the CPU seconds.
"""

from __future__ import annotations

import resource
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

STEP_S: Final = 0.05
SHOWN_OF_A_LOG: Final = 3000

PARSE_PROGRAM: Final = """
import sys
from python_calamine import CalamineWorkbook
for path in sys.argv[1:]:
    for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows():
        pass
"""
"""The bare parse that others are compared with: every cell of the workbooks named, one after another."""


class CommandError(Exception):
    """A measured command failed. The message ends with the last of what it printed."""


@dataclass(frozen=True)
class Figures:
    """What a command took.

    Attributes:
        seconds: wall-clock time.
        cpu_seconds: of the command and all it started, user and system.
        peak_mib: program to the highest resident memory of its processes at one moment, in MiB.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: Mapping[str, float]

    @property
    def highest_mib(self) -> float:
        """Peak memory of the largest program."""
        return max(self.peak_mib.values(), default=0.0)


def measure(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Figures:
    """Run a command to its end.

    Args:
        command: program and arguments.
        log: where all it prints goes.
        env: its environment; this process's by default.

    Returns:
        Its figures.

    Raises:
        CommandError: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  (our own commands, no shell)
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env
        )
        peaks: dict[str, float] = {}
        spent: dict[tuple[int, float], float] = {}
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, spent, ended), daemon=True)
        watcher.start()
        code = process.wait()
        ended.set()
        watcher.join()
    seconds = time.perf_counter() - began
    if code:
        told = log.read_text(encoding="utf-8", errors="replace")[-SHOWN_OF_A_LOG:]
        raise CommandError(f"{' '.join(command)} ended with exit code {code}:\n{told}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Nobody waits for the workers of a fork server, so the system's sum lacks them.
    return Figures(
        seconds, max(cpu, sum(spent.values())), {name: round(peak, 1) for name, peak in sorted(peaks.items())}
    )


def _watch(pid: int, peaks: dict[str, float], spent: dict[tuple[int, float], float], ended: threading.Event) -> None:
    try:
        root = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    while not ended.wait(STEP_S):
        now: Counter[str] = Counter()
        try:
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for one in family:
            try:
                now[_program(one)] += one.memory_info().rss
                times = one.cpu_times()
                spent[one.pid, one.create_time()] = times.user + times.system
            except psutil.Error:
                continue
        for name, size in now.items():
            peaks[name] = max(peaks.get(name, 0.0), size / 2**20)


def _program(process: psutil.Process) -> str:
    """Name what a process runs: the script rather than the interpreter."""
    line = process.cmdline()
    if "-c" in line:
        return f"{Path(line[0]).name} -c"
    words = [word for word in line if word and not word.startswith("-")]
    names = [Path(word).name for word in words]
    if not names:
        return process.name()
    script = next((name for name in names[1:2] if names[0].startswith(("python", "sh"))), names[0])
    return script.partition(" ")[0][:40]
