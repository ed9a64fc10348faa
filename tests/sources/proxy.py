"""A TCP proxy that spoils what goes through it, as it is told, the same for the same seed."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

FAULTS = ("drop", "delay", "truncate", "reset", "stall", "corrupt")


@dataclass(frozen=True)
class Fault:
    """What is done to one connection.

    Attributes:
        kind: one of `FAULTS`: closed at once; each piece held back; closed after `at` bytes; reset after them; silent
            after them; one byte changed there.
        at: a position in what the server sends, or for `asked` in what the client does.
        flip: which bits of the byte are changed.
    """

    kind: str
    at: int
    flip: int = 1
    asked: bool = False


class Proxy:
    """Passes connections on to a port of this machine.

    Args:
        target: that port.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._random, self._kinds, self._share, self._reach = random.Random(0), FAULTS, 0.0, 1
        self._lock, self._open, self._ended = threading.Lock(), set[socket.socket](), threading.Event()
        self.spoiled = 0

    def plan(self, seed: int, kinds: tuple[str, ...] = FAULTS, share: float = 0.5, reach: int = 100_000) -> None:
        """Begin anew, with no connection left.

        Args:
            kinds: the faults that may happen.
            share: of the connections that have one.
            reach: at how many bytes at most it happens.
        """
        with self._lock:
            for line in self._open:
                _shut(line)
            self._random, self._kinds, self._share, self._reach = random.Random(seed), kinds, share, reach
            self.spoiled = 0

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Pass on until the end of the block."""
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            _shut(self._server)
            self._server.close()
            with self._lock:
                for line in self._open:
                    _shut(line)
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client, self._next_fault()), daemon=True).start()

    def _next_fault(self) -> Fault | None:
        with self._lock:
            kind, at = self._random.choice(self._kinds), int(self._reach * self._random.random() ** 2)
            flip, asked = 1 << self._random.randrange(8), self._random.random() < 0.2
            if self._random.random() >= self._share:
                return None
            self.spoiled += 1
            return Fault(kind, at % 600 if asked else at, flip, asked and kind == "corrupt")

    def _pass(self, client: socket.socket, fault: Fault | None) -> None:
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._target)) as server:
            with self._lock:
                self._open |= {client, server}
            try:
                if fault is not None and fault.kind == "drop":
                    return
                asking = threading.Thread(
                    target=self._pump, args=(client, server, fault if fault and fault.asked else None), daemon=True
                )
                asking.start()
                self._pump(server, client, None if fault is None or fault.asked else fault)
                asking.join()
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _pump(self, source: socket.socket, target: socket.socket, fault: Fault | None) -> None:
        passed = 0
        try:
            while piece := source.recv(1 << 16):
                if fault is not None:
                    piece, ends = self._spoiled(piece, passed, fault, target)
                    passed += len(piece)
                    target.sendall(piece)
                    if ends:
                        break
                else:
                    target.sendall(piece)
        except OSError:
            pass
        for line in (source, target):
            _shut(line)

    def _spoiled(self, piece: bytes, passed: int, fault: Fault, target: socket.socket) -> tuple[bytes, bool]:
        """What of a piece goes on, and whether that was the last."""
        here = fault.at - passed
        if fault.kind == "delay":
            self._ended.wait(0.05)
            return piece, False
        if fault.kind == "corrupt":
            if 0 <= here < len(piece):
                piece = piece[:here] + bytes([piece[here] ^ fault.flip]) + piece[here + 1 :]
            return piece, False
        if here >= len(piece):
            return piece, False
        if fault.kind == "stall":
            target.sendall(piece[: max(here, 0)])
            self._ended.wait(1)
            return b"", True
        if fault.kind == "reset":
            target.sendall(piece[: max(here, 0)])
            target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            target.close()
            return b"", True
        return piece[: max(here, 0)], True


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
