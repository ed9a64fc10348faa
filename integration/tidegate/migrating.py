"""Judge a submission that is offered under an earlier version: by its own rules, migrated, and by the new ones.

The first judgement is that of the old contract, and whoever fails it is not migrated. What passes is written in the
new shape, a row for each record of the submission so that record numbers stay, and judged as a submission of the new
contract is. Both must pass, and one report tells of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from tidegate.audit import Places, all_placed, decide, discreet, placed
from tidegate.audit import quarantine as q
from tidegate.columns import RECORD, Column
from tidegate.config import IntegrationConfig
from tidegate.engines import DataFile, Engine, open_engine, rows_of
from tidegate.engines.attempts import attempt, computed
from tidegate.errors import BrokenContract, TidegateError
from tidegate.judgement import Judgement, judge, settled, stage_table
from tidegate.receipt import Check, Example, Report, RowCounts, Submission, digest_of
from tidegate.registry import Migration, PoolStatistics
from tidegate.sources import Snapshot, acquire
from tidegate.standard import Standard
from tidegate.telemetry import step

_CODE = "not-migrated"


def judge_submission(
    config: IntegrationConfig,
    standard: Standard,
    submission: Submission,
    snapshots: list[Snapshot],
    engine: Engine,
    folder: Path,
    pool: ir.Table | None = None,
    holdout: ir.Table | None = None,
    statistics: PoolStatistics | None = None,
    lasts: bool = False,
) -> Judgement:
    """Judge a submission by the version that it is offered under, and where the standard migrates it by the new one.

    The arguments, and what it raises, are those of `judge`; pool, holdout and statistics are of the new version.
    """
    if standard.migration is None:
        return judge(config, standard, submission, snapshots, engine, folder, pool, holdout, statistics, lasts)
    offered = folder / "offered"
    offered.mkdir(mode=0o700)
    # Of its own, for its views bear the names that the second judgement's will.
    with open_engine(config, offered, engine.name) as first:
        old = judge(_as_offered(config), _offered(standard), submission, snapshots, first, offered)
        if old.report.verdict == "rejected":
            migrated = None
        else:
            with step("migrate"):
                migrated = _migrated(first, old, standard.migration, offered)
        found = first.write(old.quarantined, offered / "quarantined.parquet")
    stage = stage_table(engine, "offered", old.staged, old.offered)
    old = replace(old, stage=stage, quarantined=engine.table("offered_quarantined", found))
    if migrated is None:
        note = f"It is rejected under {old.report.contract.version}, so nothing was migrated."
        report = _named(old.report, standard, notes=(*standard.notes, *old.report.notes, note))
        return replace(old, report=report, files=(), accepted=stage.filter(ibis.literal(False)))
    written = tuple(str(file.path) for file in migrated.rows)
    copies = list(acquire(written, config.resources, folder, config.source_config))
    new = judge(
        _as_migrated(config), replace(standard, migration=None), submission, copies, engine, folder,
        pool, holdout, statistics, lasts, migrated.dropped,
    )  # fmt: skip
    places = Places(snapshots, old.staged, old.offered, config.resources)
    return _together(config, standard, old, migrated, new, engine, places)


def _offered(standard: Standard) -> Standard:
    """By what a submission is judged before it is migrated.

    Repeated records are dropped here already where an old rule says that there are none, and the key is only called
    otherwise: deduplication settles that. Where no rule does, the new version may fail the first and take the second.
    """
    assert standard.migration is not None
    names = None if standard.dedupe is None else standard.migration.taken_over(standard.dedupe)
    offered = Standard(standard.offered, None, names)
    return offered if settled(offered) else Standard(standard.offered, None, None)


def _as_offered(config: IntegrationConfig) -> IntegrationConfig:
    """Cells are hashed where the pool's are compared with them: in the new shape."""
    if config.validation_config.personal_data != "hash":
        return config
    only_hidden = {"personal_data": "report", "personal_salt_env": None}
    return config.model_copy(update={"validation_config": config.validation_config.model_copy(update=only_hidden)})


def _as_migrated(config: IntegrationConfig) -> IntegrationConfig:
    """What was repaired is not repaired again."""
    repaired = {"null_values": (), "trim_strings": False, "missing": {}}
    return config.model_copy(update={"cleaning_config": config.cleaning_config.model_copy(update=repaired)})


@dataclass(frozen=True)
class _Migrated:
    """What a migration made.

    Attributes:
        rows: in the new shape, one for each record of the submission, in order; all null for those that are dropped.
        dropped: their `_record`.
        failed: why the migration dropped some, as in the quarantine.
        records: how many of the dropped ones `failed` explains.
        checks: whether each column could be made that is more than another name.
    """

    rows: tuple[DataFile, ...]
    dropped: tuple[DataFile, ...]
    failed: tuple[DataFile, ...]
    records: int
    checks: tuple[Check, ...]


def _migrated(engine: Engine, old: Judgement, migration: Migration, folder: Path) -> _Migrated:
    """Write the accepted rows in the new shape.

    Raises:
        BrokenContract: an expression is none that an engine can run.
    """
    values = migration.values(old.accepted)
    tried = [name for name, value in values.items() if not isinstance(value.op(), ops.Field | ops.Literal)]
    cells = {name: _spelled(migration.target.column(name), value) for name, value in values.items()}
    cells |= {name: attempt(cells[name]) for name in tried}
    try:
        rows = engine.view("attempted", old.accepted.select(RECORD, **cells))
    except Exception as error:  # engines raise kinds of their own; nothing but the expressions is looked at
        if isinstance(error, TidegateError):
            raise
        raise BrokenContract(f"{migration.target.path}: the migration cannot be run: {error}") from None
    failed = engine.write(_failures(rows, tried, values), folder / "unmigrated.parquet")
    found = engine.table("unmigrated", failed)
    if rows_of(failed):
        rows = rows.anti_join(found, RECORD)
    made = rows.mutate(**{name: computed(rows[name]) for name in tried})
    every = old.stage.select(RECORD)
    in_place = every.left_join(made, RECORD).order_by(RECORD).select(*cells)
    return _Migrated(
        rows=engine.write(in_place, folder / "migrated.parquet"),
        dropped=engine.write(every.anti_join(rows, RECORD), folder / "dropped.parquet"),
        failed=failed,
        records=int(found[RECORD].nunique().to_pyarrow().as_py()),
        checks=_checks(tried, migration, found, old),
    )


