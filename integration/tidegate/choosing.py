"""Choose the engine when the submission is here: before, nobody knows how large it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from tidegate.config import IntegrationConfig
from tidegate.engines import engine_by_size, named_engine
from tidegate.errors import Misuse
from tidegate.pool import Location, pool_bytes
from tidegate.receipt import EngineChoice
from tidegate.room import check_room, plain_size
from tidegate.sources import Snapshot
from tidegate.telemetry import event

log = logging.getLogger(__name__)


def check_engine(config: IntegrationConfig, *, mends: bool = False) -> None:
    """Say before any file is fetched that the engine cannot run it.

    Args:
        mends: whether a mended copy is asked for.

    Raises:
        Misuse: the engine is not installed, or what is asked for is done on this machine only.
    """
    if config.engine != "auto":
        named_engine(config.engine)
    here = _done_here(config, mends)
    if here is not None and config.engine == "spark":
        fact = f"{here[0].upper()}{here[1:]} on this machine, and engine is spark."
        raise Misuse(fact, "Take duckdb or auto, or leave it out.")


def _done_here(config: IntegrationConfig, mends: bool) -> str | None:
    """What is done on this machine whatever its size, in words; None where there is nothing of the kind."""
    if mends:
        return "a copy is mended"
    # An expression that cannot be computed of a row costs that row, and on Spark it would cost the whole query.
    return "rows are migrated" if config.schema_config.migrate_to is not None else None


def choose_engine(
    config: IntegrationConfig,
    snapshots: Sequence[Snapshot],
    pool: Callable[[], Location | None],
    work: Path,
    target: Path | None = None,
    *,
    mends: bool = False,
) -> EngineChoice:
    """The engine that is configured, or the one that the work asks for; and there is room where it works.

    Args:
        pool: tells which pool the submission is compared with. Of that only the log is read, and only to choose.
        work: the work folder.
        target: where accepted rows go, if they do, and on this machine.
        mends: whether a mended copy is asked for, which is made on this machine.

    Raises:
        Misuse: the engine is not installed.
        NoRoom: there is plainly too little of it.
        PoolError: the pool cannot be opened.
    """
    here = _done_here(config, mends)
    if config.engine != "auto":
        choice = named_engine(config.engine)
    elif here is not None:
        choice = EngineChoice(name="duckdb", reason=f"{here} on this machine")
    else:
        location = pool()
        submission = sum(map(plain_size, snapshots))
        held = pool_bytes(location) if location is not None else 0
        choice = engine_by_size(submission, held, config.resources.one_machine_bytes)
    event(log, "engine chosen", engine=choice.name, reason=choice.reason)
    check_room(snapshots, work, target)  # on a cluster too: its workers write there
    return choice
