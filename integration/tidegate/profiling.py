"""Make the profile of a pool, and hold a submission against one that its contributor was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis.expr.types as ir

from tidegate.audit import kinds_in, measures_asked
from tidegate.config import IntegrationConfig
from tidegate.engines import Engine, open_engine
from tidegate.errors import Misuse
from tidegate.judgement import Judgement
from tidegate.pool import Location, pool_location
from tidegate.pool import profile as profiles
from tidegate.pool.key_filter import KeyFilter, key_digests
from tidegate.publication import open_pool, peek_at_statistics, peeked_at, statistics_asked
from tidegate.receipt import Known
from tidegate.registry import Contract, PoolStatistics, Suite
from tidegate.registry.statistics import ColumnMeasures, Measure
from tidegate.standard import Standard, load_standard
from tidegate.workspace import work_folder


def write_profile(config: IntegrationConfig, path: Path) -> profiles.Header:
    """Write the profile of the pool that a configuration names, as its contract and suite ask for it.

    Raises:
        Misuse: there is no pool, or the profile cannot be written.
        PoolError: the pool cannot be read.
    """
    standard = load_standard(config)
    contract = standard.contract
    with work_folder(None) as folder, open_engine(config, folder) as engine:
        pool = open_pool(config, engine, contract, folder)
        if pool.table is None or pool.version is None:
            raise Misuse(f"There is no pool at {config.training_data}, or it has no rows.", "Publish into it first.")
        statistics = statistics_asked(config, standard, pool, keep=False)
        if statistics is None:
            statistics = PoolStatistics(table="", version=pool.version, rows=pool.rows)
        keys = None
        columns = [contract.column(name) for name in contract.key]
        if not any(column.personal for column in columns):
            keys = KeyFilter.for_keys(pool.rows)
            for digests in key_digests(pool.table, columns):
                keys.add(digests)
    header = profiles.Header(
        contract=f"{contract.name}@{contract.version}",
        key={column.name: column.type for column in columns},
        filter=profiles.header_of(keys) if keys is not None else None,
        statistics=_told_of(statistics, standard.suite, contract),
    )
    profiles.write(profiles.Profile(header, keys), path)
    return header


def _told_of(statistics: PoolStatistics, suite: Suite | None, contract: Contract) -> PoolStatistics:
    """What the suite asks for, and nothing else that was ever kept: a column may have been marked personal since."""
    asked = (measures_asked(suite, contract) if suite is not None else None) or {}
    columns = {
        column.name: ColumnMeasures(
            type=column.type,
            measures={name: _discreet(statistics.columns[column.name].measures[name]) for name in sorted(measures)},
        )
        for column, measures in asked.items()
    }
    return statistics.model_copy(update={"columns": columns})


def _discreet(measure: Measure) -> Measure:
    """The measure, unless it lists values of which some are personal data, in a column that is not marked."""
    listed = measure.value.get("values") if isinstance(measure.value, dict) else None
    if isinstance(listed, list) and any(isinstance(value, str) and kinds_in(value) for value in listed):
        return Measure(fault="some values are personal data, which no profile tells; mark the column personal")
    return measure


@dataclass(frozen=True)
class Compared:
    """What a submission is held against: a pool's rows, its statistics, its profile; None of what there is not."""

    table: ir.Table | None
    statistics: PoolStatistics | None
    profile: profiles.Profile | None = None
    version: int | None = None

    def told(self, judgement: Judgement, dedupe: Sequence[str] | None) -> Judgement:
        """The judgement with about how many of its accepted records are in the pool, as its profile has it.

        Args:
            dedupe: the columns by which records are the same record; None where duplicates may stay.
        """
        if self.profile is None or dedupe is None or not judgement.files:
            return judgement
        contract, report = judgement.contract, judgement.report
        found = _known(self.profile, contract, judgement.accepted, report.rows.accepted, dedupe)
        if isinstance(found, Known):
            return replace(judgement, report=report.model_copy(update={"known": found}))
        note = f"Duplicates of the pool were not looked for: {found}."
        return replace(judgement, report=report.model_copy(update={"notes": (*report.notes, note)}))


def compared(
    config: IntegrationConfig, standard: Standard, engine: Engine, folder: Path, pool: str | Path | None
) -> Compared:
    """What to hold a submission against.

    Args:
        pool: a profile, or the pool that is the configuration's training data; without it that is only asked for what
            the suite asks of it.

    Raises:
        SourceUnreadable: it is a file and no profile, or damaged.
        Misuse: there is nothing, or it is of another contract's rows.
        PoolError: the pool cannot be read.
    """
    if pool is None:
        return Compared(None, peek_at_statistics(config, engine, standard, folder))
    if Path(pool).is_file():
        profile = profiles.read(Path(pool))
        return Compared(None, _statistics_of(profile, Path(pool), standard.suite, standard.contract), profile)
    opened = open_pool(config, engine, standard.contract, folder)
    if opened.version is None:
        raise Misuse(f"There is no pool and no profile at {pool}.", "tidegate profile writes a profile of a pool.")
    return Compared(opened.table, statistics_asked(config, standard, opened, keep=False), version=opened.version)


def pool_compared(config: IntegrationConfig, standard: Standard, pool: str | Path | None) -> Location | None:
    """The pool that `compared` reads; None where it reads none."""
    if pool is None:
        return peeked_at(config, standard)
    if Path(pool).is_file() or config.training_data is None:
        return None
    return pool_location(config.training_data)


def _statistics_of(
    profile: profiles.Profile, path: Path, suite: Suite | None, contract: Contract
) -> PoolStatistics | None:
    """What the suite asks of the pool; None where it asks for nothing. Raises `Misuse` where that is not there."""
    header = profile.header
    if header.contract.partition("@")[0] != contract.name:
        raise Misuse(f"{path} is of a pool of {header.contract}, not of {contract.name}.", "Name its profile.")
    asked = measures_asked(suite, contract) if suite is not None else None
    if asked is None:
        return None
    for column, measures in asked.items():
        kept = header.statistics.columns.get(column.name)
        if kept is None or kept.type != column.type or not measures <= kept.measures.keys():
            raise Misuse(
                f"The profile {path} lacks statistics of {column.name!r} that the suite asks for.",
                f"It is of {header.contract}; ask for one of {contract.name}@{contract.version}.",
            )
    return header.statistics


def _known(
    profile: profiles.Profile, contract: Contract, accepted: ir.Table, count: int, dedupe: Sequence[str]
) -> Known | str:
    """About how many accepted records are in the pool, or why that cannot be told."""
    told, keys = profile.header.filter, profile.keys
    if told is None or keys is None:
        return "its key has personal columns, so the profile has no filter"
    types = {column.name: column.type for column in contract.columns if column.name in dedupe}
    if types != profile.header.key:
        return f"the profile is of the key {', '.join(profile.header.key)}"
    columns = [contract.column(name) for name in profile.header.key]
    found = sum(int(keys.holds(digests).sum()) for digests in key_digests(accepted, columns))
    rate = told.false_positive_rate
    # Of the records that are not there a share is taken for ones that are: so many fewer are.
    likely = max(0, round((found - rate * count) / (1 - rate))) if rate < 1 else 0
    return Known(records=likely, false_positive_rate=rate, pool_version=profile.header.statistics.version)
