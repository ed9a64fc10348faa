"""What there is to record of one integration, and the bundle of files that holds it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from tidegate.impact import Impact
from tidegate.receipt import Receipt, Report
from tidegate.reports import to_html, to_json
from tidegate.workspace import Workspace

if TYPE_CHECKING:  # it takes two seconds to load, and whoever only delivers or looks needs none of it
    from tidegate.columns import Column
    from tidegate.registry import Contract, Suite

_SUMMARY = pa.schema([("code", pa.string()), ("rule", pa.string()), ("column", pa.string()), ("records", pa.int64())])

TRAINING_DATA = "training_data.json"
"""The file of a bundle that says which version of which pool a submission was merged with."""


@dataclass(frozen=True)
class Outcome:
    """Everything that recorders may record of one integration. No cell's value but the report's examples.

    Attributes:
        receipt: the receipt, complete; `dataset_version` is None where the submission was rejected.
        report: the verdict in full; None where it is lost, and only the pool's log tells of the publish.
        metadata: versions, digests and places, as plain values.
        statistics: row counts and durations, as plain numbers.
        expectations: Great Expectations' own result, without cells' values; None without a suite.
        quarantine_summary: records kept out, per code, rule and column.
        pool_before: the pool's folder and its version before; None where it was new.
        contract: what the rows were judged by.
        suite: the suite, if there is one.
        columns: the contract's columns, with those that its patterns stood for.
        accepted: the Parquet files of the rows that may go in, as long as the integration works.
    """

    receipt: Receipt
    report: Report | None
    metadata: dict[str, Any]
    statistics: dict[str, float]
    expectations: dict[str, Any] | None
    quarantine_summary: list[dict[str, Any]]
    pool_before: tuple[str, int | None]
    contract: Contract
    suite: Suite | None
    columns: tuple[Column, ...]
    accepted: tuple[Path, ...] = ()


def write_bundle(outcome: Outcome, folder: Path) -> Path:
    """Write receipt, reports, contract, suite and its result, and the quarantine's summary into a new folder.

    Args:
        folder: where the new folder is made.
    """
    from tidegate.describe import describe

    bundle = Path(tempfile.mkdtemp(dir=folder))
    (bundle / "receipt.json").write_text(outcome.receipt.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if outcome.report is not None:
        (bundle / "report.json").write_text(to_json(outcome.report), encoding="utf-8")
        (bundle / "report.html").write_text(to_html(outcome.report, outcome.receipt), encoding="utf-8")
        pq.write_table(
            pa.Table.from_pylist(outcome.quarantine_summary, schema=_SUMMARY), bundle / "quarantine_summary.parquet"
        )
    uri, version = outcome.pool_before
    (bundle / TRAINING_DATA).write_text(json.dumps({"uri": uri, "version": version}) + "\n", encoding="utf-8")
    if outcome.expectations is not None:
        told = json.dumps(outcome.expectations, indent=2, default=str)
        (bundle / "expectations_result.json").write_text(told + "\n", encoding="utf-8")
    (bundle / "contract.md").write_text(describe(outcome.contract, outcome.suite, "markdown"), encoding="utf-8")
    shutil.copyfile(outcome.contract.path, bundle / "contract.py")
    if outcome.suite is not None:
        shutil.copyfile(outcome.suite.path, bundle / "expectations.json")
    for file in bundle.iterdir():
        file.chmod(0o600)
    return bundle


def write_data_docs(expectations: dict[str, Any], suite: Suite, bundle: Path) -> None:
    """Write Great Expectations' own page into a bundle. Raises what Great Expectations raises."""
    from tidegate.reports.data_docs import data_docs

    page = data_docs(expectations, f"{suite.name}@{suite.version}")
    (bundle / "data_docs.html").write_text(page, encoding="utf-8")
    (bundle / "data_docs.html").chmod(0o600)


def keep_bundle(bundle: Path, receipt: Receipt, workspace: Workspace) -> Path:
    """Move a bundle to where receipts are kept, in the place of one from an earlier try at the same integration."""
    target = workspace.receipts / receipt.integration[:32]
    if target.exists():
        target.replace(bundle.with_name(f"{bundle.name}-before"))  # goes with the work folder
    bundle.replace(target)
    return target


def add_impact(receipt: Receipt, impact: Impact, workspace: Workspace) -> tuple[Path, ...]:
    """Add to a kept bundle what its submission did for a model, and tell so on its page. Returns what was written.

    Of other contributions nothing is told but the figures of all together.

    Raises:
        OSError: there is no such bundle, or it cannot be written.
    """
    kept = workspace.receipts / receipt.integration[:32]
    own = impact.of(receipt.submission.id)
    impact = impact.model_copy(update={"contributions": (own,) if own is not None else ()})
    _replace(kept / "impact.json", impact.model_dump_json(indent=2) + "\n")
    if not (kept / "report.json").exists():  # lost by a kill, and made again from the pool's log
        return (kept / "impact.json",)
    report = Report.model_validate_json((kept / "report.json").read_bytes())
    _replace(kept / "report.html", to_html(report, receipt, impact))
    return (kept / "impact.json", kept / "report.html")


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all. The outbox may have a link to the one that was there: it stays as it is."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent)  # private
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
        Path(partial).replace(path)
    except BaseException:  # a full disk, for one: the old file stays, and nothing beside it
        Path(partial).unlink(missing_ok=True)
        raise


def has_bundle(receipt: Receipt, workspace: Workspace) -> bool:
    """Whether a receipt with the same outcome is kept."""
    try:
        kept = Receipt.model_validate_json(
            (workspace.receipts / receipt.integration[:32] / "receipt.json").read_bytes()
        )
    except (OSError, ValidationError):
        return False
    return kept.digest == receipt.digest
