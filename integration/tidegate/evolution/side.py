"""A contract as it is compared: every column with its definition, its rules and the values that it may have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandera.pandas as pa

from tidegate.columns import Column
from tidegate.evolution.domain import Domain, of_column
from tidegate.registry import Contract, Rule
from tidegate.registry.rules import rules_of


@dataclass(frozen=True)
class Field:
    """One column of a contract, or one pattern.

    Attributes:
        rules: its checks; that it holds no null, and no value twice, is said by its definition.
    """

    column: Column
    definition: pa.Column
    rules: tuple[Rule, ...]

    @property
    def dtype(self) -> Any:
        """What holds the column in pandas."""
        return self.definition.dtype.type

    @property
    def held_by(self) -> str:
        """The same as a text by which it can be compared."""
        return f"{self.definition.dtype} {self.dtype!r}"

    @property
    def domain(self) -> Domain:
        """The values that a valid cell may have, nulls aside."""
        return of_column(self.column, self.dtype, self.rules)

    @property
    def takes_nulls(self) -> bool:
        """Whether a null in a file fails nothing."""
        return self.column.nullable or self.column.default is not None

    @property
    def gives_nulls(self) -> bool:
        """Whether a row that went in may have a null."""
        absent = self.takes_absence and not (self.column.added and self.column.default is not None)
        return absent or (self.column.nullable and self.column.default is None)

    @property
    def takes_absence(self) -> bool:
        """Whether a file may lack the column."""
        return not self.column.required or self.column.added


@dataclass(frozen=True)
class Side:
    """A contract, taken apart."""

    contract: Contract

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The columns and patterns, in the contract's order."""
        schema = self.contract.schema
        columns = {column.name: column for column in (*self.contract.columns, *self.contract.patterns)}
        return {
            name: Field(columns[name], definition, tuple(rule for rule in self._rules if rule.column == name))
            for name, definition in schema.columns.items()
        }

    @cached_property
    def across(self) -> tuple[Rule, ...]:
        """The checks over several columns."""
        return tuple(rule for rule in self._rules if rule.column is None)

    @cached_property
    def unique_sets(self) -> tuple[tuple[str, ...], ...]:
        """The columns of which no row may have the same values as another, set by set."""
        rules = rules_of(self.contract.schema, self.contract.schema.columns)
        return tuple(rule.columns for rule in rules if rule.column is None and rule.definition is None)

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        rules = rules_of(self.contract.schema, self.contract.schema.columns)
        return tuple(rule for rule in rules if rule.definition is not None)

    def pattern_of(self, name: str) -> str | None:
        """The pattern that a column of this name would match."""
        return next((p.name for p in self.contract.patterns if p.name != name and re.match(p.name, name)), None)
