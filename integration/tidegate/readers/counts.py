"""What the bytes of a file hold, counted in the one pass in which they are read: it decides how they may be parsed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

CHUNK = 1 << 16
"""The best size of a chunk, in bytes: what is counted stays in the processor's cache, and memory is used again."""
_LOWER = np.uint8(0x20)


class ByteCounts(BaseModel):
    """Counts over the plain bytes of one file.

    Attributes:
        quotes: how many quote characters there are.
        nuls: how many NUL bytes.
        odd_numbers: how many places look like the middle of ``1e5`` or the beginning of ``0x1F``. Of all spellings of a
            whole number that an engine accepts, only these can be as short as the number's digits, or shorter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quotes: int
    nuls: int
    odd_numbers: int


class Counting:
    """Counts chunk by chunk."""

    def __init__(self) -> None:
        self._quotes = self._nuls = self._odd_numbers = 0
        self._end = b""

    def add(self, chunk: bytes) -> None:
        """Count the next bytes."""
        # Most files have none of them, and `in` is much faster than `count`.
        self._quotes += chunk.count(b'"') if b'"' in chunk else 0
        self._nuls += chunk.count(b"\0") if b"\0" in chunk else 0
        # A place is three bytes long; one that begins in the last chunk is seen with this one.
        text = self._end + chunk
        self._odd_numbers += _odd_numbers(np.frombuffer(text, np.uint8))
        self._end = text[-2:]

    @property
    def counts(self) -> ByteCounts:
        """What was counted so far."""
        return ByteCounts(quotes=self._quotes, nuls=self._nuls, odd_numbers=self._odd_numbers)


def _odd_numbers(codes: npt.NDArray[np.uint8]) -> int:
    middle = codes[1:-1] | _LOWER
    before, after = _beside(codes, middle == ord("e"))
    exponent = (_within(before, "0", "9") | (before == ord("."))) & (
        _within(after, "0", "9") | (after == ord("+")) | (after == ord("-"))
    )
    before, after = _beside(codes, middle == ord("x"))
    hexadecimal = (before == ord("0")) & (_within(after, "0", "9") | _within(after | _LOWER, "a", "f"))
    return int(np.count_nonzero(exponent)) + int(np.count_nonzero(hexadecimal))


def _beside(codes: npt.NDArray[np.uint8], here: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.uint8], ...]:
    """What stands before and after each place. Few places are letters, so only they are looked at."""
    places = np.flatnonzero(here)
    return codes[places], codes[places + 2]


def _within(codes: npt.NDArray[np.uint8], first: str, last: str) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = (codes - np.uint8(ord(first))) <= ord(last) - ord(first)  # wraps round below zero
    return inside
