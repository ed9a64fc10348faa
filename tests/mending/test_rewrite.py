"""Files written anew, in every format: failing cells change, and what is right stays as it is spelled."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit.slips import Evidence, Wanted
from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.mending.cells import FailingCells, Mender
from tidegate.mending.copy import _learn
from tidegate.mending.rewrite import CsvFile, File, ParquetFile
from tidegate.mending.rewrite_json import JsonFile
from tidegate.readers import json_split
from tidegate.readers.csv_dialect import read_dialect

WANTED = {"a": Wanted("text"), "b": Wanted("integer", nullable=True), "c": Wanted("real")}
COLUMNS = (Column("a", "string"), Column("b", "int64"), Column("c", "float64"))
NONE = np.empty(0, np.int64)


def failing(*cells: tuple[int, str]) -> FailingCells:
    """Cells by their record and column, in order."""
    names = sorted({name for _, name in cells})
    return FailingCells(
        tuple(names), np.array([record for record, _ in cells]), np.array([names.index(name) for _, name in cells])
    )


def learned(file: File, cells: FailingCells) -> Mender:
    mender = Mender({name: Evidence(wanted) for name, wanted in WANTED.items()})
    _learn(mender, file, cells)
    return mender


def counted(mender: Mender, records: int, *lost: int) -> set[tuple[str, str, int]]:
    assert mender.settled(np.arange(1, records + 1))
    return {(each.column, each.slip, each.cells) for each in mender.counted(np.array(lost, np.int64))}


def csv(text: bytes) -> CsvFile:
    Path("x.csv").write_bytes(text)
    return CsvFile(Path("x.csv"), read_dialect("x.csv", COLUMNS, Resources()), Resources())


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_csv_keeps_its_delimiter_newline_nulls_and_quoted_cells() -> None:
    file = csv(b'\xef\xbb\xbfA;b;c\r\n"x; ""y""\n";1;1\r\n"";n/a;2\r\nbad\r\n" z ";"1,200";"1,5"\r\n;7;3\r\n')
    cells = failing((2, "b"), (4, "b"), (4, "c"))
    mender = learned(file, cells)
    file.write(Path("y.csv"), cells, mender, np.array([3]))
    assert Path("y.csv").read_bytes() == b'A;b;c\r\n"x; ""y""\n";1;1\r\n"";;2\r\n z ;1200;1.5\r\n;7;3\r\n'
    assert counted(mender, 5, 4) == {("b", "missing", 1)}, "a record that is left out is not mended"


def test_a_renamed_csv_is_the_same_behind_its_header() -> None:
    csv(b'A;"b";c\r\n"";1;\r\nbad\r\n"open;\r\n').rename(Path("y.csv"), {"A": "a"})
    assert Path("y.csv").read_bytes() == b'a;b;c\r\n"";1;\r\nbad\r\n"open;\r\n'


def test_cells_that_did_not_fail_stay_whatever_they_look_like() -> None:
    file = csv(b"a,b,c\nx,+7,1\ny,+8,1\n")
    cells = failing((2, "b"))
    file.write(Path("y.csv"), cells, learned(file, cells), NONE)
    assert Path("y.csv").read_bytes() == b"a,b,c\nx,+7,1\ny,8,1\n"


@pytest.mark.parametrize(("passed", "mended"), [("1.234", False), ("-1.500", False), ("1.5", True), ("1234.5", True)])
def test_a_decimal_comma_is_doubted_where_a_point_may_part_thousands(passed: str, mended: bool) -> None:
    rows = [{"c": "1,5"}, {"c": passed}]
    cells = failing((1, "c"))
    for file in (csv(f'a,c\nx,"1,5"\ny,{passed}\n'.encode()), jsonl(*map(json.dumps, rows))):
        mender = learned(file, cells)
        file.write(Path("y"), cells, mender, NONE)
        assert mender.settled(np.array([1, 2])) == mended


def jsonl(*lines: str) -> JsonFile:
    Path("x.jsonl").write_text("\n".join(lines))
    return JsonFile(Path("x.jsonl"), "jsonl", Resources(), WANTED)


def test_a_record_of_json_in_which_nothing_changes_stays_byte_for_byte() -> None:
    right = '{"a": "x",  "b": 1, "c": 1.50, "d": [1.0, null]}'
    file = jsonl(
        right, "", '{"a":"y","b":"1,200","c":"7","d":{"e":1.50}}', "nonsense", '{"b": "n/a", "c": NaN}', '{"b": true}'
    )
    cells = failing((2, "b"), (2, "c"), (4, "b"), (5, "b"))
    mender = learned(file, cells)
    file.write(Path("y"), cells, mender, np.array([3]))
    assert Path("y").read_text().splitlines() == [
        right, '{"a":"y","b":1200,"c":7,"d":{"e":1.50}}', '{"b": "n/a", "c": NaN}', '{"b":true}',
    ]  # fmt: skip
    assert counted(mender, 5) >= {("b", "thousands", 1), ("c", "type", 1)}


def test_an_array_stays_an_array_and_its_columns_are_renamed() -> None:
    Path("x.json").write_text('[{"A": "x", "b": " 7"},\n {"A": "y"}]')
    file = JsonFile(Path("x.json"), "json", Resources(), WANTED)
    assert file.names == ("A", "b")
    cells = failing((1, "b"))
    file.write(Path("y"), cells, learned(file, cells), NONE)
    assert json.loads(Path("y").read_text()) == [{"A": "x", "b": 7}, {"A": "y"}]
    file.rename(Path("y"), {"A": "a"})
    assert json.loads(Path("y").read_text()) == [{"a": "x", "b": " 7"}, {"a": "y"}]
    file.write(Path("y"), cells, learned(file, cells), np.array([1, 2]))
    assert json.loads(Path("y").read_text()) == []


def test_no_text_of_json_becomes_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WANTED, "b", Wanted("integer", ("1", "inf")))
    lines = [json.dumps({"a": "x", "b": cell}) for cell in ('1}\n{"a":"forged","b":1', "abc", "inf", "1")]
    file, cells = jsonl(*lines), failing((1, "b"), (2, "b"), (3, "b"), (4, "b"))
    file.write(Path("y"), cells, learned(file, cells), NONE)
    assert [json.loads(line) for line in Path("y").read_text().splitlines()] == [
        *map(json.loads, lines[:3]), {"a": "x", "b": 1},
    ]  # fmt: skip


def test_a_record_that_is_too_long_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    file = jsonl('{"A": "x"}', '{"A": "' + "y" * 90 + '"}', '{"A": "z"}')
    monkeypatch.setattr(json_split, "RECORD_BYTES", 50)
    file.rename(Path("y"), {"A": "a"})
    assert Path("y").read_text().splitlines() == ['{"a":"x"}', "null", '{"a":"z"}']


def test_times_of_the_old_kind_stay_beyond_what_nanoseconds_hold() -> None:
    late = datetime.datetime(2300, 1, 1)  # noqa: DTZ001 - that kind of times has no zone
    pq.write_table(pa.table({"b": ["1,200"], "d": [late]}), "x.parquet", use_deprecated_int96_timestamps=True)
    file, cells = ParquetFile(Path("x.parquet")), failing((1, "b"))
    file.write(Path("y.parquet"), cells, learned(file, cells), NONE)
    assert pq.read_table("y.parquet").to_pylist() == [{"b": "1200", "d": late}]


def test_texts_of_parquet_are_mended_and_other_types_stay() -> None:
    table = pa.table({"a": pa.array(["x", " y"]).dictionary_encode(), "b": ["1,200", "n/a"], "c": [1.5, 2.0]})
    pq.write_table(table, "x.parquet")
    file = ParquetFile(Path("x.parquet"))
    cells = failing((1, "b"), (1, "c"), (2, "a"), (2, "b"))
    mender = learned(file, cells)
    file.write(Path("y.parquet"), cells, mender, NONE)
    assert pq.read_table("y.parquet").to_pylist() == [
        {"a": "x", "b": "1200", "c": 1.5},
        {"a": "y", "b": None, "c": 2.0},
    ]
    assert counted(mender, 2) == {("a", "white space", 1), ("b", "thousands", 1), ("b", "missing", 1)}
    pq.write_table(table.schema.empty_table(), "x.parquet")
    ParquetFile(Path("x.parquet")).rename(Path("y.parquet"), {"c": "d"})
    assert pq.read_schema("y.parquet").names == ["a", "b", "d"]
