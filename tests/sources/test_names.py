"""How a path says where it lies."""

from __future__ import annotations

import pytest

from tidegate.config import DataSource
from tidegate.errors import Misuse
from tidegate.sources.names import source_of


@pytest.mark.parametrize(
    ("path", "told", "means"),
    [
        ("october.csv", None, "local_path"),
        ("/data/a:b.csv", None, "local_path"),
        ("C:/october.csv", None, "local_path"),
        ("s3://bucket/x", None, "blob_storage"),
        ("S3://bucket/x", None, "blob_storage"),
        ("az://container/x", None, "blob_storage"),
        ("abfss://c@acme.dfs.core.windows.net/x", None, "blob_storage"),
        ("https://acme.blob.core.windows.net/c/x", None, "blob_storage"),
        ("https://acme.blob.core.windows.net/c/x?sig=s", None, "url"),
        ("https://acme.blob.core.windows.net/c/x", "url", "url"),
        ("https://acme.blob.core.windows.net.evil.org/c/x", None, "url"),
        ("http://acme.blob.core.windows.net/c/x", None, "url"),
        ("https://example.org/x", None, "url"),
        ("https://example.org/x", "local_path", "local_path"),
        ("ftp://example.org/x", "local_path", "local_path"),
    ],
)
def test_the_source_of_a_path(path: str, told: DataSource | None, means: str) -> None:
    assert source_of(path, told) == means


@pytest.mark.parametrize(
    ("path", "told", "message"),
    [
        ("ftp://ann:planted@example.org/x", None, r"ftp:// is not read"),
        ("file:///etc/passwd", None, r"file:// is not read\.\n\nGive the path alone"),
        ("gs://bucket/x", None, r"gs:// is not read"),
        ("october.csv", "url", r"is no path of data_source url"),
        ("s3://bucket/x", "url", r"is no path of data_source url"),
        ("http://[::1/x", None, r"is no URL"),
    ],
)
def test_a_path_of_no_source(path: str, told: DataSource | None, message: str) -> None:
    with pytest.raises(Misuse, match=message) as error:
        source_of(path, told)
    assert "planted" not in str(error.value)
