"""Staging: what a cell becomes, which record is malformed and why. Flat rows of [record, column, code]."""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.columns import PROBLEMS, Column
from tidegate.config import Resources
from tidegate.engines import Stage, StagePlan, StageSource
from tidegate.engines.duckdb import forked, worker
from tidegate.engines.duckdb.stage import staging
from tidegate.errors import SourceUnreadable, TidegateError

UTC = "timestamp('UTC', 6)"


def plan(folder: Path, columns: dict[str, str], *files: Path, **more: Any) -> StagePlan:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    formats = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".parquet": "parquet"}
    sources = tuple(
        StageSource(uri=file.name, path=file, format=formats[file.suffix], compression="none") for file in files
    )
    marked = tuple(
        Column(name, kind.removesuffix("!"), personal=kind.endswith("!"), json=kind == "json")
        if kind != "json"
        else Column(name, "string", json=True)
        for name, kind in columns.items()
    )
    return StagePlan(sources=sources, folder=work, columns=marked, strict=True, resources=Resources(), **more)


def staged(folder: Path, columns: dict[str, str], file: Path, **more: Any) -> tuple[Stage, pa.Table]:
    """Stage in this process, so that a failure shows."""
    stage = worker.stage(plan(folder, columns, file, **more))
    return stage, pq.read_table(stage.files[0].path)


def outcome(asked: StagePlan) -> Stage:
    """Stage as it is done for real: in a process of its own."""
    with staging(asked) as wait:
        return wait()


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(table: pa.Table) -> list[list[Any]]:
    return [
        [record, problem["column"], problem["code"]] for record, told in enumerate(found(table), 1) for problem in told
    ]


def found(table: pa.Table) -> list[list[dict[str, Any]]]:
    return [json.loads(told) if told is not None else [] for told in table.column(PROBLEMS).to_pylist()]


