"""Staging processes are forked: each has its own answer, none outlives whom it works for, a lost server is no end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.engines.test_staging import outcome, plan, write

from tidegate.engines.duckdb import forked as client
from tidegate.engines.duckdb import stage
from tidegate.engines.duckdb.stage import staging
from tidegate.errors import SourceUnreadable


@pytest.fixture(autouse=True)
def _own_server() -> Iterator[None]:
    client._stop()
    yield
    client._stop()


def server() -> psutil.Process:
    assert client._server is not None
    return psutil.Process(client._server._process.pid)


def rows(folder: Path, number: int) -> int:
    """How many rows are staged of a file with so many."""
    folder = folder / str(number)
    folder.mkdir()
    return outcome(plan(folder, {"a": "int64"}, write(folder, "x.csv", "a\n" + "1\n" * number))).read


@contextmanager
def suspended() -> Iterator[list[psutil.Process]]:
    """Within the block a process that is forked is halted before it has its request."""
    found: list[psutil.Process] = []
    fork = client._fork

    def forking(*descriptors: int) -> None:
        fork(*descriptors)
        while not (children := server().children()):
            time.sleep(0.01)
        children[0].suspend()
        while children[0].status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        found.append(children[0])

    client._fork = forking
    try:
        yield found
    finally:
        client._fork = fork


def test_each_has_its_own_answer(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda n: rows(tmp_path, n), range(1, 9))) == list(range(1, 9))
    assert server().children() == []


def test_the_server_has_no_threads_for_a_fork_would_lose_them(tmp_path: Path) -> None:
    for number in (1, 2):  # from the second on it has loaded more
        rows(tmp_path, number)
        assert server().num_threads() == 1


def test_it_keeps_nothing_of_what_is_over(tmp_path: Path) -> None:
    rows(tmp_path, 1)
    before = (server().num_fds(), psutil.Process().num_fds())
    for number in range(2, 6):
        rows(tmp_path, number)
    assert (server().num_fds(), psutil.Process().num_fds()) == before


def test_a_process_that_hangs_is_killed_with_its_block(tmp_path: Path) -> None:
    asked = plan(tmp_path, {"a": "int64"}, write(tmp_path, "x.csv", "a\n1\n"))
    with suspended() as children, staging(asked):
        assert children[0].status() == psutil.STATUS_STOPPED
    assert not children[0].is_running()


def test_where_the_server_is_killed_the_file_is_not_read_and_the_next_is(tmp_path: Path) -> None:
    asked = plan(tmp_path, {"a": "int64"}, write(tmp_path, "x.csv", "a\n1\n"))
    with suspended() as children, staging(asked) as wait:
        server().kill()
        children[0].kill()
        with pytest.raises(SourceUnreadable, match=r"broke down on x\.csv \(exit 1\)"):
            wait()
    assert rows(tmp_path, 3) == 3


@pytest.mark.parametrize("gone", [False, True], ids=["as it comes", "gone before it is asked"])
def test_a_server_that_cannot_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool) -> None:
    ask = client._Server.ask

    def later(server: client._Server, *asked: int) -> None:
        server._process.wait()
        ask(server, *asked)

    monkeypatch.setattr(sys, "executable", "/bin/false")
    if gone:
        monkeypatch.setattr(client._Server, "ask", later)
    with pytest.raises(SourceUnreadable, match=r"exit 1\).*process that starts it has ended"):
        rows(tmp_path, 1)


def test_a_fault_in_the_process_is_told_by_its_last_line(tmp_path: Path) -> None:
    with client.forked("no plan", tmp_path, ()) as process:
        code, answer, complaints = process.outcome(60)
    assert (code, answer) == (1, "")
    assert complaints.startswith("Traceback")
    assert "StagePlan" in complaints


def test_a_fault_is_told_without_its_words_for_they_may_hold_a_cell(tmp_path: Path) -> None:
    asked = plan(tmp_path, {"a": "int64"}, write(tmp_path, "x.csv", "a\n1\n"))
    with client.forked("planted", tmp_path, ()) as process, pytest.raises(SourceUnreadable) as caught:
        stage._outcome(process, asked, time.monotonic() + 60)
    assert caught.value.fact.endswith("(exit 1). pydantic_core._pydantic_core.ValidationError")
    assert "planted" not in str(caught.value)


def in_a_fork(folder: Path) -> None:
    assert rows(folder, 5) == 5
    os._exit(0)


def test_a_process_that_is_forked_from_ours_has_a_server_of_its_own(tmp_path: Path) -> None:
    assert rows(tmp_path, 1) == 1
    other = multiprocessing.get_context("fork").Process(target=in_a_fork, args=(tmp_path,))
    other.start()
    other.join()
    assert other.exitcode == 0
    assert rows(tmp_path, 2) == 2


STUCK = """
import sys, time
from pathlib import Path
from tests.engines.test_forked import suspended
from tests.engines.test_staging import plan, write
from tidegate.engines.duckdb.stage import staging
folder = Path(sys.argv[1])
with suspended() as children, staging(plan(folder, {"a": "int64"}, write(folder, "x.csv", "a\\n1\\n"))):
    print(children[0].pid, children[0].ppid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_none_outlives_whom_it_works_for(tmp_path: Path, how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        others = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        process.send_signal(how)
    assert psutil.wait_procs(others, timeout=30)[1] == []
