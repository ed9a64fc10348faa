"""Two judges, one form: flat rows of rule, column and record, and the rules that could not be judged."""

from __future__ import annotations

import base64
import copy
import itertools
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq
from tests.parity.cases import Case

from tidegate.audit import judge_rules
from tidegate.audit.shape import Shape
from tidegate.columns import NUMBERS, RECORD
from tidegate.engines import DataFile, Engine
from tidegate.registry import Contract, Model, contract_of

Row = tuple[str, str | None, int]
_numbers = itertools.count()


@dataclass(frozen=True)
class Answer:
    """What a judge says: failing rows as (rule, column, record from 0), and rules that it could not judge."""

    rows: frozenset[Row]
    unjudged: frozenset[str]


def ours(engine: Engine, contract: Contract, table: pyarrow.Table, folder: Path) -> Answer:
    """Tidegate's answer."""
    work = folder / f"case-{next(_numbers)}"
    work.mkdir()
    path = work / "rows.parquet"
    pq.write_table(table, path)
    files = (DataFile(path=path, rows=table.num_rows),)
    rows = engine.table("rows", files, record=RECORD)
    known = engine.extremes(files, (c.name for c in contract.columns if c.type.startswith(NUMBERS)))
    outcome = judge_rules(engine, rows, contract, Shape((), (), (), {}), work, None, known)
    found = outcome.failures.to_pyarrow().to_pylist()
    shutil.rmtree(work)
    failing = ((outcome.rules[pair["rule"]], pair[RECORD] - 1) for pair in found)
    return Answer(
        frozenset((rule.id, rule.column, record) for rule, record in failing if rule.id not in outcome.not_evaluated),
        frozenset(outcome.not_evaluated),
    )


def theirs(contract: Contract, frame: pd.DataFrame) -> Answer | None:
    """Pandera's answer, where warnings are told as failures are. None where pandas itself breaks down."""
    schema = copy.deepcopy(contract.schema)
    for check in [*schema.checks, *(check for column in schema.columns.values() for check in column.checks)]:
        check.raise_warning = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        return _flat(contract, error.failure_cases)
    except pyarrow.ArrowInvalid:  # numbers of several columns in one table of failures
        return None
    return Answer(frozenset(), frozenset())


def _flat(contract: Contract, told: pd.DataFrame) -> Answer:
    rows: set[Row] = set()
    unjudged: set[str] = set()
    named = {"not_nullable": "not_nullable", "field_uniqueness": "unique", "multiple_fields_uniqueness": "unique"}
    for case in told.to_dict("records"):
        column = None if case["schema_context"] == "DataFrameSchema" else case["column"]
        number = case["check_number"]
        if pd.isna(number) and case["check"] not in named:
            raise AssertionError(f"the case itself is wrong: {case}")
        rule = _rule(contract, column, None if pd.isna(number) else int(number), named.get(case["check"]))
        if pd.isna(case["index"]):
            unjudged.add(rule)
        else:
            rows.add((rule, column, int(case["index"])))
    return Answer(frozenset(row for row in rows if row[0] not in unjudged), frozenset(unjudged))


def _rule(contract: Contract, column: str | None, number: int | None, named: str | None) -> str:
    of_column = [rule for rule in contract.rules if rule.column == column]
    if number is None:
        return next(rule.id for rule in of_column if rule.check == named and rule.definition is None)
    return [rule for rule in of_column if rule.definition is not None][number].id


def contract_for(case: Case, folder: Path) -> Contract:
    """The case's contract, and a file that declares it, for a worker to load: no text stands for its functions."""
    path = folder / "contracts" / "case" / "v1_0.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    pickled = base64.b64encode(cloudpickle.dumps(case.schema)).decode()
    path.write_text(f"import base64, cloudpickle\nschema = cloudpickle.loads(base64.b64decode({pickled!r}))\n")
    return contract_of(Model(path, case.schema, ""))


def differences(contract: Contract, mine: Answer, other: Answer) -> list[Any]:
    """Where the answers differ, but for `n_failure_cases`: Pandera names as many, Tidegate keeps all of them out."""
    found: list[Any] = []
    if mine.unjudged != other.unjudged:
        found.append(("not evaluated", sorted(mine.unjudged), sorted(other.unjudged)))
    for rule in contract.rules:
        us = {row for row in mine.rows if row[0] == rule.id}
        them = {row for row in other.rows if row[0] == rule.id}
        if rule.most_examples is not None and them <= us and len(them) == min(rule.most_examples, len(us)):
            continue
        if us != them:
            found.append(
                (rule.id, "only ours", sorted(us - them, key=str), "only Pandera's", sorted(them - us, key=str))
            )
    return found
