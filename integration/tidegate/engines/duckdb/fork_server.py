"""The server that forks staging processes. Run as ``python -m tidegate.engines.duckdb.fork_server <socket>``.

It has loaded what they need, which would take each a second; it reads no data, has no threads, and ends when the other
end of its socket is closed. `forked` is that other end, and says what goes over it.
"""

from __future__ import annotations

import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from tidegate.engines.duckdb import worker
from tidegate.engines.duckdb.forked import NUMBER


@dataclass(frozen=True)
class _Child:
    number: int
    socket: socket.socket


class _Server:
    """The sockets that the server itself holds, and its children by their process id."""

    def __init__(self, control: socket.socket) -> None:
        self._control, self._children = control, dict[int, _Child]()
        self._ended, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        """Until the other end of the socket is closed. Then all children are killed."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._ended, selectors.EVENT_READ)
            asked = True
            while asked:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._ended in ready:
                    self._ended.recv(4096)
                    self._reap()
                if self._control in ready:
                    asked = self._answer(selector)
        self._kill(None)

    def _answer(self, selector: selectors.BaseSelector) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, NUMBER.size, 3)
        if not message:
            return False
        (number,) = NUMBER.unpack(message)
        if descriptors:
            self._fork(number, descriptors, selector)
        else:
            self._kill(number)
        return True

    def _fork(self, number: int, descriptors: list[int], selector: selectors.BaseSelector) -> None:
        """Fork a staging process that has the descriptors: its socket, standard error, and perhaps one for progress."""
        its_socket, complaints, *told = descriptors
        if number > 1:  # Arrow loads it to look at Python's values, and whoever stages twice will stage again
            importlib.import_module("pandas")
        pid = os.fork()
        if pid == 0:
            selector.close()
            for held in (self._control, self._ended, self._wakes, *(child.socket for child in self._children.values())):
                held.close()
            os.dup2(its_socket, 0)
            os.dup2(its_socket, 1)
            os.dup2(complaints, 2)
            os.close(its_socket)
            os.close(complaints)
            _work(told)
        for descriptor in (complaints, *told):
            os.close(descriptor)
        self._children[pid] = _Child(number, socket.socket(fileno=its_socket))

    def _kill(self, number: int | None) -> None:
        """Kill the child of that number, if it is not over; all of them for None."""
        for pid, child in self._children.items():
            if number in (None, child.number):
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Say of each child that has ended how it did, and that this was all."""
        with suppress(ChildProcessError):  # there is none
            while (waited := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = waited
                with self._children.pop(pid).socket as its_socket, suppress(OSError):
                    its_socket.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _work(told: list[int]) -> None:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        worker.main(*told)
    except BaseException:  # noqa: BLE001 - whatever it is, there is nobody above who would tell it
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


if __name__ == "__main__":
    duckdb.default_connection().close()  # which has a thread, and a fork would lose it
    _Server(socket.socket(fileno=int(sys.argv[1]))).serve()
