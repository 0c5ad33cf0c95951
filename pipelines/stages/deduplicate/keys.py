"""Keys of a part, as tasks: what finds duplicates elsewhere. Pairs within the part are found here and now.

So of documents nearly the same only one is heard of outside, and a key that a million documents share (boilerplate, an
attack) crosses once or a few times a part. A sample of the texts is taken for the frequencies of shingles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from dedup import frequencies, keys, pairs, sketches, urls
from dedup.params import MinHashParams
from dedup.shingles import ShingleSets
from manifests import parts, storage
from manifests.receipts import Output, output
from pipelines import conditions, selection
from pipelines.catalog import Catalog
from pipelines.exchange import write_keys
from pipelines.recipe import Dedup, Rule
from pipelines.slices import list_slices
from pipelines.stages.deduplicate.places import EDGES, KEYS, SAMPLES
from pipelines.task import Made, Task

VERSION = 3
#: a key, the row it came from, and the sketch of that document
RECORD = np.dtype([("key", "<u8"), ("row", "<u4"), ("sketch", "<u8", (sketches.WORDS,))])
PAIRS = pa.schema([("a", pa.uint32()), ("b", pa.uint32()), ("apart", pa.uint8())])
#: fields of the recipe's section that say what is done with candidates, not which there are
_LATER = {
    "partitions",
    "specific",
    "survivor",
    "max_fuzzy_share",
    "index",
    "lines",
    "paragraphs",
    "substring",
    "semantic",
}
#: documents are sampled from about this many times as many as are needed
_AMPLE = 4


@dataclass(frozen=True)
class _Keys:
    part: str
    dedup: Dedup
    rules: tuple[Rule, ...]
    made: tuple[str, ...]  #: optional annotations
    share: float  #: of the contents, from which the sample is taken
    partitions: int


def task(
    catalog: Catalog,
    part: str,
    dedup: Dedup,
    rules: Sequence[Rule],
    made: tuple[str, ...],
    total: int,
    stage: str,
    partitions: int,
) -> Task:
    """``total`` documents are deduplicated in all."""
    share = min(1.0, _AMPLE * frequencies.SAMPLE / max(total, 1))
    spec = _Keys(part, dedup, tuple(rules), made, share, partitions)
    said = (
        dedup.model_dump(mode="json", exclude=_LATER),
        [r.model_dump(mode="json") for r in rules],
        share,
        *([urls.VERSION] if dedup.url else []),
    )
    key = catalog.key("keys", VERSION, part, [*conditions.columns(made)], *said, partitions)
    return Task(stage, parts.task_name(part), key, write_part_keys, spec)


def size(dedup: Dedup, documents: int) -> int:
    """Bytes of the keys of so many documents."""
    each = dedup.exact + dedup.url + dedup.fuzzy * dedup.bands
    return documents * each * RECORD.itemsize


def parameters(dedup: Dedup) -> MinHashParams:
    return MinHashParams(bands=dedup.bands, rows=dedup.rows, ngram=dedup.shingle, unit=dedup.unit)


def most_unequal(dedup: Dedup) -> int:
    """Entries in which the sketches of two candidates may differ."""
    params = parameters(dedup)
    return sketches.entries(params) - sketches.least_equal(dedup.threshold, params)


def write_part_keys(run: str, spec: _Keys) -> Made:
    """Keys, pairs and sample of the documents that pass the rules."""
    documents = conditions.frame(run, spec.part, spec.made)
    passing = np.flatnonzero(selection.reasons(documents, spec.rules).is_null().to_numpy()).astype(np.int64)
    content = keys.content_keys(parts.read(run, parts.DOCUMENTS, spec.part, ["content_hash"])["content_hash"])[passing]
    found: list[keys.Records] = []
    outputs = []
    if spec.dedup.exact:
        found.append(keys.exact_records(content))
    if spec.dedup.url:
        found.append(urls.records(documents["url"].gather(passing).to_list()))
    if spec.dedup.fuzzy:
        texts = parts.read(run, parts.DOCUMENTS, spec.part, ["text"])["text"].take(pa.array(passing))
        params = parameters(spec.dedup)
        found.append(keys.fuzzy_records(texts, params))
        few = np.flatnonzero(content < np.uint64(min(spec.share * 2.0**64, 2.0**64 - 2048)))
        taken = frequencies.sample(texts.take(pa.array(few)), content[few], params)
        path = f"{SAMPLES}/{spec.part}.parquet"
        storage.write_table(storage.join(run, path), sample_table(taken))
        outputs.append(output(run, path, len(taken.order)))
    key, row, sketch = (np.concatenate(x) for x in zip(*found, strict=True))
    row = passing[row]
    joined = pairs.candidates(key, row, sketch, most_unequal(spec.dedup))
    outputs.append(_write_pairs(run, f"{EDGES}/{spec.part}.parquet", joined))
    records = np.empty(int(joined.leads.sum()), RECORD)
    records["key"], records["row"], records["sketch"] = (x[joined.leads] for x in (key, row, sketch))
    made, slices = write_keys(run, f"{KEYS}/{spec.part}.keys", records, spec.partitions)
    listing, said = list_slices(run, made.path, slices)
    counts = {
        "documents": documents.height,
        "passing": len(passing),
        "keys": len(key),
        "crossing": len(records),
        "capped": joined.capped,
    }
    return Made([made, listing, *outputs], counts, said)


def _write_pairs(run: str, path: str, found: pairs.Candidates) -> Output:
    table = pa.table(
        {"a": found.edges[:, 0], "b": found.edges[:, 1], "apart": np.minimum(found.apart, 255)}, schema=PAIRS
    )
    storage.write_table(storage.join(run, path), table)
    return output(run, path, table.num_rows)


def sample_table(taken: frequencies.Sample) -> pa.Table:
    offsets = pa.array(taken.sets.offsets, pa.int64())
    return pa.table({"order": taken.order, "shingles": pa.LargeListArray.from_arrays(offsets, taken.sets.hashes)})


def read_sample(uri: str) -> frequencies.Sample:
    table = pl.DataFrame(pl.from_arrow(storage.read_table(uri)))
    lengths = table["shingles"].list.len().to_numpy().astype(np.int64)
    hashes = table["shingles"].explode(empty_as_null=False).cast(pl.UInt64).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return frequencies.Sample(table["order"].to_numpy(), ShingleSets(offsets, hashes))
