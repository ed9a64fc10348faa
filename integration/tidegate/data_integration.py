"""The whole way of a contributed dataset into the training data, readable as a list of steps."""

from __future__ import annotations

import datetime
import logging
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tidegate import __version__
from tidegate.choosing import check_engine, choose_engine
from tidegate.config import IntegrationConfig, load_config
from tidegate.engines import open_engine
from tidegate.errors import Misuse, PoolError, SourceUnreadable, SubmissionRejected, TidegateError
from tidegate.judgement import Judgement, acquire_submission, keep_quarantine
from tidegate.measuring import with_distributions
from tidegate.mending import Mending, mended_copy, refuse_to_mend
from tidegate.migrating import judge_submission
from tidegate.pool import Dataset, Location, find_published, pool_location
from tidegate.profiling import compared, pool_compared
from tidegate.publication import Overtaken, open_pool, publish_accepted, statistics_asked
from tidegate.receipt import EngineChoice, Receipt, Report, Submission, digest_of
from tidegate.reproduction import reproduction
from tidegate.sources import Snapshot
from tidegate.standard import Standard, load_standard
from tidegate.telemetry import durations, event, run_id, silence_dependencies, step
from tidegate.tracking import (
    Outcome,
    announced,
    attach_to_task,
    check_installed,
    copy_page,
    has_bundle,
    metered,
    record,
)
from tidegate.workspace import Workspace, work_folder

log = logging.getLogger(__name__)

_ATTEMPTS = 20


@dataclass(frozen=True)
class IntegrationResult:
    """What an integration came to.

    Attributes:
        dataset: a handle on the training data as published; it reads only what it is asked for.
        metadata: versions, digests and places, as plain values.
        statistics: row counts and durations in seconds, as plain numbers.
        receipt: the record of the integration, as it is in the dataset's log.
        report: the verdict in full; None where the submission had been published before and was not judged again.
    """

    dataset: Dataset
    metadata: dict[str, Any]
    statistics: dict[str, float]
    receipt: Receipt
    report: Report | None


def integrate_contributed_data(
    data_source: str | None = None,
    data_path: str | Path | Sequence[str | Path] | None = None,
    schema_config: dict[str, Any] | str | None = None,
    merge_strategy: str | dict[str, Any] | None = None,
    validation_config: dict[str, Any] | None = None,
    cleaning_config: dict[str, Any] | None = None,
    training_data: str | Path | None = None,
    output: str | Path | None = None,
    holdout: str | Path | None = None,
    registry: str | Path | None = None,
    engine: str | None = None,
    tracking: dict[str, Any] | bool | None = None,
    *,
    contributor: str | None = None,
    source_config: dict[str, Any] | None = None,
    report: dict[str, Any] | bool | None = None,
    resources: dict[str, Any] | None = None,
    state_dir: str | Path | None = None,
    config: str | Path | None = None,
) -> IntegrationResult:
    """Judge contributed data and, if it is accepted, publish it into the training data in one commit.

    None means not given: then the YAML file `config` is asked, and then the defaults (``merge_strategy="append"``,
    ``engine="duckdb"``). Every parameter is described in docs/configuration.md.

    Returns:
        What was published, and where. An integration that was published before publishes nothing and says so in
        ``receipt.already_published``.

    Raises:
        VersionRefused: the contract's version was deprecated, and is no longer taken.
        SubmissionRejected: the verdict is rejected; it carries the report. Nothing was published, and the quarantine
            is on disk.
        SourceUnreadable: a file is not there, or is not what it claims to be.
        BrokenContract: the contract or suite is wrong in itself.
        Misuse: the configuration makes no sense.
        NoRoom: memory or disk is too little for the work.
        PoolError: the pool or output cannot take the commit.
    """
    given = {
        "data_source": data_source,
        "data_path": data_path,
        "schema_config": schema_config,
        "merge_strategy": merge_strategy,
        "validation_config": validation_config,
        "cleaning_config": cleaning_config,
        "training_data": training_data,
        "output": output,
        "holdout": holdout,
        "registry": registry,
        "engine": engine,
        "tracking": tracking,
        "contributor": contributor,
        "source_config": source_config,
        "report": report,
        "resources": resources,
        "state_dir": state_dir,
    }
    return integrate(load_config(given, config))


