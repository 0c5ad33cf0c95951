from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mixing
from manifests.mix import MixDomain, MixManifest
from mixing.planner import _cut, _fill, _positions, _take
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
    chosen, epoch = _take(length, budget, [0])
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
    chosen, epoch = _take(np.ones(50, np.int64), 100, [0])
    first, second = chosen[epoch == 0], chosen[epoch == 1]
    assert sorted(first) == sorted(second)
    assert first.tolist() != second.tolist()


def test_filling_skips_what_does_not_fit() -> None:
    length = np.array([5, 9, 3, 2, 1])
    assert _fill(np.arange(5), length, 11).tolist() == [0, 2, 3, 4]
    assert _fill(np.arange(5), length, 0).tolist() == []
    assert _positions(np.array([2, 2])).tolist() == [0.25, 0.75]
