"""Upstream-style rows (lists, structs, opaque JSON) go through every format into a pool, and arrive equal."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tidegate import integrate_contributed_data

ROOT = Path(__file__).resolve().parents[1]
NESTED = {"allowed_models", "selected_models", "selected_strategy", "neighbor_provenance"}
OPAQUE = {"task_descriptor", "metadata"}


def upstream() -> list[dict[str, Any]]:
    example = ROOT / "contracts/technical_task_router_row/examples/v2_0/valid/full.json"
    (row, *_) = json.loads(example.read_text())
    other = row | {
        "row_id": "r-3",
        "selected_models": [],
        "selected_strategy": {"coder_model": 'model "b", ü'},
        "task_descriptor": {"text": 'over\nlines, "quoted"', "deep": [{"n": [1.10, None, 12345678901234567890]}]},
        "actual_time_seconds": 0.1,
        "neighbor_provenance": [],
    }
    return [row, other]


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    nested = NESTED | OPAQUE
    cells = [{k: json.dumps(v) if k in nested else v for k, v in row.items()} for row in rows]
    return pd.DataFrame(cells).to_csv(index=False).encode()


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    cells = [{k: json.dumps(v) if k in OPAQUE else v for k, v in row.items()} for row in rows]
    table = pa.Table.from_pylist(cells)
    stamps = pa.array([datetime.fromisoformat(row["observed_at"]) for row in rows], pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("observed_at"), "observed_at", stamps)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def as_zip(rows: list[dict[str, Any]], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", as_csv(rows))


FORMATS = {
    "x.csv": as_csv,
    "x.jsonl": as_jsonl,
    "x.json": lambda rows: json.dumps(rows, indent=1).encode(),
    "x.parquet": as_parquet,
    "x.csv.gz": lambda rows: gzip.compress(as_csv(rows)),
    "x.jsonl.zst": lambda rows: zstandard.compress(as_jsonl(rows)),
    "x.json.gz": lambda rows: gzip.compress(json.dumps(rows).encode()),
    "x.parquet.zst": lambda rows: zstandard.compress(as_parquet(rows)),
}


def arrived(path: Path) -> list[dict[str, Any]]:
    result = integrate_contributed_data(
        data_path=path,
        schema_config="technical_task_router_row@2.0",
        training_data=path.parent / f"pool-{path.name}",
        registry=ROOT,
        state_dir=path.parent / "state",
        tracking=False,
    )
    rows: list[dict[str, Any]] = result.dataset.to_arrow().to_pylist()
    return rows


def test_nested_rows_arrive_equal_from_every_format(tmp_path: Path) -> None:
    rows = upstream()
    pools = {}
    for name, write in FORMATS.items():
        (tmp_path / name).write_bytes(write(rows))
        pools[name] = arrived(tmp_path / name)
    as_zip(rows, tmp_path / "x.zip")
    pools["x.zip"] = arrived(tmp_path / "x.zip")
    first = pools["x.json"]
    assert first[0]["selected_strategy"]["planner_model"] == rows[0]["selected_strategy"]["planner_model"]
    assert first[0]["neighbor_provenance"] == rows[0]["neighbor_provenance"]
    assert first[1]["task_descriptor"] == json.dumps(rows[1]["task_descriptor"], separators=(",", ":"))
    for name, pool in pools.items():
        assert pool == first, name


def test_rows_that_are_in_the_pool_are_found_again_from_another_format(tmp_path: Path) -> None:
    rows = upstream()
    (tmp_path / "x.json").write_bytes(FORMATS["x.json"](rows))
    (tmp_path / "x.parquet").write_bytes(as_parquet(rows))
    common: dict[str, Any] = {
        "schema_config": "technical_task_router_row@2.0", "training_data": tmp_path / "pool", "registry": ROOT,
        "state_dir": tmp_path / "state", "tracking": False,
    }  # fmt: skip
    integrate_contributed_data(data_path=tmp_path / "x.json", **common)
    names = list(rows[0])
    for deduplicate in (True, names):
        cleaning = {"deduplicate": deduplicate}
        again = integrate_contributed_data(data_path=tmp_path / "x.parquet", cleaning_config=cleaning, **common)
        assert (again.receipt.rows.duplicate, again.receipt.rows.accepted) == (2, 0)


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl.zst"])
def test_a_stream_that_is_cut_is_refused(tmp_path: Path, name: str) -> None:
    from tidegate.errors import SourceUnreadable

    (tmp_path / name).write_bytes(FORMATS[name](upstream())[:-9])
    with pytest.raises(SourceUnreadable, match=name):
        arrived(tmp_path / name)
