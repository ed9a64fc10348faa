"""One process of many that judge batches in Pandera. Run as ``python -m tidegate.audit.pandera_worker <job>``.

The job is JSON, and so is the answer on standard output.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

from tidegate.audit.pandera_batches import judge_batches
from tidegate.deadline import OutOfTime, deadline
from tidegate.errors import BrokenContract
from tidegate.registry import load_contract

_PR_SET_PDEATHSIG = 1  # of prctl(2)


def end_with_parent() -> None:
    """Have the system end this process when its parent is gone, where the system can (Linux).

    A thread that waits for it, as the staging process has, would never run: a pattern that backtracks holds the lock
    of the interpreter.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def judge(job: dict[str, Any]) -> dict[str, Any]:
    """`main` on a machine that may not be this one, where it has so many `seconds`.

    It may be asked twice, at the same time even, so it writes under a name of its own, which it gives as `failures`.
    """
    path = Path(job["failures"])
    failures = str(path.with_stem(f"{path.stem}-{uuid.uuid4().hex}"))
    with deadline(job["seconds"]):
        try:
            return main(job | {"failures": failures}) | {"failures": failures}
        except OutOfTime:
            return {"exit": f"a timeout after {job['seconds']} s"}


def there(job: dict[str, Any]) -> dict[str, Any]:
    """Nothing to do: whoever answers is there."""
    return {}


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Judge one part of the rows."""
    try:
        contract = load_contract(Path(job["contract"]))
        if contract.digest != job["digest"]:
            return {"broken": [f"{contract.path} changed while it was used.", "Run it again."]}
        contract = contract.with_matched(job["matched"])
        by_id = {rule.id: rule for rule in contract.rules}
        rules = {int(number): by_id[rule] for number, rule in job["rules"].items()}
        part = (job["part"][0], job["part"][1])
        return {
            "not_evaluated": judge_batches(
                contract, rules, Path(job["rows"]), Path(job["failures"]), job["left_out"], part
            )
        }
    except BrokenContract as error:
        return {"broken": [error.fact, error.hint]}


if __name__ == "__main__":
    end_with_parent()
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
