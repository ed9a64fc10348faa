"""Engines run the work. Rules, repairs, deduplication and merges are Ibis expressions; an engine does four things:

stage files, hand out an Ibis table, write an expression to Parquet, and give Great Expectations a batch.

Nothing outside this folder names DuckDB or Spark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tidegate.config import IntegrationConfig
from tidegate.engines.choice import engine_by_size, named_engine
from tidegate.engines.plan import (
    DataFile,
    Extremes,
    Stage,
    StagedFile,
    StagePlan,
    StageSource,
    into_one,
    rows_of,
)
from tidegate.receipt import EngineName

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from great_expectations.datasource.fluent.interfaces import Batch

__all__ = [
    "DataFile",
    "Engine",
    "EngineName",
    "Extremes",
    "Job",
    "Stage",
    "StagePlan",
    "StageSource",
    "StagedFile",
    "Workers",
    "engine_by_size",
    "into_one",
    "named_engine",
    "open_engine",
    "rows_of",
    "warm_up",
]


Job: TypeAlias = dict[str, Any]
"""What a worker is asked, and what it answers: plain values, as JSON has them."""
Workers: TypeAlias = Callable[[Callable[[Job], Job], Sequence[Job]], list[Job]]


class Engine(Protocol):
    """What every engine offers."""

    @property
    def name(self) -> EngineName:
        """What the configuration calls it."""

    def stage(self, plan: StagePlan) -> AbstractContextManager[Callable[[], Stage]]:
        """Read a submission, once, into typed Parquet: one row per record, in the order of the source.

        Returns:
            A block within which it is read. The block gets the function that waits for the outcome and raises
            `SourceUnreadable` where a file is not what it claims to be, or reading it crashed or took too long.
        """

    def table(self, name: str, files: tuple[DataFile, ...], record: str | None = None) -> ir.Table:
        """Parquet files that we wrote, as one table called `name`.

        Args:
            record: the name of a column to add with each row's position through all files, counted from 1.
        """

    def write(self, expression: ir.Table, path: Path) -> tuple[DataFile, ...]:
        """Write an expression to Parquet, in the expression's order.

        Args:
            path: where; an engine that writes several files makes a folder of it.
        """

    def write_in_order(
        self, expression: ir.Table, order: Sequence[str], share: str, folder: Path
    ) -> tuple[DataFile, ...]:
        """Write an expression in the order of some columns: as many Parquet files as it takes to sort each in memory.

        Args:
            order: the columns, which are not written. No two rows may have the same values in them.
            share: another one, not written either: from 0 to 1, never falling in that order, and evenly spread.
        """

    def recurring(self, values: ir.Table, others: ir.Table | None, path: Path) -> tuple[DataFile, ...]:
        """Write which values of a column of 64-bit hashes occur twice, or also in `others`; each once, to Parquet.

        Args:
            values: a table of that one column.
            others: another one, of the same name.
        """

    def extremes(self, files: tuple[DataFile, ...], columns: Iterable[str]) -> dict[str, Extremes]:
        """The extremes of columns of numbers, without reading rows; of as many columns as can be told so."""

    def view(self, name: str, expression: ir.Table) -> ir.Table:
        """Give an expression a name, without running it."""

    def batch(self, expression: ir.Table) -> Batch:
        """The rows of an expression as a batch that Great Expectations can validate."""

    def failing(self, batch: Batch, expectation: Any, path: Path) -> tuple[DataFile, ...] | None:
        """Write the record numbers of all rows that fail an expectation to Parquet, in order, each once.

        Args:
            batch: of rows with `_record`.
            expectation: Great Expectations' own object.

        Returns:
            None where the expectation judges the whole, or its query does not select `_record`.
        """

    @property
    def workers(self) -> Workers | None:
        """Runs a function for each of some jobs on machines that see the same folder, and gives the answers in order.

        None where there is but this machine: then the caller has processes of its own.
        """

    def close(self) -> None:
        """Let go of memory and spilled data."""


@contextmanager
def open_engine(config: IntegrationConfig, folder: Path, name: EngineName = "duckdb") -> Iterator[Engine]:
    """An engine, until the end of the block.

    Args:
        folder: its own, for spilled data. Besides it, it may touch only what the configuration names.
        name: which one. What is small runs on this machine, whatever the configuration has chosen for submissions.
    """
    engine: Engine
    named = [
        Path(place).resolve()
        for place in (config.training_data, config.holdout)
        if place is not None and "://" not in place  # from elsewhere they are fetched to its own folder
    ]
    if name == "spark":
        from tidegate.engines.spark.engine import SparkEngine

        engine = SparkEngine(config.resources)
    else:
        from tidegate.engines.duckdb.engine import DuckDBEngine

        engine = DuckDBEngine(folder, config.resources, tuple(named))
    try:
        yield engine
    finally:
        engine.close()


def warm_up() -> None:
    """Start what staging will need: it loads while the caller imports what judging needs, a second each."""
    from tidegate.engines.duckdb.forked import start

    start()