def _failures(rows: ir.Table, tried: Sequence[str], values: Mapping[str, ir.Value]) -> ir.Table:
    """The records of which a column cannot be made, as in the quarantine: with the column of the file, if it is one."""
    told = [q.dropped_rows(rows.filter(ibis.literal(False)), _CODE, "", "")]
    for name in tried:
        read = {node.name for node in values[name].op().find(ops.Field)}
        reason = f"the migration cannot make {name!r} of it"
        failing = rows.filter(rows[name].isnull())
        told.append(q.dropped_rows(failing, _CODE, _rule(name), reason, read.pop() if len(read) == 1 else None))
    return ibis.union(*told) if len(told) > 1 else told[0]


def _checks(tried: Sequence[str], migration: Migration, found: ir.Table, old: Judgement) -> tuple[Check, ...]:
    counts, examples = q.failing_per_rule(found), q.examples_of(found, old.stage, old.contract)
    return tuple(
        Check(
            id=_rule(name), kind="rule", column=name, severity="critical",
            status="failed" if _rule(name) in counts else "passed", failing_rows=counts.get(_rule(name), 0),
            examples=tuple(Example(record=record, value=value) for record, value in examples.get(_rule(name), ())),
            expected=f"a record of which it can be made: {migration.written[name]!r}",
        )
        for name in tried
    )  # fmt: skip


def _spelled(column: Column, value: ir.Value) -> ir.Value:
    """The cell as a file would have it: a duration as text, since a number would not tell its unit."""
    if not column.duration:
        return value
    size = value.abs()
    seconds, rest = (size // 1_000_000).cast("string"), (size % 1_000_000).cast("string").lpad(6, "0")
    return ibis.ifelse(value < 0, "-PT", "PT") + seconds + "." + rest + "S"


def _rule(column: str) -> str:
    return f"{column}.migration"


def _named(report: Report, standard: Standard, **more: object) -> Report:
    """The report under both versions, with digests that cover them."""
    named = {
        "contract": standard.contract.versioned(),
        "migrated_from": standard.offered.versioned(),
        "suite": standard.suite.versioned() if standard.suite is not None else None,
        "notes": tuple(dict.fromkeys((*standard.notes, *report.notes))),
    }
    return Report(**{**dict(report), **named, **more, "digest": "", "validation": ""})


def _together(
    config: IntegrationConfig,
    standard: Standard,
    old: Judgement,
    migrated: _Migrated,
    new: Judgement,
    engine: Engine,
    places: Places,
) -> Judgement:
    """One judgement of both: rows as the new one accepted them, records as the submission has them."""
    version = f"@{standard.contract.version}"
    checks = [
        check if check.kind == "expectation" else check.model_copy(update={"id": check.id + version})
        for check in (*discreet(config.validation_config, migrated.checks), *new.report.checks)
    ]
    repeated = (*old.report.duplicates, *new.report.duplicates)[: q.EXAMPLES]
    found = places.located((*(check.examples for check in checks), repeated))
    every = (*old.report.checks, *all_placed(checks, found))
    counts = _counted(old, migrated, new)
    disposition = decide(counts, _dropped_for_missing(old, config), (), every, config.validation_config)
    first_told = () if config.validation_config.personal_data == "hash" else old.report.personal_data
    report = _named(
        new.report,
        standard,
        verdict=disposition.verdict,
        reasons=disposition.reasons,
        rows=counts,
        checks=every,
        duplicates=placed(repeated, found),
        repairs=(*old.report.repairs, *new.report.repairs),
        personal_data=tuple(dict.fromkeys((*first_told, *new.report.personal_data))),
        notes=(*old.report.notes, *new.report.notes),
        configuration=digest_of(config.judged_by()),
    )
    later = engine.table("unmigrated", migrated.failed).union(new.quarantined)
    return replace(
        new,
        report=report,
        offered=old.offered,
        staged=old.staged,
        stage=old.stage,
        quarantined=old.quarantined.union(_of_version(later, version)),
    )


def _of_version(found: ir.Table, version: str) -> ir.Table:
    """Findings with the rule's version; what drops records after all rules is of no version."""
    ruled = found["code"].notin(("duplicate", "leaked"))
    return found.mutate(rule=ibis.ifelse(ruled, found["rule"] + version, found["rule"]))


def _counted(old: Judgement, migrated: _Migrated, new: Judgement) -> RowCounts:
    """The accounting of both. Raises `UnbalancedReceipt` where a record got lost between them."""
    before, after = old.report.rows, new.report.rows
    return RowCounts(
        read=before.read,
        malformed=before.malformed,
        failed=before.failed + migrated.records + after.malformed + after.failed,
        duplicate=before.duplicate + after.duplicate,
        leaked=after.leaked,
        accepted=after.accepted,
    )


def _dropped_for_missing(old: Judgement, config: IntegrationConfig) -> int:
    """How many records the configuration drops for a null."""
    if "drop_row" not in config.cleaning_config.missing.values():
        return 0
    found = old.quarantined
    return int(found.filter(found["code"] == "missing-dropped")[RECORD].nunique().to_pyarrow().as_py())
