"""What contributions did for a model: scores on resamples of the holdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from tests.reports.made_up import receipt

from tidegate.errors import Misuse
from tidegate.flows.flights_model import BETTER, FEATURES, OUTCOME, scorer
from tidegate.impact import Impact, Scorer, measure_impact, metrics, rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECORDS = 400


def mean_of(values: NDArray[np.float64]) -> Scorer:
    return lambda weights: {"error": float(np.average(values, weights=weights))}


def measured(resamples: int = 400, seed: int = 0) -> Impact:
    """Errors of 400 records, with two contributions 1 below the baseline's: one brings that, the other nothing."""
    before = np.random.default_rng(7).normal(10, 2, RECORDS)
    useful, useless = receipt("a" * 64, "ann"), receipt("b" * 64, None)
    noise = np.random.default_rng(8).normal(0, 1, RECORDS)
    after = before - 1 + noise
    return measure_impact(
        mean_of(before),
        mean_of(after),
        [(useful, mean_of(before)), (useless, mean_of(after - noise + np.roll(noise, 1)))],
        better={"error": "lower"},
        records=RECORDS,
        versions=(3, 5),
        resamples=resamples,
        seed=seed,
    )


def test_an_interval_is_as_wide_as_theory_says() -> None:
    (effect,) = measured(resamples=2_000).effects
    before = np.random.default_rng(7).normal(10, 2, RECORDS)
    assert effect.before.value == pytest.approx(before.mean())
    wide = effect.before.high - effect.before.low
    # A mean's standard error is known: the bootstrap must come to it.
    assert wide == pytest.approx(2 * 1.96 * before.std(ddof=1) / RECORDS**0.5, rel=0.08)
    # Both models are scored on the same resamples: what records have in common is not in the difference.
    assert effect.difference.high - effect.difference.low < 0.6 * wide
    assert effect.difference.value == pytest.approx(effect.after.value - effect.before.value)


def test_the_contribution_that_brought_it_is_told_from_the_one_that_brought_nothing() -> None:
    impact = measured()
    useful, useless = impact.contributions
    assert (useful.effects[0].verdict, useful.contributor) == ("better", "ann")
    assert (useless.effects[0].verdict, useless.contributor) == ("within chance", None)
    assert rows(useful.effects)[0]["difference"].startswith("-1.0")
    assert impact.of("b" * 64) == useless
    assert impact.of("c" * 64) is None


def test_no_confidence_is_rounded_to_certainty() -> None:
    assert "of 95 % confidence" in measured(2).words()
    assert "of 99.9 % confidence" in measured(2).model_copy(update={"confidence": 0.999}).words()


def test_the_same_seed_gives_the_same_figures_and_they_survive_a_file() -> None:
    assert measured(50) == measured(50)
    assert measured(50) != measured(50, seed=1)
    assert Impact.model_validate_json(measured(50).model_dump_json()) == measured(50)
    told = metrics(measured(50).effects, "impact_")
    assert set(told) == {
        f"impact_error_{part}{end}" for part in ("before", "after", "difference") for end in ("", "_low", "_high")
    }


def test_a_score_that_is_no_number_is_refused() -> None:
    nothing: Scorer = lambda _: {"error": float("nan")}  # noqa: E731
    with pytest.raises(Misuse, match="each a number"):
        measure_impact(nothing, nothing, [], better={"error": "lower"}, records=9, versions=(0, 1))
    with pytest.raises(Misuse, match="two records"):
        measure_impact(nothing, nothing, [], better={"error": "lower"}, records=1, versions=(0, 1))


def test_the_demos_scores_are_those_of_scikit_learn() -> None:
    drawn = np.random.default_rng(3)
    chance = drawn.integers(0, 40, 500) / 39  # many ties, and both ends

    class Model:
        def predict_proba(self, _: object) -> NDArray[np.float64]:
            return np.column_stack([1 - chance, chance])

    late = drawn.random(500) < 0.2 + chance / 2
    flights = pd.DataFrame(0.0, index=range(500), columns=FEATURES).assign(**{OUTCOME: np.where(late, 60.0, 0.0)})
    scores = scorer(Model(), flights)
    for weights in (np.ones(500, dtype=np.int64), np.bincount(drawn.integers(500, size=500), minlength=500)):
        told = scores(weights)
        assert told.keys() == BETTER.keys()
        assert told["roc_auc"] == pytest.approx(roc_auc_score(late, chance, sample_weight=weights))
        assert told["accuracy"] == pytest.approx(accuracy_score(late, chance >= 0.5, sample_weight=weights))
        assert told["log_loss"] == pytest.approx(log_loss(late, chance, sample_weight=weights))
