"""Blob storage for tests: moto's server for S3 and Azurite for Azure, on this machine, with a container each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

import pytest

AZURITE = Path(__file__).resolve().parents[2] / "build/azurite/node_modules/.bin/azurite-blob"
ACCOUNT = "devstoreaccount1"
# Azurite's own, as its documentation gives it: no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SECRET = "planted+secret/of+aws"


class S3:
    """A bucket of its own in moto's server.

    Attributes:
        port: where the server is.
    """

    def __init__(self, port: int) -> None:
        self.port, self._name = port, f"b-{uuid.uuid4().hex[:12]}"
        self._client = _s3_client(port)
        self._client.create_bucket(Bucket=self._name)

    def put(self, key: str, body: bytes, **more: Any) -> None:
        self._client.put_object(Bucket=self._name, Key=key, Body=body, **more)

    def names(self) -> list[str]:
        """The keys of all objects."""
        return [entry["Key"] for entry in self._client.list_objects_v2(Bucket=self._name).get("Contents", ())]

    def get(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self._name, Key=key)["Body"].read())

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._name, Key=key)

    def remove(self) -> None:
        """The bucket itself, with all that is in it."""
        for key in self.names():
            self.delete(key)
        self._client.delete_bucket(Bucket=self._name)

    def uri(self, key: str) -> str:
        return f"s3://{self._name}/{key}"

    @staticmethod
    def environment(port: int) -> dict[str, str]:
        """What boto3 finds by itself, so that it asks this port."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIAPLANTED", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }  # fmt: skip


class Azure:
    """A container of its own in Azurite."""

    def __init__(self, port: int) -> None:
        self.port, self._name = port, f"c-{uuid.uuid4().hex[:12]}"
        self._client = _azure_client(port).create_container(self._name)

    def put(self, key: str, body: bytes) -> None:
        self._client.get_blob_client(key).upload_blob(body, overwrite=True)

    def names(self) -> list[str]:
        """The names of all blobs."""
        return list(self._client.list_blob_names())

    def get(self, key: str) -> bytes:
        return bytes(self._client.download_blob(key).readall())

    def delete(self, key: str) -> None:
        self._client.delete_blob(key)

    def remove(self) -> None:
        """The container itself."""
        self._client.delete_container()

    def uri(self, key: str) -> str:
        return f"az://{self._name}/{key}"

    @staticmethod
    def environment(port: int) -> dict[str, str]:
        return {"AZURE_STORAGE_CONNECTION_STRING": _connection_string(port)}

    def signed(self, signature: str) -> str:
        """A connection string with a shared access signature instead of the key."""
        url = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        return f"BlobEndpoint={url};SharedAccessSignature=sv=2024-11-04&ss=b&srt=sco&sp=rl&sig={signature}"


# Such a client takes longer to make than most tests take.
@cache
def _s3_client(port: int) -> Any:
    import boto3

    return boto3.session.Session().client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id="AKIAPLANTED", aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )  # fmt: skip


@cache
def _azure_client(port: int) -> Any:
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient.from_connection_string(_connection_string(port))


def _connection_string(port: int) -> str:
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    )


# In a process of its own: delta-rs holds Python's lock in some of its calls, and would wait for a server that needs it.
MOTO = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@contextmanager
def moto() -> Iterator[int]:
    """Moto's server, until the end of the block; gives its port."""
    with subprocess.Popen([sys.executable, "-c", MOTO], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def azurite() -> Iterator[int]:
    """Azurite, until the end of the block; gives its port."""
    if shutil.which("node") is None or not AZURITE.exists():
        reason = (
            f"Azurite is not in {AZURITE.parents[2]}; `make unit` puts it there, where npm is (Debian's package: npm)"
        )
        if os.environ.get("CI", "").lower() not in ("", "0", "false"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [AZURITE, "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck",
             "--disableTelemetry"],
            stdout=said, stderr=said,
        )  # fmt: skip
        try:
            yield _port_said(said, process)
        finally:
            process.terminate()
            process.wait()


def _port_said(said: IO[bytes], process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        text = os.pread(said.fileno(), 1 << 16, 0)
        if listens := re.search(rb"successfully listens on http://127\.0\.0\.1:(\d+)", text):
            return int(listens[1])
        assert process.poll() is None, f"Azurite ended: {text!r}"
        time.sleep(0.05)
    raise AssertionError("Azurite does not listen")
