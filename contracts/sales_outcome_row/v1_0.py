"""Observations of sales campaigns, version 1.0."""

from typing import Annotated, Optional

import pandas as pd
import pandera.pandas as pa


class SalesOutcomeRow(pa.DataFrameModel):
    """One observation of a sales campaign: one metric of one unit."""

    row_id: str = pa.Field(
        str_length={"min_value": 1}, unique=True, metadata={"key": True}, description="Identifies the row."
    )
    benchmark_spec_id: str = pa.Field(str_length={"min_value": 1}, description="The benchmark.")
    eval_id: str = pa.Field(str_length={"min_value": 1}, description="The evaluation run.")
    model_id: str = pa.Field(str_length={"min_value": 1}, description="The model that wrote the messages.")
    campaign_id: str = pa.Field(str_length={"min_value": 1}, description="The campaign.")
    unit_id: str = pa.Field(str_length={"min_value": 1}, description="The unit that was observed.")
    scorer_ref: str = pa.Field(str_length={"min_value": 1}, description="How the metric is computed.")
    schema_version: str = pa.Field(eq="sales_outcome_row/v1", description="The shape of this row.")
    unit_of_analysis: str = pa.Field(
        isin=["prospect_conversation", "prospect_message"], description="What one unit is."
    )
    measurement_policy: str = pa.Field(
        isin=["online_ab", "reward_model", "off_policy", "exact_observed_output", "diagnostic_only"],
        description="How the outcome was measured.",
    )
    metric_name: str = pa.Field(
        isin=[
            "sales:qualified_meeting_rate",
            "sales:revenue_per_1000_messages",
            "sales:spam_complaint_rate",
            "sales:unsubscribe_rate",
        ],
        description="Which metric was observed.",
    )
    label_status: str = pa.Field(
        isin=["observed", "missing", "delayed", "partial"], description="Whether the outcome is known yet."
    )
    message_count: int = pa.Field(ge=0, description="Messages sent.")
    delivered_count: int = pa.Field(ge=0, description="Messages delivered; never more than were sent.")
    numerator: float = pa.Field(ge=0, description="The metric's numerator.")
    denominator: float = pa.Field(ge=0, description="The metric's denominator.")
    observed_at: Annotated[pd.DatetimeTZDtype, "us", "UTC"] = pa.Field(description="When it was observed.")
    prospect_id: Optional[str] = pa.Field(
        str_length={"min_value": 1}, metadata={"personal": True}, description="The prospect."
    )
    conversation_id: Optional[str] = pa.Field(
        str_length={"min_value": 1}, metadata={"personal": True}, description="The conversation."
    )
    message_id: Optional[str] = pa.Field(
        str_length={"min_value": 1}, metadata={"personal": True}, description="The message."
    )
    arm: Optional[str] = pa.Field(str_length={"min_value": 1}, description="The arm of the experiment.")
    source_system: Optional[str] = pa.Field(
        str_length={"min_value": 1}, description="Where the observation comes from."
    )
    output_sha256: Optional[str] = pa.Field(
        str_matches="^0x[0-9a-f]{64}$", description="Digest of the message that was sent."
    )
    label_observed_at: Optional[Annotated[pd.DatetimeTZDtype, "us", "UTC"]] = pa.Field(
        description="When the outcome was seen."
    )
    label_available_at: Optional[Annotated[pd.DatetimeTZDtype, "us", "UTC"]] = pa.Field(
        description="When it could be used."
    )
    outcome_window_days: Optional[int] = pa.Field(
        ge=1, description="Days after the message in which an outcome counts."
    )
    coverage_fraction: Optional[float] = pa.Field(
        in_range={"min_value": 0, "max_value": 1}, description="Share of the units whose outcome is known."
    )
    qualified_meeting: Optional[pd.BooleanDtype] = pa.Field(
        nullable=True, description="Whether a qualified meeting came of it."
    )
    spam_complaint: Optional[pd.BooleanDtype] = pa.Field(nullable=True, description="Whether it was reported as spam.")
    unsubscribe: Optional[pd.BooleanDtype] = pa.Field(nullable=True, description="Whether the prospect unsubscribed.")
    revenue_amount_cents: Optional[int] = pa.Field(ge=0, description="Revenue, in hundredths of the currency.")
    revenue_currency: Optional[str] = pa.Field(str_matches="^[A-Z]{3}$", description="The currency, ISO 4217.")
    metadata: Optional[str] = pa.Field(metadata={"json": "object"}, description="Whatever else the source has to say.")

    @pa.dataframe_check
    def delivered_within_sent(cls, rows):
        """No more messages are delivered than were sent."""
        delivered, sent = rows["delivered_count"], rows["message_count"]
        return delivered.isna() | sent.isna() | (delivered <= sent)

    class Config:
        strict = True
        metadata = {"owner": "The maintainers of Tidegate"}
