"""What all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import pyarrow
import pyarrow.parquet as pq
import pytest
from tests.sources.stores import S3, Azure, azurite, moto
from tests.spark import local_session
from tests.warm.python import python

from tidegate.columns import RECORD
from tidegate.config import IntegrationConfig, load_config
from tidegate.engines import DataFile, Engine, open_engine
from tidegate.registry import Contract, load_contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


# What takes longest comes first, or one core would wait for the other's last test. Its fixtures are shared by its file.
LONG = (
    "tests/engines/spark", "tests/flows", "tests/tracking/test_server.py", "tests/test_determinism.py", "tests/crash",
    "tests/contracts", "tests/docs", "tests/benchmarks", "tests/tracking",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Any test can be run on any engine: ``--engine spark``."""
    parser.addoption("--engine", choices=("duckdb", "spark"), default="duckdb", help="what runs where no test says")
    parser.addoption("--thorough", action="store_true", help="also what takes long: make thorough")


def pytest_configure(config: pytest.Config) -> None:
    """Make the engine that was asked for the default one, in this process."""
    engine = config.getoption("--engine")
    if engine != "duckdb":
        IntegrationConfig.model_fields["engine"].default = engine
        IntegrationConfig.model_rebuild(force=True)
        open_engine.__wrapped__.__defaults__ = (engine,)  # type: ignore[attr-defined]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes long first, and leave out what is about DuckDB itself where another engine was asked for."""
    items.sort(key=lambda item: next((n for n, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG)))
    if not config.getoption("--thorough"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("thorough")])
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    engine = config.getoption("--engine")
    for item in items:
        about = item.get_closest_marker("duckdb")
        if about is not None and engine != "duckdb":
            item.add_marker(pytest.mark.skip(reason=f"not on {engine}: {about.args[0]}"))


def pytest_collection_finish() -> None:
    """What has been imported by now stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _engine(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--engine") == "spark":
        request.getfixturevalue("spark")


@pytest.fixture(scope="session")
def spark(require_program: Callable[..., Path]) -> SparkSession:
    """A Spark session on this machine's cores; where there is no Java the test is skipped, and fails in CI."""
    require_program("java", package="default-jre-headless")
    return local_session()


@pytest.fixture(scope="session")
def require_program() -> Callable[..., Path]:
    """A function that finds a program: ``require_program("chromium", package="chromium")``.

    Where the program is missing the test is skipped, with the reason, on a user's machine, and fails where
    ``CI`` is set: there .ci/run installs what the tests need, and a skip would hide that it did not.
    """
    return _require_program


def _require_program(name: str, *, package: str) -> Path:
    if found := shutil.which(name):
        return Path(found)
    # Debian keeps PostgreSQL's server programs off the path, one folder for each version.
    if off_path := sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")):
        return off_path[-1]
    reason = f"the program {name} is not on this machine (Debian's package: {package})"
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{reason}, and .ci/run should have installed it", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """A Python that has everything heavy imported: `tests.warm.python` tells what it is good for, and what not."""
    with python() as path:
        yield path


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store for tests that are not about tracking: to make a new one takes MLflow seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def working_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that makes a registry with one contract, `trips`, of a new working directory, which it returns."""

    def make(contract: str) -> Path:
        (tmp_path / "contracts" / "trips").mkdir(parents=True)
        (tmp_path / "contracts" / "trips" / "v1_0.py").write_text(contract)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TIDEGATE_REGISTRY", str(tmp_path))
        return tmp_path

    return make


@pytest.fixture
def make_contract(tmp_path: Path) -> Callable[[str], Contract]:
    """A function that loads a contract from the body of its model.

    The text is what stands in the class; pandas, pyarrow, Pandera and the typing names are imported for it.
    """

    def make(body: str, name: str = "sample") -> Contract:
        path = tmp_path / "registry" / "contracts" / name / "v1_0.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONTRACT_HEAD + textwrap.indent(textwrap.dedent(body), "    "))
        return load_contract(path)

    return make


CONTRACT_HEAD = """\
from typing import Annotated, Optional

import pandas as pd
import pandera.pandas as pa
import pyarrow


class Sample(pa.DataFrameModel):
    '''One row of a test.'''

"""


class Bench:
    """A real engine in a folder of its own, fed with Arrow tables."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self._number = engine, folder, 0

    def table(self, cells: dict[str, list[Any]] | pyarrow.Table) -> ir.Table:
        """The cells as a table of the engine, with record numbers."""
        self._number += 1
        rows = cells if isinstance(cells, pyarrow.Table) else pyarrow.table(cells)
        for number, field in enumerate(rows.schema):  # what we write has a type in every column
            if pyarrow.types.is_null(field.type):
                rows = rows.set_column(number, field.name, rows.column(number).cast(pyarrow.string()))
        path = self.folder / f"{self._number}.parquet"
        pq.write_table(rows, path)
        return self.engine.table(f"t{self._number}", (DataFile(path=path, rows=rows.num_rows),), record=RECORD)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A real engine to try expressions on."""
    folder = tmp_path / "bench"
    folder.mkdir()
    with open_engine(load_config({"schema_config": "sample"}), folder) as engine:
        yield Bench(engine, folder)


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """Where moto's server is."""
    with moto() as port:
        yield port


@pytest.fixture(scope="session")
def azurite_port() -> Iterator[int]:
    """Where Azurite is."""
    with azurite() as port:
        yield port


@pytest.fixture
def s3(moto_port: int, monkeypatch: pytest.MonkeyPatch) -> S3:
    """An empty bucket; boto3 finds its server and its credentials by itself."""
    for name, value in S3.environment(moto_port).items():
        monkeypatch.setenv(name, value)
    return S3(moto_port)


@pytest.fixture
def azure(azurite_port: int, monkeypatch: pytest.MonkeyPatch) -> Azure:
    """An empty container; where it is and its key are in the environment."""
    for name, value in Azure.environment(azurite_port).items():
        monkeypatch.setenv(name, value)
    return Azure(azurite_port)


@pytest.fixture(params=["s3", "azure"])
def store(request: pytest.FixtureRequest) -> S3 | Azure:
    """An empty bucket or container."""
    found: S3 | Azure = request.getfixturevalue(request.param)
    return found
