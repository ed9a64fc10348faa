"""Tidegate itself, through its Python interface. The last line that it prints is the row accounting, as JSON.

`python -m benchmarks.by_tidegate {validate,append,interleave,weighted} SOURCE... --contract flights@1.1 --pool DIR ...`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tidegate import integrate_contributed_data, validate_contributed_data
from tidegate.config import load_config
from tidegate.errors import SourceUnreadable, SubmissionRejected, TidegateError

WEIGHTS = {"base": 0.1, "contributed": 0.9}
"""The shares of `weighted`: those of the default sizes, so that nearly every row is kept and written."""

_STRATEGIES: dict[str, dict[str, Any]] = {
    "append": {"name": "append"},
    "interleave": {"name": "interleave"},
    "weighted": {"name": "weighted", "weights": WEIGHTS},
}


def validate(parameters: dict[str, Any]) -> dict[str, Any]:
    """Judge a submission."""
    report = validate_contributed_data(load_config(parameters))
    return {"verdict": report.verdict, "rows": report.rows.model_dump()}


def integrate(strategy: str, parameters: dict[str, Any], pool: Path, output: Path | None) -> dict[str, Any]:
    """Judge a submission and publish it into the pool, or with it into `output`, shuffled."""
    shuffle: dict[str, Any] = {"cleaning_config": {"shuffle": 1}} if strategy != "append" else {}
    result = integrate_contributed_data(
        **parameters,
        **shuffle,
        merge_strategy=_STRATEGIES[strategy],
        training_data=pool,
        output=output,
    )
    return {
        "verdict": result.receipt.verdict,
        "rows": result.receipt.rows.model_dump(),
        "dataset_rows": result.dataset.count(),
        "steps": {name: value for name, value in result.statistics.items() if name.startswith("seconds_")},
    }


def main() -> None:
    """Run one task on one submission."""
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars="@")
    parser.add_argument("task", choices=["validate", *_STRATEGIES])
    parser.add_argument("source", type=Path, nargs="+", help="or @FILE, which names one a line")
    parser.add_argument("--contract", required=True)
    parser.add_argument("--registry", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--engine", default="duckdb")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--state-dir", type=Path, default=Path(".tidegate"))
    given = parser.parse_args()
    parameters = {
        "data_path": given.source,
        "schema_config": given.contract,
        "registry": given.registry,
        "validation_config": {"max_failing_fraction": 1.0},  # bad rows are kept out, however many
        "resources": {"memory_limit": given.memory_limit, "threads": given.threads, "max_seconds": 24 * 3600},
        "state_dir": given.state_dir,
        "engine": given.engine,
        "tracking": False,
    }
    if given.task != "validate" and given.pool is None:
        parser.error(f"{given.task} needs --pool")
    try:
        if given.task == "validate":
            outcome = validate(parameters)
        else:
            outcome = integrate(given.task, parameters, given.pool, given.output)
    except SubmissionRejected as rejected:
        outcome = {"verdict": "rejected", "rows": rejected.report.rows.model_dump()}
    except TidegateError as refused:
        too_little_memory = type(refused) is TidegateError
        if not too_little_memory and not isinstance(refused, SourceUnreadable):
            raise
        outcome = {"verdict": f"refused: {refused.fact}"}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
