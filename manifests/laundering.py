"""What deduplication would have done to licences, had it kept the most permissive copy, as others do."""

from __future__ import annotations

import polars as pl

from manifests import parts, storage
from manifests.licences import CATEGORIES
from manifests.lineage import Index


def changed(run: str) -> pl.DataFrame:
    """Survivors that a permissive twin would have relicensed: ``licence_class``, ``would_be``, documents and tokens.

    ``licence_class`` is what the united evidence comes to. ValueError when the run has no lineage index.
    """
    index = Index(run)
    tokens = index.roll_up(["part", "row", "tokens"])
    codes = {name: code for code, name in enumerate(index.names["part"])}
    rank = {name: i for i, name in enumerate(CATEGORIES)}
    frames = []
    for path in storage.list_files(storage.join(run, "duplicates"), "part-*.parquet", recursive=True):
        part = parts.part_of(path)
        frame = parts.aligned(
            run,
            part,
            {parts.DOCUMENTS: ["id"], "duplicates": ["survivor"], "annotations/licence": ["licence_class"]},
        )
        united = parts.read(run, "annotations/united", part, ["licence_class"])["licence_class"]
        frames.append(
            frame.with_columns(
                pl.col("licence_class").replace_strict(rank, return_dtype=pl.Int32).alias("own"),
                pl.Series("united", united.to_pylist()),
                part=pl.lit(codes[part], pl.Int32),
            ).with_row_index("row")
        )
    schema = {"licence_class": pl.String, "would_be": pl.String, "documents": pl.UInt32, "tokens": pl.Int64}
    if not frames:
        return pl.DataFrame(schema=schema)
    everything = pl.concat(frames).with_columns(pl.col("row").cast(pl.Int32))
    best = everything.filter(pl.col("survivor").is_not_null()).group_by("survivor").agg(best=pl.col("own").min())
    kept = everything.filter(pl.col("survivor").is_null()).join(best, left_on="id", right_on="survivor")
    kept = kept.join(tokens, on=["part", "row"], how="left").with_columns(
        pl.min_horizontal("own", "best").alias("best"),
        pl.col("united").replace_strict(rank, return_dtype=pl.Int32).alias("now"),
    )
    found = kept.filter(pl.col("best") < pl.col("now"))
    names = dict(enumerate(CATEGORIES))
    return (
        found.group_by(licence_class="united", would_be=pl.col("best").replace_strict(names, return_dtype=pl.String))
        .agg(documents=pl.len(), tokens=pl.col("tokens").cast(pl.Int64).sum())
        .sort(["tokens", "licence_class", "would_be"], descending=[True, False, False])
    )
