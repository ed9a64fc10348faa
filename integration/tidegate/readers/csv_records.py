"""CSV, record by record: which record is malformed, why, and what all the others say.

A regular expression finds the longest run of sound records; Arrow splits the run into cells, with one marked row in the
place of every malformed record. Only malformed records are looked at one by one, so exactness costs little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers.csv_dialect import CsvDialect
from tidegate.readers.csv_syntax import NEWLINE, grammar, sound_records
from tidegate.readers.opened import opened
from tidegate.readers.problems import RECORD_BYTES, Problem, beginning, problems_array, schema

_BLOCK = 1 << 19
_BOM = b"\xef\xbb\xbf"
_MARK = "\0"
"""A sound record has no NUL, so this first cell marks the place of a malformed one."""


def read_csv_records(path: str | Path, dialect: CsvDialect, limits: Resources) -> Iterator[pa.RecordBatch]:
    """Read a CSV file exactly: one row per record, malformed ones included, in order.

    Newlines may be mixed. An unquoted empty cell is null, a quoted one is an empty text. Blank lines are no records,
    unless the header has one column. The codes of malformed records are `field-count`, `broken-quoting`, `not-utf-8`,
    `nul-character` and `cell-too-long`.

    Args:
        path: the plain file.
        dialect: what `read_dialect` found.
        limits: `max_cell_bytes` bounds a cell, and with it the record that is held in memory.

    Yields:
        Batches of text columns, named as in the header, and `_problems`.
    """
    try:
        with opened(path) as file:
            file.seek(dialect.header_bytes)
            lines = _newlines(_header(path, dialect.header_bytes))
            yield from _Reader(file, dialect, limits, line=lines + 1).batches()
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}.") from None


def _header(path: str | Path, size: int) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(size)


def _newlines(data: bytes) -> int:
    returns = data.count(b"\r")
    return data.count(b"\n") + (returns - data.count(b"\r\n") if returns else 0)


@dataclass
class _Block:
    """What one batch is made of: pieces of CSV, all sound, and the problems of the marked rows, in order."""

    pieces: list[bytes] = field(default_factory=lambda: [_BOM])  # Arrow drops one: it must not be the data's
    problems: list[Problem] = field(default_factory=list)


class _Reader:
    def __init__(self, file: BufferedReader, dialect: CsvDialect, limits: Resources, line: int) -> None:
        self._file = file
        self._dialect = dialect
        self._width = len(dialect.header)
        self._max_cell = limits.max_cell_bytes
        # Every quote in a cell is written twice, and there are two around it and a delimiter behind.
        self._max_record = min((2 * limits.max_cell_bytes + 4) * self._width, RECORD_BYTES)
        self._syntax = grammar(dialect.delimiter)
        self._schema = schema(dialect.header)
        self._marked = _MARK.encode() + dialect.delimiter.encode() * (self._width - 1) + b"\n"
        self._line = line
        self._ended = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        buffer = self._more(b"")
        while buffer:
            block = _Block()
            rest = self._split(buffer, block)
            if len(block.pieces) > 1:
                yield self._batch(block)
            if rest is buffer and len(buffer) > self._max_record:
                block = _Block()
                rest = self._skip_line(buffer, block)
                yield self._batch(block)
            assert not (self._ended and rest is buffer), "at the end every line ends with a newline, be it ours"
            buffer = self._more(rest)

    def _more(self, rest: bytes) -> bytes:
        """What is left over and the next bytes; as many more as are left over, so that rescanning stays linear."""
        chunk = b"" if self._ended else self._file.read(max(_BLOCK, len(rest)))
        if chunk.endswith(b"\r") and self._file.peek(1).startswith(b"\n"):
            chunk += self._file.read(1)  # a newline is never parted
        data = rest + chunk
        if not chunk and not self._ended:
            self._ended = True
            if rest and not rest.endswith((b"\n", b"\r")):
                data += b"\n"
        return data

    def _split(self, buffer: bytes, block: _Block) -> bytes:
        """Move all whole records from the buffer into the block, and return what remains: all, if none is whole."""
        # Within a small buffer no cell can be too long; in a large one every record has to be looked at.
        careful = len(buffer) > self._max_cell
        sound = sound_records(self._dialect.delimiter, self._width, many=not careful)
        position, decodable = 0, _decodable(buffer, 0)
        while position < len(buffer):
            match = sound.match(buffer, position, decodable)
            end = match.end() if match else position
            if end > position and not (careful and self._long_cell(buffer[position:end]) is not None):
                piece = buffer[position:end]
                block.pieces.append(piece)
                self._line += _newlines(piece)
            else:
                end = self._malformed(buffer, position, block)
                if end == position:
                    break
            position = end
            if position > decodable:
                decodable = _decodable(buffer, position)
        return buffer[position:] if position else buffer

    def _malformed(self, buffer: bytes, start: int, block: _Block) -> int:
        """Note the record at `start` as malformed. Returns where it ends, or `start` if its end is not in sight."""
        record = self._syntax.record.match(buffer, start)
        if record and (record.end() - start <= self._max_record or _newlines(record[0]) == 1):
            self._note(block, record[0], *self._diagnosis(record[0]))
            return record.end()
        if record or self._syntax.beginning.match(buffer, start):
            if not self._ended and len(buffer) - start <= self._max_record:
                return start
            reason = "a quote that is never closed"
        else:
            reason = "text after a closing quote"
        newline = NEWLINE.search(buffer, start)
        if newline is None:
            return start
        self._note(block, buffer[start : newline.end()], "broken-quoting", None, reason)
        return newline.end()

    def _diagnosis(self, record: bytes) -> tuple[str, str | None, str]:
        try:
            record.decode()
        except UnicodeDecodeError as error:
            return "not-utf-8", None, f"byte {error.start + 1} of the record is not UTF-8"
        if b"\0" in record:
            return "nul-character", None, f"byte {record.index(0) + 1} of the record is NUL"
        count = self._syntax.count(record)
        if count != self._width:
            return "field-count", None, f"{count} field{'s' * (count != 1)} where the header has {self._width}"
        long = self._long_cell(record)
        assert long is not None, "a sound record was taken for a malformed one"
        number, size = long
        return "cell-too-long", self._dialect.header[number], self._too_long(f"a cell of {size} bytes")

    def _too_long(self, what: str) -> str:
        return f"{what}; resources.max_cell_bytes allows {self._max_cell}"

    def _long_cell(self, record: bytes) -> tuple[int, int] | None:
        """The number and the size of the first cell that is too long."""
        if len(record) <= self._max_cell:
            return None
        sizes = enumerate(map(len, self._syntax.fields(record)))
        return next(((number, size) for number, size in sizes if size > self._max_cell), None)

    def _note(self, block: _Block, raw: bytes, code: str, column: str | None, detail: str) -> None:
        text = None if code == "cell-too-long" else beginning(raw)
        block.pieces.append(self._marked)
        block.problems.append(Problem(code=code, column=column, text=text, detail=f"line {self._line}: {detail}"))
        self._line += _newlines(raw)

    def _skip_line(self, buffer: bytes, block: _Block) -> bytes:
        """Give up a line that is longer than a record may be, without holding it."""
        self._note(block, b"", "cell-too-long", None, self._too_long(f"a line of more than {self._max_record} bytes"))
        while buffer:
            newline = NEWLINE.search(buffer)
            if newline:
                self._line += 1
                return buffer[newline.end() :]
            buffer = self._more(b"")
        return buffer

    def _batch(self, block: _Block) -> pa.RecordBatch:
        data = b"".join(block.pieces)
        names = [str(number) for number in range(self._width)]
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            pa_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            pa_csv.ParseOptions(
                delimiter=self._dialect.delimiter, newlines_in_values=True, ignore_empty_lines=self._width > 1
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        arrays = [column.combine_chunks() for column in table.columns]
        problems: dict[int, list[Problem]] = {}
        if block.problems:
            marked = pc.fill_null(pc.equal(arrays[0], _MARK), False)
            arrays[0] = pc.if_else(marked, None, arrays[0])
            rows = pc.indices_nonzero(marked).to_pylist()
            problems = {row: [problem] for row, problem in zip(rows, block.problems, strict=True)}
        arrays.append(problems_array(problems, table.num_rows))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _decodable(buffer: bytes, start: int) -> int:
    """Up to where the buffer is UTF-8, from `start` on."""
    try:
        str(memoryview(buffer)[start:], "utf-8")
    except UnicodeDecodeError as error:
        return start + error.start
    return len(buffer)
