"""Load a contract: one Python file with one `pandera.pandas` `DataFrameModel`.

What cannot be judged as its author means it is refused here, before any data is read.
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa

from tidegate.columns import Column, Scalar
from tidegate.receipt import Versioned
from tidegate.registry.dtypes import SUPPORTED, kind_of
from tidegate.registry.migration import Written, migrations_in
from tidegate.registry.model import Model, load_model
from tidegate.registry.probe import refuse_what_looks_at_other_rows
from tidegate.registry.refusals import refuse_clashes, refuse_unsupported
from tidegate.registry.rules import Rule, rules_of


@dataclass(frozen=True)
class Contract:
    """A versioned contract, ready to judge with.

    Attributes:
        definitions: Pandera's definition of every column.
        patterns: columns whose name is a regular expression; files say which columns they stand for.
        matched: the columns of a submission that match a pattern, each with its pattern.
        metadata: what its author wrote into `Config.metadata`.
        migrations: how columns are made of those of an earlier version, by that version, as it is written.
    """

    name: str
    version: str
    digest: str
    path: Path
    description: str
    schema: pa.DataFrameSchema
    columns: tuple[Column, ...]
    definitions: Mapping[str, pa.Column]
    rules: tuple[Rule, ...]
    patterns: tuple[Column, ...] = ()
    matched: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    migrations: Mapping[str, Written] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """The dedupe key; without one declared, the whole record is it."""
        marked = tuple(column.name for column in self.columns if column.key)
        return marked or tuple(column.name for column in self.columns)

    @property
    def strict(self) -> bool:
        """Whether an unknown column is a failure."""
        return self.schema.strict is True

    @property
    def defaults(self) -> dict[str, Scalar]:
        """What stands for a null, per column that says so."""
        return {column.name: column.default for column in self.columns if column.default is not None}

    @property
    def parsed(self) -> bool:
        """Whether it declares parsers."""
        return bool(self.schema.parsers) or any(column.parsers for column in self.definitions.values())

    @property
    def owner(self) -> str:
        """Who answers questions about it, as the metadata says; empty where it does not."""
        return str(self.metadata.get("owner") or "")

    def versioned(self) -> Versioned:
        """How receipts name it."""
        return Versioned(name=self.name, version=self.version, digest=self.digest)

    def copy_to(self, folder: Path) -> Path:
        """A copy of its file in a folder that other machines see too. Its digest tells whether it is the same still."""
        place = folder / "contract" / self.name
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(shutil.copy(self.path, place))

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def with_matched(self, matched: Mapping[str, str]) -> Contract:
        """This contract with the columns that its patterns stand for, in the place of the patterns.

        Args:
            matched: per column of the files the pattern that it matches.
        """
        if not matched:
            return self
        by_name = {column.name: column for column in self.columns}
        columns: list[Column] = []
        definitions: dict[str, pa.Column] = {}
        for name, definition in self.schema.columns.items():
            if not definition.regex:
                columns.append(by_name[name])
                definitions[name] = definition
                continue
            (template,) = (pattern for pattern in self.patterns if pattern.name == name)
            for found in (column for column, pattern in matched.items() if pattern == name):
                columns.append(replace(template, name=found, added=True))  # where some file has it
                definitions[found] = copy.copy(definition).set_name(found)
        rules = rules_of(self.schema, definitions)
        return replace(self, columns=tuple(columns), definitions=definitions, rules=rules, matched=dict(matched))


def load_contract(path: Path) -> Contract:
    """Load the contract in ``contracts/<name>/v<MAJOR>_<MINOR>.py``.

    Raises:
        BrokenContract: the file does not run, holds no single model, or asks for what cannot be judged; the
            message names file, line and the likely slip.
    """
    return contract_of(load_model(path))


def contract_of(model: Model) -> Contract:
    """The contract that a model declares. Raises `BrokenContract` where it asks for what cannot be judged."""
    schema, path = model.schema, model.path
    refuse_unsupported(model)
    described = {name: _column(model, name, column) for name, column in schema.columns.items()}
    named = {name: column for name, column in described.items() if not schema.columns[name].regex}
    refuse_clashes(model, tuple(named))
    definitions = {name: schema.columns[name] for name in named}
    rules = rules_of(schema, definitions)
    patterns = tuple(column for name, column in described.items() if name not in named)
    refuse_what_looks_at_other_rows(model, definitions)
    version = path.stem.removeprefix("v").replace("_", ".")
    return Contract(
        name=path.parent.name,
        version=version,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        path=path,
        description=model.description,
        schema=schema,
        columns=tuple(named.values()),
        definitions=definitions,
        rules=rules,
        patterns=patterns,
        metadata=model.metadata,
        migrations=migrations_in(model.migration, version, tuple(named.values()), path),
    )


def _column(model: Model, name: str, column: pa.Column) -> Column:
    if column.dtype is None:
        raise model.broken(name, f"Column {name!r} has no type.", "Annotate it: distance: int")
    kind = kind_of(column.dtype)
    if kind is None:
        raise model.broken(name, f"Column {name!r} has the type {column.dtype}.", f"Supported: {SUPPORTED}.")
    metadata: dict[str, Any] = column.metadata or {}
    described = Column(
        name=name,
        type=kind.type,
        required=column.required,
        nullable=column.nullable,
        key=bool(metadata.get("key")),
        personal=bool(metadata.get("personal")),
        json=metadata.get("json") == "object",
        duration=kind.duration,
        categories=kind.categories,
        category=kind.category,
        default=_default(column.default),
        added=model.schema.add_missing_columns and (column.nullable or _default(column.default) is not None),
        description=column.description or "",
    )
    if described.json and described.type != "string":
        raise model.broken(name, f"Column {name!r} is marked json and is no text.", "Annotate it with str.")
    if described.default is not None and not described.takes(described.default):
        raise model.broken(name, f"Column {name!r} has the default {column.default!r}, which is no {described.type}.")
    if column.regex and (described.key or not described.required):
        what = "part of the key" if described.key else "optional"
        raise model.broken(name, f"Column {name!r} is a pattern and {what}.", "Name such columns one by one.")
    return described


def _default(value: Any) -> Scalar | None:
    """Pandera's default as a configuration would spell it."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return None
    if isinstance(value, datetime.date):
        return value.isoformat()
    plain: Scalar = value.item() if hasattr(value, "item") else value
    return plain
