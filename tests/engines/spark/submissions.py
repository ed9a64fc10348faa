"""Whole submissions, each made up from a number: a contract, its files, what is there already, a configuration."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.engines.spark.kinds import KINDS, Kind

NAMES = [
    "a", "b", "größe", "with space", 'quo"te', "it's", "select", "C", "x.y", "back`tick", "日本", "a{1}", "Order",
    "n/m", "value", "c0", "record", "rule", "text", "%s", "k0", "place",
]  # fmt: skip
HEAD = '''\
from typing import Annotated, Optional

import pandas as pd
import pandera.pandas as pa
import pyarrow


class Made(pa.DataFrameModel):
    """Made up."""

'''
Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a contract."""

    name: str
    kind: Kind
    optional: bool
    nullable: bool
    marks: dict[str, Any]
    options: tuple[str, ...]
    pattern: bool = False


@dataclass
class Submission:
    """A made-up submission.

    Attributes:
        contract: the contract's source.
        files: the files' contents by name, in the order in which they are given.
        pool: files that are published before, one after the other.
        holdout: the file of what is held out; None where nothing is.
        given: the parameters of `integrate_contributed_data` that name no place.
    """

    seed: int
    contract: str
    files: dict[str, bytes]
    pool: dict[str, bytes] = field(default_factory=dict)
    holdout: tuple[str, bytes] | None = None
    given: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Put registry and files into a folder."""
        place = folder / "registry" / "contracts" / "made" / "v1_0.py"
        place.parent.mkdir(parents=True)
        place.write_text(self.contract, encoding="utf-8")
        for name, content in {**self.files, **self.pool, **dict([self.holdout] if self.holdout else [])}.items():
            (folder / name).write_bytes(content)

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} ({len(content)} bytes)" for name, content in self.files.items())
        pool = ", ".join(self.pool) or "none"
        held = self.holdout[0] if self.holdout else "none"
        return (
            f"SPARK_SEED={self.seed} SPARK_CASES=1\n{self.contract}\nfiles: {sizes}\npool: {pool}\nholdout: {held}\n"
            f"given: {self.given}\n"
        )


def submission(seed: int) -> Submission:
    """The submission of a number."""
    return _Maker(random.Random(seed)).made(seed)


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def made(self, seed: int) -> Submission:
        columns = self.columns()
        contract, strict = self.contract(columns)
        population = [self.row(columns) for _ in range(self.chance.randint(3, 25))]
        files = {}
        for number in range(self.chance.choice([1, 2, 3])):
            name, content = self.file(f"in-{number}", columns, self.drawn(columns, population, 40), strict, faults=True)
            files[name] = content
        strategy = self.chance.choice(["append", "append", "append", "interleave", "weighted"])
        before = self.chance.choice([0, 1, 1, 2] if strategy == "append" else [1, 1, 2])
        pool = dict(
            self.file(f"pool-{number}", columns, self.drawn(columns, population, 15), strict)
            for number in range(before)
        )
        holdout = None
        if self.maybe(0.4):
            holdout = self.file("held", columns, self.drawn(columns, population, 8), strict)
        return Submission(seed, contract, files, pool, holdout, self.given(columns, strategy))

    def columns(self) -> list[Column]:
        kinds = self.chance.sample(sorted(KINDS), self.chance.randint(6, 12))
        names = self.chance.sample(NAMES, len(kinds))
        if len({name.lower() for name in names}) < len(names):  # two may not differ by case only
            names = [f"n{number}" for number in range(len(kinds))]
        columns = [self.column(name, KINDS[kind]) for name, kind in zip(names, kinds, strict=True)]
        if not any("key" in column.marks for column in columns) and self.maybe(0.8):
            first = columns[0]
            first.marks["key"] = True
        if self.maybe(0.15):
            columns.append(Column(r"feature_\d+", KINDS["float64"], False, True, {}, (), pattern=True))
        return columns

    def column(self, name: str, kind: Kind) -> Column:
        marks: dict[str, Any] = {}
        if self.maybe(0.2):
            marks["key"] = True
        if self.maybe(0.1):
            marks["personal"] = True
        options = [rule for rule in kind.rules if self.maybe(0.05)]
        if self.maybe(0.04) and kind.compared:
            options.append("unique=True")
        if self.maybe(0.1) and kind.compared:
            options.append("raise_warning=True")
        return Column(name, kind, self.maybe(0.25), self.maybe(0.5), marks, tuple(options))

    def contract(self, columns: Sequence[Column]) -> tuple[str, Any]:
        """The contract's source, and what it says of unknown columns."""
        plain = [column for column in columns if not column.pattern]
        strict = self.chance.choice([True, False, "filter"])
        lines = [f"f{number}: {_declared(column)}" for number, column in enumerate(columns)]
        lines += [*self.functions(plain), *self.settings(plain, strict)]
        return HEAD + "".join(f"    {line}\n" if line else "\n" for line in lines), strict

    def functions(self, columns: Sequence[Column]) -> Iterator[str]:
        """Checks and parsers of its own."""
        if self.maybe(0.5):
            longest = self.chance.choice([3, 6, 25, 40])
            yield from (
                "",
                f"@pa.check({self.chance.choice(columns).name!r})",
                "def short(cls, cells):",
                '    """Short."""',
            )
            yield f"    return cells.map(lambda cell: len(str(cell)) < {longest}).astype(bool)"
        if self.maybe(0.3):
            some = [column.name for column in self.chance.sample(columns, 2)]
            yield from ("", "@pa.dataframe_check", "def one_of_them(cls, frame):", '    """One of them."""')
            yield f"    there = [frame[name].notna() for name in {some!r} if name in frame]"
            yield "    return there[0] | there[-1] if there else pd.Series(True, index=frame.index)"
        texts = [column.name for column in columns if column.kind in (KINDS["str"], KINDS["string"])]
        if texts and self.maybe(0.4):
            yield from ("", f"@pa.parser({texts[0]!r})", "def upper(cls, cells):", "    return cells.str.upper()")

    def settings(self, columns: Sequence[Column], strict: Any) -> Iterator[str]:
        """The model's `Config`."""
        yield from ("", "class Config:", f"    strict = {strict!r}")
        compared = [column.name for column in columns if column.kind.compared]
        if len(compared) > 1 and self.maybe(0.15):
            yield f"    unique = {self.chance.sample(compared, 2)!r}"
        if self.maybe(0.1):
            yield "    add_missing_columns = True"

    def row(self, columns: Sequence[Column]) -> Row:
        row: Row = {}
        for column in columns:
            names = ["feature_1", "feature_22"] if column.pattern else [column.name]
            for name in names:
                null = self.maybe(0.3 if column.nullable else 0.005)
                row[name] = None if null else self.value(column.kind)
        return row

    def value(self, kind: Kind) -> Any:
        if pa.types.is_integer(kind.arrow) and self.maybe(0.5):
            return self.chance.randint(0, 99)  # else there are too few to tell rows apart
        return self.chance.choice(kind.values)

    def drawn(self, columns: Sequence[Column], population: Sequence[Row], most: int) -> list[Row]:
        rows = []
        for _ in range(self.chance.randint(1, most)):
            row = dict(self.chance.choice(population))
            if self.maybe(0.5):
                fresh = self.row(columns)
                name = self.chance.choice(sorted(row))
                row[name] = fresh[name]
            rows.append(row)
        return rows

    def file(
        self, stem: str, columns: Sequence[Column], rows: list[Row], strict: Any, faults: bool = False
    ) -> tuple[str, bytes]:
        kinds = {name: column.kind for column in columns for name in _names(column)}
        optional = [name for column in columns if column.optional for name in _names(column)]
        names = list(kinds)
        names = [name for name in names if name not in optional or self.maybe(0.7)]
        if faults and self.maybe(0.03) and len(names) > 2:
            names.remove(self.chance.choice(names))
        if self.maybe(0.2):
            self.chance.shuffle(names)
        unknown = ["unknown"] if self.maybe(0.3) and (strict is not True or (faults and self.maybe(0.05))) else []
        share = self.chance.choice([0.0, 0.1, 0.2]) if faults else 0.0
        ending = self.chance.choice(["csv", "csv", "jsonl", "jsonl", "json", "parquet", "parquet"])
        made = {"csv": self.csv, "jsonl": self.jsonl, "json": self.json, "parquet": self.parquet}[ending]
        content = made(rows, names, unknown, kinds, share)
        if ending != "parquet" and self.maybe(0.15):
            return f"{stem}.{ending}.gz", gzip.compress(content, mtime=0)
        return f"{stem}.{ending}", content

    def csv(self, rows: list[Row], names: list[str], unknown: list[str], kinds: dict[str, Kind], share: float) -> bytes:
        comma = self.chance.choice([",", ",", ",", ";", "\t"])
        newline = self.chance.choice(["\n", "\r\n"])

        def cell(text: str | None) -> str:
            if text is None:
                return ""
            special = any(letter in text for letter in (comma, '"', "\n", "\r")) or not text or text != text.strip()
            return '"' + text.replace('"', '""') + '"' if special or self.maybe(0.1) else text

        lines = [comma.join(cell(name) for name in (*names, *unknown)).encode()]
        for row in rows:
            cells = [None if row[name] is None else kinds[name].text(row[name]) for name in names]
            cells += ["?"] * len(unknown)
            for number, name in enumerate(names):
                if self.maybe(share / 4):
                    cells[number] = self.wrong(kinds[name])
            told = [cell(text) for text in cells]
            if self.maybe(share):
                told = self.chance.choice([told[:-1], [*told, "more"], [*told[:-1], 'half"quoted'], told])
            line = comma.join(told).encode()
            if self.maybe(share / 2):
                line = self.chance.choice([line + b"\xff", line[:1] + b"\x00" + line[1:], b"", b'"' + line])
            lines.append(line)
        content = newline.encode().join(lines)
        return content if self.maybe(0.1) else content + newline.encode()

    def objects(
        self, rows: list[Row], names: list[str], unknown: list[str], kinds: dict[str, Kind], share: float
    ) -> list[bytes]:
        lines = []
        for row in rows:
            told = {}
            for name in names:
                if row[name] is None:
                    told[name] = None if self.maybe(0.3) else "null"
                else:
                    told[name] = kinds[name].json(row[name])
                if self.maybe(share / 4):
                    told[name] = self.chance.choice(['"x"', "true", "1.5", "{}", "[]", "-1", "1e400"])
            members = [f"{_json(name)}: {value}" for name, value in told.items() if value is not None]
            members += [f"{_json(name)}: 1" for name in unknown if self.maybe(0.5)]
            if self.maybe(share / 2):
                members.append(self.chance.choice(['"odd": [1]', f"{_json(names[0])}: 1"]))
            line = ("{" + ", ".join(members) + "}").encode()
            if self.maybe(share):
                line = self.chance.choice([line[:-1], b"[1]", b"7", line + b"x", b"\xff" + line, b'{"\\u0000": 1}'])
            lines.append(line)
        return lines

    def jsonl(self, *told: Any) -> bytes:
        return b"\n".join(self.objects(*told)) + b"\n"

    def json(self, rows: list[Row], names: list[str], unknown: list[str], kinds: dict[str, Kind], _: float) -> bytes:
        return b"[" + b",\n ".join(self.objects(rows, names, unknown, kinds, 0.0)) + b"]"

    def parquet(
        self, rows: list[Row], names: list[str], unknown: list[str], kinds: dict[str, Kind], share: float
    ) -> bytes:
        arrays = {}
        for name in names:
            kind, cells = kinds[name], [row[name] for row in rows]
            arrays[name] = pa.array(cells, kind.arrow)
            if kind.others and self.maybe(0.4):
                try:
                    arrays[name] = arrays[name].cast(self.chance.choice(kind.others))
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                    continue
            elif share and self.maybe(share / 2):
                arrays[name] = pa.array([None if cell is None else kind.text(cell) for cell in cells], pa.string())
        arrays |= {name: pa.array(range(len(rows)), pa.int64()) for name in unknown}
        sink = io.BytesIO()
        pq.write_table(pa.table(arrays), sink, row_group_size=self.chance.choice([3, 1000]))
        return sink.getvalue()

    def wrong(self, kind: Kind) -> str:
        return self.chance.choice([*kind.wrong, "x" * 200]) if kind.wrong else "ann@example.org"

    def given(self, columns: Sequence[Column], strategy: str) -> dict[str, Any]:
        return {
            "cleaning_config": self.cleaning([column for column in columns if not column.pattern], strategy),
            "validation_config": self.validation(),
            "merge_strategy": self.strategy(strategy),
            "contributor": self.chance.choice([None, "Ann", "Jörg's"]),
        }

    def cleaning(self, columns: Sequence[Column], strategy: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "null_values": self.chance.choice([[], [], ["NA", "n/a"], ["1", "a", "NULL"]]),
            "trim_strings": self.maybe(0.3),
            "missing": {},
            "deduplicate": self.chance.choice([True, True, True, False, [self.chance.choice(columns).name]]),
        }
        for column in columns:
            if self.maybe(0.25):
                told["missing"][column.name] = self.chance.choice(["drop_row", *column.kind.fills])
        if strategy != "append" and self.maybe(0.5):
            told["shuffle"] = self.chance.randint(0, 99)
        return told

    def validation(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "max_failing_fraction": self.chance.choice([1.0, 1.0, 1.0, 1.0, 0.2]),
            "on_failure": "reject" if self.maybe(0.05) else "quarantine",
            "personal_data": self.chance.choice(["report", "report", "warn", "hash", "hash", "ignore", "reject"]),
        }
        if told["personal_data"] == "hash":
            told["personal_salt_env"] = "MADE_UP_SALT"
        return told

    def strategy(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = {"name": name}
        if name == "weighted":
            base = self.chance.choice([0.5, 0.7, 0.2])
            told["weights"] = {"base": base, "contributed": round(1 - base, 1)}
            told["sampling"] = self.chance.choice(["without_replacement", "oversample", "sample_weight"])
            told["seed"] = self.chance.randint(0, 9)
        return told


def _declared(column: Column) -> str:
    options = [f"alias={column.name!r}", *column.options]
    options += ["nullable=True"] * column.nullable + ["regex=True"] * column.pattern
    options += [f"metadata={column.marks!r}"] if column.marks else []
    kind = f"Optional[{column.kind.declared}]" if column.optional else column.kind.declared
    return f"{kind} = pa.Field({', '.join(options)})"


def _names(column: Column) -> list[str]:
    return ["feature_1", "feature_22"] if column.pattern else [column.name]


def _json(text: str) -> str:
    return KINDS["str"].json(text)
