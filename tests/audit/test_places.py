"""Failing records are found in their files, at their lines where there are lines."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.reports import to_text

CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
    cars: int
'''


def test_each_record_has_its_file_and_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("contracts/trips").mkdir(parents=True)
    Path("contracts/trips/v1_0.py").write_text(CONTRACT)
    Path("in").mkdir()
    Path("in/1.csv").write_text('trip,cars\n"a\nb",1\nt2,x\n')
    Path("in/2.csv.gz").write_bytes(gzip.compress(b"trip,cars\nt3,x\n"))
    Path("in/3.jsonl").write_text('{"trip": "t4", "cars": 1}\n\n{"trip": "t5", "cars": "x"}\n')
    pq.write_table(pa.table({"trip": ["t6", "t2"], "cars": ["x", "7"]}), "in/4.parquet")
    report = validate_contributed_data(load_config({"data_path": "in", "schema_config": "trips", "registry": "."}))
    (failed,) = [check for check in report.checks if check.status == "failed"]
    assert [(e.record, e.file, e.line) for e in failed.examples] == [(2, 0, 4), (3, 1, None), (5, 2, 3), (6, 3, None)]
    assert "    record 5, line 3 of in/3.jsonl: '\"x\"'\n" in to_text(report)
