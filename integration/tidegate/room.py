"""Is there room on disk? Asked before the work starts, so that what plainly cannot fit is told at once.

The need is a lower bound, for to refuse what would fit is worse than a disk that turns out to be full, which is told as
well: what is spilled, or written again without the rows that were dropped, counts as nothing.
"""

from __future__ import annotations

import shutil
import struct
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

import zstandard

from tidegate.errors import NoRoom
from tidegate.sources import Snapshot

_STAGED = 0.1
"""Staged bytes for one byte of the file as zstd compresses it. Measured were 0.3 to 1 (docs/performance.md), but a
column that the contract has not takes nothing."""
_PIECES, _PIECE = 8, 1 << 20


def check_room(snapshots: Sequence[Snapshot], work: Path, target: Path | None = None) -> None:
    """Hold what a submission needs at least against what is free.

    Args:
        work: the work folder: what was decompressed lies there, one file at a time, beside what is staged.
        target: where accepted rows go, if they do. They are linked there, or copied where that is another file system.

    Raises:
        NoRoom: there is less.
    """
    staged = [int(size * _STAGED) for size in accumulate(map(_compressed_size, snapshots))]
    copies = [plain_size(snapshot) if snapshot.source.compression != "none" else 0 for snapshot in snapshots]
    need = max(map(sum, zip(staged, copies, strict=True)), default=0)
    elsewhere = "set TMPDIR" if target is None else "name another state_dir"
    _refuse("The work folder", work, need, f"Free space there, or {elsewhere}.")
    if target is not None:
        place = _existing(target)
        if place.stat().st_dev != work.stat().st_dev:
            _refuse("The pool", place, staged[-1], "Free space there.")


def _refuse(what: str, place: Path, need: int, hint: str) -> None:
    free = shutil.disk_usage(place).free
    if free < need:
        raise NoRoom(f"{what}, {place}, needs {need:,} bytes at least; {free:,} are free.", hint)


def plain_size(snapshot: Snapshot) -> int:
    """The size when decompressed, or a lower bound of it; of Parquet its own."""
    told = 0
    # What is no true archive, or ends too early, is told where it is read.
    with suppress(OSError, zipfile.BadZipFile, struct.error):
        if snapshot.source.compression == "zip":
            with zipfile.ZipFile(snapshot.path) as archive:
                told = sum(member.file_size for member in archive.infolist())
        elif snapshot.source.compression == "gzip":
            with snapshot.path.open("rb") as file:
                file.seek(-4, 2)
                (told,) = struct.unpack("<I", file.read())  # of its last member, modulo 4 GiB
    return max(told, snapshot.size)


def _compressed_size(snapshot: Snapshot) -> int:
    """The size of the file as it would be compressed, by some pieces of it."""
    if snapshot.source.compression != "none" or not snapshot.size:
        return snapshot.size
    read = compressed = 0
    with suppress(OSError), snapshot.path.open("rb") as file:  # a file that is gone is told where it is read
        for number in range(_PIECES):
            file.seek(max(0, snapshot.size - _PIECE) * number // (_PIECES - 1))
            piece = file.read(_PIECE)
            read += len(piece)
            compressed += len(zstandard.compress(piece))
    return snapshot.size * compressed // max(read, 1)


def _existing(place: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(folder for folder in (place, *place.parents) if folder.exists())
