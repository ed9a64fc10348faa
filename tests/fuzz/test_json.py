"""JSON: the readers against Python's own parser over the whole text."""

from __future__ import annotations

import json
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.fuzz.fuzzer import fuzz, told

from tidegate.columns import PROBLEMS, Column
from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers import json_records, json_split
from tidegate.readers.json_records import json_keys, read_json_records
from tidegate.readers.json_text import JsonError, compact, depth_exceeds, parse
from tidegate.readers.nested import json_object, nested_reader

COLUMNS = (
    Column("id", "string", key=True), Column("n", "int64"), Column("f", "float64"), Column("b", "boolean"),
    Column("l", "array<int64>"), Column("s", "struct<a: int64, b: string>"), Column("j", "string", json=True),
)  # fmt: skip
RECORDS = (
    b'{"id": "a", "n": 1, "f": 1.5e3, "b": true, "l": [1, 2], "s": {"a": 1, "b": "x"}, "j": {"k": [null]}}',
    b'{"id": "\\u00e9\\ud83d\\ude00 \\"q\\" \\\\", "n": 9007199254740993, "f": -0.1, "b": false, "l": []}',
    b'{"id": null}',
    b'{"id": "a", "id": "b"}',
    b'{"ID": "a", "x": NaN, "f": Infinity, "n": "7", "b": 1}',
    b'[[["deep"]]]',
    b'"\\ud800"',
    b"7",
    b"{broken",
    b"\xff",
)
LINES = (*(b"%b\n%b\n" % (one, other) for one in RECORDS for other in RECORDS[:2]), b"\xef\xbb\xbf" + RECORDS[0],
         b"\n \r\n" + RECORDS[2] + b"\r\n")  # fmt: skip
ARRAYS = (*(b"[%b, %b]" % (one, other) for one in RECORDS for other in RECORDS[:2]), b"[]", b" [ ] ", b"[{}] x",
          b"\xef\xbb\xbf[" + RECORDS[0] + b"\n,\n" + RECORDS[1] + b"\n]\n",
          b"[" + b",".join(RECORDS[:7]) + b"]")  # fmt: skip
TOKENS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b'\\"', b"\\u", b"\\ud800", b"\\u0000", b"\n", b"\r", b" ", b"\t",
    b"null", b"true", b"NaN", b"-Infinity", b"1e400", b"-0", b"00", b"0.1", b'{"id": "a"}', b'{"id": "a"}\n',
    b'"id": 1, ',
    b'"n": ', b'"l": [', b'"s": {"a": ', b'"j": {', b"\xff", b"\xef\xbb\xbf", b"\xc3\xa9", b"\0", b"\x1f", b"9" * 25,
    b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\x85", b"\xc2\x85",
)  # fmt: skip
LIMITS = Resources(max_depth=6, max_cell_bytes=60)

Row = tuple[Any, ...]


def read(path: Path, form: Literal["json", "jsonl"], limits: Resources = LIMITS) -> list[tuple[Row, tuple[str, ...]]]:
    """The cells and the codes of each record."""
    reading = read_json_records(path, form, COLUMNS, strict=True, limits=limits, null_values=frozenset({"NA"}))
    found = []
    for batch in reading.batches:
        for record in batch.to_pylist():
            problems = record.pop(PROBLEMS) or []
            found.append((tuple(record.values()), tuple(problem["code"] for problem in problems)))
    return found


def in_pieces(
    monkeypatch: pytest.MonkeyPatch, size: int, path: Path, form: Literal["json", "jsonl"]
) -> list[tuple[Row, tuple[str, ...]]]:
    """The same, where little is read at a time, and few rows are in a batch."""
    with monkeypatch.context() as patch:
        patch.setattr(json_split, "_BLOCK", size)
        patch.setattr(json_records, "_ROWS", size % 3 + 1)
        return read(path, form)


def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.jsonl"

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        found = read(path, "jsonl")
        lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip(b" \t\r\n\x0b\x0c")]
        assert len(found) == len(lines), "a record is missing, or one too many"
        for line, record in zip(lines, found, strict=True):
            _agrees(line, *record)
        assert in_pieces(monkeypatch, 1 + len(data) % 50, path, "jsonl") == found
        return frozenset((codes, tuple(cell is None for cell in cells)) for cells, codes in found)

    fuzz("json lines", target, LINES, TOKENS)


def test_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        whole = _loaded(data.removeprefix(b"\xef\xbb\xbf"))
        try:
            found = read(path, "json")
            keys = json_keys(path, "json", LIMITS)
        except SourceUnreadable as error:
            clash = "two columns" in str(error)  # of names, of which Python knows nothing
            if isinstance(whole, list) and not clash:
                raise AssertionError("Python reads it") from error
            if not clash:
                with pytest.raises(SourceUnreadable):
                    in_pieces(monkeypatch, 1 + len(data) % 50, path, "json")
            return told(error)
        if isinstance(whole, list):
            assert len(found) == len(whole)
            spelled = [key for element in whole if isinstance(element, dict) for key in element]
            assert set(keys) <= set(spelled)
        assert in_pieces(monkeypatch, 1 + len(data) % 50, path, "json") == found
        return frozenset((codes, tuple(cell is None for cell in cells)) for cells, codes in found)

    fuzz("json array", target, ARRAYS, TOKENS)


def test_text() -> None:
    read_list, read_struct = nested_reader("array<int64>", 6), nested_reader("struct<a: int64, b: array<string>>", 6)

    def target(data: bytes) -> Hashable:
        text = data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
        depth_exceeds(text, 3)
        for reader in (read_list, read_struct, json_object):
            with suppress(ValueError):
                reader(text)
        try:
            value = parse(text, 6)
        except JsonError as error:
            if error.code == "json-syntax":
                assert _loaded(text.encode()) is NOTHING
            return error.code, told(error)
        assert _loaded(text.encode()) is not NOTHING
        try:
            spelled = compact(value)
        except JsonError as error:
            return error.reason
        assert parse(spelled, 6) == value
        assert compact(parse(spelled, 6)) == spelled
        return type(value)

    fuzz("json text", target, RECORDS, TOKENS)


NOTHING = object()


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        return NOTHING


def _agrees(line: bytes, cells: Row, codes: tuple[str, ...]) -> None:
    """Hold a record against Python's parser, which keeps numbers as they are spelled."""
    try:
        value = json.loads(line.decode(), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        value = NOTHING
    if not isinstance(value, dict):
        assert codes
        assert not any(cells)
    if codes and any(code != "cell-type" for code in codes):
        assert not any(cells), "a malformed record has cells"
        return
    assert isinstance(value, dict)
    for column, cell in zip(COLUMNS, cells, strict=True):
        if cell is None:
            assert value.get(column.name) is None or "cell-type" in codes
        elif column.name in "lsj":
            told_of = json.loads(cell, parse_int=str, parse_float=str)
            assert told_of == value[column.name]
        else:
            assert cell == {True: "true", False: "false"}.get(value[column.name], value[column.name])
