"""Real tracking servers for tests, with SQLite or PostgreSQL behind them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 120


@contextmanager
def mlflow_server(python: Path, store: str, folder: Path) -> Iterator[str]:
    """`mlflow server` before a store, with artifacts in the folder. Yields where it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        python, "-m", "mlflow", "server", "--backend-store-uri", store,
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        uri = f"http://127.0.0.1:{port}"
        _wait_for(f"{uri}/health", process, folder / "server.log")
        yield uri
    finally:
        os.killpg(process.pid, 15)  # of its own session: the workers as well
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@contextmanager
def postgresql(programs: Path) -> Iterator[str]:
    """An empty PostgreSQL, on a socket in a folder of its own. Yields its URI for SQLAlchemy.

    Args:
        programs: the folder of `initdb` and `postgres`.
    """
    folder = Path(tempfile.mkdtemp(prefix="tidegate-postgresql-", dir="/tmp"))  # a socket's path must be short
    user = None
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        user = next(name for name in ("postgres", "nobody") if _is_user(name))
        shutil.chown(folder, user)
    data = folder / "data"
    make = [programs / "initdb", "-D", data, "-U", "tidegate", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    subprocess.run(make, cwd=folder, user=user, check=True, capture_output=True)
    start = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    process = subprocess.Popen(start, cwd=folder, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (folder / ".s.PGSQL.5432").exists():
            assert process.poll() is None
            time.sleep(0.05)
        yield f"postgresql+psycopg://tidegate@/postgres?host={folder}"
    finally:
        process.send_signal(2)  # at once, without waiting for those who are connected
        process.wait(30)
        shutil.rmtree(folder)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