def integrate(config: IntegrationConfig, today: datetime.date | None = None) -> IntegrationResult:
    """`integrate_contributed_data` for a configuration that is checked already.

    Args:
        today: the day by which versions are deprecated; without it, today's in UTC.
    """
    if config.training_data is None:
        raise Misuse("There is no training_data.", "Name the pool: a Delta table, or a new folder for one.")
    check_installed(config.tracking)
    check_engine(config)
    if config.report.file is not None and not Path(config.report.file).parent.is_dir():
        raise Misuse(f"{config.report.file} cannot be written: there is no such folder.", "Make it first.")
    with metered(config.tracking) as tell, _run("-"):
        result = _acquire_and_integrate(config, today)
        tell(result.receipt)
    return result


def _acquire_and_integrate(config: IntegrationConfig, today: datetime.date | None) -> IntegrationResult:
    standard = load_standard(config, today)
    workspace = Workspace(Path(config.state_dir))
    try:
        with work_folder(workspace) as folder:
            submission, snapshots = acquire_submission(config, folder)
            return _integrate(config, standard, submission, snapshots, workspace, folder)
    except SourceUnreadable:
        workspace.leave_nothing()
        raise


def _integrate(
    config: IntegrationConfig,
    standard: Standard,
    submission: Submission,
    snapshots: list[Snapshot],
    workspace: Workspace,
    folder: Path,
) -> IntegrationResult:
    """What follows when the submission is here."""
    assert config.training_data is not None
    target = pool_location(config.output or config.training_data, None if config.output else config.state_dir)
    integration = integration_id(config, standard, submission, target)
    run_id.set(integration[:12])
    with announced(config.tracking, submission, standard.offered, str(target)) as tell:
        published = find_published(target, integration)
        if published is not None:
            published = published.model_copy(update={"dataset_uri": str(target)})  # the log tells no place
            event(log, "already published", dataset_version=published.dataset_version)
            result = _result(published.model_copy(update={"already_published": True}), None, target)
            outcome = _told_by_the_log(config, standard, published, result)
            if not has_bundle(published, workspace):  # killed after the commit, or published from elsewhere
                record(outcome, config, workspace, folder)
            attach_to_task(outcome, config)
            copy_page(published, config, workspace)
            tell(outcome)
            return result
        place = target if isinstance(target, Path) else folder
        pool = partial(pool_location, config.training_data)
        engine = choose_engine(config, snapshots, pool, folder, place)
        kept = workspace.quarantine / f"{integration[:32]}.parquet"
        for attempt in range(_ATTEMPTS):
            own = folder / f"attempt-{attempt}"
            own.mkdir(mode=0o700)
            try:
                done = _judge_and_publish(
                    config, standard, submission, snapshots, engine, integration, target, kept, own
                )
                break
            except Overtaken:
                event(log, "overtaken", attempt=attempt + 1)
                shutil.rmtree(own)
        else:
            raise PoolError(
                f"Others changed what is in {target} {_ATTEMPTS} times while the submission was judged.",
                "Run it again.",
            )
        result = _result(done.receipt, done.judgement.report, target)
        outcome = _outcome(config, standard, done, result)
        with step("record"):
            record(outcome, config, workspace, folder)
            attach_to_task(outcome, config)
            copy_page(done.receipt, config, workspace)
            tell(outcome)
    if done.judgement.report.verdict == "rejected":
        raise SubmissionRejected(done.judgement.report, done.receipt)
    return result


@dataclass(frozen=True)
class _Done:
    """What became of a submission. `pool_version` is that by which it was judged."""

    judgement: Judgement
    receipt: Receipt
    pool_version: int | None
    summary: list[dict[str, Any]]


