"""The pictures of a report: Vega-Lite specifications, rendered as SVG without a browser and without a network.

vl-convert renders them; the extra `report` brings it, and without it a report has tables alone. What an SVG may consist
of is a list: with anything else in it, it is left out.
"""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from tidegate.distributions import Contributor, Distribution
from tidegate.receipt import RowCounts
from tidegate.reports.safe import shown
from tidegate.telemetry import event

log = logging.getLogger(__name__)

Spec = dict[str, Any]

PARTS = ("accepted", "malformed", "failed", "duplicate", "leaked")
"""What becomes of records."""
_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({_SVG + name for name in ("svg", "g", "path", "rect", "line", "text", "tspan")})
_NAME = 24  # characters of a label that have room beside a picture
_WIDTH = 330  # with its labels no wider than a telephone
_FLOW = 200
_BANDS, _THINNEST = 0.6, 0.008  # how much of the height the bands take together, and one of few records
# Colours are left to the page, which has others in the dark.
_LOOKS: Spec = {
    "aria": False,
    "background": None,
    "font": "inherit",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "labelFontSize": 11,
        "domain": False,
        "ticks": False,
        "gridColor": "var(--line)",
        "title": None,
    },
    "text": {"fill": "currentColor", "fontSize": 13},
}


def available() -> bool:
    """Whether the library that draws is installed."""
    return find_spec("vl_convert") is not None


def flow(rows: RowCounts) -> Markup:
    """The records as one stream that parts: what left, where, and what went in. Empty where none were read."""
    return _drawn(_flow(rows)) if rows.read else Markup()


def bars(told: Distribution) -> Markup:
    """The contribution over the pool, in shares of the rows of each. Empty where there are no bars."""
    return _drawn(_bars(told)) if told.bars else Markup()


def shares(told: tuple[Contributor, ...]) -> Markup:
    """Each contributor's share of the pool, before and after."""
    known = [each for each in told if each.after is not None]
    return _drawn(_shares(known)) if known else Markup()


def contributor(each: Contributor) -> str:
    """What a contributor is called."""
    if each.others:
        return f"{each.others:,} others"
    return "not named" if each.name is None else shown(each.name, 60)


def _drawn(spec: Spec) -> Markup:
    """A specification as an SVG element; empty where it cannot be drawn, which costs the reader a picture alone."""
    import vl_convert  # lazily: not every install has it

    schema = "https://vega.github.io/schema/vega-lite/v5.json"
    try:
        svg = vl_convert.vegalite_to_svg({"$schema": schema, "config": _LOOKS, "padding": 2} | spec)
    except ValueError as error:
        event(log, "picture not drawn", level=logging.WARNING, error=type(error).__name__)
        return Markup()
    return _inert(svg)


def _inert(svg: str) -> Markup:
    """The SVG, if it is shapes and text and nothing else: no link, no script, no style sheet, nothing from outside."""
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314 - written by vl-convert, which writes no entities
    except ElementTree.ParseError:
        return Markup()
    for element in root.iter():
        suspicious = any(
            name.rpartition("}")[2].startswith(("on", "href")) or "url(" in value
            for name, value in element.attrib.items()
        )
        if element.tag not in _ELEMENTS or suspicious:
            event(log, "picture left out", level=logging.WARNING, element=element.tag)
            return Markup()
    return Markup(svg)  # noqa: S704 - looked through above


