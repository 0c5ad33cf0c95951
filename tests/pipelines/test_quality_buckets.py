from __future__ import annotations

import numpy as np
import polars as pl

from pipelines import selection


def documents(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "domain": ["web", "books"] * (n // 2),
            "source": "s",
            "licence_class": "permissive",
            "reserved": False,
            "language": "eng",
            "origin": "human",
            "quality": np.where(np.arange(n) % 2 == 0, rng.uniform(0, 0.5, n), rng.uniform(0.4, 1.0, n)),
        }
    )


def test_buckets_are_equal_shares_of_each_domain() -> None:
    frame = documents()
    edges = selection.quality_edges(frame.select("domain", "quality"), 4)
    strata = selection.strata(frame, edges)
    counts = dict(strata.value_counts().iter_rows())
    assert set(counts) == {f"{d}~s~permissive~eng~human~q{q}" for d in ("web", "books") for q in range(1, 5)}
    assert all(45 <= n <= 55 for n in counts.values()), counts
    means = frame.with_columns(stratum=strata).group_by("stratum").agg(pl.col("quality").mean()).sort("stratum")
    assert means.filter(pl.col("stratum").str.starts_with("web"))["quality"].is_sorted()
    assert selection.licence_of(strata[0]) == ("permissive", False)
    assert selection.origin_of(strata[0]) == "human"


def test_documents_without_a_score_are_a_bucket_of_their_own() -> None:
    frame = documents(8).with_columns(quality=pl.lit(None, pl.Float64))
    edges = selection.quality_edges(frame.select("domain", "quality"), 4)
    assert edges == {}
    assert set(selection.strata(frame, edges).str.split("~").list.last()) == {"q0"}
    assert selection.strata(frame).str.count_matches("~").unique().to_list() == [4], "no bucket unless it is wanted"


def test_scores_that_are_all_alike_make_one_bucket() -> None:
    frame = documents(40).with_columns(quality=pl.lit(0.5))
    strata = selection.strata(frame, selection.quality_edges(frame.select("domain", "quality"), 4))
    assert strata.str.split("~").list.last().n_unique() == 1
