"""The outcome on the Metaflow task that is under way, if there is one.

The receipt as an artifact is the flow's own business (`self.receipt = result.receipt`); here are the things that a call
within a step can attach: run tags, and task metadata that the Client API reads without unpickling. The latter has no
documented way in, so it is guarded: where Metaflow has changed, only the tags are set.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from tidegate.telemetry import event
from tidegate.tracking.outcome import Outcome

log = logging.getLogger(__name__)

_LONGEST = 240  # the service's columns hold 255 characters


def attach(outcome: Outcome) -> None:
    """Attach verdict, versions and counts to the task and run under way. Never raises."""
    if "metaflow" not in sys.modules:  # a flow has imported it; nobody else pays for it
        return
    from metaflow import current

    if not getattr(current, "is_running_flow", False):
        return
    facts = _facts(outcome)
    for attempt in (_tag, _register):
        try:
            attempt(facts)
        except Exception as error:  # noqa: BLE001 - a metadata service that is down must not fail the step
            event(log, "metaflow failed", level=logging.WARNING, error=type(error).__name__)


def _facts(outcome: Outcome) -> dict[str, str]:
    receipt = outcome.receipt
    facts: dict[str, Any] = {
        "verdict": receipt.verdict,
        "contract": outcome.metadata["contract"],
        "suite": outcome.metadata["suite"],
        "submission": receipt.submission.id,
        "integration": receipt.integration,
        "dataset_version": receipt.dataset_version,
        "report_digest": receipt.report_digest,
        "engine": receipt.engine.name if receipt.engine is not None else None,
        **{f"rows_{name}": count for name, count in receipt.rows.model_dump().items()},
    }
    return {f"tidegate.{name}": str(value)[:_LONGEST] for name, value in facts.items() if value is not None}


def _tag(facts: dict[str, str]) -> None:
    from metaflow import current

    # A run has at most 50 tags, and each contribution has a version of its own: verdict and contract come before it.
    for names in (("tidegate.verdict", "tidegate.contract"), ("tidegate.dataset_version",)):
        tags = [f"{name}:{facts[name]}" for name in names if name in facts]
        if tags:
            current.run.add_tags(tags)


def _register(facts: dict[str, str]) -> None:
    from metaflow import current
    from metaflow.metadata_provider import MetaDatum
    from metaflow.system_context import system_context

    submission = facts["tidegate.submission"][:12]  # several in one task, each under names of its own
    entries = [
        MetaDatum(f"{name}.{submission}", value, "tidegate", [f"attempt_id:{current.retry_count}"])
        for name, value in facts.items()
    ]
    system_context.metadata.register_metadata(current.run_id, current.step_name, current.task_id, entries)
