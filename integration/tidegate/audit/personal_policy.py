"""What is done about personal data that was found, as the configuration says, and what of it must not be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis.expr.types as ir

from tidegate.audit.personal import Found, find_personal
from tidegate.audit.personal_hash import Hashed, hash_cells, key_from
from tidegate.audit.personal_kinds import kinds_in
from tidegate.audit.shape import Shape
from tidegate.config import ValidationConfig
from tidegate.deadline import OutOfTime, deadline
from tidegate.engines import Engine
from tidegate.receipt import Check, Done, PersonalData, Repair
from tidegate.registry import Contract

CHECK = "dataframe.personal_data"
"""The id of the check where the configuration says `warn` or `reject`, or `hash` of what cannot be hashed."""


@dataclass(frozen=True)
class Screened:
    """Rows after the scan for personal data.

    Attributes:
        contract: with the columns marked personal in which some was found, so that none of their values is shown.
        checks: the scan's own, where it has a say in the verdict.
        told: what was found and done.
    """

    hashed: Hashed
    contract: Contract
    checks: tuple[Check, ...] = ()
    told: tuple[PersonalData, ...] = ()


def screen(
    engine: Engine,
    rows: ir.Table,
    config: ValidationConfig,
    contract: Contract,
    shape: Shape,
    compared: Sequence[str],
    folder: Path,
    max_seconds: float,
) -> Screened:
    """Look for personal data, and hash it where the configuration says so.

    Args:
        compared: the columns by which rows are compared with those of other tables.
        max_seconds: how long looking may take. A sender can make every cell a candidate; beyond it the scan is not
            evaluated, which rejects.
    """
    if config.personal_data == "ignore":
        return Screened(Hashed(rows), contract)
    present = [column for column in contract.columns if column.name not in (*shape.left_out, *shape.missing)]
    try:
        with deadline(max_seconds):
            found = find_personal(engine, rows, present, folder)
    except OutOfTime:
        return Screened(Hashed(rows), contract, (_unfinished(max_seconds),))
    hashed, unhashed = Hashed(rows), found
    if config.personal_salt_env is not None:
        can_be = [each for each in found if not each.column.nested and not each.column.json]
        unhashed = tuple(each for each in found if each not in can_be)
        if can_be:
            hashed = hash_cells(engine, rows, can_be, key_from(config.personal_salt_env), compared, folder)
    names = frozenset(each.column.name for each in found)
    marked = tuple(replace(c, personal=True) if c.name in names else c for c in contract.columns)
    told = tuple(
        PersonalData(column=each.column.name, kind=kind, records=records, done=_done(config, each in unhashed))
        for each in found
        for kind, records in each.kinds.items()
    )
    return Screened(hashed, replace(contract, columns=marked), _checks(config, unhashed), told)


def _done(config: ValidationConfig, unhashed: bool) -> Done:
    if config.personal_data == "hash":
        return "rejected" if unhashed else "hashed"
    return (
        "rejected" if config.personal_data == "reject" else "warned" if config.personal_data == "warn" else "reported"
    )


def _checks(config: ValidationConfig, found: Sequence[Found]) -> tuple[Check, ...]:
    asked = config.personal_data in ("warn", "reject")
    if not asked and not (config.personal_data == "hash" and found):
        return ()
    listed = "; ".join(f"{each.column.name}: {_counted(each)}" for each in found)
    return (
        Check(
            id=CHECK, kind="scan", column=None, severity="warning" if config.personal_data == "warn" else "critical",
            status="failed" if found else "passed",
            expected="no personal data in columns that are not marked personal" if asked
            else "personal data in plain text columns only, where a cell can be hashed",
            observed=listed or None,
        ),
    )  # fmt: skip


def _unfinished(max_seconds: float) -> Check:
    return Check(
        id=CHECK, kind="scan", column=None, severity="critical", status="not_evaluated",
        expected="a scan for personal data", observed=f"a timeout after {max_seconds} s; raise resources.max_seconds",
    )  # fmt: skip


def _counted(found: Found) -> str:
    return ", ".join(f"{kind} in {count} record{'' if count == 1 else 's'}" for kind, count in found.kinds.items())


def discreet(config: ValidationConfig, checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks without examples and observations that hold personal data, such as a text in a column of numbers."""
    return tuple(checks) if config.personal_data == "ignore" else tuple(_discreet(check) for check in checks)


def _discreet(check: Check) -> Check:
    if check.id == CHECK:
        return check
    examples = tuple(
        each.model_copy(update={"value": None}) if each.value and kinds_in(each.value) else each
        for each in check.examples
    )
    observed = "it holds personal data" if check.observed and kinds_in(check.observed) else check.observed
    hint = None if check.hint and kinds_in(check.hint) else check.hint
    return check.model_copy(update={"examples": examples, "observed": observed, "hint": hint})


def discreet_repairs(repairs: Iterable[Repair]) -> tuple[Repair, ...]:
    """The repairs without the value in the place of a null, where that is a cell's and personal data."""
    return tuple(
        each.model_copy(update={"detail": each.detail.split(" ")[0]}) if kinds_in(each.detail) else each
        for each in repairs
    )
