"""Files on local disk: taken as they are, and held against what they were."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.receipt import SourceFile
from tidegate.sources import Snapshot, acquire

CSV = b'a,b\n"x",2\n'
LIMITS = Resources()


def acquire_one(path: Path | str) -> Snapshot:
    (snapshot,) = acquire([str(path)], LIMITS)
    return snapshot


def test_a_snapshot_says_what_was_acquired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_bytes(CSV + b"\0")
    monkeypatch.chdir(tmp_path)
    snapshot = acquire_one("x.csv")
    digest = hashlib.sha256(CSV + b"\0").hexdigest()
    assert snapshot.source == SourceFile(uri="x.csv", sha256=digest, bytes=11, format="csv", compression="none")
    assert (snapshot.path, snapshot.size) == (tmp_path / "x.csv", 11)
    assert (snapshot.counts.quotes, snapshot.counts.nuls) == (2, 1)
    snapshot.verify_unchanged()


def test_several_files_keep_their_order_and_may_repeat(tmp_path: Path) -> None:
    files = {"b.csv": CSV, "a.jsonl": b'{"a": 1}\n', "c.csv.gz": gzip.compress(CSV)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = acquire([str(tmp_path / name) for name in [*files, "b.csv"]], LIMITS)
    assert [(Path(s.source.uri).name, s.source.format, s.source.compression) for s in found] == [
        ("b.csv", "csv", "none"), ("a.jsonl", "jsonl", "none"), ("c.csv.gz", "csv", "gzip"), ("b.csv", "csv", "none"),
    ]  # fmt: skip
    assert acquire([], LIMITS) == []


@pytest.mark.parametrize("name", ["g[1].csv", "star*.csv", "label=spam.csv", "a b?.csv"])
def test_names_are_literal(name: str, tmp_path: Path) -> None:
    (tmp_path / "g1.csv").write_bytes(b"other\n1\n")
    (tmp_path / name).write_bytes(CSV)
    assert acquire_one(tmp_path / name).source.sha256 == hashlib.sha256(CSV).hexdigest()


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(CSV)
    (tmp_path / "link.csv").symlink_to("x.csv")
    assert acquire_one(tmp_path / "link.csv").source.bytes == len(CSV)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("name", "kind"), [("pipe", "a named pipe"), ("folder", "a folder"), ("link", "a named pipe")])
def test_only_regular_files(name: str, kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(SourceUnreadable, match=f"is {kind}, not a file"):
        acquire_one(tmp_path / name)


def test_a_device() -> None:
    with pytest.raises(SourceUnreadable, match="is a device"):
        acquire_one("/dev/zero")


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "january.csv").write_bytes(CSV)
    with pytest.raises(SourceUnreadable) as error:
        acquire_one(tmp_path / "janury.csv")
    assert error.value.hint == "Did you mean 'january.csv'?"
    with pytest.raises(SourceUnreadable, match="nor is its folder"):
        acquire_one(tmp_path / "nowhere" / "x.csv")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have(path: str) -> None:
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        acquire_one(path)


def test_the_limit_on_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(CSV)
    assert len(acquire([str(path)], Resources(max_bytes=len(CSV)))) == 1
    with pytest.raises(SourceUnreadable, match=r"resources\.max_bytes"):
        acquire([str(path)], Resources(max_bytes=len(CSV) - 1))


def test_a_change_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(CSV)
    snapshot = acquire_one(path)
    os.utime(path, ns=(0, snapshot.mtime_ns + 1))
    with pytest.raises(SourceUnreadable, match="changed"):
        snapshot.verify_unchanged()
    os.utime(path, ns=(0, snapshot.mtime_ns))
    snapshot.verify_unchanged()
    replacement = tmp_path / "y.csv"
    replacement.write_bytes(CSV)
    os.utime(replacement, ns=(0, snapshot.mtime_ns))
    replacement.replace(path)
    with pytest.raises(SourceUnreadable, match="changed"):
        snapshot.verify_unchanged()
    path.unlink()
    with pytest.raises(SourceUnreadable, match="changed"):
        snapshot.verify_unchanged()
