"""Every difference between two versions of a contract and its suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.evolution.change import Change, Diff, Effect
from tidegate.evolution.column_changes import column_changes, parsers
from tidegate.evolution.functions import value_of
from tidegate.evolution.rule_changes import across_changes
from tidegate.evolution.side import Side
from tidegate.evolution.suite_changes import seen_otherwise, suite_changes
from tidegate.registry import Contract, Registry, Suite, load_contract, load_suite

WHOLE = "contract"
"""What a change of no single column, rule or expectation is a change of."""
_OWNER = "owner"


@dataclass(frozen=True)
class Release:
    """A version of a contract, with its suite if it has one."""

    contract: Contract
    suite: Suite | None

    @property
    def name(self) -> str:
        """As in ``flights@1.0``."""
        return f"{self.contract.name}@{self.contract.version}"


def load_release(registry: Registry, contract_file: Path) -> Release:
    """Load a contract and the suite beside it. Raises `BrokenContract` where either is wrong in itself."""
    contract = load_contract(contract_file)
    file = registry.suite_beside(contract_file)
    return Release(contract, None if file is None else load_suite(file, contract.columns, contract.patterns))


def diff_of(old: Release, new: Release) -> Diff:
    """What differs, and for whom."""
    before, after = Side(old.contract), Side(new.contract)
    of_columns = list(column_changes(before, after))
    changes = [
        *of_columns,
        *_key(before, after),
        *_unique_sets(before, after, of_columns),
        *across_changes(before, after, _frames_differ(of_columns, before, after)),
        *_parsers(before, after, of_columns),
        *_shape(before, after),
        *_words(old.contract, new.contract),
        *suite_changes(old.suite, new.suite),
        *seen_otherwise(old.suite, new.suite, of_columns, after),
    ]
    return Diff(old.name, new.name, tuple(changes))


def _key(old: Side, new: Side) -> Iterator[Change]:
    """The dedupe key: with fewer columns more records are the same, with more of them fewer are."""
    before, after = ([c.name for c in side.contract.columns if c.key] for side in (old, new))
    gone = [name for name in old.fields if name not in new.fields]
    if not before and not after and gone and not new.contract.strict:  # else files that have them are refused
        yield Change("key-changed", WHOLE, "breaking", "compatible", "the whole record", "the whole record",
                     f"Records that only {', '.join(gone)} told apart are the same now, and are dropped.")  # fmt: skip
    if before == after:
        return
    told = tuple(", ".join(names) or "the whole record" for names in (before, after))
    every = frozenset(old.fields) | frozenset(new.fields)
    one, other = frozenset(before) or every, frozenset(after) or every
    contributors: Effect = "compatible" if one <= other else "breaking"
    consumers: Effect = "compatible" if other <= one else "breaking"
    why = ""
    if contributors == "breaking":
        why = "Records that were different are the same now, and are dropped."
    elif consumers == "breaking":
        why = "Rows may come that are the same by the old key."
    texts = [name for name in after if name in old.fields and new.contract.column(name).type == "string"]
    if contributors == "compatible" and any(not old.contract.column(name).told_apart for name in texts):
        contributors, why = "review", "A text of a key may hold no characters that cannot be seen."
    yield Change("key-changed", WHOLE, contributors, consumers, told[0], told[1], why)


def _unique_sets(old: Side, new: Side, of_columns: list[Change]) -> Iterator[Change]:
    """Sets of columns of which no two rows may have the same values."""
    filled = {change.subject for change in of_columns if change.change in ("default-changed", "required-changed")}
    for names in new.unique_sets:
        if any(set(other) == set(names) for other in old.unique_sets):
            if filled & set(names):
                yield Change("unique-changed", WHOLE, "review", "review", None, list(names),
                             "What stands for a missing value changed, and may be there twice.")  # fmt: skip
            continue
        effect: Effect = "compatible" if _narrower(old, names) and not filled & set(names) else "breaking"
        yield Change("unique-changed", WHOLE, effect, "compatible", None, list(names))
    for names in old.unique_sets:
        if not any(set(other) == set(names) for other in new.unique_sets):
            effect = "compatible" if _narrower(new, names) else "breaking"
            yield Change("unique-changed", WHOLE, "compatible", effect, list(names), None)


def _narrower(side: Side, names: tuple[str, ...]) -> bool:
    """Whether some of the columns, none of them ever null, have no value twice there: then all have none either."""
    alone = [(name,) for name, field in side.fields.items() if field.definition.unique]
    return any(
        set(unique) <= set(names) and not any(side.fields[name].gives_nulls for name in unique)
        for unique in (*side.unique_sets, *alone)
    )


def _frames_differ(changes: list[Change], old: Side, new: Side) -> str:
    """Why a check over several columns may see something else than before; empty where it does not."""
    for change in changes:
        if change.change in ("column-removed", "column-renamed", "type-changed", "default-changed", "parser-changed"):
            return f"It may read {change.subject!r}, which changed."
        if change.change == "columns-reordered":
            return "It may read columns by their places, which changed."
        if change.change in ("column-added", "required-changed") and new.fields[change.subject].column.added:
            return f"It sees {change.subject!r} also where a file lacks it."
    if new.contract.schema.parsers or old.contract.schema.parsers:
        return "It sees what a parser made of the rows." if _parsed_otherwise(old, new) else ""
    return ""


def _parsed_otherwise(old: Side, new: Side) -> bool:
    before, after = (parsers(side.contract.schema.parsers) for side in (old, new))
    return before != after or None in before


def _parsers(old: Side, new: Side, of_columns: list[Change]) -> Iterator[Change]:
    """Parsers of whole rows. The same one may make something else of other columns."""
    if not (old.contract.schema.parsers or new.contract.schema.parsers):
        return
    if _parsed_otherwise(old, new) or _frames_differ(of_columns, old, new):
        names = [", ".join(parser.name for parser in side.contract.schema.parsers) or None for side in (old, new)]
        yield Change("parser-changed", WHOLE, "review", "review", names[0], names[1],
                     "What a parser makes of a row, only a person can tell.")  # fmt: skip


def _shape(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.contract, new.contract
    if before.strict != after.strict:
        fails: Effect = "breaking" if after.strict else "compatible"
        why = "Files with columns that the contract has not are refused." if after.strict else ""
        told = (before.schema.strict, after.schema.strict)
        yield Change("strict-changed", WHOLE, fails, "compatible", *told, why)
    if bool(before.schema.ordered) != bool(after.schema.ordered):
        fails = "breaking" if after.schema.ordered else "compatible"
        yield Change("ordered-changed", WHOLE, fails, "compatible", before.schema.ordered, after.schema.ordered)
    if bool(before.schema.coerce) != bool(after.schema.coerce):
        yield Change("coerce-changed", WHOLE, "compatible", "compatible", before.schema.coerce, after.schema.coerce)


def _words(old: Contract, new: Contract) -> Iterator[Change]:
    """What nothing is judged by."""
    if old.description != new.description:
        yield Change("description-changed", WHOLE, "compatible", "compatible", old.description, new.description)
    if old.owner != new.owner:
        yield Change("owner-changed", WHOLE, "compatible", "compatible", old.owner, new.owner)
    other = [
        {key: value_of(value) or "" for key, value in contract.metadata.items() if key != _OWNER}
        for contract in (old, new)
    ]
    if other[0] != other[1]:
        yield Change("metadata-changed", WHOLE, "compatible", "compatible", other[0], other[1])
