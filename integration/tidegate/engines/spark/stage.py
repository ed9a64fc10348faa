"""Staging on the workers: by the same reader as on one machine, in the same guarded process.

A task has a share: several small files, or a part of a large one. A large file is read in parts as long as each can be
read by itself (see `tidegate.engines.parts`); else one task reads it whole.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tidegate.engines.duckdb import stage as on_one_machine
from tidegate.engines.duckdb.memory import limit_of, refuse_too_little
from tidegate.engines.duckdb.shares import admit, together
from tidegate.engines.parts import joined
from tidegate.engines.plan import Stage, StagePlan, StageSource, Unsplittable
from tidegate.engines.spark.failures import explained, unshared
from tidegate.engines.spark.workers import run_on_workers
from tidegate.errors import Misuse, NoRoom, SourceUnreadable, TidegateError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_Share: TypeAlias = tuple[StageSource, ...]

_SHARE = 128 << 20
"""Bytes that one task stages, about; of JSON, which takes longer to read, a quarter."""
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
    for_one = plan.resources.model_copy(update={"threads": 1, "memory_limit": f"{memory}B"})
    tasks = _Tasks(session, plan.model_copy(update={"resources": for_one}))
    groups = _groups(tasks.cut(plan.sources))
    answers = iter(tasks.stage([share for shares in groups for share in shares]))
    stages = [_added_up(plan, [next(answers) for _ in shares]) for shares in groups]
    again = [number for number, stage in enumerate(stages) if stage is None]
    for number, stage in zip(again, tasks.stage([_whole(groups[number]) for number in again]), strict=True):
        stages[number] = stage
    stage = together([stage for stage in stages if stage is not None])
    if any(not file.path.exists() for file in stage.files):
        raise unshared(plan.folder)
    admit(stage.staged, plan.resources)  # each task knew only its own files
    return stage


def _groups(cut: Sequence[_Share]) -> list[list[_Share]]:
    """The shares of all sources, in order: those of one cut source together, and small neighbours as one."""
    groups: list[list[_Share]] = []
    held: list[StageSource] = []
    size = 0
    for parts in cut:
        own = parts[0].path.stat().st_size
        if held and (len(parts) > 1 or size + own > _SHARE):
            groups.append([tuple(held)])
            held, size = [], 0
        if len(parts) > 1:
            groups.append([(part,) for part in parts])
        else:
            held += parts
            size += own
    return [*groups, [tuple(held)]] if held else groups


def _added_up(plan: StagePlan, stages: Sequence[Stage | None]) -> Stage | None:
    """What the shares of a group add up to; None where a source must be read whole."""
    known = [stage for stage in stages if stage is not None]
    if len(known) < len(stages):
        return None
    try:
        return joined(plan, known) if len(known) > 1 else known[0]
    except Unsplittable:
        return None


def _whole(shares: Sequence[_Share]) -> _Share:
    """A source as it was before it was cut. What was counted of its bytes is counted anew."""
    return (shares[0][0].model_copy(update={"part": None, "counts": None}),)


class _Tasks:
    """What is asked of the workers."""

    def __init__(self, session: SparkSession, plan: StagePlan) -> None:
        self._session, self._plan = session, plan

    def cut(self, sources: _Share) -> list[_Share]:
        """Large sources in parts; those that are small, or cannot be cut, as they are."""
        large = [source for source in sources if source.path.stat().st_size > _size_of_part(source)]
        plans = [
            self._plan.model_copy(update={"sources": (source,), "part_size": _size_of_part(source)}) for source in large
        ]
        answers = iter(self._run(_cut, plans))
        return [
            tuple(map(StageSource.model_validate, next(answers)["parts"])) if source in large else (source,)
            for source in sources
        ]

    def stage(self, shares: Sequence[_Share]) -> list[Stage | None]:
        """The stage of each share; None where a part cannot be read by itself."""
        answers = self._run(_stage, [self._plan.model_copy(update={"sources": share}) for share in shares])
        return [Stage.model_validate(answer["stage"]) if "stage" in answer else None for answer in answers]

    def _run(self, function: Any, plans: Sequence[StagePlan]) -> list[dict[str, Any]]:
        with explained():
            answers = run_on_workers(self._session, function, [plan.model_dump(mode="json") for plan in plans])
        for answer in answers:
            if "unshared" in answer:
                raise unshared(Path(answer["unshared"]).parent)
            if "error" in answer:
                raise _ERRORS[answer["error"]](answer["fact"], answer["hint"])
        return answers


def _size_of_part(source: StageSource) -> int:
    return _SHARE // 4 if source.format == "jsonl" else _SHARE


def _cut(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker: the parts of a source."""
    plan = StagePlan.model_validate(job)
    (source,) = plan.sources
    if not os.access(source.path, os.R_OK):
        return {"unshared": str(source.path)}
    if not plan.folder.is_dir():  # it is not made here: on another disk nobody would remove it
        return {"unshared": str(plan.folder / "part")}
    return {"parts": [part.model_dump(mode="json") for part in on_one_machine.cut(plan)]}


def _stage(job: dict[str, Any]) -> dict[str, Any]:
    """On a worker: stage one share into a folder of this attempt's own."""
    plan = StagePlan.model_validate(job)
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
    except Unsplittable:
        return {"whole": True}
    except tuple(_ERRORS.values()) as error:
        return {"error": type(error).__name__, "fact": error.fact, "hint": error.hint}
