"""The registry: find, load and version contracts and suites.

A registry is a folder holding ``contracts/<dataset>/v<MAJOR>_<MINOR>.py`` and
``expectations/<dataset>/v<MAJOR>_<MINOR>.json``.
"""

from tidegate.registry.contract import Contract, contract_of, load_contract
from tidegate.registry.find import Registry, find_registry, shipped_registry
from tidegate.registry.migration import Migration, migration_between
from tidegate.registry.model import Model
from tidegate.registry.rules import Rule
from tidegate.registry.statistics import PoolStatistics
from tidegate.registry.suite import Expectation, Suite, load_suite

__all__ = [
    "Contract",
    "Expectation",
    "Migration",
    "Model",
    "PoolStatistics",
    "Registry",
    "Rule",
    "Suite",
    "contract_of",
    "find_registry",
    "load_contract",
    "load_suite",
    "migration_between",
    "shipped_registry",
]
