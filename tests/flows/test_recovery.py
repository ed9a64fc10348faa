"""Metaflow tries a step again, resumes a run, and starts several at once: each contribution is in the pool once."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.crash.harness import CONTRACT, ROOT

import tidegate
from tidegate.pool import Dataset, history

NAMES = ["a", "b", "c"]
ENVIRONMENT = {
    "METAFLOW_USER": "newcomer",
    "PYTHONPATH": os.pathsep.join([str(Path(tidegate.__file__).parent.parent), str(ROOT)]),
}


def metaflow(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, str(Path(__file__).with_name("gate_flow.py")), *arguments],
        cwd=folder, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def published(folder: Path) -> tuple[list[str], list[int]]:
    """Who published, by version, and the trips in the pool."""
    pool = folder / "pool"
    by = [entry.receipt.submission.contributor for entry in history(pool) if entry.receipt is not None]
    trips = Dataset(str(pool), len(by) - 1).to_arrow().column("trip").to_pylist()
    return sorted(map(str, by)), sorted(trips)


def verdicts(folder: Path) -> list[list[str]]:
    """Of each run in turn, the verdicts in the metadata of the gate's tasks."""
    runs = sorted((folder / ".metaflow" / "GateFlow").glob("[0-9]*"), key=lambda run: int(run.name))
    kept = [run.glob("integrate_contributed_data/*/_meta/sysmeta_tidegate.verdict.*.json") for run in runs]
    return [[json.loads(file.read_text())["value"] for file in files] for files in kept]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    contract = folder / "contracts" / "trips" / "v1_0.py"
    contract.parent.mkdir(parents=True)
    contract.write_text(CONTRACT)
    (folder / ".metaflow").mkdir()  # else Metaflow may find one above
    for number, name in enumerate(NAMES):
        rows = "".join(f"{number * 10 + row},1.5,x\n" for row in range(10))
        (folder / f"{name}.csv").write_text(f"trip,distance,place\n{rows}")
    return folder


def test_retry_foreach_and_resume_publish_each_contribution_once(warm: Path, folder: Path) -> None:
    (folder / "stumble").touch()
    failed = metaflow(warm, folder, "run", "--folder", str(folder), "--max-workers", "3")
    assert failed.returncode != 0
    assert "stumbles" in failed.stdout + failed.stderr
    everything = (NAMES, list(range(30)))
    assert published(folder) == everything, "three at once, one of them killed after its commit and tried again"

    (folder / "stumble").unlink()
    resumed = metaflow(warm, folder, "resume")
    assert resumed.returncode == 0, resumed.stderr
    told = json.loads((folder / "told.json").read_text())
    assert sorted(one["version"] for one in told.values()) == [0, 1, 2]
    assert {name: one["attempt"] for name, one in told.items()} == {"a": 0, "b": 1, "c": 0}
    assert {name: one["lost"] for name, one in told.items()} == {"a": False, "b": True, "c": False}
    assert published(folder) == everything

    again = metaflow(warm, folder, "resume", "integrate_contributed_data")
    assert again.returncode == 0, again.stderr
    assert published(folder) == everything, "the step that is run again finds what it published"
    assert verdicts(folder) == [["accepted"] * 3, [], ["accepted"] * 3], "a task that did the work tells of it"
