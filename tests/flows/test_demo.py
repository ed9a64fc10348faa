"""The demo as a newcomer runs it: the training flow on real flights, once for all tests here."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from tests.reports import made_up

import tidegate
from tidegate.cli.demo import _fresh
from tidegate.errors import Misuse
from tidegate.flows.training_flow import impact_parts
from tidegate.impact import Impact, measure_impact, metrics, rows
from tidegate.pool import Dataset, history

ENVIRONMENT = {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent), "METAFLOW_USER": "newcomer"}
# The command itself is as newcomers run it; what it starts, a process for each step of the flow, is warm.
MAIN = "import sys; sys.executable = {warm!r}; from tidegate.cli import main; main()"

# What each contribution is salted with: wrong types; bad distances and origins; repeated and known rows; the holdout's.
SALT = {"malformed": 15, "failed": 50, "duplicate": 100, "leaked": 30}
MONTHS = {"october": 28_889, "november": 27_268, "december": 28_135}


@pytest.fixture(scope="module")
def demo(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the demo made, and what it said."""
    cwd = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-c", MAIN.format(warm=str(warm)), "demo"],
        cwd=cwd, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return cwd / ".tidegate" / "demo", done.stdout


@pytest.fixture(scope="module")
def run(warm: Path, demo: tuple[Path, str]) -> dict[str, Any]:
    """What the Metaflow Client says of the run."""
    script = (
        "import json\nfrom metaflow import Flow, namespace\nfrom metaflow.cards import get_cards\nnamespace(None)\n"
        "run = Flow('TrainingFlow').latest_run\ntask = run['integrate_contributed_data'].task\n"
        "print(json.dumps({'tags': sorted(run.user_tags), 'metadata': task.metadata_dict, 'ok': run.successful,"
        " 'receipts': task.data.receipts, 'verdicts': task.data.verdicts,"
        " 'impact': run['end'].task.data.impact, 'card': get_cards(task)[0].get(),"
        " 'impact_card': get_cards(run['evaluate'].task)[0].get()}))"
    )
    environment = os.environ | ENVIRONMENT
    done = subprocess.run([warm, "-c", script], cwd=demo[0], env=environment, capture_output=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_every_salted_row_is_kept_out_and_every_other_let_in(demo: tuple[Path, str]) -> None:
    receipts = [entry.receipt for entry in history(demo[0] / "pool") if entry.receipt is not None]
    told = {Path(receipt.submission.files[0].uri).stem: receipt.rows for receipt in receipts}
    for name, month in MONTHS.items():
        rows = told[name].model_dump()
        # The rows of a wrong type are some of the month's own, or of those that were added.
        assert {part: rows[part] for part in SALT} == SALT
        assert month - SALT["malformed"] <= rows["accepted"] <= month
        assert rows["read"] == sum(SALT.values()) + rows["accepted"]


def test_no_flight_of_the_holdout_and_none_twice_is_in_the_pool(demo: tuple[Path, str]) -> None:
    newest = history(demo[0] / "pool")[0].version
    keys = Dataset(str(demo[0] / "pool"), newest).to_pandas(["month", "time_hour", "carrier", "flight", "origin"])
    assert set(keys["month"]) == {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12}
    assert not keys.duplicated(["time_hour", "carrier", "flight", "origin"]).any()
    assert (newest, len(keys)) == (3, sum(entry.rows or 0 for entry in history(demo[0] / "pool")))


def test_the_flow_records_verdicts_as_metadata_tags_artifacts_and_card(run: dict[str, Any]) -> None:
    assert run["ok"]
    assert {"tidegate.verdict:accepted", "tidegate.contract:flights@1.1", "tidegate.dataset_version:3"} <= set(
        run["tags"]
    )
    assert set(run["verdicts"].values()) == {"accepted"}
    card = content_of(run["card"])
    for receipt in run["receipts"]:
        submission = receipt["submission"]["id"][:12]
        assert run["metadata"][f"tidegate.verdict.{submission}"] == "accepted"
        assert run["metadata"][f"tidegate.rows_accepted.{submission}"] == str(receipt["rows"]["accepted"])
        assert submission in card


def test_mlflow_has_a_run_per_integration_and_one_for_the_scores(demo: tuple[Path, str], run: dict[str, Any]) -> None:
    client = MlflowClient(f"sqlite:///{demo[0] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tidegate")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(r.data.tags.get("tidegate.verdict", "scores") for r in runs) == ["accepted"] * 4 + ["scores"]


def content_of(card: str) -> str:
    """What a card shows. It carries that in base64."""
    (content,) = re.findall(r'__MF_DATA__\["[^"]+"\]\s*=\s*"([^"]+)"', card)
    return base64.b64decode(content).decode()


def test_report_card_and_mlflow_tell_the_same_figures(demo: tuple[Path, str], run: dict[str, Any]) -> None:
    impact = Impact.model_validate(run["impact"])
    client = MlflowClient(f"sqlite:///{demo[0] / 'mlflow.db'}")
    logged = client.search_runs([client.get_experiment_by_name("tidegate").experiment_id])
    (evaluation,) = [one for one in logged if one.info.run_name == "evaluation"]
    assert evaluation.data.metrics == pytest.approx(metrics(impact.effects))
    card, verdicts = content_of(run["impact_card"]), content_of(run["card"])
    assert len(impact.contributions) == len(MONTHS)
    for name in MONTHS:
        page = (demo[0] / f"report-{name}.html").read_text(encoding="utf-8")
        (receipt,) = [one for one in run["receipts"] if f"{name}." in one["submission"]["files"][0]["uri"]]
        (logged_run,) = [one for one in logged if one.data.tags.get("tidegate.integration") == receipt["integration"]]
        own = impact.of(receipt["submission"]["id"])
        assert own is not None
        for part, count in receipt["rows"].items():
            assert f"{count:,}" in page
            assert logged_run.data.metrics[part] == count
            assert str(count) in verdicts
        for row in (*rows(impact.effects), *rows(own.effects)):
            for figure in ("before", "after", "difference", "interval"):
                assert row[figure] in page
                assert row[figure] in card
        told = metrics(own.effects, "impact_")
        assert {name: logged_run.data.metrics[name] for name in told} == pytest.approx(told)
        artifacts = client.download_artifacts(logged_run.info.run_id, "tidegate/report.html")
        assert Path(artifacts).read_text(encoding="utf-8") == page


def test_a_contributors_name_is_no_markup_of_the_card() -> None:
    one = lambda weights: {"error": 1.0}  # noqa: E731
    without = [(made_up.receipt("a" * 64, made_up.HOSTILE[1]), one)]
    impact = measure_impact(one, one, without, better={"error": "lower"}, records=2, versions=(0, 1))
    # Metaflow shows the cells of a table as text, and the HTML in Markdown as HTML.
    told = [part.render() for part in impact_parts(impact)]
    assert made_up.HOSTILE[1] in json.dumps([part for part in told if part["type"] == "table"])
    assert made_up.HOSTILE[1] not in json.dumps([part for part in told if part["type"] != "table"])


def test_it_ends_with_where_to_look_and_all_of_it_is_there(demo: tuple[Path, str]) -> None:
    folder, said = demo
    for name in MONTHS:
        assert f".tidegate/demo/report-{name}.html" in said
        assert "<h1>Accepted</h1>" in (folder / f"report-{name}.html").read_text()
    assert '<h2 id="columns">' in (folder / "report.html").read_text(encoding="utf-8")
    assert "mlflow ui --backend-store-uri sqlite:///.tidegate/demo/mlflow.db" in said
    # The printed line works as it stands, whoever the reader is.
    (line,) = [line for line in said.splitlines() if line.endswith("card view evaluate")]
    command = line.split(maxsplit=1)[1].replace("card view", "card get")
    assert "METAFLOW_USER" not in os.environ
    shown = subprocess.run(["bash", "-c", command], cwd=folder.parents[1], capture_output=True, text=True, check=True)
    assert "__MF_DATA__" in shown.stdout
    assert "roc_auc   before 0." in said


def test_what_a_demo_made_is_made_afresh_and_what_it_did_not_make_is_left(tmp_path: Path) -> None:
    folder = _fresh(tmp_path / "demo")
    (folder / "old").touch()
    assert not (_fresh(tmp_path / "demo") / "old").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(Misuse, match="no demo made it"):
        _fresh(tmp_path / "mine")
