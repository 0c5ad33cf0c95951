"""The public summary of training content under Article 53(1)(d) of the EU AI Act, by the template's numbering.

The template is C(2025) 5235, adopted as C(2025) 8311 of 5 December 2025. Exact figures stand beside its open bands.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from manifests import storage
from manifests.exports import absences, domains, markdown, signals
from manifests.exports.facts import CRAWLS, SYNTHETIC, Facts
from manifests.policy import Policy

_NOT_RECORDED = "Not in the records of the run."
#: of public data, a source of more than this share is listed by itself
_LARGE = 0.03
_SHOWN = 100
#: the template's sections, by route; what a model wrote is in 2.5 whatever its route
SECTIONS = {
    "third-party-crawl": "2.1",
    "bulk-dump": "2.1",
    "contract": "2.2.1",
    "purchase": "2.2.2",
    "purchase-print-scanned": "2.2.2",
    "purchase-ebook": "2.2.2",
    "own-crawl": "2.3",
    "user-contributed": "2.4",
    "synthetic": "2.5",
}
_OTHER = "2.6"


def write(facts: Facts, to: str) -> list[str]:
    """``summary.md``, and ``domains.csv`` with the whole list of domains, in the folder ``to``."""
    summary, table = storage.join(to, "summary.md"), storage.join(to, "domains.csv")
    ranked = domains.ranked(facts)
    storage.write_bytes(summary, _summary(facts, ranked).encode())
    storage.write_bytes(table, ranked.filter("top").drop("top").write_csv().encode())
    return [summary, table]


def band(tokens: int) -> str:
    """The template's size of text."""
    if tokens < 10**9:
        return "less than 1 billion tokens"
    return "1 billion to 10 trillion tokens" if tokens <= 10**13 else "more than 10 trillion tokens"


def section(facts: Facts, number: str) -> pl.DataFrame:
    """The sums by source, route and licensor of one section of the template."""
    written = pl.col("origin").is_in(SYNTHETIC)
    routes = [r for r in facts.cube["route"].unique() if SECTIONS.get(r, _OTHER) == number]
    here = pl.col("route").is_in(routes)
    where = here | written if number == "2.5" else here & ~written
    return facts.by("source", "route", "licensor", where=where)


def _summary(facts: Facts, ranked: pl.DataFrame) -> str:
    return markdown.page(
        f"# Public summary of training content: {markdown.text(facts.name)}",
        "Article 53(1)(d) of Regulation (EU) 2024/1689, by the template C(2025) 8311. Computed from the records of run "
        f"{markdown.text(facts.digest[:12])}{_dated(facts)}; nothing was filled in by hand.",
        "## 1. General information",
        "### 1.1 Provider",
        _NOT_RECORDED,
        "### 1.2 Model",
        _NOT_RECORDED,
        "### 1.3 Training data",
        _overall(facts),
        "## 2. Sources",
        "### 2.1 Publicly available data sets",
        _public(facts),
        "### 2.2.1 Data commercially licensed by rightsholders",
        _table(facts, section(facts, "2.2.1")),
        "### 2.2.2 Other private data sets of third parties",
        _table(facts, section(facts, "2.2.2")),
        "### 2.3 Data crawled by the provider or on its behalf",
        *_crawled(facts, ranked),
        "### 2.4 User data",
        _table(facts, section(facts, "2.4")),
        "### 2.5 Synthetic data",
        _synthetic(facts),
        "### 2.6 Other sources",
        _table(facts, section(facts, _OTHER)),
        "## 3. Data processing",
        "### 3.1 Reservations of rights",
        _reservations(facts),
        "### 3.2 Removal of illegal content",
        _removal(facts),
        "### 3.3 Other",
        f"Takedowns applied to this run: {facts.takedowns:,}.",
        "## Fields that could not be filled",
        markdown.bullets(
            [
                "1.1 provider, contact and representative in the EU: a run does not record them",
                "1.2 model, version, dependencies and date on the market: a run does not record them",
                "3.1 signatory of the Code of Practice: a run does not record it",
                *absences.of(facts),
            ]
        ),
    )


def _dated(facts: Facts) -> str:
    return f", made {markdown.text(facts.date)}" if facts.date else ""


