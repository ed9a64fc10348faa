"""The DDL is run, and takes the valid examples and no invalid one, but for what it says that it cannot say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.describe.shipped import CONTRACTS, examples, loaded, name_of

from tidegate.describe.sql import sql
from tidegate.registry import Contract
from tidegate.templates.files import write_parquet

NOT_OF_VALUES = ("dtype", "column_in_dataframe", "column_in_schema")


def fill(connection: duckdb.DuckDBPyConnection, contract: Contract, rows: list[dict[str, Any]], folder: Path) -> None:
    file = folder / f"{len(list(folder.iterdir()))}.parquet"  # DuckDB remembers a file by its name
    write_parquet(rows, contract.columns, file)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f'DELETE FROM "{contract.name}"')
    connection.execute(f"INSERT INTO \"{contract.name}\" SELECT * FROM '{file}'")


@pytest.mark.parametrize("path", CONTRACTS, ids=name_of)
def test_the_table_takes_what_the_contract_takes(path: Path, tmp_path: Path) -> None:
    contract, _ = loaded(path)
    statement = sql(contract)
    with duckdb.connect() as connection:
        connection.execute(statement)
        for rows in examples(path, "valid").values():
            fill(connection, contract, rows, tmp_path)
        judged = 0
        for name, rows in examples(path, "invalid").items():
            if name.endswith(NOT_OF_VALUES) or f"{name}: " in statement:
                continue
            with pytest.raises(duckdb.ConstraintException):
                fill(connection, contract, rows, tmp_path)
            judged += 1
        assert judged >= 5


def test_names_and_texts_are_quoted_and_comments_end_where_they_should(
    make_contract: Callable[[str], Contract],
) -> None:
    contract = make_contract(
        'a: str = pa.Field(alias="it\'s \\"one\\"", isin=["o\'clock", "x"], description="two\\nlines")\n'
        'b: str = pa.Field(str_startswith="50%", str_endswith="_")\n'
        "c: pd.Int8Dtype = pa.Field(nullable=True)\n"
        "class Config:\n    unique = ['b', 'c']\n"
    )
    with duckdb.connect() as connection:
        connection.execute(sql(contract))
        connection.execute("INSERT INTO sample VALUES ('o''clock', '50%_', 127), ('x', '50%_', NULL)")
        for row in (
            "('z', '50%_', 1)",
            "('x', '50_', 1)",
            "('x', '50%x', 1)",
            "('x', '50%_', 128)",
            "('x', '50%_', 127)",
        ):
            with pytest.raises(duckdb.ConstraintException):
                connection.execute(f"INSERT INTO sample VALUES {row}")
