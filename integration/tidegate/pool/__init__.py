"""The pool: a Delta table that is the training dataset. Publish, read, look back, roll back.

An integrated dataset at `output` is a Delta table of the same kind, written once.
"""

from tidegate.pool.dataset import Dataset
from tidegate.pool.diff import Change, Diff, diff
from tidegate.pool.history import HistoryEntry, find_published, history, rollback, table_version
from tidegate.pool.location import Location, is_remote, pool_location
from tidegate.pool.publish import Published, publish
from tidegate.pool.statistics import pool_statistics
from tidegate.pool.table import pool_files
from tidegate.pool.verify import Finding, Verification, verify

__all__ = [
    "Change",
    "Dataset",
    "Diff",
    "Finding",
    "HistoryEntry",
    "Location",
    "Published",
    "Verification",
    "diff",
    "find_published",
    "history",
    "is_remote",
    "pool_files",
    "pool_location",
    "pool_statistics",
    "publish",
    "rollback",
    "table_version",
    "verify",
]
