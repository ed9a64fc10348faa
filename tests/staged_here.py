"""Staging in the test's own process: to start another one takes longer than all the rest of a small submission."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from tidegate.config import IntegrationConfig
from tidegate.engines.duckdb import worker


def stage_here(patch: pytest.MonkeyPatch) -> type[Any]:
    """Let the engine that runs where no test says read in this process. Returns the engine."""
    engine: type[Any]
    if IntegrationConfig.model_fields["engine"].default == "spark":
        from tidegate.engines.spark.engine import SparkEngine as engine
    else:
        from tidegate.engines.duckdb.engine import DuckDBEngine as engine
    patch.setattr(engine, "stage", lambda _, plan: nullcontext(lambda: worker.stage(plan)))
    return engine
