"""How a submission's columns are distributed, beside those of the pool: records, and how drift is measured.

They are computed where the engine is (`tidegate.measuring`), kept in a report, and drawn by `tidegate.reports`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from pydantic import BaseModel, ConfigDict

MODERATE, LARGE = 0.1, 0.25
"""Where drift begins to count, and where it is large, as a population stability index (Siddiqi 2006)."""
_CHANCE = 0.99

Level = Literal["stable", "moderate", "large", "too few rows"]
Shown = Literal["numbers", "times", "categories", "personal", "text", "nothing"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Drift(_Record):
    """How far the contribution's distribution is from the pool's.

    Attributes:
        psi: the population stability index, from 0 for the same shares in every bar.
        chance: what it stays below in 99 of 100 cases where as many rows are drawn from one and the same source.
        level: what that is called.
    """

    psi: float
    chance: float
    level: Level


class Bar(_Record):
    """One bin of a histogram, one category or the nulls: how many rows of each side are in it."""

    label: str
    contribution: int
    pool: int = 0


class Side(_Record):
    """One side of a column. `distinct` is an estimate; it and the extremes are null where they may not be told."""

    rows: int
    nulls: int
    distinct: int | None = None
    low: str | None = None
    high: str | None = None


class Distribution(_Record):
    """How the cells of one column are distributed.

    Attributes:
        shown: what of it may be told, and so is drawn: nothing but nulls of a personal column, nor of nested ones; no
            bars where nearly every text is another one.
        contribution: the rows that may go in.
        pool: the pool's rows before; None where there is no pool.
        bars: those of a histogram or of the most frequent categories, with the nulls; empty where none were counted.
    """

    column: str
    type: str
    shown: Shown
    contribution: Side
    pool: Side | None = None
    bars: tuple[Bar, ...] = ()
    drift: Drift | None = None


class Contributor(_Record):
    """How many of the pool's rows came from one contributor; null is whoever was not named, or all the others.

    `after` is null where the merge strategy draws rows, and so how many stay is not known of each.
    """

    name: str | None
    others: int = 0
    before: int
    after: int | None


class Distributions(_Record):
    """What was measured of a submission beside its pool.

    `more_columns` counts those that were not looked at, for there are too many.
    """

    pool_version: int | None = None
    columns: tuple[Distribution, ...]
    more_columns: int = 0
    contributors: tuple[Contributor, ...] = ()


def drift_of(bars: Sequence[Bar]) -> Drift | None:
    """How far the two sides of bars are apart; None where one of them has no row, or there is only one bar.

    The population stability index is the sum over bars of ``(c - p) * ln(c / p)`` of their shares c and p: Siddiqi,
    Credit Risk Scorecards (2006), whose thresholds 0.1 and 0.25 are used; it is Jeffreys' divergence (1946). Half a row
    more is taken to be in every bar, for else an empty one would be infinitely far from any other.

    Few rows are apart by chance. Of two samples of n and m rows from one source, the index is distributed as
    chi-squared times ``1/n + 1/m``, with a degree of freedom less than there are bars: Yurdakul and Naranjo,
    Statistical properties of the population stability index, Journal of Risk Model Validation 14(4), 2020. What is
    above the thresholds, and within the 99th percentile of that, is called `too few rows`.
    """
    taken = [bar for bar in bars if bar.contribution or bar.pool]
    n, m = sum(bar.contribution for bar in taken), sum(bar.pool for bar in taken)
    if not n or not m or len(bars) < 2:
        return None
    half = len(taken) / 2
    psi = 0.0
    for bar in taken:
        c, p = (bar.contribution + 0.5) / (n + half), (bar.pool + 0.5) / (m + half)
        psi += (c - p) * math.log(c / p)
    chance = _chi_squared(len(taken) - 1) * (1 / n + 1 / m)
    level: Level = "stable" if psi < MODERATE else "too few rows" if psi <= chance else "moderate"
    return Drift(psi=psi, chance=chance, level="large" if level == "moderate" and psi >= LARGE else level)


def _chi_squared(freedom: int) -> float:
    """The 99th percentile of chi-squared, as Wilson and Hilferty (1931) approximate it: within a hundredth or so."""
    if freedom < 1:
        return 0.0
    part = 2 / (9 * freedom)
    return freedom * float(1 - part + NormalDist().inv_cdf(_CHANCE) * math.sqrt(part)) ** 3
