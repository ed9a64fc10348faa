"""Judge what is there already by a version that is not released yet: the pool's rows, and past submissions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.config import IntegrationConfig
from tidegate.data_integration import validate_contributed_data
from tidegate.engines import open_engine
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.evolution.pool_rows import PoolReplay, replay_pool
from tidegate.pool import history, pool_location
from tidegate.receipt import Receipt, Report
from tidegate.registry import Contract, find_registry, load_contract
from tidegate.telemetry import run_id, silence_dependencies
from tidegate.workspace import work_folder


@dataclass(frozen=True)
class SubmissionReplay:
    """What a past submission would come to.

    Attributes:
        path: the file, or the folder of one submission's files.
        contributor: who sent it, where the pool's history knows it.
        published_by: the contract that it was published by, as in ``flights@1.0``, where the history knows it.
        verdict: `accepted` or `rejected`; None where it cannot be read.
        reasons: why it is rejected, or cannot be read.
        rows: how many records it has.
        failing_rows: how many would be malformed or fail.
        rules: per rule that fails, or cannot be evaluated, how many records fail; None where nobody knows.
    """

    path: str
    contributor: str | None = None
    published_by: str | None = None
    verdict: str | None = None
    reasons: tuple[str, ...] = ()
    rows: int = 0
    failing_rows: int = 0
    rules: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True)
class Replay:
    """What a version would come to, were it released."""

    contract: str
    pool: PoolReplay
    submissions: tuple[SubmissionReplay, ...]

    @property
    def fine(self) -> bool:
        """Whether nothing that is there would fail."""
        sent = all(one.verdict == "accepted" and not one.failing_rows for one in self.submissions)
        return sent and not self.pool.failing_rows and not self.pool.not_evaluated


def replay(config: IntegrationConfig, submissions: Path | None = None) -> Replay:
    """Judge the newest version of a pool, and past submissions, by a contract. Nothing is written.

    Args:
        config: `schema_config` names the contract, `training_data` the pool; its cleaning and validation hold for
            submissions.
        submissions: a folder; each file in it, and each folder, is one submission.

    Raises:
        Misuse: there is no such contract, pool or folder.
        BrokenContract: the contract or its suite is wrong in itself, or a check turned out to be one that cannot judge.
        PoolError: the pool cannot be read.
    """
    silence_dependencies()
    if config.training_data is None:
        raise Misuse("There is no pool.", "Name it with --pool.")
    sent = [] if submissions is None else list(_in(submissions))
    contract = load_contract(find_registry(config.registry).contract_file(config.schema_config.contract))
    with _run(), work_folder(None) as folder, open_engine(config, folder) as engine:
        pool = replay_pool(engine, config, contract, folder)
    known = _published(config)
    judged = tuple(_of_submission(path, config, contract, known) for path in sent)
    return Replay(f"{contract.name}@{contract.version}", pool, judged)


def _in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise Misuse(f"There is no folder {folder}.", "Each file in it, and each folder, is taken for one submission.")
    yield from (path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "_")))


def _published(config: IntegrationConfig) -> dict[str, Receipt]:
    """The receipts of the pool's history, by submission; of one that was published twice the last."""
    assert config.training_data is not None
    entries = history(pool_location(config.training_data, config.state_dir))
    return {entry.receipt.submission.id: entry.receipt for entry in reversed(entries) if entry.receipt is not None}


def _of_submission(
    path: Path, config: IntegrationConfig, contract: Contract, known: dict[str, Receipt]
) -> SubmissionReplay:
    exactly = {"contract": f"{contract.name}@{contract.version}", "migrate_to": None}
    told = config.model_copy(
        update={"data_path": (str(path),), "schema_config": config.schema_config.model_copy(update=exactly)}
    )
    try:
        report = validate_contributed_data(told)
    except SourceUnreadable as error:
        return SubmissionReplay(str(path), reasons=(error.fact,))
    receipt = known.get(report.submission.id)
    return SubmissionReplay(
        path=str(path),
        contributor=receipt.submission.contributor if receipt is not None else None,
        published_by=f"{receipt.contract.name}@{receipt.contract.version}" if receipt is not None else None,
        verdict=report.verdict,
        reasons=report.reasons,
        rows=report.rows.read,
        failing_rows=report.rows.malformed + report.rows.failed,
        rules=_failing(report),
    )


def _failing(report: Report) -> tuple[tuple[str, int | None], ...]:
    return tuple((check.id, check.failing_rows) for check in report.checks if check.status != "passed")


@contextmanager
def _run() -> Iterator[None]:
    """Everything logged within carries one run's id."""
    run = run_id.set(uuid.uuid4().hex[:12])
    try:
        yield
    finally:
        run_id.reset(run)
