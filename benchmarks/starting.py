"""What it costs to start: `tidegate --help`, and to validate a small file, beside what importing the libraries costs.

`python -m benchmarks.starting`, and part of `make bench`. Seconds are processor time of all processes and wall clock,
each the median of several runs that take turns, so that a busy moment strikes all alike.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import ROOT
from benchmarks.data import write_submission

_LIBRARIES = (
    "duckdb, duckdb_sqlalchemy, great_expectations, ibis.backends.duckdb, pandera.backends.pandas.builtin_checks,"
    " pandera.pandas, pyarrow.parquet, pydantic, rich.console, stdnum.iban, typer, yaml, zstandard"
)
"""All that `validate` of a small file imports, but for what those import themselves."""
_ROWS = 100
Took = tuple[float, float]
"""Processor time and wall clock, in seconds."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starting", description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    with TemporaryDirectory(prefix="tidegate-benchmarks-") as folder:
        source = Path(folder) / "small.csv"
        write_submission(source, "flights", _ROWS, 1)
        took = measured(commands(source), times)
    print("what                                           cpu s  wall s")
    for name, (cpu, wall) in took.items():
        print(f"{name:<45}  {cpu:5.2f}  {wall:6.2f}")
    (imports, imports_wall), (validate, validate_wall) = took[IMPORTS], took[VALIDATE]
    print(f"{'validate beyond the imports':<45}  {validate - imports:5.2f}  {validate_wall - imports_wall:6.2f}")


HELP, IMPORTS, VALIDATE = "tidegate --help", "importing the libraries", f"tidegate validate, {_ROWS} rows with a suite"


def commands(source: Path) -> dict[str, list[str]]:
    """What is measured, by its name."""
    tidegate = [sys.executable, "-c", "from tidegate.cli import main; main()"]
    contract = ["--contract", "flights@1.1", "--registry", str(ROOT)]
    return {
        HELP: [*tidegate, "--help"],
        IMPORTS: [sys.executable, "-W", "ignore", "-c", f"import {_LIBRARIES}"],
        VALIDATE: [*tidegate, "validate", str(source), *contract],
    }


def measured(commands: dict[str, list[str]], times: int) -> dict[str, Took]:
    """The median of each, after a run that is not counted."""
    runs: dict[str, list[Took]] = {name: [] for name in commands}
    for turn in range(times + 1):
        for name, command in commands.items():
            took = _took(command)
            if turn:
                runs[name].append(took)
    return {name: (_median(each, 0), _median(each, 1)) for name, each in runs.items()}


def _median(runs: Sequence[Took], place: int) -> float:
    return statistics.median(run[place] for run in runs)


def _took(command: list[str]) -> Took:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - began


if __name__ == "__main__":
    main()
