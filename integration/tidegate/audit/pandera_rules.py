"""Rules that only Pandera can judge: on every core, in processes of their own where there are many rows.

Python runs one thread at a time, so batches are dealt out to processes: each reads its row groups of one Parquet file
and writes the failing pairs to another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow.parquet as pq

import tidegate
from tidegate.audit.pandera_batches import BATCH_ROWS, judge_batches
from tidegate.columns import RECORD, WHOLE
from tidegate.config import Resources
from tidegate.deadline import OutOfTime, can_be_bounded, deadline
from tidegate.engines import DataFile, Engine
from tidegate.errors import BrokenContract
from tidegate.registry import Contract, Rule

# Pandera looks for it where PySpark is installed, which warns on standard error before it fails.
_NO_WARNING = "ignore:PySpark does not yet fully support pandas:FutureWarning"
_ROWS_PER_PROCESS = 4 * BATCH_ROWS  # for fewer, starting one takes longer than it saves


def judge_in_pandera(
    engine: Engine,
    rows: ir.Table,
    contract: Contract,
    rules: Mapping[int, Rule],
    folder: Path,
    left_out: Collection[str] = (),
    resources: Resources | None = None,
) -> tuple[tuple[DataFile, ...], dict[str, str]]:
    """Write the failing (record, rule) pairs of `rules` to Parquet in `folder`.

    Args:
        rows: with `_whole`, where rules over several columns are to be asked about absences too.
        rules: the rules to judge, by their number among the contract's rules that apply.
        left_out: columns that the submission lacks; a check over several columns does not see them.
        resources: how many processes, and how many seconds they have; the configuration's defaults without it.

    Returns:
        The files, and the rules that could not be judged, by id, with the reason.

    Raises:
        BrokenContract: a check looks at more than one row at a time.
    """
    needed = {name for rule in rules.values() for name in rule.columns}
    if any(not rule.columns for rule in rules.values()):
        needed = set(contract.definitions)
    columns = [name for name in contract.definitions if name in needed]
    known = [name for name in (RECORD, WHOLE) if name in rows.columns]
    read = engine.write(rows.select(*known, *columns), folder / "pandera-rows.parquet")
    resources = resources or Resources()
    wanted = min(resources.threads or os.cpu_count() or 1, -(-read.rows // _ROWS_PER_PROCESS))
    parts = max(1, min(wanted, pq.read_metadata(read.path).num_row_groups))
    paths = [folder / f"failures-pandera-{part}.parquet" for part in range(parts)]
    if parts == 1 and can_be_bounded():
        not_evaluated = _in_this_process(contract, rules, read.path, paths[0], left_out, resources.max_seconds)
    else:
        not_evaluated = _in_processes(contract, rules, read.path, paths, left_out, resources.max_seconds)
    read.path.unlink()
    if len(not_evaluated) == len(rules):  # a process that died has left half a file
        return (), not_evaluated
    return tuple(DataFile(path=path, rows=0) for path in paths), not_evaluated


def _in_this_process(
    contract: Contract,
    rules: Mapping[int, Rule],
    rows: Path,
    path: Path,
    left_out: Collection[str],
    max_seconds: float,
) -> dict[str, str]:
    try:
        with deadline(max_seconds):
            return judge_batches(contract, rules, rows, path, left_out)
    except OutOfTime:
        return _gathered([_timeout(max_seconds)], rules)


def _timeout(max_seconds: float) -> dict[str, Any]:
    return {"exit": f"a timeout after {max_seconds} s"}


def _in_processes(
    contract: Contract,
    rules: Mapping[int, Rule],
    rows: Path,
    paths: list[Path],
    left_out: Collection[str],
    max_seconds: float,
) -> dict[str, str]:
    # A contract may import from wherever this process does.
    ours = str(Path(tidegate.__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([ours, *filter(None, sys.path)])}
    started: list[subprocess.Popen[str]] = []
    answers: list[dict[str, Any]] = []
    try:
        for part, path in enumerate(paths):
            job = {
                "contract": str(contract.path), "digest": contract.digest, "matched": dict(contract.matched),
                "rules": {number: rule.id for number, rule in rules.items()}, "rows": str(rows),
                "failures": str(path), "left_out": list(left_out), "part": (part, len(paths)),
            }  # fmt: skip
            process = subprocess.Popen(
                [sys.executable, "-P", "-W", _NO_WARNING, "-m", "tidegate.audit.pandera_worker", json.dumps(job)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True,
                process_group=0,  # Ctrl-C is for us, and we end it
            )  # fmt: skip
            started.append(process)
        until = time.monotonic() + max_seconds
        for process in started:
            output, _ = process.communicate(timeout=max(0, until - time.monotonic()))
            ended = process.returncode
            # What the author's code prints comes before.
            answers.append({"exit": ended} if ended else json.loads(output.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        answers = [_timeout(max_seconds)]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    return _gathered(answers, rules)


def _gathered(answers: list[dict[str, Any]], rules: Mapping[int, Rule]) -> dict[str, str]:
    not_evaluated: dict[str, str] = {}
    for answer in answers:
        if "broken" in answer:
            raise BrokenContract(*answer["broken"])
        if "exit" in answer:
            return {rule.id: f"judging it in Pandera ended with {answer['exit']}" for rule in rules.values()}
        not_evaluated |= answer["not_evaluated"]
    return not_evaluated
