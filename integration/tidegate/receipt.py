"""The record of one integration: what was read, judged and published, and its digests.

A `Report` is the verdict in full (what `tidegate validate --format json` prints). A `Receipt` is the short
record of one integration that travels with the commit: row accounting, verdict, digests, dataset version.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.errors import UnbalancedReceipt

Verdict = Literal["accepted", "rejected"]
Status = Literal["passed", "failed", "not_evaluated"]
Severity = Literal["critical", "warning", "info"]
Done = Literal["reported", "warned", "rejected", "hashed"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Record):
    """One file of a submission as it was read. `sha256` is of the bytes as they came, compressed or not."""

    uri: str
    sha256: str
    bytes: int
    format: Literal["csv", "json", "jsonl", "parquet"]
    compression: Literal["none", "gzip", "zstd", "zip"]


class Submission(_Record):
    """One contributed dataset. `id` is the digest of its files' contents, in order."""

    id: str
    files: tuple[SourceFile, ...]
    contributor: str | None = None


class Versioned(_Record):
    """A contract or a suite: `digest` is the sha256 of its file."""

    name: str
    version: str
    digest: str


class RowCounts(_Record):
    """The row accounting, in records. Raises `UnbalancedReceipt` where it does not add up."""

    read: int
    malformed: int
    failed: int
    duplicate: int
    leaked: int
    accepted: int

    def model_post_init(self, context: Any) -> None:
        parts = self.malformed + self.failed + self.duplicate + self.leaked + self.accepted
        if self.read != parts or min(self.model_dump().values()) < 0:
            raise UnbalancedReceipt(f"{self.read} records were read, but {parts} are accounted for: {self!r}")


class Example(_Record):
    """One failing record. `value` is null for personal columns and wherever there is no single value."""

    record: int
    value: str | None = None


class Check(_Record):
    """The outcome of one rule or expectation, or of the scan for personal data.

    `failing_rows` is null where the check is about the whole dataset, and where it was not evaluated.
    """

    id: str
    kind: Literal["rule", "expectation", "scan"]
    column: str | None
    severity: Severity
    status: Status
    failing_rows: int | None = None
    examples: tuple[Example, ...] = ()
    expected: str
    observed: str | None = None


class Repair(_Record):
    """A declared change of values before the rules ran: which, where, with what, and how many cells."""

    kind: Literal["null_values", "trim_strings", "missing", "parser", "hash"]
    column: str
    detail: str
    cells: int


class PersonalData(_Record):
    """Likely personal data in a column that the contract does not mark: in how many well-formed records."""

    column: str
    kind: str
    records: int
    done: Done


class Report(_Record):
    """The verdict on one submission, in full.

    `digest` covers what was judged and what came of it and nothing else, so the same file under the same contract,
    suite and configuration has the same digest everywhere. Paths, times, examples and measured values are left out: a
    mean differs in its last digit with the number of threads.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    submission: Submission
    contract: Versioned
    suite: Versioned | None
    rows: RowCounts
    checks: tuple[Check, ...]
    repairs: tuple[Repair, ...] = ()
    personal_data: tuple[PersonalData, ...] = ()
    notes: tuple[str, ...] = ()
    quarantine: str | None = None
    failing_expectations: str | None = None
    configuration: str
    digest: str = ""

    def model_post_init(self, context: Any) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", self._digest())

    def _digest(self) -> str:
        judged = self.model_dump(
            mode="json",
            include={
                "verdict": True,
                "submission": {"id"},
                "contract": True,
                "suite": True,
                "configuration": True,
                "rows": True,
                "checks": {"__all__": {"id", "severity", "status", "failing_rows"}},
                "repairs": {"__all__": {"kind", "column", "cells"}},
                "personal_data": True,
            },
        )
        return digest_of(judged)


class Receipt(_Record):
    """The short record of one integration. `integration` identifies it: see `integration_id`."""

    integration: str
    verdict: Verdict
    submission: Submission
    contract: Versioned
    suite: Versioned | None
    rows: RowCounts
    merge_strategy: str
    report_digest: str
    tidegate: str
    created_at: str = Field(description="UTC, ISO 8601")
    dataset_uri: str | None = None
    dataset_version: int | None = None
    dataset_rows: int | None = None
    already_published: bool = False

    @property
    def digest(self) -> str:
        """What the commit carries: of everything but where the commit landed and when."""
        outcome = {"dataset_uri", "dataset_version", "dataset_rows", "already_published", "created_at"}
        return digest_of(self.model_dump(mode="json", exclude=outcome))


def digest_of(value: Any) -> str:
    """The sha256, in hexadecimal, of a JSON value in its one canonical spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def submission_id(files: tuple[SourceFile, ...]) -> str:
    """Identifies a submission by the content of its files, in order, wherever they lie."""
    return digest_of([file.sha256 for file in files])
