"""Verdicts as tasks: keep or drop, why, and where a kept document belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from manifests import edits, parts, schemas, storage, takedown
from manifests.receipts import digest_of
from pipelines import conditions, selection
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Recipe, Select
from pipelines.stages import licences
from pipelines.task import Made, Task

VERSION = 2
COLUMN = "verdicts"
DUPLICATES = "duplicates"


@dataclass(frozen=True)
class Judgement:
    part: str
    edits: tuple[str, ...]
    select: Select
    made: tuple[str, ...]  #: optional annotations
    heldout: float
    seed: int
    edges: Mapping[str, Sequence[float]] | None = None


#: documents held out at least, as far as half of the documents allow: proxies are measured on them
_HELDOUT = 20


def _heldout(share: float, documents: int) -> float:
    """The recipe's share, or more of a small corpus; zero stays zero."""
    return max(share, min(0.5, _HELDOUT / documents)) if share else 0.0


def buckets(
    conductor: Conductor, catalog: Catalog, recipe: Recipe, fresh: Sequence[str], suffix: str
) -> Mapping[str, Sequence[float]] | None:
    """Borders of the quality buckets of every domain, over all its documents; None where the recipe wants none."""
    if not recipe.select.quality_buckets:
        conductor.forget(f"buckets{suffix}")
        return None
    digests = [catalog.digest(c, p) for p in fresh for c in conditions.columns(recipe.made)]
    key = digest_of("buckets", VERSION, recipe.select.quality_buckets, recipe.select.model_dump(mode="json"), digests)
    spec = (tuple(fresh), recipe.made, recipe.select)
    receipt = conductor.here(f"buckets{suffix}", Task(f"buckets{suffix}", "buckets", key, find_buckets, spec))
    found: Mapping[str, Sequence[float]] = receipt.data["edges"]
    return found


def find_buckets(run: str, spec: tuple[tuple[str, ...], tuple[str, ...], Select]) -> Made:
    fresh, made, select = spec
    frames = []
    for part in fresh:
        documents = conditions.frame(run, part, made)
        frames.append(documents.select("quality").with_columns(selection.domains(documents, select.domains)))
    edges = selection.quality_edges(pl.concat(frames), select.quality_buckets)
    return Made([], {"domains": len(edges)}, {"edges": edges})


def task(
    catalog: Catalog,
    part: str,
    recipe: Recipe,
    suffix: str,
    edges: Mapping[str, Sequence[float]] | None = None,
) -> Task:
    heldout = _heldout(recipe.select.heldout, sum(catalog.rows(p) for p in catalog.parts()))
    edited = tuple(catalog.edits(part))
    spec = Judgement(part, edited, recipe.select, recipe.made, heldout, recipe.seed, edges)
    columns = [*conditions.columns(spec.made), DUPLICATES, licences.UNITED, *(edits.column(n) for n in edited)]
    key = catalog.key("select", VERSION, part, columns, spec.select.model_dump(mode="json"), heldout, spec.seed, edges)
    return Task(f"select{suffix}", parts.task_name(part), key, judge_part, spec)


def judge_part(run: str, spec: Judgement) -> Made:
    """One verdict per document: the recipe's rules first, then duplicates, then what its edits leave."""
    documents = conditions.frame(run, spec.part, spec.made)
    duplicates = parts.aligned(run, spec.part, {DUPLICATES: None})
    documents = documents.with_columns(domain=selection.domains(documents, spec.select.domains))
    reason = pl.select(
        pl.coalesce(
            denied(run, spec.part),
            selection.reasons(documents, spec.select.rules),
            selection.rule_set_reasons(documents, spec.select.rule_sets),
            pl.when(duplicates["survivor"].is_not_null()).then(duplicates["kind"] + "_duplicate"),
            pl.when(_blank(run, spec)).then(pl.lit("nothing_left")),
        )
    )[:, 0]
    # a rewritten document goes where its parent went: else it would be tested on what it was trained on
    parent = parts.aligned(run, spec.part, {parts.DOCUMENTS: ["parents"]})["parents"].list.first().struct.field("id")
    group = pl.select(pl.coalesce(parent, duplicates["cluster"], documents["id"]))[:, 0]
    # where a kept document belongs depends on the claims of those it stands for, too
    united = parts.aligned(run, spec.part, {licences.UNITED: None})
    documents = documents.with_columns(united.get_columns())
    verdicts = pl.DataFrame(
        {
            "id": documents["id"],
            "keep": reason.is_null(),
            "reason": reason,
            "domain": documents["domain"],
            "stratum": selection.strata(documents, spec.edges),
            "split": selection.splits(group, spec.heldout, spec.seed),
        }
    )
    table = verdicts.to_arrow().cast(schemas.VERDICTS)
    made = parts.write(run, COLUMN, spec.part, table, schema="verdicts", ids=parts.ids_of(run, spec.part))
    dropped = verdicts.filter(~pl.col("keep"))["reason"].value_counts()
    counts = {f"dropped:{reason}": n for reason, n in dropped.iter_rows()}
    return Made([made], {"documents": verdicts.height, "kept": int(verdicts["keep"].sum()), **counts})


def denied(run: str, part: str) -> pl.Series:
    """Documents that a takedown of this run has taken; no key holds this, so that nothing is judged again for it."""
    deny = takedown.DenyList.read(storage.join(run, takedown.DENY))
    none = pl.Series("denied", [None], dtype=pl.String)
    if not len(deny):
        return none
    wanted = ["url", "id", "content_hash", "text"]
    frame = parts.aligned(run, part, {parts.DOCUMENTS: wanted, licences.UNITED: ["licence"]})
    frame = frame.with_columns(pl.col("url").fill_null(""), pl.col("text").str.len_chars().fill_null(0))
    found = [
        deny.denies(url=url, identifier=name, content_hash=digest, text=text, licence=licence or "") is not None
        for url, name, digest, text, licence in frame.select(*wanted, "licence").iter_rows()
    ]
    return pl.Series("denied", ["taken_down" if f else None for f in found], dtype=pl.String)


def _blank(run: str, spec: Judgement) -> pl.Series:
    """Documents of which their edits leave nothing but space."""
    if not spec.edits:
        return pl.Series([False])
    shown = pl.Series(pl.from_arrow(edits.view(run, spec.part, spec.edits).texts))
    return shown.str.strip_chars() == ""
