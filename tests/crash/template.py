"""A process with everything imported, which forks one for each integration that may be killed.

A job is a line of JSON on standard input: the call's parameters, or none to deliver what is in the outbox; the state
folder; a place for what goes wrong; and the point at which the process kills itself, or none. The answer is two lines:
the process's number, and how it ended. With the argument `mlflow` that is imported as well.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import pyarrow.parquet  # noqa: F401 - imported here, so that a forked process need not
from tests.crash.points import arm

import tidegate.data_integration as gate
from tidegate.config import TrackingConfig
from tidegate.tracking.deliver import deliver_waiting
from tidegate.workspace import Workspace

if "mlflow" in sys.argv:
    import mlflow  # noqa: F401


def main() -> None:
    """Fork for each job until there are no more."""
    faulthandler.enable()  # a native library that ends a process says where
    for line in iter(sys.stdin.readline, ""):
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(job)
        answer(child)
        _, status = os.waitpid(child, 0)
        answer(os.waitstatus_to_exitcode(status))


def answer(number: int) -> None:
    """One line to whoever gave the job."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _run(job: dict[str, Any]) -> None:
    os.setpgid(0, 0)
    code = 1
    try:
        if job["point"]:
            arm(job["point"])
        if job["call"] is None:
            assert all(one.delivered for one in deliver_waiting(TrackingConfig(), Workspace(Path(job["state"]))))
        else:
            gate.integrate_contributed_data(**job["call"])
        code = 0
    except BaseException:  # noqa: BLE001 - the forked process must not go on as its parent
        Path(job["told"]).write_text(traceback.format_exc())
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
