"""Where a text file may be cut: at newlines outside of quotes, wherever the blocks end in which it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tidegate.readers import cuts
from tidegate.readers.cuts import bounds, copy_part, count, csv_cuts, line_cuts, quotes_in


def expected(data: bytes, newline: bytes, start: int, size: int, quoted: bool) -> list[int]:
    """What the cuts must be, byte by byte."""
    if quoted and data[start:].count(b'"') % 2:
        return []
    places = [
        place
        for place in range(start + 1, len(data))
        if data[place - 1 : place] == newline
        and not (newline == b"\r" and data[place : place + 1] == b"\n")
        and not (quoted and data[start:place].count(b'"') % 2)
    ]
    first = [next((p for p in places if p >= span), None) for span in range(start + size, len(data), size)]
    return sorted({place for place in first if place is not None})


TEXT = st.text(st.sampled_from('a"\n\r'), max_size=40).map(str.encode)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT, st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 9), st.integers(1, 5), st.integers(0, 3))
@example(b'""\n""\n', "\n", 1, 1, 0)
@example(b"a\r\n\r\na\ra", "\r", 1, 2, 0)
def test_cuts_are_at_the_first_newlines_outside_of_quotes(
    tmp_path: Path, data: bytes, newline: str, size: int, block: int, start: int
) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    spans = bounds(start, len(data), size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuts, "_BLOCK", block)
        quotes = quotes_in(path, spans)
        assert quotes == [data[begin:end].count(b'"') for begin, end in spans]
        assert csv_cuts(path, newline, spans, quotes) == expected(data, newline[-1:].encode(), start, size, quoted=True)
        assert line_cuts(path, spans) == expected(data, b"\n", start, size, quoted=False)
        assert count(path, b"\n", start, len(data)) == data[start:].count(b"\n")


def test_a_part_is_copied_with_what_stands_before_it(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a,b\n1,2\n3,4\n5,6\n")
    for head, start, end, copied in ((4, 8, 12, b"a,b\n3,4\n"), (0, 12, 99, b"5,6\n")):
        copy_part(tmp_path / "x", tmp_path / "part", head, start, end)
        assert (tmp_path / "part").read_bytes() == copied
