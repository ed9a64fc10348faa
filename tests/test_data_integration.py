"""The whole way, on real DuckDB, Delta and Great Expectations, with a small registry."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import tidegate
from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import load_config
from tidegate.data_integration import IntegrationResult, validate_contributed_data
from tidegate.errors import BrokenContract, Misuse, PoolError, SourceUnreadable
from tidegate.pool import history
from tidegate.receipt import Report

CONTRACT = '''
"""Trips of a ferry."""
from typing import Optional

import pandas as pd
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    id: str = pa.Field(str_length={"min_value": 1}, unique=True, metadata={"key": True})
    port: str = pa.Field(isin=["north", "south"])
    cars: int = pa.Field(ge=0)
    delay: pd.Float64Dtype = pa.Field(nullable=True)
    captain: str = pa.Field(nullable=True, str_length={"min_value": 3}, metadata={"personal": True})
    note: Optional[str]

    class Config:
        strict = True
'''

SUITE = {
    "name": "trips",
    "expectations": [
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "cars", "max_value": 100}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "cars", "max_value": 50},
            "severity": "warning",
        },
    ],
}

HEADER = "id,port,cars,delay,captain\n"
GOOD = "t1,north,3,0.5,Ahab\nt2,south,4,,\nt3,north,0,1e1,Nemo\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a registry in it."""
    (tmp_path / "contracts" / "trips").mkdir(parents=True)
    (tmp_path / "expectations" / "trips").mkdir(parents=True)
    (tmp_path / "contracts" / "trips" / "v1_0.py").write_text(CONTRACT)
    (tmp_path / "expectations" / "trips" / "v1_0.json").write_text(json.dumps(SUITE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(tmp_path))
    return tmp_path


def submit(text: str, name: str = "x.csv") -> str:
    Path(name).write_text(text)
    return name


def integrate(text: str, name: str = "x.csv", **more: Any) -> IntegrationResult:
    given: dict[str, Any] = {"training_data": "pool", "tracking": False, "schema_config": "trips"} | more
    return integrate_contributed_data(data_path=submit(text, name), **given)


def validate(text: str, name: str = "x.csv", **more: Any) -> Report:
    config = load_config({"data_path": submit(text, name), "schema_config": "trips"} | more)
    return validate_contributed_data(config, "quarantine.parquet")


def counts(report: Any) -> list[int]:
    return list(report.rows.model_dump().values())


def quarantined(path: str | None = "quarantine.parquet") -> list[list[Any]]:
    assert path is not None
    rows = pq.read_table(path).select(["record", "code", "rule", "column"]).to_pylist()
    return [list(row.values()) for row in rows]


def ids(result: IntegrationResult) -> list[str]:
    return list(result.dataset.to_arrow(["id"]).column("id").to_pylist())


LENIENT = {"validation_config": {"max_failing_fraction": 1.0}}


@pytest.mark.usefixtures("folder")
class TestValidate:
    def test_a_good_file_is_accepted_and_leaves_nothing_behind(self) -> None:
        report = validate(HEADER + GOOD)
        assert (report.verdict, counts(report)) == ("accepted", [3, 0, 0, 0, 0, 3])
        assert {check.status for check in report.checks} == {"passed"}
        assert sorted(path.name for path in Path().iterdir()) == [
            "contracts", "expectations", "quarantine.parquet", "x.csv"
        ]  # fmt: skip
        assert quarantined(report.quarantine) == []

    def test_every_row_that_does_not_go_in_has_record_code_rule_and_column(self) -> None:
        report = validate(
            HEADER
            + "t1,north,3,,\n"  # goes in
            + "t2,west,-1,,\n"  # fails two rules
            + "t3,north,many,,\n"  # is malformed
            + "t4,north,1\n"  # is malformed
            + "t1,south,5,,\n"  # repeats t1
            + ",north,1,,\n"  # has no id
        )
        assert counts(report) == [6, 2, 2, 1, 0, 1]
        assert quarantined() == [
            [2, "rule-failed", "cars.greater_than_or_equal_to", "cars"],
            [2, "rule-failed", "port.isin", "port"],
            [3, "cell-type", "cars.dtype", "cars"],
            [4, "field-count", "dataframe.well_formed", None],
            [5, "duplicate", "deduplicate", None],
            [6, "rule-failed", "id.not_nullable", "id"],
        ]
        by_id = {check.id: check for check in report.checks}
        assert [(e.record, e.value) for e in by_id["port.isin"].examples] == [(2, "west")]
        assert [(e.record, e.value) for e in by_id["cars.dtype"].examples] == [(3, "many")]
        assert by_id["id.unique"].failing_rows == 2, "the rule is reported as Pandera judges it"

    def test_records_that_cannot_be_read_are_told_by_line_and_fault(self) -> None:
        report = validate(HEADER + "t1,north,1,,\nt2,north\nt3\n")
        (check,) = [check for check in report.checks if check.id == "dataframe.well_formed"]
        assert check.observed == "field-count: 2, the first at line 3: 2 fields where the header has 5"
        assert [(example.record, example.value) for example in check.examples] == [(2, None), (3, None)], "personal"
        reasons = pq.read_table("quarantine.parquet").column("reason").to_pylist()
        assert reasons[0] == "line 3: 2 fields where the header has 5: t2,north", "the quarantine keeps the line"

    def test_the_quarantine_keeps_the_record_and_is_its_owners_alone(self) -> None:
        validate(HEADER + GOOD + "t4,west,1,,Ahab\n", **LENIENT)
        (row,) = pq.read_table("quarantine.parquet").to_pylist()
        assert (row["record"], row["id"], row["port"], row["captain"]) == (4, "t4", "west", "Ahab")
        assert oct(Path("quarantine.parquet").stat().st_mode & 0o777) == "0o600"

    def test_personal_values_stand_in_no_report(self) -> None:
        report = validate(HEADER + "t1,north,1,,Xy\nt2,north,x,,Ahab\nt3,north\n")
        assert "captain.str_length" in [check.id for check in report.checks if check.status == "failed"]
        assert "Xy" not in report.model_dump_json()
        assert "Ahab" not in report.model_dump_json()

    @pytest.mark.parametrize(
        ("text", "verdict", "reason"),
        [
            (HEADER, "rejected", "it holds no records"),
            ("id,port,cars,delay\nt1,north,1,\n", "rejected", "captain.column_in_dataframe"),
            (HEADER.strip() + ",captian\nt1,north,1,,,\n", "rejected", "dataframe.column_in_schema"),
            (HEADER + GOOD + "t4,west,1,,\n", "rejected", "1 of 4 records fail (25.0%)"),
            (HEADER + "t1,north,400,,\n", "rejected", "cars.expect_column_mean_to_be_between"),
            (HEADER + "t1,north,51,,\n", "accepted", ""),
        ],
    )
    def test_verdicts(self, text: str, verdict: str, reason: str) -> None:
        report = validate(text)
        assert report.verdict == verdict
        assert reason in "; ".join(report.reasons)
        assert bool(report.reasons) == (verdict == "rejected")

    def test_a_wrong_column_turns_every_record_down(self) -> None:
        report = validate("id,port,cars,delay\nt1,north,1,\nt2,north,x,\n")
        assert counts(report) == [2, 1, 1, 0, 0, 0]
        assert next(row[:3] for row in quarantined()) == [1, "wrong-columns", "captain.column_in_dataframe"]
        status = {check.id: check.status for check in report.checks}
        assert (status["captain.str_length"], status["cars.greater_than_or_equal_to"]) == ("not_evaluated", "passed")

    def test_a_warning_rejects_where_the_configuration_says_so(self) -> None:
        report = validate(HEADER + "t1,north,51,,\n", validation_config={"warnings_reject": True})
        assert report.reasons == ("checks failed: cars.expect_column_values_to_be_between",)
        (failed,) = [check for check in report.checks if check.status == "failed"]
        assert [(example.record, example.value) for example in failed.examples] == [(1, "51")]

    def test_reject_turns_down_for_one_record(self) -> None:
        text = HEADER + "".join(f"t{n},north,1,,\n" for n in range(200)) + "bad,west,1,,\n"
        assert validate(text).verdict == "accepted"
        assert validate(text, validation_config={"on_failure": "reject"}).verdict == "rejected"

    def test_null_only_if_listed(self) -> None:
        text = HEADER + "t1,north,1,NA,NA \n"
        assert counts(validate(text))[1] == 1
        report = validate(text, cleaning_config={"null_values": ["NA"], "trim_strings": True})
        assert counts(report) == [1, 0, 0, 0, 0, 1]
        assert [(r.kind, r.column, r.cells) for r in report.repairs] == [
            ("null_values", "delay", 1),
            ("null_values", "captain", 1),
            ("trim_strings", "captain", 1),
        ]

    def test_missing_values_are_filled_or_their_rows_dropped(self) -> None:
        text = HEADER + "t1,north,1,2.0,\nt2,north,1,,Ahab\nt3,north,1,4.0,Ahab\n"
        report = validate(text, cleaning_config={"missing": {"delay": "mean", "captain": "drop_row"}})
        assert (report.verdict, counts(report)) == ("accepted", [3, 0, 1, 0, 0, 2])
        assert quarantined() == [[1, "missing-dropped", "captain.drop_row", "captain"]]
        assert [(r.kind, r.column, r.detail) for r in report.repairs] == [("missing", "delay", "mean 4.0")]

    def test_deduplicate_by_other_columns_or_not_at_all(self) -> None:
        text = HEADER + "t1,north,1,,\nt2,north,1,,\nt2,south,2,,\n"
        assert counts(validate(text, cleaning_config={"deduplicate": ["port"]})) == [3, 0, 2, 0, 0, 1]
        assert counts(validate(text, cleaning_config={"deduplicate": False})) == [3, 0, 2, 0, 0, 1]
        assert counts(validate(text)) == [3, 0, 0, 1, 0, 2]

    def test_in_json_an_optional_column_may_be_absent_or_null(self) -> None:
        row = {"id": "t1", "port": "north", "cars": 1, "delay": None, "captain": None}
        lines = [row, row | {"id": "t2", "note": None}, row | {"id": "t3", "note": "calm"}]
        report = validate("\n".join(map(json.dumps, lines)), "x.jsonl")
        assert report.submission.files[0].format == "jsonl"
        assert counts(report) == [3, 0, 0, 0, 0, 3]

    def test_in_csv_an_empty_cell_of_an_optional_column_is_a_null(self) -> None:
        report = validate(HEADER.strip() + ",note\nt1,north,1,,,\nt2,north,1,,,calm\n", **LENIENT)
        assert quarantined() == [[1, "rule-failed", "note.not_nullable", "note"]]
        assert counts(report) == [2, 0, 1, 0, 0, 1]

    def test_an_unknown_key_in_json_quarantines_its_record(self) -> None:
        row = {"id": "t1", "port": "north", "cars": 1, "delay": None, "captain": None}
        report = validate("\n".join(map(json.dumps, [row, row | {"id": "t2", "prot": 1}])), "x.json", **LENIENT)
        assert (report.verdict, counts(report)) == ("accepted", [2, 1, 0, 0, 0, 1])
        assert quarantined() == [[2, "unknown-column", "dataframe.column_in_schema", "prot"]]

    def test_a_json_file_of_which_no_record_can_be_read_lacks_no_column(self) -> None:
        report = validate('{"id": "a", "id": "b"}\n', "x.jsonl")
        assert report.reasons == ("1 of 1 records fail (100.0%), more than max_failing_fraction allows (1.0%)",)

    def test_the_digest_is_the_same_for_the_same_file_under_another_name(self) -> None:
        one = validate(HEADER + GOOD)
        Path("x.csv").rename("other.csv")
        other = validate_contributed_data(load_config({"data_path": "other.csv", "schema_config": "trips@1.0"}))
        assert one.digest == other.digest
        assert one.digest != validate(HEADER + GOOD.replace("Ahab", "Ahaz")).digest

    def test_several_files_are_one_submission_numbered_through(self) -> None:
        submit(HEADER + "t1,north,1,,\nt2,west,1,,\n", "a.csv")
        submit("port,id,cars,captain,delay\nwest,t3,1,,\nnorth,t1,1,,\n", "b.csv")
        config = load_config({"data_path": ["a.csv", "b.csv"], "schema_config": "trips"} | LENIENT)
        report = validate_contributed_data(config, "quarantine.parquet")
        assert counts(report) == [4, 0, 2, 1, 0, 1]
        assert [row[:2] for row in quarantined()] == [[2, "rule-failed"], [3, "rule-failed"], [4, "duplicate"]]


@pytest.mark.usefixtures("folder")
class TestFailClosed:
    def contract(self, check: str) -> None:
        Path("contracts/trips/v1_0.py").write_text(CONTRACT.replace("    class Config", check + "\n    class Config"))

    def test_a_check_that_raises_is_not_a_pass(self) -> None:
        self.contract("    @pa.check('cars')\n    def odd(cls, cells):\n        raise KeyError('x')\n")
        report = validate(HEADER + GOOD)
        assert report.reasons == ("not evaluated, so not passed: cars.odd",)

    def test_a_check_that_answers_for_other_rows_is_not_a_pass(self) -> None:
        self.contract("    @pa.check('cars')\n    def odd(cls, cells):\n        return cells[cells != 4] >= 0\n")
        assert validate(HEADER + GOOD).reasons == ("not evaluated, so not passed: cars.odd",)

    def test_a_check_that_looks_at_other_rows_is_refused_when_it_is_loaded(self) -> None:
        self.contract("    @pa.check('cars')\n    def odd(cls, cells):\n        return cells.sum() > 0\n")
        with pytest.raises(BrokenContract, match="'odd' looks at more than one row at a time") as refused:
            validate(HEADER + GOOD)
        assert refused.value.hint is not None
        assert "expect_column_sum_to_be_between" in refused.value.hint

    def test_an_expectation_that_raises_is_not_a_pass(self) -> None:
        suite = {"expectations": [{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "port"}}]}
        Path("expectations/trips/v1_0.json").write_text(json.dumps(suite))
        report = validate(HEADER + GOOD)
        assert report.reasons == ("not evaluated, so not passed: port.expect_column_mean_to_be_between",)


