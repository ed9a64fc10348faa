"""Submissions of odd shapes, of any size: thousands of columns, cells of a megabyte, thousands of files.

Each writes its own contract into a registry, and its data beside it. A seed gives the same data each time.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.data import rows_of, write_failing

_CELL = 999_000
"""Just below `resources.max_cell_bytes`."""
_COLUMNS = 2_000
_CONTRACT = """import pandera.pandas as pa


class Odd(pa.DataFrameModel):
    {fields}

    class Config:
        strict = True
"""


@dataclass(frozen=True)
class Made:
    """A submission: its files, its contract, and how many of its rows may go in."""

    files: tuple[Path, ...]
    contract: str
    rows: int
    accepted: int


@dataclass(frozen=True)
class Odd:
    """One odd shape. `full` is its size at scale 1: bytes, or for `files` how many there are."""

    name: str
    full: int
    make: Callable[[Path, Path, int, int], Made]


def _contract(registry: Path, name: str, *fields: str) -> str:
    path = registry / "contracts" / name / "v1_0.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_CONTRACT.format(fields="\n    ".join(fields)), encoding="utf-8")
    return name


def _all_good(files: tuple[Path, ...], contract: str, rows: int) -> Made:
    return Made(files, contract, rows, rows)


def _copied(query: str, path: Path, form: str) -> None:
    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"COPY ({query}) TO '{path}' ({form})")


def wide(folder: Path, registry: Path, size: int, seed: int) -> Made:
    """2,000 columns of three kinds, each with three rules: two of its own, and that nothing is null."""
    kinds = (
        ("int", "ge=0, le=999", lambda number: f"(100 + {number} % 900)"),
        ("float", "gt=-1.0, lt=1.0", lambda number: f"({number} % 1000) / 1000"),
        ("str", 'str_length={"min_value": 1, "max_value": 4}, str_matches="^[a-z0-9]+$"',
         lambda number: f"'t' || (100 + {number} % 900)"),
    )  # fmt: skip
    fields, cells = ["row_id: int = pa.Field(unique=True, metadata={'key': True})"], ["range AS row_id"]
    draw = random.Random(seed)
    for n in range(1, _COLUMNS):
        kind, rules, cell = kinds[n % 3]
        fields.append(f"c{n}: {kind} = pa.Field({rules})")
        cells.append(f"{cell(f'(range * 7919 + {draw.randrange(10**6)})')} AS c{n}")
    rows = max(size // (5 * _COLUMNS), 1)
    # DuckDB keeps a row group of each thread in memory, and here one has many cells.
    _copied(f"SELECT {', '.join(cells)} FROM range({rows})", folder / "wide.csv", "FORMAT csv, HEADER")
    return _all_good((folder / "wide.csv",), _contract(registry, "wide", *fields), rows)


def cells_in(form: str) -> Callable[[Path, Path, int, int], Made]:
    """Cells of just below a megabyte, in one of the formats."""

    def make(folder: Path, registry: Path, size: int, seed: int) -> Made:
        name, rows = f"cells_{form}", max(size // _CELL, 1)
        contract = _contract(
            registry, name,
            "row_id: int = pa.Field(unique=True, metadata={'key': True})",
            "body: str = pa.Field(str_length={'min_value': 1, 'max_value': 1_000_000})",
        )  # fmt: skip
        path = folder / f"{name}.{form}"
        schema = pa.schema([("row_id", pa.int64()), ("body", pa.string())])
        batches = (pa.record_batch([[n], [body]], schema=schema) for n, body in enumerate(_bodies(rows, seed)))
        if form == "csv":
            with pa_csv.CSVWriter(path, schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
        elif form == "parquet":
            with pq.ParquetWriter(path, schema) as writer:
                for batch in batches:
                    writer.write_batch(batch, row_group_size=1_000)
        else:
            with path.open("w", encoding="utf-8") as file:
                for batch in batches:
                    file.write(json.dumps(batch.to_pylist()[0]) + "\n")
        return _all_good((path,), contract, rows)

    return make


def _bodies(rows: int, seed: int) -> Iterator[str]:
    """Texts of one length that compress about as prose does, each another one."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 10))) for _ in range(5_000)]
    text = " ".join(draw.choices(words, k=_CELL // 4))
    for _ in range(rows):
        start = draw.randrange(len(text))
        yield (text[start:] + text[:start])[:_CELL].ljust(_CELL, "x")


def array(folder: Path, registry: Path, size: int, seed: int) -> Made:
    """One JSON array of small objects, nested ones among their values."""
    rows = max(size // 125, 1)
    contract = _contract(
        registry, "array",
        "row_id: int = pa.Field(unique=True, metadata={'key': True})",
        "label: str = pa.Field(isin=['a', 'b', 'c'])",
        "score: float = pa.Field(ge=0.0, le=1.0)",
        "body: str = pa.Field(str_length={'min_value': 1, 'max_value': 100})",
    )  # fmt: skip
    query = f"""
        SELECT range AS row_id, ['a', 'b', 'c'][(hash(range, {seed}) % 3)::INTEGER + 1] AS label,
            (hash(range, {seed + 1}) % 1000000) / 1e6 AS score, repeat(md5(range::VARCHAR), 2) AS body
        FROM range({rows})"""
    _copied(query, folder / "array.json", "FORMAT json, ARRAY true")
    return _all_good((folder / "array.json",), contract, rows)


def files(folder: Path, registry: Path, size: int, seed: int) -> Made:
    """Many small CSV files, a hundred rows each."""
    contract = _contract(
        registry, "files",
        "row_id: int = pa.Field(unique=True, metadata={'key': True})",
        "label: str = pa.Field(isin=['a', 'b', 'c'])",
        "score: float = pa.Field(ge=0.0, le=1.0)",
    )  # fmt: skip
    draw, each = random.Random(seed), 100
    (folder / "files").mkdir()
    paths = []
    for number in range(max(size, 1)):
        rows = [f"{number * each + n},{draw.choice('abc')},{draw.random():.6f}\n" for n in range(each)]
        paths.append(folder / "files" / f"part-{number:05}.csv")
        paths[-1].write_text("row_id,label,score\n" + "".join(rows), encoding="utf-8")
    return _all_good(tuple(paths), contract, len(paths) * each)


def group(folder: Path, registry: Path, size: int, seed: int) -> Made:
    """A Parquet file of one row group, written whole, so that neither pages nor statistics part it."""
    contract = _contract(
        registry, "group",
        "row_id: int = pa.Field(unique=True, metadata={'key': True})",
        *(f"x{n}: float = pa.Field(ge=0.0, le=1.0)" for n in range(4)),
        "body: str = pa.Field(str_length={'min_value': 1, 'max_value': 100})",
    )  # fmt: skip
    rows = max(size // 84, 1)
    draw = np.random.default_rng(seed)
    body = np.char.mod("%044d", draw.integers(0, 10**9, 1_000))
    columns = {"row_id": pa.array(np.arange(rows))}
    columns |= {f"x{n}": pa.array(draw.random(rows)) for n in range(4)}
    columns["body"] = pa.array(body).take(pa.array(draw.integers(0, 1_000, rows)))
    table = pa.table(columns)
    pq.write_table(table, folder / "group.parquet", row_group_size=rows, compression="none", use_dictionary=False)
    return _all_good((folder / "group.parquet",), contract, rows)


def failing(kind: str) -> Callable[[Path, Path, int, int], Made]:
    """Flights of which not one may go in: `rules` (each fails two), `cells` (each has one of no number), `copies`."""

    def make(folder: Path, registry: Path, size: int, seed: int) -> Made:
        path, rows = folder / f"failing_{kind}.csv", rows_of("flights", size)
        write_failing(path, rows, kind, seed=seed)
        return Made((path,), "flights@1.1", rows, 1 if kind == "copies" else 0)

    return make


ODD = (
    Odd("2,000 columns", 1_000_000_000, wide),
    Odd("1 MB cells, CSV", 5_000_000_000, cells_in("csv")),
    Odd("1 MB cells, JSON Lines", 5_000_000_000, cells_in("jsonl")),
    Odd("1 MB cells, Parquet", 5_000_000_000, cells_in("parquet")),
    Odd("one JSON array", 5_000_000_000, array),
    Odd("10,000 files", 10_000, files),
    Odd("one row group", 3_000_000_000, group),
    Odd("every row fails two rules", 5_000_000_000, failing("rules")),
    Odd("every row is malformed", 5_000_000_000, failing("cells")),
    Odd("every row is a copy", 5_000_000_000, failing("copies")),
)
