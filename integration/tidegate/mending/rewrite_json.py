"""A JSON or JSON Lines file written anew. A record in which nothing changes stays as it is, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
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

    def write(self, target: Path, cells: FailingCells, mender: Mender, without: npt.NDArray[np.int64]) -> None:
        left_out = set(without.tolist())
        kept = (each for each in self._numbered(cells) if each[0] not in left_out)
        self._write(target, (self._mended(*each, mender) for each in kept))

    def rename(self, target: Path, renamed: Mapping[str, str]) -> None:
        self._write(target, (self._renamed(record, renamed) for record in self._records()))

    def _write(self, target: Path, records: Iterator[bytes]) -> None:
        start, between, end = (b"[\n", b",\n", b"\n]\n") if self._form == "json" else (b"", b"\n", b"\n")
        with target.open("wb") as out:
            out.write(start)
            for number, record in enumerate(records):
                out.write((between if number else b"") + record)
            out.write(end)

    def _mended(self, number: int, record: RawRecord, columns: list[str], mender: Mender) -> bytes:
        value = self._parsed(record) if columns else None
        for column in columns if value is not None else ():
            assert value is not None
            text = _text(value.get(column))
            if text is None:
                continue
            mended = mender.mended(column, text, number)
            typed = self._typed(column, mended.text if mended else text, value[column])
            if mended is None and type(typed) is not type(value[column]):
                mender.note(column, "type", number)
            value[column] = typed
        return _spelled(record, value)

    def _renamed(self, record: RawRecord, renamed: Mapping[str, str]) -> bytes:
        value = self._parsed(record)
        if value is None or renamed.keys().isdisjoint(value):
            return _spelled(record, None)
        return _spelled(record, {renamed.get(name, name): cell for name, cell in value.items()})

    def _typed(self, column: str, text: str | None, cell: Any) -> Any:
        """A text as the kind of JSON value that its column asks for; as it was where it cannot be one."""
        wanted = self._wanted[column]
        if text is None:
            return None
        if not wanted.takes(text):
            return cell
        match wanted.kind:
            case "integer" | "real":
                # A number is written as it is spelled: any other text would be JSON of its own, or break it.
                return Number(text) if replace(wanted, choices=None).takes(text) else cell
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
        failing: dict[int, list[str]] = {}
        for number, record in enumerate(self._records(), 1):
            if number % _BATCH == 1:
                failing = {}
                for column, rows in cells.within(number, _BATCH):
                    for row in rows.tolist():
                        failing.setdefault(number + row, []).append(column)
            yield number, record, failing.get(number, [])

    def _records(self) -> Iterator[RawRecord]:
        return lines(self._path) if self._form == "jsonl" else elements(self._path)


def _spelled(record: RawRecord, value: dict[str, Any] | None) -> bytes:
    """A record with another value; as it was where there is none, or it holds NaN, which is no JSON."""
    try:
        if value is not None:
            return compact(value).encode()
    except JsonError:
        pass
    return b"null" if record.text is None else record.text.strip()  # too long to be held, it keeps its place


def _text(cell: Any) -> str | None:
    """A value as text, where it is no list or object."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell) if isinstance(cell, str) else None
