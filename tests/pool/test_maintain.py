"""Small files are put together in order, and only files that no kept version needs are removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from tests.pool.test_publish import SCHEMA, put, receipt, rows_file
from tests.sources.stores import S3, Azure
from typer.testing import CliRunner

from tidegate.cli import app
from tidegate.errors import Misuse, PoolError
from tidegate.pool import (
    Dataset,
    Location,
    find_published,
    history,
    pool_files,
    pool_location,
    publish,
    revoke,
    rollback,
    table_version,
    verify,
)
from tidegate.pool import maintain as keep_up
from tidegate.pool import replace as replacing

maintaining = import_module("tidegate.pool.maintain")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    pool = tmp_path / "pool"
    put(pool, "c", [5, 4])
    put(pool, "a", [3])
    put(pool, "b", [2, 1, 0])
    return pool


def rows(pool: Location, version: int | None = None) -> list[Any]:
    version = table_version(pool) if version is None else version
    told = Dataset(str(pool), version).to_arrow(lineage=True).select(["a", "_submission"]).to_pylist()
    return [tuple(row.values()) for row in told]


ALL = [(5, "c"), (4, "c"), (3, "a"), (2, "b"), (1, "b"), (0, "b")]


def log(pool: Path, version: int, **changes: Any) -> None:
    """Change what a commit says of itself."""
    path = pool / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        action.get("commitInfo", {}).update(changes)
    path.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_small_files_become_one_with_rows_in_order_and_their_lineage(pool: Path) -> None:
    done = keep_up(pool)
    assert (done.version, done.compacted, done.into, done.removed) == (3, 3, 1, ())
    assert [rows(pool, version) for version in range(4)] == [ALL[:2], ALL[:3], ALL, ALL]
    assert (len(pool_files(pool)[0]), verify(pool).sound) == (1, True)
    assert [(entry.operation, entry.rows) for entry in history(pool)[:2]] == [("compact", None), ("publish", 3)]
    assert find_published(pool, "a" * 64) is not None
    assert keep_up(pool).version == 3, "there is nothing left to do"


def test_it_can_be_published_into_revoked_and_rolled_back(pool: Path) -> None:
    keep_up(pool)
    put(pool, "d", [9])
    assert rows(pool) == [*ALL, (9, "d")]
    assert revoke(pool, submission="a").files_rewritten == 1
    assert rows(pool) == [row for row in [*ALL, (9, "d")] if row[1] != "a"]
    assert keep_up(pool).compacted == 2
    assert rows(pool) == [row for row in [*ALL, (9, "d")] if row[1] != "a"]
    rollback(pool, 1)
    assert (rows(pool), verify(pool).sound) == (ALL[:3], True)


def test_large_files_stay_and_part_the_small_ones(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(pool, "d", list(range(2_000)))
    put(pool, "e", [1])
    put(pool, "f", [2])
    before = rows(pool)
    monkeypatch.setattr(maintaining, "_SMALL", 2_000)
    monkeypatch.setattr(maintaining, "_LARGE", 1_500)
    done = keep_up(pool)
    assert (done.compacted, done.into, rows(pool)) == (4, 2, before)
    assert [file.rows for file in pool_files(pool)[0]] == [3, 3, 2_000, 2]


def test_files_of_one_moment_keep_their_order(tmp_path: Path) -> None:
    """Where times are the same, names say the order, and those of new files sort as those of the first old ones."""
    pool, files = tmp_path / "pool", []
    for number in range(6):
        file = rows_file(tmp_path / "work", "a", [number])
        path = file.path.rename(file.path.with_name(f"{number}.parquet"))
        os.utime(path, (1e9, 1e9))
        files.append(type(file)(path=path, rows=1))
    publish(pool, files, SCHEMA, receipt("a", 6), fresh=False)
    before = rows(pool)
    part = max(path.stat().st_size for path in pool.glob("part-*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maintaining, "_LARGE", 2 * part)
        assert keep_up(pool).into == 3
    assert rows(pool) == before
    assert keep_up(pool).into == 1
    assert rows(pool) == before


def test_a_column_that_came_later_is_null_before(pool: Path) -> None:
    put(pool, "d", [9], SCHEMA.append(pa.field("more", pa.string())))
    keep_up(pool)
    (file,) = pool_files(pool)[0]
    assert pq.read_schema(file.path).names == ["a", "_submission", "more"]
    assert rows(pool) == [*ALL, (9, "d")]


def test_many_small_files_make_few_row_groups(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    files = [rows_file(tmp_path / str(number), "a", [number]) for number in range(50)]
    publish(pool, files, SCHEMA, receipt("a", 50), fresh=False)
    keep_up(pool)
    (file,) = pool_files(pool)[0]
    assert pq.ParquetFile(file.path).num_row_groups == 1


def test_versions_of_the_last_30_days_are_kept(pool: Path) -> None:
    """And for as long those that were the newest one then."""
    rollback(pool, 0)
    days, now = 24 * 3_600 * 1_000, int(time.time() * 1000)
    for version, age in enumerate((90, 60, 31, 29)):
        log(pool, version, timestamp=now - age * days)
    assert (keep_up(pool).kept, keep_up(pool).removed) == ((2, 3), ())
    log(pool, 3, timestamp=now - 31 * days)
    done = keep_up(pool)
    assert (done.kept, [name[5] for name in done.removed]) == ((3,), ["a", "b"])
    assert (rows(pool), verify(pool).sound) == (ALL[:2], True)


def test_what_no_kept_version_needs_is_removed(pool: Path) -> None:
    done = keep_up(pool, keep_newest=1)
    assert (done.kept, len(done.removed), len(list(pool.glob("part-*")))) == ((3,), 3, 1)
    assert (rows(pool), verify(pool).sound, len(history(pool))) == (ALL, True, 4)
    with pytest.raises(PoolError, match=r"Version 1 of .* cannot be restored"):
        rollback(pool, 1)
    assert (table_version(pool), rows(pool)) == (3, ALL)


def test_named_versions_are_kept(pool: Path) -> None:
    rollback(pool, 0)
    done = keep_up(pool, keep=[1])
    assert (done.kept, [name[5] for name in done.removed]) == ((1, 3), ["b"])
    assert rows(pool) == ALL[:2]
    rollback(pool, 1)
    assert (rows(pool), verify(pool).sound) == (ALL[:3], True)
    with pytest.raises(PoolError, match="cannot be restored"):
        rollback(pool, 2)


def test_the_newest_n_versions_are_kept(pool: Path) -> None:
    assert keep_up(pool, keep_newest=3).kept == (1, 2, 3)
    assert rows(pool, 1) == ALL[:3]


def test_files_that_no_commit_names_go_when_they_are_old(pool: Path) -> None:
    put(pool, "d", [9])
    for name in ("part-new.parquet", "part-old.parquet"):
        (pool / name).write_bytes(b"x")
    (pool / "precious.txt").write_text("mine")
    assert keep_up(pool).removed == ()
    with pytest.MonkeyPatch.context() as patch:  # ctime cannot be set
        patch.setattr(maintaining, "_STRAY", timedelta(days=-1))
        assert keep_up(pool).removed == ("part-new.parquet", "part-old.parquet")
    assert (pool / "precious.txt").exists()
    assert verify(pool).sound


def test_a_dry_run_says_what_would_be_done_and_does_nothing(pool: Path) -> None:
    there = sorted(pool.rglob("*"))
    told = keep_up(pool, keep_newest=1, dry_run=True)
    assert sorted(pool.rglob("*")) == there
    assert (told.version, told.compacted, told.into, told.kept, len(told.removed)) == (3, 3, 1, (3,), 3)
    assert keep_up(pool, keep_newest=1) == told


def test_what_makes_no_sense(pool: Path, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="no version 7"):
        keep_up(pool, keep=[7])
    with pytest.raises(Misuse, match="Either"):
        keep_up(pool, keep=[1], keep_newest=1)
    with pytest.raises(Misuse, match="always kept"):
        keep_up(pool, keep_newest=0)
    with pytest.raises(Misuse, match="no pool"):
        keep_up(tmp_path / "nowhere")
    assert table_version(pool) == 2


def test_a_version_whose_files_are_gone_is_not_kept(pool: Path) -> None:
    keep_up(pool, keep_newest=1)
    assert keep_up(pool).kept == (3,)
    with pytest.raises(Misuse, match="Version 1 cannot be kept"):
        keep_up(pool, keep=[1])


def test_nothing_is_removed_from_a_damaged_pool(pool: Path) -> None:
    keep_up(pool)
    next(pool.glob("part-*-????????.parquet")).unlink()
    with pytest.raises(PoolError, match="which is gone"):
        keep_up(pool, keep_newest=1)
    assert rollback(pool, 2) == 4


def test_without_a_whole_log_nothing_is_removed(pool: Path) -> None:
    DeltaTable(pool).create_checkpoint()
    (pool / "_delta_log" / f"{1:020}.json").unlink()
    with pytest.raises(PoolError, match="lacks commits"):
        keep_up(pool, keep_newest=1)
    assert len(list(pool.glob("part-[abc]*"))) >= 3


def test_a_publish_in_between_is_not_lost(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, tries = replacing._commit, []

    def late(*arguments: Any) -> int | None:
        tries.append(None)
        if len(tries) == 1:
            put(pool, "d", [9])
        return commit(*arguments)

    monkeypatch.setattr(replacing, "_commit", late)
    done = keep_up(pool, keep_newest=1)
    assert (done.compacted, done.into, len(tries)) == (4, 1, 2)
    assert (rows(pool), verify(pool).sound) == ([*ALL, (9, "d")], True)


@pytest.mark.parametrize("what", ["rollback", "publish"])
def test_a_commit_while_files_are_chosen(what: str, pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback may need them again; a publish brings its own."""
    removable = maintaining._removable

    def late(*arguments: Any) -> Any:
        found = removable(*arguments)
        rollback(pool, 0) if what == "rollback" else put(pool, "d", [9])
        return found

    monkeypatch.setattr(maintaining, "_removable", late)
    if what == "rollback":
        with pytest.raises(PoolError, match="no file was removed"):
            keep_up(pool, keep_newest=1)
    else:
        assert len(keep_up(pool, keep_newest=1).removed) == 3
    assert (rows(pool), verify(pool).sound) == (ALL[:2] if what == "rollback" else [*ALL, (9, "d")], True)


