"""Amazon S3, and what speaks its protocol, by boto3. Retries are ours, so boto3 makes none."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import boto3.session
from botocore import exceptions as broken
from botocore.config import Config

from tidegate.errors import Misuse, SourceUnreadable
from tidegate.readers.counts import CHUNK
from tidegate.sources.blob_storage import Listed, NotThere, Refused, hush
from tidegate.sources.fetch import Bounds
from tidegate.sources.names import ends_in, plain
from tidegate.sources.places import Answer, Transient
from tidegate.sources.snapshot import changed

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_PASSING = (
    broken.HTTPClientError, broken.ConnectionError, broken.IncompleteReadError, broken.FlexibleChecksumError,
)  # fmt: skip
_CHECKSUMS = {"ChecksumSHA256": "sha256", "ChecksumSHA1": "sha1", "ChecksumCRC32": "crc32"}
_AMAZON = re.compile(r"\.amazonaws\.com(\.cn)?$")
_CREDENTIALS = (
    "boto3 takes them from the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE), from ~/.aws or from the machine's role."
)


class Bucket:
    """One bucket. Raises `Misuse` where its name is none; see `tidegate.sources.blob_storage.Store` for the rest."""

    def __init__(self, name: str, bounds: Bounds) -> None:
        if not _BUCKET.fullmatch(name):
            raise Misuse(f"s3://{plain(name.rpartition('@')[2])} names no bucket.", "Such as s3://bucket/october.csv.")
        self._name, self.uri = name, f"s3://{name}"
        with _spoken(self.uri):
            self._client = _client(bounds)
        self._bounds = bounds

    def exists(self, key: str) -> bool:
        try:
            with _spoken(f"{self.uri}/{plain(key)}"):
                self._client.head_object(Bucket=self._name, Key=key)
        except NotThere:
            return False
        return True

    def list(self, prefix: str) -> Iterator[Listed]:
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix))
        while True:
            with _spoken(f"{self.uri}/{plain(prefix)}"):
                page = next(pages, None)
            if page is None:
                return
            for entry in page.get("Contents", ()):
                yield Listed(entry["Key"], entry.get("ETag"), entry["Size"])

    def file(self, key: str, version: str | None) -> S3File:
        return S3File(self._client, self._name, key, version)

    def put(self, key: str, body: Path | bytes) -> None:
        # Here the SDK tries again by itself: of a large file it then sends one part anew, and not all of them.
        client = _client(self._bounds, self._bounds.config.attempts)
        with _spoken(f"{self.uri}/{plain(key)}", "written"), _opened(body) as file:
            client.upload_fileobj(file, self._name, key)

    def delete(self, key: str) -> None:
        with _spoken(f"{self.uri}/{plain(key)}", "removed"):
            self._client.delete_object(Bucket=self._name, Key=key)

    def guards(self, key: str) -> bool:
        try:
            with _spoken(f"{self.uri}/{plain(key)}", "written"):
                self._client.put_object(Bucket=self._name, Key=key, Body=b"", IfNoneMatch="*")
        except Refused:
            return True
        return False

    def delta_uri(self, key: str) -> str:
        return f"{self.uri}/{key}"

    def delta_options(self) -> dict[str, str]:
        with _spoken(self.uri):
            # boto3 finds out where a bucket is, and delta-rs does not.
            told = self._client.head_bucket(Bucket=self._name)["ResponseMetadata"]["HTTPHeaders"]
            credentials = self._bounds.clients["s3 session"].get_credentials()
            if credentials is None:
                raise broken.NoCredentialsError
            frozen = credentials.get_frozen_credentials()
        meta = self._client.meta
        options = {
            "aws_region": told.get("x-amz-bucket-region") or meta.region_name,
            "aws_access_key_id": frozen.access_key,
            "aws_secret_access_key": frozen.secret_key,
            # The commit must fail where another was first, whatever the environment says.
            "aws_conditional_put": "etag",
            "aws_s3_allow_unsafe_rename": "false",
        }
        if frozen.token:
            options["aws_session_token"] = frozen.token
        if not _AMAZON.search(meta.endpoint_url):
            plainly = str(meta.endpoint_url.startswith("http://")).lower()
            options |= {"aws_endpoint_url": meta.endpoint_url, "aws_allow_http": plainly}
        return options


class S3File:
    """One object; see `tidegate.sources.places.RemoteFile`."""

    def __init__(self, client: Any, bucket: str, key: str, version: str | None) -> None:
        self.uri, self.name = f"s3://{bucket}/{plain(key)}", ends_in(key)
        self._client, self._version = client, version
        self._asked = {"Bucket": bucket, "Key": key, "ChecksumMode": "ENABLED"}

    @contextmanager
    def open(self, start: int, stop: int | None, version: str | None) -> Iterator[Answer]:
        asked = dict(self._asked)
        if condition := version or self._version:
            asked["IfMatch"] = condition
        if version is not None:
            asked["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        with _spoken(self.uri):
            response = self._client.get_object(**asked)
        with closing(response["Body"]) as body:
            tag = response.get("ETag")
            if condition is not None and tag != condition:
                raise changed(self.uri)
            chunks = _chunks(body, self.uri)
            if version is None:
                yield Answer(chunks, response.get("ContentLength"), tag, _checksums(response))
                return
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.get("ContentRange", ""))
            if found is None or int(found[1]) != start:
                raise Transient("the store sent another part than was asked for")
            yield Answer(chunks, int(found[2]), tag)


@contextmanager
def _opened(body: Path | bytes) -> Iterator[IO[bytes]]:
    with BytesIO(body) if isinstance(body, bytes) else body.open("rb") as file:
        yield file


@contextmanager
def _spoken(uri: str, what: str = "read") -> Iterator[None]:
    """Say in our words what went wrong: those of the SDK may hold what is secret."""
    try:
        yield
    except broken.ClientError as error:
        raise _told(uri, error, what) from None
    except _PASSING as error:
        raise Transient(f"the connection broke ({type(error).__name__})") from None
    except broken.NoCredentialsError:
        raise SourceUnreadable(f"{uri} needs credentials, and boto3 finds none.", _CREDENTIALS) from None
    except broken.BotoCoreError as error:
        raise SourceUnreadable(f"{uri} cannot be asked for: boto3 says {type(error).__name__}.", _CREDENTIALS) from None
    except (OSError, ValueError, LookupError, TypeError):
        # A damaged answer, on which botocore or urllib3 stumbles.
        raise Transient("the store's answer cannot be understood") from None


def _told(uri: str, error: broken.ClientError, what: str) -> Exception:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = re.sub(r"[^A-Za-z0-9]", "", str(error.response.get("Error", {}).get("Code", "")))[:40]
    if status == 404:
        return NotThere(f"{uri} is not there{', nor is its bucket' * (code == 'NoSuchBucket')}.", "Check the path.")
    if what == "written" and status == 412:
        return Refused(f"{uri} is there already.")
    if status in (412, 416):
        return changed(uri)
    if status in _BUSY or code in ("SlowDown", "RequestTimeout", "InternalError"):
        return Transient(f"the store answers {status} {code}")
    return SourceUnreadable(f"{uri} may not be {what}: the store answers {status} {code}.", _CREDENTIALS)


def _chunks(body: Any, uri: str) -> Iterator[bytes]:
    while True:
        with _spoken(uri):
            chunk = body.read(CHUNK)
        if not chunk:
            return
        yield chunk


def _checksums(response: dict[str, Any]) -> dict[str, str]:
    """What the store says of the whole object: not what is a checksum of checksums."""
    found = {}
    if response.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        for field, algorithm in _CHECKSUMS.items():
            value = response.get(field, "")
            if value and "-" not in value:
                try:
                    found[algorithm] = base64.b64decode(value, validate=True).hex()
                except binascii.Error:
                    continue
    tag = response.get("ETag", "").strip('"')
    plainly_stored = (
        response.get("ServerSideEncryption", "AES256") == "AES256" and "SSECustomerAlgorithm" not in response
    )
    if plainly_stored and re.fullmatch(r"[0-9a-f]{32}", tag) and not found:
        found["md5"] = tag
    return found


def _client(bounds: Bounds, attempts: int = 1) -> Any:
    hush("botocore", "boto3", "s3transfer")
    kept, name = bounds.clients, f"s3, {attempts} attempts"
    if name not in kept:
        silence = bounds.config.silence_seconds
        config = Config(
            retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=silence, read_timeout=silence,
            max_pool_connections=bounds.config.at_once, user_agent_extra="tidegate",
        )  # fmt: skip
        session = kept.setdefault("s3 session", boto3.session.Session())
        kept[name] = session.client("s3", config=config)
    return kept[name]
