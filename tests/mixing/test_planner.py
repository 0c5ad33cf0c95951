from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixing
from manifests.mix import MixDomain, MixManifest, MixShare, MixStage
from mixing import planner
from mixing.planner import _cut, _fill, _parts, _positions, _take
from mixing.pools import PoolSet


def manifest(pools: PoolSet, shares: dict[str, float], budget: int, seed: int = 0) -> MixManifest:
    """A manifest with the given epochs-free shares over all strata of the pools."""
    available = pools.tokens()
    tokens = {d: int(budget * s) for d, s in shares.items()}
    tokens[next(iter(tokens))] += budget - sum(tokens.values())
    domains = {
        d: MixDomain(
            weight=s,
            tokens=tokens[d],
            available=available[d],
            epochs=tokens[d] / available[d],
            pools=[x for x in pools.strata() if x.startswith(f"{d}~")],
        )
        for d, s in shares.items()
    }
    return MixManifest(seed=seed, tokenizer="t", budget=budget, domains=domains)


SHARES = {"web": 0.5, "code": 0.3, "prose": 0.2}


def test_budgets_are_filled_with_whole_documents(pools: PoolSet) -> None:
    plan = mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)
    shortest = min(int(pools.spans(i).lengths.min()) for i in range(len(pools.files)))
    assert set(plan.tokens) == set(SHARES)
    for domain, share in SHARES.items():
        assert plan.tokens[domain] + plan.deficit[domain] == pytest.approx(20_000 * share, abs=1)
        assert 0 <= plan.deficit[domain] < 8 * shortest
    assert sum(plan.tokens.values()) == plan.length.sum()
    lengths = [pools.spans(f).lengths[s] for f, s in zip(plan.file, plan.span, strict=True)]
    assert plan.length.tolist() == lengths


def test_epochs_repeat_every_document_before_a_third_time(pools: PoolSet) -> None:
    plan = mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)
    rows = plan.table()
    prose = [i for i, f in enumerate(pools.files) if f.domain == "prose" and f.split == "train"]
    mine = rows.filter(rows["file"].is_in(prose))
    counts = mine.group_by("file", "span").len()["len"]
    documents = sum(pools.files[i].documents for i in prose)
    assert len(counts) == documents
    assert counts.max() - counts.min() <= 1
    assert counts.max() >= 3, "this budget repeats prose"
    assert sorted(mine.filter(mine["epoch"] == 0)["span"].to_list()) == sorted(
        s for i in prose for s in range(pools.files[i].documents)
    )


def test_heldout_documents_never_enter(pools: PoolSet) -> None:
    plan = mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)
    assert {pools.files[i].split for i in plan.file} == {"train"}


def test_every_stretch_has_the_weights_of_the_whole(pools: PoolSet) -> None:
    plan = mixing.plan(manifest(pools, SHARES, 20_000), pools, shard_tokens=3000)
    domain = np.array([pools.files[i].domain for i in plan.file])
    for shard in range(plan.shards - 1):
        rows = slice(plan.bounds[shard], plan.bounds[shard + 1])
        assert 0 < plan.length[rows].sum() <= 3000
        for name, share in SHARES.items():
            got = plan.length[rows][domain[rows] == name].sum() / plan.length[rows].sum()
            assert got == pytest.approx(share, abs=0.06)


def test_seed_decides_the_order(pools: PoolSet) -> None:
    one, same, other = (mixing.plan(manifest(pools, SHARES, 5000, s), pools, shard_tokens=999) for s in (1, 1, 2))
    assert one.table().equals(same.table())
    assert not one.table().equals(other.table())


def test_what_is_missing_is_named(pools: PoolSet) -> None:
    good = manifest(pools, SHARES, 5000)
    domains = dict(good.domains)
    domains["web"] = domains["web"].model_copy(update={"pools": ["web~gone"]})
    with pytest.raises(ValueError, match="'web' names pools that do not exist: web~gone"):
        mixing.plan(good.model_copy(update={"domains": domains}), pools, shard_tokens=10)
    domains["web"] = domains["web"].model_copy(update={"pools": []})
    with pytest.raises(ValueError, match="its pools hold no documents"):
        mixing.plan(good.model_copy(update={"domains": domains}), pools, shard_tokens=10)
    with pytest.raises(ValueError, match="shard_tokens is 0"):
        mixing.plan(good, pools, shard_tokens=0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(0, 3000))
def test_taking_leaves_less_than_any_document_left_out(sizes: list[int], budget: int) -> None:
    length = np.array(sizes, np.int64)
    chosen, epoch = _take(length, np.zeros_like(length), np.arange(len(length)), budget, [0])
    left = budget - int(length[chosen].sum())
    counts = np.bincount(chosen, minlength=len(sizes))
    assert left >= 0
    assert counts.max() - counts.min() <= 1
    assert np.all(length[counts == counts.min()] > left) or left == 0
    assert np.all(np.diff(epoch) >= 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 60))
def test_cuts_are_full(sizes: list[int], most: int) -> None:
    length = np.array(sizes, np.int64)
    bounds = _cut(length, most)
    assert (bounds[0], bounds[-1]) == (0, len(sizes))
    for a, b in pairwise(bounds):
        assert length[a:b].sum() <= most or b - a == 1
        assert b == len(sizes) or length[a : b + 1].sum() > most


def test_every_epoch_is_a_shuffle_of_its_own() -> None:
    chosen, epoch = _take(np.ones(50, np.int64), np.zeros(50, np.int64), np.arange(50), 100, [0])
    first, second = chosen[epoch == 0], chosen[epoch == 1]
    assert sorted(first) == sorted(second)
    assert first.tolist() != second.tolist()


