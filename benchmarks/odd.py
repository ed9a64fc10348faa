"""What is wide, long or all wrong: each stays within the memory limit, or is refused in words.

`python -m benchmarks.odd --scale 0.01` from the root of a checkout; scale 1 is what docs/performance.md measures. Ends
with an error where a peak is above the limit, or where a row went in that should not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.cases import ROOT, CaseFailed, Limits, checked, new_folder
from benchmarks.odd_data import ODD, Made, Odd
from tidegate.engines.duckdb.memory import in_bytes

_TASKS = ("validate", "append")


@dataclass(frozen=True)
class Row:
    """What one task took on one shape. Bytes and seconds."""

    shape: str
    task: str
    input_bytes: int
    files: int
    rows: int
    seconds: float
    peak_memory: int
    peak_disk: int
    verdict: str


def main() -> None:
    """Run what the command line asks for. Its folder is removed whatever happens, Ctrl-C and SIGTERM included."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    limits = Limits(given.threads, given.memory_limit)
    folder = Path(mkdtemp(prefix="tidegate-odd-", dir=given.folder)).resolve()
    rows: list[Row] = []
    failed: list[str] = []
    try:
        for odd in ODD:
            if given.only is None or odd.name in given.only:
                _run(odd, given, folder, limits, rows, failed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        print(_table(rows), flush=True)
        if given.json is not None:
            given.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    if failed:
        raise SystemExit("\n".join(failed))


def _run(odd: Odd, given: argparse.Namespace, folder: Path, limits: Limits, rows: list[Row], failed: list[str]) -> None:
    """Make one shape and judge it. One that fails does not take the others' results with it."""
    with new_folder(folder) as own:
        registry = own / "registry"
        made = odd.make(own, registry, max(int(odd.full * given.scale), 1), given.seed)
        for task in given.tasks:
            try:
                row = _judged(odd, task, made, registry, own, limits)
            except CaseFailed as failure:
                failed.append(f"{odd.name}, {task}: {failure}")
                continue
            rows.append(row)
            print(f"{odd.name}, {task}: {row.seconds:.1f} s, {row.peak_memory / 1e6:,.0f} MB", file=sys.stderr)
            if row.peak_memory > in_bytes(limits.memory):
                failed.append(f"{odd.name}, {task}: {row.peak_memory / 1e6:,.0f} MB are above {limits.memory}")


def _judged(odd: Odd, task: str, made: Made, registry: Path, parent: Path, limits: Limits) -> Row:
    with new_folder(parent) as own:
        (own / "files").write_text("\n".join(map(str, made.files)), encoding="utf-8")
        home = registry if registry.is_dir() else ROOT
        command: list[str | Path] = [
            sys.executable, "-m", "benchmarks.by_tidegate", task, f"@{own / 'files'}",
            "--contract", made.contract, "--registry", home, "--pool", own / "pool", "--state-dir", own / "state",
        ]  # fmt: skip
        took = checked(f"{odd.name}, {task}", [*command, *limits.options()], own, limits)
    outcome = json.loads(took.output.splitlines()[-1])
    if "rows" in outcome:
        counted = outcome["rows"]["read"], outcome["rows"]["accepted"]
        if counted != (made.rows, made.accepted):
            raise CaseFailed(f"of {made.rows} rows {made.accepted} may go in, but read and accepted were {counted}")
    return Row(
        odd.name, task, sum(path.stat().st_size for path in made.files), len(made.files), made.rows, took.seconds,
        took.peak_memory, took.peak_disk, outcome["verdict"],
    )  # fmt: skip


def _table(rows: list[Row]) -> str:
    lines = ["| shape | task | input MB | rows | wall s | peak MB | work MB | verdict |", "| --- " * 8 + "|"]
    for row in rows:
        cells = (
            row.shape, row.task, f"{row.input_bytes / 1e6:,.0f}", f"{row.rows:,}", f"{row.seconds:,.1f}",
            f"{row.peak_memory / 1e6:,.0f}", f"{row.peak_disk / 1e6:,.0f}", row.verdict,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    names = [odd.name for odd in ODD]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.odd", description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=0.01, help="of the full sizes")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=f"of {', '.join(names)}")
    parser.add_argument("--tasks", nargs="+", choices=_TASKS, default=_TASKS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where data is made; temporary files go there otherwise")
    parser.add_argument("--json", type=Path, help="a file for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
