"""Generate data, run every case on it, and print what each took.

`python -m benchmarks` from the root of a checkout. At the default size start-up is much of the time: 1GB says more.

Columns of the table: `peak MB` is the memory of all processes together; `work MB` is disk in the folder where work is
in progress, staged files and what is spilled; `x floor` is the time in relation to DuckDB alone copying the same file
to Parquet, just before.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil

from benchmarks.cases import CASES, Case, CaseFailed, Limits, Result, make_pool, run_case
from benchmarks.data import rows_of, write_pool, write_submission

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_PACKAGES = ["tidegate", "duckdb", "pandas", "pandera", "great-expectations", "pyarrow", "deltalake", "polars"]
_COLUMNS = ("case", "input MB", "rows", "wall s", "rows/s", "peak MB", "work MB", "floor s", "x floor")


def main() -> None:
    """Run what the command line asks for. Its folder is removed whatever happens, Ctrl-C and SIGTERM included."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(mkdtemp(prefix="tidegate-benchmarks-", dir=given.folder)).resolve()
    results: list[Result] = []
    failed: list[str] = []
    try:
        _run(given, folder, results, failed)
    finally:
        if results:
            print(_table(results), flush=True)
        if results and given.json is not None:
            given.json.write_text(json.dumps(_record(given, results), indent=2) + "\n", encoding="utf-8")
        if given.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _run(given: argparse.Namespace, folder: Path, results: list[Result], failed: list[str]) -> None:
    """Run the chosen cases. One that fails does not take the others' results with it: they may have taken hours."""
    limits = Limits(given.threads, given.memory_limit)
    pools: dict[str, Path] = {}
    for submission, cases in groupby(_chosen(given), key=lambda case: case.submission):
        shape = submission.shape
        rows = rows_of(shape, given.size)
        pool_rows = given.pool_rows or rows // 10
        if shape not in pools:
            pools[shape] = folder / f"pool_{shape}"
            source = folder / f"pool_{shape}.parquet"
            write_pool(source, shape, pool_rows, seed=given.seed, threads=given.threads)
            make_pool(source, shape, pools[shape], folder, limits)
            source.unlink()
        path = folder / f"{shape}_{submission.share}.{submission.suffix}"
        planted = write_submission(
            path, shape, rows, pool_rows, share=submission.share, seed=given.seed, threads=given.threads
        )
        for case in cases:
            try:
                result = run_case(case, planted, pools[shape], pool_rows, folder, limits)
            except CaseFailed as failure:
                failed.append(case.name)
                print(f"{case.name}: {failure}", file=sys.stderr)
            else:
                results.append(result)
                print(f"{case.name}: {result.seconds:.1f} s", file=sys.stderr)
        if not given.keep:
            path.unlink()


def _chosen(given: argparse.Namespace) -> list[Case]:
    """The cases that were asked for by name, or all that can be expected to survive the size."""
    if given.only:
        return [case for case in CASES if case.name in given.only]
    chosen = [case for case in CASES if case.up_to is None or given.size <= case.up_to]
    for case in CASES:
        if case not in chosen:
            print(f"{case.name}: left out above {case.up_to} bytes; --only runs it", file=sys.stderr)
    return chosen


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--size", type=size, default=size("100MB"), help="of each submission as CSV, such as 100MB or 10GB"
    )
    parser.add_argument("--pool-rows", type=int, help="rows of the pool; without, a tenth of the submission's")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--memory-limit", default="4GB", help="of DuckDB, in the floor and in Tidegate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[case.name for case in CASES], help="of the cases by their names"
    )
    parser.add_argument("--folder", type=Path, help="where data is made; temporary files go there otherwise")
    parser.add_argument("--keep", action="store_true", help="keep the data")
    parser.add_argument("--json", type=Path, help="a file for the results, for benchmarks.plot")
    return parser.parse_args()


def size(text: str) -> int:
    """Bytes, of a text such as 100MB."""
    matched = re.fullmatch(r"(\d+)\s*([KMG]B)", text.strip().upper())
    if matched is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 100MB")
    return int(matched[1]) * _UNITS[matched[2]]


def _table(results: Sequence[Result]) -> str:
    rows = [_COLUMNS, *(_cells(result) for result in results)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.case,
        f"{result.input_bytes / 1e6:,.0f}",
        f"{result.rows:,}",
        f"{result.seconds:,.1f}",
        f"{result.rows / result.seconds:,.0f}",
        f"{result.peak_memory / 1e6:,.0f}",
        f"{result.peak_disk / 1e6:,.0f}",
        f"{result.floor_seconds:,.2f}",
        f"{result.ratio:.1f}",
    )


def _record(given: argparse.Namespace, results: Sequence[Result]) -> dict[str, Any]:
    """The results, and all that they depend on."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": given.size,
        "threads": given.threads,
        "memory_limit": given.memory_limit,
        "seed": given.seed,
        "machine": {
            "cores": os.cpu_count(),
            "memory": psutil.virtual_memory().total,
            "cpu": cpu[1] if cpu else platform.machine(),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "results": [asdict(result) for result in results],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
