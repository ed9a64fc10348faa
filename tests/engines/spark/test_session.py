"""What a user sees of Spark on the command line: our own words, no process that is left, and what is missing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml
from tests.cli.in_process import command_line
from tests.engines.spark import driver
from tests.engines.spark.processes import PATIENCE, Running, environment, submit, until
from tests.engines.spark.trips import Trips, gone, trips_in

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.engines.plan import StagePlan, StageSource
from tidegate.engines.spark import stage
from tidegate.errors import Misuse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.timeout(2 * PATIENCE)


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Trips:
    """The submission."""
    return Trips(tmp_path_factory.mktemp("trips"))


@pytest.fixture
def java(require_program: Callable[..., Path]) -> None:
    """Spark can be started."""
    require_program("java", package="default-jre-headless")


def command(trips: Trips, pool: Path, engine: str = "spark") -> list[str]:
    """What integrates by a file that says which engine."""
    call = {name: value for name, value in trips.call(pool, engine=engine).items() if name != "data_path"}
    (pool.parent / "config.yaml").write_text(yaml.safe_dump(call | {"resources": {"threads": 2}}))
    files = [str(file) for file in trips.files]
    tidegate = [sys.executable, "-c", "from tidegate.cli import main; main()"]
    return [*tidegate, "integrate", *files, "--config", str(pool.parent / "config.yaml")]


def _environment(**more: str) -> dict[str, str]:
    return environment(**{"PYSPARK_SUBMIT_ARGS": submit()} | more)


def run(trips: Trips, pool: Path, engine: str = "spark", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(trips, pool, engine), env=_environment(**env), cwd=pool.parent, text=True, capture_output=True
    )


def told(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    """What was printed, without what differs from one run to the next: where it ran, and the quarantine's name."""
    return re.sub(r"[0-9a-f]{32}\.parquet", "ID.parquet", done.stdout.replace(str(folder), ""))


def java_of(folder: Path) -> list[psutil.Process]:
    """The Java processes that were started in a folder."""
    return [one for one in psutil.process_iter(["name", "cwd"]) if one.info == {"name": "java", "cwd": str(folder)}]


@pytest.mark.usefixtures("java")
def test_on_this_machine_there_is_our_output_and_no_other(
    trips: Trips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(trips, trips.pool(tmp_path))
    (tmp_path / "duckdb").mkdir()
    monkeypatch.chdir(tmp_path / "duckdb")
    expected = command_line(*command(trips, trips.pool(tmp_path / "duckdb"), "duckdb")[3:], columns=80)
    assert (done.returncode, done.stderr) == (expected.returncode, expected.stderr) == (0, "")
    engine = "engine: spark (as configured)\n"
    assert told(done, tmp_path).replace(engine, "") == told(expected, tmp_path / "duckdb")
    assert engine in done.stdout
    assert java_of(tmp_path) == []


@pytest.mark.thorough
@pytest.mark.usefixtures("java")
def test_java_ends_with_a_process_that_is_killed(trips: Trips, tmp_path: Path) -> None:
    killed = Running(tmp_path, "killed", command(trips, trips.pool(tmp_path)), _environment())
    try:
        java = until(lambda: java_of(tmp_path), "Java is started")
        os.kill(killed.process.pid, signal.SIGKILL)
        for one in java:
            gone(one)
    finally:
        killed.kill()
    assert killed.log.read_bytes() == b""


@pytest.mark.thorough
@pytest.mark.usefixtures("java")
def test_ctrl_c_cleans_up(trips: Trips, tmp_path: Path) -> None:
    """PySpark has a handler of its own for it, which would make a traceback of it."""
    pool = trips.pool(tmp_path)
    before = trips_in(pool)
    trips.hold()
    stopped = Running(tmp_path, "stopped", command(trips, pool), _environment())
    try:
        process, _ = trips.held()
        os.killpg(stopped.process.pid, signal.SIGINT)  # as a terminal does
        assert stopped.process.wait(PATIENCE) == 130
        gone(process)
    finally:
        stopped.kill()
    words = "interrupted; call it again: what was published by then is not published twice\n"
    assert stopped.log.read_text() == words
    assert list((tmp_path / "state" / "work").iterdir()) == []
    assert trips_in(pool) == before


def test_without_java(trips: Trips, tmp_path: Path, require_program: Callable[..., Path]) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "env", "dirname", "readlink", "uname", "cat", "rm", "tr"):
        (programs / name).symlink_to(require_program(name, package="coreutils"))
    done = run(trips, trips.pool(tmp_path), PATH=str(programs), JAVA_HOME="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "misuse: Spark cannot be started: JAVA_GATEWAY_EXITED.\n\nSpark needs Java 17 or a server: docs/scaling.md.\n"
    )


def test_without_the_server(trips: Trips, tmp_path: Path) -> None:
    done = run(trips, trips.pool(tmp_path), SPARK_REMOTE="sc://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "misuse: There is no Spark Connect server at SPARK_REMOTE.\n\nStart it, or mend the address.\n"
    )


@pytest.mark.thorough
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize(
    ("package", "there"),
    [("__version__ = '0.0.0'", "Tidegate 0.0.0"), ("raise ModuleNotFoundError('no tidegate')", "no Tidegate")],
)
def test_another_version_on_the_workers(trips: Trips, tmp_path: Path, package: str, there: str) -> None:
    other = tmp_path / "other" / "tidegate" / "__init__.py"
    other.parent.mkdir(parents=True)
    other.write_text(package)
    arguments = submit(spark_executorEnv_PYTHONPATH=str(tmp_path / "other"), spark_log_level="OFF")
    done = run(trips, trips.pool(tmp_path), MASTER="local[1]", PYSPARK_SUBMIT_ARGS=arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"misuse: Spark's workers have {there}, and this is " in done.stderr
    assert done.stderr.endswith(".\n\nInstall the same version there.\n")


@pytest.mark.parametrize(
    ("package", "remote", "words"),
    [
        ("pyspark", "", "Spark is not installed.\n\nInstall it with: pip install 'tidegate[spark]'"),
        ("grpc", "sc://127.0.0.1:1", "Spark Connect is not installed.\n\npip install 'pyspark[connect]'"),
    ],
)
def test_without_a_package(trips: Trips, tmp_path: Path, package: str, remote: str, words: str) -> None:
    """What is None among the modules is not found, as if it were not installed."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules['{package}'] = None\n")
    paths = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    done = run(trips, trips.pool(tmp_path), PYTHONPATH=paths, SPARK_REMOTE=remote)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"misuse: {words}\n")


def _plan(folder: Path) -> StagePlan:
    source = folder / "a.csv"
    source.write_text("a\n1\n")
    return StagePlan(
        sources=(StageSource(uri="a.csv", path=source, format="csv", compression="none"),), folder=folder / "stage",
        columns=(Column(name="a", type="int64"),), strict=True, resources=Resources(),
    )  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("function", [driver.stage_elsewhere, driver.stage_into_another_folder])
def test_workers_that_see_other_folders(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any]
) -> None:
    monkeypatch.setattr(stage, "_stage", function)
    with stage.staging(spark, _plan(tmp_path)) as outcome, pytest.raises(Misuse, match="do not share") as caught:
        outcome()
    assert caught.value.hint is not None
    assert "state_dir" in caught.value.hint


def test_an_attempt_that_nobody_waits_for_makes_no_folder_anew(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    for function, of in ((stage._stage, plan), (stage._cut, plan.model_copy(update={"part_size": 1}))):
        told = function(of.model_dump(mode="json"))
        assert Path(told["unshared"]).parent == plan.folder
        assert not plan.folder.exists()
