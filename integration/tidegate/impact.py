"""What contributions did for a model: its scores before and after, each contribution left out in turn, and how sure.

Nothing here knows what a model is: whoever trains gives a function for each that scores it on the holdout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from tidegate.errors import Misuse
from tidegate.receipt import Receipt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Scorer = Callable[["NDArray[np.int64]"], Mapping[str, float]]
"""A model's scores on the holdout, in which record i counts ``weights[i]`` times."""
Better = Literal["higher", "lower"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(_Record):
    """An estimate, and between what it is likely to be."""

    value: float
    low: float
    high: float


class Effect(_Record):
    """What a score was without, what it is with, and the difference: `after` minus `before`.

    Attributes:
        score: its name.
        better: whether the higher of two is the better one, or the lower.
    """

    score: str
    better: Better
    before: Interval
    after: Interval
    difference: Interval

    @property
    def verdict(self) -> Literal["better", "worse", "within chance"]:
        """What the difference says: where its interval holds 0, chance alone may have made it."""
        if self.difference.low <= 0 <= self.difference.high:
            return "within chance"
        return "better" if (self.difference.value > 0) == (self.better == "higher") else "worse"


class Contribution(_Record):
    """One submission: the model with all contributions, beside the one that has all but this one."""

    submission: str
    contributor: str | None
    rows: int
    effects: tuple[Effect, ...]


class Impact(_Record):
    """What contributions did for a model.

    Attributes:
        version_before: the dataset's version without any of them.
        version_after: the one with all.
        records: of the holdout.
        resamples: how often it was drawn anew.
        confidence: how likely an interval holds the score on all such records, as 0.95.
        seed: what the draws began with.
        effects: all contributions together.
        contributions: each, left out.
    """

    version_before: int
    version_after: int
    records: int
    resamples: int
    confidence: float
    seed: int
    effects: tuple[Effect, ...]
    contributions: tuple[Contribution, ...] = ()

    def words(self) -> str:
        """How the figures came about, in a sentence."""
        return (
            f"Scored on {self.records:,} records of the holdout, with intervals of {100 * self.confidence:.6g} %"
            f" confidence, by {self.resamples:,} resamples. A contribution's own figures are those of the model that"
            " has all contributions, beside one that has all but this."
        )

    def of(self, submission: str) -> Contribution | None:
        """What one submission did."""
        return next((each for each in self.contributions if each.submission == submission), None)


def measure_impact(
    before: Scorer,
    after: Scorer,
    without: Sequence[tuple[Receipt, Scorer]],
    *,
    better: Mapping[str, Better],
    records: int,
    versions: tuple[int, int],
    resamples: int = 400,
    confidence: float = 0.95,
    seed: int = 0,
) -> Impact:
    """Score the models on the holdout, and on the same resamples of it, so that what differs is the models.

    An interval is the estimate, less and more so many standard errors of the bootstrap: B. Efron, "Bootstrap methods:
    another look at the jackknife", The Annals of Statistics 7(1), 1979; 50 to 200 resamples are enough for that (Efron
    and Tibshirani, An Introduction to the Bootstrap, 1993, section 6.4). It tells how much the choice of the holdout's
    records matters, and nothing of how much that of the training's records, or the model's seed, does.

    Args:
        before: scores the model without the contributions.
        after: scores the model with all of them.
        without: per contribution its receipt, and what scores the model with all but that one.
        better: per score, which of two is better.
        records: how many the holdout has, at least 2.
        versions: the dataset's, before and after.
        resamples: how often records are drawn, as many as there are, and put back; at least 2.
        confidence: above 0 and below 1.

    Raises:
        Misuse: there are too few records or resamples, the confidence is none, or a score is missing or no number.
    """
    import numpy as np

    if records < 2 or resamples < 2 or not 0 < confidence < 1:
        raise Misuse("Impact takes two records and two resamples at least, and a confidence between 0 and 1.")
    scorers = [before, after, *(scorer for _, scorer in without)]
    drawn = np.random.default_rng(seed)
    whole = _scored(scorers, better, np.ones(records, dtype=np.int64))
    again = np.stack(
        [
            _scored(scorers, better, np.bincount(drawn.integers(records, size=records), minlength=records))
            for _ in range(resamples)
        ]
    )
    reach = NormalDist().inv_cdf((1 + confidence) / 2)

    def interval(of: int, score: int, against: int | None = None) -> Interval:
        value, values = whole[of, score], again[:, of, score]
        if against is not None:
            value, values = value - whole[against, score], values - again[:, against, score]
        error = reach * float(np.std(values, ddof=1))
        return Interval(value=float(value), low=float(value) - error, high=float(value) + error)

    def effects(without: int, having: int) -> tuple[Effect, ...]:
        return tuple(
            Effect(
                score=score,
                better=better[score],
                before=interval(without, n),
                after=interval(having, n),
                difference=interval(having, n, without),
            )
            for n, score in enumerate(better)
        )

    return Impact(
        version_before=versions[0],
        version_after=versions[1],
        records=records,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
        effects=effects(0, 1),
        contributions=tuple(
            Contribution(
                submission=receipt.submission.id,
                contributor=receipt.submission.contributor,
                rows=receipt.rows.accepted,
                effects=effects(n, 1),
            )
            for n, (receipt, _) in enumerate(without, 2)
        ),
    )


def _scored(scorers: Sequence[Scorer], better: Mapping[str, Better], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """The scores of each model, a row each."""
    import numpy as np

    scored = [scorer(weights) for scorer in scorers]
    for scores in scored:
        if scores.keys() != better.keys() or not all(math.isfinite(score) for score in scores.values()):
            raise Misuse(
                f"A model was scored by {', '.join(scores) or 'nothing'}, where {', '.join(better)} were expected,"
                " each a number.",
                "Is one class missing in a small holdout?",
            )
    return np.array([[scores[name] for name in better] for scores in scored])


def metrics(effects: tuple[Effect, ...], prefix: str = "") -> dict[str, float]:
    """The figures as a tracking server keeps them: ``roc_auc_before``, ``roc_auc_difference_low`` and so on."""
    told = {}
    for effect in effects:
        for part in ("before", "after", "difference"):
            for name, value in getattr(effect, part).model_dump().items():
                told[f"{prefix}{effect.score}_{part}" + ("" if name == "value" else f"_{name}")] = value
    return told


def rows(effects: tuple[Effect, ...]) -> list[dict[str, Any]]:
    """The figures as people read them, the same in the report, the card and the terminal: a row for each score."""
    return [
        {
            "score": effect.score,
            "better": effect.better,
            "before": f"{effect.before.value:.4f}",
            "after": f"{effect.after.value:.4f}",
            "difference": f"{effect.difference.value:+.4f}",
            "interval": f"{effect.difference.low:+.4f} to {effect.difference.high:+.4f}",
            "verdict": effect.verdict,
        }
        for effect in effects
    ]
