"""What was published is taken out again by its lineage, in one commit, and nobody else's rows with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable
from deltalake.transaction import AddAction
from tests.pool.test_publish import SCHEMA, put, receipt, rows_file, values
from tests.sources.stores import S3, Azure
from typer.testing import CliRunner

from tidegate.cli import app
from tidegate.engines import DataFile
from tidegate.errors import Misuse, PoolError
from tidegate.pool import (
    Dataset,
    Location,
    find_published,
    history,
    pool_location,
    publish,
    revoke,
    rollback,
    table_version,
    verify,
    versions_with,
)
from tidegate.pool import replace as replacing
from tidegate.tracking.outcome import TRAINING_DATA


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    pool = tmp_path / "pool"
    put(pool, "a", [1, 2])
    put(pool, "b", [3])
    put(pool, "c", [4, 5])
    return pool


@pytest.fixture
def mixed(pool: Path) -> Path:
    """The same with all rows in one file, in an order in which neighbours are of different submissions."""
    name, order = "part-mixed.parquet", [1, 4, 3, 5, 2]
    owners = ["a", "c", "b", "c", "a"]
    pq.write_table(pa.table([order, owners], schema=SCHEMA), pool / name)
    table = DeltaTable(pool)
    add = AddAction(name, (pool / name).stat().st_size, {}, 7, False, '{"numRecords": 5}')
    told = CommitProperties(custom_metadata={"tidegate.compacted": "{}"})
    table.create_write_transaction([add], "overwrite", table.schema(), commit_properties=told)
    return pool


def ordered(pool: Location) -> list[Any]:
    return Dataset(str(pool), table_version(pool)).to_arrow().column("a").to_pylist()


def test_a_file_of_its_rows_alone_is_only_taken_out_of_the_log(pool: Path) -> None:
    there = sorted(pool.glob("part-*"))
    done = revoke(pool, submission="b")
    assert (done.version, done.rows, done.files_removed, done.files_rewritten) == (3, 1, 1, 0)
    assert (ordered(pool), sorted(pool.glob("part-*"))) == ([1, 2, 4, 5], there)
    assert verify(pool).sound


def test_a_file_of_others_too_is_rewritten_in_order(mixed: Path) -> None:
    put(mixed, "d", [6])
    done = revoke(mixed, submission="c")
    assert (done.rows, done.files_removed, done.files_rewritten) == (2, 0, 1)
    assert ordered(mixed) == [1, 3, 2, 6], "and in its place"
    assert verify(mixed).sound
    assert "part-mixed.parquet" not in DeltaTable(mixed).file_uris()[0]


def test_a_contributors_rows(tmp_path: Path) -> None:
    """A row without a contributor is nobody's, and stays."""
    pool, schema = tmp_path / "pool", SCHEMA.append(pa.field("_contributor", pa.string()))
    for name, who in (("a", ["ada", "ada"]), ("b", ["bob"]), ("c", ["ada", None, "bob"])):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table([list(range(len(who))), [name] * len(who), who], schema=schema), path)
        publish(pool, [DataFile(path=path, rows=len(who))], schema, receipt(name, len(who)), fresh=False)
    done = revoke(pool, contributor="ada")
    assert (done.rows, done.files_removed, done.files_rewritten) == (3, 1, 1)
    kept = Dataset(str(pool), done.version).to_arrow(["_submission", "_contributor"]).to_pylist()
    assert [tuple(row.values()) for row in kept] == [("b", "bob"), ("c", None), ("c", "bob")]
    assert history(pool)[0].revoked is not None
    with pytest.raises(Misuse, match="no rows of contributor 'ada'"):
        revoke(pool, contributor="ada")


def test_history_says_who_was_revoked_and_rollback_undoes_it(pool: Path) -> None:
    revoke(pool, submission="a")
    assert [(e.operation, e.rows) for e in history(pool)[:2]] == [("revoke", -2), ("publish", 2)]
    assert find_published(pool, "a" * 64) is None
    assert find_published(pool, "b" * 64) is not None
    rollback(pool, 2)
    assert values(pool) == [1, 2, 3, 4, 5]
    assert find_published(pool, "a" * 64) is not None
    assert verify(pool).sound


