"""A pool's rows judged by a contract, as a submission's are, with whose rows fail which rule.

The pool has its rows in the types of the contracts that they came by. Columns that the new contract has in another
type, or of which staging asks more than a type, are staged again; all others are judged where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.audit import judge_rules, judge_shape
from tidegate.audit import quarantine as q
from tidegate.columns import CONTRIBUTOR, PROBLEMS, RECORD, SAMPLE_WEIGHT, Column
from tidegate.config import CleaningConfig, IntegrationConfig
from tidegate.engines import Engine, Stage, StagedFile, StagePlan, StageSource
from tidegate.engines.conditions import any_of
from tidegate.errors import Misuse
from tidegate.pool import pool_files, pool_location
from tidegate.registry import Contract
from tidegate.repairs import repaired


@dataclass(frozen=True)
class ContributorRows:
    """The rows of one contributor; None where the pool does not say whose they are."""

    contributor: str | None
    rows: int
    failing_rows: int


@dataclass(frozen=True)
class RuleRows:
    """The rows that fail one rule, contributor by contributor."""

    rule: str
    rows: int
    contributors: tuple[tuple[str | None, int], ...]


@dataclass(frozen=True)
class PoolReplay:
    """What a contract says of a pool.

    Attributes:
        rows: how many rows it has.
        failing_rows: how many fail a rule at least.
        rules: the rules that rows fail, most first.
        contributors: whose rows there are, those with most failing rows first.
        not_evaluated: rules that could not be judged, by id, with the reason.
    """

    uri: str
    version: int
    rows: int
    failing_rows: int
    rules: tuple[RuleRows, ...]
    contributors: tuple[ContributorRows, ...]
    not_evaluated: dict[str, str]


def replay_pool(engine: Engine, config: IntegrationConfig, contract: Contract, folder: Path) -> PoolReplay:
    """Judge every row of a pool's newest version.

    Args:
        folder: where narrow findings are written, and what must be staged again; the caller removes it.

    Raises:
        Misuse: there is no pool.
        PoolError: it cannot be read.
        BrokenContract: a check looks at more than one row at a time.
    """
    assert config.training_data is not None
    location = pool_location(config.training_data, config.state_dir)
    files, version, names = pool_files(location, folder / "pool")
    if version is None:
        raise Misuse(f"There is no pool at {location}.", "The first publish makes one.")
    total = sum(file.rows for file in files)
    if not total:
        return PoolReplay(str(location), version, 0, 0, (), (), {})
    pool = engine.table("pool", files, record=RECORD)
    pool = pool.select(RECORD, *(name for name in names if name in pool.columns))
    contract = contract.with_matched(_plan(config, contract, folder).matched(_own(pool)))
    shape = judge_shape(contract, _as_one_file(contract, pool, total))
    rows, found = _as_staged(engine, config, contract, pool, folder)
    # What the configuration mends was mended when the rows went in.
    done = repaired(
        engine, rows, config.model_copy(update={"cleaning_config": CleaningConfig()}), contract, shape, folder
    )
    mended = engine.view("mended", done.rows)
    outcome = judge_rules(engine, mended, contract, shape, folder, config.resources)
    found += [q.failed_rows(outcome), q.shape_rows(mended, shape)]
    if contract.strict:
        found.append(_unknown(contract, pool))
    failing = ibis.union(*(table.select(RECORD, "rule") for table in found), distinct=True)  # two cells may fail one
    pairs = engine.table("pairs", engine.write(failing, folder / "pairs.parquet"))
    unseen = outcome.not_evaluated | {check.id: check.observed or "" for check in done.checks}
    return _counted(PoolReplay(str(location), version, total, 0, (), (), unseen), pool, pairs)


def _own(pool: ir.Table) -> list[str]:
    """The pool's columns but for those of lineage and of sampling."""
    return [name for name in pool.columns if not name.startswith("_") and name != SAMPLE_WEIGHT]


def _as_one_file(contract: Contract, pool: ir.Table, rows: int) -> Stage:
    """The pool as a submission of one file, in which null and absent are one, as in JSON."""
    present = tuple(column.name for column in contract.columns if column.name in pool.columns)
    file = StagedFile(
        rows=rows, bytes=0, uri="the pool", present=present, unknown=(), matched=dict(contract.matched), sparse=True
    )
    return Stage(staged=(file,), files=(), nulled={}, trimmed={}, invisible={})