def _flow(rows: RowCounts) -> Spec:
    """A Sankey diagram of one source: a band per part, side by side at the left, and apart at the right.

    A part of no record has its label alone, and one of few is still a line that can be seen.
    """
    counts = rows.model_dump()
    points: list[Spec] = []
    labels: list[Spec] = []
    left, right = (1 - _BANDS) / 2, 0.0
    gap = (1 - _BANDS) / (len(PARTS) - 1)
    for part in PARTS:
        thick = _BANDS * counts[part] / rows.read
        if counts[part]:
            ends = ((0, left), (0.25, left), (0.75, right), (1, right))
            points += [{"part": part, "x": x, "y": y, "y2": y + max(thick, _THINNEST)} for x, y in ends]
        labels.append({"y": right + thick / 2, "label": f"{counts[part]:,} {part}"})
        left, right = left + thick, right + thick + gap
    across: Spec = {"field": "x", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1]}}
    down: Spec = {
        "field": "y",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [-0.05, 1.05], "reverse": True, "nice": False},
    }
    colour = {"domain": list(PARTS), "range": [f"var(--{part})" for part in PARTS]}
    bands: Spec = {
        "data": {"values": points},
        "mark": {"type": "area", "interpolate": "monotone"},
        "encoding": {
            "x": across,
            "y": down,
            "y2": {"field": "y2"},
            "color": {"field": "part", "type": "nominal", "scale": colour, "legend": None},
        },
    }
    told: Spec = {
        "data": {"values": labels},
        "mark": {"type": "text", "align": "left", "x": _FLOW + 6},
        "encoding": {"y": down, "text": {"field": "label"}},
    }
    whole: Spec = {
        "data": {"values": [{"y": 0.0}]},
        "mark": {"type": "text", "align": "left", "x": 0},
        "encoding": {"y": down, "text": {"value": f"{rows.read:,} read"}},
    }
    return {"width": _FLOW, "height": 190, "layer": [bands, told, whole]}  # fmt: skip


def _bars(told: Distribution) -> Spec:
    """Categories lie, so that their names can be read; a histogram stands."""
    sides = [("contribution", told.contribution.rows)] + ([("pool", told.pool.rows)] if told.pool else [])
    values = [
        {"n": n, "side": side, "share": getattr(bar, side) / rows if rows else 0}
        for n, bar in enumerate(told.bars)
        for side, rows in sides
    ]
    lies = told.shown == "categories"
    # Below a bin there is room for where it begins.
    names = [shown(bar.label if lies else bar.label.partition(" to ")[0], _NAME) for bar in told.bars]
    place: Spec = {
        "field": "n",
        "type": "ordinal",
        "scale": {"paddingInner": 0.25},
        # By number: two labels may be cut to the same text.
        "axis": {
            "labelExpr": f"{json.dumps(names)}[datum.value]",
            "labelAngle": 0,
            "labelLimit": 150,
            "labelOverlap": "greedy",
        },
    }
    extent: Spec = {
        "field": "share",
        "type": "quantitative",
        "axis": {"format": ".0%", "tickCount": 4, "grid": True},
    }
    colour = {"domain": [side for side, _ in sides], "range": [f"var(--{side})" for side, _ in sides]}
    spec: Spec = {
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y" if lies else "x": place,
            "x" if lies else "y": extent,
            "yOffset" if lies else "xOffset": {"field": "side", "type": "nominal", "sort": colour["domain"]},
            "color": {"field": "side", "type": "nominal", "scale": colour, "legend": None},
        },
    }
    return spec | ({"width": _WIDTH - 160, "height": {"step": 9}} if lies else {"width": _WIDTH - 45, "height": 110})


def _shares(told: list[Contributor]) -> Spec:
    before, after = sum(each.before for each in told), sum(each.after or 0 for each in told)
    values = [
        {"n": n, "when": when, "share": rows / total if total else 0}
        for n, each in enumerate(told)
        for when, rows, total in (("before", each.before, before), ("after", each.after or 0, after))
    ]
    names = [shown(contributor(each), _NAME) for each in told]
    when = {"domain": ["before", "after"], "range": ["var(--pool)", "var(--contribution)"]}
    return {
        "data": {"values": values},
        "width": _WIDTH - 160,
        "height": {"step": 10},
        "mark": "bar",
        "encoding": {
            "y": {
                "field": "n", "type": "ordinal", "scale": {"paddingInner": 0.25},
                "axis": {"labelExpr": f"{json.dumps(names)}[datum.value]", "labelLimit": 150},
            },
            "x": {"field": "share", "type": "quantitative", "axis": {"format": ".0%", "tickCount": 4, "grid": True}},
            "yOffset": {"field": "when", "type": "nominal", "sort": when["domain"]},
            "color": {"field": "when", "type": "nominal", "scale": when, "legend": None},
        },
    }  # fmt: skip
