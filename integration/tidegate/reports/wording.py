"""What several forms of a report say in the same words, already safe to show."""

from __future__ import annotations

from tidegate.receipt import Check, EngineChoice, Example, Known, MendedCells, Report
from tidegate.reports.safe import records, shown

_FILES = 3


def title(report: Report) -> str:
    """Which files were judged by which contract."""
    names = ", ".join(shown(file.uri, 80) for file in report.submission.files[:_FILES])
    more = f" and {len(report.submission.files) - _FILES} more" if len(report.submission.files) > _FILES else ""
    return f"{names}{more}  by {standard(report)}"


def standard(report: Report) -> str:
    """The contract by which files were judged; where their rows were migrated, both."""
    contract = f"{report.contract.name}@{report.contract.version}"
    before = report.migrated_from
    return contract if before is None else f"{before.name}@{before.version}, migrated to {contract}"


def failures(report: Report) -> list[Check]:
    """The checks that did not pass, the worst first."""
    return sorted((check for check in report.checks if check.status != "passed"), key=_worst_first)


def place_of(report: Report, example: Example) -> str:
    """``record 3, line 4``, with the file where there are several."""
    line = "" if example.line is None else f", line {example.line}"
    several = len(report.submission.files) > 1 and example.file is not None
    file = f" of {shown(report.submission.files[example.file or 0].uri, 80)}" if several else ""
    return f"record {example.record}{line}{file}"


def message(report: Report, check: Check) -> str:
    """What is wrong, in one line: for the forms that show one thing at a time."""
    many = "" if check.failing_rows is None else f" ({records(check.failing_rows)})"
    told = [f"{shown(check.id, 160)}{many}: expected {shown(check.expected, 200)}"]
    if check.status == "not_evaluated":
        told = [f"{shown(check.id, 160)} was not evaluated: {shown(check.observed or '', 300)}"]
    elif check.observed:
        told.append(f"observed {shown(check.observed, 300)}")
    places = [
        place_of(report, example) + ("" if example.value is None else f" is {shown(example.value)!r}")
        for example in check.examples
    ]
    if places:
        told.append("; ".join(places))
    if check.hint:
        told.append(shown(check.hint, 300))
    return ". ".join(part.rstrip(".") for part in told) + "."


def verdict(report: Report) -> str:
    """The verdict and its reasons, in one line."""
    because = f": {shown('; '.join(report.reasons), 500)}" if report.reasons else ""
    return f"{report.verdict}{because}"


def known_as(known: Known) -> str:
    """How many records the pool's profile knows."""
    return (
        f"about {records(known.records)} of those accepted are in version {known.pool_version} of the pool already"
        f" (a new record is taken for a known one with a chance of {known.false_positive_rate:.2%})"
    )


def mended_as(cells: MendedCells) -> str:
    """What was changed in a mended copy."""
    what = "its name" if cells.slip == "name" else f"{cells.cells:,} cell{'' if cells.cells == 1 else 's'}"
    return f"{what} of {shown(cells.column)} ({cells.slip})"


def engine_as(choice: EngineChoice) -> str:
    """What ran the work, and why."""
    return f"{choice.name} ({shown(choice.reason, 400)})"


def _worst_first(check: Check) -> tuple[int, int, str]:
    severity = {"critical": 0, "warning": 1, "info": 2}[check.severity]
    return severity, -(check.failing_rows or 0), check.id
