"""Ibis on Spark, where Spark's own way would give another answer than DuckDB's.

Each override here is a difference that a test holds closed; docs/scaling.md lists those that stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.pyspark import Backend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.backends.sql.datatypes import PySparkType

from tidegate.engines.spark.failures import explained
from tidegate.engines.spark.functions import AS_JSON, AS_TEXT, SEARCH
from tidegate.engines.spark.waiting import interruptible

_WIDER = {dt.UInt8: dt.Int16, dt.UInt16: dt.Int32, dt.UInt32: dt.Int64}


class SparkTypes(PySparkType):
    """Spark has no unsigned integers: the next wider type holds them."""

    @classmethod
    def from_ibis(cls, dtype: dt.DataType) -> sge.DataType:
        """Spark's type for one of Ibis'."""
        if isinstance(dtype, dt.UInt64):
            dtype = dt.Decimal(20, 0, nullable=dtype.nullable)
        elif wider := _WIDER.get(type(dtype)):
            dtype = wider(nullable=dtype.nullable)
        told: sge.DataType = super().from_ibis(dtype)
        return told


class Compiler(PySparkCompiler):
    """Spark SQL that means what DuckDB's means."""

    __slots__ = ()

    type_mapper = SparkTypes
    SIMPLE_OPS: ClassVar[dict[Any, str]] = {}  # inherited ones would be put over the methods below

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: dt.DataType) -> Any:
        """A float as itself: written as a number it would be a decimal to Spark."""
        if dtype.is_floating():
            return self.cast(sge.convert(repr(float(value))), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:
        """RE2's verdict: Java's expressions are another language, whose matching can take for ever."""
        return self.f.anon[SEARCH](arg, pattern)

    def visit_IsInf(self, op: Any, *, arg: Any) -> Any:
        """By value: Ibis 12 holds the two expressions against each other, and says no of every number."""
        return sge.EQ(this=self.f.abs(arg), expression=self.POS_INF) if op.arg.dtype.is_floating() else sge.false()

    def visit_Hash(self, op: Any, *, arg: Any) -> Any:
        """64 bits, as `Engine.recurring` takes them."""
        return self.f.anon.xxhash64(arg)

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:
        """Floats, whatever is divided: Spark would divide decimals as decimals."""
        return self.f.anon.try_divide(self.cast(left, dt.float64), self.cast(right, dt.float64))

    def visit_Cast(self, op: Any, *, arg: Any, to: dt.DataType) -> Any:
        """Nested values as JSON, and floats as text, in DuckDB's spelling."""
        if to.is_json() and not op.arg.dtype.is_string():
            return self.f.anon[AS_JSON](arg)
        if to.is_string() and op.arg.dtype.is_floating():
            return self.f.anon[AS_TEXT](arg)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:
        """With what there is of a second; Ibis has Spark cut it off."""
        micros = self.f.anon.unix_micros(self.cast(arg, dt.Timestamp(timezone="UTC")))
        return self.cast(micros, dt.float64) / self.cast(sge.convert(1_000_000), dt.float64)

    def visit_ExtractMicrosecond(self, op: Any, *, arg: Any) -> Any:
        """Of the second, as DuckDB's modulo has it."""
        return self.f.anon.pmod(
            self.f.anon.unix_micros(self.cast(arg, dt.Timestamp(timezone="UTC"))), sge.convert(1_000_000)
        )

    def visit_ToJSONArray(self, op: Any, *, arg: Any) -> Any:
        """A JSON array's elements, as JSON."""
        return self.f.anon.from_json(arg, sge.convert("array<string>"))

    def visit_UnwrapJSONString(self, op: Any, *, arg: Any) -> Any:
        """`get_json_object`, to which `visit_JSONGetItem` comes down, gives a text without its quotes."""
        return arg

    def visit_Median(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Halfway from the lower to the upper middle, in DuckDB's order of operations."""
        if where is not None:
            arg = self.if_(where, arg, sge.null())
        low, high = (
            sge.WithinGroup(
                this=self.f.anon.percentile_disc(sge.convert(0.5)),
                expression=sge.Order(expressions=[sge.Ordered(this=arg, desc=desc, nulls_first=False)]),
            )
            for desc in (False, True)
        )
        low, high = self.cast(low, dt.float64), self.cast(high, dt.float64)
        return low + (high - low) * self.cast(sge.convert("0.5"), dt.float64)


class SparkBackend(Backend):
    """Ibis' backend with that compiler. Its session is Tidegate's own; results come as Arrow."""

    compiler = Compiler()

    def table_of(self, name: str, schema: ibis.Schema) -> ir.Table:
        """A temporary view as a table, in the types that it was written with: Spark may hold them in wider ones."""
        return ops.DatabaseTable(name, schema=schema, source=self).to_expr()

    def to_pyarrow(
        self, expr: ir.Expr, /, *, params: Mapping[ir.Scalar, Any] | None = None, limit: Any = None, **kwargs: Any
    ) -> Any:
        """The expression's values, in memory."""
        self._run_pre_execute_hooks(expr)
        table = expr.as_table()
        with explained():
            frame = self._session.sql(self.compile(table, params=params, limit=limit))
            arrow = interruptible(self._session, frame.toArrow).cast(table.schema().to_pyarrow())
        return expr.__pyarrow_result__(arrow)


def written_as(schema: ibis.Schema) -> pa.Schema:
    """The Arrow schema in which rows of an expression are written."""
    return pa.schema([(name, kind) for name, kind in zip(schema.names, schema.to_pyarrow().types, strict=True)])


def ddl(schema: ibis.Schema) -> str:
    """The schema in Spark's own words."""
    told = (
        f"{sge.to_identifier(name, quoted=True).sql('spark')} {SparkTypes.from_ibis(kind).sql('spark')}"
        for name, kind in schema.items()
    )
    return ", ".join(told)
