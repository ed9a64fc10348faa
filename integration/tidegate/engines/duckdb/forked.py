"""Processes that a server of ours forks: the client's side of `fork_server`.

Between us and a process lies one socket. Over it go the request, the answer, and last, from the server, the exit code.
When our end is closed the process ends.
"""

from __future__ import annotations

import atexit
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import tidegate

NUMBER = struct.Struct("i")
"""An exit code, or what a process is called: sent to the server with descriptors it makes one, without it ends one."""
_PATIENCE = 10  # seconds, for what was killed to be gone


class _Server:
    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        environment = os.environ | {
            "PYTHONPATH": str(Path(tidegate.__file__).resolve().parent.parent),
            "OPENBLAS_NUM_THREADS": "1",  # threads would be lost in a fork
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
            "PYDANTIC_DISABLE_PLUGINS": "__all__",  # nothing of others beside a parser
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tidegate.engines.duckdb.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, env=environment, pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C is for us, and we end it
            )  # fmt: skip
        self.owner, self._asked = os.getpid(), False

    def ask(self, number: int, *descriptors: int) -> None:
        """Raises `OSError` where it is gone."""
        self._asked = True
        socket.send_fds(self._control, [NUMBER.pack(number)], descriptors)

    def stop(self) -> None:
        self._control.close()
        if not self._asked:  # it has no children, and may not have loaded yet
            self._process.kill()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_server: _Server | None = None
_lock = threading.Lock()
_numbers = count(1)


def _fork(number: int, *descriptors: int) -> None:
    """Have the server fork a process. It is started where there is none, or where it was killed."""
    global _server
    with _lock:
        if _server is not None and _server.owner == os.getpid():  # and not of the process that we were forked from
            with suppress(OSError):
                _server.ask(number, *descriptors)
                return
            _server.stop()
        _server = _Server()
        with suppress(OSError):  # it could not start; waiting for the process tells
            _server.ask(number, *descriptors)


def start() -> None:
    """Start the server, where there is none. It loads meanwhile; what goes wrong shows when it is asked."""
    global _server
    with _lock:
        if _server is None:
            _server = _Server()


@atexit.register
def _stop() -> None:
    global _server
    if _server is not None and _server.owner == os.getpid():
        _server.stop()
    _server = None


class Forked:
    """A process.

    Args:
        number: by which the server knows it.
        ours: our end of its socket.
        complaints: what it writes to standard error.
    """

    def __init__(self, number: int, ours: socket.socket, complaints: IO[bytes]) -> None:
        self._number, self._ours, self._complaints = number, ours, complaints
        self._heard, self._over = bytearray(), False

    def outcome(self, seconds: float) -> tuple[int, str, str]:
        """Wait for its end. Gives its exit code, negative where a signal ended it, its answer, and its complaints.

        Raises:
            TimeoutError: it is not over by then.
        """
        deadline = time.monotonic() + seconds
        while self._hear(deadline):
            pass
        self._complaints.seek(0)
        complaints = self._complaints.read().decode(errors="replace")
        if len(self._heard) < NUMBER.size:
            return 1, "", complaints or "The process that starts it has ended."
        answer, (code,) = self._heard[: -NUMBER.size], NUMBER.unpack(self._heard[-NUMBER.size :])
        return code, answer.decode(), complaints

    def end(self) -> None:
        """Kill it, if it still runs, and wait until it is gone."""
        if self._over or _server is None:
            return
        deadline = time.monotonic() + _PATIENCE
        with suppress(OSError):  # the server is gone, or another one by now: the process ends by itself
            self._ours.shutdown(socket.SHUT_WR)
            _server.ask(self._number)
            while self._hear(deadline):
                pass

    def _hear(self, deadline: float) -> bool:
        """Whether there was more to hear."""
        self._ours.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            part = self._ours.recv(1 << 20)
        except ConnectionResetError:  # it ended before it read what we sent
            part = b""
        self._heard += part
        self._over = not part
        return bool(part)


@contextmanager
def forked(request: str, folder: Path, told: tuple[int, ...]) -> Iterator[Forked]:
    """A process that has the request, which is one line. It ends with the block.

    Args:
        folder: where what it writes to standard error is kept.
        told: the descriptor to tell progress to, if it is wanted.
    """
    number, (ours, theirs) = next(_numbers), socket.socketpair()
    with ours, TemporaryFile(dir=folder) as complaints:
        with theirs:
            _fork(number, theirs.fileno(), complaints.fileno(), *told)
        process = Forked(number, ours, complaints)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it died at once; waiting for it tells how
                ours.sendall(request.encode() + b"\n")
            yield process
        finally:
            process.end()
