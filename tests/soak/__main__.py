"""Ten thousand valid integrations in a few processes: every one must succeed, and nothing may grow.

`make soak` runs it; RUNS= and SEED= choose others. Prints how many succeeded, and how much memory, threads, file
handles and left-over bytes grow per thousand; ends with 1 if one failed or something grows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {"megabytes": 20.0, "threads": 1.0, "handles": 1.0, "left_bytes": 1000.0}
"""Growth per thousand that is no growth: the allocator's noise, and what rounding makes."""
WARM = 0.3
"""The first part of a process's runs, in which caches fill, is not measured."""


def main() -> int:
    """Start the processes, gather what they tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    began, failed, growth = time.monotonic(), list[dict[str, Any]](), list[dict[str, float]]()
    with TemporaryDirectory(prefix="tidegate-soak-") as folder:
        workers = [_worker(Path(folder), number, asked) for number in range(asked.processes)]
        done = faults = 0
        for number, worker in enumerate(workers):
            worker.wait()
            told = [json.loads(line) for line in _told(Path(folder), number).read_text().splitlines()]
            runs = [line for line in told if "run" in line]
            if worker.returncode != 0 or not runs:
                failed.append({"process ended": worker.returncode})
            failed += [line for line in runs if line["error"]]
            done += len(runs)
            faults += sum(line["faults"] for line in runs)
            growth.append(_growth([line for line in runs if line["run"] >= len(runs) * WARM]))
    write = sys.stdout.write
    write(f"{done - len(failed):,} of {done:,} succeeded in {time.monotonic() - began:,.0f} s, ")
    write(f"over lines with {faults:,} faults, seed {asked.seed}\n")
    worst = {name: max(one[name] for one in growth) for name in growth[0]}
    for name, slope in worst.items():
        write(f"{name:>16} {slope:+12.2f} per thousand\n")
    for line in failed[:20]:
        write(f"failed: {line}\n")
    # Of a few runs a slope says nothing.
    grows = [name for name, most in ALLOWED.items() if worst[name] > most] if done >= 1000 else []
    return int(bool(failed or grows))


def _worker(folder: Path, number: int, asked: argparse.Namespace) -> subprocess.Popen[bytes]:
    own = folder / str(number)
    (own / "tmp").mkdir(parents=True)
    runs = asked.runs // asked.processes
    with _told(folder, number).open("w") as told:  # a pipe would be full, and hold up who is read last
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.soak.worker", str(own), str(runs), f"{asked.seed}-{number}"],
            stdout=told, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "integration"), str(ROOT)]),
                              "TMPDIR": str(own / "tmp")},
        )  # fmt: skip


def _told(folder: Path, number: int) -> Path:
    """What a process tells of its runs, a line each."""
    return folder / f"told-{number}.jsonl"


def _growth(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The slope of each measure, per thousand runs."""
    numbers = [run["run"] for run in runs]
    measures = [name for name in runs[0] if name not in ("run", "error", "faults")]
    return {name: linear_regression(numbers, [run[name] for run in runs]).slope * 1000 for name in measures}


if __name__ == "__main__":
    sys.exit(main())
