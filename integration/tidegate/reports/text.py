"""The report for a terminal: the verdict first, then what failed, worst first, with records and how to mend it.

It fits on a screen or two, so that the verdict does not scroll away; the other forms have all.
"""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from tidegate.receipt import Check, EngineChoice, Mended, Report
from tidegate.reports.safe import records, shown
from tidegate.reports.wording import engine_as, failures, known_as, mended_as, place_of, title

_MOST_CHECKS = 10
_MOST_EXAMPLES = 3
_USUAL = EngineChoice(name="duckdb", reason="as configured")
"""What nobody chose is not told on a terminal."""
_STYLES = {"accepted": "bold green", "rejected": "bold red"}


def print_text(report: Report, console: Console) -> None:
    """Print the report. A console that is no terminal gets no colours."""
    verdict = Text(report.verdict.upper(), style=_STYLES[report.verdict])
    _put(console, verdict, f"  {title(report)}")
    for reason in report.reasons:
        _put(console, Text("  because "), shown(reason, 300))
    rows = report.rows
    _put(
        console,
        f"\nrecords: {rows.read:,} read = {rows.accepted:,} accepted + {rows.malformed:,} malformed"
        f" + {rows.failed:,} failed + {rows.duplicate:,} duplicate + {rows.leaked:,} leaked",
    )
    failed = failures(report)
    lacking = {check.column for check in failed if check.id == f"{check.column}.column_in_dataframe"}
    unseen = [check for check in failed if check.status == "not_evaluated" and check.column in lacking]
    told = [check for check in failed if check not in unseen]
    for check in told[:_MOST_CHECKS]:
        _print_check(report, check, console)
    if len(told) > _MOST_CHECKS:
        _put(console, f"\n… and {len(told) - _MOST_CHECKS} more; --format json has all.")
    if unseen:
        listed = shown(", ".join(check.id for check in unseen), 300)
        _put(console, Text("\nnot evaluated", style="red"), f"  {listed}, for the column is missing")
    if report.duplicates:
        _put(console, Text("\nduplicate", style="yellow"), f"  {records(rows.duplicate)} there already")
        places = ", ".join(place_of(report, example) for example in report.duplicates[:_MOST_EXAMPLES])
        _put(console, f"    {places}{', …' if rows.duplicate > _MOST_EXAMPLES else ''}")
    if report.known is not None:
        _put(console, f"\npool: {known_as(report.known)}")
    _put(console, f"\n{len(report.checks) - len(failed)} checks passed, {len(failed)} did not.")
    for repair in report.repairs:
        _put(
            console,
            f"repaired: {repair.cells:,} cells of {shown(repair.column)} ({repair.kind}: {shown(repair.detail)})",
        )
    for each in report.personal_data:
        _put(console, f"personal data: {each.kind} in {records(each.records)} of {shown(each.column)}, {each.done}")
    for note in report.notes:
        _put(console, f"note: {shown(note, 300)}")
    if report.quarantine is not None:
        _put(console, f"quarantine: {report.quarantine} (whole records, personal data among them)")
    if report.mended is not None:
        _print_mended(report.mended, console)
    if report.engine is not None and report.engine != _USUAL:
        _put(console, f"engine: {engine_as(report.engine)}")
    _put(console, f"digest: {report.digest[:16]}  validation: {report.validation[:16]}")


def to_text(report: Report) -> str:
    """The same as text without colours."""
    out = io.StringIO()
    print_text(report, Console(file=out, width=120, color_system=None))
    return out.getvalue()


def _print_check(report: Report, check: Check, console: Console) -> None:
    many = "" if check.failing_rows is None else f"  {records(check.failing_rows)}"
    kind = {"failed": "failed", "not_evaluated": "not evaluated"}[check.status]
    if check.severity != "critical":
        kind = f"{check.severity}"
    style = "red" if check.severity == "critical" else "yellow"
    _put(console, Text(f"\n{kind}  ", style=style), Text(shown(check.id, 120), style="bold"), many)
    _put(console, f"    {'expected ' * (check.kind == 'rule')}{shown(check.expected, 200)}")
    if check.observed:
        _put(console, f"    observed {shown(check.observed, 300)}")
    for example in check.examples[:_MOST_EXAMPLES]:
        value = "" if example.value is None else f": {shown(example.value)!r}"
        _put(console, f"    {place_of(report, example)}{value}")
    if check.hint is not None:
        _put(console, Text("    "), Text(shown(check.hint, 300), style="italic"))


def _print_mended(mended: Mended, console: Console) -> None:
    for cells in mended.cells:
        _put(console, f"{'mended' if mended.path else 'could be mended'}: {mended_as(cells)}")
    if mended.path is None:
        _put(console, f"No mended copy was written: {shown(mended.reason or '', 300)}")
        return
    without = f", without the {records(mended.left_out)} in the quarantine" if mended.left_out else ""
    _put(console, f"mended copy: {mended.path}{without}")
    _put(console, Text("It is accepted", style="bold green"), f", digest {(mended.digest or '')[:16]}.")


def _put(console: Console, *parts: Text | str) -> None:
    """Print as it is: nothing in a text is markup, and no line is cut for the width of the window."""
    line = Text()
    for part in parts:
        line.append_text(part) if isinstance(part, Text) else line.append(part)
    console.print(line, soft_wrap=True, highlight=False, markup=False)
