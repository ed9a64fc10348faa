"""The report as GitLab's code quality report: a list of issues, shown beside a merge request's changes."""

from __future__ import annotations

import json

from tidegate.receipt import Report, digest_of
from tidegate.reports.remarks import VERDICT, Remark, every_remark
from tidegate.reports.safe import shown

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def to_gitlab(report: Report) -> str:
    """One issue for the verdict where it is rejected, and for each record that is shown."""
    issues = [
        {
            "description": remark.message,
            "check_name": shown(remark.id, 300),
            "fingerprint": digest_of([path, remark.id, remark.record]),
            "severity": "blocker" if remark.id == VERDICT else _SEVERITIES[remark.level],
            "location": {"path": path, "lines": {"begin": remark.line or 1}},
        }
        for remark in every_remark(report)
        for path in (_path(report, remark),)
    ]
    return json.dumps(issues, indent=2, ensure_ascii=True) + "\n"


def _path(report: Report, remark: Remark) -> str:
    return shown(remark.path if remark.path is not None else report.submission.files[0].uri, 1_000)
