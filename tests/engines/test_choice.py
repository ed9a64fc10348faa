"""Which engine: the one that is named, or by what the work asks of one machine. Why is told in words."""

from __future__ import annotations

import pytest
from tests.engines.test_session import no_session

from tidegate.engines import choice, engine_by_size, named_engine
from tidegate.errors import Misuse

GB = 10**9
NOWHERE = "but there is no Spark session to run on: docs/scaling.md tells how to get one"


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    no_session(monkeypatch)


def chosen(submission: int, pool: int = 0, bound: int = 256 * GB) -> tuple[str, str]:
    found = engine_by_size(submission, pool, bound)
    return found.name, found.reason


def test_what_fits_stays_on_this_machine_also_where_there_is_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://h")
    most = "within the 256 GB that one machine takes on"
    assert chosen(342 * 10**6) == ("duckdb", f"the submission, 342 MB, is {most}")
    assert chosen(255 * GB, GB) == ("duckdb", f"submission and pool, 256 GB, are {most}")
    assert chosen(0) == ("duckdb", f"the submission, 0 bytes, is {most}")


def test_what_does_not_fit_goes_to_a_session_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://secret-host:15002/;token=s3cret")
    most, session = "more than the 256 GB that one machine takes on", "the Spark Connect server that SPARK_REMOTE names"
    assert chosen(1_234 * GB) == ("spark", f"the submission, 1.2 TB, is {most}, so it runs on {session}")
    assert chosen(200 * GB, 100 * GB) == ("spark", f"submission and pool, 300 GB, are {most}, so it runs on {session}")


def test_without_a_session_it_stays_here_and_the_reason_says_so() -> None:
    most = "more than the 256,000,000,000 bytes that one machine takes on"  # in GB they would look the same
    assert chosen(256 * GB, 1) == ("duckdb", f"submission and pool, 256 GB, are {most}, {NOWHERE}")


def test_what_the_environment_names_is_no_session_without_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER", "yarn")
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    most = "the submission, 2 bytes, is more than the 1 bytes that one machine takes on"
    assert chosen(2, bound=1) == ("duckdb", f"{most}, but Spark is not installed: pip install 'tidegate[spark]'")
    with pytest.raises(Misuse, match=r"^Spark is not installed\.\n\nInstall it with: pip install 'tidegate\[spark\]'$"):
        named_engine("spark")


def test_a_named_engine_is_taken_as_it_is() -> None:
    assert named_engine("duckdb").model_dump() == {"name": "duckdb", "reason": "as configured"}
    assert named_engine("spark").model_dump() == {"name": "spark", "reason": "as configured"}