def _overall(facts: Facts) -> str:
    last = facts.cube["last"].max()
    languages = [x for x in facts.by("language")["language"] if x]
    size = band(facts.total("tokens")) if facts.tokenized else "not known in tokens"
    return markdown.bullets(
        (
            "Modality: text",
            f"Size: {size}; exactly: {facts.statement}",
            f"Types of content: {', '.join(x or 'unknown' for x in facts.by('media_type')['media_type'])}",
            f"Latest acquisition: {f'{last:%m/%Y}' if last is not None else 'not recorded'}",  # type: ignore[str-bytes-safe]
            "Continuous training: not recorded",
            f"Languages: {', '.join(languages) or 'not found out in this run'}",
        )
    )


def _table(facts: Facts, rows: pl.DataFrame) -> str:
    """A section's sources, with the period in which they were fetched."""
    columns = ("source", "route", "licensor", "documents", facts.measure)
    heads = ("source", "came by", "licensor", "documents", facts.measure, "fetched")
    return markdown.table(heads, ((*(r[c] for c in columns), _when(r)) for r in rows.iter_rows(named=True)))


def _when(row: dict[str, object]) -> str:
    if row["first"] is None:
        return "not recorded"
    return f"{row['first']:%Y-%m} to {row['last']:%Y-%m}"


def _public(facts: Facts) -> str:
    rows = section(facts, "2.1")
    size = pl.col(facts.measure)
    share = rows.with_columns(share=size / size.sum()) if rows.height else rows.with_columns(share=pl.lit(0.0))
    large, small = share.filter(pl.col("share") > _LARGE), share.filter(pl.col("share") <= _LARGE)
    blocks = [f"Large ones, of more than {_LARGE:.0%} of the public data:", _table(facts, large)]
    if small.height:
        blocks += ["Others:", _table(facts, small)]
    if rows.height:
        blocks.append("Addresses of the data sets are not in the records.")
    return "\n\n".join(blocks)


def _crawled(facts: Facts, ranked: pl.DataFrame) -> Sequence[str]:
    blocks = [
        _table(facts, section(facts, "2.3")),
        "Names, purposes and behaviour of crawlers: the records hold what hosts said (3.1), not who asked.",
    ]
    for (route,), rows in ranked.group_by("route", maintain_order=True):
        top, total, sme = rows.filter("top"), rows["domains"][0], rows.filter("sme").height
        said = f"Top 10 % of {total:,} domains by {facts.measure}, of {route}: {top.height:,}"
        columns = ["rank", "domain", "documents", facts.measure]
        blocks += [
            f"{said}; a small or medium-sized provider lists the first {sme:,}.",
            markdown.table(("rank", "domain", "documents", facts.measure), top.head(_SHOWN)[columns].rows()),
        ]
        if top.height > _SHOWN:
            blocks.append(f"The first {_SHOWN} are shown; all {top.height:,} are in domains.csv.")
    nameless = facts.hosts.filter(pl.col("host") == "", pl.col("route").is_in(CRAWLS))
    if nameless.height:
        blocks.append(f"{nameless['documents'].sum():,} crawled documents have no address and are in no domain.")
    return blocks


def _synthetic(facts: Facts) -> str:
    columns = ["source", "origin", "generator", "style", "documents", facts.measure]
    where = pl.col("origin").is_in(SYNTHETIC) | (pl.col("route") == "synthetic")
    return markdown.table(tuple(columns), facts.by(*columns[:4], where=where)[columns].rows())


def _reservations(facts: Facts) -> str:
    policy = Policy.of_mix(facts.mix, facts.record, facts.run)
    if facts.mix is None:
        acted = "No policy was applied."
    else:
        acted = f"Policy of the mixture: {facts.mix.policy} {facts.mix.policy_digest}"
        acted += f", of {policy.as_of}." if policy else "; it is not at hand, so what it honours is not known."
    found = signals.of(facts)
    heads = ("protocol", "agent", "value", "documents in the data", "acted upon by the policy")
    rows = ((s.protocol, s.agent, s.value, s.documents, s.honoured) for s in found)
    none = "No machine-readable reservation was found in the data that remains. No answer is not permission."
    return f"{markdown.text(acted, 400)}\n\n{markdown.table(heads, rows, none)}"


def _removal(facts: Facts) -> str:
    if not facts.dropped:
        return "No document was dropped by a rule in this run."
    heads = ("dropped as", "documents")
    return "No classifier of illegal content is among the records. Dropped by rules:\n\n" + markdown.table(
        heads, facts.dropped.items()
    )