def _as_staged(
    engine: Engine, config: IntegrationConfig, contract: Contract, pool: ir.Table, folder: Path
) -> tuple[ir.Table, list[ir.Table]]:
    """The rows in the contract's types, without those of which a cell cannot be so; and those."""
    again = [column for column in contract.columns if column.name in pool.columns and _asks_more(column, pool)]
    found: list[ir.Table] = []
    if again:
        names = [column.name for column in again]
        written = engine.write(pool.order_by(RECORD).select(*names), folder / "again.parquet")
        (folder / "again").mkdir(mode=0o700)
        sources = tuple(
            StageSource(uri="the pool", path=file.path, format="parquet", compression="none") for file in written
        )
        plan = _plan(config, contract, folder / "again", tuple(again), sources)
        with engine.stage(plan) as staging:
            staged = staging()
        read = engine.table("again", staged.files, record=RECORD)
        found.append(q.malformed_rows(read))
        fit = read.filter(read[PROBLEMS].isnull()).select(RECORD, *names)
        pool = engine.view("retyped", pool.drop(*names).join(fit, RECORD))
    lacking = {c.name: ibis.null(c.type) for c in contract.columns if c.name not in pool.columns}
    rows = pool.mutate(**lacking).select(RECORD, *(column.name for column in contract.columns))
    return engine.view("replayed", rows), found


def _asks_more(column: Column, pool: ir.Table) -> bool:
    """Whether a cell of the pool may not be one of the column, by its type alone."""
    if str(pool[column.name].type()) != str(ibis.dtype(column.type)):
        return True
    return column.categories is not None or column.json or (column.told_apart and column.type == "string")


def _plan(
    config: IntegrationConfig,
    contract: Contract,
    folder: Path,
    columns: tuple[Column, ...] | None = None,
    sources: tuple[StageSource, ...] = (),
) -> StagePlan:
    return StagePlan(
        sources=sources,
        folder=folder,
        columns=contract.columns if columns is None else columns,
        patterns=contract.patterns if columns is None else (),
        strict=False,
        lasts=False,
        resources=config.resources,
    )


def _unknown(contract: Contract, pool: ir.Table) -> ir.Table:
    """The rows with a value in a column that the contract has not: sent again, they would be refused."""
    known = {column.name for column in contract.columns}
    others = [pool[name].notnull() for name in _own(pool) if name not in known]
    return q.dropped_rows(pool.filter(any_of(others)), "unknown-column", "dataframe.column_in_schema", "")


def _counted(empty: PoolReplay, pool: ir.Table, pairs: ir.Table) -> PoolReplay:
    """What failed, by rule and by contributor. Only the counts are in memory."""
    whose = pool[CONTRIBUTOR] if CONTRIBUTOR in pool.columns else ibis.null("string")
    owners = pool.select(RECORD, whose=whose)
    joined = pairs.join(owners, RECORD)
    by_rule = _rows(joined.group_by("rule", "whose").aggregate(rows=joined.count()))
    records = pairs.select(RECORD).distinct()
    failing = {row["whose"]: row["rows"] for row in _per_owner(records.join(owners, RECORD))}
    contributors = [
        ContributorRows(row["whose"], row["rows"], failing.get(row["whose"], 0)) for row in _per_owner(owners)
    ]
    rules: dict[str, list[tuple[str | None, int]]] = {}
    for row in by_rule:
        rules.setdefault(row["rule"], []).append((row["whose"], row["rows"]))
    told = [
        RuleRows(
            rule, sum(n for _, n in whose_rows), tuple(sorted(whose_rows, key=lambda one: (-one[1], one[0] or "")))
        )
        for rule, whose_rows in rules.items()
    ]
    return replace(
        empty,
        failing_rows=sum(failing.values()),
        rules=tuple(sorted(told, key=lambda one: (-one.rows, one.rule))),
        contributors=tuple(sorted(contributors, key=lambda one: (-one.failing_rows, -one.rows, one.contributor or ""))),
    )


def _per_owner(rows: ir.Table) -> list[dict[str, Any]]:
    return _rows(rows.group_by("whose").aggregate(rows=rows.count()))


def _rows(table: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return found
