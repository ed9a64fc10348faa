"""What differs between the checks of two versions, column by column and over several columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.evolution.change import Change, Effect
from tidegate.evolution.domain import builtin_name
from tidegate.evolution.implication import Answer, implied, same, signature
from tidegate.evolution.side import Field, Side
from tidegate.registry import Rule

_UNSEEN = "Nobody can tell from its code whether it judges as it did."
_TYPED = "It judges values of another type than before."

Pair = tuple[Rule | None, Rule | None]


def column_rule_changes(old: Field, new: Field) -> Iterator[Change]:
    """What differs between the checks of one column in two versions."""
    for before, after in _paired(old.rules, new.rules):
        if before is None or after is None:
            yield from _alone(before, after, old, new)
        elif same(before, after):
            yield from _severity(before, after)
            yield from _said_otherwise(before, after)
            if old.held_by != new.held_by and not before.warns:
                yield from _typed_otherwise(before, after, old, new)
        else:
            yield _changed(before, after, old, new)
            yield from _severity(before, after)


def _alone(before: Rule | None, after: Rule | None, old: Field, new: Field) -> Iterator[Change]:
    """A rule that the other version has not."""
    if after is not None:
        effect: Effect = "compatible" if implied(after, new, old) == "yes" else "breaking"
        yield Change("rule-added", after.id, effect, "compatible", None, _told(after), _says(effect))
    if before is not None:
        effect = "compatible" if implied(before, old, new) == "yes" else "breaking"
        yield Change("rule-removed", before.id, "compatible", effect, _told(before), None, _lets(effect))


def _changed(before: Rule, after: Rule, old: Field, new: Field) -> Change:
    contributors = _effect(implied(after, new, old))
    consumers = _effect(implied(before, old, new))
    kind = "rule-changed"
    if contributors == "breaking" and consumers == "compatible":
        kind = "rule-tightened"
    elif consumers == "breaking" and contributors == "compatible":
        kind = "rule-loosened"
    elif contributors == consumers == "compatible":
        kind = "rule-reworded"
    why = _UNSEEN if "review" in (contributors, consumers) else ""
    return Change(kind, after.id, contributors, consumers, _told(before), _told(after), why)


def _effect(answer: Answer) -> Effect:
    effects: dict[Answer, Effect] = {"yes": "compatible", "no": "breaking", "unknown": "review"}
    return effects[answer]


def _typed_otherwise(before: Rule, after: Rule, old: Field, new: Field) -> Iterator[Change]:
    """The same check of a column that pandas holds in another way: built-in ones compare values, others see both."""
    contributors, consumers = _effect(implied(after, new, old)), _effect(implied(before, old, new))
    if (contributors, consumers) != ("compatible", "compatible"):
        yield Change("rule-changed", after.id, contributors, consumers, _told(before), _told(after), _TYPED)


def _said_otherwise(before: Rule, after: Rule) -> Iterator[Change]:
    told = [(rule.id, rule.expected, rule.most_examples) for rule in (before, after)]
    if told[0] != told[1]:
        yield Change("rule-reworded", after.id, "compatible", "compatible", _told(before), _told(after))


def _severity(before: Rule, after: Rule) -> Iterator[Change]:
    if before.warns == after.warns:
        return
    contributors: Effect = "compatible" if after.warns else "breaking"
    consumers: Effect = "breaking" if after.warns else "compatible"
    words = ["warns" if rule.warns else "keeps records out" for rule in (before, after)]
    yield Change("severity-changed", after.id, contributors, consumers, words[0], words[1])


def across_changes(old: Side, new: Side, frames_differ: str) -> Iterator[Change]:
    """What differs between the checks over several columns.

    Args:
        frames_differ: why the same check may see something else of what was valid; empty where it does not.
    """
    for before, after in _paired(old.across, new.across):
        if before is None and after is not None:
            effect: Effect = "compatible" if after.warns else "breaking"
            yield Change("rule-added", after.id, effect, "compatible", None, _told(after))
        elif after is None and before is not None:
            effect = "compatible" if before.warns else "breaking"
            yield Change("rule-removed", before.id, "compatible", effect, _told(before), None)
        elif before is not None and after is not None:
            yield from _severity(before, after)
            if same(before, after):
                yield from _said_otherwise(before, after)
                if frames_differ and not after.warns:
                    yield Change(
                        "rule-changed", after.id, "review", "review", _told(before), _told(after), frames_differ
                    )
            elif not (before.warns and after.warns):
                yield Change("rule-changed", after.id, "review", "review", _told(before), _told(after), _UNSEEN)


def _paired(old: Sequence[Rule], new: Sequence[Rule]) -> list[Pair]:
    """Rules that belong together: those that are the same, then those of one check, in their order."""
    left, found = list(old), list[Pair]()
    unmatched: list[Rule] = []
    for rule in new:
        twin = next((other for other in left if same(rule, other)), None)
        if twin is None:
            unmatched.append(rule)
            continue
        left.remove(twin)
        found.append((twin, rule))
    for rule in unmatched:
        like = next((other for other in left if _of_one_check(rule, other)), None)
        if like is not None:
            left.remove(like)
        found.append((like, rule))
    return [*found, *((rule, None) for rule in left)]


def _of_one_check(rule: Rule, other: Rule) -> bool:
    if rule.builtin != other.builtin:
        return False
    return builtin_name(rule) == builtin_name(other) if rule.builtin else rule.check == other.check


def _told(rule: Rule) -> str:
    return rule.expected


def _says(effect: Effect) -> str:
    return "It may fail what was valid." if effect == "breaking" else "The other rules and the type said as much."


def _lets(effect: Effect) -> str:
    if effect == "breaking":
        return "Rows may come that were kept out before."
    return "The other rules and the type say as much."


def alike(old: Field, new: Field) -> bool:
    """Whether two columns have the same checks."""
    return sorted(map(str, map(signature, old.rules))) == sorted(map(str, map(signature, new.rules)))
