"""The same submission on both engines: DuckDB, Spark on this machine's cores, Spark on one executor and on two.

`python -m benchmarks.scaling --size 1GB` from the root of a checkout, on a machine with Java. An executor has one core;
the driver, which waits most of the time, has none of its own. Every run must count the rows that were planted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.engines.spark.processes import cluster

from benchmarks.__main__ import size
from benchmarks.cases import CLEAN, Case, Limits, floor_seconds, make_pool, run, verify
from benchmarks.data import Planted, rows_of, write_pool, write_submission

_CASE = Case("append", CLEAN)
_ONE_MACHINE = ("duckdb", "spark, both cores")
_EXECUTORS = {"spark, 1 executor": 1, "spark, 2 executors": 2}
_STEPS = (
    "acquire", "stage", "personal_data", "audit_rules", "deduplicate", "select", "audit_expectations", "publish"
)  # fmt: skip


@dataclass(frozen=True)
class Took:
    """Seconds of a run, of its steps, and in relation to the floor just before."""

    name: str
    seconds: float
    ratio: float
    steps: dict[str, float]


def main() -> None:
    """Measure, and print a table as it stands in docs/scaling.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=size, default=size("100MB"), help="of the submission as CSV")
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--only", nargs="+", choices=[*_ONE_MACHINE, *_EXECUTORS])
    parser.add_argument("--folder", type=Path, help="where data is made")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder = Path(mkdtemp(prefix="tidegate-benchmarks-", dir=given.folder)).resolve()
    limits = Limits(2, given.memory_limit)
    names = given.only or [*_ONE_MACHINE, *_EXECUTORS]
    results = []
    try:
        rows = rows_of("flights", given.size)
        write_pool(folder / "pool.parquet", "flights", rows // 10, seed=0, threads=2)
        make_pool(folder / "pool.parquet", "flights", folder / "pool", folder, limits)
        planted = write_submission(folder / "flights.csv", "flights", rows, rows // 10, share=0, seed=0, threads=2)
        for name in names:
            results.append(_took(name, planted, rows // 10, folder, limits))
            print(_line(results[-1]), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")


def _took(name: str, planted: Planted, pool_rows: int, folder: Path, limits: Limits) -> Took:
    floor = floor_seconds(planted.path, folder, limits)
    with _environment(name, folder) as environment:
        measured, outcome = run(_CASE, planted, folder / "pool", folder, limits, name.partition(",")[0], environment)
    verify(_CASE, planted, pool_rows, outcome)
    steps = {step: float(outcome["steps"].get(f"seconds_{step}", 0)) for step in _STEPS}
    return Took(name, measured.seconds, measured.seconds / floor, steps)


@contextmanager
def _environment(name: str, folder: Path) -> Iterator[dict[str, str]]:
    """What names the cluster, which is there until the end of the block."""
    if name not in _EXECUTORS:
        yield {}
        return
    settings = {
        "spark.cores.max": _EXECUTORS[name], "spark.executor.cores": 1, "spark.executor.memory": "900m",
        "spark.driver.memory": "1g", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.sql.shuffle.partitions": 8,
    }  # fmt: skip
    told = " ".join(f"--conf {key}={value}" for key, value in settings.items())
    where = folder / "cluster"
    where.mkdir()
    try:
        with cluster(where) as there:
            yield {
                "MASTER": there.master,
                "PYSPARK_SUBMIT_ARGS": f"{told} pyspark-shell",
                "PYSPARK_PYTHON": sys.executable,
            }
    finally:
        shutil.rmtree(where, ignore_errors=True)


def _line(took: Took) -> str:
    steps = " | ".join(f"{seconds:,.1f}" for seconds in took.steps.values())
    return f"| {took.name} | {took.seconds:,.1f} | {took.ratio:.1f} | {steps} |"


if __name__ == "__main__":
    main()
