"""The card of a gate: the report's page as it is, so that both tell the same."""

from __future__ import annotations

from typing import Any

from metaflow.cards import MetaflowCard

CARD = "tidegate_report"
PAGE = "report_page"
"""The artifact that holds the page."""


class ReportCard(MetaflowCard):
    """Shows what a gate found. `@gate` adds it to its step."""

    type = CARD

    def render(self, task: Any) -> str:
        """The page that the task left, or that it left none."""
        page = getattr(task.data, PAGE, None) if task.data is not None else None
        return page or "<!doctype html><title>Tidegate</title><p>The gate came to no verdict.</p>"
