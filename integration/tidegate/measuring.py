"""Measure how the rows that a submission adds are distributed, beside those of the pool.

Every number comes from an aggregate query: a scan of each side for what all columns have in common, and one of a single
column for the bars of each that is drawn. So memory is bounded, and no row is fetched.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.audit.personal_kinds import kinds_in
from tidegate.columns import CONTRIBUTOR, Column
from tidegate.distributions import Bar, Contributor, Distribution, Distributions, Shown, Side, drift_of
from tidegate.judgement import Judgement
from tidegate.receipt import Report
from tidegate.registry.statistics import family
from tidegate.telemetry import event, step

log = logging.getLogger(__name__)

MOST_COLUMNS = 2_000
"""Of columns beyond these nothing is measured."""
MOST_DRAWN = 40
"""Bars are counted of so many columns, the first of the contract that have any."""
_TOGETHER = 100  # columns in one query: DuckDB plans thousands of aggregates slowly
_BINS = 16
_CATEGORIES = 10
_LONGEST = 200  # characters of a category
_MOST_TEXTS = 1_000  # different texts, or a group for each may take more memory than there is
_MOST_CONTRIBUTORS = 20
_TIMES = (1, 60, 600, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 30 * 86_400, 91 * 86_400)
_YEAR = 365.25 * 86_400
_LEAST = 1e-290  # what is nearer to 0 cannot be divided any more


def with_distributions(judgement: Judgement, pool: ir.Table | None, version: int | None, draws: bool) -> Judgement:
    """The judgement with what `measure_distributions` tells in its report, or a note that it could not be told.

    It never raises: the verdict stands, and is not lost for want of pictures.
    """
    try:
        with step("measure"):
            return judgement.with_told(distributions=measure_distributions(judgement, pool, version, draws))
    except Exception as error:  # noqa: BLE001 - whatever a query does, the verdict stands
        event(log, "columns not measured", level=logging.WARNING, error=type(error).__name__)
        note = f"The columns could not be measured ({type(error).__name__}); the verdict does not depend on it."
        return judgement.with_told(notes=(*judgement.report.notes, note))


def measure_distributions(
    judgement: Judgement, pool: ir.Table | None, version: int | None, draws: bool = False
) -> Distributions:
    """Measure a submission that was judged and not published yet.

    Args:
        pool: its rows when the submission was judged; None where it is judged by itself.
        version: the pool's version.
        draws: whether the merge strategy leaves rows out or repeats them, so that nobody's share after it is known.
    """
    report, columns = judgement.report, judgement.contract.columns[:MOST_COLUMNS]
    personal = {column.name for column in columns if column.personal} | {each.column for each in report.personal_data}
    return Distributions(
        pool_version=version,
        columns=measure_columns(columns, personal, judgement.accepted, pool),
        more_columns=len(judgement.contract.columns) - len(columns),
        contributors=_contributors(report, pool, draws) if pool is not None else (),
    )


def measure_columns(
    columns: Sequence[Column], personal: Collection[str], contribution: ir.Table, pool: ir.Table | None
) -> tuple[Distribution, ...]:
    """How each column is distributed on both sides.

    Args:
        personal: the names of columns of which nothing is told but how many nulls they have.
        contribution: rows with all of the columns.
        pool: as well, in the same types; None where there is none.
    """
    ours = _Table.of(contribution, columns, personal)
    theirs = _Table.of(pool, columns, personal) if pool is not None else None
    told, drawn = [], 0
    for column in columns:
        shown = _shown(column, personal, ours, theirs)
        bars: tuple[Bar, ...] = ()
        if shown in ("numbers", "times", "categories") and drawn < MOST_DRAWN:
            bars = _bars(column, shown, ours, theirs)
            if shown == "categories" and any(kinds_in(bar.label) for bar in bars):
                shown, bars = "personal", ()  # of the pool's rows nobody has said which are
            drawn += bool(bars)
        told.append(
            Distribution(
                column=column.name,
                type=column.type,
                shown=shown,
                contribution=ours.side(column, shown),
                pool=theirs.side(column, shown) if theirs is not None else None,
                bars=bars,
                drift=drift_of(bars) if theirs is not None else None,
            )
        )
    return tuple(told)


@dataclass(frozen=True)
class _Simple:
    """What one scan tells of a column: the ends are without the hundredth of values that is furthest out."""

    present: int
    distinct: int | None = None
    least: float | None = None
    most: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class _Table:
    """One side: its rows, how many, and what is known of its columns."""

    rows: ir.Table
    count: int
    simple: dict[str, _Simple]

    @classmethod
    def of(cls, rows: ir.Table, columns: Sequence[Column], personal: Collection[str]) -> _Table:
        simple: dict[str, _Simple] = {}
        count, names = 0, [each.name for each in fields(_Simple)]
        for start in range(0, max(len(columns), 1), _TOGETHER):
            some = columns[start : start + _TOGETHER]
            asked: dict[str, ir.Value] = {"rows": rows.count()}
            for number, column in enumerate(some):
                asked |= {f"{name}_{number}": value for name, value in _asked(rows, column, personal).items()}
            row = rows.aggregate(**asked).to_pyarrow().to_pylist()[0]
            count = row["rows"]
            for number, column in enumerate(some):
                found = {name: row.get(f"{name}_{number}") for name in names}
                simple[column.name] = _Simple(**found | {"present": found["present"] or 0})
        return cls(rows, count, simple)

    def side(self, column: Column, shown: Shown) -> Side:
        simple = self.simple[column.name]
        ends = shown in ("numbers", "times")
        return Side(
            rows=self.count,
            nulls=self.count - simple.present,
            distinct=simple.distinct if shown != "personal" else None,
            low=_spelled(simple.least, shown) if ends and simple.least is not None else None,
            high=_spelled(simple.most, shown) if ends and simple.most is not None else None,
        )

    def counted(self, key: ir.Value) -> dict[Any, int]:
        """How many rows there are for each value of an expression that has few."""
        grouped = key.name("bar").as_table().group_by("bar").aggregate(rows=ibis._.count()).to_pyarrow()
        return dict(zip(grouped.column("bar").to_pylist(), grouped.column("rows").to_pylist(), strict=True))


def _asked(rows: ir.Table, column: Column, personal: Collection[str]) -> dict[str, ir.Value]:
    """What is asked of a column in the one scan; of a personal one only how many nulls it has."""
    cells = rows[column.name]
    number = _number(cells, column)
    present = cells.notnull() & ~cells.isnan() if column.type.startswith("float") else cells.notnull()
    asked = {"present": present.sum()}
    if column.name in personal or family(column) == "other":
        return asked
    asked["distinct"] = cells.approx_nunique()
    if number is not None:
        asked |= {"least": number.min(), "most": number.max()}
        asked |= {"low": number.approx_quantile(0.01), "high": number.approx_quantile(0.99)}
    return asked


def _number(cells: ir.Value, column: Column) -> Any:
    """The cells of a number or a time as numbers, without NaN and infinity; None where it is neither."""
    kind = family(column)
    if kind == "time":
        return cells.cast("timestamp").epoch_seconds().cast("float64")
    if kind not in ("integer", "real"):
        return None
    wide = cells.cast("float64")
    return ibis.ifelse(wide.isnan() | wide.isinf(), ibis.null("float64"), wide)


def _shown(column: Column, personal: Collection[str], ours: _Table, theirs: _Table | None) -> Shown:
    """What of a column may be told."""
    kind = family(column)
    if column.name in personal:
        return "personal"
    if kind == "category":
        # Where few texts occur twice they are names, or the like, and not categories: in the pool, and in all rows.
        sides = [side.simple[column.name] for side in (theirs, ours) if side is not None]
        counts = [(side.distinct or 0, side.present) for side in sides]
        distinct, present = (sum(parts) for parts in zip(*counts, strict=True))
        names = 2 * distinct > present or 2 * counts[0][0] > counts[0][1]
        many = names or max(counts)[0] > _MOST_TEXTS
        return "text" if many and column.categories is None and column.type == "string" else "categories"
    return "nothing" if kind == "other" else "times" if kind == "time" else "numbers"


def _bars(column: Column, shown: Shown, ours: _Table, theirs: _Table | None) -> tuple[Bar, ...]:
    """The bars of a column, in order, with the nulls behind them; empty where there is no value at all."""
    sides = [ours] if theirs is None else [ours, theirs]
    if shown == "categories":
        labels, counts = _categories(column, sides)
    else:
        bins = _Bins.over([side.simple[column.name] for side in sides], column, shown)
        if bins is None:
            return ()
        labels = bins.labels
        counts = [side.counted(bins.of(_number(side.rows[column.name], column))) for side in sides]
    kept = [(label, [count.get(key, 0) for count in counts]) for key, label in labels.items()]
    if not any(any(rows) for _, rows in kept):
        return ()
    nulls = [side.count - side.simple[column.name].present for side in sides]
    infinite = [count.get(None, 0) - null for count, null in zip(counts, nulls, strict=True)]
    kept += [(label, rows) for label, rows in (("infinite", infinite), ("null", nulls)) if any(rows)]
    return tuple(Bar(label=label, contribution=rows[0], pool=rows[1] if len(rows) > 1 else 0) for label, rows in kept)


_OTHERS = object()


def _categories(column: Column, sides: list[_Table]) -> tuple[dict[Any, str], list[dict[Any, int]]]:
    """The most frequent categories, those of both sides together, and what the others come to."""
    counts = [side.counted(side.rows[column.name]) for side in sides]
    shares = [{k: n / max(side.count, 1) for k, n in c.items()} for side, c in zip(sides, counts, strict=True)]
    keys = {key for count in counts for key in count if key is not None}
    # By the larger share, so that neither side's favourite is missed where the other is much larger.
    ranked = sorted(keys, key=lambda key: (-max(share.get(key, 0) for share in shares), str(key)))
    labels: dict[Any, str] = {key: _cut(str(key)) for key in ranked[:_CATEGORIES]}
    if others := ranked[_CATEGORIES:]:
        labels[_OTHERS] = f"{len(others):,} others"
        counts = [count | {_OTHERS: sum(count.get(key, 0) for key in others)} for count in counts]
    return labels, counts


def _cut(text: str) -> str:
    """A cell may have a million characters, which no report is to hold."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


