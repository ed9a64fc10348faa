"""A handle on a dataset at one version. It holds no data and reads only what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tidegate.columns import SAMPLE_WEIGHT
from tidegate.errors import Misuse
from tidegate.pool.reading import Filters, Reading, reading

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from tidegate.pool.as_torch import TensorBatches

_BATCH = 65_536


@dataclass(frozen=True)
class Dataset:
    """The training dataset as one version of a Delta table.

    Attributes:
        uri: the table's folder. One in an object store is read from there, with the credentials that are found then.
        version: the version; later publishes do not change what this handle reads.
    """

    uri: str
    version: int

    def to_batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        lineage: bool = False,
        batch_size: int = _BATCH,
    ) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow batches, in the table's order; in memory is a row group at a time.

        Args:
            columns: which columns; all without.
            filters: which rows: an expression of pyarrow, such as ``pc.field("cars") > 5``, or tuples of column,
                operator and value, such as ``[("cars", ">", 5)]``.
            lineage: whether `_submission` and `_contributor` come with them.
            batch_size: rows a batch; the last one has what is left.

        Raises:
            Misuse: there is no such column, the filter is none, or the size.
            PoolError: the dataset cannot be read.
        """
        return self._reading(columns, filters, lineage).batches(_at_least_one(batch_size))

    def to_arrow(
        self, columns: Sequence[str] | None = None, *, filters: Filters | None = None, lineage: bool = False
    ) -> pa.Table:
        """The rows as an Arrow table, in memory. Takes and raises what `to_batches` does."""
        return self._reading(columns, filters, lineage).table()

    def to_pandas(
        self, columns: Sequence[str] | None = None, *, filters: Filters | None = None, lineage: bool = False
    ) -> pd.DataFrame:
        """The rows as a pandas frame, in memory. Takes and raises what `to_batches` does."""
        frame: pd.DataFrame = self.to_arrow(columns, filters=filters, lineage=lineage).to_pandas()
        return frame

    def to_polars(
        self, columns: Sequence[str] | None = None, *, filters: Filters | None = None, lineage: bool = False
    ) -> pl.LazyFrame:
        """The rows as a lazy frame of Polars: nothing is read before it is collected.

        Only the columns that are selected are read. What Polars filters goes down to the files of a local pool, and
        `filters` goes down anywhere. Takes and raises what `to_batches` does; `Misuse` also without Polars.
        """
        _need("polars")
        from tidegate.pool.as_polars import lazy_frame

        return lazy_frame(self._reading(columns, filters, lineage))

    def to_torch(
        self,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        batch_size: int = 1024,
        share: tuple[int, int] = (0, 1),
    ) -> TensorBatches:
        """The rows as an `IterableDataset` of PyTorch, which gives a tensor per column, `batch_size` rows at a time.

        It is for ``DataLoader(..., batch_size=None)``, with any number of workers: each reads row groups of its own,
        and no row is read twice. A null among floats is NaN.

        Args:
            columns: which columns; they must be numbers or booleans.
            filters: which rows, as for `to_batches`.
            batch_size: rows a batch; the last one of each worker has what is left.
            share: (rank, ranks) where several processes train, each on rows of its own.

        Raises:
            Misuse: besides, PyTorch is not installed, or a column's cells fit into no tensor. While it is read: a null
                where there can be none, or a forked worker, which cannot read an object store.
        """
        if not 0 <= share[0] < share[1]:
            raise Misuse(f"share={share} is none: it is (rank, ranks), with ranks counted from 0.")
        _need("torch")
        from tidegate.pool.as_torch import TensorBatches

        return TensorBatches(self._reading(columns, filters, lineage=False), _at_least_one(batch_size), share)

    def training_batches(
        self,
        target: str,
        columns: Sequence[str] | None = None,
        *,
        filters: Filters | None = None,
        batch_size: int = _BATCH,
    ) -> Iterator[tuple[pd.DataFrame, pd.Series[Any], pd.Series[Any] | None]]:
        """Batches for a loop of `partial_fit`, as scikit-learn takes them: inputs, targets and weights.

        Args:
            target: the column that is to be predicted.
            columns: the inputs; without, all columns but the target, the weights and those of lineage.
            filters: which rows, as for `to_batches`.
            batch_size: rows a batch; the last one has what is left.

        Returns:
            Triples. The weights are the column `sample_weight` of a weighted output, and None of another dataset, as
            `partial_fit(x, y, sample_weight=None)` has it.

        Raises:
            Misuse: there is no such column, the target is an input, the filter is none, or the size.
            PoolError: the dataset cannot be read.
        """
        whole = self._reading(None, filters, lineage=False)
        weighted = SAMPLE_WEIGHT in whole.columns
        aside = [target, SAMPLE_WEIGHT] if weighted else [target]
        if columns is None:
            columns = [name for name in whole.columns if name not in aside]
        inputs = list(whole.only(columns).columns)
        if target in inputs:
            raise Misuse(f"{target!r} cannot be an input: it is what is to be predicted.", "Leave it out of columns.")
        chosen = whole.only(list(dict.fromkeys([*inputs, *aside])))
        frames = (batch.to_pandas() for batch in chosen.batches(_at_least_one(batch_size)))
        return ((frame[inputs], frame[target], frame[SAMPLE_WEIGHT] if weighted else None) for frame in frames)

    def count(self, *, filters: Filters | None = None) -> int:
        """How many rows it has, or how many of them a filter lets through. Raises what `to_batches` does."""
        return self._reading(None, filters, lineage=False).count()

    def log_input(self, context: str = "training") -> None:
        """Log this version as an input of the MLflow run that is under way: `tidegate lineage` finds it by that.

        Args:
            context: what the run does with it, as MLflow keeps it.

        Raises:
            Misuse: MLflow is not installed, or there is no such run.
            PoolError: the dataset cannot be opened.
        """
        from tidegate.pool.as_input import log_input

        log_input(self.uri, self.version, context)

    def _reading(self, columns: Sequence[str] | None, filters: Filters | None, lineage: bool) -> Reading:
        return reading(self.uri, self.version, columns, filters, lineage=lineage)


def _at_least_one(size: int) -> int:
    if size < 1:
        raise Misuse(f"A batch of {size} rows is none.", "Give batch_size a number from 1 on.")
    return size


def _need(package: str) -> None:
    if find_spec(package) is None:
        raise Misuse(f"This needs the package {package}.", f"Install it with: pip install {package}")
