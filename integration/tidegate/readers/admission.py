"""What is beyond the budget of a submission: the errors, each of which names the limit and how to raise it.

The limits are keys of `tidegate.config.Resources`. Where a size is not known before the end, it is told how much it was
when the limit was passed.
"""

from __future__ import annotations

from tidegate.errors import SourceUnreadable

DECODED = "bytes of data or more"
DECOMPRESSED = "bytes or more when decompressed"


def too_many_files(most: int) -> SourceUnreadable:
    """The error for a submission beyond `resources.max_files`."""
    return _beyond("The submission", "has more than", most, "files", "max_files", most)


def too_many_bytes(what: object, size: int, most: int, which: str = "bytes") -> SourceUnreadable:
    """The error for files beyond `resources.max_bytes`; `which` says whether they are as they come or plain ones."""
    return _beyond(what, "has", size, which, "max_bytes", most)


def too_many_records(what: object, records: int, most: int) -> SourceUnreadable:
    """The error for files beyond `resources.max_records`."""
    return _beyond(what, "has", records, "records", "max_records", most)


def too_many_columns(what: object, columns: int, most: int) -> SourceUnreadable:
    """The error for a file beyond `resources.max_columns`."""
    return _beyond(what, "has", columns, "columns or more", "max_columns", most)


def too_large_a_row_group(what: object, size: int, most: int) -> SourceUnreadable:
    """The error for a Parquet file beyond `resources.max_row_group_bytes`."""
    return _beyond(what, "has a row group of", size, "decoded bytes", "max_row_group_bytes", most)


def too_compressed(what: object, size: int, produced: int) -> SourceUnreadable:
    """The error for a file beyond `resources.max_compression_ratio`."""
    return SourceUnreadable(
        f"{what} looks like a decompression bomb: {size} bytes became more than {produced}.",
        "Raise resources.max_compression_ratio if its content is really that repetitive; resources.max_bytes bounds"
        " its size.",
    )


def _beyond(what: object, has: str, much: int, unit: str, key: str, most: int) -> SourceUnreadable:
    return SourceUnreadable(
        f"{what} {has} {much} {unit}; resources.{key} allows {most}.", f"Raise resources.{key} if that is meant."
    )
