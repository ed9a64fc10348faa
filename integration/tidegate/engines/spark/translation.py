"""DuckDB's SQL as Spark's: what means the same, and nothing else.

sqlglot translates the grammar. Meaning is another thing: Spark divides, matches, sums and fails otherwise in places. So
only what stands in the lists below passes, what is known to differ is rewritten first, and anything else raises, since
what may mean something else must not be judged by it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import sqlglot
import sqlglot.expressions as exp
from sqlglot import TokenType
from sqlglot.errors import ErrorLevel, SqlglotError

from tidegate.engines.duckdb.connection import quoted
from tidegate.engines.gx_sql import double
from tidegate.engines.spark.functions import SEARCH
from tidegate.engines.spark.quantiles import places, quantiles


class Untranslatable(ValueError):
    """It is not known to mean the same on Spark."""


_SAME: frozenset[type[exp.Expr]] = frozenset(
    {
        # a query
        exp.Select, exp.From, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit,
        exp.Offset, exp.Distinct, exp.Join, exp.With, exp.CTE, exp.Union, exp.Intersect, exp.Except, exp.Subquery,
        exp.Table, exp.TableAlias, exp.Alias, exp.Star, exp.Column, exp.Identifier,
        # conditions
        exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
        exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists, exp.Case, exp.If, exp.Paren, exp.Like, exp.RegexpLike,
        # values
        exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Abs,
        exp.Coalesce, exp.Nullif, exp.Least, exp.Greatest, exp.Length, exp.Cast, exp.DataType, exp.DataTypeParam,
        # of many rows
        exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevSamp, exp.Window, exp.Filter,
        exp.WithinGroup, exp.PercentileCont, exp.PercentileDisc,
    }
)  # fmt: skip
"""What means the same in both, or is rewritten until it does."""
_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_SPARSE: dict[type[exp.Expr], str] = {
    exp.In: "field",
    exp.Distinct: "on",
    exp.Union: "by_name",
    exp.Join: "method",
    exp.RegexpLike: "flag",
}
"""Arguments of these that Spark does not know, or takes otherwise."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?")
_INFINITY = "CAST('inf' AS DOUBLE)"


