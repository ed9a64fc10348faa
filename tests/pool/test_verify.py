"""A pool is damaged in every way, and `verify` sees it; whatever is done to it lawfully is sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable
from tests.pool.test_publish import SCHEMA, put, receipt, rows_file
from tests.sources.stores import S3, Azure
from typer.testing import CliRunner

from tidegate.cli import app
from tidegate.errors import Misuse
from tidegate.pool import pool_location, publish, rollback, verify
from tidegate.pool.verify import CODES


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A pool of two submissions, with a rollback there and back."""
    pool = tmp_path / "pool"
    put(pool, "a", [1, 2])
    put(pool, "b", [3])
    rollback(pool, 0)
    rollback(pool, 1)
    return pool


def file_of(pool: Path, name: str) -> Path:
    return next(pool.glob(f"part-{name}*"))


def found(pool: Path) -> list[list[Any]]:
    """The findings as flat rows."""
    return [[f.version, f.file, f.code] for f in verify(pool).findings]


def rewrite(pool: Path, version: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every action of a commit in place."""
    path = pool / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        change(action)
    path.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_what_tidegate_wrote_is_sound(pool: Path) -> None:
    told = verify(pool)
    assert (told.sound, told.version, told.files, told.rows, told.receipts) == (True, 3, 2, 3, 2)


def test_a_version_can_be_gone_back_to_again_and_again(pool: Path) -> None:
    rollback(pool, 0)
    put(pool, "c", [9])
    rollback(pool, 0)
    assert verify(pool).sound


def test_no_pool(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="no pool"):
        verify(tmp_path / "nowhere")


def lost(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def garbled(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def garbled_rows(path: Path) -> None:
    """The footer is as it was, and no page can be read."""
    content = path.read_bytes()
    path.write_bytes(b"\xff" * (len(content) - 500) + content[-500:])


@pytest.mark.parametrize(
    ("damage", "code"),
    [(lost, "file-gone"), (cut, "file-size"), (garbled, "file-unreadable"), (garbled_rows, "file-unreadable")],
)
def test_a_damaged_file(damage: Callable[[Path], None], code: str, pool: Path) -> None:
    path = file_of(pool, "a")
    damage(path)
    assert found(pool) == [[3, path.name, code]]


def test_a_file_with_another_number_of_rows(pool: Path, tmp_path: Path) -> None:
    path = file_of(pool, "a")
    path.write_bytes(rows_file(tmp_path / "other", "a", [1, 2, 3]).path.read_bytes())
    size = path.stat().st_size
    for version in (0, 3):
        rewrite(pool, version, lambda action: action.get("add", {}).update(size=size))
    assert [3, path.name, "file-rows"] in found(pool)


def test_a_file_of_somebody_elses_rows(pool: Path) -> None:
    """As many bytes and rows as the log says, but of another submission."""
    path = file_of(pool, "a")
    size, table = path.stat().st_size, pq.read_table(path)
    table = table.set_column(1, "_submission", [["z"] * 2])
    pq.write_table(table, path)
    assert path.stat().st_size == size
    assert found(pool) == [[3, None, "submission-rows"]] * 2


def changed(receipt: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """A change of the receipt in an action."""

    def change(action: dict[str, Any]) -> None:
        if "tidegate.receipt" in action.get("commitInfo", {}):
            told = json.loads(action["commitInfo"]["tidegate.receipt"])
            receipt(told)
            action["commitInfo"]["tidegate.receipt"] = json.dumps(told)

    return change


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda told: told["rows"].update(read=9), {"receipt-unbalanced"}),
        (lambda told: told["submission"].update(contributor="eve"), {"receipt-digest"}),
        (lambda told: told.update(unheard_of=1), {"receipt-unreadable"}),
        (lambda told: told["rows"].update(read=3, accepted=3), {"receipt-digest", "commit-rows", "submission-rows"}),
    ],
)
def test_a_receipt_that_was_changed(change: Callable[[dict[str, Any]], None], codes: set[str], pool: Path) -> None:
    rewrite(pool, 0, changed(change))
    told = verify(pool).findings
    assert {f.code for f in told} == codes
    assert told[0].version == 0


def test_the_digest_of_a_receipt_is_gone(pool: Path) -> None:
    rewrite(pool, 1, lambda action: action.get("commitInfo", {}).pop("tidegate.receipt_digest", None))
    assert found(pool) == [[1, None, "receipt-digest"]]


def test_a_log_that_says_other_rows_than_were_accepted(pool: Path) -> None:
    def more(action: dict[str, Any]) -> None:
        if "add" in action:
            action["add"]["stats"] = '{"numRecords": 7}'

    rewrite(pool, 0, more)
    assert [0, None, "commit-rows"] in found(pool)


def test_a_file_that_was_taken_out_behind_our_back(pool: Path) -> None:
    """The commit that takes it out says that it publishes nothing."""
    table = DeltaTable(pool)
    table.delete(commit_properties=CommitProperties(custom_metadata={"tidegate.compacted": "{}"}))
    assert [4, None, "commit-rows"] in found(pool)


def test_a_file_that_is_published_twice(pool: Path) -> None:
    name = file_of(pool, "a").name
    rewrite(pool, 1, lambda action: action.get("add", {}).update(path=name))
    assert [1, name, "commit-files"] in found(pool)


def test_a_commit_that_removes_what_is_not_there(pool: Path) -> None:
    rewrite(pool, 2, lambda action: action.get("remove", {}).update(path="part-none.parquet"))
    codes = [(version, code) for version, _, code in found(pool)]
    assert codes[:2] == [(2, "commit-files"), (2, "commit-rows")], "nor is it the version that it goes back to"


def test_a_commit_that_is_gone_or_no_json(pool: Path) -> None:
    DeltaTable(pool).create_checkpoint()
    path = pool / "_delta_log" / f"{1:020}.json"
    path.write_text("{")
    assert found(pool) == [[1, None, "commit-gone"]]
    path.unlink()
    assert found(pool) == [[1, None, "commit-gone"]]


def test_a_checkpoint_that_is_not_the_commits(pool: Path) -> None:
    DeltaTable(pool).create_checkpoint()
    rewrite(pool, 3, lambda action: action.get("add", {}).update(path="part-other.parquet"))
    assert "version-files" in {code for *_, code in found(pool)}


def test_rows_that_somebody_else_wrote_are_counted_but_not_known(pool: Path) -> None:
    table = DeltaTable(pool)
    table.delete("a = 3")
    assert verify(pool).sound


def test_the_command_line_says_it_with_its_exit_code(pool: Path) -> None:
    sound = CliRunner().invoke(app, ["verify", str(pool)])
    assert (sound.exit_code, sound.stdout) == (0, "sound: version 3, 2 files, 3 rows, 2 receipts\n")
    lost(file_of(pool, "b"))
    text = CliRunner().invoke(app, ["verify", str(pool)])
    assert text.exit_code == 1
    assert text.stdout.startswith("file-gone: version 3, part-bbb")
    told = CliRunner().invoke(app, ["verify", str(pool), "--format", "json"])
    parsed = json.loads(told.stdout)
    assert (told.exit_code, parsed["sound"], parsed["findings"][0]["code"]) == (1, False, "file-gone")


def test_in_an_object_store(store: S3 | Azure, tmp_path: Path) -> None:
    pool = pool_location(store.uri("data/pool"), tmp_path / "state")
    for name, cells in (("a", [1, 2]), ("b", [3])):
        publish(pool, [rows_file(tmp_path / "work", name, cells)], SCHEMA, receipt(name, len(cells)), fresh=False)
    assert verify(pool).sound
    keys = {key.rpartition("/")[2][5]: key for key in store.names() if "/part-" in key}
    store.put(keys["a"], b"x" * len(store.get(keys["a"])))
    store.delete(keys["b"])
    assert [f.code for f in verify(pool).findings] == ["file-unreadable", "file-gone"]


def test_every_code_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "pool.md").read_text(encoding="utf-8")
    assert [code for code, meaning in CODES.items() if f"| `{code}` | {meaning} |" not in page] == []
