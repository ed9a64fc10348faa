"""The ways to read one source: what DuckDB is asked to scan, and how its answer is held against the source.

A CSV file is first read by DuckDB, strictly. That is believed only if **every byte of the file is accounted for** by
the values, delimiters, quotes and newlines of the rows it returned; otherwise, or where DuckDB complains, the file is
read again record by record by `tidegate.readers.csv_records`, which knows which record is wrong and why. A part of a
file (`tidegate.engines.parts`) is read the first way only.

Whole numbers DuckDB may even parse itself, which spares a third of the work: it takes ` 7`, `1.5` and `1_000` for
numbers too, but then the digits of the numbers it returned do not account for the file's bytes. Only ``1e5`` and
``0x1F`` could, and where the bytes hold such a place, cells are read as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from duckdb.func import SPECIAL, PythonUDFType

from tidegate.columns import PROBLEMS, Column
from tidegate.engines.duckdb.casts import Cast, Repairs, cast
from tidegate.engines.duckdb.connection import added, identifier, quoted
from tidegate.engines.duckdb.digits import count_digits
from tidegate.engines.duckdb.foreign_footer import check_footer, corrupt, refuse_lies
from tidegate.engines.duckdb.row_groups import bytes_of_record, bytes_of_row
from tidegate.engines.plan import StagePlan, StageSource, Unsplittable
from tidegate.errors import SourceUnreadable
from tidegate.readers.admission import DECODED, too_many_bytes
from tidegate.readers.counts import CHUNK, ByteCounts, Counting
from tidegate.readers.csv_dialect import CsvDialect, read_dialect
from tidegate.readers.csv_records import read_csv_records
from tidegate.readers.json_records import json_keys, read_json_records
from tidegate.readers.nested import arrow_type, json_object, nested_reader
from tidegate.readers.parquet_pages import check_pages

BITS = 60
"""How many columns one mask of repaired cells covers, so that it stays within 64 bits."""
ROW = "file_row_number"
"""DuckDB's name for a row's place in its Parquet file, counted from 0."""
_QUOTE = b'"'
_PART = 8_000_000
"""Bytes that DuckDB gives to a thread of its CSV reader: a smaller file has one reader."""


@dataclass
class Scan:
    """One way to read one source.

    Attributes:
        relation: the SQL relation of raw cells.
        casts: per column of the contract that is there: the column, its cast, its number in the contract.
        unknown: columns that the contract has not.
        repairs: the declared repairs of text.
        present: the names of the contract's columns that are there; JSON knows them only after reading.
        holds: whether what was staged agrees with the source; raises where the source is to blame.
        reader_problems: whether the relation names problems of its own.
        row_bytes: about how long a row is.
        decoded_bytes: how large a Parquet file is when it is decoded.
        at_most: how large it can be when its dictionaries are written out.
        counted_bytes: SQL for how many bytes of the source a row's values account for.
        tentative: whether there is a more exact way, should this one fail.
        invisible: whether cells may hold characters that nobody sees.
        failure: what our own reader raised; DuckDB wraps it beyond recognition.
    """

    relation: str
    casts: list[tuple[Column, Cast, int]]
    unknown: tuple[str, ...]
    repairs: Repairs
    present: Callable[[], tuple[str, ...]]
    holds: Callable[[duckdb.DuckDBPyConnection, Path], bool] = field(default=lambda connection, target: True)
    reader_problems: bool = False
    row_bytes: float = 0
    decoded_bytes: int = 0
    at_most: int = 0
    counted_bytes: str | None = None
    tentative: bool = False
    invisible: bool = True
    failure: Callable[[], Exception | None] = field(default=lambda: None)

    @property
    def masks(self) -> int:
        """How many columns of bits it takes to say which cells were repaired."""
        return -(-len(self.casts) // BITS) if any(cast.source for _, cast, _ in self.casts) else 0

    @property
    def looked_through(self) -> list[tuple[Column, Cast, int]]:
        """The columns in which characters that nobody sees are looked for."""
        return [told for told in self.casts if told[1].invisible] if self.invisible else []

    @property
    def free(self) -> list[tuple[Column, Cast, int]]:
        """Those of them in which they are only told of."""
        return [told for told in self.looked_through if not told[0].told_apart]


def open_scan(
    connection: duckdb.DuckDBPyConnection, plan: StagePlan, source: StageSource, plain: Path
) -> Iterator[Scan]:
    """The ways to read `source`, whose plain bytes are at `plain`, from the fastest to the most exact.

    A part of a CSV file has no exact way: it is read strictly or not at all.
    """
    if source.format == "parquet":
        yield _parquet(connection, plan, source, plain)
    elif source.format == "csv":
        patterns = [column.name for column in plan.patterns]
        dialect = read_dialect(plain, plan.columns, plan.resources, patterns)
        plan = plan.with_matched(dialect.header)
        if PROBLEMS in dialect.header:
            raise SourceUnreadable(f"{source.uri} has a column {PROBLEMS!r}, a name of Tidegate's own.", "Rename it.")
        counts = source.counts or _counts(plain)
        numbers = _numbers(plan, counts) if len(dialect.header) > 1 else frozenset()
        if numbers and not counts.nuls:
            yield _fast_csv(connection, plan, plain, dialect, counts, numbers)
        if not counts.nuls:
            yield _fast_csv(connection, plan, plain, dialect, counts)
            # Where a text holds what looks like records, a thread may begin within it.
            if counts.quotes and plain.stat().st_size > _PART:
                yield _fast_csv(connection, plan, plain, dialect, counts, parallel=False)
        if source.part is None:
            yield _exact_csv(connection, plan, plain, dialect, counts)
    else:
        if plan.patterns:  # a key may first stand in the last record
            plan = plan.with_matched(json_keys(plain, source.format, plan.resources))
        yield _json(connection, plan, source.format, plain, source.part.lines if source.part else 0)


def _scan(connection: duckdb.DuckDBPyConnection, plan: StagePlan, relation: str, source_types: dict[str, str]) -> Scan:
    repairs = Repairs(plan.null_values, plan.trim_strings)
    casts = []
    for number, column in enumerate(plan.columns):
        if column.name not in source_types:
            continue
        sql_type = _sql_type(connection, column.type)
        how = cast(column, number, sql_type, source_types[column.name], repairs)
        if how.parsed:
            _register_parser(connection, column, number, sql_type, plan.resources.max_depth)
        casts.append((column, how, number))
    names = {column.name for column in plan.columns}
    unknown = tuple(name for name in source_types if name not in names)
    present = tuple(name for name in source_types if name in names)
    return Scan(relation, casts, unknown, repairs, lambda: present)


def _numbers(plan: StagePlan, counts: ByteCounts) -> frozenset[str]:
    """The columns that DuckDB may parse: whole numbers, in a file where each has one spelling of its length only."""
    if counts.quotes or counts.odd_numbers or plan.null_values or plan.trim_strings:
        return frozenset()
    return frozenset(
        column.name
        for column in plan.columns
        if column.type.startswith(("int", "uint")) and not column.duration and column.categories is None
    )


def _fast_csv(
    connection: duckdb.DuckDBPyConnection,
    plan: StagePlan,
    plain: Path,
    dialect: CsvDialect,
    counts: ByteCounts,
    numbers: frozenset[str] = frozenset(),
    parallel: bool = True,
) -> Scan:
    kinds = {column.name: _sql_type(connection, column.type) for column in plan.columns if column.name in numbers}
    types = {name: kinds.get(name, "VARCHAR") for name in dialect.header}
    columns = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items())
    # A final "cannot occur" null string is not needed: an unquoted empty cell is the one spelling of null.
    relation = (
        f"read_csv({quoted(str(plain))}, auto_detect=false, header=false, skip=1, columns={{{columns}}},"
        f" delim={quoted(dialect.delimiter)}, quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false,"
        f" strict_mode=true, null_padding=false, ignore_errors=false, parallel={str(parallel).lower()})"
    )
    scan = _scan(connection, plan, relation, types)
    texts = [identifier(name) for name, kind in types.items() if kind == "VARCHAR"]
    lengths = [f"coalesce(strlen({text}), 0)" for text in texts]
    if counts.quotes:
        lengths += [f"-coalesce(len({text}) - len(replace({text}, '\"', '')), 0)" for text in texts]
    scan.counted_bytes = added(lengths)
    scan.tentative = True
    scan.invisible = counts.invisible
    scan.row_bytes = bytes_of_record(plain, b"\n")
    with plain.open("rb") as file:
        quotes = counts.quotes - file.read(dialect.header_bytes).count(_QUOTE)
    size = plain.stat().st_size

    def holds(connection: duckdb.DuckDBPyConnection, target: Path) -> bool:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(_bytes), 0), coalesce(min(_bytes), 0), coalesce(max(_bytes), 0)"
            f" FROM read_parquet({quoted(str(target))})"
        ).fetchone()
        assert row is not None
        rows, in_values, shortest, longest = row
        if len(types) == 1 and not shortest:
            return False  # blank lines are records here: behind other newlines, DuckDB takes `\r\n` for two of them
        in_values += count_digits(connection, target, [name for name in types if name in kinds])
        newline = len(dialect.newline)
        unfinished = newline if rows and not ends_with(plain, dialect.newline.encode()) else 0
        delimiters_and_newline = len(dialect.header) - 1 + newline
        accounted = dialect.header_bytes + in_values + quotes + rows * delimiters_and_newline - unfinished
        return bool(accounted == size and longest <= plan.resources.max_cell_bytes)

    scan.holds = holds
    return scan


def _exact_csv(
    connection: duckdb.DuckDBPyConnection, plan: StagePlan, plain: Path, dialect: CsvDialect, counts: ByteCounts
) -> Scan:
    batches = read_csv_records(plain, dialect, plan.resources)
    scan = _records(connection, plan, batches, dialect.header)
    scan.invisible = counts.invisible
    scan.row_bytes = bytes_of_record(plain, b"\n")
    return scan


def _json(
    connection: duckdb.DuckDBPyConnection,
    plan: StagePlan,
    form: Literal["json", "jsonl"],
    plain: Path,
    lines_before: int,
) -> Scan:
    reading = read_json_records(
        plain, form, plan.columns,
        strict=plan.strict, limits=plan.resources, null_values=frozenset(plan.null_values), lines_before=lines_before,
    )  # fmt: skip
    names = tuple(column.name for column in plan.columns)
    scan = _records(connection, plan, reading.batches, names)
    scan.present = lambda: tuple(name for name in names if name in reading.seen)
    scan.row_bytes = bytes_of_record(plain, b"{")  # a whole array may stand in one line
    return scan


def _parquet(connection: duckdb.DuckDBPyConnection, plan: StagePlan, source: StageSource, plain: Path) -> Scan:
    max_bytes = plan.resources.max_bytes
    footer = check_footer(source.uri, plain, plan.resources)
    groups = range(footer.num_row_groups)
    relation = f"read_parquet({quoted(str(plain))}, hive_partitioning=false, union_by_name=false)"
    if source.part:
        groups = range(source.part.start, source.part.end)
        relation = f"(SELECT * FROM {relation} WHERE {_within(footer, groups)})"
    rows = sum(footer.row_group(number).num_rows for number in groups)
    decoded, most = check_pages(plain, footer, plan.resources, groups)
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    except duckdb.Error as error:
        raise corrupt(source.uri, error) from None
    types = {name: kind for name, kind, *_ in described}
    if most > max_bytes:
        _refuse_repeated_texts(connection, source, relation, types, max_bytes)
    scan = _scan(
        connection, plan.with_matched(types), relation, types | _durations(source, plain, plan.columns, groups)
    )
    scan.row_bytes = bytes_of_row(plain)
    scan.decoded_bytes, scan.at_most = decoded, most

    def holds(connection: duckdb.DuckDBPyConnection, target: Path) -> bool:
        staged = pq.read_metadata(target)
        if staged.num_rows != rows:
            raise SourceUnreadable(
                f"{source.uri} says that it holds {rows} records, but {staged.num_rows} could be read.",
                "The file is corrupt or forged. Write it anew.",
            )
        refuse_lies(source.uri, footer, staged, groups, repaired=bool(plan.null_values))
        return True

    scan.holds = holds
    return scan


def _within(footer: pq.FileMetaData, groups: range) -> str:
    """SQL for whether a row is in these row groups; DuckDB passes over the others.

    Raises:
        Unsplittable: the file has a column of the name that DuckDB gives to a row's place, which would be asked then.
    """
    if ROW in map(str.casefold, footer.schema.to_arrow_schema().names):
        raise Unsplittable(f"a column is named {ROW}")
    before = [0, *accumulate(footer.row_group(number).num_rows for number in range(groups.stop))]
    return f"{ROW} >= {before[groups.start]} AND {ROW} < {before[groups.stop]}"


def _refuse_repeated_texts(
    connection: duckdb.DuckDBPyConnection, source: StageSource, relation: str, types: dict[str, str], max_bytes: int
) -> None:
    """Refuse texts that stand in a dictionary once and in so many rows that they become too much."""
    lengths = [f"coalesce(strlen({identifier(name)}), 0)" for name, kind in types.items() if kind == "VARCHAR"]
    if lengths:
        try:
            row = connection.execute(f"SELECT coalesce(sum({added(lengths)}), 0) FROM {relation}").fetchone()
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            raise corrupt(source.uri, error) from None
        assert row is not None
        if row[0] > max_bytes:
            raise too_many_bytes(source.uri, int(row[0]), max_bytes, DECODED)


def _durations(source: StageSource, plain: Path, columns: tuple[Column, ...], groups: range) -> dict[str, str]:
    """What the file's Arrow schema knows and DuckDB does not: the unit of durations, which it takes for numbers.

    Raises:
        SourceUnreadable: a time with zone is finer than a microsecond; DuckDB would cut it off without a word.
    """
    wanted = {column.name for column in columns}
    durations = {}
    for field_ in pq.read_schema(plain):
        if pa.types.is_duration(field_.type):
            durations[field_.name] = f"DURATION {field_.type.unit}"
        zoned = pa.types.is_timestamp(field_.type) and field_.type.unit == "ns" and field_.type.tz is not None
        if zoned and field_.name in wanted:
            for batch in pq.ParquetFile(plain).iter_batches(row_groups=[*groups], columns=[field_.name]):
                if pc.any(pc.not_equal(pc.nanosecond(batch.column(0)), 0)).as_py():
                    raise SourceUnreadable(
                        f"{source.uri} has times in {field_.name!r} that are finer than a microsecond.",
                        "Round them: they would lose their last digits.",
                    )
    return durations


def _records(
    connection: duckdb.DuckDBPyConnection,
    plan: StagePlan,
    batches: Iterator[pa.RecordBatch],
    names: tuple[str, ...],
) -> Scan:
    """A scan of what one of our own readers yields."""
    problem = pa.struct([(name, pa.string()) for name in ("code", "column", "text", "detail")])
    schema = pa.schema([(name, pa.string()) for name in names] + [(PROBLEMS, pa.list_(problem))])
    raised: list[Exception] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception as error:
            raised.append(error)
            raise

    connection.register("records", pa.RecordBatchReader.from_batches(schema, watched()))
    scan = _scan(connection, plan, "records", dict.fromkeys(names, "VARCHAR"))
    scan.reader_problems = True
    scan.failure = lambda: raised[0] if raised else None
    return scan


def _register_parser(
    connection: duckdb.DuckDBPyConnection, column: Column, number: int, sql_type: str, max_depth: int
) -> None:
    """Give SQL the function `parse_<number>`, from a cell's JSON text to (value, reason why there is none)."""
    kind = pa.string() if column.json else arrow_type(column.type)
    read = json_object if column.json else nested_reader(column.type, max_depth)

    def parse(cells: pa.ChunkedArray) -> pa.Array:
        values, reasons = [], []
        for cell in cells.to_pylist():
            value = reason = None
            if cell is not None:
                try:
                    value = read(cell)
                except (ValueError, RecursionError) as error:
                    reason = str(error) or "not readable"
            values.append(value)
            reasons.append(reason)
        return pa.StructArray.from_arrays(
            [pa.array(values, kind), pa.array(reasons, pa.string())], names=["value", "reason"]
        )

    name = f"parse_{number}"
    returns = duckdb.struct_type({"value": duckdb.sqltype(sql_type), "reason": duckdb.sqltype("VARCHAR")})
    connection.execute("SELECT 1").fetchall()  # while a result is open, the catalog keeps what is removed
    with suppress(duckdb.InvalidInputException):  # the first source has none to remove
        connection.remove_function(name)
    connection.create_function(
        name, parse, [duckdb.sqltype("VARCHAR")], returns, type=PythonUDFType.ARROW, null_handling=SPECIAL
    )


@cache
def _sql_type(connection: duckdb.DuckDBPyConnection, kind: str) -> str:
    """DuckDB's own spelling of a contract column's type, as DESCRIBE gives it."""
    empty = pa.Table.from_batches([], pa.schema([("x", arrow_type(kind))]))
    # As a bare stream: to see what a table is, DuckDB would load every library that has tables.
    return str(connection.from_arrow(empty.__arrow_c_stream__()).types[0])


def _counts(plain: Path) -> ByteCounts:
    counting = Counting()
    with plain.open("rb") as file:
        while chunk := file.read(CHUNK):
            counting.add(chunk)
    return counting.counts


def ends_with(plain: Path, newline: bytes) -> bool:
    """Whether these are the last bytes of a file."""
    with plain.open("rb") as file:
        file.seek(max(0, plain.stat().st_size - len(newline)))
        return file.read() == newline
