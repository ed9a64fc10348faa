"""A pool's profile: what is there is found, what is not rarely is, and nothing of the rows can be read in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate import integrate_contributed_data
from tidegate.columns import Column
from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.pool.key_filter import FALSE_POSITIVES, KeyFilter, key_digests
from tidegate.pool.profile import read
from tidegate.profiling import _discreet, _known, _told_of, write_profile
from tidegate.receipt import Report
from tidegate.registry import PoolStatistics
from tidegate.registry.statistics import ColumnMeasures, Measure
from tidegate.standard import load_standard

WORDS = st.integers(0, 2**64 - 1)


def digests(*pairs: tuple[int, int]) -> Any:
    return np.array(pairs, np.uint64).reshape(-1, 2)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=30))
def test_what_was_put_in_is_found(pairs: list[tuple[int, int]]) -> None:
    keys = KeyFilter.for_keys(len(pairs))
    keys.add(digests(*pairs))
    assert keys.holds(digests(*pairs)).all()


def test_the_rate_of_false_positives_is_the_one_that_is_told() -> None:
    random = np.random.default_rng(1)
    inside, outside = (random.integers(0, 2**64, (n, 2), np.uint64, endpoint=False) for n in (20_000, 200_000))
    keys = KeyFilter.for_keys(len(inside))
    keys.add(inside)
    assert keys.false_positive_rate == pytest.approx(FALSE_POSITIVES, rel=0.1)
    assert keys.holds(outside).mean() == pytest.approx(keys.false_positive_rate, rel=0.25)
    assert not KeyFilter.for_keys(0).holds(outside).any()


def test_a_digest_is_the_one_that_is_documented(bench: Any) -> None:
    import hashlib

    columns = [Column("a", "int64"), Column("b", "string"), Column("c", "float64")]
    table = bench.table({"a": [7, None], "b": ["é:", None], "c": [0.5, -0.0]})
    (found,) = key_digests(table, columns)
    for text, pair in zip(("1:72:é:3:0.5", "--3:0.0"), found, strict=True):
        first = hashlib.sha256(text.encode()).digest()[:16]
        assert [int(word) for word in pair] == [int.from_bytes(first[:8]), int.from_bytes(first[8:])]


def test_every_type_has_one_spelling(bench: Any) -> None:
    """On any engine, for a profile may be made on one and asked on another."""
    import hashlib
    from decimal import Decimal

    moments = pa.array(
        ["1969-12-31 23:59:59.999999", "2026-01-31 09:30:00", "9999-12-31 23:59:59.999999", "0001-01-01"]
    )
    columns = {
        "float64": (pa.array([1e300, 1e-7, 123456789.125, -0.0]), "1e+300 1e-07 123456789.125 0.0"),
        "float32": (pa.array([16777216, 0.1, 1e17, -5], pa.float32()), "16777216.0 0.1 1e+17 -5.0"),
        "timestamp('us')": (
            moments.cast(pa.timestamp("us")),
            "-1.999999 1769851800.0 253402300799.999999 -62135596800.0",
        ),
        "date32": (
            moments.cast(pa.timestamp("us")).cast(pa.date32(), safe=False),
            "1969-12-31 2026-01-31 9999-12-31 0001-01-01",
        ),
        "decimal128(9, 2)": (
            pa.array([Decimal("1.50"), Decimal("-0.10")] * 2, pa.decimal128(9, 2)),
            "1.50 -0.10 1.50 -0.10",
        ),
        "bool": (pa.array([True, False, True, False]), "true false true false"),
    }
    table = bench.table(pa.table({name: cells for name, (cells, _) in columns.items()}))
    for name, (_, spelled) in columns.items():
        (found,) = key_digests(table, [Column(name, name.partition("(")[0])])
        told = [b"".join(int(word).to_bytes(8) for word in pair) for pair in found]
        asked = [hashlib.sha256(f"{len(text)}:{text}".encode()).digest()[:16] for text in spelled.split()]
        assert told == asked, name


CONTRACT = '''
from typing import Annotated

import pandas as pd
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
    at: Annotated[pd.DatetimeTZDtype, "us", "UTC"] = pa.Field(metadata={"key": True})
    cars: float
    captain: str = pa.Field(metadata={"personal": True})
'''
SUITE = {
    "name": "trips",
    "expectations": [
        {
            "type": "expect_column_mean_to_be_between",
            "kwargs": {
                "column": "cars",
                "min_value": {"$PARAMETER": "pool.cars.mean - 1"},
                "max_value": {"$PARAMETER": "pool.cars.mean + 1"},
            },
            "severity": "critical",
        }
    ],
}


def trips(name: str, first: int, cars: float, rows: int = 200) -> str:
    lines = [f"trip-{n},2026-01-31T09:30:00.5Z,{cars},Captain{n}" for n in range(first, first + rows)]
    Path(name).write_text("\n".join(["trip,at,cars,captain", *lines, ""]))
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry, a pool of 200 trips, and its profile."""
    folder = tmp_path_factory.mktemp("profile")
    (folder / "contracts" / "trips").mkdir(parents=True)
    (folder / "contracts" / "trips" / "v1_0.py").write_text(CONTRACT)
    (folder / "expectations" / "trips").mkdir(parents=True)
    (folder / "expectations" / "trips" / "v1_0.json").write_text(json.dumps(SUITE))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        integrate_contributed_data(
            data_path=trips("base.csv", 0, 10),
            schema_config="trips",
            training_data="pool",
            registry=folder,
            tracking=False,
        )
        write_profile(config(folder, training_data="pool"), folder / "trips.profile")
    return folder


