"""The report for a terminal: the verdict first, then what failed, worst first, with records and how to mend it."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from tidegate.receipt import Check, Report
from tidegate.reports.hints import hint
from tidegate.reports.safe import records, shown

_MOST_CHECKS = 25
_STYLES = {"accepted": "bold green", "rejected": "bold red"}


def print_text(report: Report, console: Console) -> None:
    """Print the report. A console that is no terminal gets no colours."""
    names = ", ".join(shown(file.uri, 80) for file in report.submission.files[:3])
    more = f" and {len(report.submission.files) - 3} more" if len(report.submission.files) > 3 else ""
    verdict = Text(report.verdict.upper(), style=_STYLES[report.verdict])
    _put(console, verdict, f"  {names}{more}  by {report.contract.name}@{report.contract.version}")
    for reason in report.reasons:
        _put(console, Text("  because "), shown(reason, 300))
    rows = report.rows
    _put(
        console,
        f"\nrecords: {rows.read:,} read = {rows.accepted:,} accepted + {rows.malformed:,} malformed"
        f" + {rows.failed:,} failed + {rows.duplicate:,} duplicate + {rows.leaked:,} leaked",
    )
    failed = sorted((check for check in report.checks if check.status != "passed"), key=_worst_first)
    for check in failed[:_MOST_CHECKS]:
        _print_check(check, console)
    if len(failed) > _MOST_CHECKS:
        _put(console, f"\n… and {len(failed) - _MOST_CHECKS} more; --format json has all.")
    _put(console, f"\n{len(report.checks) - len(failed)} checks passed, {len(failed)} did not.")
    for repair in report.repairs:
        _put(
            console,
            f"repaired: {repair.cells:,} cells of {shown(repair.column)} ({repair.kind}: {shown(repair.detail)})",
        )
    for each in report.personal_data:
        _put(console, f"personal data: {each.kind} in {records(each.records)} of {shown(each.column)}, {each.done}")
    for note in report.notes:
        _put(console, note)
    if report.quarantine is not None:
        _put(console, f"quarantine: {report.quarantine} (whole records, personal data among them)")
    _put(console, f"digest: {report.digest[:16]}")


def to_text(report: Report) -> str:
    """The same as text without colours."""
    out = io.StringIO()
    print_text(report, Console(file=out, width=120, color_system=None))
    return out.getvalue()


def _print_check(check: Check, console: Console) -> None:
    many = "" if check.failing_rows is None else f"  {records(check.failing_rows)}"
    kind = {"failed": "failed", "not_evaluated": "not evaluated"}[check.status]
    if check.severity != "critical":
        kind = f"{check.severity}"
    style = "red" if check.severity == "critical" else "yellow"
    _put(console, Text(f"\n{kind}  ", style=style), Text(shown(check.id, 120), style="bold"), many)
    _put(console, f"    {'expected ' * (check.kind == 'rule')}{shown(check.expected, 200)}")
    if check.observed:
        _put(console, f"    observed {shown(check.observed, 300)}")
    for example in check.examples:
        value = "" if example.value is None else f": {shown(example.value)!r}"
        _put(console, f"    record {example.record}{value}")
    mend = hint(check)
    if mend is not None:
        _put(console, f"    {shown(mend, 200)}")


def _worst_first(check: Check) -> tuple[int, int, str]:
    severity = {"critical": 0, "warning": 1, "info": 2}[check.severity]
    return severity, -(check.failing_rows or 0), check.id


def _put(console: Console, *parts: Text | str) -> None:
    """Print as it is: nothing in a text is markup, and no line is cut for the width of the window."""
    line = Text()
    for part in parts:
        line.append_text(part) if isinstance(part, Text) else line.append(part)
    console.print(line, soft_wrap=True, highlight=False, markup=False)
