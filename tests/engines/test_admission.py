"""The budget of a submission holds for all of its files together, in each format, in one process and in several."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.test_staging import outcome, plan, write

from tidegate.config import Resources
from tidegate.engines import Stage
from tidegate.engines.duckdb import shares
from tidegate.errors import SourceUnreadable

FORMATS = {"csv": "a\n" + "1\n" * 40, "jsonl": '{"a":1}\n' * 40, "json": "[" + ",".join(['{"a":1}'] * 40) + "]"}


def staged(folder: Path, *paths: Path, threads: int = 1, **limits: int) -> Stage:
    asked = plan(folder, {"a": "int64"}, *paths)
    compressed = tuple(
        source.model_copy(update={"compression": "gzip"})
        if source.path.read_bytes().startswith(b"\x1f\x8b")
        else source
        for source in asked.sources
    )
    resources = Resources(threads=threads, memory_limit="4GiB", **limits)
    return outcome(asked.model_copy(update={"sources": compressed, "resources": resources}))


def parquet(folder: Path, name: str, rows: int) -> Path:
    pq.write_table(pa.table({"a": range(rows)}), folder / name)
    return folder / name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("form", [*FORMATS, "parquet"])
def test_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, threads: int) -> None:
    monkeypatch.setattr(shares, "_WORTH_IT", 1e-9)  # two files are worth two processes
    paths = [
        parquet(tmp_path, f"{n}.parquet", 40) if form == "parquet" else write(tmp_path, f"{n}.{form}", FORMATS[form])
        for n in range(2)
    ]
    assert staged(tmp_path, *paths, threads=threads, max_records=80).read == 80
    with pytest.raises(SourceUnreadable, match=r"submission has 80 records; resources\.max_records allows 79"):
        staged(tmp_path, *paths, threads=threads, max_records=79)


@pytest.mark.parametrize("threads", [1, 2])
def test_bytes_after_decompression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(shares, "_WORTH_IT", 1e-9)
    plain = FORMATS["csv"].encode()
    paths = [tmp_path / f"{n}.csv" for n in range(2)]
    for path in paths:
        path.write_bytes(gzip.compress(plain))
    assert staged(tmp_path, *paths, threads=threads, max_bytes=2 * len(plain)).read == 80
    with pytest.raises(SourceUnreadable, match=f"submission has {2 * len(plain)} plain bytes; resources.max_bytes"):
        staged(tmp_path, *paths, threads=threads, max_bytes=2 * len(plain) - 1)


def test_bytes_of_parquet_are_decoded_ones(tmp_path: Path) -> None:
    (file,) = staged(tmp_path, parquet(tmp_path, "x.parquet", 100_000)).staged
    assert file.bytes > 800_000 > (tmp_path / "x.parquet").stat().st_size


def test_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "a,b,c\n1,2,3\n")
    assert staged(tmp_path, path, max_columns=3).read == 1
    with pytest.raises(SourceUnreadable, match=r"x\.csv has 3 columns or more; resources\.max_columns allows 2"):
        staged(tmp_path, path, max_columns=2)
