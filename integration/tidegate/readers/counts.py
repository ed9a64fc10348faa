"""What the bytes of a file hold, counted in the one pass in which they are read: it decides how they may be parsed."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from tidegate.readers.invisible import may_be_in

CHUNK = 1 << 20
"""A good size of a chunk, in bytes."""
_PIECE = 1 << 16  # what is counted at a time stays in the processor's cache, and memory is used again
_LOWER = np.uint8(0x20)
_AHEAD = 4  # chunks that may wait to be counted


class ByteCounts(BaseModel):
    """Counts over the plain bytes of one file.

    Attributes:
        quotes: how many quote characters there are.
        nuls: how many NUL bytes.
        odd_numbers: how many places look like the middle of ``1e5`` or the beginning of ``0x1F``. Of all spellings of a
            whole number that an engine accepts, only these can be as short as the number's digits, or shorter.
        invisible: whether there are characters that nobody sees (`tidegate.readers.invisible`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quotes: int
    nuls: int
    odd_numbers: int
    invisible: bool


class Counting:
    """Counts chunk by chunk."""

    def __init__(self) -> None:
        self._quotes = self._nuls = self._odd_numbers = 0
        self._invisible = False
        self._end = b""

    def add(self, chunk: bytes) -> None:
        """Count the next bytes."""
        for start in range(0, len(chunk), _PIECE):
            self._add(chunk[start : start + _PIECE])

    def _add(self, piece: bytes) -> None:
        # Most files have none of them, and `in` is much faster than `count`.
        self._quotes += piece.count(b'"') if b'"' in piece else 0
        self._nuls += piece.count(b"\0") if b"\0" in piece else 0
        # A place is three bytes long, as is what tells a character; one that begins in the last piece is seen here.
        text = self._end + piece
        self._odd_numbers += _odd_numbers(text)
        self._invisible = self._invisible or may_be_in(text, at_start=not self._end)
        self._end = text[-2:]

    @property
    def counts(self) -> ByteCounts:
        """What was counted so far."""
        return ByteCounts(
            quotes=self._quotes, nuls=self._nuls, odd_numbers=self._odd_numbers, invisible=self._invisible
        )


class CountingBeside(Counting):
    """Counts in a thread of its own, while the caller digests the same chunks: both let go of the interpreter.

    A context manager: the counts are complete when its block has ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(max_workers=1)
        return self

    def __exit__(self, *raised: object) -> None:
        self._thread.shutdown()
        if raised == (None, None, None):
            self._finish(0)

    def add(self, chunk: bytes) -> None:
        """Count the next bytes, soon."""
        if len(chunk) < CHUNK and not self._waiting:  # a small file is not worth a thread
            super().add(chunk)
            return
        self._waiting.append(self._thread.submit(super().add, chunk))
        self._finish(_AHEAD)

    def _finish(self, left: int) -> None:
        while len(self._waiting) > left:
            self._waiting.popleft().result()


def _odd_numbers(text: bytes) -> int:
    codes = np.frombuffer(text, np.uint8)
    found = 0
    for letter in (b"e", b"E"):
        if letter in text:
            before, after = _beside(codes, letter)
            digit = _within(before, "0", "9") | (before == ord("."))
            found += int(
                np.count_nonzero(digit & (_within(after, "0", "9") | (after == ord("+")) | (after == ord("-"))))
            )
    for letter in (b"x", b"X"):
        if letter in text:
            before, after = _beside(codes, letter)
            digit = _within(after, "0", "9") | _within(after | _LOWER, "a", "f")
            found += int(np.count_nonzero((before == ord("0")) & digit))
    return found


def _beside(codes: npt.NDArray[np.uint8], letter: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """What stands before and after each place that has the letter. There are few, so only they are looked at."""
    places = np.flatnonzero(codes[1:-1] == letter[0])
    return codes[places], codes[places + 2]


def _within(codes: npt.NDArray[np.uint8], first: str, last: str) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = (codes - np.uint8(ord(first))) <= ord(last) - ord(first)  # wraps round below zero
    return inside