def _judge_and_publish(
    config: IntegrationConfig,
    standard: Standard,
    submission: Submission,
    snapshots: list[Snapshot],
    choice: EngineChoice,
    integration: str,
    target: Location,
    kept: Path,
    folder: Path,
) -> _Done:
    """Judge a submission by the pool as it stands. Raises `Overtaken` where that changes before it can be published."""
    with open_engine(config, folder, choice.name) as engine:
        pool = open_pool(config, engine, standard.contract, folder)
        statistics = statistics_asked(config, standard, pool)
        lasts = config.merge_strategy.name == "append"
        judgement = judge_submission(
            config, standard, submission, snapshots, engine, folder, pool.table, pool.holdout, statistics, lasts
        )
        if judgement.report.rows.accepted < judgement.report.rows.read:
            judgement = keep_quarantine(engine, judgement, folder, kept)
        if config.report.distributions:  # before the commit: staged files may become the pool's
            draws = config.merge_strategy.name == "weighted" and config.merge_strategy.sampling != "sample_weight"
            judgement = with_distributions(judgement, pool.table, pool.version, draws)
        judgement = judgement.with_told(reproduce=reproduction(config, standard, "integrate"), engine=choice)
        receipt = _receipt(config, judgement.report, integration)
        if judgement.report.verdict == "accepted":
            with step("publish") as publishing:
                receipt = publish_accepted(config, engine, judgement, pool, receipt, target, folder)
                publishing.rows = receipt.rows.accepted
        return _Done(judgement, receipt, pool.version, judgement.quarantine_summary())


def validate_contributed_data(
    config: IntegrationConfig,
    quarantine: str | Path | None = None,
    *,
    fix: str | Path | None = None,
    pool: str | Path | None = None,
    today: datetime.date | None = None,
) -> Report:
    """Judge a submission, leaving nothing behind but the files that are asked for.

    Without `pool` it is judged by itself: nothing is compared with the training data of the configuration, but for what
    the suite asks of it. What has nothing to be compared with is noted in the report.

    Args:
        quarantine: where the records that did not go in are written, if need be without a row.
        fix: where a mended copy is written, if one can be made that is accepted; `Report.mended` tells. The quarantine
            then has the records that were left out of it.
        pool: a pool, by which the verdict is the one that an integration into it would come to; or its profile, as
            `tidegate profile` writes it, which has the statistics that drift gates ask for, and tells about how many
            records are there already.
        today: the day by which versions are deprecated; without it, today's in UTC.

    Raises:
        SourceUnreadable, BrokenContract, VersionRefused, Misuse, PoolError: as `integrate_contributed_data` does. A
            rejection is no error here.
    """
    with _run(uuid.uuid4().hex[:12]):
        check_engine(config, mends=fix is not None)
        standard = load_standard(config, today)
        kept = Path(quarantine).resolve() if quarantine is not None else None
        if pool is not None and not Path(pool).is_file():  # an engine reads only what its configuration names
            config = config.model_copy(update={"training_data": str(pool)})
        with work_folder(None) as folder, ExitStack() as running:
            submission, snapshots = acquire_submission(config, folder)
            if fix is not None:
                refuse_to_mend(Path(fix), kept, snapshots, standard)
            read = partial(pool_compared, config, standard, pool)
            choice = choose_engine(config, snapshots, read, folder, mends=fix is not None)
            engine = running.enter_context(open_engine(config, folder, choice.name))
            against = compared(config, standard, engine, folder, pool)
            judgement = judge_submission(
                config, standard, submission, snapshots, engine, folder, against.table, statistics=against.statistics
            )
            judgement = against.told(judgement, standard.dedupe)
            if config.report.distributions:
                judgement = with_distributions(judgement, against.table, against.version, draws=False)
            judgement = judgement.with_told(reproduce=reproduction(config, standard, "validate", pool), engine=choice)
            if fix is not None:
                statistics = against.statistics
                mending = Mending(config, standard, statistics, snapshots[0], judgement, engine, folder / "mending")
                return mended_copy(mending, Path(fix), kept)
            if kept is not None:
                judgement = keep_quarantine(engine, judgement, folder, kept)
        return judgement.report


