"""The cases, and how one is run: its floor first, then the program, which must count the rows that were planted.

A program that counts otherwise fails: seconds taken for a wrong result are worth nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from benchmarks.by_tidegate import WEIGHTS
from benchmarks.data import CONTRACTS, Planted
from benchmarks.measure import Measurement, measure

ROOT = Path(__file__).parents[1]
_SEVERAL = 1_100_000_000  # bytes; below this the floor is run more than once, since seconds vary


class CaseFailed(Exception):
    """A program ended with an error, or with a wrong result."""


@dataclass(frozen=True)
class Limits:
    """What a program may use of the machine. pandas and Polars know no limit of memory."""

    threads: int
    memory: str

    def options(self) -> list[str | Path]:
        """As the command line of floor and Tidegate takes them."""
        return ["--threads", str(self.threads), "--memory-limit", self.memory]


@dataclass(frozen=True)
class Submission:
    """The data of a case: its shape, the suffix of its file, and the share of rows of each wrong kind."""

    shape: Literal["flights", "wide_text"] = "flights"
    suffix: Literal["csv", "parquet"] = "csv"
    share: float = 0


@dataclass(frozen=True)
class Case:
    """One line of the table. `up_to`: the largest size, in bytes, that the program can be expected to survive."""

    name: str
    submission: Submission
    program: Literal["tidegate", "pandas", "polars"] = "tidegate"
    task: Literal["validate", "append", "interleave", "weighted"] = "append"
    up_to: int | None = None


CLEAN, PERCENT, TENTH = Submission(), Submission(share=0.01), Submission(share=0.1)
PARQUET, WIDE = Submission(suffix="parquet"), Submission("wide_text")

# In the order of their data: a file is made when its first case is due, and removed after its last.
CASES = (
    Case("validate", CLEAN, task="validate"),
    Case("append", CLEAN),
    Case("interleave and shuffle", CLEAN, task="interleave"),
    Case("weighted and shuffle", CLEAN, task="weighted"),
    Case("append, 1 % each wrong", PERCENT),
    Case("pandas, 1 % each wrong", PERCENT, program="pandas", up_to=1_000_000_000),
    Case("polars, 1 % each wrong", PERCENT, program="polars", up_to=2_000_000_000),
    Case("append, 10 % each wrong", TENTH),
    Case("validate Parquet", PARQUET, task="validate"),
    Case("append Parquet", PARQUET),
    Case("append wide text", WIDE),
)


@dataclass(frozen=True)
class Result:
    """What a case took. Bytes and seconds; `ratio` is to the median of the floor's runs just before."""

    case: str
    program: str
    input_bytes: int
    rows: int
    seconds: float
    peak_memory: int
    peak_disk: int
    floor_seconds: float
    ratio: float
    steps: dict[str, float] = field(default_factory=dict)


def run_case(case: Case, planted: Planted, pool: Path, pool_rows: int, folder: Path, limits: Limits) -> Result:
    """Run a case in a new folder within `folder`, which is gone afterwards.

    Args:
        pool: what is published into is a copy of it.

    Raises:
        CaseFailed: the program failed, or counted other rows than were planted.
    """
    floor = floor_seconds(planted.path, folder, limits)
    took, outcome = run(case, planted, pool, folder, limits)
    verify(case, planted, pool_rows, outcome)
    return Result(
        case=case.name,
        program=case.program,
        input_bytes=planted.path.stat().st_size,
        rows=planted.rows,
        seconds=took.seconds,
        peak_memory=took.peak_memory,
        peak_disk=took.peak_disk,
        floor_seconds=floor,
        ratio=took.seconds / floor,
        steps=outcome.get("steps", {}),
    )


def run(
    case: Case,
    planted: Planted,
    pool: Path,
    folder: Path,
    limits: Limits,
    engine: str = "duckdb",
    environment: Mapping[str, str] | None = None,
) -> tuple[Measurement, dict[str, Any]]:
    """Run a case's program, and give what it took and what it says of its outcome."""
    with new_folder(folder) as own:
        fresh = own / "pool"
        shutil.copytree(pool, fresh, copy_function=os.link)  # a published file is never changed
        command = _command(case, planted.path, fresh, own, limits)
        if engine != "duckdb":
            command += ["--engine", engine]
        took = checked(case.name, command, own, limits, environment)
        return took, json.loads(took.output.splitlines()[-1])


def make_pool(rows: Path, shape: str, pool: Path, folder: Path, limits: Limits) -> None:
    """Publish the rows of a file as a new pool."""
    with new_folder(folder) as own:
        checked("making the pool", _tidegate("append", rows, shape, pool, own, limits), own, limits)


def floor_seconds(source: Path, folder: Path, limits: Limits) -> float:
    """How long DuckDB alone takes to copy a file to Parquet."""
    times = 3 if source.stat().st_size < _SEVERAL else 1
    with new_folder(folder) as own:
        command = [*_python("floor"), source, own / "floor.parquet", *limits.options()]
        return statistics.median(checked("the floor", command, own, limits).seconds for _ in range(times))


def _command(case: Case, source: Path, pool: Path, own: Path, limits: Limits) -> list[str | Path]:
    shape = case.submission.shape
    if case.program == "tidegate":
        return _tidegate(case.task, source, shape, pool, own, limits)
    command = [*_python(f"by_{case.program}"), source, pool, own / "kept.parquet"]
    return [*command, "--contract", CONTRACTS[shape]] if case.program == "pandas" else command


def _tidegate(task: str, source: Path, shape: str, pool: Path, own: Path, limits: Limits) -> list[str | Path]:
    output: list[str | Path] = ["--output", own / "output"] if task in ("interleave", "weighted") else []
    command = [*_python("by_tidegate"), task, source, "--contract", CONTRACTS[shape], "--pool", pool, *output]
    return [*command, "--state-dir", own / "state", *limits.options()]


def _python(module: str) -> list[str | Path]:
    return [sys.executable, "-m", f"benchmarks.{module}"]


def checked(
    name: str, command: list[str | Path], own: Path, limits: Limits, more: Mapping[str, str] | None = None
) -> Measurement:
    """Run a command that works in `own`: temporary files go there too, where they are counted."""
    temporary = own / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {"TMPDIR": str(temporary), "POLARS_MAX_THREADS": str(limits.threads), **(more or {})}
    took = measure(command, (temporary, own / "state" / "work", own / "spill"), cwd=ROOT, environment=environment)
    if took.exit_code:
        raise CaseFailed(f"{name} ended with {took.exit_code}:\n{took.errors[-4000:]}")
    return took


def verify(case: Case, planted: Planted, pool_rows: int, outcome: dict[str, Any]) -> None:
    """Hold what a program counted against what was planted."""
    expected = planted.accounting()
    if outcome.get("verdict", "accepted") != "accepted":  # what is refused has counted nothing
        raise CaseFailed(f"{case.name}: the verdict is {outcome['verdict']}")
    counted = {name: outcome["rows"].get(name, 0) for name in expected}
    if counted != expected:
        raise CaseFailed(f"{case.name}: counted {counted}, but planted was {expected}")
    if "dataset_rows" not in outcome:
        return
    whole = pool_rows + expected["accepted"]
    if case.task == "weighted":
        total = min(pool_rows / WEIGHTS["base"], expected["accepted"] / WEIGHTS["contributed"])
        whole = sum(round(total * weight) for weight in WEIGHTS.values())
    if outcome["dataset_rows"] != whole:
        raise CaseFailed(f"{case.name}: {outcome['dataset_rows']} rows were written, but {whole} were to be")


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="run-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
