"""What a contract may say beyond checks, from a file to the verdict, in every format that it concerns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.receipt import Report
from tidegate.registry import Contract

Make = Callable[[str], Contract]


class Gate:
    """A registry with one contract, and files to hold against it."""

    def __init__(self, make: Make, folder: Path) -> None:
        self._make, self.folder = make, folder

    def contract(self, body: str) -> None:
        """The contract from here on."""
        self._make(body)

    def config(self, data: str | pa.Table | list[str], name: str, **more: Any) -> dict[str, Any]:
        """A configuration for a submission of these files."""
        files = data if isinstance(data, list) else [data]
        paths = []
        for number, content in enumerate(files):
            path = self.folder / f"{number}-{name}"
            if isinstance(content, str):
                path.write_text(content)
            else:
                pq.write_table(content, path)
            paths.append(str(path))
        given = {"data_path": paths, "schema_config": "sample", "registry": str(self.folder / "registry")}
        lenient = {"validation_config": {"max_failing_fraction": 1.0}, "cleaning_config": {"deduplicate": False}}
        return given | lenient | more

    def validate(self, data: Any, name: str = "x.csv", **more: Any) -> Report:
        """The verdict."""
        return validate_contributed_data(load_config(self.config(data, name, **more)), str(self.quarantine))

    def accepted(self, data: Any, name: str = "x.csv", pool: str = "pool", **more: Any) -> list[dict[str, Any]]:
        """The rows of a new pool after publishing."""
        given = self.config(data, name, training_data=str(self.folder / pool), tracking=False, **more)
        result = integrate_contributed_data(**given, state_dir=str(self.folder / "state"))
        rows: list[dict[str, Any]] = result.dataset.to_arrow().to_pylist()
        return [{k: v for k, v in row.items() if not k.startswith("_")} for row in rows]

    @property
    def quarantine(self) -> Path:
        """Where the last quarantine went."""
        return self.folder / "quarantine.parquet"

    def quarantined(self) -> list[tuple[int, str]]:
        """Record and rule of every row that was kept out."""
        return [(row["record"], row["rule"]) for row in pq.read_table(self.quarantine).to_pylist()]


@pytest.fixture
def gate(make_contract: Make, tmp_path: Path) -> Gate:
    return Gate(make_contract, tmp_path)


def failed(report: Report) -> dict[str, int | None]:
    return {check.id: check.failing_rows for check in report.checks if check.status == "failed"}


class TestDefaults:
    BODY = "a: int = pa.Field(default=7, ge=0)\nb: Optional[str] = pa.Field(default='x', nullable=True)\nc: str\n"

    def test_a_default_stands_for_a_null_and_is_told(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        report = gate.validate("a,b,c\n1,y,p\n,,q\n")
        assert report.verdict == "accepted"
        assert [(r.column, r.detail, r.cells) for r in report.repairs] == [("a", "value 7", 1), ("b", "value x", 1)]
        assert gate.accepted("a,b,c\n1,y,p\n,,q\n") == [{"a": 1, "b": "y", "c": "p"}, {"a": 7, "b": "x", "c": "q"}]

    def test_an_absent_optional_column_stays_absent(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        assert gate.accepted("a,c\n,p\n") == [{"a": 7, "b": None, "c": "p"}]

    def test_a_default_is_judged_as_a_value_is(self, gate: Gate) -> None:
        gate.contract("a: int = pa.Field(default=-1, ge=0)\nc: str\n")
        assert failed(gate.validate("a,c\n,p\n")) == {"a.greater_than_or_equal_to": 1}

    def test_the_configuration_goes_before_it(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        more = {"cleaning_config": {"missing": {"a": 3}, "deduplicate": False}}
        assert gate.accepted("a,c\n,p\n", **more) == [{"a": 3, "b": None, "c": "p"}]

    def test_a_missing_column_is_added_where_the_contract_says_so(self, gate: Gate) -> None:
        gate.contract("a: int = pa.Field(default=7)\nb: str = pa.Field(nullable=True)\nc: str\n"
                      "class Config:\n    add_missing_columns = True\n")  # fmt: skip
        assert gate.accepted("c\np\n") == [{"a": 7, "b": None, "c": "p"}]
        assert gate.validate("a\n1\n").reasons[0].startswith("c.column_in_dataframe")


class TestPatterns:
    BODY = """
        id: str
        f: int = pa.Field(alias=r'f_\\d+', regex=True, ge=0, nullable=True)
        class Config:
            strict = True
    """

    @pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
    def test_a_pattern_stands_for_every_column_that_it_matches(self, gate: Gate, name: str) -> None:
        gate.contract(self.BODY)
        data: Any = {
            "x.csv": "f_1,id,f_20\n1,p,\n-1,q,2\n",
            "x.jsonl": '{"id": "p", "f_1": 1}\n{"id": "q", "f_1": -1, "f_20": 2}\n',
            "x.parquet": pa.table({"id": ["p", "q"], "f_1": [1, -1], "f_20": [None, 2]}),
        }[name]
        report = gate.validate(data, name)
        assert failed(report) == {"f_1.greater_than_or_equal_to": 1}
        assert gate.quarantined() == [(2, "f_1.greater_than_or_equal_to")]
        assert gate.accepted(data, name) == [{"id": "p", "f_1": 1, "f_20": None}]

    def test_a_later_submission_may_have_other_columns(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        gate.accepted("id,f_1\np,1\n")
        rows = gate.accepted("id,f_2\np,1\n")
        assert sorted(map(str, rows)) == sorted(
            map(str, [{"id": "p", "f_1": 1, "f_2": None}, {"id": "p", "f_1": None, "f_2": 1}])
        )

    def test_without_any_match_the_file_is_turned_down(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        assert gate.validate("id\np\n").reasons == (r"f_\d+.column_in_dataframe: " + f"{gate.folder}/0-x.csv has none",)

    def test_what_matches_no_pattern_is_unknown(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        assert "has 'g_1'" in gate.validate("id,f_1,g_1\np,1,2\n").reasons[0]

    def test_a_file_that_lacks_a_column_of_another_has_nulls_there(self, gate: Gate) -> None:
        gate.contract(self.BODY.replace(", nullable=True", ""))
        report = gate.validate(["id,f_1\np,1\n", "id,f_1,f_2\nq,1,2\n"])
        assert failed(report) == {"f_2.not_nullable": 1}
        assert gate.quarantined() == [(1, "f_2.not_nullable")]


class TestParsers:
    BODY = """
        a: str
        b: int = pa.Field(ge=0)
        c: float = pa.Field(nullable=True)
        @pa.parser("a")
        def lower(cls, cells):
            return cells.str.lower()
        @pa.dataframe_parser
        def positive(cls, rows):
            return rows.assign(b=rows["b"].abs())
    """

    def test_what_a_parser_makes_is_judged_and_published(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        data = "a,b,c\nX,-1,\ny,2,0.5\n"
        report = gate.validate(data)
        assert (report.verdict, failed(report)) == ("accepted", {})
        assert [(r.kind, r.column, r.cells) for r in report.repairs] == [("parser", "a", 1), ("parser", "b", 1)]
        assert gate.accepted(data) == [{"a": "x", "b": 1, "c": None}, {"a": "y", "b": 2, "c": 0.5}]

    def test_a_record_that_pandas_cannot_hold_stays_and_fails(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        report = gate.validate("a,b,c\nX,,\nY,1,\n")
        assert failed(report) == {"b.not_nullable": 1}
        assert report.rows.accepted == 1

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("raise KeyError('x')", "it raised KeyError"),
            ("return cells - cells.mean()", "it looks at more than one row at a time"),
            ("return cells.head(1)", "it looks at more than one row at a time"),
            ("if len(cells) == 3: import time; time.sleep(60)\n    return cells", "a timeout after 10 s"),
        ],
    )
    def test_one_that_cannot_be_run_is_no_pass(self, gate: Gate, body: str, reason: str) -> None:
        gate.contract(f"b: float\n@pa.parser('b')\ndef odd(cls, cells):\n    {body}\n")
        report = gate.validate("b\n1.5\n2.5\n4.0\n", resources={"max_seconds": 10})
        assert report.reasons == ("not evaluated, so not passed: b.odd",)
        (check,) = [check for check in report.checks if check.id == "b.odd"]
        assert (check.observed or "").startswith(reason)


class TestWarnings:
    BODY = "a: int = pa.Field(ge=0, raise_warning=True)\nb: int = pa.Field(ge=0)\n"

    def test_a_rule_that_warns_keeps_no_record_out(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        report = gate.validate("a,b\n-1,1\n-2,-2\n")
        assert [(c.id, c.severity, c.failing_rows) for c in report.checks if c.status == "failed"] == [
            ("a.greater_than_or_equal_to", "warning", 2), ("b.greater_than_or_equal_to", "critical", 1)
        ]  # fmt: skip
        assert gate.quarantined() == [(2, "b.greater_than_or_equal_to")]
        assert report.rows.accepted == 1

    def test_warnings_reject_where_that_is_asked_for(self, gate: Gate) -> None:
        gate.contract(self.BODY)
        asked = {"validation_config": {"warnings_reject": True, "max_failing_fraction": 1.0}}
        assert "a.greater_than_or_equal_to" in str(gate.validate("a,b\n-1,1\n", **asked).reasons)

    def test_n_failure_cases_bounds_what_is_shown_and_not_what_is_kept_out(self, gate: Gate) -> None:
        gate.contract("a: int = pa.Field(ge=0, n_failure_cases=2)\nb: str\n")
        report = gate.validate("a,b\n-1,p\n-2,q\n-3,r\n1,s\n")
        (check,) = [check for check in report.checks if check.status == "failed"]
        assert (check.failing_rows, [e.record for e in check.examples]) == (3, [1, 2])
        assert report.rows.accepted == 1


class TestTypes:
    @pytest.mark.parametrize(
        "dtype", ["Annotated[pd.ArrowDtype, pyarrow.duration('us')]", "pa.typing.Series['timedelta64[ns]']"]
    )
    def test_durations_are_spelled_as_iso_or_as_pandas_does(self, gate: Gate, dtype: str) -> None:
        gate.contract(f"a: {dtype} = pa.Field(le=pd.Timedelta(days=1))\n")
        good = ["PT0S", "P1D", "PT1H30M", "PT0.000001S", "-P1DT2H", "0 days 01:30:00", "-1 days +22:30:00.5"]
        bad = ["1:30", "5", "P", "PT", "P1Y", "90 minutes", "1 days 25:61:00", "PT1.0000001S", ""]
        report = gate.validate("a\n" + "".join(f"{cell}\n" for cell in [*good, *bad[:-1], '""', "P1DT1S"]))
        assert failed(report) == {"a.dtype": len(bad), "a.less_than_or_equal_to": 1}
        hour = 3_600_000_000
        assert [row["a"] for row in gate.accepted("a\n" + "\n".join(good) + "\n")] == [
            0, 24 * hour, hour * 3 // 2, 1, -26 * hour, hour * 3 // 2, -hour * 3 // 2 + 500_000
        ]  # fmt: skip

    def test_durations_of_parquet_keep_their_unit(self, gate: Gate) -> None:
        gate.contract("a: Annotated[pd.ArrowDtype, pyarrow.duration('us')]\n")
        for unit, factor in (("s", 1_000_000), ("ms", 1_000), ("us", 1)):
            table = pa.table({"a": pa.array([3, -2], pa.duration(unit))})
            assert [row["a"] for row in gate.accepted(table, "x.parquet", pool=unit)] == [3 * factor, -2 * factor]
        report = gate.validate(pa.table({"a": pa.array([3000, 3001], pa.duration("ns"))}), "x.parquet")
        assert gate.quarantined() == [(2, "a.dtype")]
        assert report.rows.accepted == 1

    def test_a_number_is_no_duration_and_a_duration_no_number(self, gate: Gate) -> None:
        gate.contract("a: Annotated[pd.ArrowDtype, pyarrow.duration('us')]\n")
        assert failed(gate.validate(pa.table({"a": [1, 2]}), "x.parquet")) == {"a.dtype": 2}
        gate.contract("a: int\n")
        durations = pa.table({"a": pa.array([3], pa.duration("s"))})
        assert failed(gate.validate(durations, "x.parquet")) == {"a.dtype": 1}

    def test_a_value_outside_its_categories_is_malformed(self, gate: Gate) -> None:
        gate.contract(
            "a: Annotated[pd.CategoricalDtype, ['lo', 'hi'], True]\nb: Annotated[pd.CategoricalDtype, [1, 2], False]\n"
        )
        report = gate.validate("a,b\nlo,1\nmid,2\nhi,3\n")
        assert failed(report) == {"a.dtype": 1, "b.dtype": 1}
        assert gate.quarantined() == [(2, "a.dtype"), (3, "b.dtype")]

    def test_times_finer_than_a_microsecond_are_not_cut_off(self, gate: Gate) -> None:
        gate.contract("a: pd.DatetimeTZDtype = pa.Field(dtype_kwargs={'unit': 'ns', 'tz': 'UTC'})\n")
        fine, coarse = (pa.table({"a": pa.array([n], pa.timestamp("ns", "UTC"))}) for n in (1_001, 1_000))
        assert gate.validate(coarse, "x.parquet").verdict == "accepted"
        with pytest.raises(Exception, match="finer than a microsecond"):
            gate.validate(fine, "x.parquet")


class TestShape:
    def test_filter_and_false_leave_unknown_columns_out(self, gate: Gate) -> None:
        for strict in ("'filter'", "False"):
            gate.contract(f"a: int\nclass Config:\n    strict = {strict}\n")
            assert gate.accepted("a,z\n1,2\n", pool=strict) == [{"a": 1}]

    def test_the_order_of_columns_matters_where_the_contract_says_so(self, gate: Gate) -> None:
        gate.contract("a: int\nb: int\nclass Config:\n    ordered = True\n")
        assert gate.validate("b,a\n1,2\n").reasons[0].startswith("dataframe.column_ordered")
        assert gate.validate("a,b\n1,2\n").verdict == "accepted"

    def test_a_check_over_rows_does_not_see_a_column_that_is_not_there(self, gate: Gate) -> None:
        gate.contract("a: int\nb: Optional[int]\n@pa.dataframe_check\ndef seen(cls, rows):\n"
                      "    return rows['b'] > 0 if 'b' in rows else rows['a'] > 0\n")  # fmt: skip
        assert gate.validate("a\n1\n").verdict == "accepted"
        assert failed(gate.validate("a,b\n1,0\n")) == {"dataframe.seen": 1}


@pytest.mark.parametrize(
    ("copies", "records"), [("all", [1, 2, 4]), ("exclude_first", [2, 4]), ("exclude_last", [1, 2])]
)
def test_a_schema_says_which_copies_fail(gate: Gate, copies: str, records: list[int]) -> None:
    gate.contract("a: int\n")
    path = gate.folder / "registry" / "contracts" / "sample" / "v1_0.py"
    path.write_text(
        "import pandera.pandas as pa\n"
        f"schema = pa.DataFrameSchema({{'a': pa.Column(int, unique=True, report_duplicates={copies!r}),\n"
        f"    'b': pa.Column(int)}}, unique=['a', 'b'], report_duplicates={copies!r})\n"
    )
    report = gate.validate("a,b\n1,1\n1,1\n2,1\n1,1\n")
    assert gate.quarantined() == [(n, rule) for n in records for rule in ("a.unique", "dataframe.unique")]
    assert report.rows.failed == len(records)


def test_nothing_is_published_of_a_submission_that_a_parser_could_not_mend(gate: Gate) -> None:
    gate.contract("b: int\n@pa.parser('b')\ndef odd(cls, cells):\n    raise KeyError\n")
    with pytest.raises(SubmissionRejected, match="not evaluated"):
        gate.accepted("b\n1\n")
