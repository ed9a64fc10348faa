"""Download: a remote file to a private local one, in parts at once, resumed where the line breaks, and verified.

What comes out is the file as it is in its place, or an error; never a part of it, nor parts of two versions.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tidegate.config import Resources, SourceConfig
from tidegate.errors import SourceUnreadable
from tidegate.readers.admission import too_many_bytes
from tidegate.readers.counts import CHUNK
from tidegate.sources.places import Answer, RemoteFile, Transient
from tidegate.sources.snapshot import Look, Snapshot, changed, recognised
from tidegate.telemetry import advance, event

log = logging.getLogger(__name__)
T = TypeVar("T")

PART = 16 << 20
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 20.0
_DOWNLOADS = 2
"""How often a file is read whose checksum is wrong: the line may have changed a byte, or the store is wrong."""


class Stopped(Exception):
    """Another file of the submission could not be read, so this one need not be."""


class Bounds:
    """What the downloads of one submission share: limits, time, connections, and the news of how far they are.

    Args:
        config: how to fetch.
        limits: `max_bytes` bounds all files together, as `max_seconds` does.
    """

    def __init__(self, config: SourceConfig, limits: Resources) -> None:
        self.config, self.limits = config, limits
        self.connections = threading.BoundedSemaphore(config.at_once)
        self.parts = ThreadPoolExecutor(config.at_once, thread_name_prefix="tidegate-part")
        self.clients: dict[str, Any] = {}
        """What the stores' SDKs made, for all paths of one submission."""
        self._end = time.monotonic() + limits.max_seconds
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._bytes, self._of = 0, 0

    def stop(self) -> None:
        """Let all downloads end at their next byte."""
        self._stop.set()

    def left(self, uri: str) -> float:
        """The seconds that are left. Raises `SourceUnreadable` where there are none."""
        if self._stop.is_set():
            raise Stopped
        left = self._end - time.monotonic()
        if left <= 0:
            raise SourceUnreadable(
                f"{uri} was not there in {self.limits.max_seconds} seconds.",
                "resources.max_seconds bounds how long reading may take.",
            )
        return left

    def retried(self, attempt: Callable[[], T], uri: str) -> T:
        """Try until it works, waiting longer each time; by chance, so that many do not come back all at once.

        Raises:
            SourceUnreadable: it works in none of `source_config.attempts`.
        """
        for number in range(self.config.attempts):
            self.left(uri)
            try:
                return attempt()
            except Transient as fault:
                reason = fault.reason
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**number)
                pause = max(random.uniform(0, longest), min(fault.wait, _LONGEST_WAIT))  # noqa: S311
            if number + 1 < self.config.attempts:
                event(log, "fetching again", uri=uri, reason=reason, attempt=number + 1)
                self._stop.wait(min(pause, self.left(uri)))
        raise SourceUnreadable(
            f"{uri} could not be read in {self.config.attempts} attempts: {reason}.", "Try again later."
        )

    def expect(self, uri: str, size: int) -> None:
        """A file of so many bytes is to come. Raises as `progress` does."""
        if size > self.limits.max_bytes:
            raise too_many_bytes(uri, size, self.limits.max_bytes)
        self.progress(expected=size)

    def progress(self, done: int = 0, expected: int = 0) -> None:
        """Tell how many more bytes are here, and how many more there are to be; several threads do.

        Raises:
            SourceUnreadable: they are more than all files of a submission may have.
        """
        with self._lock:
            self._bytes, self._of = self._bytes + done, self._of + expected
            advance(self._bytes, self._of)
            if (size := max(self._bytes, self._of)) > self.limits.max_bytes:
                raise too_many_bytes("The submission", size, self.limits.max_bytes)


