"""Benchmarks found in the documents: how often, how alike, and item beside document for the matches between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import lineage, parts, storage
from manifests.report import frame as frames
from manifests.report.difference import Marked, apart
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain

FOLDER = "contamination"
_SHOWN = 6


@dataclass(frozen=True)
class Match:
    """``document`` is a number on the shelf; words are empty where texts are left out."""

    item: str
    kind: str
    score: float
    document: int
    item_words: Marked
    document_words: Marked
    why: Why


@dataclass(frozen=True)
class Benchmark:
    """``found`` counts its items that are in some document, ``documents`` those that hold any."""

    name: str
    items: int
    found: int
    documents: int
    why: Why


@dataclass(frozen=True)
class Kind:
    name: str
    matches: int
    why: Why


@dataclass(frozen=True)
class Contamination:
    items: int
    documents: int  #: with a match
    matches: int
    kinds: Sequence[Kind]
    benchmarks: Sequence[Benchmark]
    shown: Sequence[Match]  #: from the least of an item to all of one
    why: Why


def of(m: Material) -> Contamination | None:
    """Of the matches in a run folder; None when no benchmark was looked for."""
    items = frames.table(m.run, f"{FOLDER}/items.parquet")
    if items is None:
        return None
    uris = storage.list_files(storage.join(m.run, FOLDER), "part-*.parquet", recursive=True)
    schema = {"part": pl.String, "row": pl.Int64, "item": pl.String, "kind": pl.String, "score": pl.Float32}
    schema |= {"start": pl.Int64, "end": pl.Int64}
    found = [frames.read(u).with_columns(part=pl.lit(parts.part_of(u))) for u in uris]
    matches = pl.concat([pl.DataFrame(schema=schema), *(f.select(schema.keys()) for f in found)])
    matches = matches.with_columns(benchmark=pl.col("item").str.split("/").list.first()).sort("part", "row", "start")
    known = items.select(benchmark=pl.col("item").str.split("/").list.first()).group_by("benchmark").agg(items=pl.len())
    hit = matches.group_by("benchmark").agg(
        found=pl.col("item").n_unique(),
        documents=pl.struct("part", "row").n_unique(),
        behind=pl.format("{} {} {}", "benchmark", "part", "row").unique(maintain_order=True).head(5),
    )
    table = known.join(hit, on="benchmark", how="left").with_columns(pl.col("found", "documents").fill_null(0))
    kinds = matches["kind"].value_counts().sort("count", "kind", descending=[True, False])
    documents = matches.select("part", "row").n_unique()
    return Contamination(
        items=items.height,
        documents=documents,
        matches=matches.height,
        kinds=[Kind(plain(k, 40), n, m.why(_counted(k), {"matches": n})) for k, n in kinds.iter_rows()],
        benchmarks=[
            Benchmark(plain(b["benchmark"], 80), b["items"], b["found"], b["documents"], _why(m, b))
            for b in table.sort("documents", "benchmark", descending=[True, False]).iter_rows(named=True)
        ],
        shown=_shown(m, items, matches),
        why=m.why(_WHOLE, {"items": items.height, "documents": documents, "matches": matches.height}),
    )


_FILES = f"run / '{FOLDER}/*/part-*.parquet'"
_WHOLE = (
    f"pl.concat([pl.DataFrame(schema={{'file': pl.String, 'row': pl.Int64}}), *(pl.read_parquet(f, columns=['row'], "
    f"glob=False).select(pl.lit(str(f)).alias('file'), pl.col('row').cast(pl.Int64)) "
    f"for f in (run / '{FOLDER}').glob('*/part-*.parquet'))]).select(documents=pl.struct('file', 'row').n_unique(), "
    f"matches=pl.len(), items=pl.read_parquet(run / '{FOLDER}/items.parquet').height)"
)


def _counted(kind: str) -> str:
    return f"pl.read_parquet(run / '{FOLDER}/*/part-*.parquet').filter(kind={kind!r}).select(matches=pl.len())"


def _why(m: Material, row: Mapping[str, Any]) -> Why:
    query = (
        f"pl.read_parquet(run / '{FOLDER}/*/part-*.parquet', include_file_paths='file')"
        f".filter(pl.col('item').str.split('/').list.first() == {row['benchmark']!r})"
        ".select(found=pl.col('item').n_unique(), documents=pl.struct('file', 'row').n_unique())"
    )
    return m.why(query, {"found": row["found"], "documents": row["documents"]}, row["behind"])


def _shown(m: Material, items: pl.DataFrame, matches: pl.DataFrame) -> list[Match]:
    """Matches at even distances of their score, the least certain first, and one at least of each kind."""
    ordered = matches.sort("score", "part", "row", "start")
    first = ordered.with_row_index("n").unique("kind", keep="first", maintain_order=True)["n"].to_list()
    last = ordered.height - 1
    spread = [i * last // max(_SHOWN - 1, 1) for i in range(_SHOWN)] if ordered.height else []
    chosen = ordered[sorted(set([*first, *spread][: 2 * _SHOWN]))]
    questions = dict(items.filter(pl.col("item").is_in(chosen["item"].implode())).select("item", "question").rows())
    found = []
    for row in chosen.iter_rows(named=True):
        words: tuple[Marked, Marked] = ([], [])
        if not m.redact:
            text = lineage.row_of(m.run, parts.DOCUMENTS, row["part"], row["row"], ["text"])["text"].encode()
            span = text[row["start"] : row["end"]].decode("utf-8", "replace")
            item, quoted = (plain(t, len(t) + 1) for t in (questions.get(row["item"], ""), span))
            words = apart(item, quoted)
        document = m.shelf.one(row["part"], row["row"])
        query = (
            f"pl.read_parquet(run / '{parts.path(FOLDER, row['part'])}')"
            f".filter(row={row['row']}, item={row['item']!r}, start={row['start']}).select('score').head(1)"
        )
        why = m.why(query, {"score": float(row["score"])})
        found.append(Match(plain(row["item"], 80), row["kind"], float(row["score"]), document, *words, why))
    return found
