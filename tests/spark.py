"""Spark for the tests: one session of this machine's cores in each process, with what makes small queries quick."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_QUICK = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # A test is over before code that the JVM compiled with care would have paid for it.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto",
    "spark.driver.memory": "1g",
    "spark.log.level": "OFF",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def local_session() -> SparkSession:
    """The session, started where there is none. It ends with the process."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in _QUICK.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def interpret(session: SparkSession) -> None:
    """Have a session interpret its queries: to compile one for a dozen rows takes longer than to run it.

    Spark has both ways, and compiles queries of many rows; the comparisons of engines take turns.
    """
    session.conf.set("spark.sql.adaptive.enabled", "false")  # it makes several jobs of a query
    session.conf.set("spark.sql.codegen.wholeStage", "false")
    session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
