"""Charts as SVG text by Vega-Lite, drawn here and not in the reader's browser, in the colours of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

Spec = dict[str, Any]

_INK, _FAINT = "var(--ink-2)", "var(--line)"
_KEPT, _DROPPED, _ACCENT = "var(--c0)", "var(--drop)", "var(--c0)"
_CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "gridColor": _FAINT,
        "domainColor": _FAINT,
        "tickColor": _FAINT,
        "labelPadding": 6,
        "titlePadding": 10,
    },
}
#: axis options: one that carries the grid has no line of its own
_BASE: Spec = {"grid": False}
_SIDE: Spec = {"domain": False}
_TICKS: Spec = {"tickCount": 4, "format": ".3~f"}


def _svg(layers: Sequence[Spec], width: int, height: int) -> str:
    import vl_convert  # half a second, and not needed to open the door

    return str(vl_convert.vegalite_to_svg({"layer": list(layers), "width": width, "height": height, "config": _CONFIG}))


def _layer(rows: Sequence[Mapping[str, Any]], mark: str, encoding: Spec, **options: Any) -> Spec:
    return {"data": {"values": list(rows)}, "mark": {"type": mark, **options}, "encoding": encoding}


def _on(field: str, title: str, axis: Spec | None = None, **scale: Any) -> Spec:
    """A quantitative channel. Layers that share an axis give it the same title."""
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis or {}}


def quality(bins: pl.DataFrame) -> str:
    """Documents by quality score, dropped on top of kept. Columns: low, high, kept, dropped."""
    kept = bins.select("low", "high", base=pl.lit(0), top="kept", colour=pl.lit(_KEPT))
    dropped = bins.select("low", "high", base="kept", top=pl.col("kept") + pl.col("dropped"), colour=pl.lit(_DROPPED))
    return _bars(pl.concat([kept, dropped], how="vertical_relaxed"), "quality score", ".1f")


def scores(bins: pl.DataFrame) -> str:
    """Removed documents by similarity with their survivor. Columns: low, high, pairs."""
    table = bins.select("low", "high", base=pl.lit(0), top="pairs", colour=pl.lit(_ACCENT))
    return _bars(table, "Jaccard similarity", ".2f")


def _bars(table: pl.DataFrame, title: str, form: str) -> str:
    """A histogram. Columns: low, high, base, top, colour."""
    low, high = pl.col("low"), pl.col("high")
    gap = (high - low) * 0.06
    reach = [table["low"].to_list()[0], table["high"].to_list()[-1]]
    table = table.filter(pl.col("top") > pl.col("base")).with_columns(left=low + gap, right=high - gap)
    count = {"tickCount": 4, "tickMinStep": 1, "format": "~s", **_SIDE}
    encoding = {
        "x": _on("left", title, {**_BASE, "format": form, "tickCount": 6}, domain=reach, nice=False),
        "x2": {"field": "right"},
        "y": _on("base", "documents", count),
        "y2": {"field": "top"},
        "color": {"field": "colour", "type": "nominal", "scale": None},
    }
    return _svg([_layer(table.to_dicts(), "rect", encoding)], 470, 210)


def prediction(points: pl.DataFrame) -> str:
    """One metric: measured over predicted with deviations, and the line of agreement. One row a run."""
    reach = points.select(low=pl.col("predicted") - pl.col("sd"), high=pl.col("predicted") + pl.col("sd"))
    rows = pl.concat([points, reach], how="horizontal").to_dicts()
    ends = pl.concat([points["predicted"], points["measured"]]).drop_nulls()
    low, high = float(ends.min()), float(ends.max())  # type: ignore[arg-type]
    margin = (high - low) * 0.08 or abs(high) * 0.01 or 1.0
    scale: Spec = {"domain": [low - margin, high + margin], "zero": False, "nice": False}
    y = _on("measured", "measured", {**_SIDE, **_TICKS}, **scale)
    agreement = [{"v": low - margin}, {"v": high + margin}]
    layers = [
        _layer(
            agreement,
            "line",
            {"x": _on("v", "predicted", **scale), "y": _on("v", "measured", {**_SIDE, **_TICKS}, **scale)},
            color=_INK,
            strokeDash=[3, 4],
            strokeWidth=1,
        ),
        _layer(
            rows,
            "rule",
            {"x": _on("low", "predicted", **scale), "x2": {"field": "high"}, "y": y},
            color=_ACCENT,
            opacity=0.35,
            strokeWidth=2,
        ),
        _layer(
            rows,
            "circle",
            {"x": _on("predicted", "predicted", {**_BASE, **_TICKS}, **scale), "y": y},
            color=_ACCENT,
            size=64,
            opacity=0.95,
        ),
    ]
    return _svg(layers, 250, 210)


def weights(rows: Sequence[Mapping[str, Any]]) -> str:
    """Each domain's natural share, weight and interval. Rows: name, natural, weight, low, high (None: unknown)."""
    order = [r["name"] for r in sorted(rows, key=lambda r: (-r["weight"], r["name"]))]
    quiet = {"domain": False, "ticks": False, "labelLimit": 140}
    y = {"field": "name", "type": "nominal", "sort": order, "title": None, "axis": quiet}
    natural = _on("natural", "share", {"format": ".0%", "tickCount": 4})
    layers = [
        _layer(rows, "rule", {"x": natural, "x2": {"field": "weight"}, "y": y}, color=_FAINT, strokeWidth=2),
        _layer(
            rows,
            "rule",
            {"x": _on("low", "share"), "x2": {"field": "high"}, "y": y},
            color=_ACCENT,
            opacity=0.35,
            strokeWidth=5,
        ),
        _layer(rows, "point", {"x": _on("natural", "share"), "y": y}, color=_INK, size=50, filled=False),
        _layer(rows, "circle", {"x": _on("weight", "share"), "y": y}, color=_ACCENT, size=80, opacity=1),
    ]
    return _svg(layers, 250, max(60, 24 * len(rows)))


def pareto(points: pl.DataFrame, marks: Sequence[Mapping[str, Any]]) -> str:
    """The front between two metrics, with the natural mixture and the blend. Columns: first, second, x, y."""
    first, second = points["first"][0], points["second"][0]
    x = _on("x", first, {**_BASE, **_TICKS}, zero=False)
    y = _on("y", second, {**_SIDE, **_TICKS}, zero=False)
    order = {"field": "i", "type": "quantitative"}
    line = points.select("x", "y").with_row_index("i").to_dicts()
    name = {"field": "name", "type": "nominal"}
    layers = [
        _layer(line, "line", {"x": x, "y": y, "order": order}, color=_ACCENT, point={"color": _ACCENT}),
        _layer(marks, "point", {"x": x, "y": y}, color=_INK, size=70, filled=False),
        _layer(marks, "text", {"x": x, "y": y, "text": name}, color=_INK, align="left", dx=8),
    ]
    return _svg(layers, 250, 210)


def marginal(curves: pl.DataFrame, colour: Mapping[str, str]) -> str:
    """The objective over each domain's weight, the others in proportion. Columns: domain, weight, objective."""
    rows = curves.with_columns(colour=pl.col("domain").replace_strict(colour, default=_ACCENT)).to_dicts()
    encoding = {
        "x": _on("weight", "weight", {**_BASE, "format": ".0%", "tickCount": 4}),
        "y": _on("objective", "objective", {**_SIDE, "tickCount": 4}, zero=False),
        "detail": {"field": "domain", "type": "nominal"},
        "color": {"field": "colour", "type": "nominal", "scale": None},
    }
    return _svg([_layer(rows, "line", encoding, strokeWidth=1.8)], 250, 210)
