"""California AB 2013 (Civil Code § 3111): the twelve points of the documentation of training data, from the records."""

from __future__ import annotations

import polars as pl

from manifests.exports import absences, markdown
from manifests.exports.facts import SYNTHETIC, Facts

_NOT_RECORDED = "Not in the records of the run."
_PAID = ("contract", "purchase", "purchase-print-scanned", "purchase-ebook")


def text(facts: Facts) -> str:
    """The documentation as Markdown."""
    points = (
        ("Sources or owners of the data sets", _sources(facts)),
        ("How the data sets further the purpose of the system", _NOT_RECORDED),
        ("Number of data points", f"{markdown.text(facts.statement, 400)}."),
        ("Types of data points", _types(facts)),
        ("Copyright, trademark or patent, or public domain", _rights(facts)),
        ("Whether the data sets were purchased or licensed", _paid(facts)),
        ("Personal information", _personal(facts)),
        ("Aggregate consumer information", _NOT_RECORDED),
        ("Cleaning, processing and modification", _cleaning(facts)),
        ("Time in which the data were collected", _period(facts)),
        ("When the data sets were first used in development", _first_used(facts)),
        ("Synthetic data", _synthetic(facts)),
    )
    numbered = (block for i, (head, body) in enumerate(points, 1) for block in (f"## {i}. {head}", body))
    return markdown.page(
        f"# Training data documentation: {markdown.text(facts.name)}",
        "Under California Civil Code § 3111 (AB 2013). Computed from the run's records; nothing was filled in by hand.",
        *numbered,
        "## What the records do not say",
        markdown.bullets(absences.of(facts)),
    )


def _sources(facts: Facts) -> str:
    rows = facts.by("source", "route", "licensor")
    columns = ["source", "route", "licensor", "documents", facts.measure]
    return markdown.table(("source", "came by", "owner or licensor", "documents", facts.measure), rows[columns].rows())


def _types(facts: Facts) -> str:
    columns = ["media_type", "language", "documents", facts.measure]
    rows = facts.by("media_type", "language")[columns].rows()
    return "Text. Nothing is labelled by hand.\n\n" + markdown.table(("media type", "language", *columns[2:]), rows)


def _rights(facts: Facts) -> str:
    free = facts.by("licence_class").filter(licence_class="public-domain")["documents"].sum()
    rest = facts.total("documents") - free
    said = f"By the evidence found {free:,} documents are in the public domain; {rest:,} are or may be under copyright."
    columns = ["licence_class", "documents", facts.measure]
    table = markdown.table(("licence category", *columns[1:]), facts.by("licence_class")[columns].rows())
    return f"{said} Trademarks and patents are not recorded.\n\n{table}"


def _paid(facts: Facts) -> str:
    paid = pl.col("route").is_in(_PAID) | (pl.col("licensor") != "") | (pl.col("order") != "")
    columns = ["source", "route", "licensor", "order", "expires", "documents"]
    rows = facts.by(*columns[:-1], where=paid)[columns].rows()
    return markdown.table(
        ("source", "came by", "licensor", "purchase order", "expires", "documents"), rows, "None, by the recipe."
    )


def _personal(facts: Facts) -> str:
    if not facts.pii:
        return "Not counted in this run; text from the web holds personal information as a rule."
    heads = ("kind", "documents that hold any")
    return "By pattern, in the text as it was read:\n\n" + markdown.table(heads, facts.pii.items())


def _cleaning(facts: Facts) -> str:
    recipe = facts.recipe
    steps = [n for n in ("decontaminate", "dedup", "annotate", "rephrase", "select", "mix") if recipe.get(n)]
    rules = (recipe.get("select") or {}).get("rules") or []
    said = [f"dropped as {r.get('reason')}: {r.get('when') or r.get('url_matches')}" for r in rules]
    return "\n\n".join(
        (
            f"Steps of the recipe: {markdown.text(', '.join(steps) or 'none')}. {facts.read:,} documents were read.",
            markdown.bullets(said, "No rules of selection."),
            markdown.table(("dropped as", "documents"), facts.dropped.items(), "None was dropped."),
        )
    )


def _period(facts: Facts) -> str:
    rows = facts.by("source")["source", "first", "last"].sort("source").rows()
    shown = (
        (s, f"{a:%Y-%m-%d}" if a else "not recorded", f"{b:%Y-%m-%d}" if b else "not recorded") for s, a, b in rows
    )
    return markdown.table(("source", "first", "last"), shown) + "\n\nWhether collection goes on is not recorded."


def _first_used(facts: Facts) -> str:
    started = markdown.text(facts.record.get("started") or "")
    return f"Curation began {started}. Training is not in the records." if started else _NOT_RECORDED


def _synthetic(facts: Facts) -> str:
    columns = ["source", "generator", "style", "documents", facts.measure]
    rows = facts.by("source", "generator", "style", where=pl.col("origin").is_in(SYNTHETIC))[columns].rows()
    return markdown.table(tuple(columns), rows, "None by the records; where a page's text came from is not certain.")
