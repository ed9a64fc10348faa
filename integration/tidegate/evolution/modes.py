"""Compatibility modes, named as schema registries name them, and which one holds for which dataset.

BACKWARD is for contributors: the new version takes what the old one took. FORWARD is for consumers: who reads by the
old version can read what comes by the new one. A new major version may break either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tidegate.errors import Misuse, nearest
from tidegate.evolution.change import Change, Effect, worst
from tidegate.registry import deprecation

SETTINGS = deprecation.SETTINGS
"""The registry's settings, in its folder."""
_TABLE = "compatibility"
_DEFAULT = "default"

Mode = Literal[
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
]  # fmt: skip

MODES: dict[Mode, str] = {
    "NONE": "A minor version may break everybody.",
    "BACKWARD": "What was valid by the version before stays valid: no minor version breaks contributors.",
    "BACKWARD_TRANSITIVE": "The same against every earlier version of the same major version.",
    "FORWARD": "What is valid now was valid by the version before: no minor version breaks consumers.",
    "FORWARD_TRANSITIVE": "The same against every earlier version of the same major version.",
    "FULL": "Both, which holds where nothing is said.",
    "FULL_TRANSITIVE": "Both, against every earlier version of the same major version.",
}
"""Every mode, and what it asks of a minor version."""

DEFAULT: Mode = "FULL"


@dataclass(frozen=True)
class Modes:
    """The modes of a registry's datasets."""

    default: Mode = DEFAULT
    of_datasets: Mapping[str, Mode] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path, datasets: Mapping[str, object]) -> Modes:
        """What `contracts.toml` says; the default for all where it is not there.

        Raises:
            Misuse: it cannot be read, or names a dataset or a mode that there is not.
        """
        path, told = root / SETTINGS, deprecation.read_settings(root)
        known = (_TABLE, deprecation.TABLE)
        if unknown := set(told) - set(known):
            raise Misuse(f"{path} has the unknown key {min(unknown)!r}.", nearest(min(unknown), known))
        table = told.get(_TABLE, {})
        if not isinstance(table, dict):
            raise Misuse(f"{path}: {_TABLE} is no table.", 'Write [compatibility], and below it flights = "BACKWARD".')
        for name, mode in table.items():
            if name not in datasets and name != _DEFAULT:
                raise Misuse(f"{path} names the dataset {name!r}, which there is not.", nearest(name, datasets))
            if mode not in MODES:
                raise Misuse(f"{path}: {mode!r} is no compatibility mode.", nearest(str(mode), MODES))
        return cls(table.get(_DEFAULT, DEFAULT), {name: mode for name, mode in table.items() if name != _DEFAULT})

    def of(self, dataset: str) -> Mode:
        """The mode of a dataset."""
        return self.of_datasets.get(dataset, self.default)


def transitive(mode: Mode) -> bool:
    """Whether a version is held against every earlier one, and not only against the one before."""
    return mode.endswith("_TRANSITIVE")


def effect_under(mode: Mode, change: Change) -> Effect:
    """What a change is to those whom a mode protects."""
    found: list[Effect] = []
    if mode.startswith(("BACKWARD", "FULL")):
        found.append(change.contributors)
    if mode.startswith(("FORWARD", "FULL")):
        found.append(change.consumers)
    return worst(found)