def download(file: RemoteFile, path: Path, bounds: Bounds) -> Snapshot:
    """Download a file to `path`, a name of ours in a private folder.

    Raises:
        SourceUnreadable: it cannot be read, or changes meanwhile, or is not what its store says.
    """
    for _ in range(_DOWNLOADS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            look, wrong = _Download(file, descriptor, bounds).run()
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if wrong is None:
            event(log, "fetched", uri=file.uri, bytes=look.size)
            return look.snapshot(path, file.uri, recognised(path, file.uri, file.name), status)
        event(log, "checksum differs", level=logging.WARNING, uri=file.uri, algorithm=wrong)
        bounds.progress(-look.size, -look.size)
    raise SourceUnreadable(
        f"{file.uri} is not what its store says: its {wrong} differs.", "It was damaged on its way. Send it anew."
    )


@dataclass
class _Span:
    """Bytes of a file that are being written: how far they are, and where they end, if that is known."""

    here: int
    stop: int | None


class _Download:
    """One download of one file."""

    def __init__(self, file: RemoteFile, descriptor: int, bounds: Bounds) -> None:
        self._file, self._descriptor, self._bounds = file, descriptor, bounds
        self._told: set[tuple[str, str]] = set()

    def run(self) -> tuple[Look, str | None]:
        """Read the whole file, and look at it while it comes. Returns the checksum that is wrong, or None."""
        opened, here = self._bounds.retried(self._begin, self._file.uri)
        parts = [self._submit(start, stop, opened) for start, stop in _parts(here, opened.size)]
        sums = {algorithm: _SUMS[algorithm]() for algorithm in opened.checksums}
        try:
            with Look() as look:
                self._look(here, look, sums)
                for part in parts:
                    self._look(part.result(), look, sums)
        except BaseException:
            self._bounds.stop()
            raise
        finally:
            for part in parts:
                part.cancel()
            wait(parts)  # none may write once the descriptor is closed
        # What the first answer did not tell may be told by another, if the line damaged the first.
        if late := {algorithm: _SUMS[algorithm]() for algorithm, _ in self._told if algorithm not in sums}:
            with Look() as again:
                self._look(look.size, again, late)
        found = {algorithm: sum_.hexdigest() for algorithm, sum_ in (sums | late).items()}
        return look, next((algorithm for algorithm, told in self._told if told != found[algorithm]), None)

    def _hear(self, opened: Answer) -> None:
        self._told |= {(algorithm, told.lower()) for algorithm, told in opened.checksums.items()}

    def _begin(self) -> tuple[Answer, int]:
        """Open the file and read its first part, or all of it where parts are of no use. Returns how far it came."""
        with self._bounds.connections, self._file.open(0, None, None) as opened:
            size = opened.size
            self._bounds.expect(self._file.uri, size or 0)
            self._told.clear()
            self._hear(opened)
            os.ftruncate(self._descriptor, 0)  # an earlier attempt may have left more
            in_parts = opened.version is not None and size is not None
            span = _Span(0, min(PART, size) if in_parts and size is not None else size)
            try:
                self._write(opened.chunks, span)
            except Transient:
                if not in_parts or not span.here:
                    self._bounds.progress(-span.here, -(size or 0))
                    raise
                # The rest is a part like any other.
            return opened, span.here

    def _submit(self, start: int, stop: int, first: Answer) -> Future[int]:
        span = _Span(start, stop)

        def go_on() -> int:
            with self._bounds.connections, self._file.open(span.here, stop, first.version) as opened:
                if opened.size not in (None, first.size):
                    raise changed(self._file.uri)
                self._hear(opened)
                self._write(opened.chunks, span)
            return stop

        def part() -> int:
            return self._bounds.retried(go_on, self._file.uri)

        return self._bounds.parts.submit(copy_context().run, part)

    def _write(self, chunks: Iterator[bytes], span: _Span) -> None:
        """Write what comes, and note how far it is. Raises `Transient` where it ends too early."""
        while span.here != span.stop:
            chunk = next(chunks, None)
            if chunk is None and span.stop is not None:
                raise Transient(f"it ended after {span.here} bytes, before byte {span.stop}")
            if chunk is None:
                return
            self._bounds.left(self._file.uri)
            kept = chunk if span.stop is None else chunk[: span.stop - span.here]
            _write_all(self._descriptor, kept, span.here)
            span.here += len(kept)
            self._bounds.progress(done=len(kept))

    def _look(self, stop: int, look: Look, sums: dict[str, Any]) -> None:
        """Look at what was written, up to `stop`; it is still in the system's cache."""
        while look.size < stop:
            chunk = os.pread(self._descriptor, min(CHUNK, stop - look.size), look.size)
            assert chunk, "what was written is there"
            look.add(chunk)
            for sum_ in sums.values():
                sum_.update(chunk)


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, chunk: bytes) -> None:
        self._value = zlib.crc32(chunk, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


# They detect what the line does to bytes; the digest of a receipt is always our own sha256.
_SUMS: dict[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32": _Crc32,
}


def _parts(here: int, size: int | None) -> Iterator[tuple[int, int]]:
    """What is left to read, as parts that end at multiples of `PART`."""
    while size is not None and here < size:
        stop = min(size, (here // PART + 1) * PART)
        yield here, stop
        here = stop


def _write_all(descriptor: int, chunk: bytes, at: int) -> None:
    view = memoryview(chunk)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written
