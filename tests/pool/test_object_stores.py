"""Pools in object stores that are really there: moto's server for S3, Azurite for Azure."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from tests.pool.test_publish import SCHEMA, receipt, rows_file
from tests.sources.stores import KEY, S3, SECRET, Azure
from tests.sources.test_secrets import everything

from tidegate.engines import DataFile
from tidegate.errors import Misuse, NoRoom, PoolError
from tidegate.pool import (
    Dataset,
    find_published,
    history,
    object_folder,
    pool_files,
    pool_location,
    publish,
    rollback,
)
from tidegate.pool.object_folder import ObjectFolder
from tidegate.sources import azure

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
    return [key for key in store.names() if "/part-" in key]


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
    assert [batch.num_rows for batch in dataset.to_batches(batch_size=4)] == [4, 4, 3]
    assert dataset.to_arrow(["a"]).column("a").to_pylist() == list(range(11)), "oldest first"
    assert dataset.to_pandas(lineage=True).columns.tolist() == ["a", "_submission"]
    assert (dataset.count(), dataset.count(filters=[("a", ">", 7)])) == (11, 3)
    assert dataset.to_polars().filter(pl.col("a") > 8).collect()["a"].to_list() == [9, 10]


def test_the_same_integration_publishes_once(pool: ObjectFolder, put: Put, store: S3 | Azure, tmp_path: Path) -> None:
    put(pool, "a", [1, 2])
    again = publish(pool, [rows_file(tmp_path / "again", "a", [1, 2])], SCHEMA, receipt("a", 2), fresh=False)
    assert (again.already, again.version, again.receipt.rows.accepted) == (True, 0, 2)
    assert values(pool) == [1, 2]
    assert len(data_files(store)) == 1, "what was uploaded in vain is removed"


def test_rollback_is_a_commit_that_can_be_undone(pool: ObjectFolder, put: Put) -> None:
    put(pool, "a", [1])
    put(pool, "b", [2])
    assert (rollback(pool, 0), values(pool)) == (2, [1])
    assert find_published(pool, "b" * 64) is None
    assert find_published(pool, "a" * 64) is not None
    assert put(pool, "b", [2]) == 3
    assert (rollback(pool, 0), rollback(pool, 3), values(pool)) == (4, 5, [1, 2])
    with pytest.raises(Misuse, match="has no version 7"):
        rollback(pool, 7)


def test_an_output_is_written_once(pool: ObjectFolder, put: Put, store: S3 | Azure) -> None:
    put(pool, "a", [1], fresh=True)
    with pytest.raises(PoolError, match="already"):
        put(pool, "b", [2], fresh=True)
    assert (values(pool), len(data_files(store))) == ([1], 1)


def test_a_folder_of_something_else_is_no_pool(pool: ObjectFolder, put: Put, store: S3 | Azure) -> None:
    store.put("data/pool/precious.txt", b"mine")
    store.put("data/pool2/part-of-another.txt", b"")
    with pytest.raises(PoolError, match="no Delta table"):
        put(pool, "a", [1])


def test_a_new_column_widens_the_pool_and_another_type_is_refused(pool: ObjectFolder, put: Put) -> None:
    put(pool, "a", [1])
    put(pool, "b", [2], SCHEMA.append(pa.field("c", pa.string())))
    assert Dataset(str(pool), history(pool)[0].version).to_arrow().column_names == ["a", "c"]
    assert values(pool) == [1, 2]
    with pytest.raises(PoolError, match="Column 'a' is long in the pool and string"):
        put(pool, "c", [], pa.schema([("a", pa.string()), ("_submission", pa.string())]))


@pytest.mark.parametrize("first", [True, False], ids=["the first commit", "a later one"])
def test_a_writer_whose_commit_loses_tries_again(
    first: bool, pool: ObjectFolder, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not first:
        put(pool, "a", [1])
    commit, outcomes = publishing._commit, []

    def late(*arguments: Any) -> int | None:
        if not outcomes:
            outcomes.append(None)  # who is faster commits as ever
            put(pool, "b", [2])
        outcomes.append(commit(*arguments))
        return outcomes[-1]

    monkeypatch.setattr(publishing, "_commit", late)
    version = 1 if first else 2
    assert put(pool, "c", [3]) == version
    assert outcomes[1:] == [version - 1, None, version], "the faster one, ours in vain, ours"
    assert values(pool) == ([2, 3] if first else [1, 2, 3])


@pytest.mark.parametrize("how", ["seems lost", "unknown"])
def test_a_commit_whose_answer_is_lost_counts(
    how: str, pool: ObjectFolder, put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """delta-rs sends a write again whose answer it did not get, and is then told that somebody was first."""
    put(pool, "a", [1])
    commit = publishing._commit

    def unheard(*arguments: Any) -> None:
        assert commit(*arguments) == 1
        if how == "unknown":
            raise publishing._Unsure("delta-rs says OSError")

    monkeypatch.setattr(publishing, "_commit", unheard)
    done = publish(pool, [rows_file(tmp_path / "b", "b", [2])], SCHEMA, receipt("b", 1), fresh=False)
    assert (done.version, done.already) == (1, False)
    assert values(pool) == [1, 2], "the files of the commit are there"


def test_a_commit_that_never_gets_through_says_why(
    pool: ObjectFolder, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError("Error performing GET http://h/?sig=planted - Server returned non-2xx status\n 403 Forbidden")

    put(pool, "a", [1])
    monkeypatch.setattr(publishing, "_ATTEMPTS", 2)
    monkeypatch.setattr(DeltaTable, "create_write_transaction", refused)
    with pytest.raises(PoolError, match=r"2 attempts to .* failed: the store answers 403 Forbidden") as error:
        put(pool, "b", [2])
    assert "planted" not in str(error.value)


WRITER = """
import sys
from pathlib import Path
from tests.pool.test_publish import SCHEMA, receipt, rows_file
from tidegate.pool import pool_location, publish
for name in {names!r}:
    file = rows_file(Path({work!r}), name, [ord(name)])
    publish(pool_location({pool!r}), [file], SCHEMA, receipt(name, 1), fresh=False)