def test_filling_skips_what_does_not_fit() -> None:
    length = np.array([5, 9, 3, 2, 1])
    assert _fill(np.arange(5), length, 11).tolist() == [0, 2, 3, 4]
    assert _fill(np.arange(5), length, 0).tolist() == []
    assert _positions(np.array([2, 2])).tolist() == [0.25, 0.75]


def test_stages_follow_one_another_in_shards_of_their_own(pools: PoolSet) -> None:
    whole = manifest(pools, SHARES, 12_000)
    first = {n: MixShare(weight=1 / 3, tokens=d.tokens // 2, epochs=0) for n, d in whole.domains.items()}
    last = {n: MixShare(weight=1 / 3, tokens=d.tokens - d.tokens // 2, epochs=0) for n, d in whole.domains.items()}
    budgets = [sum(s.tokens for s in stage.values()) for stage in (first, last)]
    stages = [
        MixStage(name="pretraining", budget=budgets[0], domains=first),
        MixStage(name="annealing", budget=budgets[1], domains=last, min_document=40),
    ]
    staged = MixManifest.model_validate(whole.model_dump() | {"stages": [s.model_dump() for s in stages]})
    plan = mixing.plan(staged, pools, shard_tokens=1000)
    (a, b), (c, d) = plan.stages["pretraining"], plan.stages["annealing"]
    assert (a, b, d) == (0, c, plan.shards)
    table = plan.table()
    late = table.filter(pl.col("shard") >= c)
    assert late["tokens"].min() >= 40, "no short documents at the end"
    early = table.filter(pl.col("shard") < c)
    assert early["tokens"].min() < 40
    assert early["tokens"].sum() <= budgets[0]
    assert late["tokens"].sum() <= budgets[1]
    for stratum_file in late.group_by("file"):
        documents = stratum_file[1]
        seen = early.filter(file=documents["file"][0])
        again = documents.join(seen, on=["file", "span"], how="semi")
        assert (again["epoch"] > 0).all(), "what was seen before counts as repeated"
    assert mixing.plan(staged, pools, shard_tokens=1000).table().equals(table)


def test_a_stage_without_long_documents_says_so(pools: PoolSet) -> None:
    whole = manifest(pools, {"web": 1.0}, 1000)
    share = MixShare(weight=1, tokens=1000, epochs=0)
    stage = MixStage(name="long", budget=1000, domains={"web": share}, min_document=10_000)
    staged = MixManifest.model_validate(whole.model_dump() | {"stages": [stage.model_dump()]})
    with pytest.raises(ValueError, match="its pools hold no documents of 10,000 tokens or more"):
        mixing.plan(staged, pools, shard_tokens=1000)


def test_buckets_are_repeated_apart(pools: PoolSet) -> None:
    whole = manifest(pools, {"web": 1.0}, 6000)
    low, high = ([s for s in pools.strata() if s.startswith("web~") and s.endswith(q)] for q in ("q0", "q1"))
    held = pools.strata()
    buckets = [
        {"pools": some, "available": (n := sum(held[s] for s in some)), "tokens": tokens, "epochs": tokens / n}
        for some, tokens in ((low, 1000), (high, 5000))
    ]
    data = whole.model_dump()
    data["domains"]["web"]["buckets"] = buckets
    table = mixing.plan(MixManifest.model_validate(data), pools, shard_tokens=3000).table()
    stratum = pl.Series([pools.files[i].stratum for i in table["file"].to_list()])
    tokens = table.with_columns(stratum=stratum).group_by("stratum").agg(pl.col("tokens").sum())
    got = dict(tokens.iter_rows())
    assert sum(got.get(s, 0) for s in low) == pytest.approx(1000, abs=60)
    assert sum(got.get(s, 0) for s in high) == pytest.approx(5000, abs=60)


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=9).filter(any), st.integers(0, 10**14))
def test_a_budget_is_divided_to_the_last_token(sizes: list[int], budget: int) -> None:
    assert _parts(sum(sizes), sizes) == sizes
    parts = _parts(budget, sizes)
    assert sum(parts) == budget
    assert all(abs(part * sum(sizes) - budget * size) < sum(sizes) for part, size in zip(parts, sizes, strict=True))


def test_a_manifest_of_weights_alone_cannot_be_planned(pools: PoolSet) -> None:
    empty = MixManifest.model_validate(
        {"budget": 0, "domains": {"web": {"weight": 1, "tokens": 0, "available": 0, "epochs": 0}}}
    )
    with pytest.raises(ValueError, match="has weights but no budget"):
        mixing.plan(empty, pools, shard_tokens=10)


def test_what_was_taken_since_is_missing_from_its_domain(pools: PoolSet) -> None:
    made = mixing.plan(manifest(pools, {"web": 0.5, "code": 0.5}, 6000), pools, shard_tokens=2000)
    domains = [f.stratum.split("~")[0] for f in pools.files]
    taken = {int(made.file[i]): {int(made.span[i])} for i in (0, 1, len(made.file) - 1)}
    left = planner.without(made, taken, domains)
    for name in made.tokens:
        planned = [n for f, n in zip(left.file.tolist(), left.length.tolist(), strict=True) if domains[f] == name]
        assert left.tokens[name] == sum(planned)
        assert left.tokens[name] + left.deficit[name] == made.tokens[name] + made.deficit[name]
    assert sum(left.tokens.values()) < sum(made.tokens.values())
    assert left.bounds[-1] == len(left.file) < len(made.file)
