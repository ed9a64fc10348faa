"""Several integrations into one pool at once: all land, and no row is in it twice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.sources.stores import S3

import tidegate
from tidegate import data_integration, integrate_contributed_data, publication
from tidegate.data_integration import IntegrationResult
from tidegate.errors import PoolError
from tidegate.pool import Dataset, history, pool_location, rollback

CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
'''


@pytest.fixture(autouse=True)
def folder(working_registry: Callable[[str], Path]) -> Path:
    """A working directory with a registry in it."""
    return working_registry(CONTRACT)


def submitted(trips: str) -> str:
    """A file of trips, of one letter each."""
    path = Path(f"{trips}.csv")
    path.write_text("trip\n" + "".join(f"{trip}\n" for trip in trips))
    return str(path)


def integrate(trips: str) -> IntegrationResult:
    return integrate_contributed_data(
        data_path=submitted(trips), schema_config="trips", training_data="pool", tracking=False
    )


def trips_of(pool: str = "pool") -> str:
    """What is in the pool now, in its order."""
    return "".join(Dataset(pool, history(pool_location(pool))[0].version).to_arrow(["trip"]).column("trip").to_pylist())


Before = Callable[..., list[int]]


@pytest.fixture
def before_commit(monkeypatch: pytest.MonkeyPatch) -> Before:
    """A function that has something done once a submission is judged, and just before it is published.

    It returns the list of the attempts that were judged.
    """
    publish, judge = publication.publish, data_integration.judge_submission

    def at_the_next_commit(*todo: Callable[[], object]) -> list[int]:
        left, judged = list(todo), []

        def counted(*args: Any, **more: Any) -> Any:
            judged.append(len(judged))
            return judge(*args, **more)

        def overtaken(*args: Any, **more: Any) -> Any:
            monkeypatch.setattr(data_integration, "judge_submission", judge)
            monkeypatch.setattr(publication, "publish", publish)
            if left:
                left.pop(0)()
            if left:
                monkeypatch.setattr(publication, "publish", overtaken)
            monkeypatch.setattr(data_integration, "judge_submission", counted)
            return publish(*args, **more)

        monkeypatch.setattr(data_integration, "judge_submission", counted)
        monkeypatch.setattr(publication, "publish", overtaken)
        return judged

    return at_the_next_commit


def test_the_loser_drops_what_the_winner_published(before_commit: Before) -> None:
    integrate("ab")
    judged = before_commit(lambda: integrate("cd"))
    result = integrate("bcef")
    assert trips_of() == "abcdef"
    rows = result.receipt.rows
    assert (rows.read, rows.duplicate, rows.accepted, result.receipt.dataset_rows) == (4, 2, 2, 6)
    assert len(judged) == 2


def test_who_repeats_nothing_is_not_judged_again(before_commit: Before) -> None:
    integrate("ab")
    judged = before_commit(lambda: integrate("cd"))
    result = integrate("bef")
    assert trips_of() == "abcdef"
    assert (result.receipt.rows.accepted, result.receipt.dataset_rows, result.dataset.version) == (2, 6, 2)
    assert len(judged) == 1


def test_the_first_publish_may_be_overtaken_too(before_commit: Before) -> None:
    before_commit(lambda: integrate("ab"))
    assert (integrate("bc").receipt.rows.duplicate, trips_of()) == (1, "abc")


def test_what_is_no_duplicate_any_more_goes_in(before_commit: Before) -> None:
    integrate("ab")
    integrate("cd")
    before_commit(lambda: rollback(Path("pool"), 0))
    assert (integrate("cde").receipt.rows.accepted, trips_of()) == (3, "abcde")


def test_who_loses_again_and_again_says_so(before_commit: Before, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_integration, "_ATTEMPTS", 2)
    integrate("a")
    before_commit(lambda: integrate("b"), lambda: integrate("c"))
    with pytest.raises(PoolError, match="2 times"):
        integrate("bcd")
    assert trips_of() == "abc"
    assert not any(Path(".tidegate/work").iterdir())
    assert len(list(Path("pool").glob("*.parquet"))) == 3, "what was placed for it is gone"


WRITERS = """
import os, sys
from tidegate import integrate_contributed_data as integrate
from tidegate.audit import pandera_rules
pool, *files = sys.argv[1:]
writers = []
for file in files:
    writer = os.fork()
    if not writer:
        integrate(data_path=file, schema_config="trips", training_data=pool, tracking=False, contributor=file,
                  resources={"threads": 1, "memory_limit": "200MB"})
        os._exit(0)
    writers.append(writer)
sys.exit(sum(os.waitpid(writer, 0)[1] != 0 for writer in writers))
"""


@pytest.mark.parametrize("where", ["here", pytest.param("there", marks=pytest.mark.thorough)])
def test_eight_writers_at_once(where: str, s3: S3, warm: Path) -> None:
    """Two for each of four submissions, each with a row of its own and one that another has too."""
    pool = "pool" if where == "here" else s3.uri("team/pool")
    environment = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent)}
    files = [submitted(trips) for trips in ("a0", "b0", "c1", "d1")]
    done = subprocess.run(
        [warm, "-c", WRITERS, pool, *files * 2], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(trips_of(pool)) == sorted("abcd01")
    receipts = [entry.receipt for entry in history(pool_location(pool)) if entry.receipt]
    assert sum(receipt.rows.accepted for receipt in receipts) == 6
    assert {receipt.submission.contributor for receipt in receipts} == set(files)
    assert len(receipts) == 4
