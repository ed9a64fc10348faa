"""The report for programs."""

from __future__ import annotations

import json

from tidegate.receipt import Report


def to_json(report: Report) -> str:
    """The whole report, indented. ASCII only, so that no cell can send a terminal commands."""
    return json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=True) + "\n"
