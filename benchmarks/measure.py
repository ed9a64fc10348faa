"""Run a command and measure what it took: time, memory of all its processes, and disk in the folders it works in."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_MEMORY_EVERY, _DISK_EVERY = 0.05, 0.5  # seconds


@dataclass(frozen=True)
class Measurement:
    """What one run took.

    Attributes:
        seconds: wall clock, from start to exit of the process.
        peak_memory: bytes resident in the process and its children together; what they share is counted once.
        peak_disk: bytes in the watched folders.
        output, errors: what it printed.
    """

    seconds: float
    peak_memory: int
    peak_disk: int
    exit_code: int
    output: str
    errors: str


def measure(
    command: Sequence[str | Path],
    watched: Iterable[Path] = (),
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Measurement:
    """Run `command` to its end and measure it. Whatever ends the wait, such as Ctrl-C, ends the command too.

    Args:
        watched: folders whose size is looked at; they need not be there yet.
        environment: variables beside the present ones.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], stdout=output, stderr=errors, cwd=cwd,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        sampler = _Sampler(process.pid, tuple(watched))
        sampler.start()
        try:
            exit_code = process.wait()
            seconds = time.perf_counter() - start
        finally:
            sampler.stop()
            _end(process)
        output.seek(0)
        errors.seek(0)
        return Measurement(seconds, sampler.memory, sampler.disk, exit_code, output.read(), errors.read())


class _Sampler(threading.Thread):
    """Looks at a process and its folders again and again, and keeps the peaks."""

    def __init__(self, pid: int, watched: tuple[Path, ...]) -> None:
        super().__init__(daemon=True)
        self.memory, self.disk = 0, 0
        self._pid, self._watched, self._done = pid, watched, threading.Event()

    def run(self) -> None:
        next_disk = pause = 0.0
        while not self._done.wait(pause):
            start = time.perf_counter()
            self.memory = max(self.memory, _memory(self._pid, self.memory))
            if start >= next_disk:
                self.disk = max(self.disk, sum(_disk(folder) for folder in self._watched))
                next_disk = start + _DISK_EVERY
            # A look at gigabytes takes its time. It must not take the time of what is measured: a twentieth at most.
            pause = max(_MEMORY_EVERY, 20 * (time.perf_counter() - start))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _memory(pid: int, peak: int) -> int:
    """Bytes resident in a process and its children: their proportional share (PSS) where the system tells it."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    resident = sum(_of(process, "rss") for process in processes)
    # Shared pages are counted many times in this sum. Only where it is above the peak can the exact one be.
    return sum(_of(process, "pss") for process in processes) if resident > peak else 0


def _of(process: psutil.Process, kind: str) -> int:
    try:
        if kind == "rss":
            return int(process.memory_info().rss)
        memory = process.memory_full_info()
    except psutil.Error:
        return 0  # it has ended meanwhile
    return int(getattr(memory, "pss", memory.rss))


def _disk(folder: Path) -> int:
    """Bytes that a folder's files take on disk."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue  # it has been removed meanwhile
    return total


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children, where it has not ended by itself."""
    if process.poll() is not None:
        return
    for child in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
