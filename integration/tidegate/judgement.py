"""Judge one submission: acquire, stage, repair, audit, deduplicate, check for leaks, run the suite, decide.

What `tidegate validate` does, and the first half of an integration. Nothing here writes outside the work folder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.audit import (
    Hashed,
    Places,
    Resolved,
    all_placed,
    decide,
    discreet,
    discreet_repairs,
    hints_of,
    judge_rules,
    judge_shape,
    placed,
    prepare_suite,
    resolve,
    run_suite,
    screen,
)
from tidegate.audit import quarantine as q
from tidegate.columns import CONTRIBUTOR, NUMBERS, PROBLEMS, RECORD, SUBMISSION
from tidegate.config import IntegrationConfig
from tidegate.engines import DataFile, Engine, Stage, StagePlan, StageSource
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.findings import Findings
from tidegate.keys import shared
from tidegate.merge import dedupe_columns, duplicates, leaks
from tidegate.readers.names import NOT_COUNTED, twins
from tidegate.receipt import Report, RowCounts, Submission, digest_of, submission_id
from tidegate.registry import Contract, PoolStatistics
from tidegate.repairs import Repaired, repaired, text_repairs, without_missing
from tidegate.sources import Snapshot, acquire
from tidegate.standard import Standard
from tidegate.telemetry import event, step

log = logging.getLogger(__name__)

_SAMPLE, _SAMPLED = 100, 25
"""How many failing values of a rule are looked at for hints, where no more than so many rules fail."""


@dataclass(frozen=True)
class Judgement:
    """The outcome of judging, with what publishing needs.

    Attributes:
        report: the verdict in full.
        contract: what it was judged by: the shape of the accepted rows.
        offered: what the files are of, and so the stage: another version where rows are migrated.
        staged: the staged files.
        stage: every record of the submission, with `_record` and `_problems`.
        accepted: the rows that may go in, repaired, with `_record`.
        quarantined: the quarantine without its records.
        expectations: Great Expectations' own result, without cells' values; None without a suite.
        failing: the records that fail an expectation, by its id; None where there are none.
        files: the same rows, in order, with their lineage; where all are as they were staged, the staged files.
        repeat: whether any accepted row is among those of another table, as it would be dropped for.
    """

    report: Report
    contract: Contract
    offered: Contract
    staged: Stage
    stage: ir.Table
    accepted: ir.Table
    quarantined: ir.Table
    expectations: dict[str, Any] | None
    failing: ir.Table | None
    files: tuple[DataFile, ...]
    repeat: Callable[[ir.Table], bool]

    @property
    def lineage(self) -> dict[str, ir.Value]:
        """The lineage columns, as every accepted row has them."""
        return {name: ibis.literal(value, "string") for name, value in lineage(self.report.submission).items()}

    def with_told(self, **told: Any) -> Judgement:
        """The judgement with more in its report: fields that are no part of the report's digest."""
        return replace(self, report=self.report.model_copy(update=told))

    def quarantine_summary(self) -> list[dict[str, Any]]:
        """How many records were kept out, per code, rule and column."""
        # No record is kept out twice for the same reason, and to count different ones takes memory for each.
        counted = self.quarantined.group_by("code", "rule", "column").aggregate(
            records=self.quarantined[RECORD].count()
        )
        rows: list[dict[str, Any]] = counted.order_by("code", "rule").to_pyarrow().to_pylist()
        return rows


def lineage(submission: Submission) -> dict[str, str | None]:
    """What every row of a submission says of where it came from."""
    return {SUBMISSION: submission.id, CONTRIBUTOR: submission.contributor}


def acquire_submission(config: IntegrationConfig, folder: Path) -> tuple[Submission, list[Snapshot]]:
    """The submission's files, found and digested; what lies elsewhere is fetched to `folder`.

    Raises:
        SourceUnreadable: a file cannot be read.
        Misuse: no file is named, or in a way that means none.
    """
    if not config.data_path:
        raise Misuse("There is no data_path.", "Name the file or files of the submission.")
    with step("acquire") as acquiring:
        snapshots = acquire(config.data_path, config.resources, folder, config.source_config, config.data_source)
        acquiring.bytes = sum(snapshot.size for snapshot in snapshots)
    files = tuple(snapshot.source for snapshot in snapshots)
    return Submission(id=submission_id(files), files=files, contributor=config.contributor), snapshots


