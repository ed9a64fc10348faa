"""Integrations into one pool, each killed once and called again; what must hold then."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tidegate
from tidegate.pool import Dataset, history
from tidegate.receipt import Receipt
from tidegate.tracking.outbox import waiting
from tidegate.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = '''"""Trips."""

import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: int = pa.Field(unique=True)
    distance: float = pa.Field(ge=0)
    place: str

    class Config:
        strict = True
'''
ROWS = 10


class Gate:
    """One pool, and processes that integrate into it."""

    def __init__(self, folder: Path, template: subprocess.Popen[str], tracked: bool) -> None:
        self.folder, self.pool, self._template, self._tracked = folder, folder / "pool", template, tracked
        self.workspace = Workspace(folder / "state")
        self._runs = 0
        self.seconds = 0.0

    def kill(self, points: Sequence[str | None], chance: random.Random) -> list[str]:
        """Integrate a new submission, killed at each of the points (None: a random moment), and then left alone.

        Returns:
            Where it was killed, and whether it had been published then.

        Raises:
            AssertionError: something was lost or doubled, or left behind.
        """
        call, killed = self._submission(), []
        before, expected = self._rows(), self._numbers()
        for point in points:
            at = self._kill(call, point, None if point else chance.uniform(0, self.seconds))
            rows = self._rows()
            assert rows in (before, sorted(before + expected)), f"half a publish, killed at {at}"
            killed.append(at + (", published" if rows != before else ""))
            if rows != before:
                break
        self._whole(call)
        assert self._rows() == sorted(before + expected), f"lost or doubled, killed at {killed}"
        self._hold(killed)
        return killed

    def kill_delivery(self, points: Sequence[str]) -> None:
        """Deliver what is in the outbox, killed at each of the points, and then left alone."""
        for point in points:
            self._kill(None, point, None)
        self._whole(None)
        receipt = history(self.pool)[0].receipt
        assert receipt is not None
        assert self._recorded(receipt.integration) == ["FINISHED"]
        assert waiting(self.workspace.outbox) == []

    def measure(self) -> None:
        """How long one takes that nobody kills."""
        call, began = self._submission(), time.monotonic()
        self._whole(call)
        self.seconds = time.monotonic() - began

    def _submission(self) -> dict[str, Any]:
        self._runs += 1
        csv, lines = self.folder / "a.csv", self.folder / "b.jsonl"
        rows = [{"trip": number, "distance": number / 4, "place": "here"} for number in self._numbers()]
        csv.write_text("trip,distance,place\n" + "".join("{trip},{distance},{place}\n".format(**r) for r in rows[::2]))
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows[1::2]))
        return {
            "data_path": [str(csv), str(lines)],
            "schema_config": "trips@1",
            "registry": str(self.folder / "registry"),
            "training_data": str(self.pool),
            "state_dir": str(self.workspace.root),
            "tracking": {"metaflow": False} if self._tracked else False,
            "resources": {"threads": 1},
        }

    def _numbers(self) -> list[int]:
        return [self._runs * 100 + n for n in range(ROWS)]

    def _kill(self, call: dict[str, Any] | None, point: str | None, delay: float | None) -> str:
        process = self._start(call, point)
        if delay is not None:
            time.sleep(delay)
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        ended = self._answer()
        if ended == 0 and point in (None, "in the commit"):
            return "nothing: it had ended"
        told = (self.folder / "told").read_text()
        assert ended == -signal.SIGKILL, f"{point or 'a kill'} was not reached: it ended with {ended}\n{told}"
        return point or f"{delay:.3f} s"

    def _whole(self, call: dict[str, Any] | None) -> None:
        self._start(call, None)
        ended = self._answer()
        assert ended == 0, f"it ended with {ended}\n" + (self.folder / "told").read_text()

    def _start(self, call: dict[str, Any] | None, point: str | None) -> int:
        (self.folder / "told").write_text("")
        job = {"call": call, "point": point, "told": str(self.folder / "told"), "state": str(self.workspace.root)}
        assert self._template.stdin is not None
        self._template.stdin.write(json.dumps(job) + "\n")
        self._template.stdin.flush()
        process = self._answer()
        with suppress(PermissionError, ProcessLookupError):  # it did that itself, or is gone
            os.setpgid(process, process)
        return process

    def _answer(self) -> int:
        assert self._template.stdout is not None
        return int(self._template.stdout.readline())

    def _rows(self) -> list[int]:
        if not (self.pool / "_delta_log").exists():
            return []
        dataset = Dataset(str(self.pool), history(self.pool)[0].version)
        return sorted(dataset.to_arrow(["trip"]).column("trip").to_pylist())

    def _hold(self, killed: list[str]) -> None:
        entries = history(self.pool)
        receipt = entries[0].receipt
        assert receipt is not None
        assert [entry.version for entry in entries] == list(range(len(entries)))[::-1]
        kept = self.workspace.receipts / receipt.integration[:32] / "receipt.json"
        assert Receipt.model_validate_json(kept.read_bytes()).digest == receipt.digest, f"killed at {killed}"
        assert list(self.workspace.work.iterdir()) == [], f"left behind, killed at {killed}"

    def _recorded(self, integration: str) -> list[str]:
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{self.workspace.root / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("tidegate")
        assert experiment is not None
        found = client.search_runs([experiment.experiment_id], f"tags.`tidegate.integration` = '{integration}'")
        return [run.info.status for run in found]


@contextmanager
def gate(folder: Path, python: Path, tracked: bool = False) -> Iterator[Gate]:
    """An empty pool, with a process that forks integrations into it until the end of the block.

    Args:
        python: what that process is, and the staging server that each integration starts.
    """
    contract = folder / "registry" / "contracts" / "trips" / "v1_0.py"
    contract.parent.mkdir(parents=True)
    contract.write_text(CONTRACT)
    source = str(Path(tidegate.__file__).resolve().parent.parent)
    template = subprocess.Popen(
        [python, "-m", "tests.crash.template", *(["mlflow"] if tracked else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([source, str(ROOT)])},
    )  # fmt: skip
    try:
        yield Gate(folder, template, tracked)
    finally:
        assert template.stdin is not None
        assert template.stdout is not None
        template.stdin.close()
        template.wait()
        template.stdout.close()
