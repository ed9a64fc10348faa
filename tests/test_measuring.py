"""What is measured of columns is what pandas counts, within its bounds, and nothing of personal ones."""

from __future__ import annotations

import datetime
import json
import math
import random
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.cli.in_process import command_line
from tests.conftest import Bench

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.columns import Column
from tidegate.distributions import Bar, Distribution, drift_of
from tidegate.errors import Misuse
from tidegate.measuring import MOST_DRAWN, measure_columns


def measured(bench: Bench, cells: dict[str, list[Any]], pool: dict[str, list[Any]] | None, **types: str) -> Any:
    """The distributions of columns of these types, by name."""
    columns = [Column(name=name, type=kind, nullable=True) for name, kind in types.items()]
    theirs = bench.table(typed(pool, types)) if pool is not None else None
    told = measure_columns(columns, {"secret"}, bench.table(typed(cells, types)), theirs)
    return {each.column: each for each in told}


def typed(cells: dict[str, list[Any]], types: dict[str, str]) -> pa.Table:
    arrow = {
        "int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_(), "date": pa.date32(),
        "timestamp('UTC', 6)": pa.timestamp("us", "UTC"), "array<int64>": pa.list_(pa.int64()),
        "decimal(10, 2)": pa.decimal128(10, 2),
    }  # fmt: skip
    return pa.table({name: pa.array(cells[name], arrow[kind]) for name, kind in types.items()})


def rows(told: Distribution) -> dict[str, list[int]]:
    return {bar.label: [bar.contribution, bar.pool] for bar in told.bars}


