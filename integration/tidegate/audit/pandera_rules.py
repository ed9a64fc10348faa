"""Rules that only Pandera can judge: on every core, in processes of their own where there are many rows.

Python runs one thread at a time, so batches are dealt out to processes: each reads its row groups of one Parquet file
and writes the failing pairs to another. An engine with workers of its own has them judge a file each.
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
from tidegate.engines import DataFile, Engine, Job, Workers, rows_of
from tidegate.errors import BrokenContract, EngineFailed
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
    if engine.workers is not None:
        parts = len(read)
    else:
        wanted = min(resources.threads or os.cpu_count() or 1, -(-rows_of(read) // _ROWS_PER_PROCESS))
        parts = max(1, min(wanted, pq.read_metadata(read[0].path).num_row_groups))
    paths = [folder / f"failures-pandera-{part}.parquet" for part in range(parts)]
    if engine.workers is not None:
        jobs = [_job(contract, rules, file.path, path, left_out) for file, path in zip(read, paths, strict=True)]
        paths, not_evaluated = _on_workers(engine.workers, contract, jobs, rules, folder, resources.max_seconds)
    elif parts == 1 and can_be_bounded():
        not_evaluated = _in_this_process(contract, rules, read[0].path, paths[0], left_out, resources.max_seconds)
    else:
        jobs = [
            _job(contract, rules, read[0].path, path, left_out) | {"part": (n, parts)} for n, path in enumerate(paths)
        ]
        not_evaluated = _in_processes(jobs, rules, resources.max_seconds)
    for file in read:
        file.path.unlink()
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


def _job(contract: Contract, rules: Mapping[int, Rule], rows: Path, failures: Path, left_out: Collection[str]) -> Job:
    return {
        "contract": str(contract.path), "digest": contract.digest, "matched": dict(contract.matched),
        "rules": {str(number): rule.id for number, rule in rules.items()}, "rows": str(rows),
        "failures": str(failures), "left_out": list(left_out), "part": (0, 1),
    }  # fmt: skip


def _on_workers(
    workers: Workers, contract: Contract, jobs: list[Job], rules: Mapping[int, Rule], folder: Path, max_seconds: float
) -> tuple[list[Path], dict[str, str]]:
    from tidegate.audit.pandera_worker import judge, there  # not above: it is run as a program, too

    told = {"contract": str(contract.copy_to(folder)), "seconds": max_seconds}
    try:
        answers = workers(judge, [job | told for job in jobs])
    except EngineFailed as error:
        workers(there, [{}])  # a cluster that is lost fails here too, and that is no fault of the submission's
        answers = [{"exit": error.fact}]  # the author's code ended the worker, as often as it was tried
    return [Path(answer["failures"]) for answer in answers if "failures" in answer], _gathered(answers, rules)


def _in_processes(jobs: list[Job], rules: Mapping[int, Rule], max_seconds: float) -> dict[str, str]:
    # A contract may import from wherever this process does.
    ours = str(Path(tidegate.__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([ours, *filter(None, sys.path)])}
    started: list[subprocess.Popen[str]] = []
    answers: list[dict[str, Any]] = []
    try:
        for job in jobs:
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
