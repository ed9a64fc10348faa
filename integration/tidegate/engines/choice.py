"""Which engine runs a submission: the one that is named, or by what the work asks of one machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from tidegate.engines.spark.session import reachable
from tidegate.errors import Misuse
from tidegate.receipt import EngineChoice, EngineName

_INSTALL = "pip install 'tidegate[spark]'"
_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


@dataclass(frozen=True)
class Demand:
    """What the work asks of one machine, in bytes.

    Attributes:
        submission: its files, decompressed.
        pool: the files of the pool that it is compared with.
        disk: how much disk it needs at least, where so much is not free; 0 where it is.
    """

    submission: int
    pool: int
    disk: int


def named_engine(name: EngineName) -> EngineChoice:
    """The engine that the configuration names. Raises `Misuse` where it is not installed."""
    if name == "spark" and not _installed():
        raise Misuse("Spark is not installed.", f"Install it with: {_INSTALL}")
    return EngineChoice(name=name, reason="as configured")


def engine_by_size(demand: Demand, bound: int) -> EngineChoice:
    """DuckDB, unless the work is too much for one machine and there is a Spark session to run on already.

    Args:
        bound: how many bytes one machine takes on.
    """
    too_much = _too_much(demand, bound)
    if too_much is None:
        fits = f"{_subject(demand)} within the {_in_words(bound)} that one machine takes on"
        return EngineChoice(name="duckdb", reason=fits)
    if not _installed():
        return EngineChoice(name="duckdb", reason=f"{too_much}, but Spark is not installed: {_INSTALL}")
    session = reachable()
    if session is None:
        nowhere = "but there is no Spark session to run on: docs/scaling.md tells how to get one"
        return EngineChoice(name="duckdb", reason=f"{too_much}, {nowhere}")
    return EngineChoice(name="spark", reason=f"{too_much}, so it runs on {session}")


def _too_much(demand: Demand, bound: int) -> str | None:
    """Why one machine is too little, if it is."""
    size = demand.submission + demand.pool
    if size > bound:
        most = _in_words(bound)
        if most == _in_words(size):
            most = f"{bound:,} bytes"
        return f"{_subject(demand)} more than the {most} that one machine takes on"
    if demand.disk:
        return f"the work needs {_in_words(demand.disk)} of disk at least, more than is free"
    return None


def _subject(demand: Demand) -> str:
    size = _in_words(demand.submission + demand.pool)
    return f"submission and pool, {size}, are" if demand.pool else f"the submission, {size}, is"


def _in_words(size: int) -> str:
    unit, one = next((known for known in _UNITS if size >= known[1]), ("bytes", 1))
    return f"{f'{size / one:,.1f}'.removesuffix('.0')} {unit}"


def _installed() -> bool:
    return find_spec("pyspark") is not None
