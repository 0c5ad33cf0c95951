"""The page: values to HTML. The template escapes everything; only charts, which escape for themselves, are markup."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from manifests import storage
from manifests.report import charts, data, mixture

_COLOURS = 8
_UNITS = ("", " k", " M", " bn", " tn")


def render(run: str, out: str) -> None:
    """Writes the page of a run folder."""
    report = data.gather(run)
    environment = Environment(
        loader=PackageLoader("manifests.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "short": short, "share": share, "size": size, "time": time}
    colour = _colours(
        [r.name for r in report.domains] + [r["name"] for r in (report.blend.rows if report.blend else [])]
    )
    html = environment.get_template("page.html.j2").render(
        report=report,
        colour=colour,
        figures=_figures(run, report, colour),
    )
    storage.write_bytes(out, html.encode("utf-8", "replace"))


def _colours(names: Sequence[str]) -> dict[str, str]:
    """The same colour for a domain wherever it appears."""
    return {name: f"var(--c{i % _COLOURS})" for i, name in enumerate(sorted(set(names)))}


def _figures(run: str, report: data.Report, colour: Mapping[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = dict.fromkeys(("quality", "scores", "weights", "pareto", "marginal"))
    figures["predictions"] = []
    if report.quality is not None:
        figures["quality"] = Markup(charts.quality(report.quality.bins))
    if report.duplicates and report.duplicates.fuzzy:
        figures["scores"] = Markup(charts.scores(report.duplicates.scores))
    if report.swarm and report.swarm.predictions.height:
        families = {s["metric"]: s for s in report.swarm.scores}
        for (metric,), points in report.swarm.predictions.sort("metric", "run").group_by("metric", maintain_order=True):
            usable = points.filter(pl.col("measured").is_finite() & pl.col("predicted").is_finite())
            if usable.height:
                figures["predictions"].append((metric, Markup(charts.prediction(usable)), families.get(metric)))
    if report.blend is not None:
        figures |= {name: Markup(svg) for name, svg in mixture.figures(run, report.blend, colour).items()}
    return figures


def count(value: float | None) -> str:
    """1,234,567"""
    return "–" if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """Three digits and a unit: 4.21 M."""
    if value is None:
        return "–"
    power = min(len(_UNITS) - 1, int(math.log10(value) // 3)) if value >= 10_000 else 0
    if power == 0:
        return f"{value:,.0f}"
    scaled = value / 1000**power
    return f"{scaled:.{max(0, 2 - int(math.log10(scaled)))}f}{_UNITS[power]}"


def share(value: float | None, digits: int = 1) -> str:
    """12.3 %"""
    return "–" if value is None else f"{100 * value:.{digits}f}\u202f%"


def size(value: float | None) -> str:
    """Bytes, in decimal units."""
    if value is None:
        return "–"
    return f"{value:,.0f} B" if value < 1000 else short_bytes(value)


def short_bytes(value: float) -> str:
    power = min(4, int(math.log10(value) // 3))
    return f"{value / 1000**power:.3g} {('', 'kB', 'MB', 'GB', 'TB')[power]}"


def time(seconds: float | None) -> str:
    """3.2 s, 4 min 07 s, 2 h 05 min"""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