@pytest.mark.usefixtures("folder")
class TestIntegrate:
    def test_accepted_rows_are_published_with_their_lineage(self) -> None:
        result = integrate(HEADER + GOOD, contributor="ada")
        assert result.dataset.to_pandas(lineage=True)["_contributor"].tolist() == ["ada"] * 3
        assert ids(result) == ["t1", "t2", "t3"]
        assert (result.receipt.dataset_version, result.receipt.dataset_rows) == (0, 3)
        assert result.statistics["accepted"] == 3
        assert result.metadata["contract"] == "trips@1.0"

    def test_a_file_of_which_every_row_goes_in_is_promoted_as_it_was_staged(self) -> None:
        integrate(HEADER + GOOD)
        (part,) = Path("pool").glob("part-*.parquet")
        assert "_problems" in pq.read_schema(part).names, "it was written again"
        assert pq.read_metadata(part).row_group(0).column(0).compression == "ZSTD"

    def test_the_same_submission_publishes_once_and_says_so(self) -> None:
        first = integrate(HEADER + GOOD)
        again = integrate(HEADER + GOOD, name="renamed.csv")
        assert (again.receipt.already_published, again.report) == (True, None)
        assert again.receipt.rows == first.receipt.rows
        assert len(history(Path("pool"))) == 1

    def test_rows_of_the_pool_are_duplicates(self) -> None:
        integrate(HEADER + GOOD)
        result = integrate(HEADER + "t2,south,9,,\nt9,south,1,,\nt9,south,2,,\n")
        assert list(result.receipt.rows.model_dump().values()) == [3, 0, 0, 2, 0, 1]
        assert ids(result) == ["t1", "t2", "t3", "t9"]

    def test_nothing_new_commits_nothing(self) -> None:
        integrate(HEADER + GOOD)
        result = integrate(HEADER + GOOD + "t1,south,1,,\n")
        assert (result.receipt.rows.accepted, result.receipt.dataset_version) == (0, 0)
        assert len(history(Path("pool"))) == 1

    @pytest.mark.parametrize("kind", ["file", "table"])
    def test_rows_of_the_holdout_are_leaked(self, kind: str) -> None:
        holdout = submit(HEADER + "t2,north,1,,\n", "holdout.csv")
        if kind == "table":
            integrate(HEADER + "t2,north,1,,\n", training_data="holdout")
            holdout = "holdout"
        result = integrate(HEADER + GOOD, holdout=holdout)
        assert list(result.receipt.rows.model_dump().values()) == [3, 0, 0, 0, 1, 2]
        assert ids(result) == ["t1", "t3"]

    def test_a_rejected_submission_changes_nothing_and_leaves_its_quarantine(self) -> None:
        integrate(HEADER + GOOD)
        with pytest.raises(SubmissionRejected) as rejected:
            integrate(HEADER + "t8,west,1,,\nt9,north,1,,\n")
        report = rejected.value.report
        assert (report.verdict, counts(report)) == ("rejected", [2, 0, 1, 0, 0, 1])
        assert quarantined(report.quarantine) == [[1, "rule-failed", "port.isin", "port"]]
        assert len(history(Path("pool"))) == 1
        assert not any(Path(".tidegate/work").iterdir())

    def test_what_a_file_of_the_pool_has_besides_its_columns_stays_there(self) -> None:
        integrate(HEADER + GOOD)  # every row goes in, so the staged file is linked into the pool as it is
        result = integrate(HEADER + "u1,south,1,,\n", merge_strategy="interleave", output="out")
        columns = ["id", "port", "cars", "delay", "captain", "note"]
        assert result.dataset.to_arrow().column_names == columns
        (file,) = Path("out").glob("*.parquet")
        assert pq.read_schema(file).names == [*columns, "_submission", "_contributor"]

    def test_interleave_writes_a_new_dataset_and_leaves_the_pool(self) -> None:
        integrate(HEADER + GOOD)
        result = integrate(HEADER + "u1,south,1,,\n", merge_strategy="interleave", output="out")
        assert ids(result) == ["t1", "t2", "u1", "t3"]
        assert result.dataset.uri.endswith("out")
        assert len(history(Path("pool"))) == 1
        again = integrate(HEADER + "u1,south,1,,\n", merge_strategy="interleave", output="out")
        assert again.receipt.already_published

    def test_the_pool_is_in_its_order_also_after_a_submission_that_lost_rows(self) -> None:
        integrate(HEADER + GOOD)
        integrate(HEADER + "v1,west,1,,\nv2,south,1,,\nv3,west,1,,\nv4,south,1,,\n", **LENIENT)
        result = integrate(HEADER + "u1,south,1,,\n", merge_strategy="interleave", output="out")
        assert ids(result) == ["t1", "t2", "t3", "u1", "v2", "v4"]

    def test_weighted_with_sample_weights(self) -> None:
        integrate(HEADER + GOOD)
        strategy = {"name": "weighted", "weights": {"base": 0.5, "contributed": 0.5}, "sampling": "sample_weight"}
        result = integrate(HEADER + "u1,south,1,,\n", merge_strategy=strategy, output="out")
        assert result.dataset.to_arrow(["sample_weight"]).column(0).to_pylist() == pytest.approx(
            [2 / 3, 2 / 3, 2, 2 / 3]
        )

    def test_a_column_of_the_contract_is_not_written_over_by_weights(self) -> None:
        path = Path("contracts/trips/v1_0.py")
        path.write_text(path.read_text().replace("note: Optional[str]", "sample_weight: Optional[float]"))
        weights = {"base": 0.5, "contributed": 0.5}
        strategy = {"name": "weighted", "weights": weights, "sampling": "sample_weight"}
        with pytest.raises(Misuse, match="has a column 'sample_weight' itself"):
            integrate(HEADER + GOOD, merge_strategy=strategy, output="out")

    def test_shuffle_is_decided_by_its_seed(self) -> None:
        integrate(HEADER + "".join(f"t{n},north,1,,\n" for n in range(30)))
        orders = [
            ids(
                integrate(
                    HEADER + "u1,south,1,,\n",
                    merge_strategy="interleave",
                    output=f"out{n}",
                    cleaning_config={"shuffle": seed},
                )
            )
            for n, seed in enumerate((1, 1, 2))
        ]
        assert orders[0] == orders[1] != orders[2]
        assert sorted(orders[0]) == sorted(orders[2])

    def test_an_output_that_is_taken_is_left_alone(self) -> None:
        integrate(HEADER + GOOD)
        integrate(HEADER + "u1,south,1,,\n", merge_strategy="interleave", output="out")
        with pytest.raises(PoolError, match="already"):
            integrate(HEADER + "u2,south,1,,\n", merge_strategy="interleave", output="out")

    @pytest.mark.parametrize(
        ("more", "error", "message"),
        [
            ({"training_data": None}, Misuse, "no training_data"),
            ({"merge_strategy": "interleave"}, Misuse, "needs output"),
            ({"output": "out"}, Misuse, "append publishes into training_data"),
            ({"merge_strategy": "interleave", "output": "out"}, Misuse, "no pool at"),
            ({"schema_config": "trip"}, Misuse, "Did you mean 'trips'"),
            ({"cleaning_config": {"missing": {"cars": "abc"}}}, Misuse, "no value of a int64"),
            ({"validation_config": {"on_failure": "ignore"}}, Misuse, "on_failure"),
            ({"training_data": "ftp://bucket/pool"}, Misuse, "no place for a pool"),
        ],
    )
    def test_misuse_is_told_before_anything_is_published(self, more: Any, error: type, message: str) -> None:
        with pytest.raises(error, match=message):
            integrate(HEADER + GOOD, **more)
        assert not Path("pool").exists()

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(SourceUnreadable, match=r"nope\.csv is not there"):
            integrate_contributed_data(data_path="nope.csv", schema_config="trips", training_data="pool")

    def test_parameters_go_before_the_configuration_file(self) -> None:
        Path("c.yaml").write_text("schema_config: {contract: trips}\ntraining_data: other\ntracking: false\n")
        result = integrate_contributed_data(data_path=submit(HEADER + GOOD), training_data="pool", config="c.yaml")
        assert result.dataset.uri.endswith("pool")

    def test_the_log_has_the_run_and_no_cell(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "tidegate")
        result = integrate(HEADER + GOOD + "t4,Atlantis,1,,Ahab\n", **LENIENT)
        ours = [record for record in caplog.records if record.name.startswith("tidegate")]
        assert {getattr(record, "run_id", None) for record in ours} - {"-"} == {result.receipt.integration[:12]}
        logged = "\n".join(f"{record.getMessage()} {getattr(record, 'fields', '')}" for record in ours)
        assert "Atlantis" not in logged
        assert "Ahab" not in logged
        assert "'read': 4" in logged


KILLED = """
import os, signal, sys
import tidegate.data_integration as d
sys.modules["tidegate.pool.publish"]._commit = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
d.integrate_contributed_data(data_path="y.csv", schema_config="trips", training_data="pool", tracking=False)
"""


def test_killed_just_before_the_commit_and_run_again(folder: Path, warm: Path) -> None:
    integrate(HEADER + GOOD)
    before = history(folder / "pool")
    submit(HEADER + "u1,south,1,,\nu2,south,1,,\n", "y.csv")
    environment = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent)}
    killed = subprocess.run([warm, "-c", KILLED], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert history(folder / "pool") == before
    assert any((folder / ".tidegate/work").iterdir()), "the dead left its work"
    result = integrate(HEADER + "u1,south,1,,\nu2,south,1,,\n")
    assert ids(result) == ["t1", "t2", "t3", "u1", "u2"]
    assert not any((folder / ".tidegate/work").iterdir()), "and the next start swept it"
