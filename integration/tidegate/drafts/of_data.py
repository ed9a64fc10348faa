"""A draft of a contract and its suite from a file of data, in bounded memory.

The file is staged as any submission is, every cell of text as the text that it is; the engine then tells what the cells
of a column have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from tidegate.audit.personal import find_personal
from tidegate.columns import PROBLEMS, RECORD, Column
from tidegate.config import IntegrationConfig, load_config
from tidegate.drafts.draft import Draft
from tidegate.drafts.guess import guess, speaks_of_people
from tidegate.drafts.look import Looked, look
from tidegate.drafts.measure import SPELLINGS, Seen, distinct_together, is_unique, measured, typed
from tidegate.drafts.suite import expectations_of
from tidegate.engines import Engine, StagePlan, StageSource, open_engine
from tidegate.errors import SourceUnreadable
from tidegate.readers.decompress import decompress_to
from tidegate.sources import Snapshot, acquire
from tidegate.workspace import work_folder

_LONGEST_KEY = 4
_ABOUT = 0.8
"""Estimates of how many different values there are may be an eighth too low; what is likely is counted exactly."""
_ENOUGH = 20
"""With fewer records nearly any two columns tell them apart."""

_TEXT_SPELLS = {"csv": SPELLINGS, "json": SPELLINGS[3:], "jsonl": SPELLINGS[3:], "parquet": ()}
"""What text may turn out to be: a number is never read from a JSON string, and Parquet has types of its own."""


def draft_of_data(file: str, name: str, null_values: Sequence[str] = ()) -> Draft:
    """Draft the contract of a dataset.

    Args:
        file: of data, in any format and place that a submission may have.
        name: of the dataset.
        null_values: texts that mean null, as in `cleaning_config`.

    Raises:
        SourceUnreadable: the file cannot be read, or has no records.
        Misuse: a column has a name or a type that no contract can have.
    """
    cleaning = {"null_values": list(null_values)}
    config = load_config({"data_path": file, "schema_config": name, "cleaning_config": cleaning})
    with work_folder(None) as folder, open_engine(config, folder) as engine:
        snapshots = acquire(config.data_path, config.resources, folder)
        if len(snapshots) != 1:
            raise SourceUnreadable(f"{file} is {len(snapshots)} files.", "A contract is drafted from one.")
        (snapshot,) = snapshots
        looked = _looked(snapshot, config, folder)
        rows = _staged(engine, config, snapshot, looked.columns, folder)
        return _drafted(engine, rows, looked, snapshot, name, folder)


def _looked(snapshot: Snapshot, config: IntegrationConfig, folder: Path) -> Looked:
    source, plain = snapshot.source, snapshot.path
    if source.compression != "none":
        plain = folder / "plain"
        decompress_to(snapshot.path, source.compression, plain, config.resources)
    try:
        return look(plain, source.uri, source.format, config.resources)
    finally:
        if plain != snapshot.path:
            plain.unlink()


def _staged(
    engine: Engine, config: IntegrationConfig, snapshot: Snapshot, columns: tuple[Column, ...], folder: Path
) -> ir.Table:
    """The well-formed records, every text as it is."""
    source = snapshot.source
    plan = StagePlan(
        sources=(
            StageSource(uri=source.uri, path=snapshot.path, format=source.format, compression=source.compression,
                        counts=snapshot.counts if source.compression == "none" else None),
        ),
        folder=folder / "stage",
        columns=columns,
        strict=False,
        lasts=False,
        null_values=config.cleaning_config.null_values,
        resources=config.resources,
    )  # fmt: skip
    with engine.stage(plan) as staging:
        staged = staging()
    snapshot.verify_unchanged()
    if not staged.read:
        raise SourceUnreadable(f"{source.uri} has no records.", "A contract is drafted from a file with records.")
    rows = engine.table("stage", staged.files, record=RECORD)
    return rows.filter(rows[PROBLEMS].isnull()).select(RECORD, *(column.name for column in columns))


def _drafted(engine: Engine, rows: ir.Table, looked: Looked, snapshot: Snapshot, name: str, folder: Path) -> Draft:
    personal = _personal(engine, rows, looked.columns, folder)
    secret = frozenset(personal)
    rows, columns = typed(rows, looked.columns, _TEXT_SPELLS[snapshot.source.format])
    rows = engine.view("typed", rows)
    records = int(rows.count().to_pyarrow().as_py())
    seen = measured(rows, columns, records, secret)
    key = _key(rows, seen, secret)
    return Draft(
        name=name,
        columns=tuple(
            guess(one, personal, key, looked.absent.get(one.column.name, 0), looked.kinds.get(one.column.name, {}))
            for one in seen
        ),
        origin=f"{Path(snapshot.source.uri).name}, {records:,} records",
        expectations=tuple(expectations_of(seen, secret, key)),
    )


def _personal(engine: Engine, rows: ir.Table, columns: Sequence[Column], folder: Path) -> dict[str, str]:
    """Why columns are taken for personal ones, by what their cells hold or how they are called."""
    why = {column.name: "by its name" for column in columns if speaks_of_people(column.name)}
    for found in find_personal(engine, rows, columns, folder):
        why[found.column.name] = ", ".join(f"{kind} in {count:,} records" for kind, count in found.kinds.items())
    return why


def _key(rows: ir.Table, columns: Sequence[Seen], secret: frozenset[str]) -> list[str]:
    """The columns that tell records apart: one, or the fewest of those with the most different values."""
    able = [seen for seen in columns if _can_be_key(seen)]
    alone = [seen for seen in able if seen.distinct >= _ABOUT * seen.records]
    for seen in sorted(alone, key=lambda seen: (seen.column.name in secret, not _sounds_like_a_key(seen.column.name))):
        if is_unique(rows, [seen.column.name]):
            return [seen.column.name]
    able = [seen for seen in able if seen.column.name not in secret and seen.distinct > 1]
    if not able or able[0].records < _ENOUGH:
        return []
    chosen = [max(able, key=lambda seen: seen.distinct).column.name]
    while len(chosen) < _LONGEST_KEY:
        others = [seen.column.name for seen in able if seen.column.name not in chosen]
        if not others:
            break
        together = distinct_together(rows, chosen, others)
        best = max(others, key=lambda name: together[name])
        chosen.append(best)
        if together[best] >= _ABOUT * able[0].records and is_unique(rows, chosen):
            needed = _needed(rows, chosen)
            return [seen.column.name for seen in columns if seen.column.name in needed]
    return []


def _needed(rows: ir.Table, names: Sequence[str]) -> list[str]:
    """The columns without which records could not be told apart; what was chosen first may be implied by the others."""
    needed = list(names)
    for name in names:
        others = [other for other in needed if other != name]
        if others and is_unique(rows, others):
            needed = others
    return needed


def _can_be_key(seen: Seen) -> bool:
    column = seen.column
    simple = not (
        column.nested or column.json or column.duration or column.type.startswith(("float", "decimal", "boolean"))
    )
    return simple and seen.nulls == 0 and seen.values > 0


def _sounds_like_a_key(name: str) -> bool:
    last: Any = name.lower().replace("-", "_").split("_")[-1]
    return last in ("id", "key", "uuid", "guid", "number", "no", "nr", "code") or name.lower().endswith("id")
