"""Duplicates as an exchange of keys: candidates share a key, and a document is removed only after its text is compared.

keys          each part writes keys of the documents that pass the rules, and the pairs within it
match         each partition of the keys yields the pairs between parts
frequencies   how many documents of a sample have each shingle
groups        the pairs are connected: by the driver, or where they are many, by blocks in rounds (``join``)
texts         each part moves the texts of its candidates to where their groups are judged
verify        a document goes when it duplicates a survivor itself
semantic      where the recipe asks, what stays is compared by meaning
duplicates    each part gets its rows of ``schemas.DUPLICATES``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa

from dedup import frequencies
from manifests import parts, storage
from manifests.receipts import Receipt, digest_of, output
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.errors import RunFailed
from pipelines.exchange import FEWEST, partitions
from pipelines.recipe import Recipe
from pipelines.slices import Slice, group_slices, slices_of
from pipelines.stages.deduplicate import edges, groups, index, join, judge, keys, match, semantic, texts, write
from pipelines.stages.deduplicate.places import FOLDER, SAMPLES
from pipelines.stages.deduplicate.roster import Roster
from pipelines.task import Made, Task

__all__ = ["deduplicate"]

#: documents of a source from which on the share of its fuzzy duplicates is held against the recipe's limit
_ENOUGH = 100


def deduplicate(conductor: Conductor, recipe: Recipe, catalog: Catalog, fresh: list[str], generation: int) -> None:
    """Writes ``duplicates/`` for the fresh parts. Survivors of earlier generations, and runs, stay survivors."""
    dedup = recipe.dedup
    suffix = f"-{generation}" if generation else ""
    pieces: list[Slice] = []
    if dedup.exact or dedup.fuzzy or dedup.url:
        pieces = _found(conductor, recipe, catalog, fresh, generation, suffix)
    else:
        stages = ("keys", "match", "frequencies", "roster", "groups", "texts", "verify")
        conductor.forget(
            *join.leftovers(conductor.run, suffix, []),
            *(f"{s}{suffix}" for s in stages),
            *([] if generation else ["index-duplicates"]),
        )
    found = group_slices(pieces)
    meant: dict[int | str, list[Slice]] = {}
    if not generation:
        embedded, compared = semantic.run(conductor, recipe, catalog, fresh, found)
        catalog.add(compared)
        _refuse_too_many(dedup.max_fuzzy_share, "semantic", dict(zip(fresh, embedded, strict=False)), compared)
        meant = group_slices(piece for receipt in compared for piece in slices_of(conductor.run, receipt))
    tasks = [write.task(catalog, p, found.get(p, []), meant.get(p, []), suffix) for p in fresh]
    catalog.add(conductor.map(f"duplicates{suffix}", tasks))


def _found(
    conductor: Conductor, recipe: Recipe, catalog: Catalog, fresh: list[str], generation: int, suffix: str
) -> list[Slice]:
    """The rows found for each part, as references."""
    dedup, run = recipe.dedup, conductor.run
    before = _index(recipe)
    earlier = sorted(set(catalog.parts()) - set(fresh)) if generation else []
    own = [*earlier, *sorted(fresh)]
    originals = sum(catalog.rows(p) for p in earlier or own) + sum(p.rows for p in before.parts)
    stage = dict.fromkeys(earlier, "keys") | dict.fromkeys(fresh, f"keys{suffix}")
    rules, made = recipe.select.rules, recipe.made
    split = dedup.partitions or partitions(keys.size(dedup, originals), before.fewest or FEWEST)
    key_tasks = [keys.task(catalog, p, dedup, rules, made, originals, stage[p], split) for p in own]
    elsewhere = before.by_partition(split)
    consumer = partial(match.task, dedup=dedup, stage=f"match{suffix}", partitions=split, earlier=elsewhere)
    matches = conductor.exchange(f"keys{suffix}", key_tasks, consumer, into=f"match{suffix}")
    produced = conductor.receipts(key_tasks)
    samples = [storage.join(run, f"{SAMPLES}/{p}.parquet") for p in own] if dedup.fuzzy else []
    samples += [before.sample] if before.sample else []
    common = conductor.here(f"frequencies{suffix}", _frequencies_task(samples, suffix))

    read = [parts.DOCUMENTS, *([texts.QUALITY] if recipe.annotate.quality else [])]
    documents = _roster(catalog, read, own, earlier, before)
    pairs = [*edges.files(own, produced, matches), *edges.earlier(run, before.parts)]
    together = groups.groups(conductor, documents, pairs, keys.most_unequal(dedup), suffix)
    order = texts.Order.of(dedup, [s.name for s in recipe.sources], len(read) > 1)
    verified = judge.judge(conductor, documents, together, common.outputs[0], dedup, order, suffix)
    catalog.add(verified)
    if not generation:
        known = [index.Earlier(p, catalog.rows(p), documents.digests[documents.places[p]]) for p in own]
        written = conductor.key_files("keys", key_tasks)
        catalog.add([conductor.here("index-duplicates", index.task(dedup, split, known, written, before))])
    keyed = {p: receipt for p, receipt in zip(own, produced, strict=True) if p in set(fresh)}
    _refuse_too_many(dedup.max_fuzzy_share, "fuzzy", keyed, verified)
    return [piece for receipt in verified for piece in slices_of(run, receipt)]


def _roster(
    catalog: Catalog, read: Sequence[str], own: Sequence[str], earlier: Sequence[str], before: index.Index
) -> Roster:
    """Of parts of earlier generations and runs also what became of their documents counts."""
    rows = {p: catalog.rows(p) for p in own} | {p.name: p.rows for p in before.parts}
    more = {p: [groups.COLUMN] for p in earlier}
    digests = {p: digest_of([catalog.digest(c, p) for c in [*read, *more.get(p, [])]]) for p in own}
    digests |= {p.name: p.digest for p in before.parts}
    names = sorted(rows)
    fresh = set(own) - set(earlier)
    return Roster(names, [rows[n] for n in names], [digests[n] for n in names], [n in fresh for n in names])


def _refuse_too_many(limit: float, kind: str, passing: Mapping[str, Receipt], judged: list[Receipt]) -> None:
    """A source that loses most of itself to likeness is more likely misjudged than worthless."""
    documents: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    for part, receipt in passing.items():
        documents[part.split("/")[0]] += receipt.counts["passing"]
    for receipt in judged:
        gone.update({n.removeprefix(f"{kind}:"): c for n, c in receipt.counts.items() if n.startswith(f"{kind}:")})
    what, where = ("near-duplicates", "verify") if kind == "fuzzy" else ("duplicates by meaning", "meaning")
    for source, total in sorted(documents.items()):
        if total >= _ENOUGH and gone[source] > limit * total:
            raise RunFailed(
                f"dedup: {gone[source]} of {total} documents of {source} are {what} "
                f"({gone[source] / total:.0%}, more than dedup.max_fuzzy_share {limit:g}): look at their pairs in "
                f"{FOLDER}/{where}, then raise the threshold, or max_fuzzy_share if they are duplicates"
            )


def _index(recipe: Recipe) -> index.Index:
    if not recipe.dedup.index:
        return index.Index()
    try:
        return index.read(recipe.dedup, recipe.dedup.index)
    except ValueError as error:
        raise RunFailed(f"dedup.index: {error}") from None


def _frequencies_task(samples: list[str], suffix: str) -> Task:
    key = digest_of("frequencies", keys.VERSION, [storage.digest(s) for s in samples])
    return Task(f"frequencies{suffix}", "frequencies", key, write_frequencies, (tuple(samples), suffix))


def write_frequencies(run: str, spec: tuple[tuple[str, ...], str]) -> Made:
    """How many documents of the united sample have each shingle; and the sample, for the index."""
    samples, suffix = spec
    united = frequencies.unite([keys.read_sample(s) for s in samples])
    counted = frequencies.count(united)
    path = f"{FOLDER}/frequencies{suffix}.parquet"
    table = pa.table({"shingle": counted.hashes, "documents": counted.counts})
    storage.write_table(storage.join(run, path), table, {"cuvee.documents": str(counted.documents)})
    made = [output(run, path, table.num_rows)]
    if not suffix:
        storage.write_table(storage.join(run, index.SAMPLE), keys.sample_table(united))
        made.append(output(run, index.SAMPLE, counted.documents))
    return Made(made, {"documents": counted.documents, "shingles": table.num_rows})
