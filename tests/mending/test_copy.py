"""Mended copies: what is changed and what is not, in every format, and when none is written."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse
from tidegate.receipt import Mended, Report

CONTRACT = '''
import pandas as pd
import pandera.pandas as pa
import pyarrow


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
    port: str = pa.Field(isin=["north", "south"])
    cars: int = pa.Field(ge=0)
    fare: float = pa.Field(nullable=True)
    sailed: pd.ArrowDtype(pyarrow.date32())
    captain: str = pa.Field(isin=["Ahab", "Nemo"], nullable=True, metadata={"personal": True})
    note: str = pa.Field(nullable=True)

    class Config:
        strict = True
'''
HEAD = "trip,port,cars,fare,sailed,captain,note"
GOOD = 't1,north,12,1.5,2026-01-31,Ahab,"a ""b"", c"'


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    (folder / "contracts" / "trips").mkdir(parents=True)
    (folder / "contracts" / "trips" / "v1_0.py").write_text(CONTRACT, encoding="utf-8")
    return folder


@pytest.fixture
def fix(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that asks for a mended copy, `out`, of a file."""
    monkeypatch.chdir(tmp_path)

    def fixed(path: str, quarantine: str | None = None, **more: Any) -> Report:
        config = load_config({"data_path": path, "schema_config": "trips", "registry": registry} | more)
        return validate_contributed_data(config, quarantine, fix="out")

    return fixed


def told(report: Report) -> Mended:
    assert report.mended is not None
    return report.mended


def cells(report: Report) -> set[tuple[str, str, int]]:
    return {(each.column, each.slip, each.cells) for each in told(report).cells}


def test_csv_is_mended_where_that_is_certain_and_nothing_else_changes(fix: Any, registry: Path) -> None:
    rows = [
        GOOD,
        't2, North ,"1,200","1,5",31.01.2026,AHAB,',
        't3,south,7.0,,03.02.2026,," kept "',
        't4,south,1,2,2026-01-31,,""',
    ]
    Path("x.csv").write_bytes("\r\n".join([HEAD.replace("trip,port", "Trip,PORT"), *rows, ""]).encode())
    report = fix("x.csv")
    assert report.verdict == "rejected"
    assert Path("out").read_bytes().decode().split("\r\n") == [
        HEAD,
        GOOD,
        "t2,north,1200,1.5,2026-01-31,Ahab,",
        "t3,south,7,,2026-02-03,, kept ",
        't4,south,1,2,2026-01-31,,""',
        "",
    ]
    assert cells(report) == {
        ("trip", "name", 1), ("port", "name", 1), ("port", "white space", 1), ("port", "case", 1),
        ("cars", "thousands", 1), ("cars", "number", 1), ("fare", "decimal comma", 1), ("sailed", "day first", 2),
        ("captain", "case", 1),
    }  # fmt: skip
    again = validate_contributed_data(load_config({"data_path": "out", "schema_config": "trips", "registry": registry}))
    assert (again.verdict, again.digest, again.rows.accepted) == ("accepted", told(report).digest, 4)


def test_what_cannot_be_mended_stands_in_the_way_or_goes_to_the_quarantine(fix: Any) -> None:
    rows = [
        GOOD,
        "t2,south,many,1,2026-01-31,,",
        't3,south,"1,200",1,2026-01-31,,',
        "t4,south,2,1",
        GOOD,
        "t5,South,-1,1,2026-01-31,,",
    ]
    Path("x.csv").write_text("\n".join([HEAD, *rows, ""]))
    report = fix("x.csv")
    assert (told(report).path, Path("out").exists()) == (None, False)
    assert "3 records cannot be mended; with --quarantine FILE" in (told(report).reason or "")
    report = fix("x.csv", "rest.parquet")
    assert (told(report).path, told(report).left_out) == ("out", 3)
    assert Path("out").read_text().splitlines() == [HEAD, GOOD, "t3,south,1200,1,2026-01-31,,", GOOD]
    assert cells(report) == {("cars", "thousands", 1)}, "what was left out was not mended"
    rest = pq.read_table("rest.parquet")
    assert sorted(set(zip(rest["record"].to_pylist(), rest["code"].to_pylist(), strict=True))) == [
        (2, "cell-type"), (4, "field-count"), (6, "rule-failed"),
    ]  # fmt: skip
    assert stat.S_IMODE(Path("rest.parquet").stat().st_mode) == 0o600


