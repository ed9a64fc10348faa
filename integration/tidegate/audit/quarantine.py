"""The quarantine: every row that did not go in, once per reason.

While judging it is narrow (record, code, rule, column, reason); with its records it is written only where it is kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir

from tidegate.audit.rules import RuleOutcome
from tidegate.audit.shape import Shape
from tidegate.columns import PROBLEMS, RECORD, Column
from tidegate.engines import DataFile, Engine, into_one, rows_of
from tidegate.errors import Misuse
from tidegate.receipt import Check, Example
from tidegate.registry import Contract

CODES = {
    "cell-type": "A cell cannot become its column's type.",
    "cell-too-long": "A cell is longer than `resources.max_cell_bytes`.",
    "field-count": "A CSV record has more or fewer fields than the header.",
    "broken-quoting": "A CSV quote is never closed, or is followed by text.",
    "not-utf-8": "The record is not valid UTF-8.",
    "nul-character": "The record has a NUL character.",
    "invisible-character": "A key or a category has a character of no width, or one that turns the direction of text.",
    "json-syntax": "The line or element is not JSON.",
    "not-an-object": "The line or element is JSON, but not an object.",
    "duplicate-key": "A JSON object has the same key twice, or in two spellings.",
    "unknown-column": "A JSON object has a key that the contract does not know.",
    "nested-too-deep": "JSON nests deeper than `resources.max_depth`.",
    "wrong-columns": "The whole file lacks a required column, has an unknown one, or has them in the wrong order.",
    "rule-failed": "The record fails a rule of the contract.",
    "not-migrated": "The migration to a new version cannot make a cell of the record.",
    "missing-dropped": "A cell is null in a column that `cleaning_config.missing` sets to `drop_row`.",
    "duplicate": "The record is in the submission or in the training data already.",
    "leaked": "The record is in the holdout, on which models are tested.",
}
"""Every code that a quarantined row may carry, and what it means."""

EXAMPLES = 5
"""How many failing records of a rule are shown."""
_SHOWN = 200  # characters of an example
_BATCH = 1_000  # rows
_COLUMNS = ("code", "rule", "column", "reason")
_WELL_FORMED, _IN_SCHEMA = "dataframe.well_formed", "dataframe.column_in_schema"

Examples = dict[str, list[tuple[int, str | None]]]
"""Per rule its first failing records, each with the offending value where it may be shown."""


def malformed_rows(stage: ir.Table) -> ir.Table:
    """Records that could not be read, or have a cell that cannot become its column's type."""
    bad = stage.filter(stage[PROBLEMS].notnull())
    told = bad.select(RECORD, p=bad[PROBLEMS].cast("json").array.unnest())
    told = told.select(RECORD, **{name: told["p"][name].str for name in ("code", "column", "text", "detail")})
    of_cell, unknown = told["code"] == "cell-type", told["code"] == "unknown-column"
    rule = ibis.cases(
        (of_cell, told["column"] + ".dtype"),
        (unknown, ibis.literal(_IN_SCHEMA)),
        else_=ibis.literal(_WELL_FORMED),
    )
    reason = ibis.ifelse(of_cell, ibis.literal("not "), "") + told["detail"].fill_null("")
    return told.select(RECORD, code=told["code"], rule=rule, column=told["column"], reason=reason, text=told["text"])


def failed_rows(outcome: RuleOutcome, warnings: bool = False) -> ir.Table:
    """Rows that fail a rule, once per rule; those of rules that only warn keep no record out."""
    failures = outcome.failures
    if not warnings and (warning := [n for n, rule in enumerate(outcome.rules) if rule.warns]):
        failures = failures.filter(~failures["rule"].isin(warning))
    told = failures.join(outcome.named, "rule")
    return told.select(
        RECORD,
        code=ibis.literal("rule-failed"),
        rule=told["id"],
        column=told["column"],
        reason=told["reason"],
        text=ibis.null("string"),
    )


