"""A draft as Python: one `DataFrameModel`, in the layout of the contracts that ship.

Names and values come from files of anyone, and the file that is made of them is run. So none stands in it but as a
literal, or in a comment of one line.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandera.pandas as pa

from tidegate.drafts.annotations import annotation, arrow_expression
from tidegate.drafts.draft import Draft, DraftColumn
from tidegate.drafts.literals import literal
from tidegate.readers.nested import arrow_type

_WIDTH = 120
_INDENT = " " * 4
_TYPES = ("str", "int", "float", "bool")
_TAKEN = frozenset({*dir(pa.DataFrameModel), "pa", "pd", "pyarrow", "datetime", "Annotated", "Optional", *_TYPES})
"""What the class means by a name, and a column must not be called there."""


def python(draft: Draft) -> str:
    """The file of the contract."""
    attributes = _attributes(draft)
    constants = _constants(draft, attributes)
    model = "\n".join(_model(draft, attributes, constants))
    above = "".join(f"{name} = {arrow_expression(arrow_type(kind))}\n" for kind, name in constants.items())
    head = [_docstring(f"{draft.name}, version {draft.version[0]}.{draft.version[1]}. {_origin(draft)}".rstrip())]
    head += [comment(f"Not brought over: {what}") for what in draft.left_out]
    imports = _imports(f"{above}{model}")
    return "\n".join([*head, "", *imports, "", *([above] if above else []), "", model, ""])


def _origin(draft: Draft) -> str:
    return f"Drafted from {draft.origin}; confirm every guess." if draft.origin else ""


def _imports(code: str) -> list[str]:
    """What the code needs, in the order that linters want."""
    names = [name for name in ("Annotated", "Optional") if f"{name}[" in code]
    standard = ["import datetime"] if "datetime.date(" in code else []
    standard += [f"from typing import {', '.join(names)}"] if names else []
    others = ["import pandas as pd"] if "pd." in code else []
    others += ["import pandera.pandas as pa", *(["import pyarrow"] if "pyarrow." in code else [])]
    return [*standard, *([""] if standard else []), *others]


def _attributes(draft: Draft) -> list[str]:
    """What the columns are called within the class."""
    taken: set[str] = set(_TAKEN)
    attributes = []
    for column in draft.columns:
        attributes.append(_attribute(column.name, taken))
        taken.add(attributes[-1])
    return attributes


def _constants(draft: Draft, attributes: Sequence[str]) -> dict[str, str]:
    """Names for the types that take more than a line, which stand above the class."""
    taken, constants = {*_TAKEN, *attributes, class_name(draft.name)}, dict[str, str]()
    for column, attribute in zip(draft.columns, attributes, strict=True):
        if "struct<" in column.type and column.type not in constants:
            name = next(name for n in range(len(taken) + 1) if (name := attribute.upper() + "_" * n) not in taken)
            constants[column.type] = name
            taken.add(name)
    return constants


def _model(draft: Draft, attributes: Sequence[str], constants: Mapping[str, str]) -> Iterator[str]:
    yield f"class {class_name(draft.name)}(pa.DataFrameModel):"
    yield _INDENT + _docstring(draft.description or f"One row of {draft.name}.")
    yield ""
    for column, attribute in zip(draft.columns, attributes, strict=True):
        yield from (_INDENT + comment(each) for each in column.comments)
        yield from _column(column, attribute, constants.get(column.type))
    yield ""
    yield f"{_INDENT}class Config:"
    yield from (f"{_INDENT * 2}{name} = {literal(value)}" for name, value in draft.config.items())
    yield f"{_INDENT * 2}metadata = {literal({'owner': draft.owner})}"


def class_name(dataset: str) -> str:
    """The name of a dataset's model."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", dataset) if word]
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"Model{name}"


def _attribute(name: str, taken: set[str]) -> str:
    """A name for the column within the class; where it is not the column's own, an alias says that."""
    if name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and name not in taken:
        return name
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "column"
    plain = plain if not plain[0].isdigit() else f"column_{plain}"
    candidates = (plain, f"{plain}_", *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in candidates if one not in taken and not keyword.iskeyword(one))


def _column(column: DraftColumn, attribute: str, constant: str | None) -> Iterator[str]:
    kind, extra = annotation(column, constant)
    kind = f"Optional[{kind}]" if column.optional else kind
    arguments = dict(_arguments(column, attribute, extra))
    begun = f"{_INDENT}{attribute}: {kind} = pa.Field("
    together = ", ".join(f"{name}={value}" for name, value in arguments.items())
    if len(begun) + len(together) < _WIDTH:
        yield f"{begun}{together})"
        return
    yield begun
    if len(_INDENT * 2 + together) <= _WIDTH:
        yield f"{_INDENT * 2}{together}"
    else:
        yield from (f"{_INDENT * 2}{name}={value}," for name, value in arguments.items())
    yield f"{_INDENT})"


def _arguments(column: DraftColumn, attribute: str, extra: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if column.name != attribute:
        yield "alias", literal(column.name)
    if column.pattern:
        yield "regex", "True"
    if column.nullable:
        yield "nullable", "True"
    for name, value in {**extra, **column.arguments}.items():
        yield name, literal(value)
    if column.unique:
        yield "unique", "True"
    if column.default is not None:
        yield "default", literal(column.default)
    marks = {mark: True for mark in ("key", "personal") if getattr(column, mark)}
    marked = marks | ({"json": "object"} if column.json else {})
    if marked:
        yield "metadata", literal(marked)
    yield "description", literal(column.description)


def comment(text: str) -> str:
    """A comment of one line."""
    return f"# {_seen(text)}"


def _docstring(text: str) -> str:
    escaped = _seen(text).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{escaped}{" " if escaped.endswith(chr(34)) else ""}"""'


def _seen(text: str) -> str:
    """The text in one line, without what cannot be seen: no line of a comment may end where its text does not."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