"""


@pytest.mark.parametrize(("kind", "writers"), [("s3", 4), ("azure", 2)])
def test_writers_at_once_all_land_once(
    kind: str, writers: int, request: pytest.FixtureRequest, warm: Path, tmp_path: Path
) -> None:
    """Each writer publishes its own integrations, and one that all of them publish."""
    uri = request.getfixturevalue(kind).uri("pool")
    names = [[chr(ord("a") + 2 * number), chr(ord("b") + 2 * number), "z"] for number in range(writers)]
    at_once = [
        subprocess.Popen([warm, "-c", WRITER.format(names=mine, work=str(tmp_path / mine[0]), pool=uri)])
        for mine in names
    ]
    assert [writer.wait() for writer in at_once] == [0] * writers
    pool = pool_location(uri)
    assert isinstance(pool, ObjectFolder)
    assert values(pool) == sorted(map(ord, {name for mine in names for name in mine}))
    assert len(history(pool)) == 2 * writers + 1
    assert len(data_files(request.getfixturevalue(kind))) == 2 * writers + 1


def test_a_pool_that_is_born_while_one_looks_is_a_pool(pool: ObjectFolder, put: Put, tmp_path: Path) -> None:
    """The log is listed, then the folder; another writer's first commit falls between."""
    late = ObjectFolder(str(pool), tmp_path / "late")
    listed = late._listed

    def slowly(prefix: str, most: int | None = None) -> Any:
        found = listed(prefix, most)
        if prefix == "_delta_log/":
            assert not found
            put(pool, "a", [1])
        return found

    late._listed = slowly  # type: ignore[method-assign]
    assert late.holds_table()


