"""The footer of a Parquet file that came to us: what it admits to before the file is read, and whether it was true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.columns import PROBLEMS
from tidegate.config import Resources
from tidegate.engines.duckdb.footer import places_of
from tidegate.errors import SourceUnreadable
from tidegate.readers.admission import (
    DECODED,
    too_large_a_row_group,
    too_many_bytes,
    too_many_columns,
    too_many_records,
)
from tidegate.readers.names import NOT_COUNTED, twins

_MAX_PRECISION = 38
_ORDERED = (int, float, Decimal, date, time)  # whose extremes are exact; those of texts may be cut off


def check_footer(uri: str, plain: Path, limits: Resources) -> pq.FileMetaData:
    """The footer, if what it says of the file is allowed.

    Raises:
        SourceUnreadable: it cannot be read, contradicts itself, or tells of more than the limits allow.
    """
    try:
        metadata = pq.read_metadata(plain)
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        decoded = sum(group.total_byte_size for group in groups)
        names = metadata.schema.to_arrow_schema().names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a name that is no text
        raise corrupt(uri, error) from None
    if metadata.num_columns > limits.max_columns:
        raise too_many_columns(uri, metadata.num_columns, limits.max_columns)
    if metadata.num_rows > limits.max_records:
        raise too_many_records(uri, metadata.num_rows, limits.max_records)
    if decoded > limits.max_bytes:
        raise too_many_bytes(uri, decoded, limits.max_bytes, DECODED)
    if (largest := max((group.total_byte_size for group in groups), default=0)) > limits.max_row_group_bytes:
        raise too_large_a_row_group(uri, largest, limits.max_row_group_bytes)
    if sum(group.num_rows for group in groups) != metadata.num_rows:
        raise SourceUnreadable(f"{uri} contradicts itself about how many records it holds.", "Write it anew.")
    if not names:
        raise SourceUnreadable(f"{uri} has no columns.")
    if same := twins(names):
        raise SourceUnreadable(
            f"{uri} has two columns of one name: {same[0]!r} and {same[1]!r}.",
            f"{NOT_COUNTED} Rename or remove one.",
        )
    _refuse_wide_decimals(uri, metadata)
    return metadata


def refuse_lies(uri: str, footer: pq.FileMetaData, staged: pq.FileMetaData, groups: range, *, repaired: bool) -> None:
    """Hold what a footer said of its columns against what their values turned out to be.

    Nothing is judged by a foreign footer, so a lie in it changes no verdict: but its file is corrupt or forged.

    Args:
        footer: the file's own.
        staged: that of its rows as we wrote them; columns of another type there are passed over.
        groups: the row groups in which they are.
        repaired: whether cells may have become null on the way.

    Raises:
        SourceUnreadable: there are other nulls than it says, or values beyond its extremes.
    """
    kinds, places, written = _kinds(footer), places_of(footer), places_of(staged)
    all_ours = range(staged.num_row_groups)
    malformed = _nulls(staged, written[PROBLEMS], all_ours) != staged.num_rows
    exact = not repaired and not malformed  # a malformed cell is null as well
    ours = _kinds(staged)
    for name in kinds.keys() & ours.keys() & places.keys() & written.keys():
        if kinds[name] != ours[name] or pa.types.is_nested(kinds[name]):
            continue
        said, found = _nulls(footer, places[name], groups), _nulls(staged, written[name], all_ours)
        whole = exact and not pa.types.is_floating(kinds[name])  # NaN is a null here
        if said is not None and found is not None and (said > found or (whole and said != found)):
            raise _lie(uri, name, "how many nulls there are")
        low, high = _extremes(footer, places[name], groups)
        least, most = _extremes(staged, written[name], all_ours)
        if (low is not None and least is not None and least < low) or (
            high is not None and most is not None and most > high
        ):
            raise _lie(uri, name, "the smallest or the largest value")


def corrupt(uri: str, error: Exception) -> SourceUnreadable:
    """The error for a file that a library cannot read."""
    return SourceUnreadable(
        f"{uri} cannot be read as Parquet: {str(error).splitlines()[0]}", "Is it complete? Write it anew."
    )


def _lie(uri: str, name: str, about: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{uri} contradicts itself: its footer is wrong about {about} in {name!r}.",
        "The file is corrupt or forged. Write it anew.",
    )


def _kinds(metadata: pq.FileMetaData) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in metadata.schema.to_arrow_schema()}


def _statistics(metadata: pq.FileMetaData, place: int, groups: range) -> Iterator[pq.Statistics | None]:
    return (metadata.row_group(number).column(place).statistics for number in groups)


def _nulls(metadata: pq.FileMetaData, place: int, groups: range) -> int | None:
    """How many nulls a column has; None where a row group does not tell."""
    told = [each.null_count if each and each.has_null_count else None for each in _statistics(metadata, place, groups)]
    return None if None in told else sum(each for each in told if each is not None)


def _extremes(metadata: pq.FileMetaData, place: int, groups: range) -> tuple[Any, Any]:
    """The smallest and the largest value of a column; None where a row group has values and does not tell."""
    ends: list[tuple[Any, Any]] = []
    for told in _statistics(metadata, place, groups):
        if told and told.has_null_count and not told.num_values:
            continue  # nulls have no extremes
        if told is None or not told.has_min_max:
            return None, None
        with suppress(ValueError, OverflowError):  # a date that Python has not
            ends.append((told.min, told.max))
            continue
        return None, None
    if not ends or not all(isinstance(end, _ORDERED) for pair in ends for end in pair):
        return None, None
    return min(low for low, _ in ends), max(high for _, high in ends)


def _refuse_wide_decimals(uri: str, metadata: pq.FileMetaData) -> None:
    """DuckDB reads a decimal of more than 38 digits as a float, and not as the one that it is: 1.00 became 7.2e16."""
    for place in range(metadata.num_columns):
        told = metadata.schema.column(place)
        if told.precision > _MAX_PRECISION:
            raise SourceUnreadable(
                f"{uri} has decimals of {told.precision} digits in {told.path!r};"
                f" {_MAX_PRECISION} can be read exactly.",
                "Write them with fewer digits, or as text.",
            )