def test_what_was_revoked_can_be_published_again(pool: Path) -> None:
    revoke(pool, submission="a")
    assert put(pool, "a", [1, 2]) == 4
    assert ordered(pool) == [3, 4, 5, 1, 2]
    assert find_published(pool, "a" * 64) is not None
    assert put(pool, "a", [1, 2]) == 4, "and only once"
    revoke(pool, submission="a")
    assert values(pool) == [3, 4, 5]
    assert verify(pool).sound


def test_an_id_may_be_cut_short_where_only_one_begins_so(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    for name in ("abc1", "abd2"):
        file = rows_file(tmp_path / "work", name, [1])
        publish(pool, [file], SCHEMA, receipt(name[:1], 1).model_copy(update=identity(name)), fresh=False)
    with pytest.raises(Misuse, match="2 submissions begin with ab") as caught:
        revoke(pool, submission="ab")
    assert "abc1, abd2" in str(caught.value)
    assert revoke(pool, submission="abd").submission == "abd2"
    assert Dataset(str(pool), 2).to_arrow(["_submission"]).column(0).to_pylist() == ["abc1"]


def identity(name: str) -> dict[str, Any]:
    submission = receipt("a", 1).submission.model_copy(update={"id": name})
    return {"submission": submission, "integration": name * 16}


@pytest.mark.parametrize("asked", [{}, {"submission": "a", "contributor": "ada"}, {"submission": ""}])
def test_one_of_the_two_is_named(asked: dict[str, str], pool: Path) -> None:
    with pytest.raises(Misuse, match="Either a submission or a contributor"):
        revoke(pool, **asked)


def test_nothing_of_that_name(pool: Path, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="no rows of submission z"):
        revoke(pool, submission="z")
    with pytest.raises(Misuse, match="no pool"):
        revoke(tmp_path / "nowhere", submission="a")
    assert table_version(pool) == 2


def test_everything_can_be_revoked(pool: Path) -> None:
    for name in "abc":
        revoke(pool, submission=name)
    assert (values(pool), verify(pool).sound) == ([], True)
    put(pool, "a", [1])
    assert values(pool) == [1]


@pytest.mark.parametrize("other", ["publish", "revoke"])
def test_a_writer_that_was_faster_loses_nothing(other: str, mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, tries = replacing._commit, []

    def late(*arguments: Any) -> int | None:
        tries.append(None)
        if len(tries) == 1:
            put(mixed, "d", [6]) if other == "publish" else revoke(mixed, submission="b")
        return commit(*arguments)

    monkeypatch.setattr(replacing, "_commit", late)
    done = revoke(mixed, submission="c")
    assert done.version == 5
    assert ordered(mixed) == ([1, 3, 2, 6] if other == "publish" else [1, 2])
    assert verify(mixed).sound
    files = {path.name for path in mixed.glob("part-*-????????.parquet")}
    assert len(files) == (1 if other == "publish" else 2), "what is written already is used, and what is not is removed"


def test_a_commit_whose_answer_is_lost_counts(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = replacing._commit

    def unheard(*arguments: Any) -> None:
        assert commit(*arguments) == 4
        raise replacing._Unsure("delta-rs says OSError")

    monkeypatch.setattr(replacing, "_commit", unheard)
    done = revoke(mixed, submission="c")
    assert (done.version, done.rows, ordered(mixed)) == (4, 2, [1, 3, 2])
    assert verify(mixed).sound


def test_a_file_that_cannot_be_read_is_told_and_nothing_is_left_behind(mixed: Path) -> None:
    path = mixed / "part-mixed.parquet"
    content = path.read_bytes()
    path.write_bytes(b"\xff" * 60 + content[60:])
    there = sorted(mixed.rglob("*"))
    with pytest.raises(PoolError, match="no sound Parquet"):
        revoke(mixed, submission="c")
    assert sorted(mixed.rglob("*")) == there


KILLED = """
import os, signal
from pathlib import Path
from tidegate.pool import replace, revoke
replace._commit = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
revoke(Path({pool!r}), submission="c")
"""


def test_killed_just_before_the_commit_the_pool_is_as_it_was(mixed: Path, warm: Path) -> None:
    killed = subprocess.run([warm, "-c", KILLED.format(pool=str(mixed))], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (ordered(mixed), table_version(mixed)) == ([1, 4, 3, 5, 2], 3)
    assert len(list(mixed.glob("part-*-????????.parquet"))) == 1, "the file was written, only the commit was not"
    assert revoke(mixed, submission="c").version == 4
    assert ordered(mixed) == [1, 3, 2]


WRITER = """
from pathlib import Path
from tests.pool.test_publish import SCHEMA, put
from tidegate.pool import revoke
pool, name = Path({pool!r}), {name!r}
put(pool, name, [ord(name), ord(name)])
revoke(pool, submission={old!r})
"""


def test_publishing_and_revoking_at_once(mixed: Path, warm: Path) -> None:
    writers = [
        subprocess.Popen([warm, "-c", WRITER.format(pool=str(mixed), name=name, old=old)])
        for name, old in (("d", "a"), ("e", "b"))
    ]
    assert [writer.wait() for writer in writers] == [0] * 2
    assert values(mixed) == [4, 5, *map(ord, "ddee")]
    assert verify(mixed).sound


def test_which_versions_held_its_rows(pool: Path) -> None:
    revoke(pool, submission="b")
    rollback(pool, 1)
    rollback(pool, 0)
    assert versions_with(pool, "b", None) == {1, 2, 4}
    assert versions_with(pool, None, "ada") == {0, 1, 2, 3, 4, 5}
    assert versions_with(pool, "z", None) == frozenset()


def test_the_command_line_names_datasets_that_were_made_of_the_rows(pool: Path, tmp_path: Path) -> None:
    receipts = tmp_path / "state" / "receipts"
    for name, version in (("x", 2), ("y", 0), ("z", None)):
        (receipts / name).mkdir(parents=True)
        merged = {"merge_strategy": "interleave", "dataset_uri": f"/data/{name}", "dataset_version": 0}
        (receipts / name / "receipt.json").write_text(receipt(name, 1).model_copy(update=merged).model_dump_json())
        if version is not None:
            (receipts / name / TRAINING_DATA).write_text(json.dumps({"uri": str(pool), "version": version}))
    command = ["revoke", str(pool), "--submission", "b", "--state-dir", str(tmp_path / "state")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{pool} is at version 3: 1 rows taken out, 1 files removed, 0 rewritten.",
        "/data/x (interleave) was made of version 2 of the pool, and keeps what it has.",
        "/data/z (interleave) was made of an unknown pool, and keeps what it has.",
    ]
    rollback(pool, 2)
    told = json.loads(CliRunner().invoke(app, [*command, "--format", "json"]).stdout)
    assert (told["rows"], [dataset["uri"] for dataset in told["derived"]]) == (1, ["/data/x", "/data/z"])
    listed = CliRunner().invoke(app, ["history", str(pool)]).stdout.splitlines()[1]
    assert listed.split()[2:] == ["revoke", "-1", "b"]
    newest = json.loads(CliRunner().invoke(app, ["history", str(pool), "--format", "json"]).stdout)[0]
    assert (newest["rows"], newest["revoked"]) == (-1, {"submission": "b", "contributor": None})


def test_in_an_object_store(store: S3 | Azure, tmp_path: Path) -> None:
    pool = pool_location(store.uri("data/pool"), tmp_path / "state")
    path = tmp_path / "mixed.parquet"
    pq.write_table(pa.table([[1, 2, 3], ["a", "b", "a"]], schema=SCHEMA), path)
    publish(pool, [DataFile(path=path, rows=3)], SCHEMA, receipt("a", 3), fresh=False)
    publish(pool, [rows_file(tmp_path / "work", "c", [4])], SCHEMA, receipt("c", 1), fresh=False)
    assert (revoke(pool, submission="a").rows, ordered(pool)) == (2, [2, 4])
    assert (revoke(pool, submission="c").version, ordered(pool)) == (3, [2])
    rollback(pool, 1)
    assert ordered(pool) == [1, 2, 3, 4]
