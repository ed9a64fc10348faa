"""Expectations that no rows can meet that pass the contract's rules.

What is found is listed in docs/versions.md. Not being found is no proof: most expectations are about what rows add up
to, which no rule says anything of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tidegate.evolution.compare import Release
from tidegate.evolution.domain import Bound, Domain, bounded, comparable
from tidegate.evolution.findings import Finding
from tidegate.evolution.side import Field, Side
from tidegate.registry import Expectation

_BETWEEN = frozenset({
    f"expect_column_{what}_to_be_between" for what in ("mean", "median", "min", "max")
})  # fmt: skip
_PLACE = re.compile(r"^(?P<path>.+?):(?P<line>\d+):")


def contradictions(release: Release) -> Iterator[tuple[Expectation, str]]:
    """The expectations of a version's suite that its contract rules out, each with the reason."""
    if release.suite is None:
        return
    side = Side(release.contract)
    for expectation in release.suite.expectations:
        why = _ruled_out(expectation, side)
        if why:
            yield expectation, why


def contradicting(release: Release, file: str) -> Iterator[Finding]:
    """The same as findings about the suite's file."""
    for expectation, why in contradictions(release):
        place = _PLACE.match(expectation.where)
        yield Finding(
            "contradiction", release.name, file, f"No rows that pass the rules can meet {expectation.id}: {why}.",
            "Change the expectation or the rule.", int(place["line"]) if place else None,
        )  # fmt: skip


def _ruled_out(expectation: Expectation, side: Side) -> str | None:
    if expectation.parameters or expectation.kwargs.get("mostly") == 0 or "row_condition" in expectation.kwargs:
        return None
    if expectation.type.startswith("expect_table_column"):
        return _of_columns(expectation, side)
    if expectation.type == "expect_column_pair_values_a_to_be_greater_than_b":
        return _of_pair(expectation, side)
    field = side.fields.get(str(expectation.kwargs.get("column")))
    if field is None:
        return None
    if expectation.type in _BETWEEN:
        return _statistic(field, expectation.kwargs)
    judge = _OF_COLUMN.get(expectation.type)
    return None if judge is None else judge(field, expectation.kwargs)


def _ends(kwargs: dict[str, Any]) -> dict[str, tuple[Any, bool]]:
    """The ends of what lies between `min_value` and `max_value`, each with whether it belongs to it."""
    named = (("low", "min_value", "strict_min"), ("high", "max_value", "strict_max"))
    return {
        end: (kwargs[value], not kwargs.get(strict)) for end, value, strict in named if kwargs.get(value) is not None
    }


def _values_between(field: Field, kwargs: dict[str, Any]) -> str | None:
    wanted = bounded(field.column, _ends(kwargs))
    return None if wanted is None or field.domain.meets(wanted) else f"the rules allow {told(field.domain)}"


def _statistic(field: Field, kwargs: dict[str, Any]) -> str | None:
    """Mean, median and extremes lie between the smallest and the largest value that there may be."""
    ends = {end: Bound(comparable(value, field.column), within) for end, (value, within) in _ends(kwargs).items()}
    if not field.column.numeric or any(bound.value is None for bound in ends.values()):
        return None
    low, high, listed = field.domain.low, field.domain.high, field.domain.values()
    if listed:
        low, high = Bound(min(listed), True), Bound(max(listed), True)
    between = Domain(low=low, high=high).narrowed(Domain(low=ends.get("low"), high=ends.get("high")))
    return f"the rules allow {told(field.domain)}" if between.empty else None


def _in_set(field: Field, kwargs: dict[str, Any]) -> str | None:
    listed = _listed(field, kwargs)
    if not listed or any(field.domain.has(value) for value in listed):
        return None
    return f"the rules allow none of the values, but {told(field.domain)}"


def _each_of_set(field: Field, kwargs: dict[str, Any]) -> str | None:
    """Each value must be there, so each must be allowed."""
    for value in _listed(field, kwargs) or ():
        if not field.domain.has(value):
            return f"the rules do not allow {value!r}, but {told(field.domain)}"
    return None


def _not_in_set(field: Field, kwargs: dict[str, Any]) -> str | None:
    listed, values = _listed(field, kwargs), field.domain.values()
    if listed is None or not values or not all(value in listed for value in values):
        return None
    return f"the rules allow {told(field.domain)} only"


def _null(field: Field, kwargs: dict[str, Any]) -> str | None:
    return None if field.gives_nulls else "the contract allows no nulls there"


def _lengths(field: Field, kwargs: dict[str, Any]) -> str | None:
    exact = kwargs.get("value")
    low, high = (exact, exact) if exact is not None else (kwargs.get("min_value"), kwargs.get("max_value"))
    if field.column.type != "string" or not all(isinstance(end, int | None) for end in (low, high)):
        return None
    wanted = Domain(shortest=low or 0, longest=high)
    return None if field.domain.meets(wanted) else f"the rules allow {told(field.domain)}"