def test_json_lines_keep_what_is_right_byte_for_byte(fix: Any) -> None:
    good = '{"trip":"t1", "port":"north","cars":12,"fare":1.50,"sailed":"2026-01-31"}'
    bad = {"trip": "t2", "port": "SOUTH", "cars": "1,200", "fare": "2", "sailed": "2026/01/31", "captain": " Ahab"}
    Path("x.jsonl").write_text(f"{good}\n\n{json.dumps(bad)}\n")
    report = fix("x.jsonl")
    first, second = Path("out").read_text().splitlines()
    assert first == good
    assert json.loads(second) == {
        "trip": "t2", "port": "south", "cars": 1200, "fare": 2, "sailed": "2026-01-31", "captain": "Ahab",
    }  # fmt: skip
    assert ("fare", "type", 1) in cells(report)


def test_a_compressed_array_and_parquet_are_mended_too(fix: Any) -> None:
    row = {"trip": "t1", "port": "North", "cars": 1, "fare": None, "sailed": "2026-01-31"}
    Path("x.json.gz").write_bytes(gzip.compress(json.dumps([row, {**row, "trip": "t2"}]).encode()))
    assert cells(fix("x.json.gz")) == {("port", "case", 2)}
    assert [each["port"] for each in json.loads(Path("out").read_text())] == ["north", "north"]
    Path("out").unlink()
    columns = {name: pa.array([value]) for name, value in row.items()}
    columns |= {"port": pa.array(["North"]).dictionary_encode(), "cars": pa.array(["1,000,000"])}
    columns |= {"fare": pa.nulls(1, pa.float64()), "captain": pa.array(["Nemo"]), "note": pa.nulls(1, pa.string())}
    pq.write_table(pa.table(columns), "x.parquet")
    assert cells(fix("x.parquet")) == {("port", "case", 1), ("cars", "thousands", 1)}
    assert pq.read_table("out").select(["port", "cars"]).to_pylist() == [{"port": "north", "cars": "1000000"}]


def test_nothing_is_guessed(fix: Any) -> None:
    # Where a comma is the decimal sign, 1.234 passed as something else than it may mean.
    rows = ['t1,north,1,"1,5",2026-01-31,,', "t2,north,1,1.234,2026-01-31,,"]
    Path("x.csv").write_text("\n".join([HEAD, *rows, ""]))
    report = fix("x.csv")
    assert (told(report).path, told(report).cells) == (None, ())


def test_no_copy_where_nothing_is_wrong_or_the_suite_would_reject_it(fix: Any, registry: Path) -> None:
    Path("x.csv").write_text(f"{HEAD}\n{GOOD}\n")
    report = fix("x.csv")
    assert (report.verdict, told(report).path) == ("accepted", None)
    assert told(report).reason == "no record fails a rule, so there is nothing to mend"
    suite = registry / "expectations" / "trips" / "v1_0.json"
    suite.parent.mkdir(parents=True)
    few = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 5}, "severity": "critical"}
    suite.write_text(json.dumps({"name": "trips", "expectations": [few]}))
    try:
        Path("x.csv").write_text(f"{HEAD}\n{GOOD.replace('north', 'North')}\n")
        report = fix("x.csv")
    finally:
        suite.unlink()
    assert told(report).path is None
    assert "it would be rejected: checks failed" in (told(report).reason or "")


def test_nothing_is_overwritten_and_one_file_is_mended(fix: Any) -> None:
    Path("x.csv").write_text(f"{HEAD}\n{GOOD}\n")
    Path("y.csv").write_text(f"{HEAD}\n{GOOD}\n")
    Path("out").write_text("mine")
    with pytest.raises(Misuse, match="overwrites nothing"):
        fix("x.csv")
    assert Path("out").read_text() == "mine"
    Path("out").unlink()
    Path("out").symlink_to("nowhere")
    with pytest.raises(Misuse, match="overwrites nothing"):
        fix("x.csv")
    Path("out").unlink()
    with pytest.raises(Misuse, match="mends one file, and there are 2"):
        fix(["x.csv", "y.csv"])  # type: ignore[arg-type]
