"""`@gate` in a flow that runs from its code package, where neither the registry nor the flow's source is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from metaflow.exception import MetaflowException
from tests.crash.harness import CONTRACT
from tests.flows.test_recovery import ENVIRONMENT

from tidegate.flows.gate import gate

CLIENT = """
import json
from metaflow import Flow, namespace
from metaflow.cards import get_cards
namespace(None)
run = Flow("VerdictFlow").latest_run
steps = {}
for name in ("branched", "failed", "accepted"):
    task = run[name].task
    steps[name] = {
        "metadata": task.metadata_dict,
        "verdict": task.data.verdict,
        "receipt": task.data.receipt,
        "dataset": task.data.dataset is not None,
        "ran": "ran" in task,
        "refused": str(task["refused"].data) if "refused" in task else None,
        "page": task.data.report_page,
        "cards": [card.get() for card in get_cards(task)] if name != "failed" else [],
        "bytes": {artifact.id: artifact.size for artifact in task if artifact.id != "report_page"},
    }
rows = run["end"].task.data.rows
print(json.dumps({"ok": run.successful, "tags": sorted(run.user_tags), "rows": rows, "steps": steps}))
"""


def run(python: Path, folder: Path, *arguments: str, **more: str) -> str:
    done = subprocess.run(
        [python, *arguments],
        cwd=folder, env=os.environ | ENVIRONMENT | more, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the Client says of the run."""
    home, clean = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("clean")
    contract = home / "registry" / "contracts" / "trips" / "v1_0.py"
    contract.parent.mkdir(parents=True)
    contract.write_text(CONTRACT)
    (home / "flow").mkdir()
    shutil.copyfile(Path(__file__).with_name("verdict_flow.py"), home / "flow" / "verdict_flow.py")
    run(warm, home / "flow", "verdict_flow.py", "--no-pylint", "package", "save", str(home / "package.tgz"))
    with tarfile.open(home / "package.tgz") as package:
        package.extractall(clean, filter="data")
    shutil.rmtree(home)
    (clean / "right.csv").write_text("trip,distance,place\n1,1.5,x\n2,2.5,y\n")
    (clean / "wrong.csv").write_text("trip,distance,place\n3,far,x\n4,2.5,y\n")
    arguments = {"training_data": "pool", "state_dir": "state", "wrong": "wrong.csv"}
    # As Metaflow sets it where a remote step begins: its own code first.
    paths = os.pathsep.join([str(clean / ".mf_code"), ENVIRONMENT["PYTHONPATH"]])
    (clean / ".metaflow").mkdir()
    given = [f"--{name}={value}" for name, value in arguments.items()]
    run(warm, clean, "verdict_flow.py", "--no-pylint", "run", *given, PYTHONPATH=paths)
    result: dict[str, Any] = json.loads(run(warm, clean, "-c", CLIENT))
    return result


def test_a_rejected_submission_branches_or_fails_and_an_accepted_one_is_read_by_its_handle(
    told: dict[str, Any],
) -> None:
    steps = told["steps"]
    assert told["ok"]
    assert {name: step["verdict"] for name, step in steps.items()} == {
        "branched": "rejected", "failed": "rejected", "accepted": "accepted"
    }  # fmt: skip
    assert not steps["failed"]["ran"]
    assert "SubmissionRejected" in steps["failed"]["refused"]
    assert steps["failed"]["receipt"]["submission"]["contributor"] == "ann"
    assert {name: step["dataset"] for name, step in steps.items()} == {
        "branched": False, "failed": False, "accepted": True
    }  # fmt: skip
    assert told["rows"] == [1, 2]


def test_results_are_metadata_tags_and_small_artifacts(told: dict[str, Any]) -> None:
    for name, step in told["steps"].items():
        receipt = step["receipt"]
        submission = receipt["submission"]["id"][:12]
        assert step["metadata"][f"tidegate.verdict.{submission}"] == step["verdict"], name
        assert step["metadata"][f"tidegate.rows_read.{submission}"] == "2"
        assert max(step["bytes"].values()) < 5_000, step["bytes"]
    assert {"tidegate.verdict:rejected", "tidegate.verdict:accepted", "tidegate.contract:trips@1.0"} <= set(
        told["tags"]
    )


def test_the_card_is_the_report(told: dict[str, Any]) -> None:
    steps = told["steps"]
    assert {name: len(step["cards"]) for name, step in steps.items()} == {"branched": 1, "failed": 0, "accepted": 1}
    for name, verdict in (("branched", "Rejected"), ("accepted", "Accepted")):
        assert f"<h1>{verdict}</h1>" in steps[name]["cards"][0]
        assert steps[name]["cards"][0] == steps[name]["page"]


def test_what_means_nothing_is_said_when_the_flow_starts() -> None:
    with pytest.raises(MetaflowException, match=r"no argument 'schema'\. Did you mean 'schema_config'"):
        gate(schema="trips@1").external_init()
    with pytest.raises(MetaflowException, match="'fail' or 'branch'"):
        gate(on_rejection="explode").external_init()