def _regex(field: Field, kwargs: dict[str, Any]) -> str | None:
    values, pattern = field.domain.values(), kwargs.get("regex")
    if not values or field.column.type != "string" or not isinstance(pattern, str):
        return None
    try:
        matching = any(re.search(pattern, value) for value in values)
    except re.error:
        return None
    return None if matching else f"none of the values that the rules allow matches: {told(field.domain)}"


def _different(field: Field, kwargs: dict[str, Any]) -> str | None:
    values, least = field.domain.values(), kwargs.get("min_value")
    if values is None or not isinstance(least, int | float) or least <= len(values):
        return None
    return f"the rules allow {len(values)} different values"


def _share_of_different(field: Field, kwargs: dict[str, Any]) -> str | None:
    most = kwargs.get("max_value")
    if not field.definition.unique or not isinstance(most, int | float) or most >= 1:
        return None
    return "the contract says that no value is there twice, so the share is 1"


def _of_pair(expectation: Expectation, side: Side) -> str | None:
    a, b = (side.fields.get(str(expectation.kwargs.get(name))) for name in ("column_A", "column_B"))
    if a is None or b is None or not (a.column.numeric and b.column.numeric):
        return None
    most, least = a.domain.high, b.domain.low
    if most is None or least is None or most.value > least.value:
        return None
    if most.value == least.value and expectation.kwargs.get("or_equal"):
        return None
    return f"{a.column.name} is at most {most.value}, and {b.column.name} at least {least.value}"


def _of_columns(expectation: Expectation, side: Side) -> str | None:
    """What is expected of the columns: those that go in are the contract's own."""
    if side.contract.patterns:
        return None
    kwargs, names = expectation.kwargs, list(side.fields)
    required = [name for name, field in side.fields.items() if not field.takes_absence]
    if expectation.type in ("expect_table_columns_to_match_set", "expect_table_columns_to_match_ordered_list"):
        wanted = kwargs.get("column_set", kwargs.get("column_list"))
        if not isinstance(wanted, list):
            return None
        if unknown := [name for name in wanted if name not in names]:
            return f"the contract has no column {unknown[0]!r}"
        exact = kwargs.get("exact_match", True) is not False
        lacking = [name for name in required if name not in wanted]
        return f"the contract has the column {lacking[0]!r} as well" if exact and lacking else None
    ends = (kwargs.get("value", kwargs.get("min_value")), kwargs.get("value", kwargs.get("max_value")))
    too_many = isinstance(ends[0], int) and ends[0] > len(names)
    too_few = isinstance(ends[1], int) and ends[1] < len(required)
    return f"the contract has {len(names)} columns" if too_many or too_few else None


def _listed(field: Field, kwargs: dict[str, Any]) -> list[Any] | None:
    values = kwargs.get("value_set")
    if not isinstance(values, list):
        return None
    plain = [comparable(value, field.column) for value in values]
    return None if any(value is None for value in plain) else plain


def told(domain: Domain) -> str:
    """The values that there may be, for people."""
    if domain.only is not None:
        values = sorted(map(str, domain.values() or ()))
        return ", ".join(values[:10]) + (" and more" if len(values) > 10 else "") if values else "no value"
    parts = []
    if domain.low is not None:
        parts.append(f"{'at least' if domain.low.inclusive else 'more than'} {domain.low.value}")
    if domain.high is not None:
        parts.append(f"{'at most' if domain.high.inclusive else 'less than'} {domain.high.value}")
    if domain.shortest:
        parts.append(f"texts of at least {domain.shortest} characters")
    if domain.longest is not None:
        parts.append(f"texts of at most {domain.longest} characters")
    return " and ".join(parts) or "any value"


_OF_COLUMN: dict[str, Callable[[Field, dict[str, Any]], str | None]] = {
    "expect_column_values_to_be_between": _values_between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_distinct_values_to_be_in_set": _in_set,
    "expect_column_most_common_value_to_be_in_set": _in_set,
    "expect_column_distinct_values_to_contain_set": _each_of_set,
    "expect_column_distinct_values_to_equal_set": _each_of_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_null": _null,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _lengths,
    "expect_column_values_to_match_regex": _regex,
    "expect_column_unique_value_count_to_be_between": _different,
    "expect_column_proportion_of_unique_values_to_be_between": _share_of_different,
}
CONTRADICTIONS = frozenset(_OF_COLUMN) | _BETWEEN | {
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_table_columns_to_match_set",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_column_count_to_equal",
    "expect_table_column_count_to_be_between",
}  # fmt: skip
"""The types of expectations that are held against the rules."""
