"""Which engine runs a submission: the one that is named, or by what the work asks of one machine."""

from __future__ import annotations

from importlib.util import find_spec

from tidegate.engines.spark.reachable import reachable
from tidegate.errors import Misuse
from tidegate.receipt import EngineChoice, EngineName

_INSTALL = "pip install 'tidegate[spark]'"
_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def named_engine(name: EngineName) -> EngineChoice:
    """The engine that the configuration names. Raises `Misuse` where it is not installed."""
    if name == "spark" and not _installed():
        raise Misuse("Spark is not installed.", f"Install it with: {_INSTALL}")
    return EngineChoice(name=name, reason="as configured")


def engine_by_size(submission: int, pool: int, bound: int) -> EngineChoice:
    """DuckDB, unless the work is too much for one machine and there is a Spark session to run on already.

    Args:
        submission: bytes of its files, decompressed.
        pool: bytes of the pool that it is compared with.
        bound: how many bytes one machine takes on.
    """
    size = _in_words(submission + pool)
    what = f"submission and pool, {size}, are" if pool else f"the submission, {size}, is"
    most = _in_words(bound)
    if submission + pool <= bound:
        return EngineChoice(name="duckdb", reason=f"{what} within the {most} that one machine takes on")
    too_much = f"{what} more than the {f'{bound:,} bytes' if most == size else most} that one machine takes on"
    if not _installed():
        return EngineChoice(name="duckdb", reason=f"{too_much}, but Spark is not installed: {_INSTALL}")
    session = reachable()
    if session is None:
        nowhere = "but there is no Spark session to run on: docs/scaling.md tells how to get one"
        return EngineChoice(name="duckdb", reason=f"{too_much}, {nowhere}")
    return EngineChoice(name="spark", reason=f"{too_much}, so it runs on {session}")


def _in_words(size: int) -> str:
    unit, one = next((known for known in _UNITS if size >= known[1]), ("bytes", 1))
    return f"{f'{size / one:,.1f}'.removesuffix('.0')} {unit}"


def _installed() -> bool:
    return find_spec("pyspark") is not None
