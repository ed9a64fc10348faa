"""A report as single remarks, each at a place: what CI shows beside the lines of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tidegate.receipt import Check, Example, Report
from tidegate.reports.wording import failures, message, verdict

Level = Literal["error", "warning", "note"]

VERDICT = "verdict"
"""The id of the remark on a rejected submission."""


@dataclass(frozen=True)
class Remark:
    """One thing to say.

    Attributes:
        id: the check's, or `verdict`.
        level: an error only where the submission is rejected.
        message: one line, safe to show.
        path: the file, from the working directory; None where it lies elsewhere.
        line: where it is known.
        record: the record number; None where it is about the whole.
    """

    id: str
    level: Level
    message: str
    path: str | None = None
    line: int | None = None
    record: int | None = None


def remarks(report: Report) -> list[Remark]:
    """The verdict where it is rejected, then each failed check at its first place, the worst first."""
    return [*_verdict(report), *(_at(report, check, check.examples[:1]) for check in failures(report))]


def every_remark(report: Report) -> list[Remark]:
    """The same, with each failed check at every record that is shown."""
    return [*_verdict(report), *(each for check in failures(report) for each in _everywhere(report, check))]


def path_of(uri: str) -> str | None:
    """A file as CI names it: from the working directory, with slashes. None where it is not on this machine."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri):
        return None
    try:
        path = Path(uri)
        return path.relative_to(Path.cwd()).as_posix() if path.is_absolute() else path.as_posix()
    except ValueError:
        return Path(uri).as_posix()


def level_of(report: Report, check: Check) -> Level:
    """How bad it is: what an accepted submission may do is no error."""
    if check.severity == "info":
        return "note"
    return "error" if check.severity == "critical" and report.verdict == "rejected" else "warning"


def _verdict(report: Report) -> Iterator[Remark]:
    if report.verdict == "rejected":
        yield Remark(VERDICT, "error", verdict(report), path_of(report.submission.files[0].uri))


def _everywhere(report: Report, check: Check) -> Iterator[Remark]:
    if not check.examples:
        yield _at(report, check, ())
    for example in check.examples:
        yield _at(report, check, (example,))


def _at(report: Report, check: Check, examples: tuple[Example, ...]) -> Remark:
    example = examples[0] if examples else Example(record=0)
    return Remark(
        id=check.id,
        level=level_of(report, check),
        message=message(report, check),
        path=path_of(report.submission.files[example.file or 0].uri),
        line=example.line,
        record=example.record or None,
    )
