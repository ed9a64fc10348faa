"""The staging process. Reads a `StagePlan` from standard input, writes Parquet, or cuts a file, and answers in JSON.

For a parser no bytes are safe, so it runs here: with limits on memory and time, on a locked DuckDB, and with nothing
to lose. The process is forked by `fork_server`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow.parquet as pq

from tidegate.columns import PROBLEMS, Column
from tidegate.engines.duckdb.casts import Cast
from tidegate.engines.duckdb.connection import connect, identifier, lock, quoted
from tidegate.engines.duckdb.gather import Gathering
from tidegate.engines.duckdb.memory import in_words, limit_of, no_room
from tidegate.engines.duckdb.progress import Lines, in_turn, polled
from tidegate.engines.duckdb.row_groups import rows_of_group
from tidegate.engines.duckdb.scan import BITS, Scan, ends_with, open_scan
from tidegate.engines.duckdb.shares import admit
from tidegate.engines.parts import parts_of
from tidegate.engines.plan import DataFile, Stage, StagedFile, StagePlan, StageSource, Unsplittable
from tidegate.errors import NoRoom, SourceUnreadable, TidegateError
from tidegate.readers.cuts import copy_part
from tidegate.readers.decompress import decompress_to
from tidegate.telemetry import listen

_ANOTHER_WAY = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.NotImplementedException)
"""What DuckDB raises where a file may still be read another way; the last where it cannot be shared out to threads."""


def main(progress: int | None = None) -> NoReturn:
    """Stage one plan. Progress is told to a descriptor, if one is given."""
    plan = StagePlan.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _limit(plan)
    try:
        with nullcontext() if progress is None else listen(Lines(progress)):
            answer = _answer(plan)
    except Unsplittable as error:
        answer = {"error": "Unsplittable", "fact": str(error), "hint": None}
    except SourceUnreadable as error:
        answer = {"error": "SourceUnreadable", "fact": error.fact, "hint": error.hint}
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        if "max_temp_directory_size" in str(error):
            told = no_room(error, plan.resources)
        else:
            fact = f"Staging needs more than {in_words(limit_of(plan.resources))} of memory."
            told = NoRoom(fact, "Raise resources.memory_limit.")
        answer = {"error": "NoRoom", "fact": told.fact, "hint": told.hint}
    except OSError as error:
        fact = f"Staging in {plan.folder} failed: {error.strerror}."
        answer = {"error": "NoRoom", "fact": fact, "hint": "Is the disk full?"}
    except TidegateError as error:
        answer = {"error": type(error).__name__, "fact": error.fact, "hint": error.hint}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread, which sits in a read


def _answer(plan: StagePlan) -> dict[str, Any]:
    if plan.part_size is None:
        return {"stage": stage(plan).model_dump(mode="json")}
    (source,) = plan.sources
    return {"parts": [part.model_dump(mode="json") for part in parts_of(plan, source, plan.part_size)]}


def stage(plan: StagePlan) -> Stage:
    """Stage every source of the plan, one Parquet file each.

    Raises:
        SourceUnreadable: a source is not what it claims to be.
        Unsplittable: where it has parts, one of them cannot be read by itself, whatever may be the reason.
    """
    try:
        return _stage(plan)
    except SourceUnreadable as error:
        if any(source.part for source in plan.sources):  # what is wrong with the whole, only the whole can tell
            raise Unsplittable(error.fact) from None
        raise


def _stage(plan: StagePlan) -> Stage:
    connection = connect(plan.folder, plan.resources, files=tuple(source.path for source in plan.sources))
    lock(connection)
    staged: list[StagedFile] = []
    gathering = Gathering(connection, plan.folder, limit_of(plan.resources))
    nulled: dict[str, int] = {}
    trimmed: dict[str, int] = {}
    invisible: dict[str, int] = {}
    for number, source in enumerate(in_turn(plan.sources)):
        plain = plan.folder / f"source-{number:05}"
        try:
            _lay_out(plan, source, plain)
            for attempt, scan in enumerate(open_scan(connection, plan, source, plain)):
                # Never twice under one name: DuckDB may take a file for the one that it has read a moment before.
                target = plan.folder / f"stage-{number:05}-{attempt}.parquet"
                if _staged_whole(connection, plan, source, scan, target):
                    break
                target.unlink(missing_ok=True)
            else:
                raise Unsplittable(f"a part of {source.uri} is not strictly well-formed")
        except SourceUnreadable as error:  # the readers know the file by other names than its sender
            fact = error.fact.replace(str(plain), source.uri).replace(str(source.path), source.uri)
            raise SourceUnreadable(fact, error.hint) from None
        rows = pq.read_metadata(target).num_rows
        staged.append(
            StagedFile(
                rows=rows,
                bytes=scan.decoded_bytes or plain.stat().st_size - (source.part.repeated if source.part else 0),
                uri=source.uri,
                present=scan.present(),
                unknown=scan.unknown,
                matched=plan.matched(scan.present()),
                sparse=source.format in ("json", "jsonl"),
                at_most=scan.at_most,
                unfinished=source.format == "csv" and not (ends_with(plain, b"\n") or ends_with(plain, b"\r")),
            )
        )
        admit(staged, plan.resources)
        for k, group in enumerate(_groups(scan.casts) if scan.masks else ()):
            _count_cells(connection, target, f"_null_{k}", group, nulled)
            _count_cells(connection, target, f"_trim_{k}", group, trimmed)
        for k, group in enumerate(_groups(scan.free)):
            _count_cells(connection, target, f"_invisible_{k}", group, invisible)
        gathering.add(DataFile(path=target, rows=rows))
        plain.unlink()
    return Stage(staged=tuple(staged), files=gathering.files(), nulled=nulled, trimmed=trimmed, invisible=invisible)


def _staged_whole(
    connection: duckdb.DuckDBPyConnection, plan: StagePlan, source: StageSource, scan: Scan, target: Path
) -> bool:
    """Stage one source one way. False where that way failed and a more exact one is left."""
    try:
        _copy(connection, plan, scan, target)
    except (duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.PermissionException):
        raise
    except duckdb.Error as error:
        if str(error).startswith("IO Error: Could not write"):  # which is no fault of the source's
            raise NoRoom(
                f"Staging in {plan.folder} failed: {str(error).splitlines()[0]}", "Is the disk full?"
            ) from None
        if scan.tentative and isinstance(error, _ANOTHER_WAY):
            return False
        if cause := scan.failure():
            raise cause from None
        raise SourceUnreadable(
            f"{source.uri} cannot be read as {source.format}: {str(error).splitlines()[0]}", "Write the file anew."
        ) from None
    return scan.holds(connection, target)


def _lay_out(plan: StagePlan, source: StageSource, plain: Path) -> None:
    """The source's bytes, decompressed, under a name of ours that no reader takes for a pattern."""
    if source.part and source.format != "parquet":
        copy_part(source.path, plain, source.part.head, source.part.start, source.part.end)
    elif source.compression == "none":
        plain.symlink_to(source.path)
    else:
        decompress_to(source.path, source.compression, plain, plan.resources)


