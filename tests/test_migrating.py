"""Submissions under an earlier version: judged by its rules, migrated, judged by the new ones, published as those."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import deltalake
import pyarrow.parquet as pq
import pytest
from tests.cli.in_process import command_line

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import load_config
from tidegate.data_integration import integrate, validate_contributed_data
from tidegate.errors import Misuse, VersionRefused
from tidegate.receipt import Report
from tidegate.standard import load_standard

HEAD = "from typing import Optional\n\nimport pandera.pandas as pa\nfrom ibis import _\n"
OLD = """
class Trips(pa.DataFrameModel):
    trip: str = pa.Field(str_matches="^t[0-9]+$", unique=True, metadata={"key": True})
    port: str = pa.Field(isin=["north", "south"])
    cars: str
    crew: Optional[int] = pa.Field(ge=1)
    captain: str = pa.Field(nullable=True, metadata={"personal": True})

    class Config:
        strict = True
"""
NEW = """
class Trips(pa.DataFrameModel):
    number: str = pa.Field(unique=True, metadata={"key": True})
    harbour: str = pa.Field(isin=["NORTH", "SOUTH"])
    cars: int = pa.Field(ge=1)
    crew: Optional[int] = pa.Field(ge=1)
    skipper: str = pa.Field(nullable=True, metadata={"personal": True})
    lane: str = pa.Field(default="left")

    class Config:
        strict = True


