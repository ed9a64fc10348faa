"""Which Spark session there is already. To ask starts none and imports nothing, and no address is told."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NAMES = ("--remote", "--master", "spark.remote", "spark.master")
"""What names a cluster to spark-submit, the one that goes first before the others."""
_PROPERTY = re.compile(r"\s*(spark\.(?:remote|master))(?:\s*[=:]\s*|\s+)(\S+)")


def reachable() -> str | None:
    """What there is to run on, in words for a reader; None where there is nothing.

    That is a session of this process, whatever it runs on, or a cluster that the environment names, as PySpark
    reads it. What is ``local`` there is none: a session of that name would be started here. An address may hold a
    token, so the words say who names it, and not what it is.
    """
    if active() is not None:
        return "a Spark session of this process"
    for words, place in _named():
        if place:  # the first that names a place is the one that PySpark would take
            return words if not place.startswith("local") else None
    return None


def active() -> Any:
    """The session that this process has already, of Spark Connect or classic, in whichever thread; None without one."""
    if "pyspark.sql" not in sys.modules:  # who has one has imported it
        return None
    connect = sys.modules.get("pyspark.sql.connect.session")
    remote = connect.SparkSession.getActiveSession() or connect.SparkSession._get_default_session() if connect else None
    if remote is not None:
        return remote
    made = getattr(sys.modules["pyspark.sql"].SparkSession, "_instantiatedSession", None)
    return made if made is not None and made.sparkContext._jsc is not None else None


def is_named() -> bool:
    """Whether the environment names where a session runs, be it on this machine."""
    return any(place for _, place in _named())


def _named() -> Iterator[tuple[str, str | None]]:
    """Where the environment may name a place, in PySpark's order, and the place itself."""
    yield "the Spark Connect server that SPARK_REMOTE names", os.environ.get("SPARK_REMOTE")
    yield "the cluster that PYSPARK_SUBMIT_ARGS names", _first(_arguments())
    yield "the cluster that spark-defaults.conf names", _first(_properties())
    yield "the cluster that MASTER names", os.environ.get("MASTER")


def _first(found: dict[str, str]) -> str | None:
    return next((found[name] for name in _NAMES if name in found), None)


def _arguments() -> dict[str, str]:
    try:
        words = shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    except ValueError:  # a quote that is not closed, at which PySpark fails too
        return {}
    pairs = [word.removeprefix("--conf=").partition("=") for word in words]
    return {
        name: value if equals else after
        for (name, equals, value), after in zip(pairs, [*words[1:], ""], strict=False)
        if name in _NAMES
    }


def _properties() -> dict[str, str]:
    home = os.environ.get("SPARK_HOME")
    folder = os.environ.get("SPARK_CONF_DIR") or (str(Path(home, "conf")) if home else None)
    if folder is None:
        return {}
    try:
        text = Path(folder, "spark-defaults.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {found[1]: found[2] for line in text.splitlines() if (found := _PROPERTY.match(line))}
