"""On Spark Connect: a server that PySpark ships, found by SPARK_REMOTE; and a session that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.engines.spark.processes import PATIENCE, Running, answer, connect_server, driver, submit
from tests.engines.spark.trips import Trips

pytestmark = pytest.mark.timeout(2 * PATIENCE)
_LEFT = {
    "settings": True, "views": ["mine"], "rows": 3, "still the one": True, "found by other threads": True
}  # fmt: skip


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, require_program: Callable[..., Path]
) -> Iterator[tuple[str, Running]]:
    """A Spark Connect server."""
    require_program("java", package="default-jre-headless")
    with connect_server(tmp_path_factory.mktemp("connect")) as made:
        yield made


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Trips:
    """The submission."""
    return Trips(tmp_path_factory.mktemp("trips"))


@pytest.mark.parametrize("given", [False, True])
def test_a_server_that_the_environment_names(
    server: tuple[str, Running], trips: Trips, tmp_path: Path, given: bool
) -> None:
    """Its sessions of ours are released, and the session that was there is as it was."""
    remote, _ = server
    pool = trips.pool(tmp_path)
    with driver(tmp_path, {"call": trips.call(pool), "given": given}, SPARK_REMOTE=remote) as running:
        told = answer(tmp_path, running)
    trips.holds(told.pop("receipt"), pool)
    assert told == (_LEFT if given else {})


def test_a_classic_session_that_is_there(trips: Trips, tmp_path: Path, require_program: Callable[..., Path]) -> None:
    require_program("java", package="default-jre-headless")
    pool = trips.pool(tmp_path)
    env = {"MASTER": "local[2]", "PYSPARK_SUBMIT_ARGS": submit()}
    with driver(tmp_path, {"call": trips.call(pool), "given": True}, **env) as running:
        told = answer(tmp_path, running)
    trips.holds(told.pop("receipt"), pool)
    assert told == _LEFT
