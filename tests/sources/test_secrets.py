"""Keys, tokens, signatures and passwords: planted wherever one may stand, and looked for in all that comes out."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.sources.proxy import Proxy
from tests.sources.site import Page, Site
from tests.sources.stores import KEY, S3, SECRET, Azure

from tidegate.errors import SourceUnreadable, TidegateError
from tidegate.sources import Snapshot
from tidegate.sources.names import masked

Fetched = Callable[..., list[Snapshot]]
ROWS = b"trip,cars\n" + b"".join(b"t%d,%d\n" % (n, n) for n in range(2_000))
CONTRACT = """\
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    trip: str = pa.Field(metadata={"key": True})
    cars: int = pa.Field(ge=0)
"""
QUERY = "?sv=2024&sig=planted%2Fsig&token=planted-token&planted-bare&X-Amz-Signature=planted&fine=planted"


def found(secret: str, text: str) -> bool:
    return secret.lower() in text.lower()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://example.org/a/b.csv", "https://example.org/a/b.csv"),
        ("https://ann:planted@example.org:8443/b.csv", "https://***@example.org:8443/b.csv"),
        ("https://planted@example.org/b.csv", "https://***@example.org/b.csv"),
        ("https://ann:pla@nted@example.org/b.csv", "https://***@example.org/b.csv"),
        ("https://example.org/b.csv?sig=planted&v=planted", "https://example.org/b.csv?sig=***&v=***"),
        ("https://example.org/b.csv?planted", "https://example.org/b.csv?***"),
        ("https://example.org/b.csv?a=1=planted", "https://example.org/b.csv?a=***"),
        ("https://example.org/b.csv#token=planted", "https://example.org/b.csv"),
        ("https://[::1/planted", "https://***"),
        ("abfss://c@acme.dfs.core.windows.net/x", "abfss://c@acme.dfs.core.windows.net/x"),
        ("abfss://c:planted@acme.dfs.core.windows.net/x", "abfss://***@acme.dfs.core.windows.net/x"),
        ("https://example.org/\x1b[31m\u202e.csv", "https://example.org/%1B[31m%E2%80%AE.csv"),
    ],
)
def test_what_is_shown_of_a_uri(uri: str, shown: str) -> None:
    assert masked(uri) == shown


FAULTS = {
    "/missing.csv": Page(status=404),
    "/closed.csv": Page(status=403, headers={"X-Echo": "planted"}),
    "/busy.csv": Page(busy=99),
    "/cut.csv": Page(ROWS, cut=100, etag=None),
    "/page.csv": Page(b"<html>planted", headers={"Content-Type": "text/html"}),
    "/away.csv": Page(status=302, headers={"Location": "http://planted:planted@169.254.169.254/planted?sig=planted"}),
    "/odd.csv": Page(status=302, headers={"Location": "planted://x"}),
    "/xlsx.parquet": Page(ROWS),
    "/wrong.csv": Page(ROWS, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}),
}


@pytest.mark.parametrize("path", FAULTS)
def test_errors_hold_no_secret(
    path: str, site: Site, fetched: Fetched, small_parts: int, caplog: pytest.LogCaptureFixture
) -> None:
    site.pages[path] = FAULTS[path]
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceUnreadable) as caught:
        fetched(site.url(path + QUERY, "ann:planted@127.0.0.1"), attempts=2)
    assert not found("planted", everything(caught.value, caplog))


def everything(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """What an error says, with all errors that it came of, as a program would print, pickle or log it."""
    seen, texts = [error], []
    while seen:
        one = seen.pop()
        texts += [str(one), repr(one), repr(one.args), repr(vars(one)), "".join(traceback.format_exception_only(one))]
        seen += [other for other in (one.__cause__, one.__context__) if other is not None]
    return "\n".join([*texts, *(json.dumps(vars(record), default=str) for record in caplog.records)])


@pytest.mark.parametrize("kind", ["drop", "truncate", "reset", "stall"])
def test_nested_errors_of_the_sdks_hold_no_secret(
    kind: str, store: S3 | Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_parts: int,
    caplog: pytest.LogCaptureFixture, fetched: Fetched,
) -> None:  # fmt: skip
    store.put("x.csv", ROWS)
    with Proxy(store.port).running() as proxy:
        proxy.plan(1, (kind,), share=1, reach=1)
        for name, value in store.environment(proxy.port).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TidegateError) as caught:
            fetched(store.uri("x.csv"), attempts=1, silence=0.3)
    told = everything(caught.value, caplog)
    assert not any(found(secret, told) for secret in (SECRET, KEY, "AKIAPLANTED", "Signature="))
    assert caught.value.__context__ is None


def test_the_log_of_the_libraries_holds_no_secret(
    store: S3 | Azure, fetched: Fetched, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the host program logs everything that they say, and where a token is in a header or in the URL."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "planted+session")
    if isinstance(store, Azure):
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", store.signed("plantedly"))
    store.put("x.csv", ROWS)
    caplog.set_level(logging.DEBUG)
    with suppress(SourceUnreadable):  # Azurite knows that the signature is made up
        fetched(store.uri("x.csv"))
    # As urllib3 does where the line has damaged the headers of an answer.
    logging.getLogger("urllib3.connection").warning("Failed (url=%s): %s", "http://a/x.csv?sig=planted&a=planted", "no")
    told = "\n".join(json.dumps(vars(record), default=str) + record.getMessage() for record in caplog.records)
    assert found("x.csv", told)
    assert not any(found(secret, told) for secret in (SECRET, KEY, "planted"))


def test_nothing_that_a_command_leaves_holds_a_secret(site: Site, tmp_path: Path, warm: Path) -> None:
    site.pages["/x.csv"] = Page(ROWS + b"bad,-1\n")
    site.pages["/fails.csv"] = Page(status=404)
    (tmp_path / "contracts/trips").mkdir(parents=True)
    (tmp_path / "contracts/trips/v1_0.py").write_text(CONTRACT)
    (tmp_path / "c.yaml").write_text("{source_config: {allowed_networks: [127.0.0.0/8]}, tracking: {metaflow: false}}")
    x, fails = (site.url(f"/{name}{QUERY}", "ann:planted@127.0.0.1") for name in ("x.csv", "fails.csv"))
    told = (
        run(sys.executable, "--log-json", "integrate", x, "--into", "pool", folder=tmp_path)
        + run(warm, "--verbose", "validate", x, "--format", "json", "--output", "verdict.json", folder=tmp_path)
        + run(warm, "--verbose", "validate", fails, folder=tmp_path)
    )
    assert found("http://***@127.0.0.1", told)
    assert not found("planted", told)
    holding = [file for file in tmp_path.rglob("*") if file.is_file() and b"planted" in file.read_bytes().lower()]
    assert holding == []
    assert (tmp_path / "verdict.json").exists()
    assert (tmp_path / ".tidegate/mlflow.db").exists()


def run(python: Path | str, *command: str, folder: Path) -> str:
    """What the command line prints, on either stream."""
    done = subprocess.run(
        [python, "-c", "from tidegate.cli import main; main()", *command, "--contract", "trips",
         "--registry", ".", "--config", "c.yaml"],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stdout
    return done.stdout


def test_help_imports_no_sdk() -> None:
    code = "import sys, tidegate.cli, tidegate.sources; print([m for m in ('boto3', 'azure') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout == "[]\n"