KILLED = """
import os, signal
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from tidegate.pool import replace, maintain
replace._commit = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
maintain(Path({pool!r}))
"""


def test_killed_just_before_the_commit_the_pool_is_as_it_was(pool: Path, warm: Path) -> None:
    killed = subprocess.run([warm, "-c", KILLED.format(pool=str(pool))], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (rows(pool), table_version(pool)) == (ALL, 2)
    assert keep_up(pool).version == 3
    assert (rows(pool), verify(pool).sound) == (ALL, True)


def test_the_command_line(pool: Path) -> None:
    told = CliRunner().invoke(app, ["maintain", str(pool), "--keep", "0", "--keep", "2", "--dry-run"])
    assert told.stdout.splitlines() == [
        "3 small files would be put together into 1.",
        "0 files would be removed, 0 bytes.",
        f"{pool} would be at version 3. Kept: 0, 2 to 3.",
    ]
    done = CliRunner().invoke(app, ["maintain", str(pool), "--keep-versions", "1", "--format", "json"])
    parsed = json.loads(done.stdout)
    assert (parsed["version"], parsed["kept"], len(parsed["removed"]), parsed["dry_run"]) == (3, [3], 3, False)


def test_in_an_object_store(store: S3 | Azure, tmp_path: Path) -> None:
    pool = pool_location(store.uri("data/pool"), tmp_path / "state")
    for name, cells in (("c", [5, 4]), ("a", [3])):
        publish(pool, [rows_file(tmp_path / "work", name, cells)], SCHEMA, receipt(name, len(cells)), fresh=False)
    store.put("data/pool/part-stray.parquet", b"x")
    done = keep_up(pool, keep_newest=1)
    assert (done.compacted, len(done.removed), rows(pool)) == (2, 2, ALL[:3])
    names = [key for key in store.names() if "/part-" in key]
    assert (len(names), "data/pool/part-stray.parquet" in names) == (2, True), "how old it is nobody knows"
    assert verify(pool).sound
    with pytest.raises(PoolError, match=r"Version 0 of .* cannot be restored"):
        rollback(pool, 0)
