"""Deprecation: from one day on a version warns its contributors, from a later one it is refused.

The dates stand in the registry's `contracts.toml` and not in the version, since a released version does not change::

    [deprecated."trips@1"]
    since = 2026-12-01
    refused = 2027-03-01
    use = "trips@2"
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.errors import Misuse, VersionRefused, nearest

SETTINGS = "contracts.toml"
"""The registry's settings, in its folder."""
TABLE = "deprecated"
_KEYS = ("since", "refused", "use")
_HOW = f'Write [{TABLE}."trips@1"], and below it since = 2026-12-01, refused = 2027-03-01 and use = "trips@2".'


@dataclass(frozen=True)
class Deprecation:
    """When a version goes.

    Attributes:
        since: the first day on which contributors are warned; days are those of UTC.
        refused: the first day on which it is refused; None where that is not decided.
        use: what to change to.
    """

    since: datetime.date
    refused: datetime.date | None
    use: str

    def told(self, name: str, today: datetime.date) -> str | None:
        """What to warn of, or None before the day.

        Raises:
            VersionRefused: the version is refused by now.
        """
        if self.refused is not None and today >= self.refused:
            raise VersionRefused(
                f"{name} is refused since {self.refused}.",
                f"Change to {self.use}: tidegate contracts diff {name} {self.use} tells what differs.",
            )
        return self.plan(name) if today >= self.since else None

    def plan(self, name: str) -> str:
        """The dates in words."""
        end = "" if self.refused is None else f" and refused from {self.refused}"
        return f"{name} is deprecated from {self.since}{end}: change to {self.use}."


def deprecation_of(root: Path, name: str, version: str) -> Deprecation | None:
    """When a version goes, as the registry's settings say: for just that version, or for its major one.

    Raises:
        Misuse: the settings cannot be read, or say something else than dates.
    """
    told = deprecations_in(root)
    return told.get(f"{name}@{version}") or told.get(f"{name}@{version.partition('.')[0]}")


def deprecations_in(root: Path) -> dict[str, Deprecation]:
    """Every deprecation of a registry, by what it is of: ``trips@1`` or ``trips@1.0``. Raises `Misuse`."""
    table = read_settings(root).get(TABLE, {})
    if not isinstance(table, dict):
        raise Misuse(f"{root / SETTINGS}: {TABLE} is no table.", _HOW)
    return {name: _deprecation(f"{root / SETTINGS}: {TABLE}.{name!r}", told) for name, told in table.items()}


def read_settings(root: Path) -> Mapping[str, Any]:
    """What `contracts.toml` says; nothing where it is not there. Raises `Misuse` where it cannot be read."""
    path = root / SETTINGS
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misuse(f"{path} cannot be read: {error}.") from None


def _deprecation(where: str, told: Any) -> Deprecation:
    if not isinstance(told, dict):
        raise Misuse(f"{where} is no table.", _HOW)
    if unknown := set(told) - set(_KEYS):
        raise Misuse(f"{where} has the unknown key {min(unknown)!r}.", nearest(min(unknown), _KEYS))
    since, refused, use = _day(where, told, "since"), None, told.get("use")
    if "refused" in told:
        refused = _day(where, told, "refused")
        if refused <= since:
            raise Misuse(f"{where} is refused on {refused}, and not after {since}.", "Give people time to change.")
    if not isinstance(use, str) or not use:
        raise Misuse(f"{where} does not say what to use instead.", _HOW)
    return Deprecation(since, refused, use)


def _day(where: str, told: dict[str, Any], key: str) -> datetime.date:
    day = told.get(key)
    if not isinstance(day, datetime.date) or isinstance(day, datetime.datetime):
        raise Misuse(f"{where} says of {key} no day.", _HOW)
    return day
