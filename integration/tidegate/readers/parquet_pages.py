"""The pages of a Parquet file, held against its footer, without decoding them.

Engines read what the footer names and believe its counts, and pass over the checksums of pages. So the header of each
page is read here: how many values it has, how large it becomes, and its checksum, where it has one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers.admission import DECODED, too_large_a_row_group, too_many_bytes

_HEADER = 1 << 10
_LONGEST_HEADER = 1 << 24  # a page may tell its extremes, and those of text may be long
_CHUNK = 1 << 20
_DEPTH = 8
_FIELDS = 100  # a sound header has a few, and a forged one may not take for ever
_ANEW = "The file is corrupt or forged. Write it anew."
# Field numbers of Parquet's PageHeader.
_BECOMES, _SIZE, _CHECKSUM, _DATA, _DICTIONARY, _DATA_V2 = 2, 3, 4, 5, 7, 8
_VALUES = 1
_COMPRESSED = 7  # of DataPageHeaderV2, true where it is not told
_GZIP = 47  # for zlib: the header and checksum of gzip or, as some write, of its own
_WIDTHS = {"INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}


def check_pages(
    path: str | Path, metadata: pq.FileMetaData, limits: Resources, groups: range | None = None
) -> tuple[int, int]:
    """Read the header of every page.

    Args:
        path: the file.
        metadata: its footer.
        limits: `max_bytes` bounds what all pages together may become, numbers that stand in a dictionary as often as
            they occur, and `max_row_group_bytes` those of one row group. What the footer says of both is not believed.
        groups: the row groups whose pages are read; all where it is None.

    Returns:
        How many bytes that is, and how many all values are at most. A text in a dictionary may be as long as the
        dictionary.

    Raises:
        SourceUnreadable: a column has another number of values than the footer says, a checksum is wrong, the pages are
            not where the footer says, or become more than the limits allow.
    """
    decoded = texts = 0
    with Path(path).open("rb") as file:
        for number in range(metadata.num_row_groups) if groups is None else groups:
            before = decoded
            for place in range(metadata.num_columns):
                for size, text in _chunk(file, path, metadata, number, place):
                    decoded, texts = decoded + size, texts + text
                    if decoded > limits.max_bytes:
                        raise too_many_bytes(path, decoded, limits.max_bytes, DECODED)
                    if decoded - before > limits.max_row_group_bytes:
                        raise too_large_a_row_group(path, decoded - before, limits.max_row_group_bytes)
    return decoded, decoded + texts


def _chunk(
    file: BinaryIO, path: str | Path, metadata: pq.FileMetaData, number: int, place: int
) -> Iterator[tuple[int, int]]:
    """What the pages of one column of a row group become, one after the other, and its texts of a dictionary at most.

    Raises:
        SourceUnreadable: they have another number of values than the footer says.
    """
    group = metadata.row_group(number)
    chunk, values, dictionary = group.column(place), 0, 0
    for header in _pages(file, path, chunk):
        values += _of(header).get(_VALUES, 0)
        dictionary = max(dictionary, header[_BECOMES] if _DICTIONARY in header else 0)
        yield header[_BECOMES], 0
    flat = metadata.schema.column(place).max_repetition_level == 0
    told = {chunk.num_values, group.num_rows} if flat else {chunk.num_values}
    if told != {values}:
        raise SourceUnreadable(
            f"{path} contradicts itself: its footer tells of {max(told)} values of"
            f" {metadata.schema.column(place).path!r}, its pages of {values}.",
            _ANEW,
        )
    if chunk.physical_type not in _WIDTHS:
        yield 0, values * dictionary
    elif dictionary:
        yield values * _WIDTHS[chunk.physical_type], 0


def _of(header: dict[int, Any]) -> dict[int, Any]:
    """What is told of a page of data; nothing for one of another kind."""
    told = header.get(_DATA) or header.get(_DATA_V2)
    return told if isinstance(told, dict) else {}


def _pages(file: BinaryIO, path: str | Path, chunk: pq.ColumnChunkMetaData) -> Iterator[dict[int, Any]]:
    # A column without a value may have a dictionary and no page of data: then that is nowhere.
    position = min((start for start in (chunk.data_page_offset, chunk.dictionary_page_offset) if start), default=0)
    end = position + chunk.total_compressed_size if position else 0
    while position < end:
        try:
            header, length = _header(file, position)
        except (IndexError, ValueError, OverflowError):
            raise SourceUnreadable(
                f"{path} has no page at byte {position + 1}, where its footer says.", _ANEW
            ) from None
        size, becomes, values = header.get(_SIZE, -1), header.get(_BECOMES, -1), _of(header).get(_VALUES, 0)
        if not all(isinstance(told, int) and told >= 0 for told in (size, becomes, values)):
            raise SourceUnreadable(f"{path} has a page without a size at byte {position + 1}.", _ANEW)
        checksum = header.get(_CHECKSUM, 0)
        if not isinstance(checksum, int):
            raise SourceUnreadable(f"{path} has a page with a broken checksum at byte {position + 1}.", _ANEW)
        if _CHECKSUM in header and _checksum(file, position + length, size) != checksum & 0xFFFFFFFF:
            raise SourceUnreadable(
                f"{path} is damaged: the checksum of the page at byte {position + 1} is wrong.",
                "Write and send it anew.",
            )
        if chunk.compression == "GZIP" and not _whole_gzip(file, position + length, size, header):
            raise SourceUnreadable(
                f"{path} is damaged: the gzip data of the page at byte {position + 1} is not whole.",
                "Write and send it anew.",
            )
        yield header
        position += length + size


def _checksum(file: BinaryIO, start: int, size: int) -> int:
    file.seek(start)
    found = 0
    while size and (data := file.read(min(size, _CHUNK))):
        found, size = zlib.crc32(data, found), size - len(data)
    return found


def _whole_gzip(file: BinaryIO, start: int, size: int, header: dict[int, Any]) -> bool:
    """Whether a page's gzip data decompresses to its end and its own checksum holds, at which engines do not look."""
    levels = 0
    if isinstance(told := header.get(_DATA_V2), dict):  # levels stand before the values, as they are
        levels = sum(each for each in (told.get(5, 0), told.get(6, 0)) if isinstance(each, int) and each > 0)
        if told.get(_COMPRESSED) is False:
            return True
    file.seek(start + levels)
    left, room, stream = size - levels, header[_BECOMES] - levels, zlib.decompressobj(_GZIP)
    try:
        while left > 0 and room >= 0 and (data := file.read(min(left, _CHUNK))):
            left -= len(data)
            while data and room >= 0:  # more than the page says that it becomes is a bomb
                room -= len(stream.decompress(data, _CHUNK))
                data = stream.unconsumed_tail or stream.unused_data
                if stream.eof and (data or left > 0):  # another member
                    stream = zlib.decompressobj(_GZIP)
    except zlib.error:
        return False
    return room == 0 and (stream.eof or size == levels)


