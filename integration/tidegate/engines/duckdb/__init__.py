"""The embedded engine: DuckDB, out of core, with memory, threads and a spill folder always bounded."""

from tidegate.engines.duckdb.engine import DuckDBEngine

__all__ = ["DuckDBEngine"]