def integration_id(config: IntegrationConfig, standard: Standard, submission: Submission, target: Location) -> str:
    """Identifies an integration: the same submission, judged and merged the same way, into the same place."""
    return digest_of(
        {
            "submission": submission.id,
            "contributor": submission.contributor,
            "contract": standard.contract.digest,
            **({"migrated_from": standard.offered.digest} if standard.migration is not None else {}),
            "suite": standard.suite.digest if standard.suite is not None else None,
            "configuration": config.judged_by(),
            "merge_strategy": config.merge_strategy.model_dump(mode="json"),
            "holdout": config.holdout,
            "target": str(target),
        }
    )


@contextmanager
def _run(identity: str) -> Iterator[None]:
    """Everything logged within carries the run's id, which may be told later, and steps are timed for it."""
    silence_dependencies()
    run, times = run_id.set(identity), durations.set({})
    try:
        yield
    except SubmissionRejected:
        raise
    except Exception as error:
        event(log, "failed", error=error.code if isinstance(error, TidegateError) else type(error).__name__)
        raise
    finally:
        run_id.reset(run)
        durations.reset(times)


def _receipt(config: IntegrationConfig, report: Report, integration: str) -> Receipt:
    return Receipt(
        integration=integration,
        verdict=report.verdict,
        submission=report.submission,
        contract=report.contract,
        migrated_from=report.migrated_from,
        suite=report.suite,
        rows=report.rows,
        merge_strategy=config.merge_strategy.name,
        report_digest=report.digest,
        validation=report.validation,
        engine=report.engine,
        tidegate=__version__,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _result(receipt: Receipt, report: Report | None, target: Location) -> IntegrationResult:
    version = receipt.dataset_version
    return IntegrationResult(
        dataset=Dataset(str(target), version if version is not None else -1),
        metadata={
            "verdict": receipt.verdict,
            "integration": receipt.integration,
            "submission": receipt.submission.id,
            "contributor": receipt.submission.contributor,
            "contract": f"{receipt.contract.name}@{receipt.contract.version}",
            "suite": f"{receipt.suite.name}@{receipt.suite.version}" if receipt.suite is not None else None,
            "merge_strategy": receipt.merge_strategy,
            "engine": receipt.engine.name if receipt.engine is not None else None,
            "dataset_uri": str(target),
            "dataset_version": version,
            "already_published": receipt.already_published,
            "quarantine": report.quarantine if report is not None else None,
            "receipt_digest": receipt.digest,
            "report_digest": receipt.report_digest,
        },
        statistics={**receipt.rows.model_dump(), **{f"seconds_{name}": s for name, s in durations.get().items()}},
        receipt=receipt,
        report=report,
    )


def _outcome(
    config: IntegrationConfig,
    standard: Standard,
    done: _Done,
    result: IntegrationResult,
) -> Outcome:
    assert config.training_data is not None
    return Outcome(
        receipt=result.receipt,
        report=done.judgement.report,
        metadata=result.metadata,
        statistics=result.statistics,
        expectations=done.judgement.expectations,
        quarantine_summary=done.summary,
        pool_before=(str(pool_location(config.training_data)), done.pool_version),
        contract=standard.contract,
        suite=standard.suite,
        columns=done.judgement.contract.columns,
        accepted=tuple(file.path for file in done.judgement.files),
    )


def _told_by_the_log(
    config: IntegrationConfig, standard: Standard, receipt: Receipt, result: IntegrationResult
) -> Outcome:
    """What is left to record of a publish whose process did not come to it. The report is lost, the receipt is not."""
    assert config.training_data is not None
    return Outcome(
        receipt=receipt,
        report=None,
        metadata=result.metadata,
        statistics=result.statistics,
        expectations=None,
        quarantine_summary=[],
        pool_before=(str(pool_location(config.training_data)), None),
        contract=standard.contract,
        suite=standard.suite,
        columns=standard.contract.columns,
    )
