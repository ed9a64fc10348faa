"""Many files by several processes: who gets which, and that it makes no difference to what is staged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from tests.engines.test_progress import Heard
from tests.engines.test_staging import outcome, plan, write

from tidegate.config import Resources
from tidegate.engines import StagePlan
from tidegate.engines.duckdb import shares
from tidegate.engines.duckdb.progress import Together
from tidegate.engines.duckdb.shares import shared_out
from tidegate.engines.duckdb.stage import staging
from tidegate.errors import SourceUnreadable
from tidegate.telemetry import listen


def files(folder: Path, sizes: Sequence[int], suffix: str = ".jsonl") -> tuple[Path, ...]:
    """Files of these sizes, of which nothing but the size is looked at."""
    paths = tuple(folder / f"{number:03}{suffix}" for number in range(len(sizes)))
    for path, size in zip(paths, sizes, strict=True):
        with path.open("wb") as file:
            file.truncate(size)
    return paths


def shared(folder: Path, paths: Sequence[Path], **resources: Any) -> tuple[StagePlan, ...]:
    asked = plan(folder, {"a": "int64"}, *paths)
    return shared_out(asked.model_copy(update={"resources": Resources(**{"memory_limit": "4GiB"} | resources)}))


MB = 10**6


@pytest.mark.parametrize(
    ("suffix", "sizes", "resources", "counts"),
    [
        (".jsonl", [100 * MB] * 4, {"threads": 2}, [2, 2]),
        (".jsonl", [300 * MB, 100 * MB, 100 * MB, 100 * MB], {"threads": 2}, [1, 3]),
        (".jsonl", [100 * MB] * 3, {"threads": 8}, [1, 1, 1]),  # no more processes than files
        (".jsonl", [100 * MB] * 4, {"threads": 1}, [4]),
        (".jsonl", [1 * MB] * 4, {"threads": 4}, [4]),  # over before a process has begun
        (".jsonl", [100 * MB] * 4, {"threads": 4, "memory_limit": "1GiB"}, [2, 2]),
        (".csv", [30 * MB] * 12, {"threads": 2}, [6, 6]),
        (".csv", [1000] * 1000, {"threads": 2}, [500, 500]),  # to open a file takes time as well
        (".csv", [30 * MB] * 11 + [100 * MB], {"threads": 2}, [12]),  # which has all cores to itself
    ],
)
def test_who_gets_which_files(
    tmp_path: Path, suffix: str, sizes: list[int], resources: dict[str, Any], counts: list[int]
) -> None:
    paths = files(tmp_path, sizes, suffix)
    plans = shared(tmp_path, paths, **resources)
    assert [len(share.sources) for share in plans] == counts
    assert [source.path for share in plans for source in share.sources] == list(paths)
    assert len({share.folder for share in plans}) == len(plans)


def test_all_together_get_what_one_would_have(tmp_path: Path) -> None:
    plans = shared(tmp_path, files(tmp_path, [100 * MB] * 4), threads=5, max_spill_bytes=1000)
    told = [(share.resources.memory_limit, share.resources.threads, share.resources.max_spill_bytes) for share in plans]
    assert told == [("1073741824B", 1, 250)] * 4


@pytest.fixture
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files are worth two processes."""
    monkeypatch.setattr(shares, "_WORTH_IT", 1e-9)


@pytest.mark.usefixtures("_always")
def test_what_is_staged_is_what_one_process_stages(tmp_path: Path) -> None:
    texts = [f"a,b\n{n}, x\nNULL,y\u200b\n{n},bad{n}\n" for n in range(5)]
    paths = [write(tmp_path, f"{number}.csv", text) for number, text in enumerate(texts)]
    seen = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        asked = plan(folder, {"a": "int64", "b": "string"}, *paths, null_values=("NULL",), trim_strings=True)
        asked = asked.model_copy(update={"resources": Resources(threads=threads, memory_limit="4GiB")})
        assert len(shared_out(asked)) == threads
        stage = outcome(asked)
        rows = [row for file in stage.files for row in pq.read_table(file.path).to_pylist()]
        # Whatever a stage tells, but for where its files are.
        told = stage.model_dump(exclude={"files"})
        seen.append((rows, told, sum(file.rows for file in stage.files)))
    assert seen[0] == seen[1]
    assert seen[0][1] | {"staged": ()} == {"staged": (), "nulled": {"a": 5}, "trimmed": {"b": 5}, "invisible": {"b": 5}}
    assert seen[0][2] == 15


@pytest.mark.usefixtures("_always")
def test_one_bad_file_ends_the_others_and_is_named(tmp_path: Path) -> None:
    good, bad = write(tmp_path, "good.csv", "a\n1\n"), write(tmp_path, "bad.csv", "a,a\n1,2\n")
    outcome(plan(tmp_path, {"a": "int64"}, good))
    before = set(psutil.Process().children(recursive=True))  # the server that forks, and those of other tests
    for order in ([good, bad], [bad, good]):
        asked = plan(tmp_path, {"a": "int64"}, *order)
        asked = asked.model_copy(update={"resources": Resources(threads=2, memory_limit="4GiB")})
        with pytest.raises(SourceUnreadable, match=r"bad\.csv"):
            outcome(asked)
        assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.usefixtures("_always")
def test_progress_is_that_of_all_processes(tmp_path: Path) -> None:
    paths = [write(tmp_path, f"{n}.jsonl", '{"a": 1}\n' * 50) for n in range(4)]
    asked = plan(tmp_path, {"a": "int64"}, *paths)
    asked = asked.model_copy(update={"resources": Resources(threads=2, memory_limit="4GiB")})
    listener = Heard()
    with listen(listener), staging(asked) as wait:
        assert wait().read == 200
    total = sum(path.stat().st_size for path in paths)
    assert {(whole, unit) for _, whole, unit in listener.all} == {(total, "bytes")}


def test_what_processes_have_done_is_added_up() -> None:
    listener = Heard()
    with listen(listener):
        together = Together([300, 100])
        for share, done in [(0, 10), (1, 100), (0, 300)]:
            together.teller(share)(done, 0, "bytes")
    assert listener.all == [(10, 400, "bytes"), (110, 400, "bytes"), (400, 400, "bytes")]
