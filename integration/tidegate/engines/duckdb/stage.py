"""Staging, seen from our side: parsers run in processes of their own, with limits, and may crash there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tidegate.engines.duckdb.forked import Forked, forked
from tidegate.engines.duckdb.memory import limit_of, refuse_too_little
from tidegate.engines.duckdb.progress import Together, heard
from tidegate.engines.duckdb.shares import admit, shared_out, together
from tidegate.engines.plan import Stage, StagePlan, StageSource, Unsplittable
from tidegate.errors import Misuse, NoRoom, SourceUnreadable, TidegateError

_ERRORS = {error.__name__: error for error in (SourceUnreadable, NoRoom, Misuse, TidegateError)}


@contextmanager
def staging(plan: StagePlan) -> Iterator[Callable[[], Stage]]:
    """Stage in other processes while the block runs. The block gets the function that waits for the outcome.

    The processes end with the block, and with us: they hold the other end of their standard input.

    Raises:
        Unsplittable: the plan has parts of sources, and one of them cannot be read by itself.
    """
    refuse_too_little(limit_of(plan.resources), {source.format for source in plan.sources})
    plans = shared_out(plan)
    progress = Together([sum(source.path.stat().st_size for source in share.sources) for share in plans])
    with ExitStack() as stack:
        outcomes = []
        for number, share in enumerate(plans):
            told = stack.enter_context(heard(progress.teller(number)))
            outcomes.append(stack.enter_context(_process(share, told)))

        def outcome() -> Stage:
            try:
                stage = together([wait() for wait in outcomes])
                admit(stage.staged, plan.resources)  # each process knew only its own files
            except SourceUnreadable as error:
                if any(source.part for source in plan.sources):
                    raise Unsplittable(error.fact) from None
                raise
            return stage

        yield outcome


def cut(plan: StagePlan) -> tuple[StageSource, ...]:
    """The parts of the plan's one source, of its `part_size`, found in another process. Whatever goes wrong there, the
    source is not cut, and who stages it says what is wrong with it. The plan's folder must be there."""
    with forked(plan.model_dump_json(), plan.folder, ()) as process:
        try:
            code, output, _ = process.outcome(plan.resources.max_seconds)
        except TimeoutError:
            return plan.sources
    answer = json.loads(output) if code == 0 and output else {}
    return tuple(map(StageSource.model_validate, answer["parts"])) if "parts" in answer else plan.sources


@contextmanager
def _process(plan: StagePlan, told: tuple[int, ...]) -> Iterator[Callable[[], Stage]]:
    plan.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + plan.resources.max_seconds
    with forked(plan.model_dump_json(), plan.folder, told) as process:
        yield lambda: _outcome(process, plan, deadline)


def _outcome(process: Forked, plan: StagePlan, deadline: float) -> Stage:
    names = ", ".join(source.uri for source in plan.sources[:3]) + (" …" if len(plan.sources) > 3 else "")
    try:
        code, output, complaints = process.outcome(max(deadline - time.monotonic(), 0))
    except TimeoutError:
        raise SourceUnreadable(
            f"Reading {names} took longer than {plan.resources.max_seconds} s and was stopped.",
            "Raise resources.max_seconds if the file is that large.",
        ) from None
    if code != 0 or not output:
        why = _without_values(complaints) if code > 0 else ""
        raise SourceUnreadable(
            f"The parser broke down on {names} (exit {code}). {why}".rstrip(),
            "The file may be crafted or corrupt. If it is sound, raise resources.memory_limit.",
        )
    answer = json.loads(output)
    if answer.get("error") == "Unsplittable":
        raise Unsplittable(answer["fact"])
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["fact"], answer["hint"])
    return Stage.model_validate(answer["stage"])


def _without_values(complaints: str) -> str:
    """What a process said last; of an exception its type alone, for its words may hold a cell of the file."""
    _, raised, last = complaints.rpartition("Traceback (most recent call last):\n")
    lines = [line for line in last.splitlines() if line.strip()]
    if raised:
        return next((line.partition(":")[0] for line in lines if not line[0].isspace()), "")
    return lines[-1] if lines else ""