def shape_rows(well_formed: ir.Table, shape: Shape) -> ir.Table:
    """Every well-formed record, where the submission lacks a column or has one too many: none of it can go in."""
    told = [_none_of(well_formed)]
    for check in shape.failed:
        told.append(dropped_rows(well_formed, "wrong-columns", check.id, check.observed or "", check.column))
    return ibis.union(*told) if len(told) > 1 else told[0]


def dropped_rows(
    records: ir.Table, code: str, rule: str, reason: str | ir.StringValue, column: str | None = None
) -> ir.Table:
    """Rows dropped for one reason, which may be an expression over `records`."""
    return records.select(
        RECORD,
        code=ibis.literal(code),
        rule=ibis.literal(rule),
        column=ibis.literal(column, "string"),
        reason=ibis.literal(reason) if isinstance(reason, str) else reason,
        text=ibis.null("string"),
    )


def keep(engine: Engine, narrow: ir.Table, stage: ir.Table, contract: Contract, folder: Path, path: Path) -> DataFile:
    """Write the quarantine with its records in the work folder, and move it to `path`.

    Only its owner may read it (mode 0600): it holds whole records, personal columns among them.

    Raises:
        Misuse: `path` cannot be written.
    """
    cells = {
        f"{column.name}_value" if column.name in ("record", *_COLUMNS) else column.name: stage[column.name]
        for column in contract.columns
    }
    records = stage.select(RECORD, **{f"_cell_{n}": cell for n, cell in enumerate(cells.values())})
    joined = narrow.join(records, RECORD).order_by(RECORD, "rule", "code", "column", "reason", "text")
    text = ibis.ifelse(joined["text"].notnull(), ibis.literal(": ") + joined["text"], "")
    wide = joined.select(
        joined[RECORD].name("record"),
        "code",
        "rule",
        "column",
        (joined["reason"] + text).name("reason"),
        *[joined[f"_cell_{n}"].name(name) for n, name in enumerate(cells)],
    )
    return _moved(engine.write(wide, folder / "quarantine"), path)


def keep_failing(engine: Engine, failing: ir.Table, folder: Path, path: Path) -> DataFile:
    """Write which records fail which expectation. Raises `Misuse` where `path` cannot be written."""
    told = failing.order_by(RECORD, "expectation").select(failing[RECORD].name("record"), "expectation")
    return _moved(engine.write(told, folder / "expectations"), path)


def _moved(written: Sequence[DataFile], path: Path) -> DataFile:
    """Move what was written to a path; where that is several files, they become one: people open it."""
    whole = written[0].path if len(written) == 1 else into_one(written, written[0].path.with_name("whole"))
    whole.chmod(0o600)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(whole, path)
    except OSError as error:
        raise Misuse(f"The quarantine {path} cannot be written: {error.strerror}.") from None
    return DataFile(path=path, rows=rows_of(written))


def examples_of(narrow: ir.Table, stage: ir.Table, contract: Contract, most: int = EXAMPLES) -> Examples:
    """The first failing records of every rule. There is no value for personal columns or for several columns."""
    first = first_of_each(narrow, most)
    shown = {column.name for column in contract.columns if not column.personal}
    found = first.select(RECORD, "rule", "column", "text").to_pyarrow().to_pylist()
    cells = _cells(stage, [(row[RECORD], row["column"]) for row in found if row["column"] in shown])
    examples: Examples = {}
    for row in sorted(found, key=lambda row: (row["rule"], row[RECORD])):
        value = row["text"] or cells.get((row[RECORD], row["column"]))
        # A record without a column is a malformed one, of which nobody knows what is where.
        visible = row["column"] in shown or (row["column"] is None and len(shown) == len(contract.columns))
        examples.setdefault(row["rule"], []).append((row[RECORD], value if visible else None))
    return examples


def first_of_each(narrow: ir.Table, most: int) -> ir.Table:
    """The first failing records of every rule. Said in this one way, the engine keeps those few and sorts nothing."""
    return narrow.filter(ibis.row_number().over(ibis.window(group_by="rule", order_by=RECORD)) < most)


