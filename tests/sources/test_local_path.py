"""Files on local disk: taken as they are, and held against what they were."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from tidegate.config import Resources, SourceConfig
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.receipt import SourceFile
from tidegate.sources import Snapshot, acquire

CSV = b'a,b\n"x",2\n'


def acquired(*paths: Path | str, limits: Resources | None = None, config: SourceConfig | None = None) -> list[Snapshot]:
    return acquire([str(path) for path in paths], limits or Resources(), Path("nothing is fetched"), config)


def acquire_one(path: Path | str) -> Snapshot:
    (snapshot,) = acquired(path)
    return snapshot


def names(*paths: Path | str) -> list[str]:
    return [Path(snapshot.source.uri).name for snapshot in acquired(*paths)]


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
    found = acquired(*(tmp_path / name for name in [*files, "b.csv"]))
    assert [(Path(s.source.uri).name, s.source.format, s.source.compression) for s in found] == [
        ("b.csv", "csv", "none"), ("a.jsonl", "jsonl", "none"), ("c.csv.gz", "csv", "gzip"), ("b.csv", "csv", "none"),
    ]  # fmt: skip
    assert acquired() == []


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
@pytest.mark.parametrize("name", ["pipe", "link", ".", "p*"])
def test_only_regular_files(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    kind = "a named pipe"
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
    assert len(acquired(path, limits=Resources(max_bytes=len(CSV)))) == 1
    with pytest.raises(SourceUnreadable, match=r"resources\.max_bytes"):
        acquired(path, limits=Resources(max_bytes=len(CSV) - 1))


def test_the_limits_hold_for_all_files_together(tmp_path: Path) -> None:
    paths = [tmp_path / "x.csv", tmp_path / "y.csv"]
    for path in paths:
        path.write_bytes(CSV)
    assert len(acquired(*paths, limits=Resources(max_files=2, max_bytes=2 * len(CSV)))) == 2
    with pytest.raises(SourceUnreadable, match=rf"submission has {2 * len(CSV)} bytes; resources\.max_bytes"):
        acquired(*paths, limits=Resources(max_bytes=2 * len(CSV) - 1))
    with pytest.raises(SourceUnreadable, match=r"resources\.max_files allows 1"):
        acquired(*paths, limits=Resources(max_files=1))


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files, of which some are hidden, and folders in a folder."""
    for name in ("b.csv", "a.csv", "deep/er/c.csv", "deep/d.csv", "_SUCCESS", ".hidden.csv", "deep/_temporary/e.csv"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(CSV)
    (tmp_path / "out.csv").write_bytes(CSV)
    return tmp_path / "in"


def test_a_folder_is_its_files_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(folder) == ["a.csv", "b.csv", "d.csv", "c.csv"]
    monkeypatch.chdir(folder)
    assert names(".", "a.csv") == ["a.csv", "b.csv", "d.csv", "c.csv", "a.csv"]
    assert acquired("deep/")[0].source.uri == "deep/d.csv"


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.csv", ["a.csv", "b.csv"]),
        ("./*.csv", ["a.csv", "b.csv"]),
        ("[a-a]*", ["a.csv"]),
        ("[!a].csv", ["b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("*/*.csv", ["d.csv"]),
        ("**/*.csv", ["a.csv", "b.csv", "e.csv", "d.csv", "c.csv"]),
        ("deep/**", ["e.csv", "d.csv", "c.csv"]),
        ("deep/*er/c.csv", ["c.csv"]),
        (".h*", [".hidden.csv"]),
    ],
)
def test_a_glob(glob: str, found: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(glob) == found
    assert names(f"{folder}/{glob}") == found


@pytest.mark.parametrize(("path", "what"), [("empty", "holds no files"), ("*.parquet", "matches no file")])
def test_nothing_is_there(path: str, what: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(SourceUnreadable, match=what):
        acquired(folder / path)


def test_a_glob_that_is_none(folder: Path) -> None:
    with pytest.raises(Misuse, match="is no glob"):
        acquired(folder / "[z-a]*")


@pytest.mark.parametrize("path", ["", "*", "**/*.csv", "deep/**"])
@pytest.mark.parametrize("target", ["../../out.csv", "../..", "/etc/hostname", "../../nothing"])
def test_no_link_leads_out(path: str, target: str, folder: Path) -> None:
    (folder / ("deep" if path.startswith("deep") else "") / "link.csv").symlink_to(target)
    with pytest.raises(SourceUnreadable, match=r"link\.csv is a link that leads out of"):
        acquired(folder / path)


def test_a_link_that_stays_within_is_followed(folder: Path) -> None:
    (folder / "deep" / "link.csv").symlink_to("er/c.csv")
    assert names(folder / "deep/l*") == ["link.csv"]
    assert names(folder) == ["a.csv", "b.csv", "d.csv", "c.csv", "link.csv"]


def test_a_link_to_a_folder_is_not_walked_into(folder: Path) -> None:
    (folder / "loop").symlink_to(".")
    with pytest.raises(SourceUnreadable, match="loop is a folder, not a file"):
        acquired(folder)


def test_the_limit_on_files(folder: Path) -> None:
    assert len(acquired(folder, limits=Resources(max_files=4))) == 4
    with pytest.raises(SourceUnreadable, match=r"more than 3 files; resources\.max_files allows 3"):
        acquired(folder, limits=Resources(max_files=3))


def test_names_that_nobody_can_see_are_shown(folder: Path) -> None:
    (folder / "x\n\u202e.csv").write_bytes(CSV)
    assert acquired(folder / "x*")[0].source.uri == f"{folder}/x%0A%E2%80%AE.csv"
