"""What a model router chose for a task, and what came of it: version 2.0.

Breaking against 1.0: new required columns, narrower values, and `routing_objective` moved into
`selected_strategy`.
"""

from typing import Annotated, Optional

import pandas as pd
import pandera.pandas as pa
import pyarrow

OBJECTIVES = ["lowest_cost", "fastest_completion", "highest_reliability"]
Texts = pyarrow.list_(pyarrow.string())
Neighbors = pyarrow.list_(
    pyarrow.struct(
        [
            ("row_id", pyarrow.string()),
            ("submission_id", pyarrow.string()),
            ("wallet", pyarrow.string()),
            ("training_row_index", pyarrow.int64()),
            ("distance", pyarrow.float64()),
            ("weight", pyarrow.float64()),
        ]
    )
)
Strategy = pyarrow.struct(
    [
        ("planner_model", pyarrow.string()),
        ("coder_model", pyarrow.string()),
        ("reviewer_model", pyarrow.string()),
        ("routing_objective", pyarrow.string()),
    ]
)


class TechnicalTaskRouterRow(pa.DataFrameModel):
    """One task that a router gave to models, with its cost, time and outcome."""

    schema_version: str = pa.Field(eq="technical_task_router_row/v2", description="The shape of this row.")
    row_id: str = pa.Field(
        str_length={"min_value": 1}, unique=True, metadata={"key": True}, description="Identifies the row."
    )
    benchmark_spec_id: str = pa.Field(
        eq="technical_task_router.benchmark_score/v2", description="The benchmark that the task belongs to."
    )
    eval_id: str = pa.Field(str_length={"min_value": 1}, description="The evaluation run.")
    model_id: str = pa.Field(str_length={"min_value": 1}, description="The router that chose.")
    scenario: str = pa.Field(
        isin=["production_pool", "challenger_present", "dominant_model_removed", "low_budget", "sparse_cell"],
        description="Under which circumstances the router chose.",
    )
    candidate_pool_id: str = pa.Field(str_length={"min_value": 1}, description="The pool of models that it chose from.")
    task_descriptor: str = pa.Field(metadata={"json": "object"}, description="The task, as its source describes it.")
    allowed_models: Annotated[pd.ArrowDtype, Texts] = pa.Field(
        description="The models that might be chosen; at least one, none twice."
    )
    selected_models: Annotated[pd.ArrowDtype, Texts] = pa.Field(description="The models that were chosen.")
    selected_strategy: Optional[Annotated[pd.ArrowDtype, Strategy]] = pa.Field(
        description="Which model does what, and to which end."
    )
    max_cost_usd: float = pa.Field(gt=0, description="The budget, in US dollars.")
    actual_cost_usd: float = pa.Field(ge=0, description="What it cost, in US dollars.")
    estimated_cost_usd: Optional[float] = pa.Field(ge=0, description="What it was thought to cost, in US dollars.")
    actual_time_seconds: Optional[float] = pa.Field(nullable=True, ge=0, description="How long it took, in seconds.")
    estimated_duration_seconds: Optional[float] = pa.Field(
        nullable=True, ge=0, description="How long it was thought to take, in seconds."
    )
    estimated_success_under_budget: Optional[float] = pa.Field(
        in_range={"min_value": 0, "max_value": 1},
        description="The chance of success within the budget, as thought before.",
    )
    completed_successfully: bool = pa.Field(description="Whether the task was done.")
    scorer_ref: str = pa.Field(eq="technical_task_router.benchmark_score/v2", description="How the outcome is scored.")
    observed_at: Annotated[pd.DatetimeTZDtype, "us", "UTC"] = pa.Field(description="When the outcome was seen.")
    metadata: Optional[str] = pa.Field(metadata={"json": "object"}, description="Whatever else the source has to say.")
    neighbor_provenance: Optional[Annotated[pd.ArrowDtype, Neighbors]] = pa.Field(
        metadata={"personal": True}, description="Training rows near to this task, and whose they are."
    )

    @pa.check("allowed_models")
    def at_least_one(cls, cells):
        """At least one model is allowed."""
        return cells.map(lambda models: len(models) >= 1)

    @pa.check("allowed_models")
    def none_twice(cls, cells):
        """No model is listed twice."""
        return cells.map(lambda models: len(set(models)) == len(models))

    @pa.check("allowed_models", name="no_empty_text")
    def allowed_no_empty_text(cls, cells):
        """Every model has a name."""
        return cells.map(lambda models: all(models))

    @pa.check("selected_models", name="no_empty_text")
    def selected_no_empty_text(cls, cells):
        """Every model has a name."""
        return cells.map(lambda models: all(models))

    @pa.check("selected_strategy")
    def models_and_objective(cls, cells):
        """Models that are given have names, and an objective that is given is one of the three."""

        def sound(strategy):
            models = [strategy.get(f"{role}_model") for role in ("planner", "coder", "reviewer")]
            objective = strategy.get("routing_objective")
            return "" not in models and (objective is None or objective in OBJECTIVES)

        return cells.map(sound)

    @pa.check("neighbor_provenance")
    def neighbors_in_range(cls, cells):
        """Every neighbor is complete: index and distance from 0 up, weight from 0 to 1."""

        def sound(neighbor):
            if any(value is None for value in neighbor.values()):
                return False
            near = neighbor["training_row_index"] >= 0 and neighbor["distance"] >= 0
            return near and 0 <= neighbor["weight"] <= 1

        return cells.map(lambda neighbors: all(n is not None and sound(n) for n in neighbors))

    class Config:
        strict = True
        metadata = {"owner": "The maintainers of Tidegate"}