def judge(
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
    dropped: tuple[DataFile, ...] | None = None,
) -> Judgement:
    """Judge a submission by `standard.contract`, whatever the standard says of a migration: see `tidegate.migrating`.

    Args:
        folder: where stage and narrow findings are written; the caller removes it.
        pool: the training data, for duplicates.
        holdout: rows that must not get in.
        statistics: what the suite asks of the pool; None where it asks for nothing, or there is no pool.
        lasts: whether the staged files may become part of the pool.
        dropped: for rows that were migrated, `_record` of those that did not get so far: their rows are all null, and
            only hold the place. In all others, null and absent are one, as in JSON.

    Raises:
        SourceUnreadable: a file cannot be read.
        BrokenContract: a check or expectation turned out to be one that cannot judge.
    """
    suite = standard.suite
    plan = _plan(config, standard.contract, submission, snapshots, folder, lasts)
    with step("stage") as reading, engine.stage(plan) as staging:
        prepared = prepare_suite(suite) if suite is not None else []  # meanwhile
        staged = staging()
        reading.rows = staged.read
        for snapshot in snapshots:
            snapshot.verify_unchanged()
    findings = Findings(engine, folder)
    if dropped is not None:
        staged = _with_absences(staged)
        findings.add("dropped", engine.table("dropped", dropped))
    standard = _with_matched(standard, staged, config)
    contract = standard.contract
    if contract.matched:
        pool, holdout = (in_types_of(contract, table) if table is not None else None for table in (pool, holdout))
    stage = findings.without(stage_table(engine, "stage", staged, contract), "dropped")
    shape = judge_shape(contract, staged)
    well_formed = stage.filter(stage[PROBLEMS].isnull()).select(RECORD, *(c.name for c in contract.columns))
    findings.add("malformed", q.malformed_rows(stage))
    with step("repair"):
        fit = without_missing(well_formed, config, findings)
        mended = repaired(engine, fit, config, contract, shape, folder)
        rows = engine.view("mended", mended.rows)
    with step("personal data"):
        compared = standard.dedupe or contract.key
        bound = config.resources.max_seconds
        screened = screen(engine, rows, config.validation_config, contract, shape, compared, folder, bound)
        contract, rows = screened.contract, engine.view("rows", screened.hashed.rows)
    with step("audit rules"):
        as_staged = _as_staged(contract, mended)
        known = engine.extremes(staged.files, as_staged)
        outcome = judge_rules(engine, rows, contract, shape, folder, config.resources, known)
        findings.add("shape", q.shape_rows(rows, shape))
        findings.add("failed", _but_settled(q.failed_rows(outcome), standard))
        passing = engine.view("passing", findings.without(rows, "shape", "failed"))
    with step("deduplicate"):
        pool, holdout = (screened.hashed.alike(engine, t, n) for t, n in ((pool, "pool"), (holdout, "holdout")))
        distinct = _distinct(engine, passing, standard, pool, holdout, findings)
    with step("select") as selecting:
        if findings.any or mended.repairs or screened.hashed.repairs:
            accepted, files = _selected(engine, distinct, submission, folder)
        else:
            accepted, files = distinct, staged.files
        left = int(accepted.count().to_pyarrow().as_py())
        counts = findings.row_counts(staged.read - findings.count("dropped"), left)
        selecting.rows = counts.accepted
    resolved, told = None, None
    with step("audit expectations"):
        if suite is not None and counts.accepted:
            resolved = resolve(suite, statistics, counts.accepted)
            if resolved.suite != suite:
                prepared = prepare_suite(resolved.suite)
            told = run_suite(engine, accepted, contract, resolved.suite, prepared, shape, folder)
    # A rule that deduplication settles is still reported as it was judged.
    told_of = engine.view("judged", q.failed_rows(outcome, warnings=True))
    judged = findings.table("malformed", "shape").union(told_of)
    failing, malformed = q.failing_per_rule(judged), q.malformed_as(judged)
    examples = q.examples_of(judged, stage, contract, _SAMPLE if len(failing) <= _SAMPLED else q.EXAMPLES)
    hints = hints_of(examples, failing, contract, malformed, settled(standard))
    checks = q.checks_of(outcome, shape, contract, failing, examples, malformed, hints)
    checks += (*told.checks, *resolved.checks) if told and resolved else ()
    checks = discreet(config.validation_config, (*checks, *mended.checks)) + screened.checks
    repeated = findings.first("duplicate", q.EXAMPLES)
    found = Places(snapshots, staged, contract, config.resources).located(
        (*(check.examples for check in checks), repeated)
    )
    wrong_shape = discreet(config.validation_config, shape.failed)  # a column's name may be a record's address
    disposition = decide(counts, findings.count("missing"), wrong_shape, checks, config.validation_config)
    report = Report(
        verdict=disposition.verdict,
        reasons=disposition.reasons,
        submission=submission,
        contract=contract.versioned(),
        suite=suite.versioned() if suite is not None else None,
        rows=counts,
        checks=all_placed(checks, found),
        duplicates=placed(repeated, found),
        repairs=(*text_repairs(config, staged), *discreet_repairs(mended.repairs), *screened.hashed.repairs),
        personal_data=screened.told,
        notes=(*standard.notes, *_unfinished(staged), *_invisible(staged), *_notes(counts, resolved)),
        configuration=digest_of(config.judged_by()),
    )
    event(log, "judged", verdict=report.verdict, **counts.model_dump())
    return Judgement(
        report=report,
        contract=contract,
        offered=contract,
        staged=staged,
        stage=stage,
        accepted=accepted,
        quarantined=findings.table("malformed", "missing", "shape", "failed", "duplicate", "leaked"),
        expectations=told.result if told else None,
        failing=told.failures if told else None,
        files=tuple(file for file in files if file.rows),
        repeat=partial(_repeat, engine, standard, screened.hashed, findings, accepted),
    )


