"""The registry's loaders and the configuration: what is refused is refused in our own words, and nothing else happens.

Contracts are Python: they are run, not read, so there is nothing to fuzz but the names by which they are found.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Hashable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fuzz.fuzzer import fuzz, told

from tidegate.audit.parameters import resolve
from tidegate.columns import Column
from tidegate.config import load_config
from tidegate.errors import BrokenContract, Misuse
from tidegate.registry import find_registry, load_suite
from tidegate.registry.parameters import find_parameters
from tidegate.registry.statistics import Measure

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    Column("id", "string", key=True), Column("n", "int64"), Column("f", "float64"), Column("b", "boolean"),
    Column("t", "timestamp(6)"), Column("odd name", "string"), Column("secret", "float64", personal=True),
)  # fmt: skip


class Pool:
    """Statistics of a pool: every number is 2."""

    rows, version = 2, 1

    def statistic(self, column: str, name: str, item: Any = None) -> Measure:
        return Measure(value=2.0)


def between(low: Any, column: str = "f") -> bytes:
    kind = "expect_column_mean_to_be_between"
    return json.dumps(
        {"name": "s", "expectations": [{"type": kind, "kwargs": {"column": column, "min_value": low}}]}
    ).encode()


SUITES = (
    between(1), between({"$PARAMETER": "pool.f.mean - 3 * pool.f.std"}), between({"$PARAMETER": "pool.rows"}, "n"),
    between(1, "missing"), b"[]", b"{}", b'{"expectations": {}}', b'{"expectations": [1, {}, {"type": "x"}]}',
    json.dumps({"expectations": [{"type": "unexpected_rows_expectation", "severity": "warning", "notes": "x",
        "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch}"}}, {"type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "id", "value_set": ["a", "b"]}, "meta": {"notes": "y"}, "severity": "info"}]},
        indent=1).encode(),
    *(file.read_bytes()[:3000] for file in sorted(ROOT.glob("expectations/*/*.json"))[:3]),
)  # fmt: skip
JSON_TOKENS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"NaN", b"1e999", b"-1", b'"expectations": [',
    b'"kwargs": {',
    b'"type": ', b'"column": ', b'"column_list": ', b'"column_A": ', b'"meta": ', b'"severity": "info", ',
    b'"notes": ',
    b'{"$PARAMETER": "pool.f.mean"}', b'"$PARAMETER": ', b'"expect_column_values_to_be_unique"', b"\n", b"\xff",
    b"\xfe\xff",
    b"\\ud800", b"9" * 5000, b"[" * 200,
)  # fmt: skip


def test_suites(tmp_path: Path) -> None:
    path = tmp_path / "expectations/ferry/v1_0.json"
    path.parent.mkdir(parents=True)

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        try:
            suite = load_suite(path, COLUMNS)
        except BrokenContract as error:
            return told(error)
        content = json.loads(data)
        assert [one.type for one in suite.expectations] == [one["type"] for one in content["expectations"]]
        assert len({one.id for one in suite.expectations}) == len(suite.expectations), "two expectations of one id"
        for pool in (None, Pool()):
            resolved = resolve(suite, pool, 7)  # type: ignore[arg-type]
            assert len(resolved.suite.expectations) + len(resolved.checks) + len(resolved.notes) == len(
                content["expectations"]
            )
            left = json.dumps([one.kwargs for one in resolved.suite.expectations])
            assert not re.search(r'(?<!\\)"\$PARAMETER[^"]*": ', left)
        return len(suite.expectations), len(resolved.checks)

    fuzz("suites", target, SUITES, JSON_TOKENS)


PARAMETERS = (
    b"pool.rows", b"submission.rows * 2", b"pool.f.mean + 3 * pool.f.std", b"sqrt(pool.f.std / pool.rows)",
    b"-1.5e3 - -2",
    b"(1 + 2) * 3", b'pool["odd name"].null_fraction', b'pool.id.shares["a"]', b"pool.n.max", b"pool.t.min",
    b"1 / 0", b"1e308 * 10",
    b"0x1F + 1_000", b"pool.f.q05", b"sqrt(-1)", b"2 if 1 else 3",
)  # fmt: skip
PARAMETER_TOKENS = (
    b"pool", b"submission", b".", b"rows", b"sqrt(", b"(", b")", b"[", b"]", b'"', b"'", b"+", b"-", b"*", b"/",
    b"**", b"//",
    b"%", b"1", b"1e999", b"1j", b"0x", b"lambda: ", b" if ", b" for ", b"f", b"n", b"mean", b"std", b'["odd name"]',
    b".shares[",
    b"True", b"None", b"...", b"b''", b"f'{1}'", b":=", b"*", b"@", b"\\\n", b"\n", b"#", b"\0", b"\xc2\xaa",
    b"__class__", b"()",
)  # fmt: skip


def test_parameters() -> None:
    names = {"pool": _Names(), "submission": SimpleNamespace(rows=7.0), "sqrt": math.sqrt}

    def target(data: bytes) -> Hashable:
        text = data.decode("utf-8", "surrogateescape")
        try:
            (parameter,) = find_parameters({"min_value": {"$PARAMETER": text}}, COLUMNS, "here")
        except BrokenContract as error:
            return told(error)
        found = resolve(_suite_of(text, parameter), Pool(), 7)  # type: ignore[arg-type]
        # What is accepted has only names, numbers and signs, so Python may reckon it as well.
        try:
            value = eval(compile(_Floats().visit(ast.parse(text.strip(), mode="eval")), "", "eval"), {}, names)
        except (ZeroDivisionError, OverflowError, ValueError):
            value = math.nan
        if found.checks:
            assert not math.isfinite(value)
        else:
            assert found.suite.expectations[0].kwargs["min_value"] == value
        return type(parameter.node), bool(found.checks)

    fuzz("parameters", target, PARAMETERS, PARAMETER_TOKENS)


class _Floats(ast.NodeTransformer):
    """The language reckons with floats."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        whole = type(node.value) is int
        return ast.copy_location(ast.Constant(float(node.value)), node) if whole else node  # type: ignore[arg-type]


