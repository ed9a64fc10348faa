"""The report for a browser: its structure, whatever cells hold, and that it opens without a network."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.reports.made_up import HOSTILE, check, column, distributions, receipt, report

from tidegate.distributions import Distribution, Side
from tidegate.impact import Contribution, Effect, Impact, Interval
from tidegate.measuring import MOST_COLUMNS, MOST_DRAWN
from tidegate.receipt import PersonalData, Repair, Report, Reproduction, RowCounts
from tidegate.reports import html, pictures, to_html
from tidegate.reports.safe import shown

HEADINGS = ["Records", "What did not pass", "Columns", "Contributors", "All checks", "Versions and digests"]
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open, self.headings = "", list[str](), list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open[-1:] == ["h2"]:
            self.headings.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def hostile() -> Report:
    """A report in which all that came from outside wants to be more than text."""
    first = HOSTILE[0]
    told = report(*(check(f"{cell}.isin", [cell], hint=cell) for cell in HOSTILE), uri=first)
    return told.model_copy(
        update={
            "rows": RowCounts(read=10_000, malformed=120, failed=800, duplicate=5, leaked=0, accepted=9_075),
            "distributions": distributions(
                column(first, HOSTILE[:10]),
                column("delay", [f"{n} to {n + 1}" for n in range(16)] + ["null"], "numbers"),
                Distribution(column="mail", type="string", shown="personal", contribution=Side(rows=4, nulls=1),
                             pool=Side(rows=9, nulls=0)),
                contributor=HOSTILE[1],
            ),
            "reproduce": Reproduction(command=f"tidegate validate '{first}'", settings=f"a: {HOSTILE[1]}"),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def text() -> str:
    return to_html(hostile())


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_what_came_from_outside_is_text_and_nothing_runs_or_is_loaded(page: Page, text: str) -> None:
    names = {name for name, _ in page.elements}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "use", "image", "a:href"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "xlink:href")]
        assert (attributes.get("href") or "#").startswith("#")
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "@import" not in text
    assert "url(" not in text
    assert page.open == []
    assert shown(HOSTILE[0]) in page.text
    for bad in ("\x1b", "\u202e", "\u200b", "60481729"):
        assert bad not in text


def test_every_section_is_there_and_can_be_read_without_eyes_or_mouse(page: Page) -> None:
    assert page.headings == HEADINGS
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {(a["href"] or "")[1:] for a in page.all("a")}
    assert {each.get("aria-labelledby") for each in page.all("section")} <= links <= set(ids)
    assert page.elements[[name for name, _ in page.elements].index("body") + 1] == (
        "a", {"class": "skip", "href": "#main"}
    )  # fmt: skip
    assert page.all("html") == [{"lang": "en"}]
    assert {th.get("scope") for th in page.all("th")} == {"col", "row"}
    pictured = [div for div in page.all("div") if div.get("class") == "picture"]
    assert len(pictured) == len(page.all("svg")) == 4
    for div in pictured:
        assert div["role"] == "img"
        assert div["aria-label"]
    for div in page.all("div"):
        if (div.get("class") or "").startswith("scroll") and "role" in div:
            assert (div["role"], div["tabindex"]) == ("region", "0")
            assert div["aria-label"]
    # Of each picture the numbers are there as well.
    for told in ("9,075 accepted", "Of 10000 records: 9075 accepted, 120 malformed, 800 failed, 5 duplicate, 0 leaked"):
        assert told in page.text + str(pictured[0]["aria-label"])
    assert "7 others" in page.text


def test_what_it_did_for_a_model_is_told_of_this_contribution_and_of_all_and_of_no_other() -> None:
    def effects(difference: float, score: str = "roc_auc") -> tuple[Effect, ...]:
        before, after = (Interval(value=value, low=value - 0.1, high=value + 0.1) for value in (0.8, 0.8 + difference))
        told = Interval(value=difference, low=difference - 0.001, high=difference + 0.001)
        return (Effect(score=score, better="higher", before=before, after=after, difference=told),)

    made_up = report(verdict="accepted")
    ours, others = (
        Contribution(submission=submission, contributor="rival", rows=4, effects=effects(difference))
        for submission, difference in ((made_up.submission.id, 0.0125), ("b" * 64, -0.0625))
    )
    impact = Impact(
        version_before=3, version_after=5, records=900, resamples=400, confidence=0.95, seed=0,
        effects=effects(0.0005, HOSTILE[0]), contributions=(ours, others),
    )  # fmt: skip
    page = Page(to_html(made_up, receipt(made_up.submission.id), impact))
    assert page.open == []
    assert "Impact" in page.headings
    for told in (
        "+0.0125",
        "+0.0115 to +0.0135",
        "better",
        "+0.0005",
        "within chance",
        "900 records",
        shown(HOSTILE[0]),
    ):
        assert told in page.text
    for kept in ("-0.0625", "rival"):
        assert kept not in page.text


def test_pictures_take_their_colours_from_the_page_and_little_room(page: Page, text: str) -> None:
    inside = text[text.index("<main") :]
    assert "var(--contribution)" in inside
    colours = [attributes.get(name) for _, attributes in page.elements for name in ("fill", "stroke")]
    fixed = {colour for colour in colours if colour and not colour.startswith(("var(", "currentColor", "none"))}
    assert fixed <= {"transparent"}
    for svg in inside.split("<svg")[1:]:
        assert len(svg.partition("</svg>")[0]) < 20_000


def test_a_picture_with_anything_but_shapes_and_text_is_left_out() -> None:
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink">'
    assert pictures._inert(f"{head}<text>a &lt; b</text></svg>") == f"{head}<text>a &lt; b</text></svg>"
    for bad in (
        "<script>1</script>", '<a x:href="http://evil"/>', '<path onload="1"/>', '<rect fill="url(http://evil)"/>',
        "<style>*{}</style>", '<image href="http://evil"/>', "<text>", "<foreignObject/>",
    ):  # fmt: skip
        assert pictures._inert(f"{head}{bad}</svg>") == "", bad


def test_without_what_draws_the_tables_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    plain = Page(to_html(hostile()))
    assert plain.headings == HEADINGS
    assert plain.all("svg") == []
    assert "There are no pictures" in plain.text
    assert "pip install 'tidegate[report]'" in plain.text
    assert all("open" in details for details in plain.all("details")[:2])


def test_thousands_of_columns_and_checks_stay_a_page_that_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    names = [f"{n}{'ä' * 200}" for n in range(MOST_COLUMNS)]
    bars = [column(name, [f"{n}{'<' * 200}" for n in range(18)]) for name in names[:MOST_DRAWN]]
    told = distributions(*bars, *(column(name, []) for name in names[MOST_DRAWN:]))
    checks = [check(f"{name}.isin", ["<" * 1_000] * 5, expected="<" * 1_000, hint="<" * 1_000) for name in names * 3]
    wide = report(*checks).model_copy(update={"distributions": told.model_copy(update={"more_columns": 8_000})})
    text = to_html(wide)
    assert len(text.encode()) + MOST_DRAWN * 20_000 < 5_000_000
    for more in ("5,800 more", "4,000 more", "8,000 more columns"):
        assert more in text.replace("5800", "5,800").replace("4000", "4,000"), more


def test_shares_are_never_rounded_to_none_or_all() -> None:
    spelled = [html.percent(part, 10**6) for part in (0, 1, 5_000, 999_999, 10**6)]
    assert spelled == ["0.00 %", "< 0.01 %", "0.50 %", "> 99.99 %", "100.00 %"]
    assert html.percent(0, 0) == "–"


def test_the_page_opens_from_disk_without_a_network_and_without_an_error(
    tmp_path: Path, text: str, require_program: Callable[..., Path]
) -> None:
    chromium = require_program("chromium", package="chromium")
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            str(chromium), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    seen = Page(done.stdout)
    assert seen.headings == HEADINGS
    assert len(seen.all("svg")) == 4
    assert "<title>Tidegate: rejected, sample@1.0</title>" in done.stdout


def test_a_page_is_bounded_also_in_what_was_repaired_and_found() -> None:
    names = [f"c{n}{'<' * 70}" for n in range(2_000)]
    kinds = ("email", "phone", "ip", "iban")
    found = [PersonalData(column=name, kind=kind, records=3, done="reported") for name in names for kind in kinds]
    repairs = [Repair(column=name, kind="trim_strings", detail="<" * 80, cells=3) for name in names]
    page = to_html(report().model_copy(update={"personal_data": tuple(found), "repairs": tuple(repairs)}))
    assert len(page) < 1_000_000
    assert "… and 7,500 more" in page
    assert "… and 1,500 more" in page