def stage_table(engine: Engine, name: str, staged: Stage, contract: Contract) -> ir.Table:
    """Every record of a staged submission, with nulls in columns that no file has."""
    stage = engine.table(name, staged.files, record=RECORD)
    return stage.mutate(**{c.name: ibis.null(c.type) for c in contract.columns if c.name not in stage.columns})


def _with_absences(staged: Stage) -> Stage:
    """The stage as one in whose files a null may be an absence."""
    files = tuple(file.model_copy(update={"sparse": True}) for file in staged.staged)
    return staged.model_copy(update={"staged": files})


def _as_staged(contract: Contract, mended: Repaired) -> list[str]:
    """The columns of numbers in which nothing was mended."""
    changed = {repair.column for repair in mended.repairs}
    plain = (column for column in contract.columns if column.type.startswith(NUMBERS))
    return [] if contract.parsed else [column.name for column in plain if column.name not in changed]


def _selected(
    engine: Engine, rows: ir.Table, submission: Submission, folder: Path
) -> tuple[ir.Table, tuple[DataFile, ...]]:
    """The accepted rows in files of their own: the suite reads them again and again, and it is what is published."""
    told = {name: ibis.literal(value, "string") for name, value in lineage(submission).items() if value is not None}
    files = engine.write(rows.mutate(**told).order_by(RECORD), folder / "accepted.parquet")
    return engine.table("selected", files), files


def _unfinished(staged: Stage) -> tuple[str, ...]:
    """A file that was cut off within a number looks like one whose last line merely has no newline."""
    names = [file.uri for file in staged.staged if file.unfinished]
    if not names:
        return ()
    which = f"{names[0]} does" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more do"
    return (f"{which} not end with a newline: if it was cut off, its last value may be another one.",)


def _invisible(staged: Stage) -> tuple[str, ...]:
    """Free text may hold characters that nobody sees, but whoever trains a model on it should know."""
    if not staged.invisible:
        return ()
    most = sorted(staged.invisible.items(), key=lambda told: (-told[1], told[0]))
    listed = ", ".join(f"{cells:,} of {column!r}" for column, cells in most[:5])
    more = f" and in {len(most) - 5} more columns" if len(most) > 5 else ""
    return (
        f"Characters that cannot be seen, of no width or turning the direction of text, are in cells: {listed}{more}.",
    )


def _notes(counts: RowCounts, resolved: Resolved | None) -> tuple[str, ...]:
    if not counts.accepted:
        return ("No record is left to go in, so the suite was not run.",)
    return resolved.notes if resolved is not None else ()


def keep_quarantine(engine: Engine, judgement: Judgement, folder: Path, path: Path) -> Judgement:
    """Write the quarantine to `path`, and note it in the report; beside it the records that fail an expectation."""
    q.keep(engine, judgement.quarantined, judgement.stage, judgement.offered, folder, path)
    kept = {"quarantine": str(path)}
    if judgement.failing is not None:
        beside = path.with_name(f"{path.stem}.expectations.parquet")
        q.keep_failing(engine, judgement.failing, folder, beside)
        kept["failing_expectations"] = str(beside)
    return judgement.with_told(**kept)


def _with_matched(standard: Standard, staged: Stage, config: IntegrationConfig) -> Standard:
    """The standard with the columns that the contract's patterns stand for in this submission.

    Raises:
        SourceUnreadable: two of its files spell one column in two ways.
    """
    if not staged.matched:
        return standard  # whose dedupe columns need not be the configuration's
    contract = standard.contract.with_matched(staged.matched)
    if pair := twins(column.name for column in contract.columns):
        raise SourceUnreadable(f"The submission has columns of one name twice: {' and '.join(pair)}.", NOT_COUNTED)
    names = tuple(column.name for column in contract.columns)
    dedupe = dedupe_columns(config.cleaning_config.deduplicate, contract.key, names)
    return replace(standard, contract=contract, dedupe=dedupe)


def in_types_of(contract: Contract, table: ir.Table) -> ir.Table:
    """The table with the contract's columns in its types: hashes of keys are compared, and 7 as two types differs."""
    typed = {
        c.name: table[c.name].try_cast(c.type) if c.name in table.columns else ibis.null(c.type)
        for c in contract.columns
        if c.name not in table.columns or str(table[c.name].type()) != str(ibis.dtype(c.type))
    }
    return table.mutate(**typed) if typed else table


