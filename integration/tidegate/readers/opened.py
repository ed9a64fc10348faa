"""Files that our own readers read from the beginning to the end, and tell how far they are."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from tidegate.telemetry import advance

_BUFFER = 1 << 18


def opened(path: str | Path) -> io.BufferedReader:
    """A file to read, whose progress is told as it is read. Raises `OSError`."""
    return io.BufferedReader(_Told(path), _BUFFER)


class _Told(io.FileIO):
    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._size = os.fstat(self.fileno()).st_size

    def readinto(self, buffer: Any) -> int | None:
        read = super().readinto(buffer)
        advance(self.tell(), self._size)
        return read