class _Names:
    """A pool as Python sees it in a parameter: every statistic is 2."""

    rows = 2.0

    def __getattr__(self, name: str) -> Any:
        return _Statistics()

    def __getitem__(self, name: str) -> Any:
        return _Statistics()


class _Statistics:
    def __getattr__(self, name: str) -> Any:
        return _Shares() if name == "shares" else 2.0


class _Shares(float):
    def __new__(cls) -> _Shares:
        return super().__new__(cls, 2.0)

    def __getitem__(self, item: Any) -> float:
        return 2.0


def _suite_of(text: str, parameter: Any) -> Any:
    from tidegate.registry.suite import Expectation, Suite

    one = Expectation("id", "here", "expect_x", {"min_value": {"$PARAMETER": text}}, "critical", "", (parameter,))
    return Suite("s", "1.0", "", Path(), (one,))


CONFIGS = (
    b"schema_config: flights\ndata_path: [a.csv, b.csv]\n", b"schema_config: {contract: flights@1, suite: flights}\n",
    b"schema_config: flights\nmerge_strategy: {name: weighted, weights: {base: 0.7, contributed: 0.3}}\noutput: o\n",
    b"schema_config: flights\nvalidation_config: {on_failure: reject, max_failing_fraction: 0.5}\n",
    b"schema_config: flights\ncleaning_config: {null_values: [NA, ''], missing: {a: drop_row, b: 1.5}}\n",
    b"schema_config: flights\ntracking: false\nresources: {memory_limit: 2GB, max_bytes: 10}\nstate_dir: .t\n",
    b"schema_config: flights\nsource_config: {allowed_networks: [10.0.0.0/8], attempts: 2}\ndata_source: url\n",
    b"- a\n", b"x: &a [1, *a]\n", b"x: !!python/object:os.system {}\n", b"schema_config: 2026-01-31 10:00:00\n",
)  # fmt: skip
YAML_TOKENS = (
    b"\n", b"  ", b": ", b"- ", b"? ", b"[", b"]", b"{", b"}", b", ", b"&a ", b"*a", b"<<: ", b"!!", b"!!int ",
    b"!!binary ",
    b"!!set ", b"!!timestamp ", b"!!python/name:os.system ", b"|\n", b">\n", b"---\n", b"...\n", b"%YAML 1.1\n",
    b"#", b'"', b"'",
    b"null", b"true", b"~", b".inf", b".nan", b"0x1F", b"1:30", b"2024-13-45", b"2024-01-31", b"1e5", b"\xff",
    b"\xfe\xff", b"\t",
    b"schema_config: ", b"data_path: ", b"missing: ", b"shuffle: ", b"weights: ", b"seed: ", b"contract: ",
    b"9" * 5000,
)  # fmt: skip


def test_configurations(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        try:
            config = load_config({}, path)
        except Misuse as error:
            return told(error)
        assert load_config(config.model_dump(exclude_unset=True)) == config
        return frozenset(config.model_fields_set)

    fuzz("configurations", target, CONFIGS, YAML_TOKENS)


NAMES = (b"flights", b"flights@1", b"flights@1.0", b"flights@99", b"../etc", b"a b")
PROJECTS = (
    b'[tool.tidegate]\nregistry = "."\n', b"[tool]\ntidegate = 3\n", b"tool = 3\n", b"[tool.tidegate]\nregistry = 3\n",
    b"[project]\nname = 'x'\n", b"",
)  # fmt: skip
TOML_TOKENS = (
    b"[tool.tidegate]\n", b"[tool]\n", b"registry = ", b'"', b"'", b'"""', b"[", b"]", b"{", b"}", b"=", b"\n", b".",
    b"..", b"/",
    b"\\", b"\\u0000", b"\0", b"\xff", b"3", b"true", b"[[tool]]\n", b"@", b"1", b".0", b"~", b"\xef\xbb\xbf",
    b"nan", b"1979-05-27",
)  # fmt: skip


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's file that names a registry, and after a byte 0x1E the name of a contract in it."""
    (tmp_path / "contracts/flights").mkdir(parents=True)
    (tmp_path / "contracts/flights/v1_0.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)

    def target(data: bytes) -> Hashable:
        project, _, name = data.partition(b"\x1e")
        (tmp_path / "pyproject.toml").write_bytes(project)
        try:
            registry = find_registry(None)
            file = registry.contract_file(name.decode("utf-8", "surrogateescape"))
        except Misuse as error:
            return told(error)
        assert file.parent.parent == registry.root / "contracts"
        return file.name

    fuzz("names", target, [b"%b\x1e%b" % (one, name) for one in PROJECTS for name in NAMES], TOML_TOKENS)
