"""What Spark raises, in words. Its own may hold a cell; its condition does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.errors import PySparkException

from tidegate.errors import EngineFailed, Misuse

try:
    from py4j.protocol import Py4JError
except ModuleNotFoundError:  # PySpark's client alone has no Java to talk to
    Py4JError = PySparkException

SPARK_ERRORS = (PySparkException, Py4JError)
"""What PySpark raises; what Java raised and PySpark has no class for, such as a lost cluster, is Py4J's."""


@contextmanager
def explained(folder: Path | None = None) -> Iterator[None]:
    """What Spark raises within, as an error of ours.

    Args:
        folder: what is read within.
    """
    try:
        yield
    except SPARK_ERRORS as error:
        told = condition(error) or "a task failed"
        if folder is not None and told == "PATH_NOT_FOUND":
            raise unshared(folder) from None
        raise EngineFailed(f"Spark could not do the work: {told}.", "Its own log has the reason.") from None


def condition(error: Exception) -> str | None:
    """Spark's own name for what happened, where it has one."""
    return error.getCondition() if isinstance(error, PySparkException) else None


def unshared(folder: Path) -> Misuse:
    """What is wrong where workers do not see the work folder."""
    return Misuse(
        f"Spark's workers and this process do not share {folder}.",
        "Set state_dir to a folder that all of them see under the same path, and may write to.",
    )
