"""Token pools as tasks: each part's kept documents become token arrays with spans, one array a stratum and split.

What is tokenized is the view that all edits of the run make of a document; its text stays as it was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from manifests import edits, parts, storage
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


@dataclass(frozen=True)
class _Viewed:
    """A document part and the names of the edits through which it is read."""

    part: str
    edits: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """What a task that reads the view depends on, verdicts included."""
        return [parts.DOCUMENTS, "verdicts", *(edits.column(n) for n in self.edits)]

    def texts(self, run: str) -> pl.Series:
        return pl.Series(pl.from_arrow(edits.view(run, self.part, self.edits).texts))


def tokenizer(conductor: Conductor, recipe: Recipe, catalog: Catalog) -> str:
    """Path of the tokenizer in the run: trained on kept text, or a copy of the recipe's file. Returns its digest."""
    assert recipe.tokenizer is not None
    section = recipe.tokenizer
    if section.train is None:
        key = digest_of("tokenizer", VERSION, storage.digest(section.path))
        task = Task("tokenizer", "tokenizer", key, copy_tokenizer, section.path)
    else:
        used = tuple(_Viewed(p, tuple(catalog.edits(p))) for p in catalog.parts())
        digests = [catalog.digest(c, v.part) for v in used for c in v.columns]
        key = digest_of("tokenizer", VERSION, section.model_dump(mode="json"), digests)
        task = Task("tokenizer", "tokenizer", key, train_tokenizer, (section.train, used))
    catalog.add(conductor.map("tokenizer", [task]))
    return catalog.files[MODEL].digest


def copy_tokenizer(run: str, path: str) -> Made:
    Tokenizer.load(path)  # refuses what is no tokenizer
    storage.write_bytes(storage.join(run, MODEL), storage.read_bytes(path))
    return Made([output(run, MODEL)])


def train_tokenizer(run: str, spec: tuple[TokenizerTraining, tuple[_Viewed, ...]]) -> Made:
    training, used = spec
    with storage.replacing(storage.join(run, MODEL)) as temporary:
        train_bpe(_sample(run, used, training.sample_bytes), training.vocabulary, str(temporary))
    return Made([output(run, MODEL)])


def _sample(run: str, used: tuple[_Viewed, ...], limit: int) -> Iterator[str]:
    """Kept training text, the same share of every part, up to about ``limit`` bytes in all."""
    kept: list[tuple[_Viewed, pl.Series]] = []
    for viewed in used:
        verdicts = parts.aligned(run, viewed.part, {"verdicts": None})
        kept.append(
            (viewed, verdicts.with_row_index("row").filter(pl.col("keep") & (pl.col("split") == "train"))["row"])
        )
    total = 0
    sizes = []
    for viewed, rows in kept:
        lengths = viewed.texts(run).str.len_bytes()[rows]
        total += int(lengths.sum())
        sizes.append(lengths)
    share = min(1.0, limit / max(total, 1))
    for (viewed, rows), lengths in zip(kept, sizes, strict=True):
        chosen = rows.filter(lengths.cum_sum() <= share * int(lengths.sum())) if share < 1 else rows
        yield from viewed.texts(run)[chosen]


def task(catalog: Catalog, part: str, tokenizer_digest: str) -> Task:
    viewed = _Viewed(part, tuple(catalog.edits(part)))
    key = catalog.key("pools", VERSION, part, viewed.columns, tokenizer_digest)
    return Task("pools", parts.task_name(part), key, pool_part, viewed)


def pool_part(run: str, viewed: _Viewed) -> Made:
    """Tokenizes the kept documents of a part, with its edits applied."""
    encoder = Tokenizer.load(storage.join(run, MODEL))
    verdicts = parts.aligned(run, viewed.part, {"verdicts": ["keep", "stratum", "split"]})
    frame = verdicts.with_columns(text=viewed.texts(run)).with_row_index("row").filter(pl.col("keep")).drop("keep")
    path = parts.path(parts.DOCUMENTS, viewed.part)
    folder, name = storage.join(run, FOLDER), parts.task_name(viewed.part)
    files = write_part(folder, name, path, frame, encoder, view=viewed.edits)
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
