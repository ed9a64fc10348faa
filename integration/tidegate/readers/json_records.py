"""JSON and JSON Lines, record by record: one row per object, every value the text that the file spells.

JSON has types, so a value's kind must fit its column: a text is no number and a number is no text, whatever they look
like. Only then is the value handed on as text, for the engine to cast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.errors import SourceUnreadable, nearest
from tidegate.readers.admission import too_many_columns
from tidegate.readers.json_split import RawRecord, elements, lines
from tidegate.readers.json_text import JsonError, NotANumber, Number, compact, parse
from tidegate.readers.names import NOT_COUNTED, twins
from tidegate.readers.problems import CELL_TEXT, RECORD_BYTES, Problem, beginning, problems_array, schema

_ROWS = 8192
_BYTES = 16 << 20
_KINDS: dict[type, str] = {
    str: "a JSON string",
    Number: "a JSON number",
    bool: "a JSON boolean",
    dict: "a JSON object",
    list: "a JSON array",
    NotANumber: "NaN or an infinity",
}


@dataclass
class JsonReading:
    """A reading under way.

    Attributes:
        batches: text columns, one per column of the contract in its order, and `_problems`.
        seen: the contract's columns that some record names; complete when the batches are exhausted.
    """

    batches: Iterator[pa.RecordBatch]
    seen: set[str] = field(default_factory=set)


def read_json_records(
    path: str | Path,
    format: Literal["json", "jsonl"],
    columns: Sequence[Column],
    *,
    strict: bool,
    limits: Resources,
    null_values: frozenset[str] = frozenset(),
    lines_before: int = 0,
) -> JsonReading:
    """Read an array of objects, or one object per line: one row per record, malformed ones included, in order.

    A record's problems have the codes `json-syntax`, `not-an-object`, `duplicate-key`, `unknown-column`,
    `nested-too-deep`, `not-utf-8` and `cell-too-long`, and its cells are null then. A single cell of the wrong kind is
    `cell-type`; the other cells stay. Keys that differ by case only, or by how Unicode spells a letter, are one key.

    Args:
        path: the plain file.
        format: `json` for one array, `jsonl` for one object per line.
        columns: the contract's.
        strict: whether a key that the contract has not makes a record malformed; it is passed over otherwise.
        limits: on the depth and on the size of a cell.
        null_values: texts that stand for null in columns of any type; they are handed on as they are.
        lines_before: how many lines there are before these, of a file of lines.

    Raises:
        SourceUnreadable: while reading, where the array is cut off or goes on after its end.
    """
    reading = JsonReading(iter(()))
    rows = _Rows(columns, strict, limits, null_values, reading.seen)
    reading.batches = _batches(path, lines(path, lines_before) if format == "jsonl" else elements(path), rows)
    return reading


def json_keys(path: str | Path, format: Literal["json", "jsonl"], limits: Resources) -> list[str]:
    """The keys of all records, in the order in which they first appear; what is no record has none.

    Raises:
        SourceUnreadable: the array is cut off or goes on after its end, there are more keys than a file may have, or
            two records spell one key in two ways.
    """
    keys: dict[str, None] = {}
    for record in lines(path) if format == "jsonl" else elements(path):
        try:
            value = parse((record.text or b"").decode(), limits.max_depth)
        except (JsonError, UnicodeDecodeError):
            continue
        if type(value) is dict and not value.keys() <= keys.keys() and not twins(value):
            keys.update(dict.fromkeys(value))
        if len(keys) > limits.max_columns:
            raise too_many_columns(path, len(keys), limits.max_columns)
    if same := twins(keys):
        raise SourceUnreadable(
            f"{path} has two columns of one name: {same[0]!r} and {same[1]!r}.", f"{NOT_COUNTED} Rename one."
        )
    return list(keys)


def _batches(path: str | Path, records: Iterable[RawRecord], rows: _Rows) -> Iterator[pa.RecordBatch]:
    held = 0
    try:
        for record in records:
            rows.add(record)
            held += len(record.text or b"")
            if len(rows) >= _ROWS or held >= _BYTES:
                yield rows.take()
                held = 0
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    if len(rows):
        yield rows.take()


class _Rows:
    """The rows of the next batch, column by column."""

    def __init__(
        self, columns: Sequence[Column], strict: bool, limits: Resources, nulls: frozenset[str], seen: set[str]
    ) -> None:
        self._columns = columns
        self._names = {column.name for column in columns}
        self._kinds = [(column, _kind(column)) for column in columns]
        self._strict = strict
        self._limits = limits
        self._nulls = nulls
        self._seen = seen
        self._schema = schema([column.name for column in columns])
        self._empty: list[str | None] = [None] * len(columns)
        self._cells: list[list[str | None]] = []
        self._problems: dict[int, list[Problem]] = {}

    def __len__(self) -> int:
        return len(self._cells)

    def add(self, record: RawRecord) -> None:
        """Make one row of one record."""
        try:
            cells, problems = self._row(record)
        except JsonError as error:
            text = None if record.text is None else beginning(record.text)
            cells, problems = self._empty, [_problem(error.code, None, text, f"{record.place}: {error.reason}")]
        if problems:
            self._problems[len(self._cells)] = problems
        self._cells.append(cells)

    def take(self) -> pa.RecordBatch:
        """The rows so far, as a batch."""
        arrays = [pa.array(cells, pa.string()) for cells in zip(*self._cells, strict=True)]
        arrays.append(problems_array(self._problems, len(self._cells)))
        self._cells, self._problems = [], {}
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _row(self, record: RawRecord) -> tuple[list[str | None], list[Problem]]:
        if record.text is None:
            raise JsonError("cell-too-long", f"a record of more than {RECORD_BYTES} bytes")
        try:
            text = record.text.decode()
        except UnicodeDecodeError as error:
            raise JsonError("not-utf-8", f"byte {error.start + 1} of the record is not UTF-8") from None
        value = parse(text, self._limits.max_depth)
        if type(value) is not dict:
            raise JsonError("not-an-object", "a record must be a JSON object")
        if len(self._seen) < len(self._names):
            self._seen.update(self._names.intersection(value))
        if not self._names.issuperset(value):
            if same := twins(value):
                first, second = (name[:CELL_TEXT] for name in same)
                raise JsonError("duplicate-key", f"an object has a key twice: {first!r} and {second!r}")
            if self._strict:
                return self._empty, [self._unknown(record, value)]
        if len(record.text) > self._limits.max_cell_bytes:
            problem = self._too_long(record, value)
            if problem:
                return self._empty, [problem]
        return self._typed(record, value)

    def _typed(self, record: RawRecord, value: dict[str, Any]) -> tuple[list[str | None], list[Problem]]:
        cells: list[str | None] = []
        problems: list[Problem] = []
        for column, kind in self._kinds:
            cell = value.get(column.name)
            found = type(cell)
            if cell is None or (found is kind and kind is str):
                cells.append(cell)
            elif found is not kind and not (found is str and cell in self._nulls):
                cells.append(None)
                problems.append(_wrong_kind(record, column, cell))
            elif kind is bool and found is bool:
                cells.append("true" if cell else "false")
            elif found is dict or found is list:
                try:
                    cells.append(compact(cell))
                except JsonError:
                    cells.append(None)
                    detail = f"{record.place}: NaN or an infinity, which JSON has not"
                    problems.append(_problem("cell-type", column.name, None, detail))
            else:
                cells.append(cell)
        return cells, problems

    def _unknown(self, record: RawRecord, value: dict[str, Any]) -> Problem:
        key = next(key for key in value if key not in self._names)[:CELL_TEXT]
        detail = f"{record.place}: the contract has no column {key!r}. {nearest(key, self._names)}"
        return _problem("unknown-column", key, None, detail)

    def _too_long(self, record: RawRecord, value: dict[str, Any]) -> Problem | None:
        for name in self._names.intersection(value):
            cell = value[name]
            size = len((cell if isinstance(cell, str) else _spelled(cell)).encode())
            if size > self._limits.max_cell_bytes:
                limit = f"resources.max_cell_bytes allows {self._limits.max_cell_bytes}"
                return _problem("cell-too-long", name, None, f"{record.place}: a cell of {size} bytes; {limit}")
        return None


def _kind(column: Column) -> type:
    """What the values of a column must be in JSON."""
    if column.json or column.type.startswith("struct<"):
        return dict
    if column.type.startswith("array<"):
        return list
    if column.type == "boolean":
        return bool
    return Number if column.numeric else str


def _wrong_kind(record: RawRecord, column: Column, cell: Any) -> Problem:
    expected = "a JSON object" if column.json else "a duration" if column.duration else column.type
    detail = f"{record.place}: {_KINDS[type(cell)]} where {expected} is expected"
    text = None if column.personal else _spelled(cell)[:CELL_TEXT]
    return _problem("cell-type", column.name, text, detail)


def _spelled(value: Any) -> str:
    if isinstance(value, NotANumber):
        return str(value)
    try:
        return compact(value)
    except JsonError:
        return ""


def _problem(code: str, column: str | None, text: str | None, detail: str) -> Problem:
    return Problem(code=code, column=column, text=text, detail=detail)
