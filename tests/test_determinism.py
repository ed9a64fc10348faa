"""The same inputs, configuration and seed give the same rows in the same order, and the same digest, on any threads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
from benchmarks.data import write_pool, write_submission

from tidegate import integrate_contributed_data

THREADS = (1, 2, 8)
WEIGHTED: dict[str, Any] = {
    "merge_strategy": {"name": "weighted", "weights": {"base": 0.5, "contributed": 0.5}, "seed": 3},
    "cleaning_config": {"shuffle": 7},
}


def digest_of(table: pa.Table) -> str:
    """Of every row, in order."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=1 << 30)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def test_rows_order_and_digest_do_not_depend_on_threads(tmp_path: Path) -> None:
    # More rows than one thread takes at a time, a tenth of them each bad, repeated and in the pool.
    write_submission(tmp_path / "x.csv", "flights", 150_000, 65_000, share=0.1)
    write_pool(tmp_path / "pool.parquet", "flights", 65_000)
    common = {
        "schema_config": "flights@1.1", "validation_config": {"max_failing_fraction": 1.0}, "tracking": False,
        "state_dir": tmp_path / "state",
    }  # fmt: skip
    seen: dict[str, set[tuple[str, str]]] = {"weighted": set(), "append": set()}
    for threads in THREADS:
        pool, resources = tmp_path / f"pool-{threads}", {"threads": threads, "memory_limit": "1GB"}
        given: dict[str, Any] = {**common, "training_data": pool, "resources": resources}
        integrate_contributed_data(data_path=tmp_path / "pool.parquet", **given)
        for strategy, more in (("weighted", WEIGHTED | {"output": tmp_path / f"output-{threads}"}), ("append", {})):
            result = integrate_contributed_data(data_path=tmp_path / "x.csv", **given, **more)
            rows = result.receipt.rows
            assert (rows.failed, rows.duplicate, rows.accepted) == (15_000, 30_000, 105_000)
            seen[strategy].add((digest_of(result.dataset.to_arrow(lineage=True)), result.receipt.report_digest))
    assert [len(digests) for digests in seen.values()] == [1, 1]
