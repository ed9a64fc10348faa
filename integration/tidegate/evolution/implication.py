"""Whether what one version lets through passes a rule of another."""

from __future__ import annotations

from typing import Any, Literal

from tidegate.evolution.domain import builtin_name, family, of_rule
from tidegate.evolution.functions import fingerprint, value_of
from tidegate.evolution.side import Field
from tidegate.registry import Rule

Answer = Literal["yes", "no", "unknown"]

_AFFIXES = ("str_startswith", "str_endswith")


def implied(rule: Rule, of: Field, by: Field) -> Answer:
    """Whether every valid value of the column `by` passes a rule of the column `of`."""
    if rule.warns:
        return "yes"
    if of.held_by == by.held_by and any(same(rule, other) for other in by.rules if not other.warns):
        return "yes"
    if family(of.column) is None or family(of.column) != family(by.column):
        return "unknown"
    domain = by.domain
    allowed = of_rule(rule, of.column, of.dtype)
    if allowed is not None:
        return "yes" if domain.within(allowed) else "no"
    if builtin_name(rule) in _AFFIXES and _plain(rule):
        return _affixed(rule, by)
    return "unknown"


def same(rule: Rule, other: Rule) -> bool:
    """Whether two rules are certain to judge any value of one column alike."""
    told = signature(rule)
    return told is not None and told == signature(other)


def signature(rule: Rule) -> tuple[str, ...] | None:
    """What a rule judges by, as texts; None where that cannot be told."""
    check = rule.definition
    if check is None:
        return (rule.check, *rule.columns)
    told = value_of(_arguments(rule))
    how = (builtin_name(rule), str(check.element_wise), str(check.ignore_na))
    if rule.builtin:
        return None if told is None else (*how, told)
    code = fingerprint(check._check_fn)
    return None if told is None or code is None else (*how, told, code)


def _arguments(rule: Rule) -> dict[str, Any]:
    assert rule.definition is not None
    told: dict[str, Any] = rule.definition._check_kwargs
    return dict(sorted(told.items()))


def _plain(rule: Rule) -> bool:
    return rule.definition is not None and not rule.definition.element_wise and rule.definition.ignore_na


def _affixed(rule: Rule, by: Field) -> Answer:
    """Whether all texts begin, or end, as the rule wants it."""
    assert rule.definition is not None
    wanted = rule.definition._check_kwargs["string"]
    if not isinstance(wanted, str):
        return "unknown"
    name = builtin_name(rule)
    starts = name == "str_startswith"
    listed = by.domain.values()
    if listed is not None:
        return "yes" if all(_has(text, wanted, starts) for text in listed) else "no"
    known = (other for other in by.rules if builtin_name(other) == name and _plain(other))
    texts = [other.definition._check_kwargs["string"] for other in known if other.definition and not other.warns]
    return "yes" if any(_has(text, wanted, starts) for text in texts) else "no"  # one that is longer says more


def _has(text: Any, wanted: str, starts: bool) -> bool:
    return isinstance(text, str) and (text.startswith(wanted) if starts else text.endswith(wanted))
