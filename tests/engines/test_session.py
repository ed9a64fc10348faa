"""Which Spark session there is: asked without starting one, and told without an address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.engines.spark.reachable import reachable

NAMES = ("SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "SPARK_HOME", "SPARK_CONF_DIR", "MASTER")
SERVER = "the Spark Connect server that SPARK_REMOTE names"
ARGUMENTS = "the cluster that PYSPARK_SUBMIT_ARGS names"
DEFAULTS = "the cluster that spark-defaults.conf names"
MASTER = "the cluster that MASTER names"


def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is a session named, nor is the one seen that other tests have in this process."""
    monkeypatch.setattr("tidegate.engines.spark.reachable.active", lambda: None)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    no_session(monkeypatch)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, None),
        ({"SPARK_REMOTE": "sc://h:15002/;token=s3cret"}, SERVER),
        ({"SPARK_REMOTE": "local[*]"}, None),
        ({"SPARK_REMOTE": "local", "MASTER": "spark://h:7077"}, None),  # the first counts: it would be taken
        ({"MASTER": "spark://h:7077"}, MASTER),
        ({"MASTER": "spark://localhost:7077"}, MASTER),
        ({"MASTER": "local[4]"}, None),
        ({"PYSPARK_SUBMIT_ARGS": "--master yarn pyspark-shell"}, ARGUMENTS),
        ({"PYSPARK_SUBMIT_ARGS": "--master=yarn pyspark-shell"}, ARGUMENTS),
        ({"PYSPARK_SUBMIT_ARGS": "--remote 'sc://h/;token=a b' pyspark-shell"}, ARGUMENTS),
        ({"PYSPARK_SUBMIT_ARGS": "--conf spark.master=k8s://h pyspark-shell"}, ARGUMENTS),
        ({"PYSPARK_SUBMIT_ARGS": "--conf=spark.remote=sc://h pyspark-shell"}, ARGUMENTS),
        ({"PYSPARK_SUBMIT_ARGS": "--conf spark.master=yarn --master local[2] pyspark-shell"}, None),
        ({"PYSPARK_SUBMIT_ARGS": "--name --driver-memory 1g pyspark-shell"}, None),
        ({"PYSPARK_SUBMIT_ARGS": "--master 'yarn"}, None),
    ],
)
def test_what_the_environment_names(
    environment: dict[str, str], told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert reachable() == told


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("spark.master yarn", DEFAULTS),
        ("# spark.master yarn", None),
        ("spark.master=spark://h:7077\n", DEFAULTS),
        ("  spark.remote : sc://h", DEFAULTS),
        ("spark.master yarn\nspark.master local[2]", None),  # as in any file of properties, the last one holds
        ("spark.master.rest.enabled true", None),
        ("spark.executor.memory 4g", None),
    ],
)
@pytest.mark.parametrize("by", ["SPARK_HOME", "SPARK_CONF_DIR"])
def test_what_the_properties_of_spark_submit_name(
    by: str, properties: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text(properties)
    monkeypatch.setenv(by, str(tmp_path if by == "SPARK_HOME" else folder))
    assert reachable() == told


def test_a_folder_without_properties_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert reachable() is None


REAL = """
import sys
from tidegate.engines.spark.reachable import reachable

assert reachable() is None
assert "pyspark" not in sys.modules
from pyspark import SparkContext
from pyspark.sql import SparkSession

assert reachable() is None
assert SparkContext._active_spark_context is None and SparkContext._gateway is None
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
assert reachable() == "a Spark session of this process", reachable()
spark.stop()
assert reachable() is None
print("asked")
"""


@pytest.mark.timeout(1500)  # a JVM takes a while to start where others keep the machine busy
def test_a_real_session_counts_while_it_is_active_and_to_ask_starts_none(
    require_program: Callable[..., Path], tmp_path: Path
) -> None:
    require_program("java", package="default-jre-headless")
    done = subprocess.run([sys.executable, "-c", REAL], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["asked"], done.stderr
