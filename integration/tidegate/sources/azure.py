"""Azure Blob Storage, by its SDK. Retries are ours, so the SDK makes none but within one chunk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.core import exceptions as broken
from azure.storage.blob import BlobServiceClient, ContainerClient

from tidegate.errors import Misuse, SourceUnreadable
from tidegate.sources.blob_storage import Listed, NotThere, Refused, hush
from tidegate.sources.fetch import Bounds
from tidegate.sources.names import blob_account, ends_in, plain
from tidegate.sources.places import Answer, Transient
from tidegate.sources.snapshot import changed

_BUSY = (408, 425, 429, 500, 502, 503, 504)
_SCOPE = "https://storage.azure.com/.default"
_CHUNK = 4 << 20
"""The SDK reads so much at once; beyond it the store gives no checksum of what it sends."""
_WAITS = {"initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}
"""Seconds between the SDK's own attempts. Its own 15 before the second made 80 of a store that was out of reach."""
_CREDENTIALS = (
    "They come from AZURE_STORAGE_CONNECTION_STRING, or from what azure-identity finds: AZURE_CLIENT_ID, az login, ..."
)


class Container:
    """One container; see `tidegate.sources.blob_storage.Store`.

    Args:
        name: of the container.
        account_url: where it lies; None for the account of the environment.
        uri: what it is called in messages.

    Raises:
        Misuse: there is no such container's name, or no account.
        SourceUnreadable: there are no credentials.
    """

    def __init__(self, name: str, account_url: str | None, uri: str, bounds: Bounds) -> None:
        if not name:
            raise Misuse(f"{uri} names no container.", "Such as az://container/october.csv.")
        self.uri = uri
        with _spoken(uri):
            self._service = _service(account_url, uri, bounds)
            self._client: ContainerClient = self._service.get_container_client(name)
        self._name, self._attempts = name, bounds.config.attempts

    def exists(self, key: str) -> bool:
        with _spoken(f"{self.uri}/{plain(key)}"):
            return bool(self._blob(key).exists())

    def list(self, prefix: str) -> Iterator[Listed]:
        blobs = iter(self._client.list_blobs(name_starts_with=prefix, include=["metadata"]))
        while True:
            with _spoken(f"{self.uri}/{plain(prefix)}"):
                blob = next(blobs, None)
            if blob is None:
                return
            if (blob.metadata or {}).get("hdi_isfolder") != "true":
                yield Listed(blob.name, blob.etag, blob.size)

    def file(self, key: str, version: str | None) -> AzureFile:
        return AzureFile(self._blob(key), f"{self.uri}/{plain(key)}", ends_in(key), version)

    def put(self, key: str, body: Path | bytes) -> None:
        # Here the SDK tries again by itself: of a large file it then sends one part anew, and not all of them.
        asked: dict[str, Any] = {"overwrite": True, "validate_content": True, "retry_total": self._attempts - 1}
        with _spoken(f"{self.uri}/{plain(key)}", "written"):
            if isinstance(body, bytes):
                self._blob(key).upload_blob(body, **asked)
                return
            with body.open("rb") as file:
                self._blob(key).upload_blob(file, length=body.stat().st_size, **asked)

    def delete(self, key: str) -> None:
        with suppress(NotThere), _spoken(f"{self.uri}/{plain(key)}", "removed"):
            self._blob(key).delete_blob()

    def guards(self, key: str) -> bool:
        try:
            with _spoken(f"{self.uri}/{plain(key)}", "written"):
                self._blob(key).upload_blob(b"", overwrite=False)
        except Refused:
            return True
        return False

    def delta_uri(self, key: str) -> str:
        return f"az://{self._name}/{key}"

    def delta_options(self) -> dict[str, str]:
        endpoint, _, signature = self._service.url.partition("?")
        options = {
            "azure_storage_account_name": str(self._service.account_name),
            "azure_storage_endpoint": endpoint.rstrip("/"),
            "azure_allow_http": str(endpoint.startswith("http://")).lower(),
        }
        credential: Any = self._service.credential
        if signature:
            return options | {"azure_storage_sas_key": signature}
        if hasattr(credential, "account_key"):
            return options | {"azure_storage_account_key": credential.account_key}
        with _spoken(self.uri):
            return options | {"azure_storage_token": credential.get_token(_SCOPE).token}

    def _blob(self, key: str) -> Any:
        if any(part in (".", "..") for part in key.split("/")):
            raise SourceUnreadable(
                f"{self.uri}/{plain(key)} has a part . or .., which the SDK leaves out: it would read another.",
                "Rename it.",
            )
        return self._client.get_blob_client(key)


