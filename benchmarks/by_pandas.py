"""What a user would write without Tidegate: pandas in chunks, Pandera, Great Expectations, deduplication, Parquet.

The same contract and the same suite, but for expectations that compare with the pool: how their bounds are computed is
Tidegate's own. They are left out, to the advantage of this program, as is everything that it does not do: no
quarantine, no protection from malformed records, no commit, no history.

`python -m benchmarks.by_pandas SOURCE POOL_PARQUET_FOLDER TARGET --contract flights@1.1`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import great_expectations as gx
import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as pq
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

_CHUNK = 200_000
_ROOT = Path(__file__).parents[1]


def main() -> None:
    """Judge a file, and write what passes and is new."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("pool", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--contract", default="flights@1.1")
    given = parser.parse_args()
    name, _, version = given.contract.partition("@")
    file = f"v{version.replace('.', '_')}"

    schema = contract(name, file)
    key = [column for column, field in schema.columns.items() if (field.metadata or {}).get("key")]
    read, good = 0, []
    for chunk in chunks(given.source, schema):
        read += len(chunk)
        good.append(passing(chunk, schema))
    passed = pd.concat(good)
    del good  # or its rows are in memory twice
    accepted = unseen(passed.drop_duplicates(key), given.pool, key)
    expect(accepted, _ROOT / "expectations" / name / f"{file}.json")
    accepted.to_parquet(given.target, index=False, compression="zstd")

    duplicate = len(passed) - len(accepted)
    rows = {"read": read, "failed": read - len(passed), "duplicate": duplicate, "accepted": len(accepted)}
    print(json.dumps({"rows": rows}))


def contract(name: str, file: str) -> pa.DataFrameSchema:
    """The contract as Pandera's own schema."""
    model = next(
        value
        for value in vars(import_module(f"contracts.{name}.{file}")).values()
        if isinstance(value, type) and issubclass(value, pa.DataFrameModel) and value is not pa.DataFrameModel
    )
    return model.to_schema()


def chunks(source: Path, schema: pa.DataFrameSchema) -> Iterator[pd.DataFrame]:
    """The file's rows, a chunk at a time, in the contract's types."""
    types = {name: str(column.dtype) for name, column in schema.columns.items()}
    if source.suffix == ".parquet":
        for batch in pq.ParquetFile(source).iter_batches(_CHUNK):
            frame = batch.to_pandas()
            yield frame.astype({name: types[name] for name in frame.columns})
        return
    times = [name for name, kind in types.items() if kind.startswith("datetime")]
    plain = {name: kind for name, kind in types.items() if name not in times}
    present = pd.read_csv(source, nrows=0).columns
    yield from pd.read_csv(
        source, dtype=plain, parse_dates=[name for name in times if name in present], chunksize=_CHUNK
    )


def passing(chunk: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The rows that break no rule."""
    try:
        kept: pd.DataFrame = schema.validate(chunk, lazy=True)
    except pa.errors.SchemaErrors as errors:
        failing = errors.failure_cases["index"]
        if failing.isna().any():  # not a row is wrong, but the whole file
            raise
        kept = chunk.drop(index=failing.unique())
    return kept


def unseen(rows: pd.DataFrame, pool: Path, key: list[str]) -> pd.DataFrame:
    """The rows whose key is not in the pool."""
    known = pd.read_parquet(pool, columns=key)
    found = rows.merge(known, on=key, how="left", indicator=True)
    return found[found["_merge"] == "left_only"].drop(columns="_merge")


def expect(rows: pd.DataFrame, suite: Path) -> None:
    """Hold the rows against the suite. Ends the program where one that is critical does not hold."""
    expectations = [
        ExpectationConfiguration(item["type"], item["kwargs"], meta={"severity": item["severity"]})
        for item in json.loads(suite.read_text(encoding="utf-8"))["expectations"]
        if "$PARAMETER" not in json.dumps(item)
    ]
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    outcome = batch.validate(gx.ExpectationSuite(name=suite.parent.name, expectations=expectations))
    broken = [result.expectation_config for result in outcome.results if not result.success]
    critical = [item.type for item in broken if item and item.meta["severity"] == "critical"]
    if critical:
        raise SystemExit(f"rejected: {critical}")


if __name__ == "__main__":
    main()
