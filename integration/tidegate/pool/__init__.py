"""The pool: a Delta table that is the training dataset. Publish, read, look back, roll back, revoke, and its upkeep.

An integrated dataset at `output` is a Delta table of the same kind, written once.
"""

from tidegate.pool.as_input import AsInput, as_input, mlflow_columns, version_digests
from tidegate.pool.contents import Contents, Contribution, Left, contents, versions_of
from tidegate.pool.dataset import Dataset
from tidegate.pool.diff import Change, Diff, diff
from tidegate.pool.history import HistoryEntry, find_published, history, rollback, table_version, versions_with
from tidegate.pool.location import Location, is_remote, pool_location
from tidegate.pool.maintain import Maintained, maintain
from tidegate.pool.publish import Published, publish
from tidegate.pool.revoke import Revoked, revoke
from tidegate.pool.table import pool_bytes, pool_files
from tidegate.pool.verify import Finding, Verification, verify

__all__ = [
    "AsInput",
    "Change",
    "Contents",
    "Contribution",
    "Dataset",
    "Diff",
    "Finding",
    "HistoryEntry",
    "Left",
    "Location",
    "Maintained",
    "Published",
    "Revoked",
    "Verification",
    "as_input",
    "contents",
    "diff",
    "find_published",
    "history",
    "is_remote",
    "maintain",
    "mlflow_columns",
    "pool_bytes",
    "pool_files",
    "pool_location",
    "publish",
    "revoke",
    "rollback",
    "table_version",
    "verify",
    "version_digests",
    "versions_of",
    "versions_with",
]
