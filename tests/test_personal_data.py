"""Personal data that the contract does not mark, the whole way: what each mode does, and that no value gets out."""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.in_process import command_line

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import load_config
from tidegate.data_integration import IntegrationResult, validate_contributed_data
from tidegate.errors import Misuse
from tidegate.receipt import Report

CONTRACT = '''
"""Trips of a ferry."""
from typing import Optional

import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    contact: str = pa.Field(metadata={"key": True})
    cars: int = pa.Field(ge=0)
    note: str = pa.Field(nullable=True, str_length={"max_value": 80})
    captain: str = pa.Field(nullable=True, metadata={"personal": True})
    more: Optional[str] = pa.Field(nullable=True, metadata={"json": "object"})
'''
SUITE = {
    "name": "trips",
    "expectations": [
        {
            "type": "expect_column_distinct_values_to_be_in_set",
            "kwargs": {"column": "note", "value_set": ["quiet"]},
            "severity": "info",
        },
    ],
}
PLANTED = ("zebedee@example.com", "+14155552671", "4111 1111 1111 1111", "DE89370400440532013000", "536-90-4399",
           "203.0.113.77", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")  # fmt: skip
NAMES = ("email", "phone", "credit_card", "iban", "us_ssn", "ip", "crypto_wallet")
HEADER = "contact,cars,note,captain\n"
SECRET = "a salt that nobody may see"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a registry in it."""
    (tmp_path / "contracts" / "trips").mkdir(parents=True)
    (tmp_path / "contracts" / "trips" / "v1_0.py").write_text(CONTRACT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(tmp_path))
    monkeypatch.setenv("SALT", SECRET)
    return tmp_path


def submit(rows: str, name: str = "x.csv") -> str:
    Path("in").mkdir(exist_ok=True)
    (Path("in") / name).write_text(rows)
    return f"in/{name}"


def planted() -> str:
    rows = [f"c{n},{n},say {value} twice,{value}" for n, value in enumerate(PLANTED)]
    return submit(HEADER + "".join(f"{row}\n" for row in [*rows, "quiet,1,quiet,Ahab", 'none,2,,""']))


def mode(name: str) -> dict[str, Any]:
    return {"personal_data": name} | ({"personal_salt_env": "SALT"} if name == "hash" else {})


def integrate(path: str, how: str = "hash", **more: Any) -> IntegrationResult:
    given: dict[str, Any] = {"training_data": "pool", "tracking": False, "schema_config": "trips"} | more
    return integrate_contributed_data(data_path=path, validation_config=mode(how), **given)


def validate(path: str, how: str = "report", quarantine: str | None = None) -> Report:
    values = {"data_path": path, "schema_config": "trips", "validation_config": mode(how)}
    return validate_contributed_data(load_config(values), quarantine)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return command_line("--verbose", *arguments, columns=300)


def told(*skipped: str) -> str:
    """Everything that lies in the working directory, but for what was sent."""
    texts = []
    for path in Path().rglob("*"):
        if path.is_file() and path.parts[0] not in ("in", "contracts", "expectations", *skipped):
            parquet = path.suffix == ".parquet"
            texts.append(str(pq.read_table(path).to_pydict()) if parquet else path.read_bytes().decode("latin-1"))
    return "\n".join(texts)


def secrets_in(text: str) -> list[str]:
    return [value for value in (*PLANTED, SECRET) if value in text]


DONE = {"report": "reported", "warn": "warned", "reject": "rejected", "hash": "hashed"}


@pytest.mark.parametrize("how", [*DONE, "ignore"])
def test_each_mode_from_the_command_line(how: str) -> None:
    Path("in").mkdir()
    Path("in/c.json").write_text(json.dumps({"validation_config": mode(how), "tracking": False}))  # which is YAML
    arguments = (planted(), "--contract", "trips", "--config", "in/c.json", "--into", "pool", "--format", "json")
    done = run("integrate", *arguments)
    report = json.loads(done.stdout)
    rejected = how == "reject"
    assert (done.returncode, report["verdict"]) == ((1, "rejected") if rejected else (0, "accepted"))
    found = [(each["column"], each["kind"], each["records"], each["done"]) for each in report["personal_data"]]
    assert found == ([("note", kind, 1, DONE[how]) for kind in NAMES] if how != "ignore" else [])
    checks = [(c["severity"], c["status"]) for c in report["checks"] if c["id"] == "dataframe.personal_data"]
    assert checks == {"warn": [("warning", "failed")], "reject": [("critical", "failed")]}.get(how, [])
    assert report["reasons"] == (["checks failed: dataframe.personal_data"] if rejected else [])
    repairs = [(repair["kind"], repair["column"], repair["cells"]) for repair in report["repairs"]]
    assert repairs == ([("hash", "note", 7)] if how == "hash" else [])
    assert secrets_in(done.stdout + done.stderr) == []
    assert secrets_in(told("pool")) == []
    if not rejected:
        (file,) = Path("pool").glob("*.parquet")
        pool = pq.read_table(file).to_pydict()
        assert pool["captain"][:7] == list(PLANTED), "the contract marks it"
        if how == "hash":
            assert all(note.startswith("hashed:") for note in pool["note"][:7])
            assert secrets_in(str(pool | {"captain": []})) == []
        else:
            assert pool["note"][:7] == [f"say {value} twice" for value in PLANTED]
        assert pool["note"][7:] == ["quiet", None]
        logs = "".join(path.read_text() for path in Path("pool/_delta_log").iterdir() if path.suffix == ".json")
        assert [value for value in secrets_in(logs) if how == "hash" and value not in pool["captain"]] == []


def test_validate_tells_the_same_in_text_and_where_it_stands() -> None:
    done = run("validate", planted(), "--contract", "trips")
    assert done.returncode == 0
    assert "personal data: credit_card in 1 record of note, reported" in done.stdout
    assert secrets_in(done.stdout + done.stderr + told()) == []


def test_the_page_has_it_too() -> None:
    integrate(planted(), "report")
    (page,) = Path(".tidegate").rglob("report.html")
    assert "<td>credit card</td>" in page.read_text()
    assert "<td>reported</td>" in page.read_text()


def test_a_warning_rejects_where_the_configuration_says_so() -> None:
    values = {"data_path": planted(), "schema_config": "trips"}
    strict = {"validation_config": {"personal_data": "warn", "warnings_reject": True}}
    assert validate(values["data_path"], "warn").verdict == "accepted"
    report = validate_contributed_data(load_config(values | strict))
    assert (report.verdict, report.reasons) == ("rejected", ("checks failed: dataframe.personal_data",))


def test_nothing_found_passes() -> None:
    report = validate(submit(HEADER + "c1,1,quiet,\n"), "reject")
    (check,) = [check for check in report.checks if check.kind == "scan"]
    assert (report.verdict, check.status, report.personal_data) == ("accepted", "passed", ())


def test_what_was_found_is_part_of_the_digest() -> None:
    quiet, loud = (submit(HEADER + f"c1,1,{note},\n", f"{note}.csv") for note in ("quiet", "8.8.8.8"))
    first, again = validate(quiet), validate(quiet)
    assert first.digest == again.digest
    other = first.model_copy(update={"personal_data": validate(loud).personal_data, "digest": ""})
    assert Report.model_validate(other.model_dump()).digest != first.digest


def test_no_example_and_no_observation_shows_a_value(caplog: pytest.LogCaptureFixture) -> None:
    Path("expectations/trips").mkdir(parents=True)
    Path("expectations/trips/v1_0.json").write_text(json.dumps(SUITE))
    caplog.set_level(logging.DEBUG)
    text = HEADER + "".join(
        f"c{n}a,1,{value},\nc{n}b,{value},quiet,\nc{n}c,1,{'-' * 80}{value},\n" for n, value in enumerate(PLANTED)
    )
    validation = {"max_failing_fraction": 1.0}
    result = integrate_contributed_data(
        data_path=submit(text), training_data="pool", tracking=False, schema_config="trips",
        validation_config=validation,
    )  # fmt: skip
    report = result.report
    assert report is not None
    failed = {check.id: check for check in report.checks if check.status == "failed"}
    assert {"cars.dtype", "note.str_length", "note.expect_column_distinct_values_to_be_in_set"} <= set(failed)
    assert [example.value for example in failed["cars.dtype"].examples] == [None] * 5
    assert secrets_in(report.model_dump_json() + caplog.text) == []
    assert secrets_in(told("pool", "quarantine").replace("\\", "")) == secrets_in(_quarantine())


def _quarantine() -> str:
    """What the quarantine holds: whole records, for their owner's eyes."""
    (path,) = Path(".tidegate/quarantine").glob("*.parquet")
    return str(pq.read_table(path).to_pydict())


def test_the_mode_of_a_column_is_not_told() -> None:
    path = submit(HEADER + "c1,1,bob@example.com,\nc2,1,bob@example.com,\nc3,1,,\n")
    values = {"data_path": path, "schema_config": "trips", "cleaning_config": {"missing": {"note": "mode"}}}
    (repair,) = validate_contributed_data(load_config(values)).repairs
    assert (repair.detail, repair.cells) == ("mode", 1)


KEYED = HEADER + "a@example.com,1,,\nb@example.com,2,,\nplain,3,,\n"


def test_duplicates_and_leaks_are_found_by_hashed_keys() -> None:
    integrate(submit(KEYED))
    more = KEYED.replace("1,", "7,") + "c@example.com,4,,\nc@example.com,5,,\nd@example.com,6,,\n"
    holdout = submit(HEADER + "d@example.com,6,,\n", "holdout.csv")
    result = integrate(submit(more), holdout=holdout)
    assert result.receipt.rows.model_dump() == {
        "read": 6, "malformed": 0, "failed": 0, "duplicate": 4, "leaked": 1, "accepted": 1
    }  # fmt: skip
    assert "example.com" not in str(result.dataset.to_arrow().to_pydict())


def test_duplicates_of_what_came_before_it_was_hashed_are_found() -> None:
    integrate(submit(KEYED), "report")
    result = integrate(submit(KEYED + "c@example.com,4,,\n"))
    assert (result.receipt.rows.duplicate, result.receipt.rows.accepted) == (3, 1)


def test_rules_judge_what_will_be_published() -> None:
    path = submit(HEADER + f"c1,1,{'-' * 70} bob@example.com,\n")
    assert validate(path).rows.failed == 1
    assert validate(path, "hash").rows.failed == 0


def test_what_cannot_be_hashed_is_turned_down() -> None:
    path = submit(
        json.dumps({"contact": "c", "cars": 1, "note": "", "captain": "", "more": {"a": "8.8.8.8"}}), "x.jsonl"
    )
    assert validate(path).reasons == ()
    with pytest.raises(SubmissionRejected) as turned_down:
        integrate(path)
    report = turned_down.value.report
    assert report.reasons == ("checks failed: dataframe.personal_data",)
    assert [(each.column, each.kind, each.done) for each in report.personal_data] == [("more", "ip", "rejected")]


def test_hash_without_a_salt_is_refused_before_any_data_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALT")
    with pytest.raises(Misuse, match="environment variable SALT"):
        validate("nowhere.csv", "hash")
    for values, message in (
        ({"personal_data": "hash"}, "hash needs personal_salt_env"),
        ({"personal_data": "warn", "personal_salt_env": "SALT"}, "belongs to hash, not to warn"),
        ({"personal_data": "hash", "personal_salt_env": "my own salt"}, "personal_salt_env"),
    ):
        with pytest.raises(Misuse, match=message) as refused:
            load_config({"schema_config": "trips", "validation_config": values})
        assert "my own salt" not in str(refused.value)
