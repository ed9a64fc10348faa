"""Recorders of an integration's outcome. What cannot be recorded costs seconds, never the publish."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.config import IntegrationConfig
from tidegate.receipt import Receipt, Report
from tidegate.workspace import Workspace

__all__ = ["Outcome", "record"]


@dataclass(frozen=True)
class Outcome:
    """Everything that recorders may record of one integration.

    Attributes:
        receipt: the receipt, complete; `dataset_version` is None where the submission was rejected.
        report: the verdict in full.
        metadata: versions, digests and places, as plain values.
        statistics: row counts and durations, as plain numbers.
        expectations: Great Expectations' own result, without cells' values; None without a suite.
        quarantine_summary: records kept out, per code, rule and column.
        pool_before: the pool's folder and its version before; None where it was new.
        contract_file: the contract's source.
        suite_file: the suite's JSON, if there is one.
    """

    receipt: Receipt
    report: Report
    metadata: dict[str, Any]
    statistics: dict[str, float]
    expectations: dict[str, Any] | None
    quarantine_summary: list[dict[str, Any]]
    pool_before: tuple[str, int | None]
    contract_file: Path
    suite_file: Path | None


def record(outcome: Outcome, config: IntegrationConfig, workspace: Workspace) -> None:
    """Write the bundle to disk, then push it to where the configuration says."""
