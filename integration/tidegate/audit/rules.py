"""The contract's rules over the staged rows: which record fails which rule.

What can be lowered is judged in one scan; uniqueness on narrow pairs; the rest by Pandera itself. What could not be
judged is named, and is not a pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.audit.lowering import lower
from tidegate.audit.pandera_rules import judge_in_pandera
from tidegate.audit.shape import Shape
from tidegate.columns import RECORD, WHOLE
from tidegate.config import Resources
from tidegate.engines import DataFile, Engine, Extremes, rows_of
from tidegate.engines.conditions import any_of
from tidegate.engines.literals import exact
from tidegate.keys import COPIES, COPY, hashes_of, narrowed, repeats
from tidegate.registry import Contract, Rule

_COMPARISONS = frozenset({
    "greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to", "in_range"
})  # fmt: skip


@dataclass(frozen=True)
class RuleOutcome:
    """What the rules said.

    Attributes:
        rules: the rules that apply: an optional column that is absent has none.
        failures: pairs of `_record` and `rule`, the rule's number in `rules`; each pair once.
        named: of each rule its number, as `rule`, its `id`, `column` and `reason`.
        not_evaluated: rules that could not be judged, by id, with the reason.
    """

    rules: tuple[Rule, ...]
    failures: ir.Table
    named: ir.Table
    not_evaluated: dict[str, str]


def judge_rules(
    engine: Engine,
    rows: ir.Table,
    contract: Contract,
    shape: Shape,
    folder: Path,
    resources: Resources | None = None,
    extremes: Mapping[str, Extremes] | None = None,
) -> RuleOutcome:
    """Judge `rows` (well-formed, with `_record`) by every rule of the contract that applies.

    Args:
        folder: where the failing pairs are written, as Parquet.
        resources: bounds for what only Pandera can judge.
        extremes: per column of numbers between which values `rows` has no other ones.

    Raises:
        BrokenContract: a check answers for the whole batch where it should answer row by row.
    """
    rules = tuple(rule for rule in contract.rules if rule.column not in shape.left_out)
    missing, left_out = set(shape.missing), set(shape.left_out)
    not_evaluated = {
        rule.id: f"the column {min(missing & set(_reads(rule, contract)))!r} is missing"
        for rule in rules
        if missing & set(_reads(rule, contract))
    }
    files: list[DataFile] = []
    fails: dict[int, ir.BooleanValue] = {}
    in_pandera: dict[int, Rule] = {}
    for number, rule in enumerate(rules):
        if rule.id in not_evaluated:
            continue
        if rule.check == "unique" and rule.definition is None:
            if columns := [name for name in rule.columns if name not in left_out]:
                repeated = _repeated(engine, rows, rule, number, columns, folder)
                pairs = repeated.select(RECORD, rule=ibis.literal(number, "int32"))
                files += engine.write(pairs, folder / f"failures-unique-{number}.parquet")
        elif (expression := _failing(rule, rows, contract, shape)) is not None:
            fails[number] = expression
        else:
            in_pandera[number] = rule
    fails = _unsettled(rows, contract, rules, fails, extremes or {})
    if fails:
        files += engine.write(_pairs(rows, fails), folder / "failures-lowered.parquet")
    if in_pandera:
        told = rows.mutate(**{WHOLE: shape.whole(contract, rows)})
        written, raised = judge_in_pandera(engine, told, contract, in_pandera, folder, left_out, resources)
        not_evaluated |= raised
        files += written
    if files:
        failures = engine.table("failures", tuple(files))
    else:
        none = rows.filter(ibis.literal(False))
        failures = engine.view("failures", none.select(RECORD, rule=ibis.literal(0, "int32")))
    return RuleOutcome(rules, failures, _named(engine, rules, folder), not_evaluated)


def _named(engine: Engine, rules: Sequence[Rule], folder: Path) -> ir.Table:
    """The rules as a table: there may be thousands, too many to be spelled out in every query that names them."""
    columns = [
        pa.array(range(len(rules)), pa.int32()),
        *(pa.array(texts, pa.string()) for texts in (
            [rule.id for rule in rules],
            [rule.column for rule in rules],
            [f"expected: {rule.expected}" for rule in rules],
        )),
    ]  # fmt: skip
    path = folder / "rules.parquet"
    pq.write_table(pa.table(columns, names=["rule", "id", "column", "reason"]), path)
    return engine.table("rules", (DataFile(path=path, rows=len(rules)),))


def _reads(rule: Rule, contract: Contract) -> tuple[str, ...]:
    return rule.columns or tuple(column.name for column in contract.columns)


def _repeated(
    engine: Engine, rows: ir.Table, rule: Rule, number: int, columns: Sequence[str], folder: Path
) -> ir.Table:
    """Rows whose values are there twice. To Pandera that is none of a row that is null in all of the columns."""
    present = rows.filter(any_of([rows[name].notnull() for name in columns]))
    found = engine.recurring(hashes_of(present, columns), None, folder / f"recurring-{number}.parquet")
    if not rows_of(found):
        return rows.filter(ibis.literal(False))
    repeated = repeats(narrowed(present, columns, engine.table(f"recurring_{number}", found)))
    first, last = repeated[COPY] == 0, repeated[COPY] == repeated[COPIES] - 1
    if rule.copies == "exclude_first":
        return repeated.filter(~first)
    return repeated.filter(~last) if rule.copies == "exclude_last" else repeated


def _failing(rule: Rule, rows: ir.Table, contract: Contract, shape: Shape) -> ir.BooleanValue | None:
    if rule.column is None:
        return None
    cell = rows[rule.column]
    if rule.check == "not_nullable" and rule.definition is None:
        return cell.isnull() & shape.holds(rule.column, rows[RECORD])
    return lower(rule, contract.column(rule.column), contract.definitions[rule.column].dtype.type, cell)


def _unsettled(
    rows: ir.Table,
    contract: Contract,
    rules: Sequence[Rule],
    fails: dict[int, ir.BooleanValue],
    extremes: Mapping[str, Extremes],
) -> dict[int, ir.BooleanValue]:
    """The lowered rules but for those that the extremes of their column settle, so that no row is read for them."""
    settled: set[int] = set()
    ends: dict[str, ir.BooleanValue] = {}
    for number in fails:
        rule = rules[number]
        known = extremes.get(rule.column) if rule.column is not None else None
        if rule.column is None or known is None:
            continue
        if rule.check == "not_nullable":
            settled |= {number} if not known.nulls else set()
        elif rule.check in _COMPARISONS:
            ends[str(number)] = _either_fails(rule, contract, known)
    if ends:
        told = rows.limit(1).select(**ends).to_pyarrow().to_pylist()
        settled |= {int(number) for number, failing in (told[0] if told else {}).items() if failing is False}
    return {number: failing for number, failing in fails.items() if number not in settled}


def _either_fails(rule: Rule, contract: Contract, known: Extremes) -> ir.BooleanValue:
    """Whether the smallest or the largest number fails. What lies between two that pass a comparison passes it too."""
    assert rule.column is not None
    column = contract.column(rule.column)
    cells = [exact(end, column.type) for end in (known.low, known.high) if end is not None]
    failing = [lower(rule, column, contract.definitions[column.name].dtype.type, cell) for cell in cells]
    return any_of([each for each in failing if each is not None])


def _pairs(rows: ir.Table, fails: dict[int, ir.BooleanValue]) -> ir.Table:
    """One scan: rows that fail nothing drop out first, the rest are taken apart into (record, rule)."""
    numbers = [
        ibis.ifelse(failing, ibis.literal(number, "int32"), ibis.null("int32")) for number, failing in fails.items()
    ]
    pairs = rows.filter(any_of(list(fails.values()))).select(RECORD, rule=ibis.array(numbers).unnest())
    return pairs.filter(pairs["rule"].notnull())
