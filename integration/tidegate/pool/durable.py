"""What makes a write last, and what takes back one that no commit names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tidegate.pool.location import Location
from tidegate.pool.object_folder import ObjectFolder


def fsync(*paths: Path) -> None:
    """Wait until files, or the names in folders, are on the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def discard(location: Location, names: Iterable[str]) -> None:
    """Remove files that no commit names."""
    for name in names:
        if isinstance(location, ObjectFolder):
            location.discard(name)
        else:
            (location / name).unlink(missing_ok=True)