def config(folder: Path, **more: Any) -> Any:
    return load_config({"schema_config": "trips", "registry": folder} | more)


def validated(folder: Path, path: str, profile: Path | None = None, **more: Any) -> Report:
    return validate_contributed_data(config(folder, data_path=path, **more), pool=profile or folder / "trips.profile")


def test_a_submission_is_held_against_the_profile(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = validated(folder, trips("x.csv", 150, 10.5))
    assert report.verdict == "accepted", "the drift gate was judged, and passed"
    assert report.known is not None
    assert report.known.records == pytest.approx(50, abs=2)
    assert (report.known.pool_version, report.notes) == (0, ())
    (gate,) = [check for check in report.checks if check.kind == "expectation"]
    assert (gate.status, "the pool at version 0" in gate.expected) == ("passed", True)
    exact = validated(folder, "x.csv", folder / "pool")
    assert (exact.rows.duplicate, exact.rows.accepted, exact.known) == (50, 150, None)


def test_nothing_of_the_rows_is_in_the_profile(folder: Path) -> None:
    data = (folder / "trips.profile").read_bytes()
    assert b"Captain" not in data
    assert b"trip-" not in data
    header, _, bits = data.partition(b"\n")
    told = json.loads(header)
    assert told["key"] == {"trip": "string", "at": "timestamp('UTC', 6)"}
    assert told["statistics"]["columns"].keys() == {"cars"}
    assert len(bits) == -(-told["filter"]["bits"] // 8)


def test_a_profile_tells_what_is_asked_for_and_no_value_that_is_personal_data(folder: Path) -> None:
    standard = load_standard(config(folder))
    # As it may be kept with the pool, from before the captain was marked personal.
    names = ColumnMeasures(type="string", measures={"categories": categories("Ahab", "Nemo")})
    cars = ColumnMeasures(type="float64", measures={"mean": Measure(value=10.0), "max": Measure(value=99.0)})
    kept = PoolStatistics(table="", version=0, rows=2, columns={"captain": names, "cars": cars})
    told = _told_of(kept, standard.suite, standard.contract).columns
    assert told == {"cars": ColumnMeasures(type="float64", measures={"mean": Measure(value=10.0)})}
    assert _discreet(categories("north", "south")) == categories("north", "south")
    found = _discreet(categories("north", "ahab@pequod.example"))
    assert (found.value, "personal data" in str(found.fault)) == (None, True)


def categories(*values: str) -> Measure:
    return Measure(value={"values": list(values), "weights": [1 / len(values)] * len(values)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", [1]),
        ("mean", "10"),
        ("mean", True),
        ("quantiles", 5),
        ("quantiles", [1.0]),
        ("categories", {"values": ["a"], "weights": []}),
        ("categories", {"values": [["a"]], "weights": [1]}),
        ("partition", {"bins": ["a"], "weights": [1], "tail_weights": [0, 0]}),
        ("partition", 1),
    ],
)
def test_what_is_no_measure_is_refused_before_it_is_computed_with(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"told as {name} is none"):
        ColumnMeasures(type="float64", measures={name: Measure(value=value)})


def test_a_key_with_personal_columns_gets_no_filter(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "contracts" / "trips" / "v1_0.py"
    other.parent.mkdir(parents=True)
    other.write_text(CONTRACT.replace('"personal": True', '"personal": True, "key": True'))
    profile = tmp_path / "p"
    header = write_profile(config(tmp_path, training_data=str(folder / "pool")), profile)
    assert (header.filter, header.statistics.rows, profile.read_bytes().count(b"\n")) == (None, 200, 1)
    contract = load_standard(config(tmp_path)).contract
    assert "its key has personal columns" in str(_known(read(profile), contract, None, 3, ("trip", "at", "captain")))


def test_duplicates_by_other_columns_are_not_looked_for(folder: Path) -> None:
    contract = load_standard(config(folder)).contract
    found = _known(read(folder / "trips.profile"), contract, None, 3, ("trip",))
    assert found == "the profile is of the key trip, at"


def test_what_is_no_profile_of_this_pool_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = (folder / "trips.profile").read_bytes()
    torn, flipped = data[:-1], data[:-1] + bytes([data[-1] ^ 1])
    cases = ((torn, "damaged"), (flipped, "damaged"), (b"{}\n", "is no profile"), (b"\xff" * 10, "is no profile"))
    for bad, words in cases:
        Path("bad").write_bytes(bad)
        with pytest.raises(SourceUnreadable, match=words):
            read(Path("bad"))
    with pytest.raises(SourceUnreadable, match="No such file"):
        read(Path("none"))
    path = trips("x.csv", 0, 10, rows=1)
    Path("bad").write_bytes(data.replace(b"trips@1.0", b"rides@1.0", 1))
    with pytest.raises(Misuse, match=r"of a pool of rides@1\.0, not of trips"):
        validated(folder, path, Path("bad"))
    Path("bad").write_bytes(data.replace(b'"mean"', b'"MEAN"', 1))
    with pytest.raises(Misuse, match="lacks statistics of 'cars'"):
        validated(folder, path, Path("bad"))
    with pytest.raises(Misuse, match="There is no pool at nowhere"):
        write_profile(config(folder, training_data="nowhere"), Path("p"))
