"""A submission for clusters: many files, rows that fail or repeat, and a check that waits where a test wants it to."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
from tests.engines.spark.processes import until

from tidegate import integrate_contributed_data
from tidegate.pool import Dataset, history, pool_files
from tidegate.receipt import Receipt

_FILES, _ROWS = 10, 2_000
_CONTRACT = '''"""Trips."""

import os
import time
from pathlib import Path

import pandera.pandas as pa

HERE = Path({here!r})
MADE_UP = 100


def wait():
    """Where there is `hold`, the first to find it waits for `go`, and is killed before that comes."""
    with (HERE / "calls").open("a") as calls:
        calls.write(os.getcwd() + "\\n")
    try:
        (HERE / "hold").rename(HERE / "holding")
    except FileNotFoundError:
        return
    (HERE / "holding").write_text(f"{{os.getpid()}} {{os.getcwd()}}")
    (HERE / "holding").rename(HERE / "held")
    until = time.monotonic() + {patience}
    while not (HERE / "go").exists() and time.monotonic() < until:
        time.sleep(0.02)
    (HERE / "released").touch()


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: int = pa.Field(ge=0, unique=True, metadata={{"key": True}})
    place: str = pa.Field(isin=["north", "south"])
    distance: float = pa.Field(ge=0)

    @pa.check("distance")
    def plausible(cls, series):
        """No trip is longer than the road."""
        if len(series) > MADE_UP:
            wait()
        return series < 1000

    class Config:
        strict = True
'''


class Trips:
    """A registry, a submission and a pool with some of its trips, in a folder.

    Attributes:
        files: of the submission.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        contract = folder / "registry" / "contracts" / "trips" / "v1_0.py"
        contract.parent.mkdir(parents=True)
        contract.write_text(_CONTRACT.format(here=str(folder), patience=600))
        self.files = [_written(folder / f"{n}.csv", n * _ROWS, _ROWS) for n in range(_FILES)]
        self._base = folder / "base"
        earlier = _written(folder / "earlier.csv", _ROWS // 2, 50)
        integrate_contributed_data(**self.call(self._base, data_path=str(earlier), engine="duckdb"))

    def call(self, pool: Path, **more: Any) -> dict[str, Any]:
        """What integrates the submission into a pool."""
        return {
            "data_path": [str(file) for file in self.files], "schema_config": "trips", "engine": "spark",
            "registry": str(self.folder / "registry"), "training_data": str(pool), "contributor": "harbour",
            "state_dir": str(pool.with_name("state")), "tracking": False, "validation_config": {
                "max_failing_fraction": 0.1
            },
        } | more  # fmt: skip

    def pool(self, folder: Path) -> Path:
        """A pool as it is before the submission."""
        return Path(shutil.copytree(self._base, folder / "pool"))

    @cached_property
    def expected(self) -> Receipt:
        """What DuckDB says of the submission."""
        place = self.folder / "expected"
        place.mkdir()
        receipt = integrate_contributed_data(**self.call(self.pool(place), engine="duckdb")).receipt
        rows = receipt.rows
        assert min(rows.malformed, rows.failed, rows.duplicate, rows.accepted) > 0
        return receipt

    def hold(self) -> None:
        """Have the next who judges real rows wait."""
        for name in ("calls", "held", "released"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "hold").touch()

    def held(self) -> tuple[psutil.Process, Path]:
        """Wait until one does: its process, and where that works."""
        until((self.folder / "held").exists, "a check is held")
        number, where = (self.folder / "held").read_text().split(None, 1)
        return psutil.Process(int(number)), Path(where)

    @property
    def released(self) -> bool:
        """Whether who was held went on."""
        return (self.folder / "released").exists()

    @property
    def callers(self) -> set[Path]:
        """Where checks were called."""
        return {Path(line) for line in (self.folder / "calls").read_text().splitlines()}

    def holds(self, receipt: dict[str, Any], pool: Path) -> None:
        """Assert that it was judged as DuckDB judges it and published once, and that nothing was left behind."""
        got, expected = Receipt.model_validate(receipt), self.expected
        assert (got.rows, got.report_digest) == (expected.rows, expected.report_digest)
        assert (got.dataset_version, got.dataset_rows) == (expected.dataset_version, expected.dataset_rows)
        entries = history(pool)
        assert [entry.version for entry in entries] == [1, 0]
        files, _, _ = pool_files(pool, pool)
        assert {file.path.name for file in files} == {path.name for path in pool.glob("*.parquet")}
        assert trips_in(pool) == trips_in(self.folder / "expected" / "pool")
        assert list((pool.with_name("state") / "work").iterdir()) == []


def trips_in(pool: Path) -> list[int]:
    """The trips of a pool, in its order."""
    numbers: list[int] = Dataset(str(pool), history(pool)[0].version).to_arrow(["trip"]).column("trip").to_pylist()
    return numbers


def _written(path: Path, first: int, rows: int) -> Path:
    """A file of trips: some are malformed, some fail, and some are those of the file before."""
    lines = ["trip,place,distance"]
    for row in range(rows):
        trip = first - 7 if row % 211 == 5 and first else first + row
        place = "nowhere" if row % 307 == 3 else ("north", "south")[row % 2]
        distance = {17: "far", 19: "-1", 23: "5000"}.get(row % 401, f"{row / 8}")
        lines.append(f"{trip},{place},{distance}")
    path.write_text("\n".join(lines) + "\n")
    return path


def gone(process: psutil.Process) -> None:
    """Wait until a process has ended."""
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, f"{process} ends")
