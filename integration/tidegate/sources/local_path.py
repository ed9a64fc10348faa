"""Files on local disk. They are not copied, so they must not change while they are read."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable, nearest
from tidegate.readers.content import recognise
from tidegate.readers.counts import CHUNK, ByteCounts, CountingBeside
from tidegate.receipt import SourceFile
from tidegate.telemetry import advance

_AT_ONCE = 4
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class Snapshot:
    """One file of a submission as it was acquired.

    Attributes:
        source: what the receipt says of it.
        path: where it lies.
        counts: what the raw bytes hold.
        size: in bytes, as are
        mtime_ns: and
        inode: what tells whether it was changed or replaced.
    """

    source: SourceFile
    path: Path
    counts: ByteCounts
    size: int
    mtime_ns: int
    inode: int

    def verify_unchanged(self) -> None:
        """Raises `SourceUnreadable` if the file is no longer what was acquired."""
        try:
            now = _identity(self.path.stat())
        except OSError:
            now = None
        if now != (self.size, self.mtime_ns, self.inode):
            raise _changed(self.source.uri)


def acquire(paths: Sequence[str], limits: Resources) -> list[Snapshot]:
    """Take the files of a submission as they are now: recognised, counted and digested, several at once.

    Args:
        paths: names of files. They are literal: `g[1].csv` is that file.
        limits: `max_bytes` bounds each file.

    Raises:
        SourceUnreadable: a file is not there, is no regular file, is none of the formats, or changes meanwhile.
    """
    read = _Read(paths)
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, max(1, len(paths)))) as pool:
        return list(pool.map(lambda path: _acquire(path, limits, read), paths))


class _Read:
    """How many bytes of all files are read, which several threads do at once."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._done, self._total, self._lock = 0, 0, threading.Lock()
        for path in paths:
            with suppress(OSError, ValueError):  # which is told where it is opened
                self._total += Path(path).stat().st_size

    def add(self, size: int) -> None:
        with self._lock:
            self._done += size
            advance(self._done, self._total)


def _acquire(uri: str, limits: Resources, read: _Read) -> Snapshot:
    try:
        _refuse_irregular(uri, Path(uri).stat().st_mode)
        # Between the two looks the file may have become a pipe, on which a plain open would wait for ever.
        descriptor = os.open(uri, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            _refuse_irregular(uri, before.st_mode)
            if before.st_size > limits.max_bytes:
                raise SourceUnreadable(
                    f"{uri} has {before.st_size} bytes; resources.max_bytes allows {limits.max_bytes}.",
                    "Raise resources.max_bytes if the file is meant to be that large.",
                )
            format, compression = recognise(uri)
            digest = hashlib.sha256()
            size = 0
            with CountingBeside() as counting:
                while chunk := file.read(CHUNK):
                    counting.add(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    read.add(len(chunk))
            if size != before.st_size or _identity(os.fstat(file.fileno())) != _identity(before):
                raise _changed(uri)
    except FileNotFoundError:
        raise _not_found(uri) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not one of a file"
        raise SourceUnreadable(f"{uri} cannot be read: {reason}.", "Check the path and its permissions.") from None
    source = SourceFile(uri=uri, sha256=digest.hexdigest(), bytes=size, format=format, compression=compression)
    return Snapshot(source, Path(uri).absolute(), counting.counts, *_identity(before))


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _refuse_irregular(uri: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise SourceUnreadable(f"{uri} is {kind}, not a file.", "Name the files of the submission one by one.")


def _changed(uri: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{uri} changed while it was read.", "Is it still being written? Start again when it is complete."
    )


def _not_found(uri: str) -> SourceUnreadable:
    folder = Path(uri).parent
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        return SourceUnreadable(f"{uri} is not there, nor is its folder.", "Check the path.")
    hint = nearest(Path(uri).name, names)
    # A folder may hold many files: name the one that was probably meant, or none.
    return SourceUnreadable(f"{uri} is not there.", hint if hint.startswith("Did") else "Check the path.")
