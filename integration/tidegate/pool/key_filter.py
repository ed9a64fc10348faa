"""A Bloom filter over the keys of a pool: it says of a key that it is new, or that it is probably there.

A key is told by the first 128 bits of the SHA-256 of its values as text (`key_digests`), read as two unsigned integers
of 64 bits, big-endian, `a` and `b`. It sets the bits ``(a + i * (b | 1)) mod 2^64 mod m`` for i from 0 to k-1. Bit n is
bit ``n mod 8`` of byte ``n // 8``, the least significant first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from tidegate.columns import Column

FALSE_POSITIVES = 0.001
"""How many of the keys that are not in a pool are taken for ones that are."""
_BATCH = 262_144

Digests = npt.NDArray[np.uint64]
"""Of each key `a` and `b`, side by side."""


class KeyFilter:
    """A filter of `bits` bits, of which each key sets `hashes`."""

    def __init__(self, data: npt.NDArray[np.uint8], bits: int, hashes: int) -> None:
        self.data, self.bits, self.hashes = data, bits, hashes

    @classmethod
    def for_keys(cls, count: int) -> KeyFilter:
        """An empty one with room for so many keys."""
        bits = max(64, math.ceil(count * -math.log(FALSE_POSITIVES) / math.log(2) ** 2))
        hashes = max(1, round(-math.log2(FALSE_POSITIVES)))
        return cls(np.zeros(-(-bits // 8), np.uint8), bits, hashes)

    def add(self, keys: Digests) -> None:
        """Put keys in."""
        for places in self._places(keys):
            np.bitwise_or.at(self.data, places >> np.uint64(3), _bit(places))

    def holds(self, keys: Digests) -> npt.NDArray[np.bool_]:
        """Whether each key is probably in it; one that was put in always is."""
        found = np.ones(len(keys), dtype=bool)
        for places in self._places(keys):
            found &= (self.data[places >> np.uint64(3)] & _bit(places)) != 0
        return found

    @property
    def false_positive_rate(self) -> float:
        """The probability that a key that was not put in is found, by how full it is."""
        full = int(np.bitwise_count(self.data).sum()) / self.bits
        return float(f"{full**self.hashes:.4g}")

    def _places(self, keys: Digests) -> Iterator[Digests]:
        first, step = keys[:, 0], keys[:, 1] | np.uint64(1)
        for number in range(self.hashes):
            yield (first + np.uint64(number) * step) % np.uint64(self.bits)


def key_digests(table: ir.Table, columns: Sequence[Column]) -> Iterator[Digests]:
    """The digests of the keys of all rows, a batch at a time.

    The text that is digested is, for each column of the key in the order of the contract, ``-`` for null, or the
    length of the value's text in characters, a colon and that text.
    """
    parts = [_part(table[column.name], column) for column in columns]
    text = parts[0]
    for part in parts[1:]:
        text = text + part
    digests = table.select(digest=text.hexdigest("sha256").left(32))
    for batch in digests.to_pyarrow_batches(chunk_size=_BATCH):
        joined = "".join(batch.column(0).to_pylist())
        yield np.frombuffer(bytes.fromhex(joined), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def _part(cell: ir.Value, column: Column) -> ir.StringValue:
    text = _text(cell, column)
    return ibis.ifelse(cell.isnull(), ibis.literal("-"), text.length().cast("string") + ibis.literal(":") + text)


def _text(cell: ir.Value, column: Column) -> ir.Value:
    """One spelling for each value, whatever the session: integers, decimals and dates as SQL spells them, floats by
    their shortest digits, times by the seconds and microseconds since 1970, nested values as JSON."""
    if column.type == "string":
        return cell
    if column.type.startswith("timestamp"):
        whole = cell.truncate("s").epoch_seconds().cast("int64")
        return whole.cast("string") + ibis.literal(".") + cell.microsecond().cast("string")
    if column.nested:
        return cell.cast("json").cast("string")
    if column.type.startswith("float"):
        return (cell + ibis.literal(0.0, column.type)).cast("string")  # -0.0 is the same key as 0.0
    return cell.cast("string")


def _bit(places: Digests) -> npt.NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))
