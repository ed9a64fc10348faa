"""How far queries and the staging process are, told to whoever listens."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.engines.test_forked import suspended
from tests.engines.test_staging import plan, write

from tidegate.config import Resources
from tidegate.engines.duckdb.connection import connect
from tidegate.engines.duckdb.progress import Lines, heard, polled
from tidegate.engines.duckdb.stage import staging
from tidegate.errors import SourceUnreadable
from tidegate.telemetry import Listener, advance, listen, part


class Heard(Listener):
    def __init__(self) -> None:
        self.all: list[tuple[float, float, str]] = []

    def advanced(self, done: float, total: float, unit: str) -> None:
        self.all.append((done, total, unit))


def test_queries_are_polled_while_somebody_listens(tmp_path: Path) -> None:
    listener, rows = Heard(), 10**7
    with listen(listener):
        connection = connect(tmp_path, Resources())
        with polled(connection):
            while not listener.all:  # however fast the machine is, some query takes it long enough
                connection.execute(f"SELECT sum(hash(range)) FROM range({rows})").fetchall()
                rows *= 2
        connection.close()
    assert all(0 <= done <= total == 100 and unit == "%" for done, total, unit in listener.all)


def test_where_nobody_listens_there_is_no_thread_and_no_pipe(tmp_path: Path) -> None:
    connection, threads = connect(tmp_path, Resources()), threading.active_count()
    with polled(connection), heard() as descriptors:
        assert (descriptors, threading.active_count()) == ((), threads)
    assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)


@pytest.mark.parametrize(("name", "text"), [("x.csv", "a\n1\n"), ("x.jsonl", '{"a": 1}\n')])
def test_the_staging_process_is_heard_in_bytes_of_all_files(tmp_path: Path, name: str, text: str) -> None:
    files = [write(tmp_path, f"{number}-{name}", text) for number in range(2)]
    files.append(write(tmp_path, "last.csv", 'a\n1\n"2"x\n'))  # which is read by our own reader, and so always told
    listener = Heard()
    with listen(listener), staging(plan(tmp_path, {"a": "int64"}, *files)) as wait:
        assert wait().read == 4
    total = sum(file.stat().st_size for file in files)
    assert listener.all
    assert all(0 <= done <= whole == total and unit == "bytes" for done, whole, unit in listener.all)


def test_a_process_that_is_killed_while_it_is_heard_is_a_parser_that_broke_down(tmp_path: Path) -> None:
    asked = plan(tmp_path, {"a": "int64"}, write(tmp_path, "x.csv", "a\n1\n"))
    with suspended() as children, listen(Heard()), staging(asked) as wait:
        children[0].kill()
        with pytest.raises(SourceUnreadable, match=r"broke down on x\.csv \(exit -9\)"):
            wait()


@pytest.mark.parametrize("cut", [b'[1, 2, "by', b"[1, 2", b"\xff\xfe", b"{}", b"7"])
def test_a_line_that_was_cut_off_is_passed_over(cut: bytes) -> None:
    listener = Heard()
    with listen(listener), heard() as (descriptor,):
        os.write(descriptor, b'[1, 2, "bytes"]\n' + cut)
    assert listener.all == [(1, 2, "bytes")]


def test_a_reader_that_does_not_read_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.engines.duckdb.progress._EVERY", 0)
    reading, writing = os.pipe()
    with listen(Lines(writing)):
        for done in range(100_000):  # a pipe holds some 64 KB
            advance(done, 100_000)
    told = os.read(reading, 1 << 20)
    assert told.startswith(b'[0, 100000, "bytes"]\n')
    assert told.endswith(b"]\n")
    os.close(reading)
    with listen(Lines(writing)):
        advance(1, 2)  # nobody is left to read
    os.close(writing)


def test_lines_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Any = iter([0, 0.1, 0.2, 0.3, 0.5])
    monkeypatch.setattr("tidegate.engines.duckdb.progress.time.monotonic", lambda: next(clock))
    reading, writing = os.pipe()
    with listen(Lines(writing)), part(0, 100, 100):
        for done in range(5):
            advance(done, 100)
    os.close(writing)
    with os.fdopen(reading) as lines:
        assert [line.strip() for line in lines] == ['[0, 100, "bytes"]', '[2, 100, "bytes"]', '[4, 100, "bytes"]']
