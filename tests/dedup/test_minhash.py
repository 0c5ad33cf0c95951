"""Signatures: what their equal entries and their bands say of the similarity of two texts."""

from __future__ import annotations

import numpy as np
import pytest

from dedup.minhash import band_keys, signatures
from dedup.params import MinHashParams
from dedup.sketches import ENTRIES, entries, least_equal, sketches, unequal
from tests.dedup.plain import column


def texts_of(rng: np.random.Generator, shared: int, own: int) -> list[str]:
    """Two texts of distinct words with this many in common."""
    names = [f"w{i}" for i in rng.permutation(100_000)[: shared + 2 * own]]
    return [" ".join(names[: shared + own]), " ".join(names[:shared] + names[shared + own :])]


@pytest.mark.parametrize("size", [(2, 12), (20, 200), (2000, 4000)])
def test_estimated_jaccard_is_unbiased(size: tuple[int, int]) -> None:
    """Of few shingles, too, of which each must serve many entries, and as concentrated as that of single minima."""
    rng = np.random.default_rng(0)
    params = MinHashParams(bands=32, rows=8, ngram=1, unit="word")
    errors, expected = [], []
    for _ in range(120):
        shared, own = int(rng.integers(*size)), int(rng.integers(1, size[1]))
        similarity = shared / (shared + 2 * own)
        found = signatures(column(texts_of(rng, shared, own)), params)
        errors.append((found[0] == found[1]).mean() - similarity)
        expected.append(similarity * (1 - similarity) / params.hashes)
    deviation = np.sqrt(np.mean(expected))
    assert abs(np.mean(errors)) < 3 * deviation / np.sqrt(120)
    assert np.std(errors) < 1.2 * deviation


@pytest.mark.parametrize(("shared", "own"), [(100, 80), (8, 6), (700, 300)])
def test_bands_collide_as_theory_says(shared: int, own: int) -> None:
    params = MinHashParams(bands=10, rows=4, ngram=1, unit="word")
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        keys = band_keys(signatures(column(texts_of(rng, shared, own)), params), params)
        hits += bool((keys[0] == keys[1]).any())
    expected = 1 - (1 - (shared / (shared + 2 * own)) ** params.rows) ** params.bands
    assert abs(hits / 400 - expected) < 4 * np.sqrt(expected * (1 - expected) / 400)


def test_one_shingle_fills_a_signature_and_no_shingle_none() -> None:
    found = signatures(column(["word", "word", "other", "", "!?"]), MinHashParams())
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).all()
    assert (found[3:] == np.uint64(0xFFFFFFFFFFFFFFFF)).all()


@pytest.mark.parametrize("bands", [5, 16, 50])
def test_sketches_miss_few_alike_pairs_and_pass_few_others(bands: int) -> None:
    params = MinHashParams(bands=bands, rows=4, ngram=1, unit="word")
    rng = np.random.default_rng(2)
    most = entries(params) - least_equal(0.6, params)
    passed = {}
    for shared, own in ((120, 40), (20, 90)):  # similarities of 0.6 and 0.1
        pairs = [sketches(signatures(column(texts_of(rng, shared, own)), params), params) for _ in range(300)]
        passed[shared] = np.mean([unequal(a, b) <= most for a, b in pairs])
    assert passed[120] > 0.985
    assert passed[20] < (0.02 if entries(params) == ENTRIES else 0.6)


def test_signatures_of_other_parameters_are_refused() -> None:
    found = signatures(column(["a b c"]), MinHashParams(bands=2, rows=3))
    with pytest.raises(ValueError, match="signatures have 6 hashes; 50 × 4 are asked for"):
        band_keys(found, MinHashParams())