def _copy(connection: duckdb.DuckDBPyConnection, plan: StagePlan, scan: Scan, target: Path) -> None:
    columns = []
    for column, _, number in scan.casts:
        columns.append(f"c{number} AS {identifier(column.name)}")
    # A column of nothing but nulls is left out: it would cost as much to write as any other.
    known = [(name, value) for name, value in plan.constants.items() if value is not None]
    columns += [f"{quoted(value)}::VARCHAR AS {identifier(name)}" for name, value in known]
    columns.append(f"{_problems(scan)} AS {PROBLEMS}")
    columns += ["_bytes::BIGINT AS _bytes"] if scan.counted_bytes else []
    for kind in ("null", "trim"):
        columns += [f"m_{kind}_{k} AS _{kind}_{k}" for k in range(scan.masks)]
    for k, few in enumerate(_groups(scan.free)):
        bits = (f"CASE WHEN h{number} THEN {2**bit}::BIGINT ELSE 0 END" for bit, (_, _, number) in enumerate(few))
        columns.append(f"{' + '.join(bits)} AS _invisible_{k}")
    group = rows_of_group(scan.row_bytes, len(columns), limit_of(plan.resources))
    compression = "zstd" if plan.lasts else "lz4_raw"
    with polled(connection):
        connection.execute(
            f"COPY (SELECT {', '.join(columns)} FROM ({_typed(scan)})) TO {quoted(str(target))}"
            f" (FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE {group})"
        )


