"""One large source, staged in parts by many workers: what comes out is what staging it whole gives, or nothing.

The rule: **a split is believed only if every part was read strictly.** Cuts are guesses, for a file may break the
grammar by which they were made. What is believed rests on the readers of the parts alone:

* CSV. Reading from the left, the end of a record is settled by the bytes up to it: the grammar never looks further,
  but for a newline behind a carriage return, between which nothing is cut. So if the first part is a sequence of sound
  records from its first byte to its last, the reader of the whole file reads these very records, and stands where the
  second part begins, at the beginning of a record, as that part's reader does; and so on to the last one. Whether a
  part is such a sequence is found out as of a whole file: DuckDB reads it, with the header before it, and every byte is
  accounted for. Any other part ends the attempt (`Unsplittable`): only the whole tells which record is malformed.
* JSON Lines. A line is a record whatever stands in it, and its reader looks at no other. It is told how many lines
  there are before its part, so that it names a malformed one by its number in the file. Columns that match a pattern
  may first appear in the last line, so then the file is left whole.
* Parquet. The engine reads row groups by themselves. Each worker holds the whole footer against the limits, and its row
  groups' pages and rows against the footer: what is wrong with the sum is wrong with one of them.

Limits on the whole are held against the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tidegate.engines.duckdb.foreign_footer import check_footer
from tidegate.engines.duckdb.shares import together
from tidegate.engines.plan import Part, Stage, StagePlan, StageSource, Unsplittable
from tidegate.errors import SourceUnreadable
from tidegate.readers.counts import ByteCounts
from tidegate.readers.csv_dialect import read_dialect
from tidegate.readers.cuts import bounds, count, csv_cuts, line_cuts, quotes_in

_NOTHING = ByteCounts(quotes=0, nuls=0, odd_numbers=0, invisible=False)


def parts_of(plan: StagePlan, source: StageSource, size: int) -> tuple[StageSource, ...]:
    """A source as its parts, in order; as it is where it has none.

    The bytes of a source with quotes are read for it once. It parses foreign bytes, the header of CSV or the footer of
    Parquet: who fears for his process calls it in another one.

    Args:
        plan: the one that the source is of: its columns and patterns tell the header, its limits hold for the footer.
        source: the whole source.
        size: about how many bytes a part shall have; of Parquet, as its footer has them, uncompressed.
    """
    if source.compression != "none" or source.part is not None:
        return (source,)
    try:
        parts = tuple(_PARTS[source.format](plan, source, size))
    except SourceUnreadable:  # which is said by who stages it
        return (source,)
    if len(parts) < 2:
        return (source,)
    # What is nowhere in the file is in no part of it. Anything else has to be counted again.
    counts = source.counts if source.counts == _NOTHING else None
    return tuple(source.model_copy(update={"part": part, "counts": counts}) for part in parts)


def joined(plan: StagePlan, stages: Sequence[Stage]) -> Stage:
    """What the parts of one source add up to: the stage of the whole source. One stage is returned as it is.

    Args:
        plan: the one that the source is of.
        stages: those of all its parts, in order. One may be of several parts, but of no other source.

    Raises:
        Unsplittable: the parts contradict each other, or are more together than a submission may be.
    """
    stage = together(stages)
    first, *others = stage.staged
    if not others:
        return stage
    # Of sparse records each part knows only the columns that its own records have. Of all others each has the same,
    # unless a quote is open in the header, and closed in the text of a part: then another delimiter may be found there.
    names = [c.name for c in plan.columns] if first.sparse else first.present
    present = tuple(name for name in names if any(name in part.present for part in stage.staged))
    alike = {"uri", "unknown", "matched"} if first.sparse else {"uri", "unknown", "matched", "present"}
    if any(part.model_dump(include=alike) != first.model_dump(include=alike) for part in others):
        raise Unsplittable(f"the parts of {first.uri} have different columns")
    whole = first.model_copy(
        update={
            "rows": sum(part.rows for part in stage.staged),
            "bytes": sum(part.bytes for part in stage.staged),
            "at_most": sum(part.at_most for part in stage.staged),
            "present": present,
            "unfinished": others[-1].unfinished,
        }
    )
    limits = plan.resources
    if whole.rows > limits.max_records or max(whole.bytes, whole.at_most) > limits.max_bytes:
        raise Unsplittable(f"{first.uri} may be beyond the limits")
    order = [column.name for column in plan.with_matched(present).columns]
    counted = {
        kind: {name: cells[name] for name in order if name in cells}
        for kind, cells in (("nulled", stage.nulled), ("trimmed", stage.trimmed), ("invisible", stage.invisible))
    }
    return stage.model_copy(update={"staged": (whole,), **counted})


def _csv(plan: StagePlan, source: StageSource, size: int) -> Iterator[Part]:
    counts = source.counts
    if counts is not None and counts.nuls:
        return  # a record with a NUL is malformed
    dialect = read_dialect(source.path, plan.columns, plan.resources, [column.name for column in plan.patterns])
    spans = bounds(dialect.header_bytes, source.path.stat().st_size, size)
    quotes = quotes_in(source.path, spans) if counts is None or counts.quotes else [0] * len(spans)
    cuts = csv_cuts(source.path, dialect.newline, spans, quotes)
    for start, end in pairwise((dialect.header_bytes, *cuts, spans[-1][1])) if spans else ():
        yield Part(start=start, end=end, head=dialect.header_bytes)


def _jsonl(plan: StagePlan, source: StageSource, size: int) -> Iterator[Part]:
    if plan.patterns:
        return
    whole, lines = source.path.stat().st_size, 0
    for start, end in pairwise((0, *line_cuts(source.path, bounds(0, whole, size)), whole)):
        yield Part(start=start, end=end, lines=lines)
        lines += count(source.path, b"\n", start, end)


def _parquet(plan: StagePlan, source: StageSource, size: int) -> Iterator[Part]:
    footer = check_footer(source.uri, source.path, plan.resources)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    if any(group.num_rows < 1 for group in groups):
        return  # nothing to share out, or forged
    start = held = 0
    for number, group in enumerate(groups, start=1):
        held += group.total_byte_size
        if held >= size or number == len(groups):
            yield Part(start=start, end=number)
            start, held = number, 0


def _whole(plan: StagePlan, source: StageSource, size: int) -> Iterator[Part]:
    """An array is cut nowhere: where an element ends, only who has read all before it knows."""
    return iter(())


_PARTS = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet, "json": _whole}
