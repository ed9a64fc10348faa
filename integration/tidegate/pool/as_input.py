"""A dataset as an input of an MLflow run: its name, digest, place, columns and size.

The integration that makes a version and the training that reads it name it alike, and that is how lineage is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tidegate.errors import Misuse
from tidegate.pool.history import existing_table
from tidegate.pool.location import Location, pool_location
from tidegate.pool.log import live_files
from tidegate.pool.table import open_version
from tidegate.receipt import digest_of

_DIGEST = 36  # characters that MLflow allows a dataset's digest
_MOST_COLUMNS = 2_000
_MOST_CHARACTERS = 1_000_000  # MLflow takes a mebibyte of them, and names may be long


@dataclass(frozen=True)
class AsInput:
    """A dataset as MLflow keeps it, in plain values.

    Attributes:
        name: its folder and version, such as ``pool@3``.
        digest: of the table's id and the version, so that a pool made anew in the same place has others.
        source: where it is, as MLflow's own source of Delta tables has it.
        columns: its schema in MLflow's form; None where there are too many columns.
        profile: how many rows, files and bytes. No cell's value.
    """

    name: str
    digest: str
    source: dict[str, Any]
    columns: dict[str, Any] | None
    profile: dict[str, Any]


def as_input(uri: str, version: int) -> AsInput:
    """A version of a pool or output as an input.

    Raises:
        PoolError: it cannot be opened.
        Misuse: there can be none in such a place.
    """
    location = pool_location(uri)
    table = open_version(location, version)
    files = live_files(table)
    counts = [file.rows for file in files]
    known = [count for count in counts if count is not None]
    return AsInput(
        name=f"{uri.rstrip('/').rpartition('/')[2]}@{version}",
        digest=version_digest(str(table.metadata().id), version),
        source={"path": uri, "delta_table_version": version},
        columns=mlflow_columns(pa.schema(table.schema().to_arrow())),
        profile={
            "num_rows": sum(known) if len(known) == len(counts) else None,
            "num_files": len(files),
            "num_bytes": sum(file.size for file in files),
        },
    )


def version_digest(table: str, version: int) -> str:
    """Identifies what a version of a Delta table holds, by the table's id."""
    return digest_of({"table": table, "version": version})[:_DIGEST]


def version_digests(location: Location, versions: Iterable[int]) -> dict[str, int]:
    """The versions of a table by their digests. Raises `Misuse` where there is none, and `PoolError`."""
    identity = str(existing_table(location).metadata().id)
    return {version_digest(identity, version): version for version in versions}


def log_input(uri: str, version: int, context: str) -> None:
    """Log a version as an input of the MLflow run that is under way.

    Raises:
        Misuse: MLflow is not installed, or there is no such run.
        PoolError: the dataset cannot be opened.
    """
    try:
        import mlflow
        from mlflow.entities import Dataset, DatasetInput, InputTag
    except ModuleNotFoundError:
        raise Misuse("MLflow is not installed.", "pip install 'tidegate[pipeline]'") from None
    run = mlflow.active_run()
    if run is None:
        raise Misuse("There is no MLflow run under way.", "Call it within: with mlflow.start_run(): ...")
    told = as_input(uri, version)
    dataset = Dataset(
        name=told.name,
        digest=told.digest,
        source_type="delta_table",
        source=json.dumps(told.source),
        schema=json.dumps(told.columns) if told.columns is not None else None,
        profile=json.dumps(told.profile),
    )
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])]
    mlflow.MlflowClient().log_inputs(run.info.run_id, inputs)


def mlflow_columns(schema: pa.Schema) -> dict[str, Any] | None:
    """Columns in the form in which MLflow keeps a dataset's schema; None where there is too much of them."""
    if len(schema) > _MOST_COLUMNS:
        return None
    told = {"mlflow_colspec": [{"name": f.name, "required": not f.nullable, **_type(f.type)} for f in schema]}
    return told if len(json.dumps(told)) <= _MOST_CHARACTERS else None


def _type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return {"type": "array", "items": _type(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"type": "object", "properties": {f.name: {**_type(f.type), "required": not f.nullable} for f in kind}}
    for of_kind, name in _TYPES:
        if of_kind(kind):
            return {"type": name}
    return {"type": "string"}


_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (lambda kind: pa.types.is_integer(kind) and kind.bit_width <= 32 and kind != pa.uint32(), "integer"),
    (pa.types.is_integer, "long"),
    (lambda kind: kind == pa.float32(), "float"),
    (pa.types.is_floating, "double"),
    (pa.types.is_decimal, "double"),
    (lambda kind: pa.types.is_date(kind) or pa.types.is_timestamp(kind), "datetime"),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), "binary"),
)
"""MLflow's types, in the order in which they are asked for. What has none is text."""
