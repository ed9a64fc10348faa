"""A DuckDB connection that may touch one folder and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tidegate.config import Resources
from tidegate.engines.duckdb.memory import in_words, limit_of, share_of_duckdb
from tidegate.telemetry import listened

FEW_ROWS = 8_192
"""Rows that are dealt out to many files wait for so many of a file, of each thread."""


def connect(
    folder: Path, resources: Resources, folders: tuple[Path, ...] = (), files: tuple[Path, ...] = ()
) -> duckdb.DuckDBPyConnection:
    """Connect, with the settings that hold (their order matters, see docs/decisions.md) and the door locked.

    Args:
        folder: the only folder that is to be written; spilled data goes there too.
        folders: more folders that may be touched.
        files: more files that may be touched.
    """
    spill = folder / "spill"
    spill.mkdir(exist_ok=True, mode=0o700)  # no parents: a folder that was swept stays so
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "memory_limit": in_words(share_of_duckdb(limit_of(resources))),
            "threads": resources.threads or os.cpu_count() or 1,
            "temp_directory": str(spill),
        }
    )
    if resources.max_spill_bytes is not None:  # DuckDB's own limit is nine tenths of what is free
        # Given to connect, it is shown as set and does not hold (DuckDB 1.5.6).
        connection.execute(f"SET max_temp_directory_size = '{resources.max_spill_bytes}B'")
    connection.execute(f"SET partitioned_write_flush_threshold = {FEW_ROWS}")
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB keeps count of a query's progress only with the bar on, which is ours to show.
    connection.execute(f"SET enable_progress_bar = {str(listened()).lower()}")
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute(f"SET allowed_directories = {_listed((folder, *folders))}")
    connection.execute(f"SET allowed_paths = {_listed(files)}")
    connection.execute("SET enable_external_access = false")
    return connection


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """From here on no setting can be changed, by no statement that data could smuggle in."""
    connection.execute("SET lock_configuration = true")


def _listed(paths: tuple[Path, ...]) -> str:
    # DuckDB holds the name that a file is opened by against these, and where a link leads as well.
    return "[" + ", ".join(quoted(str(name)) for path in paths for name in {path, path.resolve()}) + "]"


def quoted(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def added(terms: Sequence[str]) -> str:
    """The sum of SQL terms, nested as little as it can be: DuckDB bounds the depth, and a file has many columns."""
    if len(terms) < 2:
        return terms[0] if terms else "0"
    half = len(terms) // 2
    return f"({added(terms[:half])} + {added(terms[half:])})"


def identifier(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
