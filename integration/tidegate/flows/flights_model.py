"""The demo's model: will a flight arrive more than fifteen minutes late? Asked when it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tidegate.impact import Better, Scorer

FEATURES = ["month", "day", "hour", "carrier", "origin", "dest", "distance", "dep_delay"]
OUTCOME = "arr_delay"
LATE_MINUTES = 15
_CATEGORIES = ["carrier", "origin", "dest"]


BETTER: dict[str, Better] = {"roc_auc": "higher", "accuracy": "higher", "log_loss": "lower"}
"""How well a model predicts is told by these."""


def train(flights: pd.DataFrame) -> Any:
    """Fit the model to flights that landed. Takes `FEATURES` and `OUTCOME`; gives a scikit-learn pipeline."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    known = landed(flights)
    # A destination that comes up only later is one more category, and no error.
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    columns = make_column_transformer((codes, _CATEGORIES), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=60, learning_rate=0.2, random_state=0))
    return model.fit(_inputs(known), _late(known))


def scorer(model: Any, flights: pd.DataFrame) -> Scorer:
    """Scores a model by `BETTER` on flights that it was not trained on, all of which have landed.

    The model predicts once; what is asked for each resample is a sum. scikit-learn's functions give the same numbers,
    and take 25 times as long.
    """
    late, chance = _late(flights).to_numpy(dtype=bool), model.predict_proba(_inputs(flights))[:, 1]
    right = (chance >= 0.5) == late
    loss = -np.log(np.clip(np.where(late, chance, 1 - chance), np.finfo(np.float64).eps, 1))
    order = np.argsort(chance, kind="stable")
    late_in_order = late[order]
    ties = np.flatnonzero(np.diff(chance[order], prepend=-1.0))  # where the next greater chance begins

    def roc_auc(weights: NDArray[np.int64]) -> float:
        """How often a late flight has the higher chance of the two, a tie being half (Mann and Whitney 1947)."""
        ordered = weights[order]
        above = np.add.reduceat(np.where(late_in_order, ordered, 0), ties)
        below = np.add.reduceat(np.where(late_in_order, 0, ordered), ties)
        beaten = np.cumsum(below) - below / 2
        return float(above @ beaten / (above.sum() * below.sum()))

    def scores(weights: NDArray[np.int64]) -> dict[str, float]:
        return {
            "roc_auc": roc_auc(weights),
            "accuracy": float(np.average(right, weights=weights)),
            "log_loss": float(np.average(loss, weights=weights)),
        }

    return scores


def landed(flights: pd.DataFrame) -> pd.DataFrame:
    """The flights of which it is known whether they were late."""
    return flights[flights[OUTCOME].notna()]


def _inputs(flights: pd.DataFrame) -> pd.DataFrame:
    inputs = flights[FEATURES].copy()
    inputs["dep_delay"] = inputs["dep_delay"].astype("float64")
    return inputs


def _late(flights: pd.DataFrame) -> pd.Series[int]:
    return (flights[OUTCOME].astype("float64") > LATE_MINUTES).astype("int8")
