"""What differs between two suites. A submission that failed no expectation may fail one that is new or tighter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tidegate.evolution.change import Change, Effect
from tidegate.evolution.side import Side
from tidegate.registry import Expectation, Suite
from tidegate.registry.suite import OF_COLUMNS

_ENDS = {"min_value": +1, "max_value": -1}
_STRICT = frozenset({"strict_min", "strict_max"})
_POOLED = "What fails it depends on the training data: tidegate contracts replay tries it."
_UNSEEN = "Nobody can tell which of them lets more through."

_LARGER_IS_LOOSER = {"value_set": ("to_be_in_set",), "regex_list": ("to_match_regex_list",)}
_SMALLER_IS_LOOSER = {
    "value_set": ("to_not_be_in_set", "to_contain_set"),
    "regex_list": ("to_not_match_regex_list",),
}


def suite_changes(old: Suite | None, new: Suite | None) -> Iterator[Change]:
    """What differs between the suites of two versions."""
    before, after = (suite.expectations if suite is not None else () for suite in (old, new))
    for one, other in _paired(before, after):
        if one is None and other is not None:
            effect, why = _if_it_fails(other)
            yield Change("expectation-added", other.id, effect, "compatible", None, _told(other), why)
        elif other is None and one is not None:
            effect, why = _if_it_fails(one)
            yield Change("expectation-removed", one.id, "compatible", effect, _told(one), None, why)
        elif one is not None and other is not None:
            yield from _changed(one, other)


def seen_otherwise(
    old: Suite | None, new: Suite | None, of_columns: Sequence[Change], contract: Side
) -> Iterator[Change]:
    """Expectations that are what they were, of columns that are not. One that only warns rejects nothing."""
    before, after = (suite.expectations if suite is not None else () for suite in (old, new))
    for one, other in _paired(before, after):
        if one is None or other is None or one.kwargs != other.kwargs or other.severity != "critical":
            continue
        seen = next((change for change in of_columns if _sees(other, change, contract)), None)
        if seen is not None:
            why = f"It may see something else: {seen.change} {seen.subject}."
            yield Change("expectation-changed", other.id, "review", "compatible", _told(one), _told(other), why)


def _sees(expectation: Expectation, change: Change, contract: Side) -> bool:
    """Whether it may judge what was valid otherwise than before, since the contract changed so."""
    field = contract.fields.get(change.subject)
    filled = change.change in ("column-added", "required-changed") and field is not None and field.column.added
    if change.change in ("column-removed", "column-renamed", "columns-reordered") or filled:
        if expectation.type in OF_COLUMNS:
            return True
    elif change.change != "default-changed" and (change.change != "type-changed" or change.consumers == "compatible"):
        return False
    return json.dumps(change.subject)[1:-1] in json.dumps(expectation.kwargs, default=str)


def _changed(old: Expectation, new: Expectation) -> Iterator[Change]:
    if old.severity != new.severity:
        fails: Effect = "breaking" if new.severity == "critical" else "compatible"
        comes: Effect = "breaking" if old.severity == "critical" else "compatible"
        yield Change("severity-changed", new.id, fails, comes, old.severity, new.severity)
    if old.notes != new.notes:
        yield Change("expectation-reworded", new.id, "compatible", "compatible", old.notes, new.notes)
    if old.kwargs == new.kwargs:
        return
    looser, tighter = _looser(old.type, old.kwargs, new.kwargs), _looser(old.type, new.kwargs, old.kwargs)
    kind, fails, comes, why = "expectation-changed", "review", "review", _UNSEEN
    if looser is not None and tighter is not None:
        fails, comes, why = ("compatible" if looser else "breaking"), ("compatible" if tighter else "breaking"), ""
        if looser != tighter:
            kind = "expectation-loosened" if looser else "expectation-tightened"
    # One that only warns rejects nothing.
    fails = fails if new.severity == "critical" else "compatible"
    comes = comes if old.severity == "critical" else "compatible"
    yield Change(kind, new.id, fails, comes, _told(old), _told(new), why)


def _looser(kind: str, old: dict[str, Any], new: dict[str, Any]) -> bool | None:
    """Whether whatever meets the old arguments meets the new ones; None where that cannot be told."""
    answers: list[bool] = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        answer = _argument(kind, name, old, new)
        if answer is None:
            return None
        answers.append(answer)
    return all(answers)


def _argument(kind: str, name: str, old: dict[str, Any], new: dict[str, Any]) -> bool | None:
    before, after = old.get(name), new.get(name)
    if name == "mostly":
        shares = [1.0 if share is None else share for share in (before, after)]
        return shares[1] <= shares[0] if all(_is_number(share) for share in shares) else None
    if name in _ENDS and kind.endswith("to_be_between"):
        return _end(before, after, _ENDS[name])
    if name in _STRICT and kind.endswith("to_be_between"):
        return not after
    larger = kind.endswith(_LARGER_IS_LOOSER.get(name, ()))
    smaller = kind.endswith(_SMALLER_IS_LOOSER.get(name, ()))
    if name == "regex_list" and larger and new.get("match_on") == "all":
        larger, smaller = False, True  # which asks for a match of each of them
    if (larger or smaller) and isinstance(before, list) and isinstance(after, list):
        small, large = (before, after) if larger else (after, before)
        return all(value in large for value in small)
    return None


def _end(before: Any, after: Any, direction: int) -> bool | None:
    if before is None or after is None:
        return after is None
    if _is_number(before) and _is_number(after):
        return bool((after - before) * direction <= 0)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _if_it_fails(expectation: Expectation) -> tuple[Effect, str]:
    """What it is to a side that an expectation can fail, and why."""
    if expectation.severity != "critical":
        return "compatible", ""
    if any(parameter.pooled for parameter in expectation.parameters):
        return "review", _POOLED
    return "breaking", ""


def _told(expectation: Expectation) -> dict[str, Any]:
    return {"severity": expectation.severity, "arguments": expectation.kwargs}


Pair = tuple[Expectation | None, Expectation | None]


def _paired(old: tuple[Expectation, ...], new: tuple[Expectation, ...]) -> list[Pair]:
    """Expectations that belong together: of the same columns and type, the same arguments first, then in order."""
    left, found, unmatched = list(old), list[Pair](), list[Expectation]()
    for expectation in new:
        twin = next((other for other in left if _of(other) == _of(expectation) and _same(other, expectation)), None)
        if twin is None:
            unmatched.append(expectation)
            continue
        left.remove(twin)
        found.append((twin, expectation))
    for expectation in unmatched:
        like = next((other for other in left if _of(other) == _of(expectation)), None)
        if like is not None:
            left.remove(like)
        found.append((like, expectation))
    return [*found, *((expectation, None) for expectation in left)]


def _same(one: Expectation, other: Expectation) -> bool:
    return one.kwargs == other.kwargs


def _of(expectation: Expectation) -> tuple[str, ...]:
    """What an expectation is about."""
    named = {
        key: value for key, value in expectation.kwargs.items() if key.startswith("column") or key == "row_condition"
    }
    return (expectation.type, json.dumps(named, sort_keys=True, default=str))
