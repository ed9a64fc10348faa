"""Staging, seen from our side: parsers run in processes of their own, with limits, and may crash there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import tidegate
from tidegate.engines.duckdb.memory import limit_of, refuse_too_little
from tidegate.engines.duckdb.progress import Together, heard
from tidegate.engines.duckdb.shares import admit, shared_out, together
from tidegate.engines.plan import Stage, StagePlan
from tidegate.errors import Misuse, NoRoom, SourceUnreadable, TidegateError

_ERRORS = {error.__name__: error for error in (SourceUnreadable, NoRoom, Misuse, TidegateError)}


@contextmanager
def staging(plan: StagePlan) -> Iterator[Callable[[], Stage]]:
    """Stage in other processes while the block runs. The block gets the function that waits for the outcome.

    The processes end with the block, and with us: they hold the other end of their standard input.
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
            stage = together([wait() for wait in outcomes])
            admit(stage.staged, plan.resources)  # each process knew only its own files
            return stage

        yield outcome


@contextmanager
def _process(plan: StagePlan, told: tuple[int, ...]) -> Iterator[Callable[[], Stage]]:
    plan.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).resolve().parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tidegate.engines.duckdb.worker", *map(str, told)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True,
        pass_fds=told,
        process_group=0,  # Ctrl-C is for us, and we end it
    )  # fmt: skip
    deadline = time.monotonic() + plan.resources.max_seconds
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it died at once; waiting for it tells how
        process.stdin.write(plan.model_dump_json() + "\n")
        process.stdin.flush()
    try:
        yield lambda: _outcome(process, plan, deadline)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):  # what a dead process did not read
                stream.close()


def _outcome(process: subprocess.Popen[str], plan: StagePlan, deadline: float) -> Stage:
    names = ", ".join(source.uri for source in plan.sources[:3]) + (" …" if len(plan.sources) > 3 else "")
    # `communicate` would close standard input, which tells the worker that we are gone.
    stdin, process.stdin = process.stdin, None
    try:
        output, complaints = process.communicate(timeout=max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise SourceUnreadable(
            f"Reading {names} took longer than {plan.resources.max_seconds} s and was stopped.",
            "Raise resources.max_seconds if the file is that large.",
        ) from None
    finally:
        process.stdin = stdin
    if process.returncode != 0 or not output:
        last = complaints.strip().splitlines()[-1:] if process.returncode > 0 else []
        raise SourceUnreadable(
            f"The parser broke down on {names} (exit {process.returncode}). {' '.join(last)}".rstrip(),
            "The file may be crafted or corrupt. If it is sound, raise resources.memory_limit.",
        )
    answer = json.loads(output)
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["fact"], answer["hint"])
    return Stage.model_validate(answer["stage"])
