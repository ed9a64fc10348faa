"""Whole numbers that the engine parses itself: every spelling but the canonical one is found out."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.test_staging import problems, staged, write

from tidegate.engines.duckdb import worker
from tidegate.engines.duckdb.digits import count_digits
from tidegate.readers.counts import CHUNK, Counting, CountingBeside

LONGER = [
    "0xE8D4A50FFF", "0XFFFFFFFFFF", "1e18", "12e2", "1.5E4", "9.99e5", "1_000_000", "+12345", "000123", "12.0e+2"
]  # fmt: skip
KINDS = {"BIGINT": "int64", "INTEGER": "int32", "UTINYINT": "uint8", "UBIGINT": "uint64"}


def counted(text: bytes, size: int = 1 << 16) -> Any:
    counting = Counting()
    for start in range(0, len(text), size):
        counting.add(text[start : start + size])
    return counting.counts


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_spelling_is_as_short_as_the_digits_but_those_that_are_counted(tmp_path: Path, kind: str) -> None:
    """Exhaustive over short texts: all that the engine takes for a number and that is longer than what it returns."""
    texts = ["".join(each) for n in range(1, 5) for each in itertools.product("0159eE.+-_xXbo \t", repeat=n)] + LONGER
    (tmp_path / "x.csv").write_text("\n".join(f"{text},{text}" for text in texts) + "\n")
    found = duckdb.execute(
        f"SELECT t, n::VARCHAR FROM read_csv('{tmp_path}/x.csv', auto_detect=false, header=false, delim=',',"
        f" quote='\"', columns={{'t': 'VARCHAR', 'n': '{kind}'}}, nullstr='', strict_mode=true, ignore_errors=true)"
    ).fetchall()
    other = [(text, number) for text, number in found if text != number and text is not None]
    assert len(other) > 500
    hidden = [text for text, number in other if len(number) >= len(text)]
    assert [text for text in hidden if not counted(text.encode()).odd_numbers] == []
    assert hidden or kind == "UTINYINT"


@pytest.mark.parametrize(
    ("text", "places"),
    [(b"1e5", 1), (b"2,1E+5,.e-1", 2), (b"0x1F,0XA", 2), (b"9E,EWR", 0), (b"e1,1e,0x,x0x,0xJ", 0), (b"a1e5b2E-3", 2)],
)
def test_places_are_counted_wherever_chunks_end(text: bytes, places: int) -> None:
    assert {counted(text, size).odd_numbers for size in range(1, 8)} == {places}


def test_a_thread_counts_the_same(tmp_path: Path) -> None:
    text = b'"1e5",0x1F\0\n' * 400_000  # more chunks than may wait
    with CountingBeside() as beside:
        for start in range(0, len(text), CHUNK):
            beside.add(text[start : start + CHUNK])
        assert beside._waiting
    assert beside.counts == counted(text)
    assert (beside.counts.quotes, beside.counts.nuls, beside.counts.odd_numbers) == (800_000, 400_000, 800_000)


@pytest.mark.parametrize(
    ("text", "there"),
    [("a\u200bb", True), ("\u00ad", True), ("\u2066x", True), ("\U000e0041", True),
     ("x\ufeff", True), ("\ufeffid,n", False),
     ("’é—…👩", False), ("a,1", False), ("\u3164", False)],
)  # fmt: skip
def test_characters_that_nobody_sees_are_found_wherever_chunks_end(text: str, there: bool) -> None:
    assert {counted(text.encode(), size).invisible for size in range(3, 8)} == {there}


def test_what_goes_wrong_in_the_thread_is_raised() -> None:
    with pytest.raises(TypeError), CountingBeside() as beside:
        beside.add("x" * CHUNK)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 9, 10, 99, 100, None, 12345],
        [-1, -9, -10, -99, -(2**63), 2**63 - 1],
        [None, None],
        [],
    ],
)
def test_digits_are_those_of_the_numbers_as_text(tmp_path: Path, numbers: list[int | None]) -> None:
    pq.write_table(pa.table({"n": pa.array(numbers, pa.int64()), "x.y": pa.array(numbers, pa.int64())}), tmp_path / "n")
    expected = sum(len(str(number)) for number in numbers if number is not None)
    assert count_digits(duckdb.connect(), tmp_path / "n", ["n", "x.y"]) == 2 * expected
    assert count_digits(duckdb.connect(), tmp_path / "n", []) == 0


def test_the_largest_unsigned_numbers_have_twenty_digits(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([2**64 - 1, 10**19, 10**19 - 1], pa.uint64())}), tmp_path / "n")
    assert count_digits(duckdb.connect(), tmp_path / "n", ["n"]) == 59


@pytest.mark.parametrize(
    "cell", [" 7", "7 ", "+7", "07", "1.5", "7.", "1_0", "1e2", "15e1", "0x10", "1.5e4", "-0", "x"]
)
def test_one_cell_that_is_spelled_otherwise_is_malformed_also_among_many(tmp_path: Path, cell: str) -> None:
    rows = [[str(n), "t", str(-n)] for n in range(5_000)]
    rows[4_321][2] = cell
    text = "\n".join(["a,b,c", *map(",".join, rows), ""])
    _, table = staged(tmp_path, {"a": "int64", "b": "string", "c": "int64"}, write(tmp_path, "x.csv", text))
    assert problems(table) == [[4_322, "c", "cell-type"]]
    assert table.column("a").to_pylist() == list(range(5_000))


def test_spellings_that_make_up_for_each_other_are_both_found(tmp_path: Path) -> None:
    """``1e4`` is two bytes shorter than its digits, `` 7 `` two bytes longer."""
    text = "a,b\n1e4,x\n5,x\n 7 ,x\n"
    _, table = staged(tmp_path, {"a": "int64", "b": "string"}, write(tmp_path, "x.csv", text))
    assert problems(table) == [[1, "a", "cell-type"], [3, "a", "cell-type"]]


def test_sound_numbers_are_parsed_by_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[str] = []
    copy = worker._copy
    monkeypatch.setattr(worker, "_copy", lambda *given: (ways.append(given[2].relation), copy(*given)))
    _, table = staged(tmp_path, {"a": "int64", "b": "string"}, write(tmp_path, "x.csv", "b,a\n9E,1\nx,-12\n,\n"))
    assert table.select(["a", "b"]).to_pylist() == [{"a": 1, "b": "9E"}, {"a": -12, "b": "x"}, {"a": None, "b": None}]
    assert len(ways) == 1
    assert "'a': 'BIGINT'" in ways[0]
