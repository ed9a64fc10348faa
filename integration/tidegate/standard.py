"""What a submission is judged by: the contract and the suite that its rows must meet, and what they come from."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from tidegate.audit import key_from
from tidegate.columns import SAMPLE_WEIGHT
from tidegate.config import IntegrationConfig, SchemaConfig
from tidegate.errors import Misuse
from tidegate.merge import check_missing, dedupe_columns
from tidegate.registry import (
    Contract,
    Migration,
    Registry,
    Suite,
    find_registry,
    load_contract,
    load_suite,
    migration_between,
)
from tidegate.registry.deprecation import deprecation_of


@dataclass(frozen=True)
class Standard:
    """What a submission is judged by.

    Attributes:
        contract: what rows must meet in the end: their shape is the pool's.
        dedupe: the columns by which rows are the same row; None where duplicates may stay.
        migration: how rows get there from the version that the submission is offered under; None where that is the
            contract itself.
        notes: what the contributor should know of these versions.
    """

    contract: Contract
    suite: Suite | None
    dedupe: tuple[str, ...] | None
    migration: Migration | None = None
    notes: tuple[str, ...] = ()

    @property
    def offered(self) -> Contract:
        """The version that the submission's files are of."""
        return self.contract if self.migration is None else self.migration.source


def load_standard(config: IntegrationConfig, today: datetime.date | None = None) -> Standard:
    """Load contract and suite, and hold the configuration against them.

    Args:
        today: the day by which versions are deprecated; without it, today's in UTC.

    Raises:
        Misuse: no such contract, suite, column or migration.
        VersionRefused: a version is no longer taken.
        BrokenContract: the contract or suite is wrong in itself.
    """
    registry, named = find_registry(config.registry), config.schema_config
    offered = contract = load_contract(registry.contract_file(named.contract))
    migration = None
    if named.migrate_to is not None:
        contract = load_contract(registry.contract_file(named.migrate_to))
        migration = migration_between(offered, contract)
    notes = _deprecated(registry, (offered, contract), today or datetime.datetime.now(datetime.UTC).date())
    names = tuple(column.name for column in contract.columns)
    check_missing(config.cleaning_config.missing, offered.columns)
    if config.validation_config.personal_salt_env is not None:
        key_from(config.validation_config.personal_salt_env)
    if config.merge_strategy.sampling == SAMPLE_WEIGHT and SAMPLE_WEIGHT in names:
        raise Misuse(f"The contract has a column {SAMPLE_WEIGHT!r} itself.", "Take another sampling.")
    dedupe = dedupe_columns(config.cleaning_config.deduplicate, contract.key, names)
    return Standard(contract, _suite(registry, named, contract), dedupe, migration, notes)


def _suite(registry: Registry, named: SchemaConfig, contract: Contract) -> Suite | None:
    """The suite that is named, or the contract's own."""
    file: Path | None
    file = registry.suite_file(named.suite) if named.suite is not None else registry.suite_beside(contract.path)
    return load_suite(file, contract.columns, contract.patterns) if file is not None else None


def _deprecated(registry: Registry, contracts: tuple[Contract, ...], today: datetime.date) -> tuple[str, ...]:
    """What to warn of. Raises `VersionRefused` where one is no longer taken."""
    notes: dict[str, None] = {}
    for contract in contracts:
        deprecation = deprecation_of(registry.root, contract.name, contract.version)
        told = deprecation.told(f"{contract.name}@{contract.version}", today) if deprecation is not None else None
        if told is not None:
            notes[told] = None
    return tuple(notes)
