"""A submission is staged by many tasks as it is by one process: files together, and large ones in parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.columns import PROBLEMS, RECORD, Column
from tidegate.config import Resources, load_config
from tidegate.engines import EngineName, Stage, StagePlan, StageSource, open_engine
from tidegate.engines.spark import stage as on_workers
from tidegate.errors import SourceUnreadable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = (Column("a", "int64"), Column("b", "string"))
SOURCES = ["small.csv", "quoted.csv", "broken.csv", "small.csv", "lines.jsonl", "groups.parquet"]


def write_sources(folder: Path) -> None:
    """Small and large ones. One of the large has a record with a field too many, which only the whole can tell."""
    (folder / "small.csv").write_text("a,b\n1,x\n")
    records = [f'{n},"x\n,q""uo{n}"' if n % 3 else f"{n},plain" for n in range(4000)]
    (folder / "quoted.csv").write_text("\n".join(["a,b", *records]) + "\n")
    records[2000] = "1,2,3"
    (folder / "broken.csv").write_text("\n".join(["a,b", *records]))
    (folder / "lines.jsonl").write_text("".join(json.dumps({"a": n, "b": "y"}) + "\n" for n in range(3000)) + "{\n")
    table = pa.table({"a": range(9000), "b": ["z" * 20] * 9000})
    pq.write_table(table, folder / "groups.parquet", row_group_size=1000, use_dictionary=False)


def staged(name: EngineName, sources: list[str], given: Path, folder: Path) -> tuple[Stage, pa.Table]:
    (folder / name / "stage").mkdir(parents=True)
    plan = StagePlan(
        sources=tuple(
            StageSource(uri=each, path=given / each, format=each.rpartition(".")[2], compression="none")  # type: ignore[arg-type]
            for each in sources
        ),
        folder=folder / name / "stage", columns=COLUMNS, strict=False, resources=Resources(threads=2),
    )  # fmt: skip
    with open_engine(load_config({"schema_config": "x"}), folder / name, name) as engine:
        with engine.stage(plan) as staging:
            stage = staging()
        rows = engine.table("stage", stage.files, record=RECORD).order_by(RECORD).to_pyarrow()
    return stage, rows.select([RECORD, "a", "b", PROBLEMS])


def test_parts_and_neighbours_are_staged_as_one_process_stages_them(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sources(tmp_path)
    monkeypatch.setattr(on_workers, "_SHARE", 20_000)
    (one, here), (many, there) = (staged(name, SOURCES, tmp_path, tmp_path) for name in ("duckdb", "spark"))
    assert there.equals(here)
    assert [file.model_dump(exclude={"at_most"}) for file in many.staged] == [
        file.model_dump(exclude={"at_most"}) for file in one.staged
    ]
    assert len(many.files) > 15, "large files were not cut"
    assert here[PROBLEMS].null_count == here.num_rows - 2


def test_what_cannot_be_read_is_told_as_by_one_process(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "fine.csv").write_text("a,b\n1,x\n")
    (tmp_path / "array.json").write_text('[{"a": 1}')
    told = []
    for name in ("duckdb", "spark"):
        with pytest.raises(SourceUnreadable) as refused:
            staged(name, ["fine.csv", "array.json"], tmp_path, tmp_path)
        told.append((refused.value.fact, refused.value.hint))
    assert told[0] == told[1]