@dataclass(frozen=True)
class _Bins:
    """Bins of one width from `start` on; what is below or above them has one each."""

    start: float
    step: float
    count: int
    labels: dict[int, str]

    @classmethod
    def over(cls, sides: list[_Simple], column: Column, shown: Shown) -> _Bins | None:
        """Bins for the middle 98 % of both sides, with edges that read well; None where there is no value."""
        ends = [(s.low, s.high, s.least, s.most) for s in sides if s.low is not None and s.high is not None]
        if not ends:
            return None
        low, high = min(float(end[0]) for end in ends), max(float(end[1]) for end in ends)
        whole = "int" in column.type
        step = _time_step(high - low) if shown == "times" else _step(high - low, low, whole)
        if not math.isfinite(step):
            return None
        start = math.floor(low / step) * step
        count = min(_BINS + 2, int((high - start) // step) + 1)
        labels = {n: _between(start + n * step, step, whole, shown) for n in range(count)}
        if any(end[2] is not None and end[2] < start for end in ends):
            labels = {-1: f"below {_spelled(start, shown)}"} | labels
        if any(end[3] is not None and end[3] >= start + count * step for end in ends):
            labels[count] = f"{_spelled(start + count * step, shown)} and above"
        return cls(start, step, count, labels)

    def of(self, number: ir.Value) -> ir.Value:
        """The bin of each number."""
        return ((number - self.start) / self.step).floor().clip(-1, self.count).cast("int64")


def _step(width: float, low: float, whole: bool) -> float:
    """The width of bins: one, two or five times a power of ten."""
    if width <= _LEAST:
        return 1.0 if whole or abs(low) <= _LEAST else 10.0 ** math.floor(math.log10(abs(low)))
    raw = width / _BINS
    power = 10.0 ** math.floor(math.log10(raw)) if math.isfinite(raw) else math.inf
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)
    return max(step, 1.0) if whole else step


def _time_step(width: float) -> float:
    raw = width / _BINS
    return next((float(step) for step in _TIMES if step >= raw), _YEAR * max(1, math.ceil(raw / _YEAR)))


def _between(start: float, step: float, whole: bool, shown: Shown) -> str:
    if whole and step == 1:
        return _spelled(start, shown)
    return f"{_spelled(start, shown)} to {_spelled(start + step, shown)}"


def _spelled(number: float, shown: Shown) -> str:
    """A number or a moment for people."""
    if shown != "times":
        return f"{number:,.0f}" if float(number).is_integer() and abs(number) < 1e9 else f"{number:.6g}"
    try:
        moment = datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{number:.6g} s"
    return f"{moment:%Y-%m-%d}" if number % 86_400 == 0 else f"{moment:%Y-%m-%d %H:%M}"


def _contributors(report: Report, pool: ir.Table, draws: bool) -> tuple[Contributor, ...]:
    """Whose rows the pool has, and will have, the largest first; those of the least together."""
    added = report.rows.accepted if report.verdict == "accepted" else 0
    giver, before = report.submission.contributor, _per_contributor(pool)
    after = before | ({giver: before.get(giver, 0) + added} if added else {})
    told = bool(added) and draws
    # Whoever gives now is shown, however little it is.
    first = sorted(after, key=lambda name: (name != giver, -after[name], name or ""))[:_MOST_CONTRIBUTORS]
    shares = [
        Contributor(name=name, before=before.get(name, 0), after=None if told else after[name])
        for name in sorted(first, key=lambda name: (-after[name], name or ""))
    ]
    if rest := after.keys() - set(first):
        total = sum(after[name] for name in rest)
        shares.append(Contributor(name=None, others=len(rest), before=total, after=None if told else total))
    return tuple(shares)


def _per_contributor(table: ir.Table) -> dict[str | None, int]:
    if CONTRIBUTOR not in table.columns:
        return {None: int(table.count().to_pyarrow().as_py())}
    grouped = table.group_by(CONTRIBUTOR).aggregate(rows=table.count()).to_pyarrow()
    names: Iterable[str | None] = grouped.column(CONTRIBUTOR).to_pylist()
    return dict(zip(names, grouped.column("rows").to_pylist(), strict=True))
