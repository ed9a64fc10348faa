"""Mended copies: what is changed and what is not, in every format, and when none is written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.mending.trips import CONTRACT

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse
from tidegate.receipt import Mended, Report

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


def test_a_compressed_array_is_mended_in_rounds_and_written_plain(fix: Any) -> None:
    row = {
        "trip": "t1",
        "port": "North",
        "cars": "1,200",
        "fare": None,
        "sailed": "2026/01/31",
        "captain": None,
        "note": " ",
    }
    Path("x.json.gz").write_bytes(gzip.compress(json.dumps([row, {**row, "trip": "t2", "cars": 2}]).encode()))
    report = fix("x.json.gz")
    # A rule is asked of a record only where its cells have their types: the port of t1 fails in the second round.
    assert {(each.column, each.slip, each.cells) for each in told(report).cells} == {
        ("port", "case", 2), ("cars", "thousands", 1), ("sailed", "year first", 2),
    }  # fmt: skip
    first, second = json.loads(Path("out").read_text())
    assert first == row | {"port": "north", "cars": 1200, "sailed": "2026-01-31"}
    assert (second["cars"], second["note"]) == (2, " ")
    assert told(report).path == "out"


def test_a_record_that_cannot_be_mended_stands_in_the_way(fix: Any) -> None:
    Path("x.csv").write_text(f"{HEAD}\n{GOOD}\nt2,south,many,1,2026-01-31,,\n")
    report = fix("x.csv")
    assert (told(report).path, Path("out").exists()) == (None, False)
    assert told(report).reason == (
        "1 record cannot be mended, for it fails cars.dtype; with --quarantine FILE it is left out, and written there"
    )


def test_what_stands_in_the_way_is_named_by_the_rules_that_it_fails(fix: Any) -> None:
    Path("x.csv").write_text(f'{HEAD}\n{GOOD}\nt2,south,-9.0,1,2026-01-31,,\nt3,"south,1,1,2026-01-31,,\n')
    assert told(fix("x.csv")).reason == (
        "2 records cannot be mended, for they fail cars.greater_than_or_equal_to, dataframe.well_formed;"
        " with --quarantine FILE they are left out, and written there"
    )
    Path("x.csv").write_text(f"{HEAD.replace('sailed', 'sail')}\n{GOOD}\n")
    assert told(fix("x.csv", "rest.parquet")).reason == (
        "no record can be mended, for it fails dataframe.column_in_schema, sailed.column_in_dataframe"
    )
    Path("x.csv").write_text(f"{HEAD}\n{GOOD}\n{GOOD}\n")
    assert told(fix("x.csv")).reason == "no record but a duplicate is kept out, so there is nothing to mend"


def test_no_copy_where_no_record_is_left_and_the_quarantine_has_all(fix: Any) -> None:
    Path("x.csv").write_text(f"{HEAD}\nt2,south,many,1,2026-01-31,,\n")
    report = fix("x.csv", "rest.parquet")
    assert (told(report).path, told(report).reason) == (None, "no record can be mended, for it fails cars.dtype")
    assert (report.quarantine, pq.read_metadata("rest.parquet").num_rows) == (str(Path("rest.parquet").resolve()), 1)


@pytest.mark.parametrize("name", ["trip", "Trip"])
def test_the_quarantine_says_what_could_not_be_mended_and_not_what_was(fix: Any, name: str) -> None:
    bad = "t2,North,-9.0,1,2026/01/31,,\nt3,south,1,\nt4,north,7.0,1,2026-01-31,,\n"
    Path("x.csv").write_text(f"{HEAD.replace('trip', name)}\n{GOOD}\n{bad}")
    assert told(fix("x.csv", "rest.parquet")).left_out == 2
    rest = pq.read_table("rest.parquet").to_pylist()
    assert [(each["record"], each["code"], each["rule"], each["trip"]) for each in rest] == [
        (2, "rule-failed", "cars.greater_than_or_equal_to", "t2"),
        (3, "field-count", "dataframe.well_formed", None),
    ]
    assert [line.split(",")[0] for line in Path("out").read_text().splitlines()] == ["trip", "t1", "t4"]


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
    with pytest.raises(Misuse, match="--fix and --quarantine are both out"):
        fix("x.csv", "./out")
    with pytest.raises(Misuse, match="mends one file, and there are 2"):
        fix(["x.csv", "y.csv"])


def test_a_copy_lies_there_as_a_whole_or_not_at_all(fix: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.csv").write_text(f"{HEAD}\n{GOOD}\nt2,North,1,1,2026-01-31,,\nt3,south,many,1,2026-01-31,,\n")
    Path("closed").write_text("")
    with pytest.raises(Misuse, match=r"quarantine .* cannot be written"):
        fix("x.csv", "closed/rest.parquet")
    assert not Path("out").exists(), "the records that are left out are nowhere"

    def full(source: Any, out: Any) -> None:
        out.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tidegate.mending.copy.shutil.copyfileobj", full)
    with pytest.raises(Misuse, match="No space left"):
        fix("x.csv", "rest.parquet")
    assert not Path("out").exists()


def test_what_is_mended_keeps_no_right_record_out(fix: Any) -> None:
    trimmed = GOOD.replace("t1", "t2").replace("north", "North")
    Path("x.csv").write_text(f"{HEAD}\n{trimmed}\n{GOOD}\n{GOOD.replace('t1', 't2')}\n")
    assert "keep them out as duplicates" in str(told(fix("x.csv")).reason)
    Path("x.csv").write_text(f"{HEAD}\n{GOOD.replace('t1', 't2')}\n{trimmed}\n{GOOD}\n{GOOD}\n")
    assert told(fix("x.csv")).path == "out", "of two that are right one is a duplicate as it was, and one is mended"
