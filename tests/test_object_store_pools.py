"""The whole way into pools in object stores, from Python and from the command line."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.in_process import command_line
from tests.sources.stores import KEY, S3, SECRET, Azure

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import load_config
from tidegate.data_integration import IntegrationResult, validate_contributed_data
from tidegate.errors import PoolError

CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
    cars: int = pa.Field(ge=0)
'''
MAX = {
    "type": "expect_column_max_to_be_between",
    "kwargs": {"column": "cars", "max_value": {"$PARAMETER": 'pool["cars"].max * 2'}},
}


@pytest.fixture(autouse=True)
def folder(working_registry: Callable[[str], Path]) -> Path:
    """A working directory with a registry in it."""
    return working_registry(CONTRACT)


def trips(**cars: int) -> str:
    """A file of trips."""
    path = Path(f"{'-'.join(cars)}.csv")
    path.write_text("trip,cars\n" + "".join(f"{trip},{count}\n" for trip, count in cars.items()))
    return str(path)


def integrate(path: str, **more: Any) -> IntegrationResult:
    return integrate_contributed_data(data_path=path, schema_config="trips", tracking=False, **more)


def ids(result: IntegrationResult) -> list[str]:
    found: list[str] = result.dataset.to_pandas()["trip"].tolist()
    return found


def test_append_twice_and_each_row_is_there_once(store: S3 | Azure, folder: Path) -> None:
    pool = store.uri("team/pool")
    first = integrate(trips(a=1, b=2, c=3), training_data=pool)
    second = integrate(trips(c=3, d=4), training_data=f"{pool}/")
    assert (first.dataset.version, ids(first)) == (0, ["a", "b", "c"])
    assert (second.dataset.version, ids(second)) == (1, ["a", "b", "c", "d"])
    assert (second.receipt.rows.duplicate, second.receipt.rows.accepted) == (1, 1)
    assert (second.receipt.dataset_uri, second.receipt.dataset_rows, second.dataset.count()) == (pool, 4, 4)
    again = integrate(trips(a=1, b=2, c=3), training_data=pool)
    assert (again.receipt.already_published, again.dataset.version, again.report) == (True, 0, None)
    assert again.receipt.digest == first.receipt.digest
    handle = pickle.loads(pickle.dumps(second.dataset))
    assert handle.count() == 4
    assert list((folder / ".tidegate/work").iterdir()) == []


@pytest.mark.parametrize("where", ["output there", "output here"])
def test_what_is_interleaved_is_written_beside_the_pool(where: str, store: S3 | Azure) -> None:
    pool = store.uri("pool")
    output = store.uri("mixed") if where == "output there" else "mixed"
    integrate(trips(a=1, b=2, c=3), training_data=pool)
    mixed = integrate(trips(x=9), training_data=pool, merge_strategy="interleave", output=output)
    assert ids(mixed) == ["a", "b", "x", "c"]
    assert ids(integrate(trips(a=1, b=2, c=3), training_data=pool)) == ["a", "b", "c"], "the pool is as it was"
    with pytest.raises(PoolError, match="already"):
        integrate(trips(y=9), training_data=pool, merge_strategy="interleave", output=output)


def test_a_pool_here_may_be_weighted_into_an_output_there(store: S3 | Azure) -> None:
    integrate(trips(a=1, b=2), training_data="pool")
    even = {"name": "weighted", "weights": {"base": 0.5, "contributed": 0.5}, "sampling": "oversample"}
    mixed = integrate(trips(x=9), training_data="pool", merge_strategy=even, output=store.uri("even"))
    assert sorted(ids(mixed)) == ["a", "b", "x", "x"]


def test_rows_of_a_holdout_there_are_leaked(store: S3 | Azure) -> None:
    integrate(trips(b=2), training_data=store.uri("holdout"))
    store.put("file.csv", b"trip,cars\nc,3\n")
    first = integrate(trips(a=1, b=2), training_data="pool", holdout=store.uri("holdout"))
    second = integrate(trips(c=3, d=4), training_data="pool", holdout=store.uri("file.csv"))
    assert [result.receipt.rows.leaked for result in (first, second)] == [1, 1]
    assert ids(second) == ["a", "d"]


def test_statistics_are_kept_with_the_pool_and_a_look_leaves_nothing(store: S3 | Azure, folder: Path) -> None:
    (folder / "expectations" / "trips").mkdir(parents=True)
    (folder / "expectations" / "trips" / "v1_0.json").write_text(json.dumps({"name": "trips", "expectations": [MAX]}))
    pool = store.uri("pool")
    integrate(trips(a=1, b=10), training_data=pool)
    config = load_config({"data_path": trips(x=21), "schema_config": "trips", "training_data": pool})
    (folder / ".tidegate").rename(folder / "away")
    assert validate_contributed_data(config).verdict == "rejected"
    assert "pool/_tidegate/statistics/0.json" not in store.names()
    assert not (folder / ".tidegate").exists()
    with pytest.raises(SubmissionRejected):
        integrate(trips(x=21), training_data=pool)
    kept = json.loads(store.get("pool/_tidegate/statistics/0.json"))["statistics"]
    assert kept["columns"]["cars"]["measures"]["max"]["value"] == 10
    assert integrate(trips(y=20), training_data=pool).receipt.rows.accepted == 1


def run(python: Path | str, *command: str) -> tuple[int, str]:
    """The exit code, and what is printed on either stream."""
    done = subprocess.run(
        [python, "-c", "from tidegate.cli import main; main()", *command],
        env=os.environ | {"COLUMNS": "120"}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def here(*command: str) -> tuple[int, str]:
    """The same, in this process: what is printed by libraries themselves is not seen."""
    done = command_line(*command, together=True)
    return done.returncode, done.stdout


def test_from_the_command_line_and_nothing_that_it_leaves_holds_a_secret(
    store: S3 | Azure, folder: Path, warm: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pool = store.uri("pool")
    caplog.set_level(logging.WARNING)
    cold = sys.executable if isinstance(store, S3) else warm  # where libraries warn as they do
    done = [
        run(cold, "--log-json", "integrate", trips(a=1, b=-2, c=3), "--contract", "trips", "--into", pool,
            "--config", config(folder)),
        run(warm, "--verbose", "integrate", trips(d=4), "--contract", "trips", "--into", pool,
            "--config", config(folder)),
        here("rollback", pool, "--to", "0"),
        here("history", pool),
        here("history", store.uri("nowhere")),
    ]  # fmt: skip
    assert [code for code, _ in done] == [0, 0, 0, 0, 2]
    assert f"Published as version 1 of {pool}: 1 rows added, 3 in all." in done[1][1]
    assert f"{pool} is at version 2, with the rows of version 0." in done[2][1]
    assert [
        next(kind for kind in ("rollback to 0", "publish") if kind in line) for line in done[3][1].splitlines()[1:]
    ] == ["rollback to 0", "publish", "publish"]
    store.remove()
    code, told = run(warm, "integrate", trips(e=4), "--contract", "trips", "--into", pool, "--config", config(folder))
    assert code == 4
    assert told.startswith("pool-error: ")
    told += "".join(text for _, text in done)
    left = [file for file in folder.rglob("*") if file.is_file()]
    for secret in (SECRET, KEY, "AKIAPLANTED"):
        assert secret not in told
        assert [file for file in left if secret.encode() in file.read_bytes()] == []


def config(folder: Path) -> str:
    (folder / "c.yaml").write_text("{validation_config: {max_failing_fraction: 0.5}, tracking: {metaflow: false}}")
    return str(folder / "c.yaml")
