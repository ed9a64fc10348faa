"""A dataset in PyTorch. Its builds are of gigabytes, so it is in no extra, and these tests are run where it is."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pyarrow as pa
import pytest
from tests.pool.test_dataset import FIRST, put

from tidegate.errors import Misuse
from tidegate.pool import Dataset
from tidegate.pool.reading import Reading

torch = pytest.importorskip("torch", reason="PyTorch is not installed, so to_torch was NOT tested: pip install torch")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dataset.md"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Trips 0 to 54, in seven row groups of two files."""
    pool = tmp_path_factory.mktemp("torch") / "pool"
    put(pool, "a", range(25), FIRST)
    return put(pool, "b", range(25, 55), FIRST)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_every_row_comes_once(dataset: Dataset, workers: int) -> None:
    batches = dataset.to_torch(["trip", "cars"], filters=[("trip", ">=", 5)], batch_size=8)
    dataset.to_arrow()  # Arrow and delta-rs have threads by now, which do not outlive a fork
    loaded = list(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=workers))
    trips = torch.cat([batch["trip"] for batch in loaded])
    assert sorted(trips.tolist()) == list(range(5, 55))
    assert (trips.dtype, loaded[0]["cars"].dtype) == (torch.int64, torch.float64)
    assert torch.equal(torch.cat([batch["cars"] for batch in loaded]), trips / 2)
    assert sum(len(batch["trip"]) < 8 for batch in loaded) <= max(workers, 1), "the last of each worker"


def test_ranks_share_the_rows(dataset: Dataset) -> None:
    shares = [[t for b in dataset.to_torch(["trip"], share=(rank, 2)) for t in b["trip"].tolist()] for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == list(range(55))
    assert all(shares)
    with pytest.raises(Misuse, match="share="):
        dataset.to_torch(["trip"], share=(2, 2))


def test_what_no_tensor_holds_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="'pier' is of type string"):
        dataset.to_torch()
    cars = torch.cat([batch["cars"] for batch in dataset.to_torch(["cars"])])
    assert cars.isnan().nonzero().flatten().tolist() == [3]
    gaps = put(tmp_path / "pool", "a", range(5), pa.schema([("trip", pa.int64())]))
    more = put(tmp_path / "pool", "b", range(5, 9), pa.schema([("trip", pa.int64()), ("late", pa.bool_())]))
    assert gaps.version < more.version
    with pytest.raises(Misuse, match=r"(?s)'late' has nulls.*is_valid\(\)"):
        list(more.to_torch(["late"]))
    (batch,) = more.to_torch(["late"], filters=pa.compute.field("late").is_valid())
    assert batch["late"].tolist() == [False, True, False, True]


def test_a_forked_worker_does_not_read_an_object_store() -> None:
    from tidegate.pool.as_torch import TensorBatches

    schema = pa.schema([("trip", pa.int64())])
    batches = TensorBatches(Reading("s3://bucket/pool", {}, schema, ("trip",), None), 8, (0, 1))
    batches._process -= 1
    with pytest.raises(Misuse, match=r'(?s)forked.*multiprocessing_context="spawn"'):
        next(iter(batches))
    assert pickle.loads(pickle.dumps(batches))._process != batches._process, "a spawned one may"


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_page_shows_what_works(dataset: Dataset) -> None:
    (example,) = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(example, "dataset.md: example", "exec", dont_inherit=True), {"dataset": dataset})
