"""The rows that a migration makes, held against what Ibis makes of them on plain DuckDB, type by type."""

from __future__ import annotations

import contextlib
import datetime
import json
import random
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import ibis
import pyarrow as pa
import pytest
from ibis import _

from tidegate import integrate_contributed_data

HEAD = """\
from typing import Annotated

import pandas as pd
import pandera.pandas as pa
import pyarrow
from ibis import _

"""
OLD = """
class Wide(pa.DataFrameModel):
    key: int = pa.Field(metadata={"key": True})
    text: str = pa.Field(nullable=True)
    whole: pd.Int64Dtype = pa.Field(nullable=True)
    real: float = pa.Field(nullable=True)
    seen: Annotated[pd.DatetimeTZDtype, "us", "UTC"] = pa.Field(nullable=True)
    lasted: Annotated[pd.ArrowDtype, pyarrow.duration("us")] = pa.Field(nullable=True)
    tags: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.string())] = pa.Field(nullable=True)
"""
NEW = """
class Wide(pa.DataFrameModel):
    key: int = pa.Field(metadata={"key": True})
    text: str = pa.Field(nullable=True)
    number: pd.Int64Dtype = pa.Field(nullable=True)
    real: float = pa.Field(nullable=True)
    half: float = pa.Field(nullable=True)
    day: Annotated[pd.ArrowDtype, pyarrow.date32()] = pa.Field(nullable=True)
    lasted: Annotated[pd.ArrowDtype, pyarrow.duration("us")] = pa.Field(nullable=True)
    twice: Annotated[pd.ArrowDtype, pyarrow.duration("us")] = pa.Field(nullable=True)
    tags: Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.string())] = pa.Field(nullable=True)
    first: str = pa.Field(nullable=True)
    sign: str
    origin: str

MIGRATION = {"1.0": EXPRESSIONS}
"""
EXPRESSIONS = """{
    "number": _.text.strip().cast("int64") + _.whole,
    "half": _.whole / 2,
    "day": _.seen.date(),
    "twice": _.lasted * 2,
    "first": _.tags[0].upper(),
    "sign": (_.real < 0).ifelse("minus", "plus").fill_null("none"),
    "origin": "1.0",
}"""


@pytest.mark.parametrize("seed", [1, 2])
def test_migrated_rows_are_what_ibis_makes_of_them_on_plain_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "registry/contracts/wide"
    folder.mkdir(parents=True)
    (folder / "v1_0.py").write_text(HEAD + OLD)
    (folder / "v2_0.py").write_text(HEAD + NEW.replace("EXPRESSIONS", EXPRESSIONS))
    rows = _rows(random.Random(seed), 60)
    Path("wide.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = integrate_contributed_data(
        data_path="wide.jsonl",
        schema_config={"contract": "wide@1", "migrate_to": "wide@2"},
        registry="registry",
        training_data="pool",
        tracking=False,
        validation_config={"max_failing_fraction": 1},
    )
    wanted = _made_by_duckdb(rows)
    assert 0 < len(wanted) < len(rows), "some can be made, and some cannot"
    assert result.receipt.rows.accepted == len(wanted)
    found = deltalake.DeltaTable("pool").to_pyarrow_table().drop_columns(["_submission", "_contributor"]).to_pylist()
    assert sorted(found, key=lambda row: row["key"]) == wanted


def _rows(chance: random.Random, count: int) -> list[dict[str, Any]]:
    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    return [
        {
            "key": number,
            "text": maybe(chance.choice(["1", " 22 ", "-5", "x", "1.5", "9223372036854775807", "é"])),
            "whole": maybe(chance.choice([0, 1, -7, 2**62, 3, 10])),
            "real": maybe(chance.choice([0.1, -2.5, 1e300, 3.0])),
            "seen": maybe(f"2026-0{chance.randint(1, 9)}-11T0{chance.randint(0, 9)}:30:00Z"),
            "lasted": maybe(f"{chance.choice(['', '-'])}PT{chance.randint(0, 5000)}.{chance.randint(0, 999999):06}S"),
            "tags": maybe([chance.choice(["a", "ß", ""]) for _ in range(chance.randint(0, 3))]),
        }
        for number in range(count)
    ]


def _made_by_duckdb(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each row by itself; what DuckDB refuses to compute is left out."""
    kinds = {
        "key": "int64", "text": "string", "whole": "int64", "real": "float64", "seen": "timestamp('UTC', 6)",
        "lasted": "int64", "tags": "array<string>",
    }  # fmt: skip
    plain = [{name: _plain(name, value) for name, value in row.items()} for row in rows]
    arrow = pa.Table.from_pylist(plain, schema=ibis.schema(kinds).to_pyarrow())
    table = ibis.duckdb.connect().create_table("rows", ibis.memtable(arrow))
    written = eval(EXPRESSIONS, {"_": _})
    order = ["key", "text", "number", "real", "half", "day", "lasted", "twice", "tags", "first", "sign", "origin"]
    values = {n: e.resolve(table) if hasattr(e, "resolve") else ibis.literal(e) for n, e in written.items()}
    told = table.mutate(**values)
    made = []
    for row in rows:
        with contextlib.suppress(duckdb.Error):
            made += told.filter(told["key"] == row["key"]).select(*order).to_pyarrow().to_pylist()
    return made


def _plain(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "lasted":
        sign = -1 if value.startswith("-") else 1
        seconds, _, rest = value.strip("-PTS").partition(".")
        return sign * (int(seconds) * 1_000_000 + int(rest))
    return datetime.datetime.fromisoformat(value) if name == "seen" else value
