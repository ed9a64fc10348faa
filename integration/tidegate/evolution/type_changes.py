"""What it means that a column has another type."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.columns import Column
from tidegate.evolution.change import Change, Effect
from tidegate.evolution.domain import Domain
from tidegate.evolution.side import Field

_WHOLE_IN_FLOATS = {"float32": 2**24, "float64": 2**53}
"""Up to where every whole number is one of the type."""
_EXACT_DIGITS = 15
_BY_FLOATS: tuple[Effect, str] = ("review", "A Parquet file may hold it as float64, which may lose digits.")
"""With more digits, what engines make of a float64 and back need not be that float64, and then it is refused."""


def type_changes(old: Field, new: Field) -> Iterator[Change]:
    """Whether what was read as one type is read as the other, and means the same."""
    before, after = told(old.column), told(new.column)
    if before == after and old.held_by == new.held_by:
        return
    if _kind(old.column) == _kind(new.column):
        # It is the same in files and in the pool; only pandas holds it in another way.
        yield Change("type-changed", new.column.name, "compatible", "compatible", old.held_by, new.held_by,
                     "Files and training data hold the same type; only checks of your own see another.")  # fmt: skip
        return
    contributors, why = _reads(old, new)
    stored = old.column.stored_type == new.column.stored_type and old.column.duration == new.column.duration
    back = _reads(new, old)[0] if stored else "breaking"
    if not stored:
        why = f"{why} Trainers read {new.column.stored_type} where they read {old.column.stored_type}.".strip()
    yield Change("type-changed", new.column.name, contributors, back, before, after, why)


def told(column: Column) -> str:
    """A column's type, for people."""
    if column.json:
        return "JSON object"
    if column.categories is not None:
        return f"category of {', '.join(map(str, column.categories))}"
    if column.duration:
        return "duration"
    return "category" if column.category else column.type


def _kind(column: Column) -> tuple[object, ...]:
    """What files and pool know of a type."""
    categories = None if column.categories is None else frozenset(column.categories)
    return (column.type, column.duration, column.json, column.category, categories)


def _reads(old: Field, new: Field) -> tuple[Effect, str]:
    """Whether every valid cell of the old type is one of the new type, and why not."""
    before, after, domain = old.column, new.column, old.domain
    fails: tuple[Effect, str] = ("breaking", f"Not every {told(before)} is {told(after)}.")
    fits: tuple[Effect, str] = ("compatible", "")
    if before.duration != after.duration or before.json != after.json or before.nested or after.nested:
        return fails
    if after.categories is not None:
        inside = before.type == after.type and domain.within(Domain(only=frozenset(after.categories)))
        return fits if inside else fails
    if before.type == after.type:
        if after.category and not before.told_apart:
            return "review", "A category may hold no characters that cannot be seen."
        return fits
    return _numbers(before, after, domain, bool(old.rules or new.rules or new.definition.unique)) or fails


def _numbers(before: Column, after: Column, domain: Domain, judged: bool) -> tuple[Effect, str] | None:
    """The same for two types of numbers; None where some number is lost, or they are none."""
    fits: tuple[Effect, str] = ("compatible", "")
    if not before.numeric or not after.numeric:
        return None
    if before.type == "float32" and after.type == "float64":
        why = "Rules compare with more digits than before."
        return ("review", why) if judged else fits
    if before.type.startswith("decimal") and after.type.startswith("decimal"):
        (p, s), (q, t) = (_digits(column) for column in (before, after))
        if t < s or q - t < p - s:
            return None
        return fits if t == s or p - s + t <= _EXACT_DIGITS else _BY_FLOATS
    if not domain.discrete or domain.low is None or domain.high is None:
        return None
    largest = max(abs(domain.low.value), abs(domain.high.value))
    if after.type in _WHOLE_IN_FLOATS:
        return fits if largest <= _WHOLE_IN_FLOATS[after.type] else None
    if after.type.startswith("decimal"):
        precision, scale = _digits(after)
        if largest >= 10 ** (precision - scale):
            return None
        return fits if not scale or len(str(largest)) + scale <= _EXACT_DIGITS else _BY_FLOATS
    bits = int(after.type.lstrip("uint"))
    low, high = (0, 2**bits - 1) if after.type.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return fits if low <= domain.low.value and domain.high.value <= high else None


def _digits(column: Column) -> tuple[int, int]:
    precision, scale = column.type.removeprefix("decimal(").removesuffix(")").split(",")
    return int(precision), int(scale)