def translated(sql: str, view: str, columns: Mapping[str, str]) -> str:
    """Spark's SQL of a DuckDB query over one view.

    Args:
        columns: DuckDB's types of the view's columns, by name.

    Raises:
        Untranslatable: it reads something else, is no query, or may mean something else on Spark.
    """
    try:
        tokens = sqlglot.tokenize(sql, read="duckdb")
        statements = sqlglot.parse(sql, read="duckdb")
    except SqlglotError:
        raise Untranslatable("the query cannot be translated for Spark: its grammar is not understood") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Untranslatable("only a single SELECT can be translated for Spark")
    query = statements[0]
    if any(token.token_type is TokenType.TILDE for token in tokens):  # read as a search, but the whole is to match
        raise Untranslatable(
            "the operator ~ is not known to mean the same on Spark; write regexp_matches(text, pattern)"
        )
    _check(query, view)
    _spell(query, [view, *columns])
    rewritten = _Rewriting(query, columns).done()
    try:
        return rewritten.sql("spark", identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise Untranslatable(f"the query cannot be translated for Spark: {error}") from None


def with_values(statement: str, values: tuple[Any, ...]) -> str:
    """A statement of DuckDB with ``$1, $2, ...`` written out."""
    if not values:
        return statement
    return _PLACES.sub(lambda found: _literal(values[int(found[1]) - 1]) if found[1] else found[0], statement)


_PLACES = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\d+)""")


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int():
            return f"({value})"
        case float():
            return f"({double(value)})"
        case str():
            return quoted(value)
        case Decimal():
            _, digits, exponent = value.as_tuple()
            scale = max(0, -int(exponent))
            return f"CAST('{value:f}' AS DECIMAL({max(len(digits), scale)}, {scale}))"
        case datetime.datetime():
            kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"CAST('{value.isoformat(sep=' ')}' AS {kind})"
        case datetime.date():
            return f"CAST('{value.isoformat()}' AS DATE)"
        case _:
            raise Untranslatable(f"a value of the type {type(value).__name__} cannot be asked of Spark")


def _check(query: exp.Expr, view: str) -> None:
    if query.find(exp.Table) is None:
        raise Untranslatable("the query does not read the submission")
    named = {view.lower()} | {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    for node in query.walk():
        if type(node) not in _SAME or node.args.get(_SPARSE.get(type(node), "")):
            raise Untranslatable(f"{_words(node)} is not known to mean the same on Spark")
        if isinstance(node, exp.Table) and (node.db or node.catalog or node.name.lower() not in named):
            raise Untranslatable("the query reads other data than the submission")


def _spell(query: exp.Expr, names: list[str]) -> None:
    """DuckDB minds no capitals in names, a Spark session may: each name is spelled as it is first."""
    spelled = {name.lower(): name for name in reversed(names)}
    for identifier in query.find_all(exp.Identifier):
        identifier.set("this", spelled.setdefault(identifier.name.lower(), identifier.name))


def _words(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        return f"the function {name.lower()}"
    return f"what sqlglot calls {type(node).__name__}"


class _Rewriting:
    """Of one query: what Spark would take otherwise, said so that it does not."""

    def __init__(self, query: exp.Expr, columns: Mapping[str, str]) -> None:
        self._query = query
        # A name that the query gives to something else has the type of that.
        given = {a.alias.lower() for a in query.find_all(exp.Alias) if not isinstance(a.this, exp.Column)}
        given |= {a.alias.lower() for a in query.find_all(exp.Alias) if a.this.name.lower() != a.alias.lower()}
        given |= {column.name.lower() for alias in query.find_all(exp.TableAlias) for column in alias.columns}
        self._columns = {name.lower(): kind for name, kind in columns.items() if name.lower() not in given}

    def done(self) -> exp.Expr:
        """The query, rewritten from the inside out."""
        for node in reversed(list(self._query.walk())):
            new = self._rewritten(node)
            if new is not node and node is self._query:
                self._query = new
            elif new is not node:
                node.replace(new)
        return self._query

    def _rewritten(self, node: exp.Expr) -> exp.Expr:
        match node:
            case exp.Select() if node.find(exp.PercentileCont, exp.PercentileDisc):
                return self._quantiles(node)
            case exp.Select() if node.args.get("offset"):
                return places(node)
            case exp.Like():
                return _like(node)
            case exp.RegexpLike():
                if not _is_text(node.expression):
                    raise Untranslatable("a regular expression that is not written out cannot be asked of Spark")
                return exp.Anonymous(this=SEARCH, expressions=[node.this.copy(), node.expression.copy()])
            case exp.Cast():
                return self._cast(node)
            case exp.Div():
                return _division(node)
            case exp.IntDiv() | exp.Mod():
                return _of_integers(node)
            case exp.Sum():
                return self._sum(node)
            case exp.Stddev() | exp.StddevSamp():
                return _deviation(node)
            case exp.Add() | exp.Sub() | exp.Mul() if self._is_float32(node):
                return type(node)(this=_float32(node.this), expression=_float32(node.expression))
            case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
                return self._comparison(node)
            case exp.In():
                first, *others = self._alike(node.this, *node.expressions)
                return exp.In(**node.args | {"this": first, "expressions": others})
            case exp.Between():
                this, low, high = self._alike(node.this, node.args["low"], node.args["high"])
                return exp.Between(**node.args | {"this": this, "low": low, "high": high})
        return node

    def _kind(self, node: exp.Expr | None) -> str | None:
        """DuckDB's type of a column, where it is known."""
        return self._columns.get(node.name.lower()) if isinstance(node, exp.Column) else None

    def _quantiles(self, node: exp.Select) -> exp.Expr:
        if any(
            each.find_ancestor(exp.Select) is node for each in node.find_all(exp.PercentileCont, exp.PercentileDisc)
        ):
            found = quantiles(node, self._kind)
            if found is None:
                raise Untranslatable("these percentiles cannot be asked of Spark; it takes those of one numeric column")
            return found
        return node

    def _cast(self, node: exp.Cast) -> exp.Expr:
        """Of what is written out, and to a wider number; any other is done otherwise in Spark, or may be."""
        kind, to = self._kind(node.this) or "", node.to.sql("duckdb")
        wider = to == "DOUBLE" and (kind in _INTEGERS | {"FLOAT", "DOUBLE"} or kind.startswith("DECIMAL"))
        wider = wider or (to.startswith("DECIMAL") and kind in _INTEGERS)
        number = node.this.this if isinstance(node.this, exp.Neg) else node.this
        while isinstance(number, exp.Paren):
            number = number.this
        if wider or (isinstance(number, exp.Literal | exp.Null | exp.Boolean) and to not in _INTEGERS):
            return node
        raise Untranslatable(f"this cast to {to} is not known to mean the same on Spark")

    def _sum(self, node: exp.Sum) -> exp.Expr:
        """DuckDB sums whole numbers and booleans in 128 bits."""
        kind = self._kind(node.this)
        if kind == "BOOLEAN":
            return exp.Sum(this=exp.cast(node.this.copy(), "BIGINT"))
        if kind in _INTEGERS:
            return exp.Sum(this=exp.cast(node.this.copy(), "DECIMAL(38, 0)"))
        return node

    def _comparison(self, node: exp.Expr) -> exp.Expr:
        """DuckDB compares a 32-bit float with an exact number as 32-bit floats, Spark as 64-bit ones."""
        left, right = self._alike(node.this, node.expression)
        for one, other in ((left, right), (right, left)):
            if self._is_float32(one) and self._is_exact(other):
                left, right = _float32(left), _float32(right)
        return type(node)(this=left, expression=right)

    def _alike(self, *sides: exp.Expr) -> list[exp.Expr]:
        """What is compared, as DuckDB takes it: booleans beside numbers are numbers. Where others meet, each engine
        casts in its own way, but for a date or time that is written out in full."""
        families = [self._family(side) for side in sides]
        known = {family for family in families if family is not None}
        if known == {"boolean", "number"}:
            return [exp.cast(s.copy(), "INT") if f == "boolean" else s for s, f in zip(sides, families, strict=True)]
        times = known == {"text", "time"} and all(
            isinstance(side, exp.Literal) and _TIME.fullmatch(side.name)
            for side, family in zip(sides, families, strict=True)
            if family == "text"
        )
        if len(known) > 1 and not times:
            raise Untranslatable(f"comparing {' with '.join(sorted(known))} is not known to mean the same on Spark")
        return list(sides)

    def _family(self, node: exp.Expr | None) -> str | None:
        """What is compared, where it is known: a boolean, a number, a text or a time."""
        match node:
            case exp.Paren() | exp.Neg():
                return self._family(node.this)
            case exp.Literal():
                return "text" if node.is_string else "number"
            case exp.Boolean():
                return "boolean"
        kind = node.to.sql("duckdb") if isinstance(node, exp.Cast) else self._kind(node) or ""
        if kind in _INTEGERS | {"FLOAT", "DOUBLE"} or kind.startswith("DECIMAL"):
            return "number"
        if kind.startswith(("DATE", "TIMESTAMP")):
            return "time"
        return {"BOOLEAN": "boolean", "VARCHAR": "text", "TEXT": "text"}.get(kind)

    def _is_float32(self, node: exp.Expr | None) -> bool:
        match node:
            case exp.Paren():
                return self._is_float32(node.this)
            case exp.Cast():
                return node.is_type("FLOAT")
            case exp.Add() | exp.Sub() | exp.Mul():
                sides = [node.this, node.expression]
                floats = [self._is_float32(side) for side in sides]
                return any(floats) and all(f or self._is_exact(side) for f, side in zip(floats, sides, strict=True))
        return self._kind(node) == "FLOAT"

    def _is_exact(self, node: exp.Expr | None) -> bool:
        match node:
            case exp.Paren() | exp.Neg():
                return self._is_exact(node.this)
            case exp.Literal():
                return not node.is_string and "e" not in node.this.lower()
            case exp.Add() | exp.Sub() | exp.Mul():
                return self._is_exact(node.this) and self._is_exact(node.expression)
        kind = self._kind(node) or ""
        return kind in _INTEGERS or kind.startswith("DECIMAL")


