"""Where a large text file may be cut, so that every piece of it holds whole records: found in bytes, without parsing.

A cut of a CSV file is guessed: quotes are counted from its first record on, and a newline behind an even number of them
ends a record. That is so in every file that writes quotes as RFC 4180 says; who reads the pieces must find out whether
it was so here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import numpy as np

_BLOCK = 1 << 18  # bytes: it stays in the processor's cache between being read and being counted
_QUOTE, _NEWLINE = b'"', b"\n"


def bounds(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """The spans of `size` bytes that follow each other from `start` to `end`; the last one may be shorter."""
    return [(each, min(each + size, end)) for each in range(start, end, size)]


def count(path: Path, byte: bytes, start: int, end: int) -> int:
    """How often a byte stands in a span of a file."""
    found = 0
    with path.open("rb") as file:
        for block in _blocks(file, start, end):
            found += int(np.count_nonzero(np.frombuffer(block, np.uint8) == byte[0]))
    return found


def quotes_in(path: Path, spans: Iterable[tuple[int, int]]) -> list[int]:
    """How many quotes there are in each span: all that has to be read of a whole file, in any order, by anyone."""
    return [count(path, _QUOTE, start, end) for start, end in spans]


def csv_cuts(path: Path, newline: str, spans: Sequence[tuple[int, int]], quotes: Sequence[int]) -> list[int]:
    """Where records begin: the first one in each span but the first, as far as there is one.

    Args:
        path: the plain file.
        newline: the one that ends its header. One that is `\\r\\n` is never parted, whichever it is.
        spans: they follow each other, from the first byte behind the header to the end of the file.
        quotes: how many there are in each span.

    Returns:
        Their places, each once, in order. None where the quotes of the file are odd: then one is never closed.
    """
    before = [0, *accumulate(quotes)]
    if before[-1] % 2:
        return []
    ends = newline[-1:].encode()
    return _each(path, ends, [(start, quoted) for (start, _), quoted in zip(spans, before, strict=False)])


def line_cuts(path: Path, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Where lines begin: the first one in each span but the first, as far as there is one; each once, in order."""
    return _each(path, _NEWLINE, [(start, None) for start, _ in spans])


def copy_part(path: Path, target: Path, head: int, start: int, end: int) -> None:
    """Write a span of a file into another one, and before it the first `head` bytes of the file."""
    with path.open("rb") as file, target.open("wb") as part:
        for span in ((0, head), (start, end)):
            for block in _blocks(file, *span):
                part.write(block)


def _each(path: Path, newline: bytes, places: Sequence[tuple[int, int | None]]) -> list[int]:
    found: list[int] = []
    with path.open("rb") as file:
        size = file.seek(0, 2)
        for start, quotes in places[1:]:
            if found and start <= found[-1]:
                continue  # a record that is longer than a span
            place = _behind_newline(file, start, size, newline, quotes)
            if place is None or place == size:
                break
            found.append(place)
    return found


def _behind_newline(file: BinaryIO, start: int, end: int, newline: bytes, quotes: int | None) -> int | None:
    """The first place from `start` on that has a newline outside of quotes before it, and none that goes on behind it.

    Args:
        quotes: how many stand before `start`. None where they mean nothing.
    """
    position = start - 1  # a newline that ends at `start` is one as well
    if quotes is not None:
        quotes -= _at(file, position) == _QUOTE
    for block in _blocks(file, position, end):
        codes = np.frombuffer(block, np.uint8)
        ends = codes == newline[0]
        if newline == b"\r":
            behind = block[1:] + (_at(file, position + len(block)) or b" ")
            ends &= np.frombuffer(behind, np.uint8) != _NEWLINE[0]
        if quotes is not None:
            before = quotes + np.cumsum(codes == _QUOTE[0])
            ends &= before % 2 == 0
            quotes = int(before[-1])
        if ends.any():
            return position + int(ends.argmax()) + 1
        position += len(block)
    return None


def _at(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    return file.read(1)


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        file.seek(start)
        block = file.read(min(_BLOCK, end - start))
        if not block:
            break
        yield block
        start += len(block)
