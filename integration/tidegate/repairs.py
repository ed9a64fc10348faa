"""What is mended before the rules run, in order: what the configuration declares, the contract's defaults, its parsers.

Repairs of text (spellings of null, trimming) are made while staging, and only told here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir

from tidegate.audit import Shape
from tidegate.audit import quarantine as q
from tidegate.columns import RECORD
from tidegate.config import IntegrationConfig
from tidegate.engines import Engine, Stage
from tidegate.findings import Findings
from tidegate.merge import apply_missing, dropped_for_missing, parse
from tidegate.receipt import Check, Repair
from tidegate.registry import Contract


@dataclass(frozen=True)
class Repaired:
    """Rows as the rules see them, what was done to them, and the parsers that could not be run."""

    rows: ir.Table
    repairs: tuple[Repair, ...]
    checks: tuple[Check, ...] = ()


def repaired(
    engine: Engine, rows: ir.Table, config: IntegrationConfig, contract: Contract, shape: Shape, folder: Path
) -> Repaired:
    """What the configuration repairs, then the contract: its defaults, its parsers."""
    missing = config.cleaning_config.missing
    filled = apply_missing(rows, missing, contract.columns)
    defaults = {name: value for name, value in contract.defaults.items() if name not in missing}
    by_default = apply_missing(
        filled.rows, defaults, contract.columns, lambda name: shape.holds(name, filled.rows[RECORD])
    )
    done = Repaired(by_default.rows, (*filled.repairs, *by_default.repairs))
    if not contract.parsed or shape.failed:
        return done
    rows = engine.view("unparsed", done.rows)
    whole = shape.whole(contract, rows)
    parsed = parse(engine, rows, contract, shape.left_out, folder, config.resources.max_seconds, whole)
    checks = [
        Check(id=rule, kind="rule", column=None, severity="critical", status="not_evaluated",
              expected="a parser that mends each row by itself", observed=reason)
        for rule, reason in (parsed.failed or {}).items()
    ]  # fmt: skip
    return Repaired(parsed.rows, (*done.repairs, *parsed.repairs), tuple(checks))


def without_missing(rows: ir.Table, config: IntegrationConfig, findings: Findings) -> ir.Table:
    """The rows without those that `drop_row` drops."""
    unfit = dropped_for_missing(rows, config.cleaning_config.missing)
    if unfit is None:
        return rows
    dropped = [
        q.dropped_rows(rows.filter(rows[name].isnull()), "missing-dropped", f"{name}.drop_row", f"{name} is null", name)
        for name, how in config.cleaning_config.missing.items()
        if how == "drop_row"
    ]
    findings.add("missing", ibis.union(*dropped) if len(dropped) > 1 else dropped[0])
    return rows.filter(~unfit)


def text_repairs(config: IntegrationConfig, staged: Stage) -> list[Repair]:
    """The repairs of text, which were made while staging."""
    spelled = ", ".join(config.cleaning_config.null_values)
    nulled = [Repair(kind="null_values", column=c, detail=spelled, cells=n) for c, n in staged.nulled.items()]
    trimmed = [Repair(kind="trim_strings", column=c, detail="white space", cells=n) for c, n in staged.trimmed.items()]
    return nulled + trimmed
