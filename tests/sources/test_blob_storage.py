"""Objects in S3 and Azure: what a path means, and what comes of it. The same for both, where both can."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobClient
from tests.sources.stores import ACCOUNT, KEY, S3, SECRET, Azure

from tidegate.config import Resources, SourceConfig
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.sources import Snapshot
from tidegate.sources.azure import AzureFile
from tidegate.sources.blob_storage import store_of
from tidegate.sources.fetch import Bounds
from tidegate.sources.places import Transient

CSV = b"a,b\n" + b"".join(b"%d,text\n" % n for n in range(60_000))
SMALL = b"a,b\n1,2\n"
Fetched = Callable[..., list[Snapshot]]
Store = S3 | Azure


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def names(snapshots: list[Snapshot], store: Store) -> list[str]:
    return [snapshot.source.uri.removeprefix(store.uri("")) for snapshot in snapshots]


def test_one_object(store: Store, fetched: Fetched) -> None:
    store.put("in/october.csv", CSV)
    (snapshot,) = fetched(store.uri("in/october.csv"))
    assert (snapshot.source.uri, snapshot.source.sha256) == (store.uri("in/october.csv"), digest(CSV))
    assert snapshot.path.read_bytes() == CSV


def test_a_large_object_comes_in_parts(store: Store, fetched: Fetched, small_parts: int) -> None:
    store.put("x.csv", CSV)
    assert fetched(store.uri("x.csv"))[0].source.sha256 == digest(CSV)


@pytest.fixture
def folder(store: Store) -> Store:
    for key in ("b.csv", "a.csv", "deep/er/c.csv", "deep/d.csv", "_SUCCESS", ".h.csv", "deep/_tmp/e.csv", "deeper.csv"):
        store.put(key, SMALL)
    return store


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ["a.csv", "b.csv", "deep/d.csv", "deep/er/c.csv", "deeper.csv"]),
        ("deep/", ["deep/d.csv", "deep/er/c.csv"]),
        ("deep", ["deep/d.csv", "deep/er/c.csv"]),
        ("*.csv", ["a.csv", "b.csv", "deeper.csv"]),
        ("[a-b].csv", ["a.csv", "b.csv"]),
        ("**/*.csv", ["a.csv", "b.csv", "deep/_tmp/e.csv", "deep/d.csv", "deep/er/c.csv", "deeper.csv"]),
        ("deep/*.csv", ["deep/d.csv"]),
    ],
)
def test_folders_and_globs(path: str, found: list[str], folder: Store, fetched: Fetched) -> None:
    assert names(fetched(folder.uri(path)), folder) == found


def test_a_key_is_literal_if_it_is_there(store: Store, fetched: Fetched) -> None:
    store.put("g[1].csv", CSV)
    store.put("g1.csv", SMALL)
    assert fetched(store.uri("g[1].csv"))[0].source.sha256 == digest(CSV)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.cvs", r"a\.cvs is not there\.\n\nDid you mean 'a\.csv'\?"),
        ("nothing/", r"holds no files"),
        ("*.parquet", r"matches no file"),
    ],
)
def test_nothing_is_there(path: str, message: str, folder: Store, fetched: Fetched) -> None:
    with pytest.raises(SourceUnreadable, match=message):
        fetched(folder.uri(path))


def test_no_such_container(store: Store, fetched: Fetched) -> None:
    with pytest.raises(SourceUnreadable, match=r"is not there"):
        fetched(store.uri("x.csv").replace("://", "://not-"))


def test_limits(folder: Store, fetched: Fetched) -> None:
    with pytest.raises(SourceUnreadable, match=r"more than 2 files"):
        fetched(folder.uri(""), limits=Resources(max_files=2))
    with pytest.raises(SourceUnreadable, match=r"resources\.max_bytes"):
        fetched(folder.uri("a.csv"), limits=Resources(max_bytes=3))


@pytest.mark.parametrize(
    "key", ["a//b.csv", "é b+c?#%41.csv", "x\x7f\u202e.csv", "~/$HOME/;rm.csv", "/lead.csv", "C:\\x.csv"]
)
def test_odd_keys_are_read_under_names_of_ours(key: str, store: Store, fetched: Fetched, tmp_path: Any) -> None:
    if isinstance(store, Azure) and key == "C:\\x.csv":
        key = "C:x.csv"  # Azure takes a backslash for a slash
    store.put(key, SMALL)
    (snapshot,) = fetched(store.uri(key))
    assert snapshot.source.sha256 == digest(SMALL)
    assert snapshot.path.parent == tmp_path / "work"
    assert snapshot.path.name == "fetched-000000"
    assert snapshot.source.uri.isprintable()


def test_keys_that_climb(s3: S3, fetched: Fetched, tmp_path: Any) -> None:
    s3.put("../../evil.csv", SMALL)
    s3.put("x/../y.csv", CSV)
    assert fetched(s3.uri("../../evil.csv"))[0].source.sha256 == digest(SMALL)
    assert [s.path.parent for s in fetched(s3.uri(""))] == [tmp_path / "work"] * 2
    assert fetched(s3.uri("x/../y.csv"))[0].source.sha256 == digest(CSV)


def test_keys_that_climb_in_azure(azure: Azure, fetched: Fetched) -> None:
    azure.put("y.csv", SMALL)
    for key in ("../y.csv", "x/../y.csv", "./y.csv"):
        with pytest.raises(SourceUnreadable, match=r"a part \. or \.\."):
            fetched(azure.uri(key))


def test_an_empty_object_says_so(store: Store, fetched: Fetched) -> None:
    store.put("x.csv", b"")
    with pytest.raises(SourceUnreadable, match=r"x\.csv is empty"):
        fetched(store.uri("x.csv"))


def test_an_object_that_is_replaced_meanwhile(
    store: Store, fetched: Fetched, small_parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.sources import fetch

    store.put("x.csv", CSV)
    parts = fetch._parts

    def replaced(here: int, size: int | None) -> Any:
        store.put("x.csv", CSV.replace(b"text", b"tent"))
        return parts(here, size)

    monkeypatch.setattr(fetch, "_parts", replaced)
    with pytest.raises(SourceUnreadable, match=r"changed while it was read"):
        fetched(store.uri("x.csv"))


def test_an_object_that_is_replaced_after_it_was_listed(
    store: Store, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.sources import blob_storage

    store.put("in/x.csv", SMALL)
    listed = blob_storage._listed

    def replaced(*args: Any) -> Any:
        found = listed(*args)
        store.put("in/x.csv", CSV)
        return found

    monkeypatch.setattr(blob_storage, "_listed", replaced)
    with pytest.raises(SourceUnreadable, match=r"changed while it was read"):
        fetched(store.uri("in/"))


def test_without_credentials(s3: S3, fetched: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceUnreadable, match=r"needs credentials, and boto3 finds none"):
        fetched(s3.uri("x.csv"))


def test_wrong_credentials(azure: Azure, fetched: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Azure.environment(azure.port)["AZURE_STORAGE_CONNECTION_STRING"].replace("Eby8", "Eby9")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
    with pytest.raises(SourceUnreadable, match=r"may not be read: the store answers 403") as error:
        fetched(azure.uri("x.csv"))
    assert error.value.__context__ is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("s3:///x.csv", "names no bucket"),
        ("s3://AKIA:planted@bucket/x.csv", "names no bucket"),
        ("s3://arn:aws:s3:x/y", "names no bucket"),
        ("az:///x.csv", "names no container"),
        ("abfss://c@evil.example.org/x.csv", "is not in Azure's blob storage"),
        ("abfss://c@a.blob.core.windows.net.evil.org/x.csv", "is not in Azure's blob storage"),
        ("https://acme.blob.core.windows.net/c/x.csv?sv=1&sig=planted", "carries a query"),
        ("https://example.org/x.csv", "is no path of data_source blob_storage"),
        ("x.csv", "is no path of data_source blob_storage"),
    ],
)
def test_paths_that_are_none(path: str, message: str, azure: Azure, fetched: Fetched) -> None:
    with pytest.raises(Misuse, match=message) as error:
        fetched(path, source="blob_storage")
    assert "planted" not in str(error.value)


@pytest.mark.parametrize(
    "path", ["abfss://c@acme.dfs.core.windows.net/x.csv", "https://acme.blob.core.windows.net/c/x.csv"]
)
def test_credentials_of_one_account_are_not_sent_to_another(
    path: str, azure: Azure, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then they are looked for elsewhere, where there are none."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(SourceUnreadable, match=r"acme.* may not be read: there are no credentials"):
        fetched(path)


def test_an_account_may_be_named(azure: Azure, fetched: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
    azure.put("x.csv", SMALL)
    container = azure.uri("").removeprefix("az://").rstrip("/")
    for path in (
        f"abfss://{container}@devstoreaccount1.dfs.core.windows.net/x.csv",
        f"https://devstoreaccount1.blob.core.windows.net/{container}/x.csv",
    ):
        (snapshot,) = fetched(path)
        assert (snapshot.source.uri, snapshot.source.sha256) == (path, digest(SMALL))
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    with pytest.raises(Misuse, match="does not say in which account"):
        fetched(azure.uri("x.csv"))


@pytest.mark.parametrize(("module", "path"), [("boto3", "s3://bucket/x"), ("azure.storage.blob", "az://container/x")])
def test_an_sdk_that_is_not_installed(
    module: str, path: str, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sys.modules["tidegate.sources.blob_storage"].find_spec
    monkeypatch.setattr("tidegate.sources.blob_storage.find_spec", lambda name: None if name == module else real(name))
    with pytest.raises(Misuse, match=r"needs .*, which is not installed\.\n\npip install 'tidegate\[(s3|azure)\]'"):
        fetched(path)


def test_a_checksum_that_the_store_gives_is_believed(s3: S3, fetched: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.sources import s3 as module

    s3.put("x.csv", SMALL, ChecksumAlgorithm="SHA256")
    told = module._checksums
    seen = []

    def noted(response: Any) -> Any:
        seen.append(told(response))
        return seen[-1]

    monkeypatch.setattr(module, "_checksums", noted)
    assert fetched(s3.uri("x.csv"))
    assert seen == [{"sha256": digest(SMALL)}]
    monkeypatch.setattr(module, "_checksums", lambda response: {"md5": "0" * 32})
    with pytest.raises(SourceUnreadable, match="is not what its store says: its md5 differs"):
        fetched(s3.uri("x.csv"))


def delta_options(uri: str) -> dict[str, str]:
    return store_of(uri, Bounds(SourceConfig(), Resources()))[0].delta_options()


def test_delta_rs_is_told_the_credentials_that_boto3_finds(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "planted+session")
    monkeypatch.setenv("AWS_S3_ALLOW_UNSAFE_RENAME", "true")
    assert delta_options(s3.uri("pool")) == {
        "aws_endpoint_url": f"http://127.0.0.1:{s3.port}", "aws_allow_http": "true", "aws_region": "us-east-1",
        "aws_access_key_id": "AKIAPLANTED", "aws_secret_access_key": SECRET, "aws_session_token": "planted+session",
        "aws_conditional_put": "etag", "aws_s3_allow_unsafe_rename": "false",
    }  # fmt: skip


def test_delta_rs_is_told_the_credentials_that_azure_finds(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    place = {
        "azure_storage_account_name": ACCOUNT, "azure_allow_http": "true",
        "azure_storage_endpoint": f"http://127.0.0.1:{azure.port}/{ACCOUNT}",
    }  # fmt: skip
    assert delta_options(azure.uri("pool")) == place | {"azure_storage_account_key": KEY}
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure.signed("planted%2Bsig"))
    signature = "sv=2024-11-04&ss=b&srt=sco&sp=rl&sig=planted%2Bsig"
    assert delta_options(azure.uri("pool")) == place | {"azure_storage_sas_key": signature}


def test_without_a_key_delta_rs_is_given_a_token_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
    monkeypatch.setattr("azure.identity.DefaultAzureCredential.get_token", lambda *_: AccessToken("planted", 0))
    assert delta_options("abfss://c@acme.dfs.core.windows.net/pool") == {
        "azure_storage_account_name": "acme", "azure_storage_token": "planted", "azure_allow_http": "false",
        "azure_storage_endpoint": "https://acme.blob.core.windows.net",
    }  # fmt: skip


def test_what_is_put_is_there_and_is_not_written_over_where_that_is_refused(store: S3 | Azure, tmp_path: Path) -> None:
    place, key = store_of(store.uri("in/large"), Bounds(SourceConfig(), Resources()))
    content = os.urandom(9 << 20)  # in two parts
    (tmp_path / "large").write_bytes(content)
    place.put(key, tmp_path / "large")
    assert place.guards(key)
    assert store.get(key) == content
    place.put(key, b"small")
    assert [(entry.key, entry.size) for entry in place.list("in/")] == [(key, 5)]
    place.delete(key)
    place.delete(key)
    assert store.names() == []


def test_an_answer_on_which_the_sdk_stumbles_is_tried_again() -> None:
    """Found by faults: one byte of Content-Range was another, and the SDK looked for a part that was not there."""

    class Damaged(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(206)
            for name, value in (("Content-Range", "bytes 0-3o4"), ("Content-Length", "4"), ("ETag", '"1"')):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"a\n1\n")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Damaged)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        blob = BlobClient(f"http://127.0.0.1:{server.server_port}/account", "container", "x.csv", retry_total=0)
        file = AzureFile(blob, "az://container/x.csv", "x.csv", None)
        with pytest.raises(Transient, match="cannot be understood"), file.open(0, None, None):
            pass
    finally:
        server.shutdown()
        server.server_close()
