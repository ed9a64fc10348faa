"""Rows 22 to 33: Parquet. Nothing that a footer says is believed, and nothing is rounded or made up.

Footers are forged by their bytes: a number in one is a zigzag varint after the byte that names its field.
"""

from __future__ import annotations

import decimal
import pickle
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.hostile.harness import Build, Case, Gate, file, params

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.engines.duckdb import worker
from tidegate.engines.plan import StagePlan, StageSource
from tidegate.errors import SourceUnreadable

PLAIN: dict[str, Any] = {"compression": "none", "use_dictionary": False}


def parquet(columns: dict[str, Any] | pa.Table, **how: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink, **how)
    return bytes(sink.getvalue().to_pybytes())


def split(data: bytes) -> tuple[bytes, bytes]:
    """The pages, and the footer with what follows it."""
    (size,) = struct.unpack("<I", data[-8:-4])
    return data[: -8 - size], data[-8 - size :]


def forged(data: bytes, true: bytes, false: bytes, times: int = -1) -> bytes:
    """The file with other bytes in its footer, of the same length."""
    pages, footer = split(data)
    assert true in footer
    assert len(true) == len(false)
    return pages + footer.replace(true, false, times)


def int64(value: int) -> bytes:
    return struct.pack("<q", value)


def varint(value: int) -> bytes:
    """A zigzag varint, as Thrift's compact protocol writes whole numbers."""
    rest, out = value << 1, b""
    while rest > 0x7F:
        out, rest = out + bytes([rest & 0x7F | 0x80]), rest >> 7
    return out + bytes([rest])


def of(values: Any, kind: pa.DataType | None = None, **how: Any) -> bytes:
    """A file of keys a, b, c ... and these values."""
    return parquet({"id": [chr(97 + n) for n in range(len(values))], "value": pa.array(values, kind)}, **(PLAIN | how))


LOW = of([-7, 5, 9])
NULLS = of([None, 5, 9])
WIDE = of([300, 5, 9])
MANY = parquet({"id": [f"r{n}" for n in range(1000)], "value": pa.array(range(5000, 6000))}, **PLAIN)
ALL = tuple((f"r{n}", 5000 + n) for n in range(1000))


def one_lie_about_rows(number: int) -> bytes:
    """1000 is said to be 999 in one place of the footer."""
    pages, footer = split(MANY)
    parts = footer.split(varint(1000))
    return pages + varint(1000).join(parts[: number + 1]) + varint(999) + varint(1000).join(parts[number + 1 :])


def flipped(data: bytes, value: int) -> bytes:
    """One bit of a value's bytes in a page is turned."""
    pages, footer = split(data)
    place = pages.rindex(int64(value))
    return pages[:place] + bytes([pages[place] ^ 1]) + pages[place + 1 :] + footer


def with_metadata(column: dict[str, str], table: dict[str, str]) -> bytes:
    schema = pa.schema([pa.field("id", pa.string(), metadata=column), pa.field("value", pa.int64())], metadata=table)
    return parquet(pa.table({"id": ["a"], "value": [1]}, schema=schema))


