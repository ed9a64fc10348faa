"""What is shown while the work goes on: bars on a real terminal. That nothing is elsewhere is in test_cli.py."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from rich.progress import Progress, Task

import tidegate
from tidegate.cli.progress import _Steps, told
from tidegate.telemetry import Step

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(tidegate.__file__).parent.parent), "TIDEGATE_REGISTRY": str(ROOT),
    "TERM": "xterm", "COLUMNS": "100",
}  # fmt: skip
ROW = {"query_text": "boots", "feature_1": 1.0, "feature_2": 2.0, "feature_3": 3.0, "label": 1}


def rows(path: Path, count: int) -> Path:
    path.write_text("".join(json.dumps({"query_id": f"q{n}"} | ROW) + "\n" for n in range(count)))
    return path


def on_a_terminal(python: Path, *arguments: str) -> tuple[str, str, int]:
    """What a command answers, what it shows on its terminal, and its exit code."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [python, "-c", "from tidegate.cli import main; main()", *arguments],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # which is how the end of a terminal reads
        while chunk := os.read(main, 4096):
            shown += chunk
    os.close(main)
    answer, _ = process.communicate()
    return answer.decode(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()), process.returncode


def test_a_bar_tells_how_much_is_done_how_fast_and_for_how_long_it_goes_on(tmp_path: Path, warm: Path) -> None:
    count, under_way = 50_000, None
    while under_way is None:  # however fast the machine is, some file takes it long enough
        file = rows(tmp_path / "x.jsonl", count)
        answer, shown, code = on_a_terminal(
            warm, "validate", str(file), "--contract", "query_relevance@1.0", "--format", "json"
        )
        assert (code, json.loads(answer)["verdict"]) == (0, "accepted")
        under_way = re.search(r"stage +━*[╸╺]━* [1-9]\d? % of [\d.]+ MB, [\d.]+ [kMG]?B/s, \d+:\d\d left", shown)
        done, count = rf"stage +━{{16}} {count:,} rows, \d+\.\d s", count * 2
        assert re.search(done, shown)
    assert re.search(r"acquire +━{16} [\d.]+ [kM]B, \d+\.\d s", shown)


def test_with_the_log_on_a_terminal_has_its_lines_and_no_bars(tmp_path: Path, warm: Path) -> None:
    file = rows(tmp_path / "x.jsonl", 3)
    _, shown, code = on_a_terminal(warm, "--verbose", "validate", str(file), "--contract", "query_relevance@1.0")
    assert code == 0
    assert "━" not in shown
    assert re.search(r"step done step=stage seconds=[\d.]+ rows=3 rows_per_second=\d+", shown)
    assert re.search(rf"step done step=acquire seconds=[\d.]+ bytes={file.stat().st_size} bytes_per_second=\d+", shown)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(bars: Progress) -> str:
    task: Task = bars.tasks[-1]
    return told(task)


def test_what_stands_beside_a_bar(clock: Clock) -> None:
    bars = Progress(get_time=clock)
    steps = _Steps(bars)
    steps.advanced(1, 2, "bytes")  # outside of every step: nothing
    assert bars.tasks == []
    steps.began("stage")
    clock.now = 7
    assert shown(bars) == "7 s"
    steps.advanced(0, 200_000_000, "bytes")
    assert shown(bars) == "0 % of 200.0 MB"
    clock.now = 17
    steps.advanced(50_000_000, 200_000_000, "bytes")
    assert shown(bars) == "25 % of 200.0 MB, 5.0 MB/s, 0:30 left"
    steps.advanced(0, 200_000_000, "bytes")  # it is read again
    clock.now = 117
    steps.advanced(100_000_000, 200_000_000, "bytes")
    assert shown(bars) == "50 % of 200.0 MB, 1.0 MB/s, 1:40 left"
    steps.ended(Step("stage", rows=1_234_567, seconds=117))
    assert (shown(bars), bars.tasks[-1].percentage) == ("1,234,567 rows, 117.0 s", 100)
    steps.began("deduplicate")
    steps.advanced(43, 100, "%")
    clock.now = 120
    assert shown(bars) == "43 % of a query"
    steps.ended(Step("deduplicate", seconds=3))
    assert shown(bars) == "3.0 s"