class AzureFile:
    """One blob; see `tidegate.sources.places.RemoteFile`."""

    def __init__(self, blob: Any, uri: str, name: str, version: str | None) -> None:
        self.uri, self.name = uri, name
        self._blob, self._version = blob, version

    @contextmanager
    def open(self, start: int, stop: int | None, version: str | None) -> Iterator[Answer]:
        asked: dict[str, Any] = {"validate_content": True, "max_concurrency": 1}
        if condition := version or self._version:
            asked |= {"etag": condition, "match_condition": MatchConditions.IfNotModified}
        if version is not None:
            asked |= {"offset": start, "length": None if stop is None else stop - start}
        with _spoken(self.uri):
            found = self._blob.download_blob(**asked)
        properties = found.properties
        if condition is not None and _bare(properties.etag) != _bare(condition):
            raise changed(self.uri)
        checksum = properties.content_settings.content_md5
        sums = {"md5": bytes(checksum).hex()} if checksum and version is None else {}
        yield Answer(_chunks(found, self.uri), properties.size if version is None else None, properties.etag, sums)


def _bare(tag: str) -> str:
    """An ETag as listings spell it, without quotes."""
    return tag.strip('"')


def _chunks(found: Any, uri: str) -> Iterator[bytes]:
    chunks = iter(found.chunks())
    while True:
        with _spoken(uri):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


@contextmanager
def _spoken(uri: str, what: str = "read") -> Iterator[None]:
    """Say in our words what went wrong: those of the SDK hold the URL, and what is secret in it."""
    try:
        yield
    except broken.ResourceNotFoundError:
        raise NotThere(f"{uri} is not there.", "Check the path.") from None
    except broken.ResourceExistsError:
        raise Refused(f"{uri} is there already.") from None
    except (broken.ResourceModifiedError, broken.ResourceNotModifiedError):
        raise changed(uri) from None
    except broken.ClientAuthenticationError as error:
        answer = f"the store answers {error.status_code}" if error.status_code else "there are no credentials"
        raise SourceUnreadable(f"{uri} may not be {what}: {answer}.", _CREDENTIALS) from None
    except (broken.ServiceRequestError, broken.ServiceResponseError, broken.IncompleteReadError) as error:
        raise Transient(f"the connection broke ({type(error).__name__})") from None
    except broken.HttpResponseError as error:
        raise _told(uri, error, what) from None
    except broken.AzureError as error:
        # Among them the wrong checksum of a chunk.
        raise Transient(f"the store's answer is damaged ({type(error).__name__})") from None
    except (OSError, ValueError, LookupError, TypeError):
        # A damaged answer, on which the SDK stumbles, such as a Content-Range without its slash.
        raise Transient("the store's answer cannot be understood") from None


def _told(uri: str, error: broken.HttpResponseError, what: str) -> Exception:
    status = error.status_code
    if status in _BUSY or status is None:
        return Transient(f"the store answers {status}")
    if status in (412, 416):
        return changed(uri)
    return SourceUnreadable(f"{uri} may not be {what}: the store answers {status}.", _CREDENTIALS)


def _service(account_url: str | None, uri: str, bounds: Bounds) -> BlobServiceClient:
    hush("azure", "msal")
    silence = bounds.config.silence_seconds
    asked: dict[str, Any] = {
        "retry_total": 0, "connection_timeout": silence, "read_timeout": silence,
        "max_single_get_size": _CHUNK, "max_chunk_get_size": _CHUNK, "user_agent": "tidegate", **_WAITS,
    }  # fmt: skip
    account = blob_account(account_url.partition("://")[2]) if account_url else None
    if told := os.environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        try:
            service = BlobServiceClient.from_connection_string(told, **asked)
        except ValueError:
            raise Misuse("AZURE_STORAGE_CONNECTION_STRING is no connection string.", "Copy it anew.") from None
        # Credentials of one account are never sent to another.
        if account is None or service.account_name == account:
            return service
    if account_url is None:
        name = os.environ.get("AZURE_STORAGE_ACCOUNT", "")
        account_url = f"https://{name}.blob.core.windows.net"
        if blob_account(account_url.partition("://")[2]) is None:
            raise Misuse(
                f"{uri} does not say in which account it is.",
                "Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT, or write abfss://container@account...",
            )
    from azure.identity import DefaultAzureCredential

    return BlobServiceClient(account_url, credential=DefaultAzureCredential(), **asked)
