"""A web server for tests: real sockets, on this machine, with pages that behave as they are told."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What is behind one path.

    Attributes:
        etag: sent, and held against If-Match; None for none.
        ranges: whether parts can be asked for.
        chunked: whether it comes in chunks, without a length.
        status: another answer than 200, with `headers`.
        busy: how many requests are answered 503 first.
        cut: after how many bytes the connection is closed.
        drip: seconds between single bytes.
        length: another Content-Length than the true one; -1 for none.
        digest: whether a checksum is sent.
        conditions: whether If-Match is looked at.
    """

    body: bytes = b""
    etag: str | None = '"1"'
    ranges: bool = True
    chunked: bool = False
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    busy: int = 0
    cut: int | None = None
    drip: float = 0
    length: int | None = None
    digest: bool = False
    conditions: bool = True


class Site:
    """The server: its pages by path, and what was asked of it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                site.answer(self)

            def log_message(self, *args: object) -> None:
                """Nothing: a test has enough to read."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *args: None  # type: ignore[method-assign]  # a client may hang up
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self._scheme = "https" if tls else "http"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        page = self.pages.get(request.path.partition("?")[0], Page(status=404))
        if page.busy:
            page.busy -= 1
            page = Page(status=503)
        body, status, headers = page.body, page.status, dict(page.headers)
        if page.digest:
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            headers["Repr-Digest"] = f"sha-256=:{digest}:"
        if page.etag is not None:
            headers["ETag"] = page.etag
            if page.conditions and request.headers.get("If-Match", page.etag) != page.etag:
                body, status = b"", 412
        if page.ranges:
            headers["Accept-Ranges"] = "bytes"
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
            if wanted and status == 200:
                first, last = int(wanted[1]), int(wanted[2] or len(body) - 1)
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                body, status = body[first : last + 1], 206
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if page.chunked:
            request.send_header("Transfer-Encoding", "chunked")
        elif page.length != -1:
            request.send_header("Content-Length", str(len(body) if page.length is None else page.length))
        request.end_headers()
        self._send(request, page, body)

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, page: Page, body: bytes) -> None:
        out = request.wfile
        kept = body if page.cut is None else body[: page.cut]
        size = 1 if page.drip else 1 << 16
        for start in range(0, len(kept), size):
            chunk = kept[start : start + size]
            out.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if page.chunked else chunk)
            if page.drip:
                time.sleep(page.drip)
        if page.chunked and page.cut is None:
            out.write(b"0\r\n\r\n")

    @contextmanager
    def running(self) -> Iterator[Site]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
