"""The registry: find, load and version contracts and suites.

A registry is a folder holding ``contracts/<dataset>/v<MAJOR>_<MINOR>.py`` and
``expectations/<dataset>/v<MAJOR>_<MINOR>.json``.

Each name is imported when it is used: Pandera takes seconds, and where a registry lies can be told without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "Contract": "contract",
    "Expectation": "suite",
    "Migration": "migration",
    "Model": "model",
    "PoolStatistics": "statistics",
    "Registry": "find",
    "Rule": "rules",
    "Suite": "suite",
    "contract_of": "contract",
    "find_registry": "find",
    "load_contract": "contract",
    "load_suite": "suite",
    "migration_between": "migration",
    "shipped_registry": "find",
}

if TYPE_CHECKING:
    from tidegate.registry.contract import Contract, contract_of, load_contract
    from tidegate.registry.find import Registry, find_registry, shipped_registry
    from tidegate.registry.migration import Migration, migration_between
    from tidegate.registry.model import Model
    from tidegate.registry.rules import Rule
    from tidegate.registry.statistics import PoolStatistics
    from tidegate.registry.suite import Expectation, Suite, load_suite


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate.registry' has no attribute {name!r}")
    return getattr(import_module(f"tidegate.registry.{_HOMES[name]}"), name)
