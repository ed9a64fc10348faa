"""A source that is staged in parts: what comes out is what staging it whole gives, or the split does not hold."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.engines.test_staging import found, outcome, plan, write

from tidegate.columns import PROBLEMS, Column
from tidegate.config import Resources
from tidegate.engines.duckdb import worker
from tidegate.engines.duckdb.stage import cut
from tidegate.engines.parts import joined, parts_of
from tidegate.engines.plan import Part, Stage, StagePlan, StageSource, Unsplittable
from tidegate.errors import SourceUnreadable
from tidegate.readers.counts import Counting

COLUMNS = {"a": "int64", "b": "string"}
Staging = Callable[[StagePlan], Stage]


def in_parts(asked: StagePlan, parts: Sequence[StageSource], stage: Staging = worker.stage) -> Stage:
    """Stage parts as workers would: each in a folder of its own, which knows nothing of the others."""
    stages = []
    for number, part in enumerate(parts):
        folder = asked.folder / f"part-{number}"
        folder.mkdir()
        stages.append(stage(asked.model_copy(update={"sources": (part,), "folder": folder})))
    return joined(asked, stages)


def rows(stage: Stage, asked: StagePlan) -> list[dict[str, Any]]:
    """What later steps read of a stage, in order; a column that a file has not is null."""
    names = [*(column.name for column in asked.with_matched(stage.matched).columns), *asked.constants, PROBLEMS]
    table = pa.concat_tables((pq.read_table(file.path) for file in stage.files), promote_options="permissive")
    assert sum(file.rows for file in stage.files) == table.num_rows
    return [{name: row.get(name) for name in names} for row in table.to_pylist()]


def told(asked: StagePlan, stage: Callable[[], Stage]) -> tuple[Any, ...] | str:
    """Everything that a stage tells but where its files are; or why there is none."""
    try:
        staged = stage()
    except SourceUnreadable as error:
        return str(error)
    return staged.model_dump(exclude={"files"}), rows(staged, asked)


def both(asked: StagePlan, size: int) -> int | None:
    """Stage a source whole and in parts, and hold them against each other. How many parts; None where none hold."""
    (source,) = asked.sources
    parts = parts_of(asked, source, size)
    assert parts[0].part is not None or parts == (source,)
    whole = told(asked, lambda: worker.stage(asked))
    try:
        split = told(asked, lambda: in_parts(asked, parts))
    except Unsplittable:
        assert len(parts) > 1
        return None
    assert split == whole
    return len(parts)


def split(data: bytes, name: str, size: int, columns: dict[str, str] = COLUMNS, **more: Any) -> int | None:
    """`both` of some bytes, in a folder that is gone afterwards."""
    resources = Resources(threads=1, **more.pop("resources", {}))
    with tempfile.TemporaryDirectory() as folder:
        asked = plan(Path(folder), columns, write(Path(folder), name, data), **more)
        return both(asked.model_copy(update={"resources": resources}), size)


SOUND = [
    (b"a,b\n1,x\n2,y\n3,z\n", 1, 3),
    (b"a,b\n1,x\n2,y\n3,z", 4, 3),  # without a newline at the end
    (b"a,b\n1,x\n2,y\n3,z\n", 8, 2),
    (b"a,b\r\n1,x\r\n2,y\r\n3,z\r\n", 1, 3),
    (b"a,b\r1,x\r2,y\r3,z\r", 1, 3),
    (b"\xef\xbb\xbfa,b\n1,x\n2,y\n", 1, 2),
    (b"a,b\n1,\xef\xbb\xbfx\n\xef\xbb\xbf2,y\n", 1, 2),  # no byte order marks
    (b'"a","b"\n1,"x\ny"\n2,"\n\n""\n"\n"3","""\n"\n', 1, 3),
    (b'a,b\n1,"' + b"\n" * 40 + b'"\n2,y\n', 7, 2),  # a record longer than many parts
    (b"b|a\nx|1\ny|2\n", 1, 2),
    (b"b\ta\nx\t1\ny\t2\n", 1, 2),
    (b"a;b\n1;x,y\n2;\n", 1, 2),
    (b"a,b,c\n1,x,?\n2,y,?\n", 1, 2),  # a column that the contract has not
    (b"b\nx\ny\n", 1, 2),
    (b"a,b\nx,1\n1e5,2\n007,\n", 1, 3),  # malformed cells of sound records
    (b'a,b\n1,"\xe2\x80\x8b"\n2, x \nNA,NA\n', 1, 3),
    (b'a,b\n1,5" pipe\n2,6" pipe\n3,z\n', 1, 2),  # quotes that quote nothing: cuts are fewer, and right
]  # fmt: skip


