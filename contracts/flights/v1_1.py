"""Departures from New York, version 1.1: adds `diverted`, which may be absent. Compatible with 1.0."""

from typing import Annotated, Optional

import pandas as pd
import pandera.pandas as pa

CLOCK = {"min_value": 0, "max_value": 2400}


class Flights(pa.DataFrameModel):
    """One departure from a New York airport (US Bureau of Transportation Statistics, CC0)."""

    year: int = pa.Field(in_range={"min_value": 1987, "max_value": 2100}, description="Year of departure.")
    month: int = pa.Field(in_range={"min_value": 1, "max_value": 12}, description="Month of departure.")
    day: int = pa.Field(in_range={"min_value": 1, "max_value": 31}, description="Day of departure.")
    dep_time: pd.Int64Dtype = pa.Field(
        nullable=True, in_range=CLOCK, description="Actual departure, local time as hhmm; null if it never left."
    )
    sched_dep_time: int = pa.Field(in_range=CLOCK, description="Scheduled departure, local time as hhmm.")
    dep_delay: pd.Int64Dtype = pa.Field(
        nullable=True,
        in_range={"min_value": -180, "max_value": 10_080},
        description="Departure delay in minutes; early is negative.",
    )
    arr_time: pd.Int64Dtype = pa.Field(
        nullable=True, in_range=CLOCK, description="Actual arrival, local time as hhmm; null if it never landed."
    )
    sched_arr_time: int = pa.Field(in_range=CLOCK, description="Scheduled arrival, local time as hhmm.")
    arr_delay: pd.Int64Dtype = pa.Field(
        nullable=True,
        in_range={"min_value": -180, "max_value": 10_080},
        description="Arrival delay in minutes; early is negative.",
    )
    carrier: str = pa.Field(
        str_matches="^[A-Z0-9]{2}$", metadata={"key": True}, description="Airline, by its two-character code."
    )
    flight: int = pa.Field(ge=1, metadata={"key": True}, description="Flight number.")
    tailnum: str = pa.Field(
        nullable=True, str_length={"min_value": 2, "max_value": 10}, description="The aircraft's registration."
    )
    origin: str = pa.Field(isin=["EWR", "JFK", "LGA"], metadata={"key": True}, description="Airport of departure.")
    dest: str = pa.Field(str_matches="^[A-Z]{3}$", description="Airport of arrival.")
    air_time: pd.Int64Dtype = pa.Field(
        nullable=True, in_range={"min_value": 1, "max_value": 1_440}, description="Minutes in the air."
    )
    distance: int = pa.Field(gt=0, description="Distance flown, in miles.")
    hour: int = pa.Field(in_range={"min_value": 0, "max_value": 24}, description="Hour of scheduled departure.")
    minute: int = pa.Field(in_range={"min_value": 0, "max_value": 59}, description="Minute of scheduled departure.")
    time_hour: Annotated[pd.DatetimeTZDtype, "us", "UTC"] = pa.Field(
        metadata={"key": True}, description="Scheduled departure, rounded down to the hour, UTC."
    )
    diverted: Optional[bool] = pa.Field(description="Whether it landed at another airport than planned.")

    class Config:
        strict = True
        metadata = {"owner": "The maintainers of Tidegate"}
