"""Too little disk is told before the work starts. What `shutil.disk_usage` says is replaced: no test fills a disk."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
import zstandard

from tidegate.config import Resources, load_config
from tidegate.data_integration import integrate_contributed_data, validate_contributed_data
from tidegate.errors import NoRoom
from tidegate.room import check_room
from tidegate.sources import Snapshot, acquire

Usage = namedtuple("Usage", "total used free")
TEXT = b"a,b\n" + b"12,345\n" * 142_857  # some 1,000,000 bytes
ROOT = Path(__file__).resolve().parents[1]


def snapshots(*files: Path) -> list[Snapshot]:
    return acquire([str(file) for file in files], Resources(), Path())  # which is written to by what lies elsewhere


def written(path: Path) -> Path:
    if path.suffix == ".gz":
        half = len(TEXT) // 2
        # Of several members only the size of the last is known: a lower bound.
        path.write_bytes(gzip.compress(TEXT[:half]) + gzip.compress(TEXT[half:]))
    elif path.suffix == ".zst":
        path.write_bytes(zstandard.compress(TEXT))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.csv", TEXT)
    else:
        path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize(
    ("names", "copy"),
    [
        (["x.csv"], 0),
        (["x.csv", "y.csv"], 0),
        (["x.zip"], len(TEXT)),
        (["x.csv.gz"], len(TEXT) - len(TEXT) // 2),
        (["x.zip", "y.zip"], len(TEXT)),  # one is decompressed at a time
        (["x.csv.zst"], len(zstandard.compress(TEXT))),  # of which the plain size is not known
    ],
)
def test_the_need_is_a_lower_bound_that_free_bytes_may_just_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], copy: int
) -> None:
    files = [written(tmp_path / name) for name in names]
    compressed = [len(zstandard.compress(TEXT)) if file.suffix == ".csv" else file.stat().st_size for file in files]
    need = copy + int(sum(compressed) * 0.1)
    taken = snapshots(*files)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, need))
    check_room(taken, tmp_path, tmp_path / "pool")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, need - 1))
    with pytest.raises(NoRoom, match=rf"needs {need:,} bytes at least; {need - 1:,} are free\.") as told:
        check_room(taken, tmp_path)
    assert told.value.exit_code == 4
    assert str(tmp_path) in told.value.fact


def test_a_large_file_is_reckoned_by_pieces_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"a\n" + b"7\n" * 5_000_000 + b"\n".join(b"%032x" % (n * 7**40 % 2**127) for n in range(300_000)))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 0))
    with pytest.raises(NoRoom) as told:
        check_room(snapshots(file), tmp_path)
    need = int(told.value.fact.partition("needs ")[2].partition(" ")[0].replace(",", ""))
    assert need == pytest.approx(len(zstandard.compress(file.read_bytes())) * 0.1, rel=0.2)


def test_a_pool_on_another_disk_needs_room_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Path("/dev/shm")
    assert elsewhere.stat().st_dev != tmp_path.stat().st_dev
    taken = snapshots(written(tmp_path / "x.csv"))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 1 if place == elsewhere else 10**9))
    check_room(taken, tmp_path, tmp_path / "a" / "pool")
    with pytest.raises(NoRoom, match=r"^The pool, /dev/shm, needs"):
        check_room(taken, tmp_path, elsewhere / "no" / "pool yet")


def test_nothing_is_begun_where_it_cannot_be_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / "contracts/query_relevance/examples"
    (file,) = [path for path in file.rglob("*") if path.is_file() and "valid" in path.parts][:1]
    given = {"data_path": file, "schema_config": "query_relevance", "registry": ROOT}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 0))
    with pytest.raises(NoRoom):
        integrate_contributed_data(
            **given, training_data=tmp_path / "pool", state_dir=tmp_path / "state", tracking=False
        )
    assert not (tmp_path / "pool").exists()
    assert list((tmp_path / "state" / "work").iterdir()) == []
    with pytest.raises(NoRoom):
        validate_contributed_data(load_config(given))
