"""Many files are staged by several processes, each with its share of files, memory and threads.

For files that one process reads on one core: ours are Python's (JSON), and a small one is over before DuckDB would deal
it out. A large CSV or Parquet file has all cores already, so a submission with one of those is staged file by file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from tidegate.config import Resources
from tidegate.engines.duckdb.memory import limit_of
from tidegate.engines.plan import Stage, StagedFile, StagePlan, StageSource
from tidegate.readers.admission import too_many_bytes, too_many_records

_SMALL = 32 << 20  # bytes: what DuckDB gives to one thread of CSV
_LEAST_MEMORY = 512 << 20  # bytes of a process
_WORTH_IT = 2.0  # seconds of work, for a process takes half a second to start
_PER_FILE = 0.008  # seconds to open and write one, whatever is in it
_PER_BYTE = {"json": 1 / 20e6, "jsonl": 1 / 20e6, "csv": 1 / 60e6, "parquet": 1 / 20e6}  # seconds


def shared_out(plan: StagePlan) -> tuple[StagePlan, ...]:
    """The plan, or several whose sources are neighbours: theirs in turn are the plan's."""
    sizes = [source.path.stat().st_size for source in plan.sources]
    threads = plan.resources.threads or os.cpu_count() or 1
    if not all(_on_one_core(source, size) for source, size in zip(plan.sources, sizes, strict=True)):
        return (plan,)
    seconds = [_PER_FILE + size * _PER_BYTE[source.format] for source, size in zip(plan.sources, sizes, strict=True)]
    limit = limit_of(plan.resources)
    shares = min(threads, len(plan.sources), limit // _LEAST_MEMORY, int(sum(seconds) / _WORTH_IT))
    if shares < 2:
        return (plan,)
    spill = plan.resources.max_spill_bytes
    resources = plan.resources.model_copy(
        update={
            "memory_limit": f"{limit // shares}B",
            "threads": max(threads // shares, 1),
            "max_spill_bytes": None if spill is None else max(spill // shares, 1),
        }
    )
    return tuple(
        plan.model_copy(update={"sources": group, "folder": plan.folder / f"share-{n}", "resources": resources})
        for n, group in enumerate(_neighbours(plan.sources, seconds, shares))
    )


def together(stages: Sequence[Stage]) -> Stage:
    """What several processes staged, as if one had."""
    nulled, trimmed, invisible = Counter[str](), Counter[str](), Counter[str]()
    for stage in stages:
        nulled.update(stage.nulled)
        trimmed.update(stage.trimmed)
        invisible.update(stage.invisible)
    return Stage(
        staged=tuple(staged for stage in stages for staged in stage.staged),
        files=tuple(file for stage in stages for file in stage.files),
        nulled=dict(nulled),
        trimmed=dict(trimmed),
        invisible=dict(invisible),
    )


def admit(staged: Sequence[StagedFile], limits: Resources) -> None:
    """Refuse files that are more together than a submission may be. Raises `SourceUnreadable`."""
    records, size = sum(file.rows for file in staged), sum(file.bytes for file in staged)
    if records > limits.max_records:
        raise too_many_records("The submission", records, limits.max_records)
    if size > limits.max_bytes:
        raise too_many_bytes("The submission", size, limits.max_bytes, "plain bytes")


def _on_one_core(source: StageSource, size: int) -> bool:
    return source.format in ("json", "jsonl") or size <= _SMALL


def _neighbours(sources: Sequence[StageSource], seconds: Sequence[float], shares: int) -> list[tuple[StageSource, ...]]:
    """Sources in order, in at most so many groups, of about the same time each; none is empty."""
    groups: list[list[StageSource]] = [[] for _ in range(shares)]
    past, whole = 0.0, sum(seconds)
    for source, own in zip(sources, seconds, strict=True):
        middle = past + own / 2
        groups[min(int(middle / whole * shares), shares - 1)].append(source)
        past += own
    return [tuple(group) for group in groups if group]
