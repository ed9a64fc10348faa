"""Which records an optional column is there for, where a submission is of many files."""

from __future__ import annotations

from collections.abc import Callable

from tidegate.audit.shape import judge_shape
from tidegate.engines import Stage, StagedFile
from tidegate.registry import Contract


def test_neighbouring_files_are_one_span(make_contract: Callable[[str], Contract]) -> None:
    """There may be ten thousand, and each span is a condition of a query."""

    def file(rows: int, *present: str) -> StagedFile:
        return StagedFile(rows=rows, uri="x", present=present, unknown=(), sparse=False)

    files = [file(10, "id", "wind")] * 3 + [file(5, "id")] + [file(1, "id", "wind")] * 2
    shape = judge_shape(
        make_contract("id: int\nwind: Optional[int]"), Stage(staged=tuple(files), files=(), nulled={}, trimmed={})
    )
    assert shape.spans == {"wind": ((1, 30), (36, 37))}