def stage_holdout(config: IntegrationConfig, contract: Contract, engine: Engine, folder: Path, path: str) -> ir.Table:
    """A holdout that comes as a file is read as a submission is, by the same contract.

    Raises:
        SourceUnreadable: it cannot be read, or has malformed records: a leak check on part of it is none.
    """
    folder.mkdir(mode=0o700)
    snapshots = acquire((path,), config.resources, folder, config.source_config)
    files = tuple(snapshot.source for snapshot in snapshots)
    submission = Submission(id=submission_id(files), files=files)
    with engine.stage(_plan(config, contract, submission, snapshots, folder)) as staging:
        staged = staging()
    table = engine.table("holdout", staged.files)
    malformed = int(table.filter(table[PROBLEMS].notnull()).count().to_pyarrow().as_py())
    keys = [column.name for column in contract.columns if column.key]
    missing = [key for key in keys if any(key not in file.present for file in staged.staged)]
    if malformed or missing:
        what = f"lacks {', '.join(missing)}" if missing else f"has {malformed} malformed records"
        where = files[0].uri if len(files) == 1 else f"of {len(files)} files"
        raise SourceUnreadable(f"The holdout {where} {what}, so it cannot be checked against.", "Mend it first.")
    return table


def _plan(
    config: IntegrationConfig,
    contract: Contract,
    submission: Submission,
    snapshots: list[Snapshot],
    folder: Path,
    lasts: bool = False,
) -> StagePlan:
    return StagePlan(
        sources=tuple(
            StageSource(
                uri=snapshot.source.uri, path=snapshot.path, format=snapshot.source.format,
                compression=snapshot.source.compression,
                counts=snapshot.counts if snapshot.source.compression == "none" else None,
            )
            for snapshot in snapshots
        ),
        folder=folder,
        columns=contract.columns,
        patterns=contract.patterns,
        constants=lineage(submission),
        strict=contract.strict,
        lasts=lasts,
        null_values=config.cleaning_config.null_values,
        trim_strings=config.cleaning_config.trim_strings,
        resources=config.resources,
    )  # fmt: skip


def _distinct(
    engine: Engine,
    rows: ir.Table,
    standard: Standard,
    pool: ir.Table | None,
    holdout: ir.Table | None,
    findings: Findings,
) -> ir.Table:
    """The rows without duplicates, and without what is in the holdout."""
    if standard.dedupe is not None:
        found = findings.candidates("within", rows, standard.dedupe, pool)
        if found is not None:
            findings.add("duplicate", _duplicates(*found))
            rows = engine.view("distinct", findings.without(rows, "duplicate"))
    if holdout is not None:
        found = findings.candidates("held_out", rows, standard.dedupe or standard.contract.key, holdout)
        if found is not None and found[1] is not None:
            leaked = leaks(found[0], found[1])
            findings.add("leaked", q.dropped_rows(leaked, "leaked", "leak_check", "it matches a row of the holdout"))
            rows = findings.without(rows, "leaked")
    return engine.view("accepted", rows)


def _repeat(
    engine: Engine, standard: Standard, hashed: Hashed, findings: Findings, accepted: ir.Table, others: ir.Table
) -> bool:
    """Whether deduplication would find an accepted row in other rows of the pool."""
    if standard.dedupe is None:
        return False
    others = in_types_of(standard.contract, others)
    found = findings.candidates("raced", accepted, standard.dedupe, hashed.alike(engine, others, "raced"))
    if found is None or found[1] is None:
        return False
    return bool(shared(found[0], found[1]).count().to_pyarrow().as_py())


def _but_settled(failed: ir.Table, standard: Standard) -> ir.Table:
    """Without the failures that deduplication settles: of rows with the same key it keeps one.

    A contract may say that its dedupe key is unique. Then repeated rows fail a rule, and are duplicates; they are
    dropped as duplicates, and the first of them stays.
    """
    rules = settled(standard)
    return failed.filter(~failed["rule"].isin(rules)) if rules else failed


def settled(standard: Standard) -> list[str]:
    """The rules whose failing records deduplication settles."""
    return [
        rule.id
        for rule in standard.contract.rules
        if rule.check == "unique" and rule.definition is None and set(rule.columns) == set(standard.dedupe or ())
    ]


def _duplicates(rows: ir.Table, pool: ir.Table | None) -> ir.Table:
    found = duplicates(rows, pool)
    in_pool = found["place"] == "pool"
    reason = ibis.ifelse(
        in_pool, "it is in the training data already", "an earlier record of the submission has its key"
    )
    return q.dropped_rows(found, "duplicate", "deduplicate", reason)
