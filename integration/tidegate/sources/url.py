"""Files behind a URL, http or https: nobody knows where it leads, so every hop is looked at before it is connected to.

Proxies of the environment are not used: the address that was looked at would be the proxy's.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import io
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, unquote, urljoin, urlsplit

from tidegate import __version__
from tidegate.config import SourceConfig
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.readers.counts import CHUNK
from tidegate.sources.addresses import may_connect, resolve
from tidegate.sources.names import ends_in, masked, plain
from tidegate.sources.places import Answer, Transient
from tidegate.sources.snapshot import changed

_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_PORTS = {"http": 80, "https": 443}
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_SAFE = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True)
class _Hop:
    """One URL on the way, taken apart. Its user and password are left out."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


class UrlFile:
    """The file behind a URL.

    Args:
        url: with http or https; a user and password in it are sent to its own host alone.
        config: where it may lead, and how long a server may be silent.
        left: gives the seconds that are left, or raises.

    Raises:
        Misuse: it is no such URL.
    """

    def __init__(self, url: str, config: SourceConfig, left: Callable[[str], float]) -> None:
        self.uri = masked(url)
        self._config, self._left = config, left
        try:
            self._first = _hop(url)
            parts = urlsplit(url)
        except ValueError:
            raise Misuse(f"{self.uri} is no http or https URL.", "Such as https://example.org/october.csv.") from None
        self.name = ends_in(unquote(parts.path))
        self._authorization = None
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._authorization = "Basic " + base64.b64encode(user.encode()).decode()

    @contextmanager
    def open(self, start: int, stop: int | None, version: str | None) -> Iterator[Answer]:
        """See `tidegate.sources.places.RemoteFile`."""
        headers = {"Accept-Encoding": "identity", "User-Agent": f"tidegate/{__version__}", "Connection": "close"}
        if version is not None:
            headers |= {"If-Match": version, "Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        with ExitStack() as kept:
            with _spoken(self.uri):
                response, hop = self._followed(headers, kept)
                answer = self._answer(response, hop, start, version)
            yield answer

    def _followed(self, headers: dict[str, str], kept: ExitStack) -> tuple[http.client.HTTPResponse, _Hop]:
        """The answer to which all redirects lead, and where it is from."""
        hop = self._first
        for _ in range(self._config.max_redirects + 1):
            response = self._asked(hop, headers, kept)
            if response.status not in _REDIRECTS:
                return response, hop
            hop = self._next(hop, response.getheader("Location"))
            kept.close()
        raise SourceUnreadable(
            f"{self.uri} redirects more than {self._config.max_redirects} times.",
            "source_config.max_redirects bounds them.",
        )

    def _asked(self, hop: _Hop, headers: dict[str, str], kept: ExitStack) -> http.client.HTTPResponse:
        line = kept.enter_context(closing(self._connected(hop)))
        connection = http.client.HTTPConnection(hop.host, hop.port)
        connection.default_port = _PORTS[hop.scheme]  # which is not in the Host header
        connection.sock = _Line(line, self._patience)
        connection.putrequest("GET", hop.target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if self._authorization is not None and hop.origin == self._first.origin:
            connection.putheader("Authorization", self._authorization)
        connection.endheaders()
        return kept.enter_context(closing(connection.getresponse()))

    def _patience(self) -> float:
        """How long to wait for the next bytes."""
        return min(self._config.silence_seconds, self._left(self.uri))

    def _connected(self, hop: _Hop) -> socket.socket:
        """A connection to an address that was looked at, and to no other: a name may lead elsewhere the next moment."""
        found = resolve(hop.host, hop.port)
        allowed = [address for address in found if may_connect(address, self._config.allowed_networks)]
        if not allowed:
            where = "" if hop == self._first else f" redirects to {plain(hop.host)}, which"
            raise SourceUnreadable(
                f"{self.uri}{where} leads to {', '.join(found[:3])}, which is no public address.",
                "source_config.allowed_networks names the networks that may be read from all the same.",
            )
        for number, address in enumerate(allowed):
            try:
                line = socket.create_connection((address, hop.port), self._patience())
            except OSError:
                if number + 1 == len(allowed):
                    raise
                continue
            try:
                return self._encrypted(line, hop.host) if hop.scheme == "https" else line
            except BaseException:
                line.close()
                raise
        raise AssertionError("the last address raises")

    def _encrypted(self, line: socket.socket, host: str) -> socket.socket:
        line.settimeout(self._patience())
        return ssl.create_default_context().wrap_socket(line, server_hostname=host)

    def _next(self, hop: _Hop, location: str | None) -> _Hop:
        try:
            further = _hop(urljoin(f"{hop.scheme}://{_bracketed(hop.host)}:{hop.port}{hop.target}", location or ""))
        except ValueError:
            further = None
        if further is None or not location:
            raise SourceUnreadable(
                f"{self.uri} redirects to what is no http or https URL.", "Ask who gave you the link."
            )
        if hop.scheme == "https" and further.scheme == "http":
            raise SourceUnreadable(
                f"{self.uri} redirects from https to http.", "What came of it could have been changed on its way."
            )
        return further

    def _answer(self, response: http.client.HTTPResponse, hop: _Hop, start: int, version: str | None) -> Answer:
        status = response.status
        if status in _BUSY:
            after = response.getheader("Retry-After", "")
            raise Transient(f"the server answers {status}", float(after) if re.fullmatch(r"\d{1,4}", after) else 0)
        if status not in (200, 206):
            raise _refused(self.uri, status)
        tag = response.getheader("ETag", "")
        strong = tag if re.fullmatch(r'"[^"]+"', tag) else None
        length = _length(response)
        if length != 0 and not response.chunked and not response.peek(1):
            raise Transient("the connection broke")  # perhaps within the headers, of which http.client does not tell
        chunks = _chunks(response, length, self.uri)
        if version is None:
            if status != HTTPStatus.OK:
                raise SourceUnreadable(f"{self.uri} gives a part where the whole was asked for.", "Try another server.")
            if length is None and not response.chunked:
                raise SourceUnreadable(
                    f"{self.uri} does not say how long it is, so nobody can tell whether it came whole.",
                    "Serve it with a Content-Length or in chunks.",
                )
            chunks = self._no_page(chunks, response, hop)
            in_parts = response.getheader("Accept-Ranges", "").strip().lower() == "bytes"
            return Answer(chunks, length, strong if in_parts else None, _checksums(response))
        if strong != version:
            raise changed(self.uri)
        if status != HTTPStatus.PARTIAL_CONTENT:
            raise Transient("the server sent the whole where a part was asked for")
        found = _CONTENT_RANGE.fullmatch(response.getheader("Content-Range", ""))
        if found is None or int(found[1]) != start:
            raise Transient("the server sent another part than was asked for")
        return Answer(chunks, int(found[3]), version, _checksums(response))

    def _no_page(self, chunks: Iterator[bytes], response: http.client.HTTPResponse, hop: _Hop) -> Iterator[bytes]:
        """The chunks, unless they are the page of a login or an error, which comes with status 200."""
        page = "html" in response.getheader("Content-Type", "").lower()
        for chunk in chunks:
            if page and chunk.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
                where = "" if hop == self._first else f", from {plain(hop.host)}, to which it redirects"
                raise SourceUnreadable(
                    f"{self.uri} is an HTML page{where}.", "Is it a login page, or the page about the file?"
                )
            page = False
            yield chunk


@contextmanager
def _spoken(uri: str) -> Iterator[None]:
    """Say in our words what went wrong on the way: those of the libraries may hold the URL."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise SourceUnreadable(
            f"{uri} has a certificate that is not trusted: {plain(error.verify_message)}.",
            "Is it the right host? SSL_CERT_FILE names the authorities that are trusted.",
        ) from None
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise Transient("its host's name could not be looked up") from None
        raise SourceUnreadable(f"{uri} has a host that nobody knows.", "Check the URL.") from None
    except TimeoutError:
        raise Transient("the server was silent for too long") from None
    except (http.client.IncompleteRead, ConnectionError, ssl.SSLError):
        raise Transient("the connection broke") from None
    except http.client.HTTPException:
        raise Transient("the server's answer is not HTTP") from None
    except (UnicodeError, ValueError):
        raise SourceUnreadable(f"{uri} has a host or path that cannot be asked for.", "Check the URL.") from None
    except OSError as error:
        raise Transient(f"no connection: {error.strerror or 'unknown reason'}") from None


class _Line:
    """A socket as `http.client` uses one, whose every wait is bounded by the time that is left."""

    def __init__(self, line: socket.socket, patience: Callable[[], float]) -> None:
        self._line, self._patience = line, patience

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bytes(self._line, self._patience), CHUNK)

    def sendall(self, data: bytes) -> None:
        self._line.settimeout(self._patience())
        self._line.sendall(data)

    def close(self) -> None:
        """Nothing: who opened the socket closes it."""


class _Bytes(io.RawIOBase):
    def __init__(self, line: socket.socket, patience: Callable[[], float]) -> None:
        self._line, self._patience = line, patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._line.settimeout(self._patience())
        return self._line.recv_into(buffer)


def _chunks(response: http.client.HTTPResponse, length: int | None, uri: str) -> Iterator[bytes]:
    """The body. It ends early where the line breaks: who reads it counts."""
    left = length
    while left is None or left:
        with _spoken(uri):
            chunk = response.read1(CHUNK if left is None else min(CHUNK, left))
        if not chunk:
            return
        left = left if left is None else left - len(chunk)
        yield chunk


def _hop(url: str) -> _Hop:
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname
    if scheme not in _PORTS or not host:
        raise ValueError(url)
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return _Hop(scheme, host, parts.port or _PORTS[scheme], target)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _length(response: http.client.HTTPResponse) -> int | None:
    told = response.getheader("Content-Length", "").strip()
    return int(told) if re.fullmatch(r"\d{1,19}", told) and not response.chunked else None


def _refused(uri: str, status: int) -> SourceUnreadable:
    if status in (401, 403, 407):
        return SourceUnreadable(f"{uri} may not be read: the server answers {status}.", "Has the link expired?")
    if status in (404, 410):
        return SourceUnreadable(f"{uri} is not there: the server answers {status}.", "Check the URL.")
    if status in (412, 416):
        return changed(uri)
    return SourceUnreadable(f"{uri} cannot be read: the server answers {status}.", "Ask who runs the server.")


# Header, what stands before the value, and the algorithm. Each is of the whole file, in base64; but Content-MD5 is of
# what is sent.
_CHECKSUMS = (
    ("Repr-Digest", "sha-256=:", "sha256"),
    ("Digest", "sha-256=", "sha256"),
    ("X-Goog-Hash", "md5=", "md5"),
    ("Content-MD5", "", "md5"),
)


def _checksums(response: http.client.HTTPResponse) -> dict[str, str]:
    """The checksums that a server gives of the whole file."""
    if response.getheader("Content-Encoding", "identity") != "identity":
        return {}  # of which form they are is told in several ways
    found = {}
    for header, before, algorithm in _CHECKSUMS if response.status == HTTPStatus.OK else _CHECKSUMS[:-1]:
        for value in response.getheader(header, "").split(","):
            text = value.strip()
            if text[: len(before)].lower() == before and len(text) > len(before):
                try:
                    found[algorithm] = base64.b64decode(text[len(before) :].rstrip(":"), validate=True).hex()
                except binascii.Error:
                    continue
    return found
