"""On a real cluster, whose workers are killed and whose tasks run twice: what is published is what DuckDB publishes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.engines.spark.processes import PATIENCE, Cluster, answer, cluster, driver, submit
from tests.engines.spark.trips import Trips, gone, trips_in

pytestmark = pytest.mark.timeout(2 * PATIENCE)
_TWICE = submit(
    spark_speculation="true", spark_speculation_interval="100ms", spark_speculation_quantile="0.5",
    spark_speculation_multiplier="1.5", spark_speculation_efficiency_enabled="false", spark_locality_wait="0",
)  # fmt: skip


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, require_program: Callable[..., Path]) -> Iterator[Cluster]:
    """A master and two workers."""
    require_program("java", package="default-jre-headless")
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Trips:
    """The submission."""
    return Trips(tmp_path_factory.mktemp("trips"))


def test_a_worker_is_killed_while_it_judges(workers: Cluster, trips: Trips, tmp_path: Path) -> None:
    pool = trips.pool(tmp_path)
    trips.hold()
    with driver(tmp_path, {"call": trips.call(pool)}, MASTER=workers.master, PYSPARK_SUBMIT_ARGS=submit()) as running:
        process, where = trips.held()
        workers.kill_worker(where)
        assert not process.is_running()
        told = answer(tmp_path, running)
    assert not trips.released
    assert len({place.parents[1] for place in trips.callers}) == 2, "the other worker did not take over"
    trips.holds(told["receipts"][0], pool)


@pytest.mark.thorough
def test_a_driver_is_killed_and_in_the_next_run_a_task_runs_twice(
    workers: Cluster, trips: Trips, tmp_path: Path
) -> None:
    workers.start()  # what another test killed
    pool, named = trips.pool(tmp_path), f"--master {workers.master} "
    before = (sorted(pool.rglob("*")), trips_in(pool))
    trips.hold()
    job = {"call": trips.call(pool)}
    with driver(tmp_path, job, PYSPARK_SUBMIT_ARGS=named + submit()) as running:
        process, _ = trips.held()
        java = [one for one in psutil.Process(running.process.pid).children(recursive=True) if one.name() == "java"]
        assert java
        os.kill(running.process.pid, signal.SIGKILL)
        for one in (*java, process):
            gone(one)
    assert (sorted(pool.rglob("*")), trips_in(pool)) == before

    trips.hold()
    with driver(tmp_path, job, PYSPARK_SUBMIT_ARGS=named + _TWICE) as running:
        process, _ = trips.held()
        told = answer(tmp_path, running)
        gone(process)
    assert not trips.released, "it was waited for, and not run again"
    assert len({place.parents[1] for place in trips.callers}) == 2, "the other worker did not run it"
    trips.holds(told["receipts"][0], pool)


@pytest.mark.thorough
def test_every_task_dies_once_when_its_work_is_done(
    trips: Trips, tmp_path: Path, require_program: Callable[..., Path]
) -> None:
    """Its files lie there when another attempt writes its own."""
    require_program("java", package="default-jre-headless")
    pool, dying = trips.pool(tmp_path), tmp_path / "dying"
    dying.mkdir()
    env = {"MASTER": "local[2,3]", "PYSPARK_SUBMIT_ARGS": submit(), "DYING": str(dying)}
    with driver(tmp_path, {"call": trips.call(pool)}, **env) as running:
        told = answer(tmp_path, running)
    died = [path.name.partition("-")[0] for path in dying.iterdir()]
    assert died.count("stage") > 1
    assert {*died} == {"stage", "judge", "write"}
    trips.holds(told["receipts"][0], pool)