SPELLINGS = [
    ("int64", ["0", "-1", "1200", "9223372036854775807"], ["007", "+1", "1.0", "1e3", " 7", "1_000", "0x10", "-0",
                                                          "9223372036854775808", '"1,200"', "٣", "NA", '""']),
    ("int8", ["127", "-128"], ["128"]),
    ("uint8", ["255"], ["-1", "256"]),
    ("float64", ["0", "-1.5", "1e5", "1.50", "12345678.9E-3"], ["nan", "NaN", "inf", "Infinity", "1e400", ".5", "5.",
                                                                '"1,5"', "0x1p3", " 1", "+1", "007"]),
    ("boolean", ["true", "false", "True", "FALSE"], ["yes", "T", "1", "0", "2", "t"]),
    ("decimal(10, 2)", ["1.10", "-567.89", "3"], ["1.105", "123456789.00", "1e2", "NaN"]),
    ("date", ["2026-01-31", "0001-01-01"], ["31.01.2026", "03/04/2026", "2026-1-1", "2026-02-30"]),
    (UTC, ["2026-01-31T09:30:00Z", "2026-01-31 09:30:00.123456+02:00"], ["2026-01-31T09:30:00", "2026-01-31",
            "2026-01-31T09:30:00.1234567Z", "2026-01-31T24:30:00Z", "2026-01-31T09:30Z", "03/04/2026 09:30:00Z"]),
    ("timestamp(6)", ["2026-01-31T09:30:00", "2026-01-31 09:30:00.5"], ["2026-01-31T09:30:00Z", "2026-01-31"]),
    ("string", ["00123", "NA", " x ", "1.10"], []),
    ("array<string>", ['"[""a"",""b""]"', "[]"], ["[1]", "a", '"{""a"":1}"', '"[""a"""']),
    ("struct<a: int64, b: string>", ['"{""a"":1,""b"":""x""}"', "{}"], ['"{""a"":1.0}"', '"{""c"":1}"', "1"]),
    ("json", ['"{""k"": 1.10}"', "{}"], ["[]", '"{""k"":1,""k"":2}"', "x", "1"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "good", "bad"), SPELLINGS, ids=[kind for kind, _, _ in SPELLINGS])
def test_one_canonical_spelling_per_type(tmp_path: Path, kind: str, good: list[str], bad: list[str]) -> None:
    file = write(tmp_path, "x.csv", "n,a\n" + "".join(f"0,{cell}\n" for cell in good + bad))
    _, table = staged(tmp_path, {"n": "int64", "a": kind}, file)
    assert problems(table) == [[len(good) + n, "a", "cell-type"] for n in range(1, len(bad) + 1)]
    cells = table.column("a").to_pylist()
    assert None not in cells[: len(good)]
    assert set(cells[len(good) :]) <= {None}


def test_numbers_arrive_exactly(tmp_path: Path) -> None:
    rows = [{"a": 9007199254740993, "b": 567.89, "c": 0.1}, {"a": -1, "b": 1, "c": 1e-300}]
    columns = {"a": "int64", "b": "decimal(10, 2)", "c": "float64"}
    _, table = staged(tmp_path, columns, write(tmp_path, "x.json", json.dumps(rows)))
    assert [str(cell) for cell in table.column("b").to_pylist()] == ["567.89", "1.00"]
    assert table.column("a").to_pylist() == [9007199254740993, -1]
    assert table.column("c").to_pylist() == [0.1, 1e-300]


def test_an_unquoted_empty_cell_is_null_and_a_quoted_one_is_text(tmp_path: Path) -> None:
    _, table = staged(tmp_path, {"a": "string", "b": "int64"}, write(tmp_path, "x.csv", 'a,b\n,1\n"",\n'))
    assert (table.column("a").to_pylist(), table.column("b").to_pylist()) == ([None, ""], [1, None])


def test_null_spellings_and_trimming_are_made_where_declared_and_counted(tmp_path: Path) -> None:
    file = write(tmp_path, "x.csv", 'a,b\nNA, 7 \n" x ",NA\nn,1\n')
    columns = {"a": "string", "b": "int64"}
    stage, table = staged(tmp_path, columns, file, null_values=("NA",), trim_strings=True)
    assert (table.column("a").to_pylist(), table.column("b").to_pylist()) == ([None, "x", "n"], [7, None, 1])
    assert (stage.nulled, stage.trimmed) == ({"a": 1, "b": 1}, {"a": 1, "b": 1})


def test_columns_are_taken_by_name_and_a_zero_in_front_stays(tmp_path: Path) -> None:
    file = write(tmp_path, "x.csv", "b;a\n00123;1\n")
    stage, table = staged(tmp_path, {"a": "int64", "b": "string", "c": "string"}, file)
    assert table.select(["a", "b"]).to_pylist() == [{"a": 1, "b": "00123"}]
    assert stage.staged[0].present == ("b", "a")
    assert "c" not in table.column_names, "a column of nothing but nulls was written"


def test_a_personal_cell_is_named_but_not_shown(tmp_path: Path) -> None:
    _, table = staged(tmp_path, {"a": "int64!", "b": "int64"}, write(tmp_path, "x.csv", "a,b\nsecret,open\n"))
    (told,) = found(table)
    assert [(problem["column"], problem["text"]) for problem in told] == [("a", None), ("b", "open")]


AWKWARD = {
    "trailing delimiter": ("a,b\n1,2,\n3,4\n", [[1, None, "field-count"]], [None, 3]),
    "ragged": ("a,b\n1,2\n3\n5,6\n", [[2, None, "field-count"]], [1, None, 5]),
    "text after a quote": ('a,b\n1,"2"x\n3,4\n', [[1, None, "broken-quoting"]], [None, 3]),
    "quote never closed": ('a,b\n1,"2\n3,4\n', [[1, None, "broken-quoting"]], [None, 3]),
    "blank lines": ("a,b\n\n1,2\n\n3,4\n", [], [1, 3]),
    "mixed newlines": ("a,b\n1,2\r\n3,4\r5,6\n", [], [1, 3, 5]),
    "windows newlines": ("a,b\r\n1,2\r\n3,4\r\n", [], [1, 3]),
    "no final newline": ("a,b\n1,2\n3,4", [], [1, 3]),
    "byte order mark": ("\ufeffa,b\n1,2\n", [], [1]),
    "newline in a cell": ('a,b\n1,"x\ny"\n3,"p\r\nq"\n', [], [1, 3]),
    "quotes in a cell": ('a,b\n1,"x""y"\n3,p"q\n', [], [1, 3]),
    "invalid utf-8": (b"a,b\n1,x\n2,\xff\n", [[2, None, "not-utf-8"]], [1, None]),
    "nul": ("a,b\n1,x\0y\n2,z\n", [[1, None, "nul-character"]], [None, 2]),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_csv_loses_no_record_and_names_the_bad_one(tmp_path: Path, case: str) -> None:
    text, expected, firsts = AWKWARD[case]
    _, table = staged(tmp_path, {"a": "int64", "b": "string"}, write(tmp_path, "x.csv", text))
    assert problems(table) == expected
    assert table.column("a").to_pylist() == firsts


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("kind", ["string", "int64"])
def test_a_blank_line_of_one_column_is_one_record_whatever_ends_it(tmp_path: Path, newline: str, kind: str) -> None:
    _, table = staged(tmp_path, {"a": kind}, write(tmp_path, "x.csv", f"a\n{newline}7\n"))
    assert table.column("a").to_pylist() == [None, "7" if kind == "string" else 7]


def test_spaces_around_quotes_are_not_stripped_in_silence(tmp_path: Path) -> None:
    _, table = staged(tmp_path, {"a": "string", "b": "string"}, write(tmp_path, "x.csv", 'a,b\nx, "y"\n'))
    assert table.column("b").to_pylist() == [' "y"']


def parquet(folder: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "x.parquet")
    return folder / "x.parquet"


def test_typed_cells_are_cast_only_without_loss(tmp_path: Path) -> None:
    file = parquet(
        tmp_path,
        a=pa.array([1.0, 1.5, None, float("nan"), 1e300]),
        b=pa.array([1, 2**53 + 1, None, 3, 4]),
        c=pa.array([1, 300, None, 3, 4]),
        d=pa.array(["7", "x", None, "07", "8"]),
    )
    _, table = staged(tmp_path, {"a": "int64", "b": "float64", "c": "int8", "d": "int32"}, file)
    assert problems(table) == [
        [2, "a", "cell-type"], [2, "b", "cell-type"], [2, "c", "cell-type"], [2, "d", "cell-type"],
        [4, "d", "cell-type"], [5, "a", "cell-type"],
    ]  # fmt: skip
    assert table.column("a").to_pylist() == [1, None, None, None, None]


def test_a_time_without_zone_does_not_become_one_with(tmp_path: Path) -> None:
    stamps = pa.array([1_700_000_000_000_000], pa.timestamp("us"))
    file = parquet(tmp_path, a=stamps, b=stamps.cast(pa.timestamp("us", "UTC")), c=stamps.cast(pa.timestamp("ns")))
    _, table = staged(tmp_path, {"a": UTC, "b": UTC, "c": "timestamp(6)"}, file)
    assert problems(table) == [[1, "a", "cell-type"]]


def test_nested_cells_of_parquet_are_read_by_the_contract(tmp_path: Path) -> None:
    file = parquet(
        tmp_path,
        a=pa.array([[1], [None], []], pa.list_(pa.int32())),
        b=pa.array([{"x": 1}, {"x": None}, None], pa.struct([("x", pa.int64())])),
        c=pa.array([{"y": 1}, {"y": 2}, None], pa.struct([("y", pa.int64())])),
    )
    columns = {"a": "array<int64>", "b": "struct<x: int64, z: string>", "c": "struct<x: int64>"}
    _, table = staged(tmp_path, columns, file)
    assert problems(table) == [[1, "c", "cell-type"], [2, "c", "cell-type"]]
    assert table.column("a").to_pylist() == [[1], [None], []]
    assert table.column("b").to_pylist() == [{"x": 1, "z": None}, {"x": None, "z": None}, None]


def test_the_same_rows_arrive_equal_from_every_format(tmp_path: Path) -> None:
    columns = {"i": "int64", "x": "float64", "s": "string", "t": UTC, "l": "array<string>",
               "st": "struct<a: int64, b: array<float64>>", "o": "json", "ok": "boolean"}  # fmt: skip
    rows = [
        {"i": 1, "x": 0.1, "s": 'a "quoted", text\nover lines', "t": "2026-01-31T09:30:00Z", "l": ["ü", ""],
         "st": {"a": 9007199254740993, "b": [0.5]}, "o": {"k": [1, {"n": None}], "z": "é"}, "ok": True},
        {"i": -5, "x": 1e22, "s": "", "t": "2026-01-31T09:30:00.5+01:00", "l": [], "st": {"a": 0, "b": []}, "o": {},
         "ok": False},
    ]  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    nested = {"l", "st", "o"}
    cells = [[json.dumps(v) if k in nested or isinstance(v, bool) else str(v) for k, v in row.items()] for row in rows]
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells]
    typed = pa.table(
        {
            "i": [row["i"] for row in rows],
            "x": [row["x"] for row in rows],
            "s": [row["s"] for row in rows],
            "t": pa.array([1769851800_000000, 1769848200_500000], pa.timestamp("us", "UTC")),
            "l": [row["l"] for row in rows],
            "st": pa.array([row["st"] for row in rows], pa.struct([("a", pa.int64()), ("b", pa.list_(pa.float64()))])),
            "o": [json.dumps(row["o"], indent=1, ensure_ascii=False) for row in rows],
            "ok": [row["ok"] for row in rows],
        }
    )
    pq.write_table(typed, tmp_path / "x.parquet")
    files = [
        tmp_path / "x.parquet",
        write(tmp_path, "x.jsonl", "\n".join(lines)),
        write(tmp_path, "x.json", "[\n" + ",\n".join(lines) + "\n]"),
        write(tmp_path, "x.csv", "\n".join([",".join(columns), *quoted]) + "\n"),
    ]
    arrived = []
    for file in files:
        _, table = staged(tmp_path, columns, file)
        assert problems(table) == []
        arrived.append(table.select(list(columns)).to_pylist())
    assert arrived[1:] == arrived[:1] * 3
    assert arrived[0][0]["st"] == {"a": 9007199254740993, "b": [0.5]}
    assert arrived[0][0]["o"] == '{"k":[1,{"n":null}],"z":"é"}'


def test_nested_cells_of_several_files_are_read_where_repairs_are_counted_in_between(tmp_path: Path) -> None:
    texts = ["a,b\n[1],x\n", "a,b\n[2], y\n", "a,b\n[3],z\n"]
    files = [write(tmp_path, f"{n}.csv", text) for n, text in enumerate(texts)]
    stage = worker.stage(plan(tmp_path, {"a": "array<int64>", "b": "string"}, *files, trim_strings=True))
    rows = pq.read_table(stage.files[0].path).select(["a", "b"]).to_pylist()
    assert rows == [{"a": [1], "b": "x"}, {"a": [2], "b": "y"}, {"a": [3], "b": "z"}]
    assert stage.trimmed == {"b": 1}


def test_a_parser_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    file = write(tmp_path, "x.csv", "a\n1\n")
    slow = plan(tmp_path, {"a": "int64"}, file)
    slow = slow.model_copy(update={"resources": slow.resources.model_copy(update={"max_seconds": 0})})
    with pytest.raises(SourceUnreadable, match=r"took longer than 0 s"):
        outcome(slow)


def test_the_process_answers_with_what_is_wrong(tmp_path: Path) -> None:
    file = write(tmp_path, "x.json", '[{"a": 1}')
    with pytest.raises(SourceUnreadable, match=r"x\.json"):
        outcome(plan(tmp_path, {"a": "int64"}, file))


def test_a_compressed_file_is_named_as_its_sender_names_it(tmp_path: Path) -> None:
    file = write(tmp_path, "x.csv", gzip.compress(b"a\n1\n")[:-4])
    asked = plan(tmp_path, {"a": "int64"}, file)
    source = asked.sources[0].model_copy(update={"compression": "gzip"})
    with pytest.raises(SourceUnreadable, match=r"^x\.csv ends in the middle"):
        outcome(asked.model_copy(update={"sources": (source,)}))


def test_a_column_that_is_called_as_one_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"x\.csv has a column '_problems'"):
        staged(tmp_path, {"a": "int64"}, write(tmp_path, "x.csv", "a,_problems\n1,[]\n2\n"))


