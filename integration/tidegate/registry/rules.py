"""The rules of a contract, one by one, each with the id by which reports, receipts and the quarantine name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandera.pandas as pa
from pandera.api.function_dispatch import Dispatcher

Copies = Literal["all", "exclude_first", "exclude_last"]


@dataclass(frozen=True)
class Rule:
    """One rule of a contract.

    Attributes:
        id: ``<column>.<check>``, or ``dataframe.<check>`` for a rule over several columns.
        check: the check's name as Pandera has it; `not_nullable` and `unique` are Pandera's own.
        column: the column judged; None for several.
        columns: the columns that the rule reads; empty for all.
        expected: what is expected, for people.
        definition: Pandera's check, or None for `not_nullable` and `unique`.
        builtin: whether it is one of Pandera's built-in checks.
        copies: for `unique`, which rows of those with the same values fail.
    """

    id: str
    check: str
    column: str | None
    columns: tuple[str, ...]
    expected: str
    definition: pa.Check | None = None
    builtin: bool = False
    copies: Copies = "all"

    @property
    def warns(self) -> bool:
        """Whether failing it is reported and keeps no record out."""
        return self.definition is not None and bool(self.definition.raise_warning)

    @property
    def most_examples(self) -> int | None:
        """How many failing records its author wants to be shown; all of them are kept out all the same."""
        return None if self.definition is None else self.definition.n_failure_cases


def rules_of(schema: pa.DataFrameSchema, columns: Mapping[str, pa.Column]) -> tuple[Rule, ...]:
    """The rules in the order in which Pandera has them: column by column, then those over several columns.

    Args:
        columns: the definition of every column, those that a pattern stands for among them.
    """
    rules: list[Rule] = []
    for name, definition in columns.items():
        if not definition.nullable:
            rules.append(Rule(f"{name}.not_nullable", "not_nullable", name, (name,), "no nulls"))
        if definition.unique:
            expected = f"no value twice{_but_for(definition.report_duplicates)}"
            rules.append(Rule(f"{name}.unique", "unique", name, (name,), expected, copies=definition.report_duplicates))
        rules += [_of_check(name, (name,), check) for check in definition.checks]
    for unique in _unique_sets(schema):
        expected = f"no twice the same {', '.join(unique)}{_but_for(schema.report_duplicates)}"
        rules.append(Rule("dataframe.unique", "unique", None, unique, expected, copies=schema.report_duplicates))
    rules += [_of_check(None, (), check) for check in schema.checks]
    return tuple(_with_distinct_ids(rules))


def _but_for(copies: Copies) -> str:
    return {"all": "", "exclude_first": ", but for the first", "exclude_last": ", but for the last"}[copies]


def _unique_sets(schema: pa.DataFrameSchema) -> list[tuple[str, ...]]:
    unique: Sequence[str | Sequence[str]] = schema.unique or ()
    if all(isinstance(name, str) for name in unique):
        return [tuple(str(name) for name in unique)] if unique else []
    return [(names,) if isinstance(names, str) else tuple(names) for names in unique]


def _of_check(column: str | None, columns: tuple[str, ...], check: pa.Check) -> Rule:
    builtin = isinstance(check._check_fn, Dispatcher)
    name = str(check.name or "check")
    expected = str(check.error or check.description or name)
    return Rule(f"{column or 'dataframe'}.{name}", name, column, columns, expected, check, builtin)


def _with_distinct_ids(rules: list[Rule]) -> list[Rule]:
    seen: dict[str, int] = {}
    distinct = []
    for rule in rules:
        seen[rule.id] = seen.get(rule.id, 0) + 1
        count = seen[rule.id]
        distinct.append(rule if count == 1 else replace(rule, id=f"{rule.id}#{count}"))
    return distinct
