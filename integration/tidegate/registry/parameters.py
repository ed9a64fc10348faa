"""Suite parameters: what an author writes as ``{"$PARAMETER": "pool.distance.mean + 3 * pool.distance.std"}``.

A language of its own, of names, numbers, ``+ - * /``, parentheses and ``sqrt``. Python's parser reads it, and what
is not listed here is refused when the suite is loaded; nothing is ever run as Python.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.columns import Column
from tidegate.errors import BrokenContract, nearest
from tidegate.registry.statistics import WHOLE, Item, family, refusal

PARAMETER = "$PARAMETER"
MOST_CHARACTERS = 300
_SYMBOLS: dict[type[ast.operator], Literal["+", "-", "*", "/"]] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"
}  # fmt: skip
_NAMES_COLUMNS = frozenset({"column", "column_A", "column_B", "column_list", "column_set"})


@dataclass(frozen=True)
class Number:
    """A number as the author wrote it."""

    value: float


@dataclass(frozen=True)
class Rows:
    """How many rows the pool has, or how many of the submission would go in."""

    of: Literal["pool", "submission"]


@dataclass(frozen=True)
class Statistic:
    """A statistic of a column of the pool. `item` is the category of which `shares` is asked."""

    column: str
    name: str
    item: Item | None = None


@dataclass(frozen=True)
class Root:
    """A square root."""

    of: Node


@dataclass(frozen=True)
class Operation:
    """Two numbers put together."""

    symbol: Literal["+", "-", "*", "/"]
    left: Node
    right: Node


Node = Number | Rows | Statistic | Root | Operation


@dataclass(frozen=True)
class Parameter:
    """A suite parameter, checked against the columns of the contract."""

    text: str
    node: Node

    def statistics(self) -> Iterator[Statistic]:
        """The statistics that it is made of."""
        yield from (node for node in _nodes(self.node) if isinstance(node, Statistic))

    @property
    def pooled(self) -> bool:
        """Whether its value depends on the pool."""
        return any(isinstance(node, Statistic) or node == Rows("pool") for node in _nodes(self.node))


def find_parameters(kwargs: Any, columns: tuple[Column, ...], where: str) -> tuple[Parameter, ...]:
    """The parameters in the arguments of an expectation.

    Args:
        where: what messages begin with.

    Raises:
        BrokenContract: one says what the language has not, or names a column or statistic that there is not.
    """
    found: list[Parameter] = []
    if isinstance(kwargs, dict) and any(str(key).startswith(PARAMETER) for key in kwargs):
        raise BrokenContract(f"{where}: {PARAMETER} stands for the value of an argument, not among them.", _WRITE)
    for argument, value in _walk(kwargs):
        if not isinstance(value, dict) or not any(str(key).startswith(PARAMETER) for key in value):
            continue
        if set(value) != {PARAMETER} or not isinstance(value[PARAMETER], str):
            raise BrokenContract(f"{where}: {PARAMETER} stands alone, with a text.", _WRITE)
        if argument in _NAMES_COLUMNS:
            raise BrokenContract(f"{where}: a parameter cannot stand for {argument}.", "Name the column itself.")
        found.append(_Reader(value[PARAMETER], {column.name: column for column in columns}, where).read())
    return tuple(found)


_WRITE = 'Write {"$PARAMETER": "pool.<column>.<statistic>"}; docs/suites.md has the names.'
_SUBSCRIPT = 'A column whose name is no plain word is written pool["its name"].'


class _Reader:
    """Reads one parameter."""

    def __init__(self, text: str, columns: dict[str, Column], where: str) -> None:
        self._text, self._columns = text, columns
        self._where = f"{where}: the parameter {text if len(text) <= 100 else text[:100] + '...'!r}"

    def read(self) -> Parameter:
        if len(self._text) > MOST_CHARACTERS:  # also keeps the parser's own stack small
            raise self._refused(f"is longer than {MOST_CHARACTERS} characters.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python has opinions on 1or 2
                parsed = ast.parse(self._text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._refused("cannot be read.", _SUBSCRIPT) from None
        alone = self._statistic(parsed)
        return Parameter(self._text, self._number(parsed) if alone is None else alone)

    def _number(self, parsed: ast.expr) -> Node:
        match parsed:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if not math.isfinite(value):
                    raise self._refused("has a number that is too large.")
                return Number(float(value))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Operation("-", Number(0.0), self._number(operand))
            case ast.BinOp(op=op) if type(op) in _SYMBOLS:
                return Operation(_SYMBOLS[type(op)], self._number(parsed.left), self._number(parsed.right))
            case ast.Call(func=ast.Name(id="sqrt"), args=[operand], keywords=[]) if not isinstance(
                operand, ast.Starred
            ):
                return Root(self._number(operand))
            case ast.Attribute(value=ast.Name(id="pool"), attr="rows"):
                return Rows("pool")
            case ast.Attribute(value=ast.Name(id="submission"), attr="rows"):
                return Rows("submission")
        node = self._statistic(parsed)
        if node is None:
            raise self._refused(f"has {ast.unparse(parsed)!r}, which is no number and no name.", _WRITE)
        if node.name in WHOLE or (node.name in ("min", "max") and family(self._columns[node.column]) == "time"):
            raise self._refused(f"reckons with {ast.unparse(parsed)}, which is no number.")
        return node

    def _statistic(self, parsed: ast.expr) -> Statistic | None:
        item: Any = None
        match parsed:
            case ast.Subscript(value=ast.Attribute(value=place, attr="shares"), slice=ast.Constant(value=item)):
                name = "shares"
            case ast.Attribute(value=place, attr=name) if self._spelled(parsed, name):
                pass
            case _:
                return None
        column = self._column(place)
        if column is None:
            return None
        if refused := refusal(column, name):
            raise self._refused(f"asks too much: {refused[0]}.", refused[1])
        if name == "shares" and type(item) is not _type_of_items(column):
            raise self._refused("must say of which value it wants the share.", 'Write pool.<column>.shares["value"].')
        return Statistic(column.name, name, item)

    def _column(self, place: ast.expr) -> Column | None:
        match place:
            case ast.Attribute(value=ast.Name(id="pool"), attr=name) if self._spelled(place, name):
                pass
            case ast.Subscript(value=ast.Name(id="pool"), slice=ast.Constant(value=str() as name)):
                pass
            case _:
                return None
        if name not in self._columns:
            raise self._refused(f"names the column {name!r}, which the contract has not.", nearest(name, self._columns))
        return self._columns[name]

    def _spelled(self, parsed: ast.expr, name: str) -> bool:
        """Whether a name stands in the text as it is: Python takes some letters for others, such as ª for a."""
        return (ast.get_source_segment(self._text.strip(), parsed) or "").endswith(name)

    def _refused(self, fact: str, hint: str | None = None) -> BrokenContract:
        return BrokenContract(f"{self._where} {fact}", hint)


def _type_of_items(column: Column) -> type[Item]:
    return int if family(column) == "integer" else bool if column.type == "boolean" else str


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Operation(left=left, right=right):
            yield from _nodes(left)
            yield from _nodes(right)
        case Root(of=of):
            yield from _nodes(of)


def _walk(kwargs: Any) -> Iterator[tuple[str, Any]]:
    """Every value within the arguments, with the argument that it belongs to. Not recursive: JSON may be deep."""
    left = [(str(key), value) for key, value in kwargs.items()] if isinstance(kwargs, dict) else []
    while left:
        argument, value = left.pop()
        yield argument, value
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        left += [(argument, one) for one in inner]
