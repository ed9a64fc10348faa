"""What the registry's settings say of versions that go, checked: each version is there, and so is what to change to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.errors import Misuse, nearest
from tidegate.evolution.findings import Finding
from tidegate.registry import Registry
from tidegate.registry.deprecation import SETTINGS, TABLE, deprecations_in


def wrongly_deprecated(registry: Registry, names: Sequence[str]) -> Iterator[Finding]:
    """Deprecations of what is not there, or for what is not there or goes as well. Raises `Misuse` as they are read.

    Args:
        names: the datasets that are looked at.
    """
    told = deprecations_in(registry.root)
    for name, deprecation in told.items():
        if name.partition("@")[0] in registry.datasets() and name.partition("@")[0] not in names:
            continue
        for which, reference in (("is of", name), ("leads to", deprecation.use)):
            why = _wrong(registry, reference)
            if why is not None:
                yield Finding("deprecation", None, SETTINGS, f"{TABLE}.{name!r} {which} {reference!r}: {why[0]}",
                              why[1])  # fmt: skip
        if deprecation.use in told or deprecation.use.rpartition(".")[0] in told:
            yield Finding("deprecation", None, SETTINGS,
                          f"{TABLE}.{name!r} leads to {deprecation.use!r}, which is deprecated itself.",
                          "Name the version to change to in the end.")  # fmt: skip


def _wrong(registry: Registry, reference: str) -> tuple[str, str] | None:
    if "@" not in reference:
        return "it names no version.", f"Write {reference}@1 or {reference}@1.0."
    try:
        registry.contract_file(reference)
    except Misuse as error:
        return error.fact, error.hint or nearest(reference, registry.datasets())
    return None
