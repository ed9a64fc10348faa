"""A file of a submission as it was acquired: recognised, counted and digested in one look at its bytes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tidegate.errors import SourceUnreadable
from tidegate.readers.content import Format, recognise
from tidegate.readers.counts import ByteCounts, CountingBeside
from tidegate.readers.decompress import Compression
from tidegate.receipt import SourceFile


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
            now = identity(self.path.stat())
        except OSError:
            now = None
        if now != (self.size, self.mtime_ns, self.inode):
            raise changed(self.source.uri)


class Look:
    """The one look at every byte of a file, in order: its digest, and what its bytes hold.

    A context manager: what its bytes hold is known when its block has ended.
    """

    def __init__(self) -> None:
        self._digest, self._counting, self.size = hashlib.sha256(), CountingBeside(), 0

    def __enter__(self) -> Self:
        self._counting.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._counting.__exit__(*raised)

    def add(self, chunk: bytes) -> None:
        """Look at the next bytes."""
        self._counting.add(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def snapshot(self, path: Path, uri: str, kind: tuple[Format, Compression], status: os.stat_result) -> Snapshot:
        """The snapshot of the file that was looked at.

        Args:
            path: where it lies.
            uri: what receipts and messages call it.
            kind: its format and compression.
            status: of the file when it was looked at.
        """
        source = SourceFile(
            uri=uri, sha256=self._digest.hexdigest(), bytes=self.size, format=kind[0], compression=kind[1]
        )
        return Snapshot(source, path.absolute(), self._counting.counts, *identity(status))


def recognised(path: Path, uri: str, name: str) -> tuple[Format, Compression]:
    """The format and compression of a file that is called `name` where it comes from, and `uri` in messages.

    Raises:
        SourceUnreadable: it is none of the formats that are read, or its name says otherwise.
    """
    try:
        return recognise(path, name)
    except SourceUnreadable as error:
        raise SourceUnreadable(error.fact.replace(str(path), uri), error.hint) from None


def identity(status: os.stat_result) -> tuple[int, int, int]:
    """What tells whether a file was changed or replaced: size, time of change, inode."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def changed(uri: str) -> SourceUnreadable:
    """The error for what is not what it was."""
    return SourceUnreadable(
        f"{uri} changed while it was read.", "Is it still being written? Start again when it is complete."
    )
