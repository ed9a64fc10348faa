"""Reports on submissions that never were, with cells that want to be more than text."""

from __future__ import annotations

from tidegate.distributions import Bar, Contributor, Distribution, Distributions, Shown, Side, drift_of
from tidegate.receipt import (
    Check,
    Example,
    Receipt,
    Report,
    RowCounts,
    Severity,
    SourceFile,
    Status,
    Submission,
    Verdict,
    Versioned,
)

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b]0;title\x07",
    "abc\u202egnp.exe",
    "[red]markup[/red]",
    "zero\u200bwidth",
    "{{ 7777 * 7777 }}",
    "x\n::error file=a.py::owned\r\n::stop-commands::t",
    "a%0A::error::owned",
    "##[add-mask]e",
    "],file=evil.py,line=1::owned",
    "| cell | [a](http://evil) `code` **bold** @octocat |",
    "]]></failure><testcase/>",
    "{0} [words](http://evil)",
    "www.evil.example",
]


def check(
    name: str,
    values: list[str | None],
    status: Status = "failed",
    expected: str = "type int64",
    severity: Severity = "critical",
    hint: str | None = None,
) -> Check:
    """A check that these values fail, in records from 1 on, each on the line behind its number."""
    return Check(
        id=name,
        kind="rule",
        column=name.partition(".")[0],
        severity=severity,
        status=status,
        failing_rows=len(values),
        examples=tuple(Example(record=n, value=v, file=0, line=n + 1) for n, v in enumerate(values, 1)),
        expected=expected,
        hint=hint,
    )


def report(
    *checks: Check, uri: str = "x.csv", verdict: Verdict = "rejected", reason: str = "2 of 4 records fail"
) -> Report:
    """A report on one file."""
    file = SourceFile(uri=uri, sha256="0" * 64, bytes=12, format="csv", compression="none")
    return Report(
        verdict=verdict,
        reasons=(reason,) if verdict == "rejected" else (),
        submission=Submission(id="a" * 64, files=(file,)),
        contract=Versioned(name="sample", version="1.0", digest="1" * 64),
        suite=None,
        rows=RowCounts(read=4, malformed=1, failed=1, duplicate=0, leaked=0, accepted=2),
        checks=checks,
        configuration="2" * 64,
    )


def receipt(submission: str, contributor: str | None = None) -> Receipt:
    """A receipt of a submission of which all four rows were appended."""
    made_up = report()
    return Receipt(
        integration="3" * 64,
        verdict="accepted",
        submission=made_up.submission.model_copy(update={"id": submission, "contributor": contributor}),
        contract=made_up.contract,
        suite=None,
        rows=RowCounts(read=4, malformed=0, failed=0, duplicate=0, leaked=0, accepted=4),
        merge_strategy="append",
        report_digest=made_up.digest,
        validation=made_up.validation,
        tidegate="0",
        created_at="2026-11-27T00:00:00+00:00",
    )


def column(name: str, labels: list[str], shown: Shown = "categories") -> Distribution:
    """A column whose first value the contribution has far more often than the pool."""
    bars = tuple(Bar(label=label, contribution=100 if n else 900, pool=1_000 + n) for n, label in enumerate(labels))
    ours, theirs = sum(bar.contribution for bar in bars), sum(bar.pool for bar in bars)
    return Distribution(
        column=name,
        type="string",
        shown=shown,
        contribution=Side(rows=ours, nulls=0, distinct=len(labels)),
        pool=Side(rows=theirs, nulls=0, distinct=len(labels)),
        bars=bars,
        drift=drift_of(bars),
    )


def distributions(*columns: Distribution, contributor: str = "ann") -> Distributions:
    """What was measured, with two contributors and others."""
    return Distributions(
        pool_version=3,
        columns=columns,
        contributors=(
            Contributor(name="bts", before=9_000, after=9_000),
            Contributor(name=contributor, before=100, after=102),
            Contributor(name=None, others=7, before=300, after=300),
        ),
    )
