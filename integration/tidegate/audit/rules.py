"""The contract's rules over the staged rows: which record fails which rule.

What can be lowered is judged in one scan; uniqueness on narrow pairs; the rest by Pandera itself. What could not be
judged is named, and is not a pass.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir

from tidegate.audit.lowering import lower
from tidegate.audit.pandera_rules import judge_in_pandera
from tidegate.audit.shape import Shape
from tidegate.columns import RECORD
from tidegate.engines import DataFile, Engine
from tidegate.keys import repeats
from tidegate.registry import Contract, Rule


@dataclass(frozen=True)
class RuleOutcome:
    """What the rules said.

    Attributes:
        rules: the rules that apply: an optional column that is absent has none.
        failures: pairs of `_record` and `rule`, the rule's number in `rules`; each pair once.
        not_evaluated: rules that could not be judged, by id, with the reason.
    """

    rules: tuple[Rule, ...]
    failures: ir.Table
    not_evaluated: dict[str, str]


def judge_rules(engine: Engine, rows: ir.Table, contract: Contract, shape: Shape, folder: Path) -> RuleOutcome:
    """Judge `rows` (well-formed, with `_record`) by every rule of the contract that applies.

    Args:
        folder: where the failing pairs are written, as Parquet.

    Raises:
        BrokenContract: a check answers for the whole batch where it should answer row by row.
    """
    rules = tuple(rule for rule in contract.rules if rule.column not in shape.left_out)
    missing = set(shape.missing)
    not_evaluated = {
        rule.id: f"the column {min(missing & set(_reads(rule, contract)))!r} is missing"
        for rule in rules
        if missing & set(_reads(rule, contract))
    }
    files: list[DataFile] = []
    fails: dict[int, ir.BooleanValue] = {}
    in_pandera: list[tuple[int, Rule]] = []
    for number, rule in enumerate(rules):
        if rule.id in not_evaluated:
            continue
        if rule.check == "unique" and rule.definition is None:
            repeated = repeats(_without_nulls(rows, rule), rule.columns)
            pairs = repeated.select(RECORD, rule=ibis.literal(number, "int32"))
            files.append(engine.write(pairs, folder / f"failures-unique-{number}.parquet"))
        elif (expression := _failing(rule, rows, contract, shape)) is not None:
            fails[number] = expression
        else:
            in_pandera.append((number, rule))
    if fails:
        files.append(engine.write(_pairs(rows, fails), folder / "failures-lowered.parquet"))
    if in_pandera:
        path = folder / "failures-pandera.parquet"
        not_evaluated |= judge_in_pandera(rows, contract, in_pandera, path)
        files.append(DataFile(path=path, rows=0))
    if files:
        failures = engine.table("failures", tuple(files))
    else:
        none = rows.filter(ibis.literal(False))
        failures = engine.view("failures", none.select(RECORD, rule=ibis.literal(0, "int32")))
    return RuleOutcome(rules, failures, not_evaluated)


def _reads(rule: Rule, contract: Contract) -> tuple[str, ...]:
    return rule.columns or tuple(column.name for column in contract.columns)


def _without_nulls(rows: ir.Table, rule: Rule) -> ir.Table:
    """To Pandera, nulls in one column are no duplicates; in several columns they are."""
    return rows.filter(rows[rule.column].notnull()) if rule.column is not None else rows


def _failing(rule: Rule, rows: ir.Table, contract: Contract, shape: Shape) -> ir.BooleanValue | None:
    if rule.column is None:
        return None
    cell = rows[rule.column]
    if rule.check == "not_nullable" and rule.definition is None:
        return cell.isnull() & shape.holds(rule.column, rows[RECORD])
    return lower(rule, contract.column(rule.column), cell)


def _pairs(rows: ir.Table, fails: dict[int, ir.BooleanValue]) -> ir.Table:
    """One scan: rows that fail nothing drop out first, the rest are taken apart into (record, rule)."""
    some = functools.reduce(operator.or_, fails.values())
    numbers = [
        ibis.ifelse(failing, ibis.literal(number, "int32"), ibis.null("int32")) for number, failing in fails.items()
    ]
    pairs = rows.filter(some).select(RECORD, rule=ibis.array(numbers).unnest())
    return pairs.filter(pairs["rule"].notnull())