def test_bars_hold_every_row_of_both_sides_once(bench: Bench) -> None:
    drawn = random.Random(3)
    ours = {"n": [drawn.randint(0, 99) for _ in range(500)] + [10**6, None], "c": [*"abb" * 167, None]}
    theirs = {"n": [drawn.randint(20, 79) for _ in range(900)], "c": [*"aab" * 300]}
    told = measured(bench, ours, theirs, n="int64", c="string")
    counted = Counter(n // 10 for n in ours["n"][:500])
    tens = [[counted[n], sum(10 * n <= v < 10 * n + 10 for v in theirs["n"])] for n in range(10)]
    labels = [f"{10 * n} to {10 * n + 10}" for n in range(10)]
    assert rows(told["n"]) == dict(zip(labels, tens, strict=True)) | {"100 and above": [1, 0], "null": [1, 0]}
    assert rows(told["c"]) == {"a": [167, 600], "b": [334, 300], "null": [1, 0]}
    assert told["n"].contribution.model_dump() == {"rows": 502, "nulls": 1, "distinct": told["n"].contribution.distinct,
                                                   "low": "0", "high": "1,000,000"}  # fmt: skip
    assert abs(told["n"].contribution.distinct - 101) < 15
    assert [told[name].drift.level for name in "nc"] == ["large", "large"]


def test_every_type_is_told_as_far_as_it_can_be(bench: Bench) -> None:
    day, moment = datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    cells = {
        "f": [0.5, 1.5, math.nan, math.inf], "wide": [-1.7e308, 1.7e308, 0.0, 1.0], "same": [7.25] * 4,
        "nulls": [None] * 4, "b": [True, True, False, None], "day": [day, day, None, day + datetime.timedelta(400)],
        "at": [moment] * 4, "list": [[1], None, [2], [3]], "names": ["Ahab", "Nemo", "Ishmael", "Queequeg"],
        "secret": ["Ahab", "Ahab", None, "Ahab"], "d": ["1.10", "2.20", "3.30", None],
    }  # fmt: skip
    cells["d"] = pa.array(cells["d"]).cast(pa.decimal128(10, 2)).to_pylist()
    told = measured(
        bench, cells, None, f="float64", wide="float64", same="float64", nulls="int64", b="boolean", day="date",
        at="timestamp('UTC', 6)", list="array<int64>", names="string", secret="string", d="decimal(10, 2)",
    )  # fmt: skip
    assert {name: each.shown for name, each in told.items() if each.shown not in ("numbers", "times")} == {
        "b": "categories", "list": "nothing", "names": "text", "secret": "personal"
    }  # fmt: skip
    # NaN is null, and infinity is in no bin, nor a null.
    assert [told["f"].bars[-2:][n].model_dump(include={"label", "contribution"}) for n in (0, 1)] == [
        {"label": "infinite", "contribution": 1}, {"label": "null", "contribution": 1}
    ]  # fmt: skip
    assert [told["f"].contribution.nulls, told["f"].contribution.high] == [1, "1.5"]
    assert rows(told["same"]) == {"7 to 8": [4, 0]}
    assert rows(told["b"]) == {"True": [2, 0], "False": [1, 0], "null": [1, 0]}
    assert {told[name].bars for name in ("wide", "nulls", "list", "names", "secret")} == {()}
    assert sum(bar.contribution for bar in told["day"].bars) == 4
    assert told["day"].bars[0].label.startswith("202")
    assert told["at"].bars[0].label == "2026-01-01 12:00 to 2026-01-01 12:00"
    assert told["secret"].model_dump(include={"contribution"}) == {
        "contribution": {"rows": 4, "nulls": 1, "distinct": None, "low": None, "high": None}
    }
    assert not any(name in json.dumps([each.model_dump() for each in told.values()]) for name in ("Ahab", "Nemo"))
    assert {each.drift for each in told.values()} == {None}


def test_what_is_in_the_pool_once_is_a_name_however_many_come_and_what_looks_personal_is_not_told(bench: Bench) -> None:
    ours = {"name": [f"new {n}" for n in range(40)], "note": ["x", "y"] * 20, "long": ["z" * 9_999] * 40}
    theirs = {"name": [f"old {n}" for n in range(40)], "note": ["ask ann@example.org"] * 40, "long": ["z"] * 40}
    told = measured(bench, ours, theirs, name="string", note="string", long="string")
    assert [(each.shown, each.bars) for each in (told["name"], told["note"])] == [("text", ()), ("personal", ())]
    assert told["note"].pool.distinct is None
    assert [len(bar.label) for bar in told["long"].bars] == [1, 200]
    few = measured(bench, {"c": ["x"] * 1_000}, {"c": [f"old {n}" for n in range(40)]}, c="string")
    assert few["c"].shown == "text"
    # A few rows of few categories are categories still, where the pool's are.
    assert len(measured(bench, {"c": ["a", "b"]}, {"c": [*"abc"] * 9}, c="string")["c"].bars) == 3


def test_numbers_that_are_almost_nothing_and_the_word_null_cost_no_other_column(bench: Bench) -> None:
    cells = {"least": [5e-324] * 4, "near": [0.0, 5e-324, 0.0, 5e-324], "word": ["null"] * 4, "n": [1, 1, 2, None]}
    told = measured(bench, cells, None, least="float64", near="float64", word="string", n="int64")
    assert [sum(bar.contribution for bar in each.bars) for each in told.values()] == [4] * 4
    assert rows(told["word"]) == {"null": [4, 0]}


def test_bars_are_counted_of_so_many_columns_and_no_row_is_no_fault(bench: Bench) -> None:
    names = [f"c{n}" for n in range(MOST_DRAWN + 70)]
    told = measured(bench, {name: [1, 2] for name in names}, None, **dict.fromkeys(names, "int64"))
    assert [bool(each.bars) for each in told.values()] == [True] * MOST_DRAWN + [False] * 70
    assert told["c109"].contribution.high == "2"
    empty = measured(bench, {"c0": [], "c": []}, {"c0": [1], "c": ["x"]}, c0="int64", c="string")
    assert rows(empty["c0"]) == {"1": [0, 1]}
    assert empty["c0"].drift is None


def test_drift_is_the_population_stability_index_and_few_rows_are_not_taken_for_it() -> None:
    def drift(ours: list[int], theirs: list[int]) -> Any:
        return drift_of([Bar(label="", contribution=c, pool=p) for c, p in zip(ours, theirs, strict=True)])

    assert drift([5, 5], [0, 0]) is None
    assert drift([5], [5]) is None
    assert (drift([500, 500], [5_000, 5_000]).level, drift([500, 500], [5_000, 5_000]).psi) == ("stable", 0)
    far = drift([90_000, 10_000], [50_000, 50_000])
    assert far.level == "large"
    assert far.psi == pytest.approx(0.4 * math.log(1.8) - 0.4 * math.log(0.2), rel=1e-3)
    assert drift([65_000, 35_000], [50_000, 50_000]).level == "stable"
    assert drift([68_000, 32_000], [50_000, 50_000]).level == "moderate"
    assert drift([4, 1], [500, 500]).level == "too few rows"
    # Percentiles from a table of chi-squared; one sample of size 1 and one without end.
    for freedom, known in ((1, 6.635), (4, 13.277), (10, 23.209), (19, 36.191)):
        assert drift([1] + [0] * freedom, [10**12] * (freedom + 1)).chance == pytest.approx(known, rel=0.02)


CONTRACT = '''
import pandas as pd
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    id: int = pa.Field(metadata={"key": True})
    port: str
    cars: pd.Int64Dtype = pa.Field(nullable=True, ge=0)
    captain: str = pa.Field(nullable=True, metadata={"personal": True})
    mail: str
'''


@pytest.fixture
def folder(working_registry: Callable[[str], Path]) -> Path:
    """A working directory with a registry in it."""
    return working_registry(CONTRACT)


def trips(first: int, last: int, cars: int) -> str:
    head = "id,port,cars,captain,mail\n"
    lines = (
        f"{n},{'north' if n % 3 else 'south'},{cars + n % 5},Ahab,a{n % 2}@example.org" for n in range(first, last)
    )
    return head + "\n".join(lines) + "\n"


@pytest.mark.usefixtures("folder")
def test_an_integration_tells_of_columns_and_contributors_and_how_to_judge_it_again() -> None:
    shared: dict[str, Any] = {"training_data": "pool", "schema_config": "trips", "tracking": False}
    Path("one.csv").write_text(trips(0, 400, 10))
    Path("two.csv").write_text(trips(300, 600, 20))
    first = integrate_contributed_data(data_path="one.csv", contributor="ann", **shared)
    assert first.report is not None
    assert first.report.distributions is None, "nobody asked for it"
    more = {"cleaning_config": {"null_values": ["NA"]}, "report": {"distributions": True, "file": "page.html"}}
    report = integrate_contributed_data(data_path="two.csv", contributor="bob", **shared, **more).report
    assert report is not None
    told = report.distributions
    assert told is not None
    assert told.pool_version == 0
    assert [each.model_dump() for each in told.contributors] == [
        {"name": "ann", "others": 0, "before": 400, "after": 400},
        {"name": "bob", "others": 0, "before": 0, "after": 200},
    ]
    columns = {each.column: each for each in told.columns}
    assert {name: each.shown for name, each in columns.items()} == {
        "id": "numbers", "port": "categories", "cars": "numbers", "captain": "personal", "mail": "personal"
    }, "what the scan takes for personal is not told either"  # fmt: skip
    assert [columns[name].drift.level for name in ("port", "cars")] == ["stable", "large"]  # type: ignore[union-attr]
    assert rows(columns["cars"])["22"] == [40, 0]

    (kept,) = _pages()
    assert Path("page.html").read_text() == kept
    assert not any(value in kept for value in ("Ahab", "a0@example.org"))
    assert "Drifted from the pool: <code>" in kept
    assert "<code>id</code> (large" in kept

    again = integrate_contributed_data(data_path="two.csv", contributor="bob", **shared, **more)
    assert again.receipt.already_published
    assert Path("page.html").read_text() == kept

    assert report.reproduce is not None
    assert report.reproduce.settings == "cleaning_config:\n  null_values:\n  - NA\n"
    Path("tidegate.yaml").write_text(report.reproduce.settings + "tracking: false\n")
    words = shlex.split(report.reproduce.command)
    assert words[:3] == ["tidegate", "integrate", "two.csv"]
    words[words.index("--into") + 1] = "another"
    done = command_line(*words[1:], "--report", "other.html", "--format", "json")
    assert done.returncode == 0, done.stderr
    alone = json.loads(done.stdout)
    assert [alone["validation"], alone["rows"]["accepted"]] == [report.validation, 300]
    assert "there was no pool to compare them with" in Path("other.html").read_text()


def _pages() -> list[str]:
    """The pages that tell of columns."""
    texts = [path.read_text() for path in Path(".tidegate").glob("receipts/*/report.html")]
    return [text for text in texts if 'id="columns"' in text]


@pytest.mark.usefixtures("folder")
def test_the_command_of_a_validation_comes_to_the_same_digest() -> None:
    Path("o dd.csv").write_text(trips(0, 4, 10) + "5,north,-1,Ahab,x\n")
    made = command_line("validate", "o dd.csv", "--contract", "trips", "--format", "json", "--also", "html=page.html")
    report = json.loads(made.stdout)
    assert made.returncode == 1
    assert '<h2 id="columns">' in Path("page.html").read_text()
    again = command_line(*shlex.split(report["reproduce"]["command"])[1:], "--format", "json")
    assert json.loads(again.stdout)["digest"] == report["digest"]


@pytest.mark.usefixtures("folder")
def test_a_rejected_submission_is_measured_too_and_the_page_needs_a_folder() -> None:
    Path("bad.csv").write_text(trips(0, 4, 10) + "5,north,-1,Ahab,x\n")
    given: dict[str, Any] = {"data_path": "bad.csv", "training_data": "pool", "schema_config": "trips"}
    with pytest.raises(Misuse, match="there is no such folder"):
        integrate_contributed_data(**given, tracking=False, report={"file": "no/page.html"})
    with pytest.raises(SubmissionRejected) as caught:
        integrate_contributed_data(**given, tracking=False, report=True)
    told = caught.value.report.distributions
    assert told is not None
    assert told.columns[0].contribution.rows == 4
