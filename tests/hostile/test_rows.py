"""No row of the list of hostile inputs is forgotten: each has a case here, or a test in tests/sources, or is open."""

from __future__ import annotations

from pathlib import Path

from tests.hostile import test_containers, test_csv, test_json, test_parquet, test_paths, test_values

ROWS = {
    1: "truncated .gz", 2: "truncated .zst", 3: "gzip with a flipped bit or zeroed CRC", 4: "gzip or zstd bomb",
    5: "zip bomb with overlapping entries", 6: "zip member that climbs; zip with two members",
    7: "wrong extension, wrong magic",
    8: "one ragged row among 101", 9: "every row has one field more than the header", 10: "no header, first line short",
    11: "header in another order", 12: "unclosed quote", 13: "a bad row beside a good one",
    14: "file cut in the middle of a number", 15: "mixed CR, LF, CRLF", 16: "UTF-16, Latin-1",
    17: "NUL, zero-width, bidirectional characters", 18: "UTF-8 byte order mark", 19: "empty file; header only",
    20: "a 3 MB cell", 21: "=HYPERLINK(...)",
    22: "forged min, max or null_count", 23: "forged num_rows", 24: "bit flip in a page",
    25: "decimal precision 39 to 70",
    26: "few bytes, many when decoded", 27: "one large page", 28: "pickled extension type",
    29: "int96 timestamp of year 2300", 30: "garbage pandas metadata", 31: "a path holding label=spam/",
    32: "several files, int then float; extra columns", 33: "20,000 columns",
    34: "nested 100,000 deep", 35: "a bad line", 36: "duplicate keys in an object",
    37: "unknown, misspelt or wrong-case keys", 38: "2^53+1 beside a null or a float",
    39: '"00501"; a column called date of ints', 40: "decimals through double", 41: "NaN, Infinity, 1e400",
    42: "columns a, a, A; NFC and NFD twins", 43: "other spellings of an integer", 44: "leading zeros; 1.10 as text",
    45: "NA as a country; a quoted empty string", 46: "dates, offsets, gaps and nanoseconds",
    47: "NaN >= 0; yes, T, 2 as booleans", 48: "what coercion loses", 49: "^abc$ on abc and a newline",
    50: "an empty or all-null table",
    51: "redirect to loopback, and spellings of it", 52: "special networks that count as global",
    53: "Content-Length too small, or the connection cut", 54: "a response that drips", 55: "an HTML login page",
    56: "secrets in a URL", 57: "S3 body short or with a bad checksum", 58: "keys with .., //, control characters",
    59: "a file called g[1].csv or star*.csv", 60: "a FIFO, a device, a directory",
    61: "markup in a cell and in a name; a sample SSN", 62: "instructions to a language model",
    63: "kill -9 during a spill", 64: "DeltaTable.to_pyarrow_table()",
}  # fmt: skip
TESTS_OF_THEIR_OWN = {63, 64}
"""In test_paths."""

IN_SOURCES = {
    51: ("test_url.py", "test_a_redirect_is_looked_at_like_the_first"),
    52: ("test_url.py", "test_addresses_that_are_not_public"),
    53: ("test_url.py", "test_what_is_not_the_whole_file_is_refused"),
    54: ("test_url.py", "test_a_server_that_drips_has_a_deadline"),
    55: ("test_url.py", "test_what_is_not_the_whole_file_is_refused"),
    56: ("test_secrets.py", "test_nothing_that_a_command_leaves_holds_a_secret"),
    57: ("test_blob_storage.py", "test_a_checksum_that_the_store_gives_is_believed"),
    58: ("test_blob_storage.py", "test_odd_keys_are_read_under_names_of_ours"),
}
"""What needs a server is tested beside the source. Row 58 has local paths here."""

OPEN = {
    24: "a flipped bit in a page without a checksum is a value like any other, unless it no longer decompresses",
}
"""The part of a row that nobody could answer. The rest of the row has its cases."""

CASES = [
    *test_containers.CASES, *test_csv.CASES, *test_parquet.CASES, *test_json.CASES, *test_values.CASES,
    *test_paths.CASES,
]  # fmt: skip


def test_every_row_has_a_case() -> None:
    assert {case.row for case in CASES} | TESTS_OF_THEIR_OWN | IN_SOURCES.keys() == ROWS.keys() == set(range(1, 65))
    assert OPEN.keys() <= ROWS.keys()
    for row in TESTS_OF_THEIR_OWN:
        assert any(name.startswith(f"test_{row}_") for name in vars(test_paths))


def test_what_needs_a_server_has_a_test_in_sources() -> None:
    sources = Path(__file__).resolve().parents[1] / "sources"
    for name, test in IN_SOURCES.values():
        assert f"\ndef {test}(" in (sources / name).read_text(encoding="utf-8")


def test_no_two_cases_have_one_name() -> None:
    names = [str(case) for case in CASES]
    assert len(names) == len(set(names))
