"""Values that occur twice are found in any number of passes, and all of those that are also somewhere else."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.engines.duckdb.recurring import write_recurring
from tidegate.errors import TidegateError
from tidegate.keys import hashes_of

LARGEST = 2**63 - 1


def recurring(folder: Path, ours: list[int], others: list[int] | None, memory: int = 10**9) -> list[int]:
    connection = duckdb.connect()
    connection.register("ours", pa.table({"h": pa.array(ours, pa.int64())}))
    connection.register("others", pa.table({"h": pa.array(others or [], pa.int64())}))
    query = "SELECT h FROM others" if others is not None else None
    file = write_recurring(connection, "h", "SELECT h FROM ours", query, folder / "found.parquet", memory)
    found: list[int] = pq.read_table(file.path).column("h").to_pylist()
    assert file.rows == len(found)
    return sorted(found)


@pytest.mark.parametrize("memory", [10**9, 10_000, 500])
def test_as_counting_finds_them(tmp_path: Path, memory: int) -> None:
    draw = random.Random(5)
    ours = [draw.choice([draw.randint(-300, 300), draw.randint(-LARGEST, LARGEST)]) for _ in range(1_000)]
    others = [draw.choice([draw.randint(-300, 300), draw.choice(ours)]) for _ in range(500)]
    twice = {value for value, n in Counter(ours).items() if n > 1}
    assert recurring(tmp_path, ours, None, memory) == sorted(twice)
    assert recurring(tmp_path, ours, others, memory) == sorted(twice | (set(ours) & set(others)))


@pytest.mark.parametrize(
    ("ours", "others", "found"),
    [
        ([], None, []),
        ([], [1], []),
        ([1], [], []),
        ([1, 2], [2, 3], [2]),
        ([LARGEST, -LARGEST - 1], [LARGEST, -LARGEST - 1], [-LARGEST - 1, LARGEST]),
        ([7, 7, 7], [7], [7]),
        ([1], [5, 5], []),
    ],
)
def test_at_the_edges(tmp_path: Path, ours: list[int], others: list[int] | None, found: list[int]) -> None:
    assert recurring(tmp_path, ours, others) == found


def test_a_full_disk_is_told_in_words(bench: Any) -> None:
    rows = bench.table({"k": ["a", "b", "a"]})
    with pytest.raises(TidegateError, match="No space left on device"):
        bench.engine.recurring(hashes_of(rows, ["k"]), None, Path("/dev/full"))
