"""URLs: where they lead, what comes of them, and what is refused."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.sources.site import Page, Site

from tidegate.config import Resources
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.receipt import SourceFile
from tidegate.sources import Snapshot

CSV = b"a,b\n" + b"".join(b"%d,text\n" % n for n in range(60_000))
PAGE = b"<!DOCTYPE html><title>Sign in</title>"
Fetched = Callable[..., list[Snapshot]]


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_file_behind_a_url(site: Site, fetched: Fetched) -> None:
    site.pages["/october.csv"] = Page(CSV)
    (snapshot,) = fetched(site.url("/october.csv"))
    assert snapshot.source == SourceFile(
        uri=site.url("/october.csv"), sha256=digest(CSV), bytes=len(CSV), format="csv", compression="none"
    )
    assert snapshot.path.read_bytes() == CSV
    assert snapshot.path.stat().st_mode & 0o077 == 0
    snapshot.verify_unchanged()
    ((_, headers),) = site.asked
    assert headers["host"] == f"127.0.0.1:{site.port}"


def test_a_large_file_comes_in_parts_bound_to_one_version(site: Site, fetched: Fetched, small_parts: int) -> None:
    site.pages["/x.csv"] = Page(CSV, digest=True)
    (snapshot,) = fetched(site.url("/x.csv"))
    assert snapshot.source.sha256 == digest(CSV)
    parts = sorted(headers["range"] for _, headers in site.asked if "range" in headers)
    assert len(parts) == -(-len(CSV) // small_parts) - 1
    assert all(headers["if-match"] == '"1"' for _, headers in site.asked if "range" in headers)


@pytest.mark.parametrize(
    "page", [Page(CSV, etag=None), Page(CSV, ranges=False), Page(CSV, chunked=True), Page(CSV, etag='W/"1"')]
)
def test_what_cannot_come_in_parts_comes_as_a_whole(page: Page, site: Site, fetched: Fetched, small_parts: int) -> None:
    site.pages["/x.csv"] = page
    (snapshot,) = fetched(site.url("/x.csv"))
    assert (snapshot.source.sha256, len(site.asked)) == (digest(CSV), 1)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (Page(CSV, cut=5000, etag=None), "ended after 5000 bytes"),
        (Page(CSV, length=len(CSV) + 1, etag=None), "ended after"),
        (Page(CSV, chunked=True, cut=70_000), "the connection broke"),
        (Page(CSV, length=-1), "does not say how long"),
        (Page(CSV, length=-1, cut=70_000), "does not say how long"),
        (Page(PAGE, headers={"Content-Type": "text/html"}), "is an HTML page"),
        (Page(PAGE), "is an HTML or XML page"),
        (Page(status=404), "is not there: the server answers 404"),
        (Page(status=403), "may not be read: the server answers 403"),
        (Page(CSV, status=206), "a part where the whole"),
        (Page(status=418), "answers 418"),
        (Page(busy=99), r"in 3 attempts: the server answers 503"),
        (Page(CSV, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}), "its md5 differs"),
        (Page(CSV, headers={"Digest": "sha-256=" + "A" * 43 + "="}), "its sha256 differs"),
    ],
)
def test_what_is_not_the_whole_file_is_refused(
    page: Page, message: str, site: Site, fetched: Fetched, small_parts: int
) -> None:
    site.pages["/x.csv"] = page
    with pytest.raises(SourceUnreadable, match=message):
        fetched(site.url("/x.csv"))


def test_what_passes_is_tried_again_and_what_does_not_is_not(site: Site, fetched: Fetched, small_parts: int) -> None:
    site.pages["/x.csv"] = Page(CSV, busy=2)
    assert fetched(site.url("/x.csv"))[0].source.sha256 == digest(CSV)
    asked = len(site.asked)
    with pytest.raises(SourceUnreadable):
        fetched(site.url("/nothing.csv"))
    assert len(site.asked) == asked + 1


@pytest.mark.parametrize(
    "after",
    [
        Page(CSV[::-1], etag='"2"'),
        Page(CSV[::-1], etag='"2"', conditions=False),
        Page(CSV[:-9], conditions=False),
        Page(CSV, etag=None),
    ],
)
def test_a_file_that_changes_meanwhile(after: Page, site: Site, fetched: Fetched, small_parts: int) -> None:
    site.pages["/x.csv"] = Page(CSV)
    answer = site.answer

    def changing(request: Any) -> None:
        answer(request)
        site.pages["/x.csv"] = after

    site.answer = changing  # type: ignore[method-assign]
    with pytest.raises(SourceUnreadable, match="changed while it was read"):
        fetched(site.url("/x.csv"))


def test_a_checksum_may_come_with_any_part(site: Site, fetched: Fetched, small_parts: int) -> None:
    """The line may have damaged the header of the first answer."""
    site.pages["/x.csv"] = Page(CSV)
    answer = site.answer

    def telling(request: Any) -> None:
        answer(request)
        site.pages["/x.csv"] = Page(CSV, headers={"Repr-Digest": f"sha-256=:{'A' * 43}=:"})

    site.answer = telling  # type: ignore[method-assign]
    with pytest.raises(SourceUnreadable, match="its sha256 differs"):
        fetched(site.url("/x.csv"))


def test_a_server_that_drips_has_a_deadline(site: Site, fetched: Fetched) -> None:
    site.pages["/x.csv"] = Page(CSV, drip=0.05)
    began = time.monotonic()
    with pytest.raises(SourceUnreadable, match="was not there in 1 seconds"):
        fetched(site.url("/x.csv"), limits=Resources(max_seconds=1))
    assert time.monotonic() - began < 3


def test_headers_that_drip_have_a_deadline(fetched: Fetched) -> None:
    def drip(server: socket.socket) -> None:
        line, _ = server.accept()
        with line, suppress(OSError):
            line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                line.sendall(b"x")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(SourceUnreadable, match="was not there in 1 seconds"):
            fetched(f"http://127.0.0.1:{server.getsockname()[1]}/x.csv", limits=Resources(max_seconds=1))
        assert time.monotonic() - began < 3


def test_a_line_that_breaks_within_the_headers(fetched: Fetched) -> None:
    """http.client takes such an answer for one without the headers that did not come, and without a body."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(CSV) + CSV

    def serve(server: socket.socket) -> None:
        for part in (whole[:17], whole[:30], whole[:55], whole):
            line, _ = server.accept()
            with line:
                line.recv(1 << 16)
                line.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        (snapshot,) = fetched(f"http://127.0.0.1:{server.getsockname()[1]}/x.csv", attempts=4)
    assert snapshot.size == len(CSV)


