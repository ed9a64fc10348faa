"""A Python that is forked from a process which has imported everything heavy, and so begins at once.

It takes ten seconds of processor time to import Great Expectations, Pandera, Ibis and MLflow. A warm Python has them
from the start, and none of our own modules; all else is as in a process of its own: its descriptors, folder,
environment, the signals that it gets, and how it ends. What it starts with `sys.executable` is warm as well. A test of
what is imported when, of what libraries warn of or write meanwhile, or of what they do at exit, needs one that is not:
here warnings are off.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tidegate

HERE = Path(__file__).parent
_QUIET = {
    "OPENBLAS_NUM_THREADS": "1",  # threads would be lost in a fork
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OMP_WAIT_POLICY": "passive",  # as the demo has it, and OpenMP reads it once
    "DO_NOT_TRACK": "true", "GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
}  # fmt: skip


@contextmanager
def python() -> Iterator[Path]:
    """The path of a warm Python, with `tidegate` beside it, until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-warm-", dir="/tmp"))  # a socket's path must be short
    warm = _program(folder / "python", f"#!{sys.executable} -IS\n" + (HERE / "client.py").read_text())
    _program(folder / "tidegate", f'#!/bin/sh\nexec {warm} -c "from tidegate.cli import main; main()" "$@"\n')
    known = os.pathsep.join([str(Path(tidegate.__file__).parent.parent), str(HERE.parents[1])])
    environment = os.environ | _QUIET | {"PYTHONPATH": known}
    command = [sys.executable, "-P", "-W", "ignore", HERE / "server.py", folder / "socket"]
    try:
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield warm
            assert server.stdin is not None
            server.stdin.close()
    finally:
        shutil.rmtree(folder)


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path
