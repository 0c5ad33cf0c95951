"""A data set card as the Hugging Face Hub reads it: YAML for machines, Markdown for people."""

from __future__ import annotations

from typing import Any

import yaml

from manifests import storage
from manifests.exports import absences, markdown
from manifests.exports.facts import SYNTHETIC, Facts
from manifests.exports.licensing import listed
from manifests.licences import UNKNOWN
from manifests.report.shown import plain

#: the Hub's own ids are in small letters, those it knows
_HUB = (
    "apache-2.0 mit bsd bsd-2-clause bsd-3-clause cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 "
    "cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 "
    "cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 isc mpl-2.0 unlicense zlib wtfpl postgresql ncsa ms-pl osl-3.0 ofl-1.1 odbl pddl "
    "artistic-2.0 afl-3.0 bsl-1.0 ecl-2.0 eupl-1.1 eupl-1.2 epl-1.0 epl-2.0 agpl-3.0 gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 "
    "lgpl-3.0 gfdl"
).split()
_SIZES = (10**3, 10**4, 10**5, 10**6, 10**7, 10**8, 10**9, 10**10, 10**11, 10**12)


def text(facts: Facts) -> str:
    """The README.md of a data set."""
    front = yaml.safe_dump(_front(facts), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + markdown.page(
        f"# {markdown.text(facts.name)}",
        f"{markdown.text(facts.statement, 400)}. Made by cuvee {markdown.text(facts.version)}, from its records.",
        "## Sources",
        markdown.table(
            ("source", "came by", "licence claims", "documents", facts.measure),
            (
                (s, r, ", ".join(facts.declared(s)) or "none", d, n)
                for s, r, d, n in facts.by("source", "route")["source", "route", "documents", facts.measure].rows()
            ),
        ),
        "## Licences",
        "Concluded for each document from the evidence found; the data set as a whole has none of its own.",
        markdown.table(
            ("licence", "category", "documents", facts.measure),
            facts.by("licence", "licence_class")["licence", "licence_class", "documents", facts.measure].rows(),
        ),
        "## Languages",
        markdown.table(
            ("language", "documents", facts.measure),
            facts.by("language")["language", "documents", facts.measure].rows(),
        ),
        "## Curation",
        f"{facts.read:,} documents were read; dropped were:",
        markdown.table(("reason", "documents"), facts.dropped.items(), "none by selection."),
        *_blend(facts),
        "## Personal data",
        markdown.table(("kind", "documents that hold any"), facts.pii.items(), "Not counted in this run."),
        "## Reservations",
        markdown.table(
            ("source", "protocol", "agent", "value", "documents"),
            facts.reservations["source", "protocol", "agent", "value", "documents"].rows(),
            "None was found. No answer is not permission.",
        ),
        "## What the records do not say",
        markdown.bullets(absences.of(facts)),
    )


def _front(facts: Facts) -> dict[str, Any]:
    """Metadata; an id of the Hub where one licence covers all, else ``other`` with its name."""
    licences = facts.concluded()
    alone = licences[0] if len(licences) == 1 else ""
    known = alone.lower() if listed(alone) else ""
    found: dict[str, Any] = {"pretty_name": plain(facts.name, 80)}
    if known in _HUB:
        found["license"] = known
    elif licences == [UNKNOWN] or not licences:
        found["license"] = "unknown"
    else:
        found |= {"license": "other", "license_name": "per-document", "license_link": "#licences"}
    languages = sorted({x.split("_")[0] for x in facts.by("language")["language"] if x.isascii() and x.isalpha()})
    if languages:
        found["language"] = languages
    found["size_categories"] = [_size(facts.total("documents"))]
    found["task_categories"] = ["text-generation"]
    if facts.cube["origin"].is_in(SYNTHETIC).any():
        found["tags"] = ["synthetic"]
    folders = [f for f in ("documents", "verdicts") if storage.exists(storage.join(facts.run, f))]
    found["configs"] = [{"config_name": f, "data_files": f"{f}/*/*.parquet"} for f in folders]
    return found


def _size(documents: int) -> str:
    names = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    if documents < _SIZES[0]:
        return "n<1K"
    for low, high, size in zip(names, names[1:], _SIZES[1:], strict=False):
        if documents < size:
            return f"{low}<n<{high}"
    return "n>1T"


def _blend(facts: Facts) -> list[str]:
    if facts.mix is None:
        return []
    rows = ((n, f"{d.weight:.4f}", d.tokens, d.available, f"{d.epochs:.3f}") for n, d in facts.mix.domains.items())
    policy = f"Policy {markdown.text(facts.mix.policy)} {markdown.text(facts.mix.policy_digest)}".rstrip()
    return ["## Mixture", f"{policy}.", markdown.table(("domain", "weight", "tokens", "available", "epochs"), rows)]
