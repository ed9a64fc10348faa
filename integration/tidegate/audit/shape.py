"""The shape of a submission: its columns against the contract's, before any row is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import ibis
import ibis.expr.types as ir

from tidegate.columns import RECORD, Column
from tidegate.engines import Stage, StagedFile
from tidegate.engines.conditions import any_of
from tidegate.errors import closest, nearest
from tidegate.receipt import Check
from tidegate.registry import Contract
from tidegate.registry.frames import holds_nulls

_COMPARED = 40_000
"""How many names are compared, each with another; that may take seconds."""


@dataclass(frozen=True)
class Shape:
    """What of the contract's columns a submission has.

    Attributes:
        missing: required columns that some file lacks.
        left_out: optional columns that every file lacks; their rules do not apply.
        checks: the outcome, per required column, for unknown columns, and for the order where it matters.
        spans: per optional column, the spans of records (first, last) in whose files a null is a null and not an
            absence.
    """

    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    checks: tuple[Check, ...]
    spans: dict[str, tuple[tuple[int, int], ...]]

    @property
    def failed(self) -> tuple[Check, ...]:
        """What turns the submission down as a whole."""
        return tuple(check for check in self.checks if check.status == "failed")

    def holds(self, column: str, record: ir.Value) -> ir.BooleanValue:
        """Whether a record's file has the column, so that a null in it is a null."""
        if column not in self.spans:
            return ibis.literal(True)
        return any_of([record.between(first, last) for first, last in self.spans[column]])

    def whole(self, contract: Contract, rows: ir.Table) -> ir.BooleanValue:
        """Whether no optional column has a null that fails, of a type that holds none; an absence is no failure."""
        return ~any_of([
            rows[name].isnull() & self.holds(name, rows[RECORD])
            for name, column in contract.definitions.items()
            if not column.required and name not in self.left_out and not holds_nulls(column)
        ])  # fmt: skip


def judge_shape(contract: Contract, stage: Stage) -> Shape:
    """Hold the columns of every file against the contract."""
    checks: list[Check] = []
    # A JSON file of which no record could be read says nothing about its columns.
    telling = [staged for staged in stage.staged if staged.present or not staged.sparse]
    lacking = {
        column.name: [] if column.added else [staged for staged in telling if column.name not in staged.present]
        for column in contract.columns
    }
    missing = tuple(c.name for c in contract.columns if c.required and lacking[c.name] and stage.read)
    for column in contract.columns:
        if column.required and column.name not in contract.matched:
            rows = sum(staged.rows for staged in lacking[column.name])
            files = ", ".join(staged.uri for staged in lacking[column.name][:3])
            unknown = _few((name for staged in lacking[column.name] for name in staged.unknown), contract)
            told = " " + nearest(column.name, unknown).replace("Known are", "It has") if unknown else ""
            checks.append(
                Check(
                    id=f"{column.name}.column_in_dataframe", kind="rule", column=column.name, severity="critical",
                    status="failed" if column.name in missing else "passed", failing_rows=rows,
                    expected=f"the column {column.name}",
                    observed=f"{files} lacks it.{told}" if rows else None,
                    hint=_to_add(column, unknown) if column.name in missing else None,
                )
            )  # fmt: skip
    checks += [_matched(pattern.name, telling) for pattern in contract.patterns]
    if contract.strict:
        checks.append(_unknown(contract, stage))
    if contract.schema.ordered:
        checks.append(_order(contract, stage))
    return Shape(
        missing=missing,
        left_out=tuple(
            c.name
            for c in contract.columns
            if not c.required and not c.added and len(lacking[c.name]) == len(stage.staged)
        ),
        checks=tuple(checks),
        spans={c.name: _spans(c.name, stage) for c in contract.columns if not c.required and not c.added},
    )


def _few(names: Iterable[str], contract: Contract) -> list[str]:
    """So many different names as are compared with the contract's: a file may have ten thousand that are almost its."""
    return list(islice(dict.fromkeys(names), max(50, _COMPARED // max(1, len(contract.columns)))))


def _to_add(column: Column, unknown: Sequence[str]) -> str:
    close = closest(column.name, unknown)
    if close is not None:
        return f"If it is {close!r}, call it {column.name!r}."
    return f"Add the column. {column.meaning}".rstrip()


def _matched(pattern: str, telling: Sequence[StagedFile]) -> Check:
    without = [staged for staged in telling if pattern not in staged.matched.values()]
    return Check(
        id=f"{pattern}.column_in_dataframe", kind="rule", column=None, severity="critical",
        status="failed" if without else "passed", failing_rows=sum(staged.rows for staged in without),
        expected=f"at least one column whose name begins with a match of {pattern}",
        observed=", ".join(staged.uri for staged in without[:3]) + " has none" if without else None,
    )  # fmt: skip


def _unknown(contract: Contract, stage: Stage) -> Check:
    unknown = [(name, staged.uri) for staged in stage.staged for name in staged.unknown]
    names = [column.name for column in contract.columns]
    told = "; ".join(f"{uri} has {name!r}. {nearest(name, names)}" for name, uri in unknown[:5])
    strange = [name for name in _few(sorted(name for name, _ in unknown), contract) if closest(name, names) is None]
    return Check(
        id="dataframe.column_in_schema", kind="rule", column=None, severity="critical",
        status="failed" if unknown else "passed",
        failing_rows=sum(staged.rows for staged in stage.staged if staged.unknown),
        expected="no column but the contract's", observed=told or None,
        hint=f"Leave out {', '.join(map(repr, strange[:5]))}, or call it as the contract does." if strange else None,
    )  # fmt: skip


def _order(contract: Contract, stage: Stage) -> Check:
    def in_order(present: tuple[str, ...]) -> bool:
        return list(present) == [column.name for column in contract.columns if column.name in present]

    mixed = [staged for staged in stage.staged if not staged.sparse and not in_order(staged.present)]
    return Check(
        id="dataframe.column_ordered", kind="rule", column=None, severity="critical",
        status="failed" if mixed else "passed", failing_rows=sum(staged.rows for staged in mixed),
        expected="the columns in the contract's order",
        observed=", ".join(staged.uri for staged in mixed[:3]) or None,
    )  # fmt: skip


def _spans(column: str, stage: Stage) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    start = 1
    for staged in stage.staged:
        if column in staged.present and not staged.sparse and staged.rows:
            # Neighbours are one span: of ten thousand files there would be ten thousand conditions.
            first = spans.pop()[0] if spans and spans[-1][1] == start - 1 else start
            spans.append((first, start + staged.rows - 1))
        start += staged.rows
    return tuple(spans)