def _problems(scan: Scan) -> str:
    """What is wrong with a record, as JSON text: four nested columns of nulls would cost as much as four full ones."""
    fallible = [(f"b{number}", cast.problem) for _, cast, number in scan.casts if cast.bad != "false"]
    fallible += [(f"h{number}", cast.hidden) for column, cast, number in scan.looked_through if column.told_apart]
    found = "NULL"
    if fallible:
        listed = ", ".join(f"CASE WHEN {bad} THEN {problem} END" for bad, problem in fallible)
        some = " OR ".join(bad for bad, _ in fallible)
        found = f"CASE WHEN {some} THEN list_filter([{listed}], lambda p: p IS NOT NULL) END"
    if scan.reader_problems:
        # list_concat of two nulls is an empty list, and a record without problems has none: null.
        found = f"CASE WHEN _problems IS NULL THEN {found} ELSE list_concat(_problems, {found}) END"
    return f"to_json({found})::VARCHAR" if found != "NULL" else "NULL::VARCHAR"


def _typed(scan: Scan) -> str:
    """Raw cells, then parsed ones, then typed ones, then whether they are bad: one projection each."""
    passed = ["_problems"] if scan.reader_problems else []
    passed += ["_bytes"] if scan.counted_bytes else []
    masks = [f"{_mask(scan, kind, k)} AS m_{kind}_{k}" for kind in ("null", "trim") for k in range(scan.masks)]
    raw = [f"{cast.raw} AS r{n}" for _, cast, n in scan.casts] + passed + masks
    if scan.counted_bytes:
        raw[raw.index("_bytes")] = f"{scan.counted_bytes} AS _bytes"
    kept = [f"r{n}" for _, _, n in scan.casts] + passed
    kept += [f"m_{kind}_{k}" for kind in ("null", "trim") for k in range(scan.masks)]
    parsed = [f"{cast.parsed} AS u{n}" for _, cast, n in scan.casts if cast.parsed]
    sql = f"SELECT {', '.join(raw) or '1'} FROM {scan.relation}"
    sql = f"SELECT {', '.join(kept + parsed) or '1'} FROM ({sql})"
    sql = f"SELECT *, {', '.join(f'{cast.value} AS c{n}' for _, cast, n in scan.casts) or '1'} FROM ({sql})"
    judged = [f"{cast.bad} AS b{n}" for _, cast, n in scan.casts]
    judged += [f"{cast.invisible} AS h{n}" for _, cast, n in scan.looked_through]
    return f"SELECT *, {', '.join(judged) or '1'} FROM ({sql})"


def _mask(scan: Scan, kind: str, k: int) -> str:
    """Which columns of the k-th group were repaired in a row, as a sum of powers of two."""
    bits = []
    for bit, (_, cast, _) in enumerate(scan.casts[k * BITS : (k + 1) * BITS]):
        if cast.source is not None:
            changed = (
                scan.repairs.is_null(cast.source)
                if kind == "null"
                else f"{cast.source} <> {scan.repairs.trimmed(cast.source)}"
            )
            bits.append(f"CASE WHEN {changed} THEN {2**bit}::BIGINT ELSE 0 END")
    return " + ".join(bits) or "0::BIGINT"


def _groups(casts: list[tuple[Column, Cast, int]]) -> Iterator[list[tuple[Column, Cast, int]]]:
    """As many columns together as one mask has bits."""
    return (casts[start : start + BITS] for start in range(0, len(casts), BITS))


def _count_cells(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    mask: str,
    group: list[tuple[Column, Cast, int]],
    counts: dict[str, int],
) -> None:
    """Add up how many cells of each column a mask marks."""
    sums = ", ".join(f"sum(({mask} >> {bit}) & 1)" for bit in range(len(group)))
    row = connection.execute(f"SELECT {sums} FROM read_parquet({quoted(str(target))})").fetchone()
    assert row is not None
    for (column, _, _), cells in zip(group, row, strict=True):
        if cells:
            counts[column.name] = counts.get(column.name, 0) + int(cells)


def _limit(plan: StagePlan) -> None:
    """Bounds that the operating system enforces, should the parser lose control of itself."""
    # Address space, not resident memory: allocators reserve far more than they touch.
    resource.setrlimit(resource.RLIMIT_AS, (4 * limit_of(plan.resources) + 8 * 2**30,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _die_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
