"""A JSON or JSON Lines file written anew. A record in which nothing changes stays as it is, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tidegate.audit.slips import Wanted
from tidegate.config import Resources
from tidegate.mending.cells import FailingCells, Mender
from tidegate.readers.json_records import json_keys
from tidegate.readers.json_split import RawRecord, elements, lines
from tidegate.readers.json_text import JsonError, Number, compact, parse

_BATCH = 8_192


class JsonFile:
    """A file with one array of objects, or with an object on each line; plain."""

    def __init__(
        self, path: Path, form: Literal["json", "jsonl"], limits: Resources, wanted: Mapping[str, Wanted]
    ) -> None:
        self._path, self._form, self._limits, self._wanted = path, form, limits, wanted
        self.names = tuple(json_keys(path, form, limits))

    def look(self, cells: FailingCells, see: Callable[[str, str], None]) -> None:
        for _, record, columns in self._numbered(cells):
            if columns and (value := self._parsed(record)) is not None:
                for column in columns:
                    if (text := _text(value.get(column))) is not None:
                        see(column, text)

    def passing(self, column: str, pattern: str, cells: FailingCells) -> bool:
        """Whether a cell of the column that did not fail is written so."""
        layout = re.compile(pattern)
        for _, record, columns in self._numbered(cells):
            if column not in columns and (value := self._parsed(record)) is not None:
                text = _text(value.get(column))
                if text is not None and layout.search(text):
                    return True
        return False

    def write(
        self,
        target: Path,
        cells: FailingCells,
        mender: Mender,
        renamed: Mapping[str, str],
        without: npt.NDArray[np.int64],
    ) -> None:
        left_out = set(without.tolist())
        start, between, end = (b"[\n", b",\n", b"\n]\n") if self._form == "json" else (b"", b"\n", b"\n")
        with target.open("wb") as out:
            out.write(start)
            first = True
            for number, record, columns in self._numbered(cells):
                if number in left_out:
                    continue
                out.write((b"" if first else between) + self._changed(number, record, columns, mender, renamed))
                first = False
            out.write(end)

    def _changed(
        self, number: int, record: RawRecord, columns: list[str], mender: Mender, renamed: Mapping[str, str]
    ) -> bytes:
        plain = (record.text or b"").strip()
        value = self._parsed(record) if columns or renamed else None
        if value is None:
            return plain
        for column in columns:
            text = _text(value.get(column))
            if text is None:
                continue
            mended = mender.mended(column, text, number)
            typed = self._typed(column, mended.text if mended else text, value[column])
            if mended is None and type(typed) is not type(value[column]):
                mender.note(column, "type", number)
            value[column] = typed
        try:
            return compact({renamed.get(name, name): cell for name, cell in value.items()}).encode()
        except JsonError:  # NaN, which is no JSON: the record stays as it is, and fails as it did
            return plain

    def _typed(self, column: str, text: str | None, cell: Any) -> Any:
        """A text as the kind of JSON value that its column asks for; as it was where it cannot be one."""
        wanted = self._wanted[column]
        if text is None:
            return None
        if wanted.choices is None and not wanted.takes(text):
            return cell
        match wanted.kind:
            case "integer" | "real":
                return Number(text)
            case "boolean":
                return text.lower() == "true"
            case "other":
                return cell
        return text

    def _parsed(self, record: RawRecord) -> dict[str, Any] | None:
        try:
            value = parse((record.text or b"").decode(), self._limits.max_depth)
        except (JsonError, UnicodeDecodeError):
            return None
        return value if type(value) is dict else None

    def _numbered(self, cells: FailingCells) -> Iterator[tuple[int, RawRecord, list[str]]]:
        """Every record with its number, and its columns that fail."""
        records = lines(self._path) if self._form == "jsonl" else elements(self._path)
        failing: dict[int, list[str]] = {}
        for number, record in enumerate(records, 1):
            if number % _BATCH == 1:
                failing = {}
                for column, rows in cells.within(number, _BATCH):
                    for row in rows.tolist():
                        failing.setdefault(number + row, []).append(column)
            yield number, record, failing.get(number, [])


def _text(cell: Any) -> str | None:
    """A value as text, where it is no list or object."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell) if isinstance(cell, str) else None
