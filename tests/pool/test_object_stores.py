"""Pools in object stores that are really there: moto's server for S3, Azurite for Azure."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from tests.pool.test_publish import SCHEMA, receipt, rows_file
from tests.sources.stores import KEY, S3, SECRET, Azure
from tests.sources.test_secrets import everything

from tidegate.engines import DataFile
from tidegate.errors import Misuse, NoRoom, PoolError
from tidegate.pool import Dataset, find_published, history, pool_files, pool_location, publish, rollback
from tidegate.pool.object_folder import ObjectFolder

# The module, which the function of that name hides.
publishing = sys.modules["tidegate.pool.publish"]


@pytest.fixture
def pool(store: S3 | Azure, tmp_path: Path) -> ObjectFolder:
    """The place of a pool that is not there yet."""
    found = pool_location(store.uri("data/pool"), tmp_path / "state")
    assert isinstance(found, ObjectFolder)
    return found


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., int]:
    """A function that publishes rows, and gives the version."""
    numbers = itertools.count()

    def published(pool: ObjectFolder, name: str, values: list[int], schema: pa.Schema = SCHEMA, **more: Any) -> int:
        file = rows_file(tmp_path / f"work-{next(numbers)}", name, values, schema)
        return publish(pool, [file], schema, receipt(name, len(values)), **({"fresh": False} | more)).version

    return published


Put = Callable[..., int]


def values(pool: ObjectFolder, version: int | None = None) -> list[int]:
    version = history(pool)[0].version if version is None else version
    return sorted(Dataset(str(pool), version).to_arrow().column("a").to_pylist())


def data_files(store: S3 | Azure) -> list[str]:
    return [key for key in store.keys() if "/part-" in key]


def test_first_publish_makes_the_pool_and_the_second_adds(pool: ObjectFolder, put: Put) -> None:
    assert (pool.exists(), find_published(pool, "a" * 64)) == (False, None)
    assert [put(pool, "a", [1, 2]), put(pool, "b", [3])] == [0, 1]
    assert (values(pool), values(pool, 0), pool.exists()) == ([1, 2, 3], [1, 2], True)
    told = [(e.version, e.operation, e.rows, e.receipt.submission.contributor) for e in history(pool) if e.receipt]
    assert told == [(1, "publish", 1, "ada"), (0, "publish", 2, "ada")]


def test_a_dataset_is_read_where_it_is(pool: ObjectFolder, put: Put) -> None:
    put(pool, "a", list(range(10)))
    put(pool, "b", [10])
    dataset = Dataset(str(pool), 1)
    assert [batch.num_rows for batch in dataset.to_batches(batch_size=4)] == [4, 4, 2, 1]
    assert dataset.to_arrow(["a"]).column("a").to_pylist() == list(range(11)), "oldest first"
    assert dataset.to_pandas(lineage=True).columns.tolist() == ["a", "_submission"]
    assert dataset.count() == 11
