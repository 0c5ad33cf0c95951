"""Curate: annotations beside the documents, duplicates, and a verdict for each."""

from __future__ import annotations

from manifests.reviews import Book
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.recipe import Recipe
from pipelines.stages import (
    annotate,
    annotators,
    decontaminate,
    deduplicate,
    identity,
    licences,
    passages,
    quality,
    verdicts,
)


def curate(conductor: Conductor, recipe: Recipe, catalog: Catalog, book: Book, *, generation: int = 0) -> None:
    """Annotates, deduplicates and judges the documents of one generation.

    Generation 0 are originals. A later one is held against the earlier ones and itself, and never evicts an original.
    ``book`` is what people decided.
    """
    later = {recipe.rephrase.source} if recipe.rephrase else set()
    fresh = catalog.parts(later if generation else {s.name for s in recipe.sources})
    suffix = f"-{generation}" if generation else ""

    catalog.add([conductor.here(f"identity{suffix}", identity.task(catalog, fresh, suffix))])
    catalog.add(conductor.map(f"annotate{suffix}", [annotate.task(catalog, p, recipe.annotate, suffix) for p in fresh]))
    licences.conclude(conductor, catalog, fresh, suffix)
    quality.run(conductor, catalog, recipe.annotate.quality, recipe.seed, fresh, generation)
    annotators.run(conductor, catalog, recipe, fresh, suffix)
    decontaminate.run(conductor, catalog, recipe.decontaminate, fresh, suffix)
    deduplicate.deduplicate(conductor, recipe, catalog, fresh, generation)
    if not generation:
        passages.run(conductor, recipe, catalog, fresh)
    licences.unite(conductor, catalog, book, fresh, suffix)
    edges = verdicts.buckets(conductor, catalog, recipe, fresh, suffix)
    catalog.add(conductor.map(f"select{suffix}", [verdicts.task(catalog, p, recipe, suffix, edges) for p in fresh]))
    if not generation and not catalog.count("select", "kept"):
        raise RunFailed(
            f"select: none of {catalog.count('ingest', 'documents')} documents is kept: {_dropped(catalog)}"
        )


def _dropped(catalog: Catalog) -> str:
    reasons = {n.removeprefix("dropped:"): c for n, c in catalog.counts["select"].items() if n.startswith("dropped:")}
    return ", ".join(f"{n} {c}" for n, c in sorted(reasons.items(), key=lambda item: -item[1]))
