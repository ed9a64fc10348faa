"""Write made-up rows as a contributor would: CSV, JSON Lines or Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.columns import Column
from tidegate.errors import Misuse
from tidegate.templates.values import arrow_of, as_arrow

Row = dict[str, Any]


def write_template(rows: Sequence[Row], columns: Sequence[Column], form: str, path: Path) -> None:
    """Write rows to a new file.

    Args:
        form: one of `FORMATS`.

    Raises:
        Misuse: the file is there already, or cannot be written.
    """
    if path.exists():
        raise Misuse(f"{path} is there already, and nothing is overwritten.", "Name another file.")
    try:
        FORMATS[form](rows, columns, path)
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}.") from None


def write_csv(rows: Sequence[Row], columns: Sequence[Column], path: Path) -> None:
    """A header and a line per row. An unquoted empty cell is null, so an empty text is quoted."""
    header: list[Any] = [column.name for column in columns]
    lines = [header, *([row.get(name) for name in header] for row in rows)]
    path.write_text("".join(",".join(map(_field, line)) + "\n" for line in lines), encoding="utf-8")


def _field(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else str(cell)
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if not text or set(text) & set(',"\r\n') else text


def write_jsonl(rows: Sequence[Row], columns: Sequence[Column], path: Path) -> None:
    """One object per line; where there are no rows, an example of the keys has no place."""
    lines = [json.dumps({column.name: row.get(column.name) for column in columns}, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_parquet(rows: Sequence[Row], columns: Sequence[Column], path: Path) -> None:
    """Every column with its type, be there rows or not."""
    schema = pa.schema([(column.name, arrow_of(column)) for column in columns])
    cells = [pa.array([as_arrow(c, row.get(c.name)) for row in rows], schema.field(c.name).type) for c in columns]
    pq.write_table(pa.Table.from_arrays(cells, schema=schema), path)


FORMATS: dict[str, Callable[[Sequence[Row], Sequence[Column], Path], None]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}
