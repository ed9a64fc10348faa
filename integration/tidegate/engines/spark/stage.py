"""Staging on the workers: by the same reader as on one machine, in the same guarded process, a task for each share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.engines.duckdb import stage as on_one_machine
from tidegate.engines.duckdb.memory import limit_of, refuse_too_little
from tidegate.engines.duckdb.shares import admit, together
from tidegate.engines.plan import Stage, StagePlan, StageSource
from tidegate.engines.spark.failures import explained, unshared
from tidegate.engines.spark.workers import run_on_workers
from tidegate.errors import Misuse, NoRoom, SourceUnreadable, TidegateError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SHARE = 128 << 20
"""Bytes of small files that one task stages."""
_LEAST_MEMORY = 512 << 20
_ERRORS = {error.__name__: error for error in (SourceUnreadable, NoRoom, Misuse, TidegateError)}


@contextmanager
def staging(session: SparkSession, plan: StagePlan) -> Iterator[Callable[[], Stage]]:
    """Stage a plan. The block gets the function that does it."""
    refuse_too_little(limit_of(plan.resources), {source.format for source in plan.sources})
    yield lambda: _staged(session, plan)


def _staged(session: SparkSession, plan: StagePlan) -> Stage:
    plan.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    cores = plan.resources.threads or os.cpu_count() or 1
    memory = max(limit_of(plan.resources) // cores, _LEAST_MEMORY)
    resources = plan.resources.model_copy(update={"threads": 1, "memory_limit": f"{memory}B"})
    shares = [plan.model_copy(update={"sources": sources, "resources": resources}) for sources in _shares(plan.sources)]
    with explained():
        answers = run_on_workers(session, _stage, [{"plan": share.model_dump(mode="json")} for share in shares])
    for answer in answers:
        if "unshared" in answer:
            raise unshared(Path(answer["unshared"]).parent)
        if "error" in answer:
            raise _ERRORS[answer["error"]](answer["fact"], answer["hint"])
    stage = together([Stage.model_validate(answer["stage"]) for answer in answers])
    for file in stage.files:
        if not file.path.exists():
            raise unshared(plan.folder)
    admit(stage.staged, plan.resources)  # each task knew only its own files
    return stage


def _shares(sources: tuple[StageSource, ...]) -> list[tuple[StageSource, ...]]:
    """Neighbours together, so that no share of several is larger than it should be."""
    past, numbers = 0, []
    for source in sources:
        past += source.path.stat().st_size
        numbers.append(past // _SHARE)
    return [
        tuple(source for _, source in pairs)
        for _, pairs in groupby(zip(numbers, sources, strict=True), key=lambda pair: pair[0])
    ]


def _stage(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker: stage one share into a folder of this attempt's own."""
    plan = StagePlan.model_validate(job["plan"])
    if missing := next((source for source in plan.sources if not os.access(source.path, os.R_OK)), None):
        return {"unshared": str(missing.path)}
    own = plan.folder / f"share-{uuid.uuid4().hex}"
    try:
        own.mkdir(mode=0o700)  # and no parents: an attempt that nobody waits for any more makes no folder anew
    except OSError:
        return {"unshared": str(own)}
    plan = plan.model_copy(update={"folder": own})
    try:
        with on_one_machine.staging(plan) as outcome:
            return {"stage": outcome().model_dump(mode="json")}
    except tuple(_ERRORS.values()) as error:
        return {"error": type(error).__name__, "fact": error.fact, "hint": error.hint}