def unconditional(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("If-None-Match", None)


def test_a_store_that_cannot_refuse_is_refused(s3: S3, put: Put, tmp_path: Path) -> None:
    """Where the condition of a write is passed over, two writers at once would undo each other's commits."""
    pool = pool_location(s3.uri("pool"), tmp_path / "state")
    assert isinstance(pool, ObjectFolder)
    events = pool._store._client.meta.events  # type: ignore[attr-defined]
    events.register("before-call.s3.PutObject", unconditional)
    with pytest.raises(PoolError, match="two writers could both win"):
        put(pool, "a", [1])
    assert s3.names() == []


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pool's files that have been fetched, as they are."""
    names: list[str] = []
    fetch = object_folder.fetch_files

    def noted(files: Any, *more: Any) -> None:
        names.extend(file.name for file, _ in files)
        fetch(files, *more)

    monkeypatch.setattr(object_folder, "fetch_files", noted)
    return names


def rows_of(files: tuple[DataFile, ...]) -> list[list[int]]:
    return [pq.read_table(file.path).column("a").to_pylist() for file in files]


def kept(pool: ObjectFolder) -> list[Path]:
    assert pool._cache is not None
    return sorted(pool._cache.iterdir())


def test_the_pools_files_are_fetched_once_and_read_from_a_folder_of_ours(
    pool: ObjectFolder, put: Put, fetched: list[str], tmp_path: Path
) -> None:
    elsewhere = pool_location(str(pool))  # on another machine, so to say
    put(elsewhere, "a", [1, 2])
    put(elsewhere, "b", [3])
    files, version, columns = pool_files(pool, tmp_path / "one")
    assert (rows_of(files), [f.rows for f in files], version, columns) == (
        [[1, 2], [3]],
        [2, 1],
        1,
        ("a", "_submission"),
    )
    assert {file.path.parent for file in files} == {tmp_path / "one"}
    assert len(fetched) == 2
    assert rows_of(pool_files(pool, tmp_path / "two")[0]) == [[1, 2], [3]]
    assert len(fetched) == 2, "nothing is fetched again"
    rollback(pool, 0)
    pool_files(pool, tmp_path / "three")
    assert (len(kept(pool)), rows_of(files)) == (1, [[1, 2], [3]]), "dropped, and still there for who reads it"


def test_what_is_published_from_here_need_not_be_fetched(
    pool: ObjectFolder, put: Put, fetched: list[str], tmp_path: Path
) -> None:
    put(pool, "a", [1, 2])
    assert rows_of(pool_files(pool, tmp_path / "one")[0]) == [[1, 2]]
    assert fetched == []


def test_without_a_state_folder_nothing_is_kept(pool: ObjectFolder, put: Put, tmp_path: Path) -> None:
    put(pool, "a", [1, 2])
    place = pool_location(str(pool))
    assert rows_of(pool_files(place, tmp_path / "one")[0]) == [[1, 2]]


@pytest.mark.parametrize("how", ["torn", "another", "longer", "gone"])
def test_a_file_is_what_the_log_says_or_is_not_read(
    how: str, pool: ObjectFolder, put: Put, store: S3 | Azure, fetched: list[str], tmp_path: Path
) -> None:
    put(pool, "a", [1, 2])
    pool_files(pool, tmp_path / "one")
    (key,) = data_files(store)
    content = store.get(key)
    if how == "torn":  # what is kept here
        kept(pool)[0].write_bytes(content[:-9])
    elif how == "another":  # of the same length, in its place
        store.put(key, rows_file(tmp_path, "a", [8, 9]).path.read_bytes())
    elif how == "longer":
        store.put(key, content + b"x")
    else:
        store.delete(key)
    if how in ("torn", "another"):
        assert rows_of(pool_files(pool, tmp_path / "two")[0]) == [[1, 2] if how == "torn" else [8, 9]]
        assert len(fetched) == 1
        return
    with pytest.raises(PoolError, match="which is gone" if how == "gone" else "the pool's log says"):
        pool_files(pool, tmp_path / "two")
    if how == "gone":
        with pytest.raises(PoolError, match="which is gone"):
            Dataset(str(pool), 0).to_arrow()
        with pytest.raises(PoolError, match=r"Version 0 of .* cannot be restored"):
            rollback(pool, 0)


def test_a_pool_that_does_not_fit_is_told_before_it_is_fetched(
    pool: ObjectFolder, put: Put, fetched: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pool_location(str(pool)), "a", [1, 2])
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(NoRoom, match=r"needs .* bytes for the files of"):
        pool_files(pool, tmp_path / "one")
    assert fetched == []


def removed(store: S3 | Azure, _: pytest.MonkeyPatch) -> None:
    store.remove()


def out_of_reach(store: S3 | Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store.environment(1).items():
        monkeypatch.setenv(name, value)


def denied(store: S3 | Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azurite knows a wrong key. Moto lets everybody in, so a server in its place says no."""
    if isinstance(store, Azure):
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", store.signed("planted"))
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), Closed)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, value in store.environment(server.server_port).items():
        monkeypatch.setenv(name, value)


class Closed(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("fault", [removed, out_of_reach, denied])
@pytest.mark.parametrize("what", ["publish", "history", "rollback", "read"])
def test_a_store_that_fails_is_told_in_words_and_without_secrets(
    what: str, fault: Callable[..., None], pool: ObjectFolder, put: Put, store: S3 | Azure,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path,
) -> None:  # fmt: skip
    put(pool, "a", [1])
    monkeypatch.setattr("tidegate.sources.fetch._FIRST_WAIT", 0.01)
    monkeypatch.setattr("tidegate.sources.azure._WAITS", dict.fromkeys(azure._WAITS, 0))
    fault(store, monkeypatch)
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    place = pool_location(str(pool), tmp_path / "state")
    act: dict[str, Callable[[], Any]] = {
        "publish": lambda: put(place, "b", [2]),
        "history": lambda: history(place),
        "rollback": lambda: rollback(place, 0),
        "read": lambda: Dataset(str(place), 0).to_arrow(),
    }
    words = {
        removed: "is not there",
        out_of_reach: r"could not be read in 5|the connection broke",
        denied: "may not be",
    }
    with pytest.raises(PoolError, match=words[fault]) as caught:
        act[what]()
    told = everything(caught.value, caplog)
    assert "Traceback" not in told
    assert not any(secret.lower() in told.lower() for secret in (SECRET, KEY, "AKIAPLANTED", "planted"))


@pytest.mark.parametrize(
    "uri",
    [
        "gs://bucket/pool", "https://acme.blob.core.windows.net/c/pool?sig=planted", "s3://bucket", "s3://bucket/",
        "s3://ann:planted@bucket/pool", "s3://bucket/pool?sig=planted", "s3://bucket/a/../pool", "s3://bucket/a b",
        "az://ann:planted@container/pool", "abfss://container:planted@acme.dfs.core.windows.net/pool",
    ],
)  # fmt: skip
def test_where_no_pool_can_be(uri: str) -> None:
    with pytest.raises(Misuse) as caught:
        pool_location(uri)
    assert "planted" not in str(caught.value)


def test_one_place_has_one_name() -> None:
    assert [str(pool_location(uri)) for uri in ("S3://bucket/Pool//", "s3://bucket/Pool")] == ["s3://bucket/Pool"] * 2
