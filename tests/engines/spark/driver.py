"""A process that integrates on whatever Spark it finds, run as ``python -m tests.engines.spark.driver <folder>``.

The folder has `job.json`; `answer.json` is written there. Workers import this module for the functions that die.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SETTINGS = {"spark.sql.session.timeZone": "America/New_York", "spark.sql.ansi.enabled": "false"}


def main(folder: Path) -> None:
    """Do the job."""
    from tidegate import integrate_contributed_data
    from tidegate.engines.spark import stage

    job = json.loads((folder / "job.json").read_text())
    stage._SHARE = 150 << 10  # a few thousand rows are several tasks, as many are
    if "DYING" in os.environ:
        _die_once_each()
    before = signal.getsignal(signal.SIGINT)
    told: dict[str, Any] = {"receipts": [_receipt(integrate_contributed_data, job["call"])]}
    assert signal.getsignal(signal.SIGINT) == before
    if "given" in job:
        told |= _left(lambda: told["receipts"].append(_receipt(integrate_contributed_data, job["given"])))
    (folder / "answer.json").write_text(json.dumps(told))


def _receipt(integrate: Callable[..., Any], call: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = integrate(**call).receipt.model_dump(mode="json")
    return told


def _left(integrate: Callable[[], None]) -> dict[str, Any]:
    """Integrate where a session is active, and tell what is left of it."""
    from pyspark.sql import SparkSession

    from tidegate.engines.spark.session import active

    session = SparkSession.builder.getOrCreate()
    for name, value in _SETTINGS.items():
        session.conf.set(name, value)
    session.range(3).createOrReplaceTempView("mine")
    integrate()
    elsewhere: list[bool] = []
    thread = threading.Thread(target=lambda: elsewhere.append(active() is session))
    thread.start()
    thread.join()
    return {
        "settings": {name: session.conf.get(name) for name in _SETTINGS} == _SETTINGS,
        "views": [table.name for table in session.catalog.listTables()],
        "rows": session.table("mine").count(),
        "still the one": SparkSession.builder.getOrCreate() is session,
        "found by other threads": elsewhere == [True],
    }


def _die_once_each() -> None:
    """Have every task of ours killed once, when it has done its work and not told of it."""
    from tests.engines.spark import driver  # by the name that workers know

    from tidegate.audit import pandera_worker
    from tidegate.engines.spark import stage, workers

    stage._stage, pandera_worker.judge = driver.stage_and_die, driver.judge_and_die
    workers._write = driver.write_and_die


def stage_and_die(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker."""
    from tidegate.engines.spark.stage import _stage

    told = _stage(job)
    _die_the_first_time("stage", job["sources"][0]["path"])
    return told


def judge_and_die(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker."""
    from tidegate.audit.pandera_worker import judge

    told = judge(job)
    _die_the_first_time("judge", job["rows"])
    return told


def write_and_die(batches: Any, schema: Any, path: str) -> int:
    """On a worker."""
    from tidegate.engines.spark.workers import _write

    rows = _write(batches, schema, path)
    if rows:
        _die_the_first_time("write", path.rpartition("-")[0])
    return rows


def _die_the_first_time(what: str, of: str) -> None:
    place = Path(os.environ["DYING"]) / f"{what}-{of.replace('/', '_')[-200:]}"
    try:
        place.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def stage_elsewhere(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker that does not see the files."""
    from tidegate.engines.spark.stage import _stage

    for source in job["sources"]:
        source["path"] = f"/nowhere{source['path']}"
    return _stage(job)


def stage_into_another_folder(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker that sees the files, and another folder than ours under the work folder's name."""
    from tidegate.engines.spark.stage import _stage

    told = _stage(job)
    for file in told["stage"]["files"]:
        file["path"] = f"/nowhere{file['path']}"
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1]))
