"""Which session the engine works on: the one that is there, one that the environment names, or this machine's cores."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

import tidegate
from tidegate.config import Resources
from tidegate.deadline import can_be_bounded
from tidegate.engines.duckdb.memory import limit_of
from tidegate.engines.spark.reachable import active, is_named
from tidegate.errors import Misuse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OURS = {
    # What a time without zone means, and how one is written, is not to hang on where the driver stands.
    "spark.sql.session.timeZone": "UTC",
    # A sum that overflows is an error, and no other number.
    "spark.sql.ansi.enabled": "true",
    # What cannot be read is not empty.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    # Text comes as Arrow's own text; rows as they are held are bounded by bytes.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
}
"""Settings of the session in which we work. It shares the given one's cluster and cache, and changes nothing there."""
_PATIENCE = 30  # seconds, for a server to take a connection


def open_session(resources: Resources) -> SparkSession:
    """A session of our own beside the one that is there already, on the same cluster.

    Without one it is of the cluster that the environment names, as `spark-submit` and `SPARK_REMOTE` do; and without
    that, of this machine's cores, with the configured memory and threads.

    Raises:
        Misuse: Spark cannot be started.
    """
    from tidegate.engines.spark.failures import SPARK_ERRORS, condition

    given = active()
    try:
        session: SparkSession = (_started(resources) if given is None else given).newSession()
        for name, value in _OURS.items():
            session.conf.set(name, value)
    except ImportError:
        raise Misuse("Spark Connect is not installed.", "pip install 'pyspark[connect]'") from None
    except (*SPARK_ERRORS, RuntimeError, OSError) as error:  # no Java, no cluster, no such server
        why = condition(error) or type(error).__name__
        raise Misuse(f"Spark cannot be started: {why}.", "Spark needs Java 17 or a server: docs/scaling.md.") from None
    return session


def leave_session(session: SparkSession) -> None:
    """End what still runs in a session of ours, so that nothing is written any more, and let the server forget it.

    The one that was there is not stopped, nor the server that PySpark may have started for it.
    """
    remote = _is_remote(session)
    if remote:
        from pyspark.sql.connect.client.retries import DefaultPolicy

        session.client.set_retry_policies([DefaultPolicy(max_retries=3)])  # a server that is gone by now is no loss
    session.interruptAll()
    if remote:
        session.client.release_session()
        session.client.close()


def _is_remote(session: Any) -> bool:
    """Whether it is one of Spark Connect."""
    connect = sys.modules.get("pyspark.sql.connect.session")
    return connect is not None and isinstance(session, connect.SparkSession)


def _started(resources: Resources) -> Any:
    """A session where there is none. PySpark sets its own handler for Ctrl-C, where the caller may have another."""
    from pyspark.sql import SparkSession

    before = signal.getsignal(signal.SIGINT)
    try:
        if not is_named():
            with _silence():
                return _local(SparkSession.builder, resources).getOrCreate()
        _refuse_an_absent_server(os.environ.get("SPARK_REMOTE", ""))
        return SparkSession.builder.getOrCreate()
    finally:
        if can_be_bounded() and before is not None:
            signal.signal(signal.SIGINT, before)


def _refuse_an_absent_server(remote: str) -> None:
    """Ask whether there is a Spark Connect server: PySpark itself would ask one that is not there for ten minutes."""
    if not remote.startswith("sc://"):
        return
    import grpc
    from pyspark.sql.connect.client.core import DefaultChannelBuilder

    answers: Queue[bool] = Queue()

    def heard(state: grpc.ChannelConnectivity) -> None:
        if state in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE):
            answers.put(state is grpc.ChannelConnectivity.READY)

    with DefaultChannelBuilder(remote).toChannel() as channel:
        channel.subscribe(heard, try_to_connect=True)
        try:
            there = answers.get(timeout=_PATIENCE)
        except Empty:
            there = False
        channel.unsubscribe(heard)
    if not there:
        raise Misuse("There is no Spark Connect server at SPARK_REMOTE.", "Start it, or mend the address.")


def _local(builder: Any, resources: Resources) -> Any:
    """This machine's cores, quiet, and on the loopback alone."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    ours = str(Path(tidegate.__file__).resolve().parent.parent)
    settings = {
        # A contract may import from wherever this process does.
        "spark.executorEnv.PYTHONPATH": os.pathsep.join([ours, *filter(None, sys.path)]),
        "spark.master": f"local[{resources.threads or '*'}]",
        "spark.app.name": "tidegate",
        "spark.driver.memory": f"{max(limit_of(resources) >> 20, 1024)}m",
        # A thread of Spark's that has no memory ends, and whoever waits for it would wait for ever.
        "spark.driver.defaultJavaOptions": "-XX:+ExitOnOutOfMemoryError",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(4 * (resources.threads or os.cpu_count() or 1)),
        "spark.log.level": "OFF",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder


@contextmanager
def _silence() -> Iterator[None]:
    """What is started within has nowhere to write its errors: what Spark logs may hold cells, and what matters it
    also raises."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
