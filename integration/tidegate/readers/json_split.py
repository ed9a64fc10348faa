"""Where one JSON record ends and the next begins, found in bytes and without parsing.

JSON's structure is ASCII, so in UTF-8 a byte that looks like a quote or a bracket is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

from tidegate.errors import SourceUnreadable
from tidegate.readers.opened import opened
from tidegate.readers.problems import RECORD_BYTES

_BLOCK = 1 << 20
_LOOKED_THROUGH = 32 << 20  # bytes: beyond them no line is told
_BOM = b"\xef\xbb\xbf"
_STRING = rb'"(?:[^"\\\r\n]++|\\[^\r\n])*+"'
_WHITE = re.compile(rb"[ \t\r\n]*+")
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|%b)*+' % _STRING)
_SCALAR = re.compile(rb'(?:[^",\[\]{}]++|%b)*+' % _STRING)
_CLOSING = {b"{": b"}", b"[": b"]"}


class RawRecord(NamedTuple):
    """The bytes of one record and where it is; `text` is null where it is too long to be held."""

    text: bytes | None
    place: str


def lines(path: str | Path, before: int = 0) -> Iterator[RawRecord]:
    """The records of a JSON Lines file: its lines, without the blank ones. `before` lines were cut off before them."""
    with opened(path) as file:
        if not before:
            _skip_bom(file)
        number = before
        while line := file.readline(RECORD_BYTES + 1):
            number += 1
            place = f"line {number}"
            if len(line) > RECORD_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(_BLOCK)
                yield RawRecord(None, place)
            elif not line.isspace():
                yield RawRecord(line, place)


def lines_of_json(path: str | Path, records: Sequence[int]) -> dict[int, int]:
    """The lines of records of a JSON Lines file, both counted from 1; of those that begin soon enough."""
    wanted, last, read = set(records), records[-1], 0
    found: dict[int, int] = {}
    for number, record in enumerate(lines(path), 1):
        read += len(record.text or b"")
        if number > last or read > _LOOKED_THROUGH:
            break
        if number in wanted:
            found[number] = int(record.place.removeprefix("line "))
    return found


def elements(path: str | Path) -> Iterator[RawRecord]:
    """The records of a JSON file: the elements of its one array, of which only one is ever held.

    Raises:
        SourceUnreadable: the array is not closed, something follows it, or an element's end cannot be found.
    """
    with opened(path) as file:
        _skip_bom(file)
        yield from _Elements(file, path).read()


def _skip_bom(file: BinaryIO) -> None:
    if file.read(len(_BOM)) != _BOM:
        file.seek(0)


class _Elements:
    def __init__(self, file: BinaryIO, path: str | Path) -> None:
        self._file = file
        self._path = path
        self._offset = file.tell()
        self._buffer = b""
        self._position = 0
        self._ended = False
        self._number = 0

    def read(self) -> Iterator[RawRecord]:
        if self._next() != b"[":
            self._fail("is not a JSON array")
        self._position += 1
        if self._next() != b"]":
            while True:
                self._number += 1
                self._next()
                yield RawRecord(self._element(), f"element {self._number}")
                separator = self._next()
                if separator == b"]":
                    break
                if separator != b",":
                    self._fail(f"lacks a comma or the closing bracket after element {self._number}")
                self._position += 1
        self._position += 1
        if self._next():
            self._fail("goes on after its closing bracket")

    def _next(self) -> bytes:
        """Go to the next byte that is not white space, and return it: none at the end of the file."""
        while True:
            self._position = _end(_WHITE, self._buffer, self._position)
            if self._position < len(self._buffer) or not self._more():
                return self._buffer[self._position : self._position + 1]

    def _more(self) -> bool:
        """Forget what was read and read on; as much again as is left over, so that rescanning stays linear."""
        rest = self._buffer[self._position :]
        if len(rest) > RECORD_BYTES:
            self._fail(f"has an element of more than {RECORD_BYTES} bytes: element {self._number}")
        chunk = self._file.read(max(_BLOCK, len(rest)))
        self._offset += self._position
        self._buffer, self._position = rest + chunk, 0
        return bool(chunk)

    def _element(self) -> bytes:
        while True:
            end = self._element_end()
            if end is not None:
                element = self._buffer[self._position : end]
                self._position = end
                return element
            if not self._more():
                self._fail(f"ends in the middle of element {self._number}")

    def _element_end(self) -> int | None:
        """Where the element ends; None if its end is not in sight."""
        buffer, position = self._buffer, self._position
        first = buffer[position : position + 1]
        if first not in _CLOSING:
            return self._scalar_end(first)
        expected = bytearray()
        while True:
            position = _end(_TO_BRACKET, buffer, position)
            bracket = buffer[position : position + 1]
            if not bracket:
                return None
            if bracket == b'"':
                self._refuse_newlines(position)
                return None
            if bracket in _CLOSING:
                expected += _CLOSING[bracket]
            elif expected.pop() != bracket[0]:
                self._fail(f"has brackets that do not match in element {self._number}")
            position += 1
            if not expected:
                return position

    def _scalar_end(self, first: bytes) -> int | None:
        if not first:
            self._fail(f"ends where element {self._number} is expected")
        if first in b",]}":
            self._fail(f"has {first.decode()!r} where element {self._number} is expected")
        end = _end(_SCALAR, self._buffer, self._position)
        if end == len(self._buffer):
            return None
        if self._buffer[end : end + 1] != b'"':
            return end
        self._refuse_newlines(end)
        return None

    def _refuse_newlines(self, position: int) -> None:
        """A text that is not closed yet may be closed by what is still to be read, but not on another line."""
        if b"\n" in self._buffer[position:] or b"\r" in self._buffer[position:]:
            self._fail(f"has a text that is never closed in element {self._number}")

    def _fail(self, what: str) -> NoReturn:
        raise SourceUnreadable(
            f"{self._path} {what} (at byte {self._offset + self._position + 1}).",
            "A JSON file must be one array of objects, [{...}, {...}]. Was it cut off?",
        )


def _end(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    match = pattern.match(data, start)
    assert match is not None, "every pattern here matches nothing at all"
    return match.end()
