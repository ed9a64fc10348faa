"""One process of many that judge batches in Pandera. Run as ``python -m tidegate.audit.pandera_worker <job>``.

The job is JSON, and so is the answer on standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tidegate.audit.pandera_batches import judge_batches
from tidegate.errors import BrokenContract
from tidegate.registry import load_contract


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
    answer = main(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(answer))
