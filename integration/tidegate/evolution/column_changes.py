"""What differs between the columns of two versions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tidegate.evolution.change import Change, Effect, worst
from tidegate.evolution.domain import of_rule
from tidegate.evolution.functions import fingerprint, value_of
from tidegate.evolution.rule_changes import alike, column_rule_changes
from tidegate.evolution.side import Field, Side
from tidegate.evolution.type_changes import told, type_changes

_ALIKE = 0.6
_OPEN = "The old contract passed over unknown columns, so a file may have one of that name that fails."
_MATCHED = "A pattern stands for columns of that name, so it is judged by other rules than before."
_UNMARKED = "What was never shown may be shown in reports, and looked through."
_MARKS = frozenset({"key", "personal", "json"})


def column_changes(old: Side, new: Side) -> Iterator[Change]:
    """Columns that are new, gone or renamed, what changed in those that are in both, and their order."""
    gone = {name: field for name, field in old.fields.items() if name not in new.fields}
    come = {name: field for name, field in new.fields.items() if name not in old.fields}
    renamed = _renamed(old, new, gone, come)
    for was, name in renamed.items():
        effects = (_removed(old, new, gone[was]), _added(old, new, come[name]))
        yield Change(
            "column-renamed", name, worst(change.contributors for change in effects), "breaking", was, name,
            f"It looks like {was!r}, which is gone.",
        )  # fmt: skip
        if gone[was].column.personal and not come[name].column.personal:
            yield Change("personal-changed", name, "review", "compatible", True, False, _UNMARKED)
    for name, field in gone.items():
        if name not in renamed:
            yield _removed(old, new, field)
    for name, field in come.items():
        if name not in renamed.values():
            yield _added(old, new, field)
    for name, after in new.fields.items():
        if name in old.fields:
            yield from _both(old.fields[name], after)
    yield from _order(old, new)


def _renamed(old: Side, new: Side, gone: dict[str, Field], come: dict[str, Field]) -> dict[str, str]:
    """Columns that are gone, each with a new one that is the same but for its name."""
    found: dict[str, str] = {}
    for name, before in gone.items():
        candidates = {
            after: _likeness(before, field, list(old.fields).index(name) == list(new.fields).index(after))
            for after, field in come.items()
            if after not in found.values()
        }
        best = max(candidates, key=lambda after: candidates[after], default=None)
        if best is not None and candidates[best] >= _ALIKE:
            found[name] = best
    return found


def _likeness(before: Field, after: Field, same_place: bool) -> float:
    """How much two columns of the same type and rules are called alike; 0 for other ones."""
    same = (before.held_by, before.column.nullable, before.definition.unique, before.definition.regex) == (
        after.held_by, after.column.nullable, after.definition.unique, after.definition.regex
    )  # fmt: skip
    if not same or not alike(before, after):
        return 0.0
    if same_place or (before.column.description and before.column.description == after.column.description):
        return 1.0
    return difflib.SequenceMatcher(None, before.column.name.lower(), after.column.name.lower()).ratio()


def _removed(old: Side, new: Side, field: Field) -> Change:
    effects: list[Effect] = []
    name = field.column.name
    if new.contract.strict and new.pattern_of(name) is None:
        effects, why = ["breaking"], "Files that have it are refused."
    elif new.pattern_of(name) is not None:
        effects, why = ["review"], _MATCHED
    elif old.pattern_of(name) is not None or field.definition.regex:
        effects, why = ["review"], "Files that have it are judged without it."
    else:
        why = "Files may have it all the same; it is left out."
    return Change("column-removed", name, worst(effects), "breaking", told(field.column), None, why)


def _added(old: Side, new: Side, field: Field) -> Change:
    name, effect, why = field.column.name, "compatible", ""
    if field.definition.regex or not field.takes_absence:
        effect, why = "breaking", "Files that lack it are refused."
    elif field.column.added and (wrong := _filled_wrongly(field)):
        effect, why = wrong
    elif old.pattern_of(name) is not None or new.pattern_of(name) is not None:
        effect, why = "review", _MATCHED
    elif not old.contract.strict:
        effect, why = "review", _OPEN
    consumers: Effect = "compatible" if old.pattern_of(name) is None else "review"
    return Change("column-added", name, _effect(effect), consumers, None, told(field.column), why)


def _effect(effect: str) -> Effect:
    found: dict[str, Effect] = {"compatible": "compatible", "review": "review", "breaking": "breaking"}
    return found[effect]


def _filled_wrongly(field: Field) -> tuple[str, str] | None:
    """Why the default that stands for a missing cell may fail; None where it passes."""
    default = field.column.default
    if default is None:
        return None  # a null passes every check, and is allowed
    if field.definition.unique:
        return "breaking", "The default would be there more than once."
    for rule in field.rules:
        allowed = None if rule.warns else of_rule(rule, field.column, field.dtype)
        if rule.warns or (allowed is not None and _comparable(default, field) and allowed.has(default)):
            continue
        if allowed is not None and _comparable(default, field):
            return "breaking", f"The default fails {rule.id}."
        return "review", f"Nobody can tell whether the default passes {rule.id}."
    return None


def _comparable(default: object, field: Field) -> bool:
    """Whether a default is a value as it stands; times are told as text."""
    column = field.column
    return column.numeric or column.type in ("string", "boolean")


def _both(old: Field, new: Field) -> Iterator[Change]:
    """What changed in a column that both versions have."""
    yield from type_changes(old, new)
    yield from _nulls(old, new)
    yield from _unique(old, new)
    yield from column_rule_changes(old, new)
    yield from _parsers(old, new)
    yield from _marks(old, new)


def _nulls(old: Field, new: Field) -> Iterator[Change]:
    name, before, after = new.column.name, old.column, new.column
    comes: Effect = "breaking" if new.gives_nulls and not old.gives_nulls else "compatible"
    fails: Effect
    if before.nullable != after.nullable:
        fails = "breaking" if old.takes_nulls and not new.takes_nulls else "compatible"
        yield Change("nullable-changed", name, fails, comes, before.nullable, after.nullable)
    if (before.required, before.added) != (after.required, after.added):
        fails = "breaking" if old.takes_absence and not new.takes_absence else "compatible"
        why = ""
        if fails == "compatible" and after.added and old.takes_absence and (wrong := _filled_wrongly(new)):
            fails, why = _effect(wrong[0]), wrong[1]
        words = ["may be absent" if field.takes_absence else "required" for field in (old, new)]
        yield Change("required-changed", name, fails, comes, words[0], words[1], why)
    if before.default != after.default:
        yield _default(old, new, comes)


def _default(old: Field, new: Field, comes: Effect) -> Change:
    before, after = old.column, new.column
    fails, why = "compatible", ""
    if old.takes_nulls and not new.takes_nulls:
        fails, why = "breaking", "A null fails."
    elif old.takes_nulls or old.column.added:
        fails, why = _filled_wrongly(new) or (fails, why)
        if fails == "compatible" and after.key and after.default is not None:
            fails, why = "review", "Records may be the same by the key where it stands for a null."
    # What stood for a null stands for it no longer; where nulls failed, it only stands where nothing came before.
    consumers: Effect = "breaking" if old.takes_nulls or before.added else "review"
    return Change(
        "default-changed", after.name, _effect(fails), worst([comes, consumers]), before.default, after.default, why
    )


def _unique(old: Field, new: Field) -> Iterator[Change]:
    name, before, after = new.column.name, old.definition, new.definition
    if before.unique != after.unique:
        fails: Effect = "breaking" if after.unique else "compatible"
        comes: Effect = "breaking" if before.unique else "compatible"
        yield Change("unique-changed", name, fails, comes, before.unique, after.unique)
    elif after.unique and before.report_duplicates != after.report_duplicates:
        told_as = (before.report_duplicates, after.report_duplicates)
        yield Change("unique-changed", name, "compatible", "compatible", *told_as, "Other copies of one value fail.")


def _parsers(old: Field, new: Field) -> Iterator[Change]:
    before, after = parsers(old.definition.parsers), parsers(new.definition.parsers)
    if before != after or (before and old.held_by != new.held_by) or None in before:
        names = [", ".join(parser.name for parser in field.definition.parsers) or None for field in (old, new)]
        yield Change("parser-changed", new.column.name, "review", "review", names[0], names[1],
                     "What a parser makes of a value, only a person can tell.")  # fmt: skip


def parsers(found: list[object]) -> list[str | None]:
    """What parsers do, one by one; None where it cannot be told."""
    told_as: list[str | None] = []
    for parser in found:
        code = fingerprint(parser._parser_fn)  # type: ignore[attr-defined]
        how = value_of([parser._parser_kwargs, parser.element_wise, parser.ignore_na])  # type: ignore[attr-defined]
        told_as.append(None if code is None or how is None else code + how)
    return told_as


def _marks(old: Field, new: Field) -> Iterator[Change]:
    name, before, after = new.column.name, old.column, new.column
    if before.personal and not after.personal:
        yield Change("personal-changed", name, "review", "compatible", True, False, _UNMARKED)
    if after.personal and not before.personal:
        yield Change("personal-changed", name, "compatible", "review", False, True,
                     "Statistics of it are not kept any more, and personal_data: hash passes over it.")  # fmt: skip
    if before.description != after.description:
        yield Change("description-changed", name, "compatible", "compatible", before.description, after.description)
    if old.definition.title != new.definition.title:
        titles = (old.definition.title, new.definition.title)
        yield Change("description-changed", name, "compatible", "compatible", *titles, "Its title.")
    if bool(old.definition.coerce) != bool(new.definition.coerce):
        coerced = (bool(old.definition.coerce), bool(new.definition.coerce))
        yield Change("coerce-changed", name, "compatible", "compatible", *coerced)
    other = [
        {key: repr(value) for key, value in (field.definition.metadata or {}).items() if key not in _MARKS}
        for field in (old, new)
    ]
    if other[0] != other[1]:
        yield Change("metadata-changed", name, "compatible", "compatible", other[0], other[1])


def _order(old: Side, new: Side) -> Iterator[Change]:
    before = [name for name in old.fields if name in new.fields]
    after = [name for name in new.fields if name in old.fields]
    if before != after:
        ordered = bool(new.contract.schema.ordered)
        fails: Effect = "breaking" if ordered else "compatible"
        yield Change("columns-reordered", "contract", fails, "compatible", before, after)
