"""Drift gates end to end: ordinary expectations that compare a submission with the training data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.cli.demo_data import _source
from tidegate.config import load_config
from tidegate.data_integration import IntegrationResult, validate_contributed_data
from tidegate.errors import BrokenContract
from tidegate.pool import rollback
from tidegate.receipt import Check, Report
from tidegate.registry import shipped_registry
from tidegate.reports import to_html, to_text

CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    id: int = pa.Field(metadata={"key": True})
    port: str
    cars: float = pa.Field(nullable=True, alias="cars à bord")
'''
MEAN = "cars à bord.expect_column_mean_to_be_between"


def gate(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


def parameter(text: str) -> dict[str, str]:
    return {"$PARAMETER": text}


NEAR = gate(
    "expect_column_mean_to_be_between",
    column="cars à bord",
    min_value=parameter('pool["cars à bord"].mean - pool["cars à bord"].std'),
    max_value=parameter('pool["cars à bord"].mean + pool["cars à bord"].std'),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a registry in it."""
    (tmp_path / "contracts" / "trips").mkdir(parents=True)
    (tmp_path / "contracts" / "trips" / "v1_0.py").write_text(CONTRACT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(tmp_path))
    suite(NEAR)
    return tmp_path


def suite(*expectations: Any) -> None:
    path = Path("expectations/trips/v1_0.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": "trips", "expectations": expectations}))


def trips(first: int, cars: list[float | None], ports: list[str] | None = None) -> str:
    """A file of trips with ids from `first`, to north and south by turns."""
    ports = ports or ["north", "south"] * len(cars)
    rows = [f"{first + n},{ports[n]},{'' if value is None else value}" for n, value in enumerate(cars)]
    path = Path(f"{first}.csv")
    path.write_text("\n".join(["id,port,cars à bord", *rows, ""]), encoding="utf-8")
    return str(path)


def integrate(path: str, **more: Any) -> IntegrationResult:
    given: dict[str, Any] = {"training_data": "pool", "tracking": False, "schema_config": "trips"} | more
    return integrate_contributed_data(data_path=path, **given)


def rejected(path: str, **more: Any) -> Report:
    with pytest.raises(SubmissionRejected) as error:
        integrate(path, **more)
    return error.value.report


def validate(path: str, **more: Any) -> Report:
    return validate_contributed_data(load_config({"data_path": path, "schema_config": "trips"} | more))


def check(report: Report | None, name: str) -> Check:
    assert report is not None
    return next(check for check in report.checks if check.id == name)


BASE = [1.0, 2.0, 3.0, 4.0, 5.0, None]  # mean 3, standard deviation 1.58


def test_a_submission_that_drifts_is_rejected_and_an_honest_one_accepted() -> None:
    integrate(trips(0, BASE))
    report = rejected(trips(100, [5.0, 6.0, 7.0]))
    assert report.reasons == (f"checks failed: {MEAN}",)
    assert check(report, MEAN).expected == (
        'min_value 1.41886117 = pool["cars à bord"].mean - pool["cars à bord"].std, '
        'max_value 4.58113883 = pool["cars à bord"].mean + pool["cars à bord"].std, the pool at version 0'
    )
    assert check(report, MEAN).observed == "6.0"
    result = integrate(trips(200, [2.0, 4.0]))
    assert (result.receipt.verdict, check(result.report, MEAN).status) == ("accepted", "passed")


def test_the_first_publish_has_nothing_to_drift_from_and_says_so() -> None:
    result = integrate(trips(0, BASE))
    assert result.report is not None
    assert [c.id for c in result.report.checks if c.kind == "expectation"] == []
    note = f"{MEAN} was not judged: there is no training data, so there is nothing to compare with."
    assert result.report.notes == (note,)
    assert note in " ".join(to_text(result.report).split())
    assert note in to_html(result.report)


def test_a_pool_that_was_rolled_back_is_measured_as_it_is_now() -> None:
    integrate(trips(0, BASE))
    integrate(trips(100, [3.0, 4.5] * 50))
    rollback(Path("pool"), 0)
    assert "the pool at version 2" in check(integrate(trips(200, [1.5])).report, MEAN).expected
    kept = sorted(path.name for path in Path("pool/_tidegate/statistics").iterdir())
    assert kept == ["0.json", "2.json"], "measured at each version that a submission was held against"


def test_a_suite_that_asks_for_nothing_measures_nothing() -> None:
    suite(gate("expect_column_mean_to_be_between", column="cars à bord", max_value=9))
    integrate(trips(0, BASE))
    result = integrate(trips(100, [5.0]))
    assert not Path("pool/_tidegate").exists()
    assert "seconds_statistics" not in result.statistics


