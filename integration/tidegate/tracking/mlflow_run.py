"""An outcome as MLflow gets it, in plain values. MLflow need not be there for that."""

from __future__ import annotations

import os
import sys
from datetime import datetime

from tidegate.config import TrackingConfig
from tidegate.receipt import RowCounts
from tidegate.tracking.inputs import inputs_of
from tidegate.tracking.outbox import Run
from tidegate.tracking.outcome import Outcome
from tidegate.tracking.servers import configured, without_password

INTEGRATION, OUTCOME = "tidegate.integration", "tidegate.receipt_digest"


def run_of(outcome: Outcome, config: TrackingConfig) -> Run:
    """An outcome as a run: row counts and rates as metrics, versions and digests as tags, and its datasets."""
    receipt = outcome.receipt
    server = configured(config)
    return Run(
        integration=receipt.integration,
        receipt_digest=receipt.digest,
        server=without_password(server) if server is not None else None,
        experiment=config.experiment,
        name=f"{receipt.contract.name} {receipt.submission.id[:8]} {receipt.verdict}",
        time=int(datetime.fromisoformat(receipt.created_at).timestamp() * 1000),
        tags=_tags(outcome),
        parameters={
            "contract": str(outcome.metadata["contract"]),
            "suite": str(outcome.metadata["suite"]),
            "merge_strategy": receipt.merge_strategy,
        },
        metrics=_metrics(outcome),
        inputs=tuple(inputs_of(outcome)),
    )


def rates(rows: RowCounts) -> dict[str, float]:
    """Which share of the records that were read came to what; none of nothing."""
    counts = rows.model_dump(exclude={"read"})
    return {f"{name}_rate": count / rows.read for name, count in counts.items()} if rows.read else {}


def _metrics(outcome: Outcome) -> dict[str, float]:
    counts = {name: float(value) for name, value in outcome.statistics.items()} | rates(outcome.receipt.rows)
    if outcome.receipt.dataset_rows is not None:
        counts["dataset_rows"] = float(outcome.receipt.dataset_rows)
    if outcome.report is not None:
        for kind in ("rule", "expectation"):
            failed = [check for check in outcome.report.checks if check.kind == kind and check.status != "passed"]
            counts[f"{kind}s_not_passed"] = float(len(failed))
    return counts


def _tags(outcome: Outcome) -> dict[str, str]:
    receipt = outcome.receipt
    before = receipt.migrated_from
    tags = {
        INTEGRATION: receipt.integration,
        "tidegate.verdict": receipt.verdict,
        "tidegate.submission": receipt.submission.id,
        "tidegate.contributor": receipt.submission.contributor,
        "tidegate.contract": outcome.metadata["contract"],
        "tidegate.suite": outcome.metadata["suite"],
        "tidegate.migrated_from": f"{before.name}@{before.version}" if before is not None else None,
        "tidegate.contract_digest": receipt.contract.digest,
        "tidegate.suite_digest": receipt.suite.digest if receipt.suite is not None else None,
        "tidegate.report_digest": receipt.report_digest,
        OUTCOME: receipt.digest,
        "tidegate.dataset_uri": receipt.dataset_uri,
        "tidegate.dataset_version": receipt.dataset_version,
        "tidegate.pool_version_before": outcome.pool_before[1],
        "tidegate.engine": receipt.engine.name if receipt.engine is not None else None,
        "tidegate.engine_reason": receipt.engine.reason if receipt.engine is not None else None,
        "tidegate.version": receipt.tidegate,
        "mlflow.parentRunId": parent(),
    }
    return {name: str(value) for name, value in tags.items() if value is not None}


def parent() -> str | None:
    """The pipeline's run: the one that is under way in this process, or that the environment names."""
    # Nobody else pays for the import. While another thread imports it there is no run, nor all of the module.
    asked = getattr(sys.modules.get("mlflow"), "active_run", None)
    active = asked() if asked is not None else None
    return active.info.run_id if active is not None else os.environ.get("MLFLOW_RUN_ID")
