"""Which submissions a version is made of, and how those left it that are not there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.pool.test_publish import SCHEMA, put, receipt

from tidegate.engines import DataFile
from tidegate.errors import Misuse
from tidegate.pool import as_input, contents, publish, revoke, rollback, table_version, version_digests, versions_of

Told = list[tuple[str, int, bool, tuple[int, str] | None]]


def told(pool: Path, version: int | None = None) -> Told:
    """Of each publish: whose, the version, whether it is there, and how it left."""
    found = contents(pool, table_version(pool) if version is None else version)
    return [
        (one.receipt.submission.id, one.version, one.there, (one.left.version, one.left.how) if one.left else None)
        for one in found.contributions
    ]


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    pool = tmp_path / "pool"
    for name in "abc":
        put(pool, name, [ord(name)])
    return pool


def test_what_was_revoked_or_rolled_back_is_said_so(pool: Path) -> None:
    revoke(pool, submission="b")
    rollback(pool, 0)
    assert told(pool, 2) == [("a", 0, True, None), ("b", 1, True, (3, "revoked")), ("c", 2, True, (4, "rolled back"))]
    assert told(pool, 3) == [("a", 0, True, None), ("b", 1, False, (3, "revoked")), ("c", 2, True, (4, "rolled back"))]
    assert told(pool) == [("a", 0, True, None), ("b", 1, False, (3, "revoked")), ("c", 2, False, (4, "rolled back"))]
    assert told(pool, 0) == [("a", 0, True, None)]
    assert [versions_of(pool, publish) for publish in (0, 1, 2)] == [(0, 1, 2, 3, 4), (1, 2), (2, 3)]


def test_a_rollback_brings_back_and_another_publish_is_another(pool: Path) -> None:
    revoke(pool, submission="b")
    rollback(pool, 2)
    assert told(pool, 2) == [("a", 0, True, None), ("b", 1, True, None), ("c", 2, True, None)]
    revoke(pool, submission="b")
    put(pool, "b", [98])
    assert told(pool)[1:] == [("b", 1, False, (5, "revoked")), ("c", 2, True, None), ("b", 6, True, None)]
    assert versions_of(pool, 1) == (1, 2, 4)


def test_a_contributors_revocation_covers_all_of_his_and_no_others(tmp_path: Path) -> None:
    pool, schema = tmp_path / "pool", SCHEMA.append(pa.field("_contributor", pa.string()))
    for name, who in (("a", "ada"), ("b", "bob"), ("c", "ada")):
        path, made = tmp_path / f"{name}.parquet", receipt(name, 1)
        pq.write_table(pa.table([[1], [name], [who]], schema=schema), path)
        whose = made.submission.model_copy(update={"contributor": who})
        made = made.model_copy(update={"submission": whose})
        publish(pool, [DataFile(path=path, rows=1)], schema, made, fresh=False)
    revoke(pool, contributor="ada")
    assert [one[2] for one in told(pool)] == [False, True, False]


def test_a_version_that_is_not_there(pool: Path) -> None:
    with pytest.raises(Misuse, match="has no version 7"):
        contents(pool, 7)


def test_a_pool_made_anew_in_the_same_place_has_other_digests(pool: Path, tmp_path: Path) -> None:
    before = as_input(str(pool), 0)
    assert (before.name, before.profile["num_rows"], before.profile["num_files"]) == ("pool@0", 1, 1)
    assert before.columns == {
        "mlflow_colspec": [
            {"name": "a", "required": False, "type": "long"},
            {"name": "_submission", "required": False, "type": "string"},
        ]
    }
    assert version_digests(pool, (0, 2))[before.digest] == 0
    pool.rename(tmp_path / "elsewhere")
    assert as_input(str(tmp_path / "elsewhere"), 0).digest == before.digest
    put(pool, "a", [1])
    assert as_input(str(pool), 0).digest != before.digest