MIGRATION = {
    "1.0": {"number": _.trip, "harbour": _.port.upper(), "cars": _.cars.cast("int64"), "skipper": _.captain}
}
"""
SUITE = [
    {"type": "expect_column_max_to_be_between", "kwargs": {"column": "cars", "max_value": 100}, "severity": "critical"}
]
HALF = {"max_failing_fraction": 0.5}
GOOD = "trip,port,cars,captain\nt1,north,12,Ahab\nt2,south,7,\n"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "registry"
    (root / "contracts/trips").mkdir(parents=True)
    (root / "expectations/trips").mkdir(parents=True)
    (root / "contracts/trips/v1_0.py").write_text(HEAD + OLD)
    (root / "contracts/trips/v2_0.py").write_text(HEAD + NEW)
    (root / "expectations/trips/v2_0.json").write_text(json.dumps({"name": "trips", "expectations": SUITE}))
    return root


def settings(text: str, **more: Any) -> dict[str, Any]:
    Path("old.csv").write_text(text)
    return {
        "data_path": "old.csv",
        "schema_config": {"contract": "trips@1", "migrate_to": "trips@2"},
        "registry": "registry",
        "tracking": False,
    } | more


def validated(text: str, **more: Any) -> Report:
    return validate_contributed_data(load_config(settings(text, **more)))


def pool_rows() -> list[dict[str, Any]]:
    rows = deltalake.DeltaTable("pool").to_pyarrow_table().drop_columns(["_submission", "_contributor"]).to_pylist()
    return sorted(rows, key=lambda row: row["number"])


def failures(report: Report) -> dict[str, list[tuple[int, str | None]]]:
    return {c.id: [(e.record, e.value) for e in c.examples] for c in report.checks if c.status != "passed"}


def test_an_old_submission_arrives_in_the_new_shape_and_once(registry: Path) -> None:
    given = settings(GOOD, training_data="pool", contributor="ahab")
    first = integrate_contributed_data(**given)
    row = {"crew": None, "lane": "left"}
    assert pool_rows() == [
        {"number": "t1", "harbour": "NORTH", "cars": 12, "skipper": "Ahab", **row},
        {"number": "t2", "harbour": "SOUTH", "cars": 7, "skipper": None, **row},
    ]
    receipt = first.receipt
    assert receipt.migrated_from is not None
    assert (receipt.migrated_from.version, receipt.contract.version) == ("1.0", "2.0")
    assert receipt.suite is not None
    assert "trips@2.0 from 1.0" in command_line("history", "pool").stdout
    again = integrate_contributed_data(**given)
    assert again.receipt.already_published
    assert again.receipt.digest == receipt.digest
    # The identity covers the migration: another one is another integration, whose rows are all there already.
    path = registry / "contracts/trips/v2_0.py"
    path.write_text(path.read_text().replace("_.port.upper()", "_.port.upper().strip()"))
    other = integrate_contributed_data(**given)
    assert other.receipt.integration != receipt.integration
    assert (other.receipt.rows.duplicate, other.receipt.rows.accepted, len(pool_rows())) == (2, 0, 2)


def test_a_rejection_tells_which_version_failed_and_counts_records_as_the_file_has_them(registry: Path) -> None:
    text = (
        "trip,port,cars,captain\n"
        "t1,north,12,Ahab\n"  # goes in
        "t2,west,7,Ahab\n"  # fails under 1.0
        "t3,south,many,Ahab\n"  # cannot be migrated
        "t4,south,0,Ahab\n"  # fails under 2.0
        "t1,north,12,Ahab\n"  # is there twice
    )
    with pytest.raises(SubmissionRejected) as raised:
        integrate_contributed_data(
            **settings(text, training_data="pool", validation_config={"max_failing_fraction": 0})
        )
    report = raised.value.report
    assert report.rows.model_dump() == {
        "read": 5, "malformed": 0, "failed": 1, "duplicate": 1, "leaked": 0, "accepted": 3,
    }  # fmt: skip
    assert "It is rejected under 1.0, so nothing was migrated." in report.notes
    assert (report.contract.version, getattr(report.migrated_from, "version", None)) == ("2.0", "1.0")

    result = integrate_contributed_data(
        **settings(text, training_data="pool", validation_config={"max_failing_fraction": 0.6})
    )
    told = result.report
    assert told is not None
    assert told.rows.model_dump() == {
        "read": 5, "malformed": 0, "failed": 3, "duplicate": 1, "leaked": 0, "accepted": 1,
    }  # fmt: skip
    assert failures(told) == {
        "port.isin": [(2, "west")],
        "trip.unique": [(1, "t1"), (5, "t1")],
        "cars.migration@2.0": [(3, "many")],
        "cars.greater_than_or_equal_to@2.0": [(4, "0")],
    }
    assert [(e.record, e.line) for c in told.checks for e in c.examples if c.id.startswith("cars.")] == [(3, 4), (4, 5)]
    kept = pq.read_table(str(told.quarantine)).to_pylist()
    assert [(row["record"], row["code"], row["rule"], row["cars"]) for row in kept] == [
        (2, "rule-failed", "port.isin", "7"),
        (3, "not-migrated", "cars.migration@2.0", "many"),
        (4, "rule-failed", "cars.greater_than_or_equal_to@2.0", "0"),
        (5, "duplicate", "deduplicate", "12"),
    ]
    assert [row["number"] for row in pool_rows()] == ["t1"]


def test_a_record_that_only_the_new_version_fails_makes_no_other_a_duplicate(registry: Path) -> None:
    old = registry / "contracts/trips/v1_0.py"
    old.write_text(old.read_text().replace("unique=True, ", ""))
    report = validated("trip,port,cars,captain\nt1,north,0,\nt1,north,5,\n", validation_config=HALF)
    rows = report.rows
    assert (rows.read, rows.failed, rows.duplicate, rows.accepted) == (2, 1, 0, 1)


def test_failures_of_both_versions_add_up_against_the_bound(registry: Path) -> None:
    rows = [f"t{n},north,{n},x" for n in range(1, 9)]
    text = "trip,port,cars,captain\n" + "\n".join([*rows, "t9,west,9,x", "t10,north,0,x"]) + "\n"
    report = validated(text, validation_config={"max_failing_fraction": 0.15})
    assert report.verdict == "rejected"
    assert report.reasons == ("2 of 10 records fail (20.0%), more than max_failing_fraction allows (15.0%)",)


def test_the_new_suite_judges_what_is_migrated(registry: Path) -> None:
    report = validated(GOOD.replace("12", "120"))
    assert report.verdict == "rejected"
    assert failures(report) == {"cars.expect_column_max_to_be_between": []}


def test_the_pool_and_the_holdout_are_of_the_new_version(registry: Path) -> None:
    header = "number,harbour,cars,skipper,lane\n"
    Path("new.csv").write_text(f"{header}t1,NORTH,12,Ahab,right\n")
    given = {"registry": "registry", "training_data": "pool", "tracking": False}
    integrate_contributed_data(data_path="new.csv", schema_config="trips@2", **given)
    Path("holdout.csv").write_text(f"{header}t2,NORTH,1,,\n")
    result = integrate_contributed_data(
        **settings(GOOD + "t3,south,9,\n", training_data="pool", holdout="holdout.csv", contributor="x")
    )
    assert result.receipt.rows.model_dump() == {
        "read": 3, "malformed": 0, "failed": 0, "duplicate": 1, "leaked": 1, "accepted": 1,
    }  # fmt: skip
    assert [row["number"] for row in pool_rows()] == ["t1", "t3"]


def test_the_columns_by_which_rows_are_the_same_are_those_of_the_new_version(registry: Path) -> None:
    for path in (registry / "contracts/trips").glob("v*.py"):
        path.write_text(path.read_text().replace("unique=True, ", ""))
    text = "trip,port,cars,captain\nt1,north,1,\nt1,south,2,\nt1,north,3,\n"
    by_both = validated(text, cleaning_config={"deduplicate": ["number", "harbour"]})
    assert (by_both.rows.accepted, by_both.rows.duplicate) == (2, 1), "north and south are two"
    assert [example.record for example in by_both.duplicates] == [3]


def test_no_value_of_a_personal_column_is_shown_under_either_version(registry: Path) -> None:
    path = registry / "contracts/trips/v2_0.py"
    path.write_text(
        path.read_text()
        .replace("skipper: str = pa.Field(", "skipper: int = pa.Field(ge=50, ")
        .replace('"skipper": _.captain', '"skipper": _.captain.cast("int64")')
    )
    text = "trip,port,cars,captain\nt1,north,1,Ahab\nt2,north,1,41\nt3,north,1,99\n"
    report = validated(text, validation_config={"max_failing_fraction": 1})
    assert failures(report) == {
        "skipper.migration@2.0": [(1, None)],
        "skipper.greater_than_or_equal_to@2.0": [(2, None)],
    }
    assert "Ahab" not in report.model_dump_json()
    assert '"41"' not in report.model_dump_json()


def test_what_is_hashed_is_hashed_in_the_new_shape(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALT", "s" * 16)
    (registry / "contracts/trips/v1_0.py").write_text(
        (HEAD + OLD).replace('port: str = pa.Field(isin=["north", "south"])', "port: str")
    )
    new = registry / "contracts/trips/v2_0.py"
    new.write_text(new.read_text().replace(' = pa.Field(isin=["NORTH", "SOUTH"])', "").replace(".upper()", ""))
    text = "trip,port,cars,captain\nt1,ann@example.org,1,\nt2,bob@example.org,2,\n"
    Path("raw.csv").write_text("number,harbour,cars,skipper,lane\nt9,ann@example.org,1,,left\n")
    common = {"training_data": "pool", "cleaning_config": {"deduplicate": ["harbour"]}}
    integrate_contributed_data(
        data_path="raw.csv", schema_config="trips@2", registry="registry", tracking=False, **common
    )
    hashed = {"personal_data": "hash", "personal_salt_env": "SALT"}
    result = integrate_contributed_data(**settings(text, validation_config=hashed, **common))
    assert result.receipt.rows.duplicate == 1, "the pool's cells are compared as if they were hashed"
    (row,) = (row for row in pool_rows() if row["number"] == "t2")
    assert "example.org" not in row["harbour"]


def test_dates_warn_and_then_refuse(registry: Path) -> None:
    (registry / "contracts.toml").write_text(
        '[deprecated."trips@1"]\nsince = 2026-12-01\nrefused = 2027-03-01\nuse = "trips@2"\n'
    )
    config = load_config(settings(GOOD, training_data="pool"))
    before, since, refused = datetime.date(2026, 11, 30), datetime.date(2026, 12, 1), datetime.date(2027, 3, 1)
    told = "trips@1.0 is deprecated from 2026-12-01 and refused from 2027-03-01: change to trips@2."
    for call in (validate_contributed_data, integrate):
        with pytest.raises(VersionRefused, match=r"trips@1\.0 is refused since 2027-03-01"):
            call(config, today=refused)
    assert not Path("pool").exists()
    early, late = validate_contributed_data(config, today=before), integrate(config, since).report
    assert late is not None
    assert told not in early.notes
    assert told in late.notes
    assert early.digest == late.digest, "the day is no part of what was judged"
    # The dates are the registry's, and the new version is not touched by them.
    assert load_standard(load_config({"schema_config": "trips@2", "registry": "registry"}), refused).notes == ()


def test_the_command_line_migrates_and_refuses(registry: Path) -> None:
    Path("old.csv").write_text(GOOD)
    named = ("old.csv", "--contract", "trips@1", "--registry", "registry")
    done = command_line("validate", *named, "--migrate-to", "trips@2", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["migrated_from"]["version"]) == (0, "1.0")
    fixed = command_line("validate", *named, "--migrate-to", "trips@2", "--fix", "mended.csv")
    assert (fixed.returncode, "Leave out --migrate-to" in fixed.stderr) == (2, True)
    alone = command_line("validate", "old.csv", "--migrate-to", "trips@2")
    assert (alone.returncode, "there is no --contract" in alone.stderr) == (2, True)
    back = command_line("validate", "old.csv", "--contract", "trips@2", "--migrate-to", "trips@1", *named[3:])
    assert (back.returncode, "trips@1.0 has no migration from trips@2.0" in back.stderr) == (2, True)
    (registry / "contracts.toml").write_text(
        '[deprecated."trips@1"]\nsince = 2020-12-01\nrefused = 2021-03-01\nuse = "trips@2"\n'
    )
    done = command_line("validate", *named)
    assert (done.returncode, "version-refused" in done.stderr) == (2, True)


def test_a_configuration_for_the_old_columns_is_held_against_them(registry: Path) -> None:
    text = GOOD + "t3,south,NA,NA\n"
    cleaned = {"null_values": ["NA"], "missing": {"cars": "0", "captain": "drop_row"}}
    report = validated(text, cleaning_config=cleaned, validation_config={"max_failing_fraction": 0})
    assert report.verdict == "accepted", "what the configuration drops is no fault"
    assert report.rows.failed == 2, "t2 has no captain either"
    with pytest.raises(Misuse, match="the contract has no such column"):
        validated(text, cleaning_config={"missing": {"skipper": "drop_row"}})
