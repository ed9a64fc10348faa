"""What the footers of Parquet files that we wrote say of their columns. Of what came to us, nothing is believed."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow.parquet as pq

from tidegate.engines.plan import DataFile, Extremes

_MOST_FILES = 64  # to read the footers of more takes longer than it spares


def extremes(files: Iterable[DataFile], columns: Iterable[str]) -> dict[str, Extremes]:
    """The extremes of the columns of numbers, of which every footer tells them."""
    files, found = list(files), {name: Extremes() for name in columns}
    for file in files if len(files) <= _MOST_FILES else ():
        metadata = pq.read_metadata(file.path)
        places = places_of(metadata)
        told = {name: in_file(metadata, places[name]) for name in found if name in places}
        found = {name: found[name].joined(each) for name, each in told.items() if each is not None}
    return found if 0 < len(files) <= _MOST_FILES else {}


def places_of(metadata: pq.FileMetaData) -> dict[str, int]:
    """Where each column stands, but for names that also are the path of a field in a struct."""
    places: dict[str, list[int]] = {}
    for place in range(metadata.num_columns):
        places.setdefault(metadata.schema.column(place).path, []).append(place)
    return {name: found[0] for name, found in places.items() if len(found) == 1}


def in_file(metadata: pq.FileMetaData, place: int) -> Extremes | None:
    """The extremes of one column; None where a row group does not tell them."""
    found = Extremes()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        told = group.column(place).statistics
        if told is None or not told.has_null_count:
            return None
        each = Extremes(values=group.num_rows - told.null_count, nulls=told.null_count)
        if each.values:
            if not told.has_min_max or not isinstance(told.min, int | float):
                return None
            each = each.model_copy(update={"low": told.min, "high": told.max})
        found = found.joined(each)
    return found
