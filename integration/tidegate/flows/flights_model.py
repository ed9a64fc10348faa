"""The demo's model: will a flight arrive more than fifteen minutes late? Asked when it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

FEATURES = ["month", "day", "hour", "carrier", "origin", "dest", "distance", "dep_delay"]
OUTCOME = "arr_delay"
LATE_MINUTES = 15
_CATEGORIES = ["carrier", "origin", "dest"]


@dataclass(frozen=True)
class Scores:
    """How well a model predicts. `roc_auc` and `accuracy` are better when higher, `log_loss` when lower."""

    roc_auc: float
    accuracy: float
    log_loss: float
    flights: int


def train(flights: pd.DataFrame) -> Any:
    """Fit the model to flights that landed. Takes `FEATURES` and `OUTCOME`; gives a scikit-learn pipeline."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    landed = flights[flights[OUTCOME].notna()]
    # A destination that comes up only later is one more category, and no error.
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    columns = make_column_transformer((codes, _CATEGORIES), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=60, learning_rate=0.2, random_state=0))
    return model.fit(_inputs(landed), _late(landed))


def score(model: Any, flights: pd.DataFrame) -> Scores:
    """Score a model on flights that it was not trained on."""
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    landed = flights[flights[OUTCOME].notna()]
    late, chance = _late(landed), model.predict_proba(_inputs(landed))[:, 1]
    return Scores(
        roc_auc=float(roc_auc_score(late, chance)),
        accuracy=float(accuracy_score(late, chance >= 0.5)),
        log_loss=float(log_loss(late, chance)),
        flights=len(landed),
    )


def _inputs(flights: pd.DataFrame) -> pd.DataFrame:
    inputs = flights[FEATURES].copy()
    inputs["dep_delay"] = inputs["dep_delay"].astype("float64")
    return inputs


def _late(flights: pd.DataFrame) -> pd.Series[int]:
    return (flights[OUTCOME].astype("float64") > LATE_MINUTES).astype("int8")