def test_a_server_that_says_nothing(fetched: Fetched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.csv"
        with pytest.raises(SourceUnreadable, match="silent for too long"):
            fetched(url, silence=0.1, attempts=1)
        began = time.monotonic()
        with pytest.raises(SourceUnreadable, match="was not there in 1 seconds"):
            fetched(url, silence=30, limits=Resources(max_seconds=1))
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_on_bytes(chunked: bool, site: Site, fetched: Fetched) -> None:
    site.pages["/x.csv"] = Page(CSV, chunked=chunked)
    with pytest.raises(SourceUnreadable, match=r"resources\.max_bytes"):
        fetched(site.url("/x.csv"), limits=Resources(max_bytes=len(CSV) - 1))
    assert len(fetched(site.url("/x.csv"), limits=Resources(max_bytes=len(CSV)))) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
        "169.254.169.254", "10.0.0.1", "172.31.0.1", "192.168.1.1", "100.100.100.200", "168.63.129.16", "224.0.0.1",
        "255.255.255.255", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[::]",
        "[::a9fe:a9fe]", "[2001:0:a9fe:a9fe::]", "[ff02::1]",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(host: str, site: Site, fetched: Fetched) -> None:
    with pytest.raises(SourceUnreadable, match="which is no public address"):
        fetched(f"http://{host}:{site.port}/x.csv", allowed=())
    assert site.asked == []


def test_an_allowed_network_allows_no_other(site: Site, fetched: Fetched) -> None:
    site.pages["/x.csv"] = Page(CSV)
    assert fetched(site.url("/x.csv", "127.0.0.1"), allowed=("127.0.0.1/32",))
    with pytest.raises(SourceUnreadable, match="no public address"):
        fetched(site.url("/x.csv", "127.0.0.2"), allowed=("127.0.0.1/32",))


@pytest.mark.parametrize("host", ["127.0.0.2", "0x7f000002", "127.2", "[::1]", "[::ffff:127.0.0.2]", "169.254.169.254"])
def test_a_redirect_is_looked_at_like_the_first(host: str, site: Site, fetched: Fetched) -> None:
    site.pages["/x.csv"] = Page(status=302, headers={"Location": site.url("/y.csv", host)})
    site.pages["/y.csv"] = Page(CSV)
    with pytest.raises(SourceUnreadable, match=r"redirects to .* no public address"):
        fetched(site.url("/x.csv"), allowed=("127.0.0.1/32",))
    assert [path for path, _ in site.asked] == ["/x.csv"]


def test_a_name_that_leads_elsewhere_the_next_moment(
    site: Site, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is looked up once for each hop, and what was looked at is what is connected to."""
    site.pages["/x.csv"] = Page(CSV)
    answers = iter(["127.0.0.1", "169.254.169.254"])
    real = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **more: Any) -> Any:
        return real(next(answers) if host == "rebinding.test" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = site.url("/x.csv", "rebinding.test")
    assert fetched(url)[0].source.sha256 == digest(CSV)
    assert site.asked[0][1]["host"] == f"rebinding.test:{site.port}"
    with pytest.raises(SourceUnreadable, match=r"leads to 169\.254\.169\.254"):
        fetched(url)


def test_redirects_are_followed_up_to_a_bound(site: Site, fetched: Fetched) -> None:
    site.pages["/a"] = Page(status=301, headers={"Location": "/b"})
    site.pages["/b"] = Page(status=307, headers={"Location": "x.csv"})
    site.pages["/x.csv"] = Page(CSV)
    assert fetched(site.url("/a"))[0].source.uri == site.url("/a")
    site.pages["/x.csv"] = Page(status=302, headers={"Location": "/a"})
    with pytest.raises(SourceUnreadable, match="redirects more than 5 times"):
        fetched(site.url("/a"))


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://example.org/x", "http://[::1", "", "gopher://127.0.0.1"]
)
def test_a_redirect_to_what_is_no_http(location: str, site: Site, fetched: Fetched) -> None:
    site.pages["/x.csv"] = Page(status=302, headers={"Location": location} if location else {})
    with pytest.raises(SourceUnreadable, match="redirects to what is no http"):
        fetched(site.url("/x.csv"))


def test_no_credentials_follow_to_another_host(site: Site, fetched: Fetched) -> None:
    with Site().running() as other:
        site.pages["/x.csv"] = Page(status=302, headers={"Location": "/y.csv"})
        site.pages["/y.csv"] = Page(status=302, headers={"Location": other.url("/z.csv", "user:other@127.0.0.1")})
        other.pages["/z.csv"] = Page(CSV)
        (snapshot,) = fetched(site.url("/x.csv", "ann:planted@127.0.0.1"))
        assert snapshot.source.uri == site.url("/x.csv", "***@127.0.0.1")
        assert [headers["authorization"] for _, headers in site.asked] == ["Basic YW5uOnBsYW50ZWQ="] * 2
        ((_, headers),) = other.asked
        assert {"authorization", "cookie", "referer"}.isdisjoint(headers)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for tides.test that signs itself, and its key, in one file."""
    path = tmp_path / "tides.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=tides.test", "-addext", "subjectAltName=DNS:tides.test", "-keyout", path,
         "-out", path.with_suffix(".crt")],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def test_https_to_a_pinned_address_is_held_against_the_name(
    certificate: Path, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda line, name, _: names.append(name)  # type: ignore[assignment]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **m: real("127.0.0.1" if host.endswith(".test") else host, *a, **m)
    )
    with Site(context).running() as site:
        site.pages["/x.csv"] = Page(CSV)
        with pytest.raises(SourceUnreadable, match=r"certificate that is not trusted: self.signed"):
            fetched(site.url("/x.csv", "tides.test"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
        assert fetched(site.url("/x.csv", "tides.test"))[0].source.sha256 == digest(CSV)
        assert set(names) == {"tides.test"}
        with pytest.raises(SourceUnreadable, match="Hostname mismatch"):
            fetched(site.url("/x.csv", "other.test"))
        site.pages["/down"] = Page(status=302, headers={"Location": "http://tides.test/x.csv"})
        with pytest.raises(SourceUnreadable, match="from https to http"):
            fetched(site.url("/down", "tides.test"))


@pytest.mark.parametrize("order", [("/bad.csv", "/slow.csv"), ("/slow.csv", "/bad.csv")])
def test_one_that_cannot_be_read_ends_the_others(order: tuple[str, str], site: Site, fetched: Fetched) -> None:
    site.pages["/slow.csv"] = Page(CSV, drip=0.02)
    site.pages["/bad.csv"] = Page(CSV, length=len(CSV) + 1, etag=None)
    began = time.monotonic()
    with pytest.raises(SourceUnreadable, match=r"bad\.csv could not be read"):
        fetched(*(site.url(path) for path in (*order, *order)), attempts=2)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["http://", "http://[::1/x", "http://a:99999/x", "https:///x.csv"])
def test_what_is_no_url(url: str, fetched: Fetched) -> None:
    with pytest.raises(Misuse, match=r"is no .*URL"):
        fetched(url)


def test_a_host_that_nobody_knows(fetched: Fetched) -> None:
    with pytest.raises(SourceUnreadable, match=r"a host that nobody knows|could not be looked up"):
        fetched("http://nobody.invalid/x.csv", attempts=1)
    with pytest.raises(SourceUnreadable, match=r"cannot be asked for|nobody knows"):
        fetched(f"http://{'a' * 64}.test/x.csv", attempts=1)


def test_nothing_listens(fetched: Fetched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceUnreadable, match="in 1 attempts: the connection broke"):
        fetched(f"http://127.0.0.1:{port}/x.csv", attempts=1)


def test_the_name_is_held_against_the_content(site: Site, fetched: Fetched) -> None:
    site.pages["/x.parquet"] = Page(CSV)
    with pytest.raises(SourceUnreadable) as error:
        fetched(site.url("/x.parquet"))
    assert error.value.fact.startswith(f"{site.url('/x.parquet')} is named as Parquet")