@pytest.mark.parametrize(("data", "size", "parts"), SOUND)
def test_a_sound_csv_in_parts_is_what_it_is_as_a_whole(data: bytes, size: int, parts: int) -> None:
    assert split(data, "x.csv", size, null_values=("NA",), trim_strings=True) == parts
    assert split(data, "x.csv", size, constants={"who": "me", "none": None}) == parts


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"a,b\n1,x\n2\n3,z\n", 1),
        (b"a,b\n1,x\n\n3,z\n", 1),  # a blank line
        (b"a,b\n1,x\n2,\xff\n", 1),
        (b"a,b\n1,x\n2,\0\n", 1),
        (b"a,b\n1,x\r\n2,y\n", 1),  # another newline
        (b"a,b\r1,x\r\n2,y\r3,z\r", 1),
        (b'a,b\n1,"x"y\n2,"z"\n', 1),
        (b'a,b\n1,5" pipe\n2,"x\n3,y"\n4,6" pipe\n', 1),  # cut within a cell
        (b"a,b\n1,x\n2," + b"y" * 100 + b"\n", 1),  # a cell that is too long
        (b'x;"a,b\n1,2"\n3,4"\n5,6";a;b\n7,8";;;\n', 10),  # by itself the second part has another header
        (b"b\nx\n\ny\n", 1),  # a blank line that is a record
    ],
)
def test_a_malformed_csv_is_left_to_who_reads_the_whole(data: bytes, size: int) -> None:
    assert split(data, "x.csv", size, resources={"max_cell_bytes": 99}) is None


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b"a,b\n"),
        ("x.csv", b"a,b"),
        ("x.csv", b"a,b\n1,x"),
        ("x.csv", b'a,b\n1,"x\n2,y\n'),  # a quote that is never closed
        ("x.csv", b"1,x\n2,y\n"),  # no header
        ("x.json", b'[{"a": 1},\n{"a": 2}]\n'),
        ("x.jsonl", b'{"a": 1}'),
        ("x.jsonl", b'{"a": 1}\n'),
    ],
)
def test_what_has_no_parts_stays_whole(name: str, data: bytes) -> None:
    assert split(data, name, 1) == 1


def test_what_is_compressed_or_a_part_stays_whole(tmp_path: Path) -> None:
    asked = plan(tmp_path, COLUMNS, write(tmp_path, "x.csv", b"a,b\n1,x\n2,y\n"))
    (source,) = asked.sources
    packed = source.model_copy(update={"compression": "gzip"})
    assert parts_of(asked, packed, 1) == (packed,)
    part = parts_of(asked, source, 1)[1]
    assert part.part == Part(start=8, end=12, head=4)
    assert parts_of(asked, part, 1) == (part,)


def test_parts_may_be_found_in_another_process_which_may_break_down(tmp_path: Path) -> None:
    asked = plan(tmp_path, COLUMNS, write(tmp_path, "x.jsonl", b'{"a": 1}\n{"a": 2}\n'))
    asked = asked.model_copy(update={"part_size": 1})
    (source,) = asked.sources
    assert cut(asked) == parts_of(asked, source, 1)
    hasty = asked.model_copy(update={"resources": asked.resources.model_copy(update={"max_seconds": 0})})
    assert cut(hasty) == (source,)
    source.path.unlink()
    with pytest.raises(FileNotFoundError):
        parts_of(asked, source, 1)
    assert cut(asked) == (source,)


RECORDS = st.lists(
    st.tuples(st.sampled_from(["1", "-7", "x", "", "1e5", '""']), st.text(st.sampled_from('ab ,;"\n\r')))
)


@settings(max_examples=25, deadline=None)
@given(RECORDS, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(",;\t|"), st.integers(6, 40), st.booleans())
def test_every_sound_csv_holds(
    records: list[tuple[str, str]], newline: str, delimiter: str, size: int, ended: bool
) -> None:
    lines = [f"a{delimiter}b"]
    lines += [f'{number}{delimiter}"{text.replace(chr(34), chr(34) * 2)}"' for number, text in records]
    data = newline.join(lines) + newline * ended
    assert split(data.encode(), "x.csv", size) is not None


PIECES = [
    b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"a", b"1", b"1e5", b"\xc3\xa9", b"\xe9", b"\0", b" ",
    b"\xef\xbb\xbf", b"1,2\n", b'"3","x"\n', b'4,"x\n5,y"\n', b'6,7" z\n', b"8,9\n10,11\n",
]  # fmt: skip
HEADERS = [b"a,b\n", b"b\n", b'a,"b"\r\n', b"\xef\xbb\xbfa;b\r", b'"b",a,c\n', b'x;"a,b\n']


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(HEADERS), st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join), st.integers(4, 30))
@example(b"b\r", b"1\r\n2\r", 1)
def test_no_csv_is_split_wrongly(header: bytes, rest: bytes, size: int) -> None:
    split(header + rest, "x.csv", size, resources={"max_cell_bytes": 15})


