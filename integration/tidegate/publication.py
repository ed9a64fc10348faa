"""From accepted rows to a commit: what is written, promoted or merged, by strategy."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from tidegate.audit import measures_asked
from tidegate.columns import LINEAGE, RECORD, SAMPLE_WEIGHT
from tidegate.config import IntegrationConfig
from tidegate.engines import DataFile, Engine, rows_of
from tidegate.errors import Misuse, PoolError
from tidegate.judgement import Judgement, in_types_of, stage_holdout
from tidegate.merge import ORDER, SHARE, merged
from tidegate.pool import Location, is_remote, pool_files, pool_location, publish
from tidegate.pool.statistics import pool_statistics
from tidegate.receipt import Receipt
from tidegate.registry import Contract, PoolStatistics
from tidegate.standard import Standard
from tidegate.telemetry import step

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Pool:
    """The training data as it stands: None, no files and no rows where there is none yet."""

    table: ir.Table | None
    version: int | None
    files: tuple[DataFile, ...]
    holdout: ir.Table | None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return rows_of(self.files)


class Overtaken(Exception):
    """Others changed the pool in a way that changes what of the submission may go in: it must be judged again."""


def open_pool(config: IntegrationConfig, engine: Engine, contract: Contract, folder: Path) -> Pool:
    """The pool and the holdout as tables, with the contract's columns at least.

    Raises:
        Misuse: there is no pool to merge with, or no holdout.
        PoolError: one of them is no Delta table, or lacks the columns that make the dedupe key.
        SourceUnreadable: the holdout is a file that cannot be read whole.
    """
    assert config.training_data is not None
    location = pool_location(config.training_data, config.state_dir)
    table, version, files = _delta(engine, "pool", location, contract, folder)
    if table is None and config.merge_strategy.name != "append":
        raise Misuse(f"There is no pool at {config.training_data} to merge with.", "Publish into it with append.")
    return Pool(table, version, files, _holdout(config, engine, contract, folder))


def statistics_asked(
    config: IntegrationConfig, standard: Standard, pool: Pool, *, keep: bool = True
) -> PoolStatistics | None:
    """What the suite asks of the pool; None where it asks for nothing, or the pool has no rows.

    Args:
        keep: whether what is measured is kept with the pool.

    Raises:
        PoolError: the pool cannot be read.
    """
    asked = measures_asked(standard.suite, standard.contract) if standard.suite is not None else None
    if asked is None or pool.table is None or pool.version is None:
        return None
    assert config.training_data is not None
    with step("statistics"):
        location = pool_location(config.training_data)
        return pool_statistics(location, pool.version, pool.rows, pool.table, asked, keep=keep)


def peek_at_statistics(
    config: IntegrationConfig, engine: Engine, standard: Standard, folder: Path
) -> PoolStatistics | None:
    """`statistics_asked` for one who only looks: the pool is opened only if it is asked for, and left as it was.

    Raises:
        PoolError: the pool cannot be read.
    """
    location = peeked_at(config, standard)
    if location is None:
        return None
    table, version, files = _delta(engine, "pool", location, standard.contract, folder)
    return statistics_asked(config, standard, Pool(table, version, files, None), keep=False)


def peeked_at(config: IntegrationConfig, standard: Standard) -> Location | None:
    """The pool that `peek_at_statistics` reads; None where it reads none."""
    if standard.suite is None or measures_asked(standard.suite, standard.contract) is None:
        return None
    if config.training_data is None:
        return None
    location = pool_location(config.training_data)
    return location if location.exists() else None  # nor is deltalake needed, which contributors need not have


def publish_accepted(
    config: IntegrationConfig,
    engine: Engine,
    judgement: Judgement,
    pool: Pool,
    receipt: Receipt,
    target: Location,
    folder: Path,
) -> Receipt:
    """Publish the accepted rows by the configured strategy, and complete the receipt with where they went.

    Where nothing is left to append, nothing is committed and the dataset stays at its version.

    Raises:
        Overtaken: others published rows that these repeat, or took some away, since the pool was opened.
    """
    contract = judgement.contract
    stored = {column.name: column.stored_type for column in contract.columns} | dict.fromkeys(LINEAGE, "string")
    accepted = _with_lineage(judgement, judgement.accepted)
    if config.merge_strategy.name == "append":
        if not judgement.report.rows.accepted:
            return receipt.model_copy(update={"dataset_uri": str(target), "dataset_version": pool.version,
                                              "dataset_rows": pool.rows})  # fmt: skip
        files = _appended(engine, judgement, accepted, stored, folder)
    else:
        assert pool.table is not None
        extra = {n: str(t) for n, t in pool.table.schema().items() if n not in stored and n != RECORD}
        stored |= extra
        counts = (pool.rows, judgement.report.rows.accepted)
        if judgement.files:  # by their places in the files, and not among all records
            accepted = _with_lineage(judgement, engine.table("merging", judgement.files, record=RECORD))
        shuffle = config.cleaning_config.shuffle
        together = merged(
            _shaped(pool.table, stored), _shaped(accepted, stored), counts, config.merge_strategy,
            None if shuffle is False else shuffle,
        )  # fmt: skip
        if config.merge_strategy.sampling == "sample_weight" and config.merge_strategy.name == "weighted":
            stored |= {SAMPLE_WEIGHT: "float64"}
        files = engine.write_in_order(together, ORDER, SHARE, folder / "merged")
    schema = pa.schema([(name, ibis.dtype(kind).to_pyarrow()) for name, kind in stored.items()])
    appends = config.merge_strategy.name == "append"
    there = _Recheck(engine, judgement, target, pool.files if appends else (), folder)
    placed = publish(target, files, schema, receipt, fresh=not appends, recheck=there)
    total = rows_of(there.files) + rows_of(files)
    update = {"dataset_uri": str(target), "dataset_version": placed.version, "dataset_rows": total}
    return placed.receipt.model_copy(update=update | {"already_published": placed.already})


class _Recheck:
    """Holds the pool as it is before a commit against how it was when the submission was judged.

    Attributes:
        files: of the pool as it was last seen.
    """

    def __init__(
        self, engine: Engine, judgement: Judgement, location: Location, files: tuple[DataFile, ...], folder: Path
    ) -> None:
        self.files = files
        self._engine, self._judgement, self._location, self._folder = engine, judgement, location, folder

    def __call__(self, table: DeltaTable) -> None:
        """Look at the files that are new. Raises `Overtaken`."""
        seen = {file.path.name for file in self.files}
        files, _, _ = pool_files(self._location, self._folder / "pool", table)
        if seen == {file.path.name for file in files}:
            return
        new = tuple(file for file in files if file.path.name not in seen)
        if len(files) - len(new) < len(seen):
            raise Overtaken  # what was a duplicate may be none any more
        if self._judgement.repeat(self._engine.table("overtaking", new)):
            raise Overtaken
        self.files = files


def _with_lineage(judgement: Judgement, rows: ir.Table) -> ir.Table:
    return rows.mutate(**{name: judgement.lineage[name] for name in LINEAGE})


def _appended(
    engine: Engine, judgement: Judgement, accepted: ir.Table, stored: dict[str, str], folder: Path
) -> tuple[DataFile, ...]:
    """The files of accepted rows as they are; where the pool holds a column in another type, one new file."""
    if all(column.stored_type == column.type for column in judgement.contract.columns):
        return judgement.files
    rows = _shaped(accepted, stored).order_by(RECORD).drop(RECORD)
    return engine.write(rows, folder / "stored.parquet")


def _shaped(table: ir.Table, stored: dict[str, str]) -> ir.Table:
    """The columns as they are stored, in order; null where the table has none of that name."""
    columns = {
        name: table[name].cast(kind) if name in table.columns else ibis.null(kind) for name, kind in stored.items()
    }
    return table.select(table[RECORD], **columns)


def _delta(
    engine: Engine, name: str, location: Location, contract: Contract, folder: Path
) -> tuple[ir.Table | None, int | None, tuple[DataFile, ...]]:
    """A Delta table as the engine reads it, its version and its files; `folder` is where a remote one is put."""
    with step(f"fetch {name}") if not isinstance(location, Path) else nullcontext():
        files, version, columns = pool_files(location, folder / name)
    if not files:
        return None, version, ()
    table = engine.table(name, files, record=RECORD)
    # A file that was linked into the pool has columns of the stage; one from before a column was added lacks it.
    table = table.select(RECORD, *(column for column in columns if column in table.columns))
    lacking = [key for key in contract.key if key not in table.columns and contract.column(key).required]
    if lacking:
        raise PoolError(f"{location} has no column {lacking[0]!r}.", f"It does not hold rows of {contract.name}.")
    return in_types_of(contract, table), version, files


def _holdout(config: IntegrationConfig, engine: Engine, contract: Contract, folder: Path) -> ir.Table | None:
    if config.holdout is None:
        return None
    location = _holdout_table(config, config.holdout)
    if location is not None:
        table, version, _ = _delta(engine, "holdout", location, contract, folder)
        if version is None:
            raise Misuse(f"There is no holdout at {location}.", "Name a Delta table or a file.")
        return table
    with step("holdout"):
        return stage_holdout(config, contract, engine, folder / "holdout", config.holdout)


def _holdout_table(config: IntegrationConfig, uri: str) -> Location | None:
    """Where the holdout is, if it is a Delta table and no file."""
    if not is_remote(uri):
        return Path(uri).resolve() if Path(uri).is_dir() else None
    try:
        location = pool_location(uri, config.state_dir)
    except Misuse:
        return None  # a name that a file may have
    return location if isinstance(location, Path) or location.has_log() else None
