"""Make the profile of a pool, and hold a submission against one that its contributor was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tidegate.audit import measures_asked
from tidegate.config import IntegrationConfig
from tidegate.engines import open_engine
from tidegate.errors import Misuse
from tidegate.judgement import Judgement, load_standard
from tidegate.pool import profile as profiles
from tidegate.pool.key_filter import KeyFilter, key_digests
from tidegate.publication import open_pool, statistics_asked
from tidegate.receipt import Known
from tidegate.registry import Contract, PoolStatistics, Suite
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
        statistics=statistics,
    )
    profiles.write(profiles.Profile(header, keys), path)
    return header


@dataclass(frozen=True)
class PoolProfile:
    """A pool's profile as one who judges a submission has it."""

    path: Path
    profile: profiles.Profile

    def statistics_for(self, suite: Suite | None, contract: Contract) -> PoolStatistics | None:
        """What the suite asks of the pool; None where it asks for nothing. Raises `Misuse` where that is not there."""
        asked = measures_asked(suite, contract) if suite is not None else None
        if asked is None:
            return None
        statistics = self.profile.header.statistics
        for column, measures in asked.items():
            kept = statistics.columns.get(column.name)
            if kept is None or kept.type != column.type or not measures <= kept.measures.keys():
                raise Misuse(
                    f"The profile {self.path} lacks statistics of {column.name!r} that the suite asks for.",
                    f"It is of {self.profile.header.contract}; ask for one of {contract.name}@{contract.version}.",
                )
        return statistics


def read_profile(path: Path, contract: Contract) -> PoolProfile:
    """Read a profile to judge submissions of a contract with.

    Raises:
        SourceUnreadable: it is no profile, or damaged.
        Misuse: it is of a pool of another contract.
    """
    profile = profiles.read(path)
    if profile.header.contract.partition("@")[0] != contract.name:
        raise Misuse(f"{path} is of a pool of {profile.header.contract}, not of {contract.name}.", "Name its profile.")
    return PoolProfile(path, profile)


def with_known(judgement: Judgement, known: PoolProfile, dedupe: Sequence[str] | None) -> Judgement:
    """The judgement with about how many of its accepted records are in the pool already.

    Args:
        dedupe: the columns by which records are the same record; None where duplicates may stay.
    """
    header, keys = known.profile.header, known.profile.keys
    columns = [column for column in judgement.contract.columns if column.name in (dedupe or ())]
    why = None
    if dedupe is None:
        return judgement
    if keys is None or header.filter is None:
        why = "its key has personal columns, so the profile has no filter"
    elif {column.name: column.type for column in columns} != header.key:
        why = f"the profile is of the key {', '.join(header.key)}"
    if why is not None or keys is None or header.filter is None:
        note = f"Duplicates of the pool were not looked for: {why}."
        return replace(judgement, report=judgement.report.model_copy(update={"notes": (*judgement.report.notes, note)}))
    columns = [judgement.contract.column(name) for name in header.key]
    found = sum(int(keys.holds(digests).sum()) for digests in key_digests(judgement.accepted, columns))
    rate = header.filter.false_positive_rate
    # Of the records that are not there a share is taken for ones that are: so many fewer are.
    likely = max(0, round((found - rate * judgement.report.rows.accepted) / (1 - rate))) if rate < 1 else 0
    told = Known(records=likely, false_positive_rate=rate, pool_version=header.statistics.version)
    return replace(judgement, report=judgement.report.model_copy(update={"known": told}))