def test_counts_of_the_whole_spare_work_and_change_nothing(tmp_path: Path) -> None:
    for number, cells in enumerate([b"x", b'"x"', b"1e5", b"\xe2\x80\x8b"]):
        data = b"a,b\n" + b"".join(b"%d,%b\n" % (n, cells) for n in range(20))
        counting = Counting()
        counting.add(data)
        (tmp_path / str(number)).mkdir()
        asked = plan(tmp_path / str(number), COLUMNS, write(tmp_path / str(number), "x.csv", data))
        (source,) = asked.sources
        counted = source.model_copy(update={"counts": counting.counts})
        parts = parts_of(asked, counted, 50)
        assert [part.part for part in parts] == [part.part for part in parts_of(asked, source, 50)]
        assert len(parts) > 1
        assert {part.counts for part in parts} == {counting.counts if cells == b"x" else None}
        assert both(asked.model_copy(update={"sources": (counted,)}), 50) == len(parts)


LINES = [
    b'{"a": 1, "b": "x"}', b'{"b": "y"}', b'{"a": 2}', b"{}", b"", b" ", b"[1]", b'{"a": 1', b'{"a": "1"}', b'{"c": 1}',
    b'\xef\xbb\xbf{"a": 3}', b'{"b": "\xff"}', b'{"b": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}', b'{"b": "\xe2\x80\x8b"}',
    b"NA", b'{"a": "NA", "b": " x "}', b'{"a": 4}\r',
]  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8).map(b"\n".join), st.integers(9, 60), st.booleans())
@example(b"\n".join(LINES), 30, True)
@example(b'\xef\xbb\xbf{"a": 1}\n{"a": 2}', 1, False)
def test_json_lines_in_parts_are_what_they_are_as_a_whole(data: bytes, size: int, ended: bool) -> None:
    more: dict[str, Any] = {"null_values": ("NA",), "trim_strings": True, "resources": {"max_cell_bytes": 30}}
    assert split(data + b"\n" * ended, "x.jsonl", size, **more) is not None


def test_a_malformed_line_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    asked = plan(tmp_path, COLUMNS, write(tmp_path, "x.jsonl", b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}\n{"a":\n'))
    parts = parts_of(asked, asked.sources[0], 10)
    assert [part.part for part in parts] == [
        Part(start=0, end=12, lines=0), Part(start=12, end=22, lines=1), Part(start=22, end=28, lines=3),
    ]  # fmt: skip
    (file,) = in_parts(asked, parts).files[-1:]
    assert found(pq.read_table(file.path))[0][0]["detail"].startswith("line 4: ")


def test_json_lines_stay_whole_where_a_key_may_match_a_pattern(tmp_path: Path) -> None:
    path = write(tmp_path, "x.jsonl", b'{"a": 1}\n{"c1": 2}\n')
    asked = plan(tmp_path, COLUMNS, path, patterns=(Column("c.*", "int64"),))
    assert parts_of(asked, asked.sources[0], 1) == asked.sources


def test_csv_columns_that_match_a_pattern_are_the_same_in_every_part() -> None:
    patterns = (Column("c.*", "int64"),)
    assert split(b"c2,a,c1,d\n1,2,3,4\nx,2,,4\n", "x.csv", 1, patterns=patterns) == 2


def parquet(folder: Path, table: pa.Table, group: int, **how: Any) -> Path:
    path = folder / "x.parquet"
    pq.write_table(table, path, row_group_size=group, **how)
    return path


PARQUET = {"a": "int64", "b": "string", "t": "timestamp('UTC', 6)", "l": "array<int64>"}
CELLS = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.text(st.sampled_from("ab \u200b")),
    st.none() | st.integers(0, 10**6).map(lambda n: n * 1000),
    st.none() | st.lists(st.integers(0, 9), max_size=3),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=12), st.integers(1, 4), st.integers(1, 300), st.booleans())