class Loaded:
    """What a pickle does when it is loaded: here it leaves a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("loaded"),)


def pickled_extension() -> bytes:
    """CVE-2023-47248: a type whose description is a pickle."""
    told = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle.dumps(Loaded())}
    fields = [pa.field("id", pa.string()), pa.field("value", pa.int64(), metadata=told)]
    return parquet(pa.table({"id": ["a"], "value": [1]}, schema=pa.schema(fields)))


def many_columns() -> bytes:
    return parquet({"id": ["a"], **{f"c{n}": pa.nulls(1, pa.int8()) for n in range(19_999)}})


def unreadable_name() -> bytes:
    """Found by fuzzing: the name of a column is no text."""
    pages, footer = split(parquet({"id": ["a"], "value": [1], "twelve": [{"letters": 1}]}, store_schema=False))
    return pages + footer.replace(b"letters", b"letter\xf3")


def told_small(data: bytes) -> bytes:
    """The footer says that its row group is smaller than its pages are."""
    return forged(data, varint(pq.read_metadata(pa.BufferReader(data)).row_group(0).total_byte_size), varint(9000))


def several(*files: tuple[str, bytes]) -> Build:
    def build(folder: Path) -> list[Path]:
        return [file(name, data)(folder) for name, data in files]

    return build


def decimals(precision: int) -> bytes:
    kind = pa.decimal256(precision, 2)
    return of([decimal.Decimal("1.00")], kind)


STAMP = {"value": "Annotated[pd.ArrowDtype, pyarrow.timestamp('us')]"}
FLOAT = {"value": "pd.Float64Dtype"}
AT_LEAST_0 = {"value": "pd.Int64Dtype = pa.Field(ge=0, nullable=True)"}
CHECKED = "    @pa.check('value')\n    def is_positive(cls, value):\n        return value > 0\n"
SMALL = {"resources": {"max_bytes": 100_000}}
YEAR_2300 = datetime.fromisoformat("2300-01-02T03:04:05.678901")
NO_MINIMUM = forged(LOW, int64(-7), int64(3))
NO_MINIMUM_32 = forged(of([-7, 5, 9], pa.int32()), struct.pack("<i", -7), struct.pack("<i", 3))
NO_MINIMUM_BESIDE_NULLS = forged(of([-7, 9, None, None], pa.int64(), row_group_size=2), int64(-7), int64(3))
DAY = struct.pack("<i", 19_000)
DATES = of([19_000, 19_002], pa.date32())
NULL_TEXT = of([None, "x", "y"], pa.string())
EXTREMES = "its footer is wrong about the smallest or the largest value in 'value'"
NO_NULLS = forged(NULLS, int64(5) + b"\x16\x02", int64(5) + b"\x16\x00")
ZEROS = {"value": pa.array([0] * 50_000)}
ONE_PAGE = parquet({"id": pa.array(["a"] * 50_000), **ZEROS}, compression="zstd", use_dictionary=False,
                   data_page_size=1 << 26)  # fmt: skip
REPEATED = parquet({"id": [f"r{n}" for n in range(200)], "value": ["x" * 10_000] * 200})
CASES = (
    Case(17, "invisible characters in a key of Parquet", file("x.parquet", parquet({"id": ["a", "a\u200b"],
         "value": [1, 2]})), "accepted", "a character that cannot be seen", (("a", 1),),
         ((2, "id", "invisible-character"),)),
    Case(22, "forged minimum", file("x.parquet", NO_MINIMUM), "unreadable", EXTREMES, columns=AT_LEAST_0),
    Case(22, "forged minimum beside nothing but nulls", file("x.parquet", NO_MINIMUM_BESIDE_NULLS), "unreadable",
         EXTREMES, columns=AT_LEAST_0),
    Case(22, "forged maximum", file("x.parquet", forged(LOW, int64(9), int64(8))), "unreadable", EXTREMES),
    Case(22, "forged minimum of a date", file("x.parquet", forged(DATES, DAY, struct.pack("<i", 19_001))), "unreadable",
         EXTREMES, columns={"value": "Annotated[pd.ArrowDtype, pyarrow.date32()]"}),
    Case(22, "forged minimum, into a wider type, a check of the engine", file("x.parquet", NO_MINIMUM_32), "accepted",
         "greater_than_or_equal_to(0)", (("b", 5), ("c", 9)), ((1, "value", "rule-failed"),), AT_LEAST_0),
    Case(22, "forged minimum, into a wider type, a check of Pandera", file("x.parquet", NO_MINIMUM_32), "accepted",
         "is_positive", (("b", 5), ("c", 9)), ((1, "value", "rule-failed"),), more=CHECKED, known=(1,)),
    Case(22, "forged maximum, into a narrower type", file("x.parquet", forged(WIDE, int64(300), int64(100))),
         "accepted", "int8", (("b", 5), ("c", 9)), ((1, "value", "cell-type"),), {"value": "pd.Int8Dtype"}),
    Case(22, "forged null_count", file("x.parquet", NO_NULLS), "unreadable",
         "its footer is wrong about how many nulls there are in 'value'"),
    Case(22, "forged null_count of a text", file("x.parquet", forged(NULL_TEXT, b"\x36\x02", b"\x36\x00")),
         "unreadable", "its footer is wrong about how many nulls there are in 'value'", columns={"value": "str"}),
    Case(23, "forged num_rows of the file", file("x.parquet", one_lie_about_rows(0)), "unreadable", "x.parquet"),
    Case(23, "forged num_rows everywhere", file("x.parquet", forged(MANY, varint(1000), varint(999))), "unreadable",
         "x.parquet"),
    Case(24, "bit flip in a page with a checksum", file("x.parquet", flipped(of([1, 77, 3], write_page_checksum=True),
         77)), "unreadable", "checksum"),
    Case(24, "bit flip in a name of the footer", file("x.parquet", unreadable_name()), "unreadable",
         "x.parquet cannot be read as Parquet"),
    Case(25, "decimal of precision 39", file("x.parquet", decimals(39)), "unreadable", "x.parquet"),
    Case(25, "decimal of precision 70", file("x.parquet", decimals(70)), "unreadable", "x.parquet"),
    Case(26, "many bytes of few, told in the footer", file("x.parquet", ONE_PAGE), "unreadable",
         "resources.max_bytes allows 100000", config=SMALL),
    Case(26, "many bytes of one in a dictionary", file("x.parquet", REPEATED), "unreadable",
         "resources.max_bytes allows 100000", columns={"value": "str"}, config=SMALL),
    Case(27, "one large page", file("x.parquet", ONE_PAGE), "unreadable", "resources.max_bytes allows 100000",
         config=SMALL),
    Case(28, "a type that is a pickle", file("x.parquet", pickled_extension()), "accepted", rows=(("a", 1),)),
    Case(29, "int96 of the year 2300", file("x.parquet", of([YEAR_2300], pa.timestamp("us"),
                                                            use_deprecated_int96_timestamps=True)),
         "accepted", rows=(("a", YEAR_2300),), columns=STAMP),
    Case(30, "garbage for pandas", file("x.parquet", parquet(pa.table({"id": ["a"],
         "value": [1]}).replace_schema_metadata(
        {b"pandas": b"{garbage"}))), "accepted", rows=(("a", 1),)),
    Case(31, "a path with a column in it", file("label=spam/x.parquet", parquet({"id": ["a"], "label": ["ham"]})),
         "accepted", rows=(("a", "ham"),), columns={"label": "str"}),
    Case(31, "a work folder with a column in its path", file("x.parquet", parquet({"id": ["a"], "label": ["ham"]})),
         "accepted", rows=(("a", "ham"),), columns={"label": "str"}, config={"state_dir": "label=spam"}),
    Case(32, "whole numbers, then fractions", several(("1.parquet", of([1, 2])), ("2.parquet", parquet(
        {"id": ["x", "y"], "value": [1.5, 3.0]}))), "accepted", "int64", (("a", 1), ("b", 2), ("y", 3)),
         ((3, "value", "cell-type"),)),
    Case(32, "whole numbers, then fractions, into floats", several(("1.parquet", of([1, 2])), ("2.parquet", parquet(
        {"id": ["x", "y"], "value": [1.5, 3.0]}))), "accepted", rows=(("a", 1.0), ("b", 2.0), ("x", 1.5), ("y", 3.0)),
         columns=FLOAT),
    Case(32, "a column more in one file", several(("1.parquet", of([1])), ("2.parquet", parquet(
        {"id": ["x"], "value": [2], "more": [3]}))), "rejected", "more",
         quarantine=((1, None, "wrong-columns"), (2, None, "wrong-columns"))),
    Case(33, "20,000 columns", lambda folder: file("x.parquet", many_columns())(folder), "unreadable",
         "x.parquet has 20000 columns or more; resources.max_columns allows 10000"),
    Case(33, "more records than are allowed", file("x.parquet", MANY), "unreadable",
         "x.parquet has 1000 records; resources.max_records allows 999", config={"resources": {"max_records": 999}}),
    Case(33, "a large row group", file("x.parquet", MANY), "unreadable",
         "decoded bytes; resources.max_row_group_bytes allows 1000",
         config={"resources": {"max_row_group_bytes": 1000}}),
    Case(33, "a large row group of which the footer tells less", file("x.parquet", told_small(MANY)), "unreadable",
         "decoded bytes; resources.max_row_group_bytes allows 10000",
         config={"resources": {"max_row_group_bytes": 10_000}}),
)  # fmt: skip


@params(CASES)
def test_a_parquet_file(case: Case, gate: Gate) -> None:
    gate.holds(case)
    assert not (gate.folder / "loaded").exists()


CODECS = ("none", "snappy", "zstd", "gzip", "lz4")
CHANGES = parquet({"id": [f"r{n}" for n in range(60)], "value": [n * n % 97 for n in range(60)]}, **PLAIN)


def flips(codec: str, folder: Path, **how: Any) -> tuple[list[str], list[Any]]:
    """Turn a bit in each of many places of the pages: what the refusals say, and what was read elsewhere."""
    rows = pq.read_table(pa.BufferReader(CHANGES))
    data = parquet(rows, compression=codec, use_dictionary=False, **how)
    pages, footer = split(data)
    refused, read = [], []
    for place in range(4, len(pages), max(1, len(pages) // 60)):
        damaged = bytearray(pages)
        damaged[place] ^= 1 << place % 8
        work = folder / f"{codec}-{place}"
        work.mkdir()
        path = work / "x.parquet"
        path.write_bytes(bytes(damaged) + footer)
        source = StageSource(uri="x.parquet", path=path, format="parquet", compression="none")
        columns = (Column("id", "string"), Column("value", "int64"))
        plan = StagePlan(sources=(source,), folder=work, columns=columns, strict=True, resources=Resources(threads=1))
        try:
            file = worker.stage(plan).files[0].path
        except SourceUnreadable as error:
            refused.append(error.fact)
            continue
        read.append(pq.read_table(file, columns=["id", "value"]).equals(rows))
    return refused, read


@pytest.mark.parametrize("codec", CODECS)
def test_24_no_flip_passes_a_checksum(codec: str, tmp_path: Path) -> None:
    """Refused, or in bytes that say nothing: a page's header also tells of extremes, which nobody here believes."""
    refused, read = flips(codec, tmp_path, write_page_checksum=True)
    assert sum("checksum" in fact for fact in refused) > 20
    assert all(read), "other values were read"


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_24_gzip_has_a_checksum_of_its_own(version: str, tmp_path: Path) -> None:
    refused, read = flips("gzip", tmp_path, data_page_version=version)
    assert sum("gzip data" in fact for fact in refused) > 20
    assert all(read) or version == "2.0", "other values were read"  # levels of version 2 stand outside of it


@pytest.mark.parametrize("codec", ["snappy", "zstd", "lz4"])
def test_24_without_a_checksum_a_flip_is_refused_where_it_breaks_the_page(codec: str, tmp_path: Path) -> None:
    """Elsewhere it is a value like any other, and nobody can tell: docs/threat-model.md says so."""
    refused, read = flips(codec, tmp_path)
    assert len(refused) > 5
    assert read.count(False) > 0, "then more can be told than docs/threat-model.md says"