def test_a_footer_that_lies_about_its_rows_is_refused(tmp_path: Path) -> None:
    parquet(tmp_path, a=pa.array(range(1000)))
    raw = (tmp_path / "x.parquet").read_bytes()
    # 1000 and 999 as zigzag varints; one place at a time.
    for number in range(raw.count(b"\xd0\x0f")):
        at = -1
        for _ in range(number + 1):
            at = raw.index(b"\xd0\x0f", at + 1)
        forged = raw[:at] + b"\xce\x0f" + raw[at + 2 :]
        (tmp_path / "x.parquet").write_bytes(forged)
        (tmp_path / f"{number}").mkdir()
        try:
            _, table = staged(tmp_path / f"{number}", {"a": "int64"}, tmp_path / "x.parquet")
        except SourceUnreadable:
            continue
        assert table.num_rows == 1000, "records were lost in silence"


def test_sound_csv_is_read_by_the_engine_and_not_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*arguments: Any) -> None:
        raise AssertionError("read record by record")

    monkeypatch.setattr("tidegate.engines.duckdb.scan._exact_csv", again)
    for number, text in enumerate(['a,b\n1,"x ""y"", z\n"\n2,\n', "a,b\r\n1,x\r\n", "\ufeffa\tb\n1,5\tx", "a,b\n"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        staged(folder, {"a": "string", "b": "string"}, write(folder, "x.csv", text))
    with pytest.raises(AssertionError):
        staged(tmp_path, {"a": "string", "b": "string"}, write(tmp_path, "x.csv", "a,b\n1,2,\n"))


def test_a_stage_that_cannot_be_written_is_no_fault_of_the_source(tmp_path: Path) -> None:
    cells = "\n".join(f"{n * n * 7919 % 1_000_003},{n * n * 104_729 % 1_000_003}" for n in range(200_000))
    file = write(tmp_path, "x.csv", f"a,b\n{cells}\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    forked._stop()  # the limit is that of the process from which the staging one is forked
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # Python has the signal ignored: a write fails
    try:
        with pytest.raises(TidegateError, match="Could not write") as told:
            outcome(plan(tmp_path, {"a": "int64", "b": "int64"}, file))
    finally:
        forked._stop()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not isinstance(told.value, SourceUnreadable)
    assert told.value.hint == "Is the disk full?"


@pytest.mark.parametrize(("lasts", "compression"), [(True, "ZSTD"), (False, "LZ4")])
def test_what_does_not_last_is_compressed_fast(tmp_path: Path, lasts: bool, compression: str) -> None:
    stage, _ = staged(tmp_path, {"a": "string"}, write(tmp_path, "x.csv", "a\nx\n"), lasts=lasts)
    group = pq.read_metadata(stage.files[0].path).row_group(0)
    assert {group.column(n).compression for n in range(group.num_columns)} <= {compression, "UNCOMPRESSED"}
    assert compression in {group.column(n).compression for n in range(group.num_columns)}


def test_the_staging_process_imports_as_little_as_it_can() -> None:
    """It starts with every run, however small."""
    told = "import sys, tidegate.engines.duckdb.worker; print({'ibis', 'pandas', 'pandera', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_csv_is_staged_without_what_only_looks_at_tables(tmp_path: Path) -> None:
    """Loading pandas takes longer than staging a contributor's file does."""
    asked = plan(tmp_path, {"a": "int64", "b": "timestamp('UTC')"}, write(tmp_path, "x.csv", "a,b\n1,2026-01-02\n"))
    told = (
        "import sys; from tidegate.engines.duckdb.worker import StagePlan, stage;"
        "stage(StagePlan.model_validate_json(sys.stdin.read())); print({'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], input=asked.model_dump_json(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_a_text_that_holds_what_looks_like_records_is_read_whatever_thread_begins_within_it(tmp_path: Path) -> None:
    """DuckDB's threads disagree about this file, and it will not read it by several."""
    record = '2,"\n' + "7,b\n" * 40 + '7,"\n'
    count = 18_000_000 // len(record)
    source = write(tmp_path, "x.csv", "n,t\n" + record * count + "3,z\n")
    stage, _ = staged(tmp_path, {"n": "int64", "t": "string"}, source)
    rows = pq.read_table(stage.files[0].path, columns=["n", "t"])
    assert rows.num_rows == stage.read == count + 1
    assert rows.column("n").to_pylist() == [2] * count + [3]
    assert set(rows.column("t").to_pylist()) == {"\n" + "7,b\n" * 40 + "7,", "z"}
