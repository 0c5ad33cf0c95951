"""Token pools as tasks: each part's kept documents become token arrays with spans, one array a stratum and split."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from manifests import parts, storage
from manifests.receipts import Output, digest_of, output
from mixing.pools import PoolFile, write_part
from mixing.tokenizer import Tokenizer, train_bpe
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.recipe import Recipe, TokenizerTraining
from pipelines.task import Made, Task

VERSION = 1
MODEL = "models/tokenizer.json"
FOLDER = "pools"


def tokenizer(conductor: Conductor, recipe: Recipe, catalog: Catalog) -> str:
    """Path of the tokenizer in the run: trained on kept text, or a copy of the recipe's file. Returns its digest."""
    assert recipe.tokenizer is not None
    section = recipe.tokenizer
    if section.train is None:
        key = digest_of("tokenizer", VERSION, storage.digest(section.path))
        task = Task("tokenizer", "tokenizer", key, copy_tokenizer, section.path)
    else:
        used = tuple(catalog.parts())
        digests = [catalog.digest(c, p) for p in used for c in (parts.DOCUMENTS, "verdicts")]
        key = digest_of("tokenizer", VERSION, section.model_dump(mode="json"), digests)
        task = Task("tokenizer", "tokenizer", key, train_tokenizer, (section.train, used))
    catalog.add(conductor.map("tokenizer", [task]))
    return catalog.files[MODEL].digest


def copy_tokenizer(run: str, path: str) -> Made:
    Tokenizer.load(path)  # refuses what is no tokenizer
    storage.write_bytes(storage.join(run, MODEL), storage.read_bytes(path))
    return Made([output(run, MODEL)])


def train_tokenizer(run: str, spec: tuple[TokenizerTraining, tuple[str, ...]]) -> Made:
    training, used = spec
    with storage.replacing(storage.join(run, MODEL)) as temporary:
        train_bpe(_sample(run, used, training.sample_bytes), training.vocabulary, str(temporary))
    return Made([output(run, MODEL)])


def _sample(run: str, used: tuple[str, ...], limit: int) -> Iterator[str]:
    """Kept training text, the same share of every part, up to about ``limit`` bytes in all."""
    kept: list[tuple[str, pl.Series, int]] = []
    for part in used:
        verdicts = parts.aligned(run, part, {"verdicts": None})
        rows = verdicts.with_row_index("row").filter(pl.col("keep") & (pl.col("split") == "train"))["row"]
        kept.append((part, rows, len(rows)))
    total = 0
    sizes = []
    for part, rows, _ in kept:
        texts = pl.Series(pl.from_arrow(parts.read(run, parts.DOCUMENTS, part, ["text"])["text"]))
        lengths = texts.str.len_bytes()[rows]
        total += int(lengths.sum())
        sizes.append(lengths)
    share = min(1.0, limit / max(total, 1))
    for (part, rows, _), lengths in zip(kept, sizes, strict=True):
        chosen = rows.filter(lengths.cum_sum() <= share * int(lengths.sum())) if share < 1 else rows
        texts = parts.read(run, parts.DOCUMENTS, part, ["text"])["text"].take(pa.array(chosen.to_list(), pa.int64()))
        yield from texts.to_pylist()


def task(catalog: Catalog, part: str, tokenizer_digest: str) -> Task:
    key = catalog.key("pools", VERSION, part, [parts.DOCUMENTS, "verdicts"], tokenizer_digest)
    return Task("pools", part.replace("/", "."), key, pool_part, part)


def pool_part(run: str, part: str) -> Made:
    """Tokenizes the kept documents of a part."""
    encoder = Tokenizer.load(storage.join(run, MODEL))
    columns: dict[str, list[str] | None] = {parts.DOCUMENTS: ["text"], "verdicts": ["keep", "stratum", "split"]}
    frame = parts.aligned(run, part, columns).with_row_index("row").filter(pl.col("keep")).drop("keep")
    path = parts.path(parts.DOCUMENTS, part)
    files = write_part(storage.join(run, FOLDER), part.replace("/", "."), path, frame, encoder)
    outputs: list[Output] = []
    for file in files:
        outputs.append(output(run, file.path, file.tokens))
        outputs.append(output(run, file.spans_path, file.documents))
    counts = {"documents": frame.height, "tokens": sum(f.tokens for f in files)}
    return Made(outputs, counts, {"files": [f.as_dict() for f in files]})


def run(conductor: Conductor, recipe: Recipe, catalog: Catalog) -> list[PoolFile]:
    """Tokenizer, then pools of every part; the pool files in the order of their paths."""
    digest = tokenizer(conductor, recipe, catalog)
    receipts = conductor.map("pools", [task(catalog, p, digest) for p in catalog.parts()])
    catalog.add(receipts)
    files = [PoolFile(**f) for r in receipts for f in r.data["files"]]
    return sorted(files, key=lambda f: f.path)
