"""Charts as SVG text, drawn here and not in the reader's browser; their colours are the page's CSS variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl
import vl_convert

_FONT = "system-ui, sans-serif"
_INK, _FAINT = "var(--ink-2)", "var(--line)"
_KEPT, _DROPPED, _ACCENT = "var(--c0)", "var(--drop)", "var(--c0)"
_COUNT = "~s"


def _svg(chart: Any, width: int, height: int) -> str:
    spec = chart.properties(width=width, height=height).configure(
        background="transparent",
        font=_FONT,
        view={"stroke": None},
        axis={
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
    )
    return str(vl_convert.vegalite_to_svg(spec.to_dict()))


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))


def quality(bins: pl.DataFrame) -> str:
    """Documents by quality score, dropped on top of kept. Columns: low, high, kept, dropped."""
    kept = bins.select("low", "high", base=pl.lit(0), top="kept", colour=pl.lit(_KEPT))
    dropped = bins.select("low", "high", base="kept", top=pl.col("kept") + pl.col("dropped"), colour=pl.lit(_DROPPED))
    return _svg(_bars(pl.concat([kept, dropped], how="vertical_relaxed"), "quality score", ".1f"), 470, 210)


def scores(bins: pl.DataFrame) -> str:
    """Removed documents by similarity with their survivor. Columns: low, high, pairs."""
    table = bins.select("low", "high", base=pl.lit(0), top="pairs", colour=pl.lit(_ACCENT))
    return _svg(_bars(table, "Jaccard similarity", ".2f"), 470, 210)


def _bars(table: pl.DataFrame, title: str, form: str) -> Any:
    """A histogram. Columns: low, high, base, top, colour."""
    low, high = pl.col("low"), pl.col("high")
    gap = (high - low) * 0.06
    reach = alt.Scale(domain=[table["low"].to_list()[0], table["high"].to_list()[-1]], nice=False, zero=False)
    table = table.filter(pl.col("top") > pl.col("base")).with_columns(left=low + gap, right=high - gap)
    return (
        _chart(table.to_dicts())
        .mark_rect()
        .encode(
            x=alt.X("left:Q", scale=reach, title=title, axis=alt.Axis(grid=False, format=form, tickCount=6)),
            x2="right:Q",
            y=alt.Y(
                "base:Q", title="documents", axis=alt.Axis(tickCount=4, tickMinStep=1, format=_COUNT, domain=False)
            ),
            y2="top:Q",
            color=alt.Color("colour:N", scale=None),
        )
    )


def prediction(points: pl.DataFrame) -> str:
    """One metric: measured over predicted with deviations, and the line of agreement. One row a run."""
    reach = points.select(low=pl.col("predicted") - pl.col("sd"), high=pl.col("predicted") + pl.col("sd"))
    table = pl.concat([points, reach], how="horizontal")
    ends = pl.concat([table[c] for c in ("predicted", "measured")]).drop_nulls()
    low, high = float(ends.min()), float(ends.max())  # type: ignore[arg-type]
    margin = (high - low) * 0.08 or abs(high) * 0.01 or 1.0
    scale = alt.Scale(domain=[low - margin, high + margin], zero=False, nice=False)
    base = _chart(table.to_dicts())
    axis: dict[str, Any] = {"tickCount": 4, "format": ".3~f"}
    x = alt.X("predicted:Q", scale=scale, title="predicted", axis=alt.Axis(grid=False, **axis))
    y = alt.Y("measured:Q", scale=scale, title="measured", axis=alt.Axis(domain=False, **axis))
    line = _chart([{"v": low - margin}, {"v": high + margin}]).mark_line(color=_INK, strokeDash=[3, 4], strokeWidth=1)
    agreement = line.encode(x=alt.X("v:Q", scale=scale), y=alt.Y("v:Q", scale=scale))
    bars = base.mark_rule(color=_ACCENT, opacity=0.35, strokeWidth=2).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q", y=y
    )
    dots = base.mark_circle(color=_ACCENT, size=64, opacity=0.95).encode(x=x, y=y)
    return _svg(agreement + bars + dots, 250, 210)


def weights(rows: list[dict[str, Any]]) -> str:
    """Each domain's natural share, weight and interval. Rows: name, natural, weight, low, high (None: unknown)."""
    order = [r["name"] for r in sorted(rows, key=lambda r: (-r["weight"], r["name"]))]
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, labelLimit=140))
    base = _chart(rows)
    axis = alt.Axis(format=".0%", tickCount=4)
    layers = [
        base.mark_rule(color=_FAINT, strokeWidth=2).encode(
            x=alt.X("natural:Q", title="share", axis=axis), x2="weight:Q", y=y
        ),
        base.mark_rule(color=_ACCENT, opacity=0.35, strokeWidth=5).encode(x="low:Q", x2="high:Q", y=y),
        base.mark_point(color=_INK, size=50, filled=False).encode(x="natural:Q", y=y),
        base.mark_circle(color=_ACCENT, size=80, opacity=1).encode(x="weight:Q", y=y),
    ]
    return _svg(alt.layer(*layers), 250, max(60, 24 * len(rows)))


def pareto(points: pl.DataFrame, marks: list[dict[str, Any]]) -> str:
    """The front between two metrics, with the natural mixture and the blend. Columns: first, second, x, y."""
    first, second = points["first"][0], points["second"][0]
    scale = alt.Scale(zero=False)
    axis: dict[str, Any] = {"tickCount": 4, "format": ".3~f"}
    x = alt.X("x:Q", scale=scale, title=first, axis=alt.Axis(grid=False, **axis))
    y = alt.Y("y:Q", scale=scale, title=second, axis=alt.Axis(domain=False, **axis))
    line = _chart(points.select("x", "y").with_row_index("i").to_dicts()).mark_line(
        color=_ACCENT, point=alt.OverlayMarkDef(color=_ACCENT)
    )
    dots = _chart(marks).mark_point(color=_INK, size=70, filled=False).encode(x="x:Q", y="y:Q")
    names = _chart(marks).mark_text(color=_INK, align="left", dx=8).encode(x="x:Q", y="y:Q", text="name:N")
    return _svg(line.encode(x=x, y=y, order="i:Q") + dots + names, 250, 210)


def marginal(curves: pl.DataFrame, colour: Mapping[str, str]) -> str:
    """The objective over each domain's weight, the others in proportion. Columns: domain, weight, objective."""
    rows = curves.with_columns(colour=pl.col("domain").replace_strict(colour, default=_ACCENT)).to_dicts()
    x = alt.X("weight:Q", title="weight", axis=alt.Axis(grid=False, format=".0%", tickCount=4))
    y = alt.Y("objective:Q", title="objective", scale=alt.Scale(zero=False), axis=alt.Axis(domain=False, tickCount=4))
    line = _chart(rows).mark_line(strokeWidth=1.8)
    return _svg(line.encode(x=x, y=y, detail="domain:N", color=alt.Color("colour:N", scale=None)), 250, 210)
