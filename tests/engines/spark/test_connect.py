"""On Spark Connect: a server that PySpark ships, found by SPARK_REMOTE; and a session that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.engines.spark.processes import PATIENCE, Running, answer, connect_server, driver
from tests.engines.spark.trips import Trips

pytestmark = [pytest.mark.timeout(2 * PATIENCE), pytest.mark.thorough]
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


def test_a_server_that_the_environment_names(server: tuple[str, Running], trips: Trips, tmp_path: Path) -> None:
    """The engine finds it; and when a session is there, that one is as it was afterwards."""
    remote, running = server
    pools = []
    for name in ("found", "given"):
        (tmp_path / name).mkdir()
        pools.append(trips.pool(tmp_path / name))
    with driver(tmp_path, {"call": trips.call(pools[0]), "given": trips.call(pools[1])}, SPARK_REMOTE=remote) as one:
        told = answer(tmp_path, one)
    for receipt, pool in zip(told.pop("receipts"), pools, strict=True):
        trips.holds(receipt, pool)
    assert told == _LEFT
    assert running.log.read_text().count("Closing session with userId") == len(pools), "sessions of ours are left there"
