"""The record of one integration: what was read, judged and published, and its digests.

A `Report` is the verdict in full (what `tidegate validate --format json` prints). A `Receipt` is the short
record of one integration that travels with the commit: row accounting, verdict, digests, dataset version.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.distributions import Distributions
from tidegate.errors import UnbalancedReceipt

Verdict = Literal["accepted", "rejected"]
Status = Literal["passed", "failed", "not_evaluated"]
Severity = Literal["critical", "warning", "info"]
Done = Literal["reported", "warned", "rejected", "hashed"]
EngineName = Literal["duckdb", "spark"]


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
    """One failing record. `value` is null for personal columns and wherever there is no single value.

    `file` is the place of its file in the submission, from 0, and `line` its first line there; null where it is not
    known, or there are no lines.
    """

    record: int
    value: str | None = None
    file: int | None = None
    line: int | None = None


class Check(_Record):
    """The outcome of one rule or expectation, or of the scan for personal data.

    `failing_rows` is null where the check is about the whole dataset, and where it was not evaluated. `hint` says
    how to mend it, where failing values tell; it never holds a value of a personal column.
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
    hint: str | None = None


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


class Known(_Record):
    """About how many accepted records are in the pool already, by its published profile.

    Each record that is not there is taken for one that is with the probability `false_positive_rate`.
    """

    records: int
    false_positive_rate: float
    pool_version: int


class MendedCells(_Record):
    """How many cells of a column were written anew, by the slip that they had; for a column's name one."""

    column: str
    slip: str
    cells: int


class Mended(_Record):
    """A mended copy of a submission: where it is, what was changed, and what came of judging it.

    `left_out` counts the records that could not be mended and are in the quarantine. `path` is null where nothing was
    written, and `reason` says why. `digest` is that of the report on the copy.
    """

    path: str | None
    reason: str | None = None
    cells: tuple[MendedCells, ...] = ()
    left_out: int = 0
    digest: str | None = None


class Reproduction(_Record):
    """How to come to the same verdict: a command, and the file of parameters that it names, if it names one."""

    command: str
    settings: str | None = None


class EngineChoice(_Record):
    """What ran the work, and why it did. No place and no address is in the reason."""

    name: EngineName
    reason: str


class Report(_Record):
    """The verdict on one submission, in full.

    `digest` covers what was judged and what came of it and nothing else, so the same file under the same contract,
    suite and configuration has the same digest everywhere. Paths, times, examples and measured values are left out: a
    mean differs in its last digit with the number of threads. `validation` covers what was judged and by what, and not
    what came of it. `migrated_from` is the version of the files, where rows were migrated from it to `contract`.
    `engine` is in neither digest, for each comes to the same verdict.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    submission: Submission
    contract: Versioned
    migrated_from: Versioned | None = None
    suite: Versioned | None
    rows: RowCounts
    checks: tuple[Check, ...]
    repairs: tuple[Repair, ...] = ()
    personal_data: tuple[PersonalData, ...] = ()
    duplicates: tuple[Example, ...] = ()
    known: Known | None = None
    mended: Mended | None = None
    notes: tuple[str, ...] = ()
    quarantine: str | None = None
    failing_expectations: str | None = None
    distributions: Distributions | None = None
    reproduce: Reproduction | None = None
    engine: EngineChoice | None = None
    configuration: str
    validation: str = ""
    digest: str = ""

    def model_post_init(self, context: Any) -> None:
        if not self.validation:
            object.__setattr__(self, "validation", self._validation())
        if not self.digest:
            object.__setattr__(self, "digest", self._digest())

    def _validation(self) -> str:
        return digest_of(self.model_dump(mode="json", include=self._judged_by()))

    def _judged_by(self) -> dict[str, Any]:
        """What says what was judged, and by what; without a migration, nothing of one."""
        migrated = {"migrated_from": True} if self.migrated_from is not None else {}
        return {"submission": {"id"}, "contract": True, "suite": True, "configuration": True} | migrated

    def _digest(self) -> str:
        judged = self.model_dump(
            mode="json",
            include={
                **self._judged_by(),
                "verdict": True,
                "rows": True,
                "checks": {"__all__": {"id", "severity", "status", "failing_rows"}},
                "repairs": {"__all__": {"kind", "column", "cells"}},
                "personal_data": True,
            },
        )
        return digest_of(judged)


class Receipt(_Record):
    """The short record of one integration. `integration` identifies it: see `integration_id`.

    `contract` is the version whose shape the rows have, and `migrated_from` the one of the files, if that is another.
    """

    integration: str
    verdict: Verdict
    submission: Submission
    contract: Versioned
    migrated_from: Versioned | None = None
    suite: Versioned | None
    rows: RowCounts
    merge_strategy: str
    report_digest: str
    validation: str | None = Field(default=None, description="null where a receipt was written before there was one")
    tidegate: str
    engine: EngineChoice | None = Field(default=None, description="null where a receipt was written before it told")
    created_at: str = Field(description="UTC, ISO 8601")
    dataset_uri: str | None = None
    dataset_version: int | None = None
    dataset_rows: int | None = None
    already_published: bool = False

    @property
    def digest(self) -> str:
        """What the commit carries: of everything but what ran the work, and where the commit landed and when."""
        outcome = {"engine", "dataset_uri", "dataset_version", "dataset_rows", "already_published", "created_at"}
        if self.validation is None:  # a receipt from before there was one has the digest that it had
            outcome.add("validation")
        if self.migrated_from is None:  # nor has one without a migration another
            outcome.add("migrated_from")
        return digest_of(self.model_dump(mode="json", exclude=outcome))


def digest_of(value: Any) -> str:
    """The sha256, in hexadecimal, of a JSON value in its one canonical spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def submission_id(files: tuple[SourceFile, ...]) -> str:
    """Identifies a submission by the content of its files, in order, wherever they lie."""
    return digest_of([file.sha256 for file in files])
