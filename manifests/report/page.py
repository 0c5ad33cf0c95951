"""The page: values to HTML. Templates escape everything; only charts, which escape for themselves, are markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from manifests import storage
from manifests.report import (
    acquisition,
    charts,
    compare,
    contamination,
    domains,
    duplicates,
    funnel,
    licences,
    material,
    mixture,
    numbers,
    overview,
    provenance,
    quality,
    queries,
    reservations,
)
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shelf import Shelf

_COLOURS = 8


@dataclass(frozen=True)
class Section:
    """A section of the page. ``absent`` says what is missing where ``value`` is None."""

    id: str
    title: str
    value: Any
    absent: str = ""

    @property
    def template(self) -> str:
        return f"{self.id}.html.j2"


#: id, title, what makes it, and what is said where that makes nothing; in the order of the page
_SECTIONS: tuple[tuple[str, str, Callable[[Material], Any], str], ...] = (
    ("funnel", "Funnel", funnel.of, "No document was judged yet."),
    ("licences", "Licences", licences.of, "Licences were not concluded yet."),
    ("reservations", "Reservations", reservations.of, "No evidence of reservations was read by this run."),
    ("acquisition", "Acquisition and origin", acquisition.of, "No document was read yet."),
    ("domains", "Domains and hosts", domains.domains, "No document was read yet."),
    ("languages", "Languages", domains.languages, "Languages were not identified."),
    ("quality", "Quality", quality.of, "No classifier was asked for, and no rule has a threshold."),
    ("duplicates", "Duplicates", duplicates.of, "The run did not look for duplicates."),
    ("contamination", "Contamination", contamination.of, "No benchmark was looked for."),
    ("mixture", "Mixture", mixture.of, "No blend was asked for."),
    ("provenance", "Lineage", provenance.of, ""),
)
_ALONE = "No other run was named: cuvee report RUN --against OTHER sets two side by side."


def render(run: str, out: str, *, against: str = "", redact: bool = False) -> None:
    """Writes the page of a run folder."""
    m = material.gather(run, redact=redact)
    first = overview.of(m)
    sections = [Section(name, title, of(m), absent) for name, title, of, absent in _SECTIONS]
    other = compare.of(m, material.gather(against, redact=True)) if against else None
    sections += [Section("lookup", "Look-up", m.shelf), Section("compare", "Compare", other, _ALONE)]
    made = {s.id: s.value for s in sections}
    m.shelf.read()
    colour = _colours(m)
    script = resources.files(__package__).joinpath("script.js").read_text("utf-8")
    html = _environment(m.shelf, colour).get_template("page.html.j2").render(
        sections=sections,
        overview=first,
        record=m.record,
        figures=_figures(run, made, colour),
        preamble=_lines(m, against),
        style=Markup(resources.files(__package__).joinpath("style.css").read_text("utf-8")),
        script=Markup(script),
        script_digest=_digest(script),
    )  # fmt: skip
    storage.write_bytes(out, html.encode("utf-8", "replace"))


def _lines(m: Material, against: str) -> str:
    """What comes before every query."""
    evidence = [n for n in m.sums.tables["licences"]["signature"].unique().to_list() if n]
    lines = queries.preamble(m.thresholds, m.meant, evidence)
    return lines + (compare.preamble(m.run, against) if against else "")


def _environment(shelf: Shelf, colour: dict[str, str]) -> Environment:
    environment = Environment(
        loader=PackageLoader("manifests.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("count", "given", "short", "share", "size", "time"):
        environment.filters[name] = getattr(numbers, name)

    def links(behind: Sequence[int]) -> Markup:
        """A list of documents that lead to where the page shows them."""
        items = ((n, escape(shelf[n].name), escape(shelf[n].id)) for n in behind)
        return Markup("").join(Markup('<li><a href="#d{}">{}</a> <code>{}</code></li>').format(*i) for i in items)

    answers: dict[str, Why] = {}

    def asked(why: Why) -> str:
        """The id of a number's query, which the end of the page shows."""
        answers[f"q{why.number}"] = why
        return f"q{why.number}"

    environment.globals |= {"shelf": shelf, "colour": colour, "links": links}
    environment.globals |= {"asked": asked, "answers": answers.values()}
    return environment


def _digest(script: str) -> str:
    """Of the script, as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _colours(m: Material) -> dict[str, str]:
    """The same colour for a domain or a source wherever it appears."""
    names = {n for c in ("domain", "source") for n in m.sums.tables["outcomes"][c].to_list()}
    names |= set(m.mix.domains) if m.mix else set()
    return {name: f"var(--c{i % _COLOURS})" for i, name in enumerate(sorted(names))}


def _figures(run: str, made: dict[str, Any], colour: dict[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = dict.fromkeys(("quality", "scores", "weights", "pareto", "marginal"))
    figures["predictions"] = []
    found = made["quality"]
    if found is not None and found.bins is not None:
        figures["quality"] = Markup(charts.quality(found.bins))
    if made["duplicates"] is not None and made["duplicates"].scores is not None:
        figures["scores"] = Markup(charts.scores(made["duplicates"].scores))
    mixed: mixture.Mixture | None = made["mixture"]
    if mixed is not None and mixed.swarm and mixed.swarm.predictions.height:
        families = {s["metric"]: s for s in mixed.swarm.scores}
        for (metric,), points in mixed.swarm.predictions.sort("metric", "run").group_by("metric", maintain_order=True):
            usable = points.filter(pl.col("measured").is_finite() & pl.col("predicted").is_finite())
            if usable.height and len(figures["predictions"]) < mixture.PREDICTIONS:
                figures["predictions"].append((metric, Markup(charts.prediction(usable)), families.get(metric)))
    if mixed is not None and mixed.blend is not None:
        figures |= {name: Markup(svg) for name, svg in mixture.figures(run, mixed.blend, colour).items()}
    return figures
