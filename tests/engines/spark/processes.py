"""Spark's own programs as processes of the tests: a standalone cluster, a Connect server, and drivers.

Each is a group of its own, which is killed at the end, and which the system kills where the tests are killed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pyspark

import tidegate
from tidegate.audit.pandera_worker import end_with_parent

PATIENCE = 1800
"""Seconds after which what is waited for is not coming: no test hangs on how fast it comes."""
ROOT = Path(__file__).resolve().parents[3]
_HOME = Path(pyspark.__file__).parent
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For a Java that lives for seconds."""
_SETTINGS = {
    "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
    "spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": _QUICK, "spark.executor.extraJavaOptions": _QUICK,
}  # fmt: skip


def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait until something holds, and give what it gave."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{PATIENCE} s were not enough: {what}")


def environment(**more: str) -> dict[str, str]:
    """That of this process, with this checkout and without a cluster that it may name."""
    source = str(Path(tidegate.__file__).resolve().parent.parent)
    named = ("MASTER", "SPARK_REMOTE", "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS", "TIDEGATE_REGISTRY")
    kept = {name: value for name, value in os.environ.items() if name not in named}
    ours = {"PYTHONPATH": os.pathsep.join([source, str(ROOT)]), "PYSPARK_PYTHON": sys.executable}
    return kept | ours | more


def _conf(settings: dict[str, str]) -> list[str]:
    return [word for name, value in (_SETTINGS | settings).items() for word in ("--conf", f"{name}={value}")]


def submit(**settings: str) -> str:
    """Arguments of spark-submit, for PySpark's environment."""
    return shlex.join([*_conf({name.replace("_", "."): value for name, value in settings.items()}), "pyspark-shell"])


def _begin() -> None:
    """Not as in the background, where Ctrl-C is not heard."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """A process with all that it starts, and what it says in a file."""

    def __init__(self, folder: Path, name: str, command: list[str], env: dict[str, str]) -> None:
        self.log, self._name = folder / f"{name}.log", name
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
                preexec_fn=_begin,
            )  # fmt: skip

    def said(self, pattern: str) -> str:
        """Wait until it says something, and give the group of the pattern."""

        def heard() -> re.Match[str] | None:
            text = self.log.read_text(errors="replace")
            assert self.process.poll() is None, f"{self._name} ended:\n{text}"
            return re.search(pattern, text)

        found: re.Match[str] = until(heard, f"{self._name} says {pattern}")
        return found[1]

    def kill(self) -> None:
        """End the whole group at once, as a power cut does, and what made a group of its own within it."""
        started = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for one in started:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(started, PATIENCE)


def _spark_class(folder: Path, name: str, *arguments: str) -> Running:
    env = environment(SPARK_HOME=str(_HOME), SPARK_DAEMON_MEMORY="768m", SPARK_LOCAL_DIRS=str(folder))
    env |= {"SPARK_DAEMON_JAVA_OPTS": _QUICK, "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false"}
    return Running(folder, name, [str(_HOME / "bin" / "spark-class"), *arguments], env)


class Cluster:
    """A master and two workers of one core each, on hosts of their own, for no task runs twice on one host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._workers: dict[int, Running] = {}
        self._master = _spark_class(
            folder, "master", "org.apache.spark.deploy.master.Master",
            "--host", "127.0.0.1", "--port", "0", "--webui-port", "0",
        )  # fmt: skip

    def start(self) -> None:
        """Start what is not running, and wait for it."""
        self.master = self._master.said(r"Starting Spark master at (spark://\S+)")
        for number in {1, 2} - self._workers.keys():
            self._workers[number] = _spark_class(
                self.folder, f"worker-{number}", "org.apache.spark.deploy.worker.Worker", self.master,
                "--host", f"127.0.0.{number}", "--port", "0", "--webui-port", "0", "--cores", "1", "--memory", "1g",
                "--work-dir", str(self.folder / f"worker-{number}"),
            )  # fmt: skip
        for worker in self._workers.values():
            worker.said("(Successfully registered with master)")

    def kill_worker(self, place: Path) -> None:
        """Kill the worker within whose folder a place is, with its executors and all that they run."""
        number = next(n for n in self._workers if place.is_relative_to(self.folder / f"worker-{n}"))
        self._workers.pop(number).kill()

    def stop(self) -> None:
        for one in (*self._workers.values(), self._master):
            one.kill()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster until the end of the block."""
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@contextmanager
def connect_server(folder: Path) -> Iterator[tuple[str, Running]]:
    """A Spark Connect server until the end of the block: its address, and the process."""
    conf = _conf({"spark.connect.grpc.binding.port": "0", "spark.connect.grpc.binding.address": "127.0.0.1"})
    server = _spark_class(
        folder, "connect", "org.apache.spark.deploy.SparkSubmit", "--master", "local[2]", *conf,
        "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal",
    )  # fmt: skip
    try:
        yield "sc://" + server.said(r"Spark Connect server started at: (\S+:\d+)"), server
    finally:
        server.kill()


@contextmanager
def driver(folder: Path, job: dict[str, Any], **env: str) -> Iterator[Running]:
    """A process that does a job of `tests.engines.spark.driver`, until the end of the block."""
    (folder / "job.json").write_text(json.dumps(job))
    (folder / "answer.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.engines.spark.driver", str(folder)]
    running = Running(folder, "driver", command, environment(**env))
    try:
        yield running
    finally:
        running.kill()


def answer(folder: Path, running: Running) -> dict[str, Any]:
    """What a driver's job came to."""
    code = running.process.wait(PATIENCE)
    assert code == 0, f"it ended with {code}:\n{running.log.read_text(errors='replace')}"
    told: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return told