def _header(file: BinaryIO, position: int) -> tuple[dict[int, Any], int]:
    """The header of the page at `position`, and its length. Raises `IndexError` or `ValueError` where there is none."""
    size = _HEADER
    if position < 0:
        raise ValueError("before the file")
    while True:
        file.seek(position)
        reader = _Compact(file.read(size))
        try:
            return reader.struct(), reader.position
        except IndexError:
            if size >= _LONGEST_HEADER:
                raise
            size = _LONGEST_HEADER


class _Compact:
    """Thrift's compact protocol, as much of it as page headers use."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self._fields = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a structure, by number. What is no number, truth or structure is passed over, and None."""
        if depth > _DEPTH:
            raise ValueError("nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            self._fields += 1
            if self._fields > _FIELDS:
                raise ValueError("too many fields")
            number = number + (head >> 4) if head >> 4 else self._integer()
            fields[number] = self._value(head & 0x0F, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 12:
            return self.struct(depth + 1)
        if kind not in (3, 7, 8):  # lists, sets and maps do not occur
            raise ValueError(f"a field of kind {kind}")
        self._skip({3: 1, 7: 8}.get(kind) or self._unsigned())
        return None

    def _byte(self) -> int:
        self.position += 1
        return self._data[self.position - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a number that is too long")
        return value | byte << shift

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)

    def _skip(self, size: int) -> None:
        self.position += size
        if self.position > len(self._data):
            raise IndexError(self.position)