def _cells(stage: ir.Table, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str | None]:
    """The cells at (record, column), as text: of thousands of rules with examples of their own, none but those."""
    columns: dict[int, list[str]] = {}
    for record, name in wanted:
        columns.setdefault(record, []).append(name)
    if not columns:
        return {}
    names = sorted({name for _, name in wanted})
    shown = [stage[name].left(_SHOWN) if stage[name].type().is_string() else stage[name] for name in names]
    rows = stage.filter(stage[RECORD].isin(sorted(columns))).select(
        RECORD, **{f"_{n}": cell for n, cell in enumerate(shown)}
    )
    places = {name: n for n, name in enumerate(names, 1)}
    cells = {}
    for batch in rows.to_pyarrow_batches(chunk_size=_BATCH):
        for n, record in enumerate(batch.column(0).to_pylist()):
            for name in columns[record]:
                value = batch.column(places[name])[n].as_py()
                cells[record, name] = None if value is None else str(value)[:_SHOWN]
    return cells


def _none_of(records: ir.Table) -> ir.Table:
    return dropped_rows(records.filter(ibis.literal(False)), "", "", "")


def checks_of(
    outcome: RuleOutcome,
    shape: Shape,
    contract: Contract,
    counts: dict[str, int],
    examples: Examples,
    malformed: str | None,
    hints: Mapping[str, str] | None = None,
) -> tuple[Check, ...]:
    """One check per rule: shape first, then whether records and cells can be read, then the contract's own.

    Args:
        counts: failing records per rule.
        examples: failing records per rule, of which the first few are shown.
        malformed: what is wrong with records that cannot be read.
        hints: how to mend it, per rule.
    """

    def check(
        rule: str, column: str | None, expected: str, unseen: str | None = None, warns: bool = False,
        most: int | None = None,
    ) -> Check:  # fmt: skip
        failing, shown = counts.get(rule, 0), min(EXAMPLES, EXAMPLES if most is None else most)
        return Check(
            id=rule, kind="rule", column=column, severity="warning" if warns else "critical", expected=expected,
            observed=unseen, status="not_evaluated" if unseen else "failed" if failing else "passed",
            failing_rows=None if unseen else failing, hint=(hints or {}).get(rule),
            examples=tuple(Example(record=record, value=value) for record, value in examples.get(rule, ())[:shown]),
        )  # fmt: skip

    # JSON has unknown keys per record; the other formats have unknown columns per file.
    shapes = [check(c.id, c.column, c.expected) if c.status == "passed" else c for c in shape.checks]
    typed = [c for c in contract.columns if c.name not in shape.left_out and c.name not in shape.missing]
    return (
        *shapes,
        check(_WELL_FORMED, None, "records that can be read").model_copy(update={"observed": malformed}),
        *(check(f"{c.name}.dtype", c.name, _typed(c)) for c in typed),
        *(
            check(r.id, r.column, r.expected, outcome.not_evaluated.get(r.id), r.warns, r.most_examples)
            for r in outcome.rules
        ),
    )


def _typed(column: Column) -> str:
    if column.json:
        return "a JSON object"
    if column.categories is not None:
        return f"one of {', '.join(map(str, column.categories[:10]))}"
    return "type duration" if column.duration else f"type {column.type}"


def malformed_as(narrow: ir.Table) -> str | None:
    """What is wrong with records that cannot be read: per code how many, and the reason of the first."""
    told = narrow.filter(narrow["rule"] == _WELL_FORMED)
    found = told.group_by("code").aggregate(n=told[RECORD].nunique(), first=told["reason"].argmin(told[RECORD]))
    rows = found.order_by(ibis.desc("n"), "code").to_pyarrow().to_pylist()
    return "; ".join(f"{row['code']}: {row['n']}, the first at {row['first']}" for row in rows) or None


def failing_per_rule(narrow: ir.Table) -> dict[str, int]:
    """How many records fail each rule. To count different ones takes memory for each, and only two need it."""
    once = narrow[RECORD].nunique(where=narrow["rule"].isin([_WELL_FORMED, _IN_SCHEMA]))  # several cells may fail one
    counted = narrow.group_by("rule").aggregate(n=narrow[RECORD].count(), once=once)
    return {row["rule"]: row["once"] or row["n"] for row in counted.to_pyarrow().to_pylist()}
