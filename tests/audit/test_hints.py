"""What a report advises, and that it never holds a value of a personal column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.reports.made_up import check

from tidegate.audit import discreet, hints_of
from tidegate.config import ValidationConfig, load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.receipt import Report
from tidegate.registry import Contract
from tidegate.reports import FORMS, rendered
from tidegate.reports.github import summary

CONTRACT = """
cars: int = pa.Field(nullable=True)
price: float
day: pa.engines.pandas_engine.Date
port: str = pa.Field(isin=["north", "south"])
"""


def hint(contract: Contract, rule: str, *values: str | None, more: int = 0) -> str | None:
    samples = {rule: list(enumerate(values, 1))}
    return hints_of(samples, {rule: len(values) + more}, contract, None).get(rule)


def test_a_hint_counts_and_says_how_to_write_it(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract(CONTRACT)
    assert (
        hint(contract, "cars.dtype", "1,200", "3,400")
        == "2 values have a separator of thousands: write 1200, not 1,200."
    )
    assert hint(contract, "price.dtype", "1,5") == "1 value has a decimal comma: write a point: 1200.5."
    assert hint(contract, "cars.dtype", "n/a", "n/a") == (
        "2 values say that there is no value: leave the cell empty, or declare cleaning_config: {null_values: ['n/a']}."
    )
    assert hint(contract, "day.dtype", "31.01.2026") == (
        "1 value looks like day-first dates: write 2026-01-31, not 31.01.2026."
    )
    assert hint(contract, "day.dtype", "03/04/2026") == "1 value may be day-first or month-first: write 2026-01-31."
    assert hint(contract, "port.isin", "North", "soth") == (
        "'North': did you mean 'north'? 'soth': did you mean 'south'?"
    )
    assert hint(contract, "port.isin", " north ") == (
        "1 value has white space around it: leave it out, or declare cleaning_config: {trim_strings: true}."
    )
    assert hint(contract, "cars.dtype", '"7"', '"1,200"') == (
        "1 value is right, but in quotes: leave them out. 1 value has a separator of thousands: write 1200, not 1,200."
    )
    assert hint(contract, "cars.dtype", "1,200", more=7) == (
        "Of the first 1: 1 value has a separator of thousands: write 1200, not 1,200."
    )


def test_where_no_slip_is_known_it_says_what_is_asked_for(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract(
        'cars: int = pa.Field(ge=0, description="Cars on board")\nday: pa.engines.pandas_engine.Date\n'
        'born: pa.engines.pandas_engine.Date = pa.Field(metadata={"personal": True}, description="When.")\n'
    )
    assert hint(contract, "cars.dtype", "many") == "Write a whole number, such as 1200. cars means: Cars on board."
    assert hint(contract, "cars.dtype", "many", "1,200", more=3) == (
        "Of the first 2: 1 value has a separator of thousands: write 1200, not 1,200."
        " Write a whole number, such as 1200. cars means: Cars on board."
    )
    assert (
        hint(contract, "cars.dtype", "12 cars")
        == "1 value has a unit or a sign beside the number: write the number alone."
    )
    assert hint(contract, "cars.greater_than_or_equal_to", "-1") == "Correct the value. cars means: Cars on board."
    assert hint(contract, "cars.not_nullable", None) == "Write the value. cars means: Cars on board."
    assert hint(contract, "day.dtype", "soon") == "Write a date, such as 2026-01-31."
    assert hint(contract, "born.dtype", None) == "Write a date, such as 2026-01-31. born means: When."
    assert hint(contract, "day.other", "x") is None
    assert hint(contract, "dataframe.other", "x") is None


def test_what_is_wrong_with_whole_records(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract(CONTRACT)
    assert hints_of({}, {}, contract, "not-utf-8: 1, the first at ...") == {
        "dataframe.well_formed": "Save the file as UTF-8, which spreadsheets call CSV UTF-8."
    }
    assert hints_of({"port.unique": [(2, "north")]}, {"port.unique": 1}, contract, None) == {
        "port.unique": "Send each record once."
    }
    settled = hints_of({"port.unique": [(2, "north")]}, {"port.unique": 1}, contract, None, ["port.unique"])
    assert settled["port.unique"].startswith("Of records with the same key the first goes in")


def test_a_hint_with_likely_personal_data_is_not_given() -> None:
    told = check("a.isin", ["x"], hint="'ada@example.org': did you mean 'ada@example.com'?")
    (discreet_check,) = discreet(ValidationConfig(), [told])
    assert discreet_check.hint is None
    (unlooked,) = discreet(ValidationConfig(personal_data="ignore"), [told])
    assert unlooked.hint == told.hint


REGISTRY = '''
import pandera.pandas as pa


class People(pa.DataFrameModel):
    """A person."""

    id: int = pa.Field(metadata={"key": True})
    name: str = pa.Field(isin=["Ada Quill", "Bo Marsh"], metadata={"personal": True})
    born: pa.engines.pandas_engine.Date = pa.Field(metadata={"personal": True})
    pay: int = pa.Field(metadata={"personal": True})
'''
SECRETS = [
    "Ada quill",
    "bo  marsh",
    "Ada Kuill",
    " Ada Quill",
    "31.01.1987",
    "03/04/1987",
    "1987/01/31",
    "98,765",
    "54 321",
]


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on a submission all of whose slips are in personal columns."""
    folder = tmp_path_factory.mktemp("personal")
    (folder / "contracts" / "people").mkdir(parents=True)
    (folder / "contracts" / "people" / "v1_0.py").write_text(REGISTRY, encoding="utf-8")
    names, days, pays = SECRETS[:4], [*SECRETS[4:7], SECRETS[4]], [*SECRETS[7:], SECRETS[7], SECRETS[8]]
    rows = [f'{n},"{name}",{day},"{pay}"' for n, (name, day, pay) in enumerate(zip(names, days, pays, strict=True), 1)]
    rows += [f'{len(rows) + 1 + n},"{name}",1987-01-31,100' for n, name in enumerate(names)]
    (folder / "x.csv").write_text("\n".join(["id,name,born,pay", *rows, ""]), encoding="utf-8")
    config = load_config({"data_path": folder / "x.csv", "schema_config": "people", "registry": folder})
    return validate_contributed_data(config)


@pytest.mark.parametrize("form", [*FORMS, "summary"])
def test_no_form_holds_a_value_of_a_personal_column(personal: Report, form: str) -> None:
    failed = {check.id for check in personal.checks if check.status == "failed"}
    assert failed == {"name.isin", "born.dtype", "pay.dtype"}
    text = summary(personal) if form == "summary" else rendered(personal, form)
    assert "name.isin" in text.replace("&#46;", ".")
    assert [secret for secret in SECRETS if secret.strip() in text and secret.strip() != "Ada Quill"] == []


def test_the_examples_have_their_records_and_lines(personal: Report) -> None:
    (check,) = [check for check in personal.checks if check.id == "name.isin"]
    assert [(e.record, e.line, e.file, e.value) for e in check.examples] == [(n, n + 1, 0, None) for n in (5, 6, 7, 8)]
    assert json.loads(rendered(personal, "json"))["checks"]
    assert Path(personal.submission.files[0].uri).name == "x.csv"