@pytest.mark.parametrize(
    ("expectation", "honest", "drifted"),
    [
        (
            gate("expect_column_values_to_not_be_null", column="cars à bord",
                 mostly=parameter('1 - pool["cars à bord"].null_fraction - 0.2')),
            [1.0, 2.0, 3.0, None], [1.0, None],
        ),
        (
            gate("expect_column_quantile_values_to_be_between", column="cars à bord", quantile_ranges={
                "quantiles": [0.5],
                "value_ranges": [[parameter('pool["cars à bord"].q25'), parameter('pool["cars à bord"].q75')]]}),
            [2.0, 3.0, 4.0], [1.0, 5.0, 5.0],
        ),
        (
            gate("expect_column_kl_divergence_to_be_less_than", column="cars à bord", threshold=0.5,
                 partition_object=parameter('pool["cars à bord"].partition')),
            [1.0, 2.0, 3.0, 4.0, 5.0], [5.0] * 5,
        ),
        (
            gate("expect_table_row_count_to_be_between", max_value=parameter("pool.rows / 2")),
            [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0],
        ),
        (
            gate("expect_column_max_to_be_between", column="cars à bord",
                 max_value=parameter('pool["cars à bord"].max')),
            [5.0], [5.5],
        ),
        (
            gate("expect_column_unique_value_count_to_be_between", column="cars à bord",
                 max_value=parameter('pool["cars à bord"].distinct')),
            [1.0, 1.5, 2.0, 2.5, 3.0], [1.0, 1.5, 2.0, 2.5, 3.0, 3.5],
        ),
    ],
)  # fmt: skip
def test_what_gates_there_are_for_numbers(expectation: Any, honest: list[Any], drifted: list[Any]) -> None:
    suite(expectation)
    integrate(trips(0, BASE))
    report = rejected(trips(200, drifted))
    assert [c.status for c in report.checks if c.kind == "expectation"] == ["failed"], report
    assert integrate(trips(100, honest)).receipt.verdict == "accepted"


@pytest.mark.parametrize(
    "expectation",
    [
        gate("expect_column_distinct_values_to_be_in_set", column="port", value_set=parameter("pool.port.values")),
        gate("expect_column_values_to_be_in_set", column="port", value_set=parameter("pool.port.values")),
        gate("expect_column_values_to_be_in_set", column="port", value_set=["north"],
             mostly=parameter('pool.port.shares["north"] - 0.2')),
        gate("expect_column_kl_divergence_to_be_less_than", column="port", threshold=0.1,
             partition_object=parameter("pool.port.partition"), tail_weight_holdout=0.001),
    ],
)  # fmt: skip
def test_what_gates_there_are_for_categories(expectation: Any) -> None:
    suite(expectation)
    integrate(trips(0, BASE))
    report = rejected(trips(200, [1.0] * 4, ["west"] * 4))
    assert [c.status for c in report.checks if c.kind == "expectation"] == ["failed"], report
    assert integrate(trips(100, [1.0] * 4)).receipt.verdict == "accepted"


def test_what_cannot_be_reckoned_is_no_pass() -> None:
    suite(gate("expect_column_mean_to_be_between", column="id", max_value=parameter('9 / pool["cars à bord"].min')))
    integrate(trips(0, [0.0, 1.0]))
    report = rejected(trips(100, [1.0]))
    assert report.reasons == ("not evaluated, so not passed: id.expect_column_mean_to_be_between",)
    assert "divides by zero" in str(check(report, "id.expect_column_mean_to_be_between").observed)


class TestValidate:
    def test_without_a_pool_gates_are_left_out_and_noted(self) -> None:
        for more in ({}, {"training_data": "nowhere"}):
            report = validate(trips(100, [1000.0]), **more)
            assert (report.verdict, report.notes[0][: len(MEAN)]) == ("accepted", MEAN)

    def test_a_contributor_without_a_pool_needs_no_deltalake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "deltalake", None)  # importing it raises
        assert validate(trips(100, [1000.0]), training_data="nowhere").notes

    def test_with_a_pool_they_are_judged_and_nothing_is_left_behind(self) -> None:
        integrate(trips(0, BASE))
        report = validate(trips(100, [1000.0]), training_data="pool")
        assert (report.verdict, check(report, MEAN).status, report.notes) == ("rejected", "failed", ())
        assert validate(trips(200, [3.0]), training_data="pool").verdict == "accepted"
        assert not Path("pool/_tidegate").exists()

    def test_a_gate_that_is_written_wrong_is_refused_without_a_pool_too(self) -> None:
        suite(gate("expect_column_mean_to_be_between", column="cars à bord", max=parameter("pool.rows")))
        with pytest.raises(BrokenContract, match=r"(?s)expectation 1 .*max"):
            validate(trips(100, [1.0]))
        suite(gate("expect_column_mean_to_be_between", column="id", max_value=parameter("pool.prot.distinct")))
        with pytest.raises(
            BrokenContract, match=r"(?s)v1_0\.json:1: expectation 1: the parameter.*Did you mean 'port'"
        ):
            validate(trips(100, [1.0]))


DRIFT = "distance.expect_column_mean_to_be_between#2"


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    """January and February as they were."""
    rows = pd.read_csv(_source(), keep_default_na=False)
    return rows[rows["month"] <= 2]


def test_the_gates_that_flights_ships(flights: pd.DataFrame) -> None:
    def send(rows: pd.DataFrame) -> IntegrationResult:
        rows.to_csv("flights.csv", index=False)
        more = {"schema_config": "flights@1", "registry": str(shipped_registry())}
        return integrate("flights.csv", cleaning_config={"null_values": ["NA"]}, **more)

    def passed(rows: pd.DataFrame) -> bool:
        return check(send(rows).report, DRIFT).status == "passed"

    send(flights[flights["month"] == 1])
    february = flights[flights["month"] == 2]
    assert passed(february[february["day"] == 9]), "a day on which more than half of all flights were cancelled"
    assert passed(february.loc[[february["distance"].idxmax()]]), "one flight to Honolulu"
    kilometres = february[february["day"] == 10].assign(distance=lambda rows: (rows["distance"] * 1.609).astype(int))
    with pytest.raises(SubmissionRejected) as error:
        send(kilometres)
    assert error.value.report.reasons == (f"checks failed: {DRIFT}",)
    others = february[february["day"] == 11].assign(carrier="HA")
    assert check(send(others).report, "carrier.expect_column_kl_divergence_to_be_less_than").status == "failed"