def _is_text(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _float32(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), "FLOAT")


def _made(template: str, **nodes: exp.Expr) -> exp.Expr:
    """An expression of Spark's with nodes in the place of names."""
    made = exp.paren(sqlglot.parse_one(template, read="spark"))
    for column in list(made.find_all(exp.Column)):
        if column.name in nodes:
            column.replace(nodes[column.name].copy())
    return made


def _like(node: exp.Like) -> exp.Expr:
    """In DuckDB nothing escapes where no ESCAPE stands, in Spark a backslash does."""
    if not _is_text(node.expression):
        raise Untranslatable("a LIKE whose pattern is not written out cannot be asked of Spark")
    pattern = node.expression.this
    unused = next(letter for letter in map(chr, range(33, 0x10000)) if letter not in f"{pattern}%_'\"\\")
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(unused))


def _division(node: exp.Div) -> exp.Expr:
    """By zero it is infinite or NaN in DuckDB, as floats have it; Spark would raise. Decimals are divided as floats."""
    template = f"CASE WHEN b = 0 THEN CAST(a AS DOUBLE) * {_INFINITY} ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END"
    return _made(template, a=node.this, b=node.expression)


def _of_integers(node: exp.Expr) -> exp.Expr:
    """By zero it is null in DuckDB. Of others than integers it is something else there: bits have only integers."""
    sign = "DIV" if isinstance(node, exp.IntDiv) else "%"
    return _made(f"(a | 0) {sign} NULLIF(b | 0, 0)", a=node.this, b=node.expression)


def _deviation(node: exp.Expr) -> exp.Expr:
    """DuckDB raises where it is no finite number."""
    told = "CAST(RAISE_ERROR('the standard deviation is no finite number') AS DOUBLE)"
    template = f"CASE WHEN s = CAST('nan' AS DOUBLE) OR s = {_INFINITY} THEN {told} ELSE s END"
    return _made(template, s=exp.StddevSamp(this=node.this.copy()))
