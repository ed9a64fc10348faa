"""A dataset as an iterable dataset of PyTorch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import torch
from torch.utils.data import IterableDataset, get_worker_info

from tidegate.errors import Misuse
from tidegate.pool.location import is_remote
from tidegate.pool.reading import Reading


class TensorBatches(IterableDataset[dict[str, torch.Tensor]]):
    """Batches of rows, each a tensor per column. Workers of a `DataLoader` share the row groups among themselves.

    Args:
        reading: the columns and rows.
        size: rows a batch.
        share: (rank, ranks): which of the row groups are this process's where several train.

    Raises:
        Misuse: a column has neither numbers nor booleans.
    """

    def __init__(self, reading: Reading, size: int, share: tuple[int, int]) -> None:
        for field in reading.chosen:
            if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or field.type == pa.bool_()):
                raise Misuse(
                    f"Column {field.name!r} is of type {field.type}, which no tensor holds.",
                    "Name the columns that are numbers or booleans: columns=[...].",
                )
        self._reading, self._size, self._share = reading, size, share
        self._process = os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state | {"_process": os.getpid()}

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        if is_remote(self._reading.uri) and self._process != os.getpid():
            # The runtime of delta-rs does not outlive a fork.
            raise Misuse(
                "A worker that was forked cannot read a pool in an object store.",
                'Give the DataLoader multiprocessing_context="spawn".',
            )
        (rank, ranks), worker = self._share, get_worker_info()
        workers = 1 if worker is None else worker.num_workers
        number = rank * workers + (0 if worker is None else worker.id)
        for batch in self._reading.batches(self._size, (number, ranks * workers), threads=worker is None):
            yield {name: _tensor(name, cells) for name, cells in zip(batch.schema.names, batch.columns, strict=True)}


def _tensor(name: str, cells: pa.Array) -> torch.Tensor:
    """The cells of a column. A null among floats is NaN."""
    if cells.null_count and not pa.types.is_floating(cells.type):
        raise Misuse(
            f"Column {name!r} has nulls, which a tensor of {cells.type} cannot hold.",
            f"Leave them out: filters=pyarrow.compute.field({name!r}).is_valid().",
        )
    return torch.from_numpy(cells.to_numpy(zero_copy_only=False).copy())