def test_parquet_in_parts_is_what_it_is_as_a_whole(rows: list[Any], group: int, size: int, dictionary: bool) -> None:
    kinds = (pa.int64(), pa.string(), pa.timestamp("ns", "UTC"), pa.list_(pa.int64()))
    table = pa.table(
        {name: pa.array(cells, kind) for name, cells, kind in zip(PARQUET, zip(*rows, strict=True), kinds, strict=True)}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = parquet(Path(folder), table.append_column("c", table["a"]), group, use_dictionary=dictionary)
        asked = plan(Path(folder), PARQUET, path, null_values=("ab",), trim_strings=True)
        groups = -(-len(rows) // group)
        parts = both(asked.model_copy(update={"resources": Resources(threads=1)}), size)
        assert parts is not None
        assert (parts == groups) if size == 1 else (parts <= groups)


def test_a_part_of_parquet_is_some_row_groups(tmp_path: Path) -> None:
    path = parquet(tmp_path, pa.table({"a": range(70), "b": ["x"] * 70}), 10)
    group = pq.read_metadata(path).row_group(0).total_byte_size
    asked = plan(tmp_path, COLUMNS, path)
    parts = parts_of(asked, asked.sources[0], 2 * group)
    assert [part.part for part in parts] == [Part(start=n, end=min(n + 2, 7)) for n in (0, 2, 4, 6)]
    assert both(asked, 2 * group) == 4


def test_parquet_with_a_column_of_duckdbs_own_name_is_left_whole(tmp_path: Path) -> None:
    table = pa.table({"a": [0] * 4, "b": list("wxyz"), "File_Row_Number": [3, 2, 1, 0]})
    assert both(plan(tmp_path, COLUMNS, parquet(tmp_path, table, 1)), 1) is None


def test_a_damaged_row_group_is_found_by_whoever_has_it(tmp_path: Path) -> None:
    path = parquet(
        tmp_path, pa.table({"a": range(40), "b": ["x"] * 40}), 10, write_page_checksum=True, compression="none"
    )
    chunk = pq.read_metadata(path).row_group(2).column(0)
    damaged = bytearray(path.read_bytes())
    damaged[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(damaged)
    assert both(plan(tmp_path, COLUMNS, path), 1) is None


def test_a_lie_about_a_row_group_is_found_by_whoever_has_it(tmp_path: Path) -> None:
    values = pa.array([1, 2, 3, 4, 5, 6, None, None], pa.int64())
    path = parquet(tmp_path, pa.table({"a": values, "b": ["x"] * 8}), 2, use_dictionary=False, compression="none")
    assert both(plan(tmp_path, COLUMNS, path), 1) == 4
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(data[:footer] + data[footer:].replace(struct.pack("<q", 6), struct.pack("<q", 5)))
    shutil.rmtree(tmp_path / "work")
    with pytest.raises(SourceUnreadable, match="the largest value in 'a'"):
        worker.stage(plan(tmp_path, COLUMNS, path))
    shutil.rmtree(tmp_path / "work")
    assert both(plan(tmp_path, COLUMNS, path), 1) is None


def test_repeated_texts_are_held_against_the_limit_on_the_whole(tmp_path: Path) -> None:
    path = parquet(tmp_path, pa.table({"a": range(40), "b": ["x" * 1000] * 40}), 10)
    asked = plan(tmp_path, COLUMNS, path)
    whole = worker.stage(asked).staged[0]
    assert whole.bytes < 30_000 < whole.at_most, "no part is beyond the limit, and all together are"
    for limit, held in ((30_000, None), (whole.at_most, 4)):
        work = tmp_path / str(limit)
        work.mkdir()
        limited = asked.model_copy(update={"folder": work, "resources": Resources(max_bytes=limit)})
        assert both(limited, 1) == held


@pytest.mark.parametrize("limit", [{"max_bytes": 20}, {"max_records": 3}])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_limits_are_on_the_whole(name: str, limit: dict[str, int]) -> None:
    data = {"x.csv": b"a,b\n" + b"1,xyz\n" * 4, "x.jsonl": b'{"a": 1}\n' * 4}[name]
    assert split(data, name, 1, resources=limit) is None
    assert split(data, name, 1) == 4


def test_parts_of_one_source_may_be_staged_by_one_worker(tmp_path: Path) -> None:
    asked = plan(tmp_path, COLUMNS, write(tmp_path, "x.csv", b'a,b\n1,x\n2,"y"\n3,z\n4,z'))
    parts = parts_of(asked, asked.sources[0], 1)
    whole = told(asked, lambda: worker.stage(asked))
    stages = []
    for number, some in enumerate([parts[:1], parts[1:]]):
        (tmp_path / str(number)).mkdir()
        few = asked.model_copy(update={"sources": some, "folder": tmp_path / str(number)})
        stages.append(worker.stage(few))
    assert told(asked, lambda: joined(asked, stages)) == whole


def test_processes_say_that_a_split_does_not_hold(tmp_path: Path) -> None:
    sound, broken = b"a,b\n1,x\n2,y\n", b"a,b\n1,x\n2\n3,y\n"
    for number, data in enumerate([sound, broken]):
        folder = tmp_path / str(number)
        folder.mkdir()
        asked = plan(folder, COLUMNS, write(folder, "x.csv", data))
        parts = parts_of(asked, asked.sources[0], 1)
        if data is broken:
            with pytest.raises(Unsplittable, match="not strictly well-formed"):
                in_parts(asked, parts, outcome)
        else:
            assert rows(in_parts(asked, parts, outcome), asked) == rows(worker.stage(asked), asked)
