"""Cells that hold personal data, replaced by a salted hash, so that equal cells stay equal and none can be read.

The hash of a text is SHA-256(k + SHA-256(k + text)), in hexadecimal, with k the SHA-256 of the salt: nested as HMAC is
(Bellare, Canetti and Krawczyk, 1996), for engines have SHA-256 but no HMAC.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.audit.personal import Found
from tidegate.columns import RECORD
from tidegate.engines import Engine
from tidegate.errors import Misuse
from tidegate.receipt import Repair

PREFIX = "hashed:"
_SHORTEST_SALT = 16


def key_from(variable: str) -> str:
    """What cells are hashed with, from the salt in an environment variable.

    Raises:
        Misuse: it is not set, or so short that it could be guessed.
    """
    salt = os.environ.get(variable, "")
    if len(salt) < _SHORTEST_SALT:
        raise Misuse(
            f"The environment variable {variable} holds no salt of {_SHORTEST_SALT} characters at least.",
            "Make one, and keep it: python -c 'import secrets; print(secrets.token_hex())'",
        )
    return hashlib.sha256(salt.encode(errors="surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Hashed:
    """Rows with hashes in them.

    Attributes:
        known: per hashed column a table of `_plain` and `_hashed`, every value that was replaced.
    """

    rows: ir.Table
    repairs: tuple[Repair, ...] = ()
    known: Mapping[str, ir.Table] = field(default_factory=dict)

    def alike(self, engine: Engine, table: ir.Table | None, name: str) -> ir.Table | None:
        """Another table with the same replacements, so that what is equal to a plain cell is equal to its hash."""
        if table is None:
            return None
        columns = [column for column in self.known if column in table.columns]
        for column in columns:
            known, names = self.known[column], table.columns
            joined = table.left_join(known, table[column] == known["_plain"])
            cell = joined["_hashed"].fill_null(joined[column]).name(column)
            table = joined.select(*(cell if each == column else joined[each] for each in names))
        return engine.view(f"{name}_alike", table) if columns else table


def hash_cells(
    engine: Engine, rows: ir.Table, found: Sequence[Found], key: str, compared: Sequence[str], folder: Path
) -> Hashed:
    """Replace the whole cells in which personal data was found.

    Args:
        key: of `key_from`.
        compared: the columns by which rows are compared with those of other tables.
        folder: where the replaced values of these are written.
    """
    repairs, known = [], {}
    for number, each in enumerate(found):
        name, names = each.column.name, rows.columns
        records = engine.table(f"personal_{number}", each.records).mutate(_held=True)
        joined = rows.left_join(records, RECORD)
        cell: Any = joined[name]
        if name in compared:
            held = joined.filter(joined["_held"].notnull())
            pairs = held.select(_plain=held[name], _hashed=_hash(held[name], key)).distinct()
            files = engine.write(pairs, folder / f"personal-{number}.known.parquet")
            known[name] = engine.table(f"personal_{number}_known", files)
        replaced = ibis.ifelse(joined["_held"].notnull(), _hash(cell, key), cell).name(name)
        rows = joined.select(*(replaced if other == name else joined[other] for other in names))
        repairs.append(Repair(kind="hash", column=name, detail=", ".join(each.kinds), cells=each.cells))
    return Hashed(rows, tuple(repairs), known)


def _hash(cell: Any, key: str) -> Any:
    inner = (ibis.literal(key) + cell).hexdigest("sha256")
    return ibis.literal(PREFIX) + (ibis.literal(key) + inner).hexdigest("sha256")
