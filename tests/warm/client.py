"""What is run as a `warm` Python: it asks the server beside it for the process, and ends as that does.

Nothing is imported but what that takes, so that it begins at once. A signal that it gets goes to the process; if it is
killed itself, the server kills the process.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

NUMBER = struct.Struct("i")
"""What goes over the socket, but for the JSON."""
UNDERSTOOD = ("-P", "-u", "-c", "-m")
"""The interpreter's options that the server knows of."""


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in UNDERSTOOD):
        os.execv(sys.executable, [sys.executable, *arguments])
    descriptors = inherited()
    call = json.dumps({
        "executable": __file__, "arguments": arguments, "folder": str(Path.cwd()),
        "environment": dict(os.environ), "descriptors": descriptors, "leads": os.getpgrp() == os.getpid(),
    }).encode()  # fmt: skip
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(Path(__file__).with_name("socket")))
        socket.send_fds(server, [NUMBER.pack(len(call))], descriptors)
        server.sendall(call)
        process = answer(server)
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(one) is not signal.SIG_IGN:
                signal.signal(one, lambda number, _: pass_on(process, number))
        for descriptor in descriptors:  # a pipe ends with the process, and not with us
            os.close(descriptor)
        ended = answer(server)
    if ended < 0:
        with contextlib.suppress(OSError):  # of SIGKILL there is nothing else
            signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    os._exit(ended)


def pass_on(process: int, number: int) -> None:
    """What this one's group gets is for the process's group as well, where each leads its own."""
    if os.getpgrp() == os.getpid():
        os.killpg(process, number)
    else:
        os.kill(process, number)


def inherited() -> list[int]:
    """The descriptors that whoever started this left open: standard ones, and those that were passed on."""
    found = []
    for descriptor in range(64):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        found.append(descriptor)
    return found


def answer(server: socket.socket) -> int:
    heard = server.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(heard) < NUMBER.size:
        sys.exit("the server of warm Pythons is gone")
    number: int = NUMBER.unpack(heard)[0]
    return number


if __name__ == "__main__":
    main()
