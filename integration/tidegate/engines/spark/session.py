"""Which session the engine works on: the one that is there, one that the environment names, or this machine's cores."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.config import Resources
from tidegate.engines.duckdb.memory import limit_of
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


def open_session(resources: Resources) -> SparkSession:
    """A session of our own beside the one that is there already, on the same cluster.

    Without one it is of the cluster that the environment names, as `spark-submit` and `SPARK_REMOTE` do; and without
    that, of this machine's cores, with the configured memory and threads.

    Raises:
        Misuse: Spark is not installed, or cannot be started.
    """
    # PySpark 4.3 says again and again that it does not know all of pandas 3. Rows go by Arrow here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise Misuse("Spark is not installed.", "pip install 'tidegate[spark]'") from None
    given = active()
    try:
        if given is None:
            if _named() is None:
                with _silence():
                    given = _local(SparkSession.builder, resources).getOrCreate()
            else:
                given = SparkSession.builder.getOrCreate()
        session: SparkSession = given.newSession()
        for name, value in _OURS.items():
            session.conf.set(name, value)
    except (PySparkException, RuntimeError, OSError) as error:  # no Java, no cluster, no such server
        raise Misuse(
            f"Spark cannot be started: {type(error).__name__}.", "Spark needs Java 17 or a server: docs/scaling.md."
        ) from None
    return session


def active() -> Any:
    """The session that this process has already, or None; nothing is started or imported."""
    if "pyspark.sql" not in sys.modules:
        return None
    connect = sys.modules.get("pyspark.sql.connect.session")
    remote = connect.SparkSession.getActiveSession() or connect.SparkSession.getDefaultSession() if connect else None
    if remote is not None:
        return remote
    classic = sys.modules["pyspark.sql"].SparkSession
    made = getattr(classic, "_instantiatedSession", None)  # in another thread it is active too
    return made if made is not None and made.sparkContext._jsc is not None else None


def _named() -> str | None:
    """What the environment names as a cluster."""
    if os.environ.get("SPARK_REMOTE"):
        return "a Spark Connect server, by SPARK_REMOTE"
    if "--master" in os.environ.get("PYSPARK_SUBMIT_ARGS", "") or os.environ.get("MASTER"):
        return "a cluster, by the environment"
    home = os.environ.get("SPARK_CONF_DIR") or (
        str(Path(os.environ["SPARK_HOME"]) / "conf") if os.environ.get("SPARK_HOME") else None
    )
    defaults = Path(home) / "spark-defaults.conf" if home else None
    if defaults is not None and defaults.is_file():
        words = (line.split(None, 1) for line in defaults.read_text(errors="replace").splitlines())
        if any(first and first[0] in ("spark.master", "spark.remote") for first in words):
            return "a cluster, by spark-defaults.conf"
    return None


def _local(builder: Any, resources: Resources) -> Any:
    """This machine's cores, quiet, and on the loopback alone."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.master": f"local[{resources.threads or '*'}]",
        "spark.app.name": "tidegate",
        "spark.driver.memory": f"{max(limit_of(resources) >> 20, 1024)}m",
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
