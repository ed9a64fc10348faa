"""Search judgements, version 1.1: adds `lang`, which may be absent. Compatible with 1.0."""

from typing import Optional

import pandera.pandas as pa

FINITE = {"min_value": -1.7976931348623157e308, "max_value": 1.7976931348623157e308}


class QueryRelevance(pa.DataFrameModel):
    """One judgement of how well a result answers a query."""

    query_id: str = pa.Field(
        str_length={"min_value": 1},
        unique=True,
        metadata={"key": True},
        description="Identifies the judgement; no two records share it.",
    )
    query_text: str = pa.Field(
        str_length={"min_value": 1, "max_value": 10_000},
        metadata={"personal": True},
        description="What the person typed.",
    )
    feature_1: float = pa.Field(in_range=FINITE, description="First feature of query and result; finite.")
    feature_2: float = pa.Field(in_range=FINITE, description="Second feature; finite.")
    feature_3: float = pa.Field(in_range=FINITE, description="Third feature; finite.")
    label: int = pa.Field(isin=[0, 1], description="1 where the result is relevant, else 0.")
    lang: Optional[str] = pa.Field(
        str_matches="^[a-z]{2}$", description="The query's language, ISO 639-1: two lower-case letters."
    )

    class Config:
        strict = True
        metadata = {"owner": "The maintainers of Tidegate"}
