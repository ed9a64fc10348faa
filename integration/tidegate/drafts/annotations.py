"""The types of a draft's columns as Pandera's models spell them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tidegate.drafts.draft import DraftColumn
from tidegate.drafts.literals import literal
from tidegate.readers.nested import arrow_type


def annotation(column: DraftColumn, constant: str | None) -> tuple[str, dict[str, Any]]:
    """The type as the class has it, and the arguments of the field that belong to it.

    Args:
        constant: what the column's Arrow type is called, where it stands above the class.
    """
    if column.duration:
        return 'Annotated[pd.ArrowDtype, pyarrow.duration("us")]', {}
    if column.category:
        categories = list(column.categories) if column.categories is not None else None
        return "pd.CategoricalDtype", {"dtype_kwargs": {"categories": categories, "ordered": False}}
    kind = arrow_type(column.type)
    types = pa.types
    if types.is_decimal(kind):
        return "pa.engines.pandas_engine.Decimal", {"dtype_kwargs": {"precision": kind.precision, "scale": kind.scale}}
    if types.is_date(kind):
        return "pa.engines.pandas_engine.Date", {}
    if types.is_timestamp(kind) and kind.tz:
        return 'Annotated[pd.DatetimeTZDtype, "us", "UTC"]', {}
    if types.is_list(kind) or types.is_struct(kind) or types.is_timestamp(kind):
        return f"Annotated[pd.ArrowDtype, {constant or arrow_expression(kind)}]", {}
    if types.is_boolean(kind):
        return ("pd.BooleanDtype" if column.nullable else "bool"), {}
    if types.is_integer(kind):
        signed = types.is_signed_integer(kind)
        plain = signed and kind.bit_width == 64 and not column.nullable
        return ("int" if plain else f"pd.{'Int' if signed else 'UInt'}{kind.bit_width}Dtype"), {}
    if types.is_floating(kind):
        return ("float" if kind.bit_width == 64 else "pd.Float32Dtype"), {}
    return "str", {}


def arrow_expression(kind: pa.DataType, indent: str = "") -> str:
    """The expression that makes an Arrow type; a struct takes a line for each field."""
    types, deeper = pa.types, indent + " " * 4
    if types.is_list(kind):
        inner = arrow_expression(kind.value_type, deeper)
        return f"pyarrow.list_(\n{deeper}{inner}\n{indent})" if "\n" in inner else f"pyarrow.list_({inner})"
    if types.is_struct(kind):
        deepest = deeper + " " * 4
        fields = (f"({literal(field.name)}, {arrow_expression(field.type, deepest)}),\n" for field in kind)
        lines = "".join(f"{deepest}{field}" for field in fields)
        return f"pyarrow.struct(\n{deeper}[\n{lines}{deeper}]\n{indent})"
    if types.is_timestamp(kind):
        return 'pyarrow.timestamp("us", "UTC")' if kind.tz else 'pyarrow.timestamp("us")'
    if types.is_decimal(kind):
        return f"pyarrow.decimal128({kind.precision}, {kind.scale})"
    names = {"bool": "bool_", "float": "float32", "double": "float64", "date32[day]": "date32"}
    return f"pyarrow.{names.get(str(kind), str(kind))}()"
