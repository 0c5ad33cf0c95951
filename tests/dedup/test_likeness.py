"""When near-duplicates are not duplicates: templates, clauses, passages of their own, texts too short to tell."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.clustering import cluster
from dedup.frequencies import SAMPLE, Sample, count, sample, unite
from dedup.likeness import stretches, words
from dedup.params import MinHashParams
from dedup.shingles import ShingleSets
from tests.dedup.plain import column

BSD = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that
the following conditions are met: 1. Redistributions of source code must retain the above copyright notice, this list
of conditions and the following disclaimer. 2. Redistributions in binary form must reproduce the above copyright notice,
this list of conditions and the following disclaimer in the documentation and/or other materials provided with the
distribution. {} THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR
PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT,
INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE
GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF
LIABILITY."""
THIRD = """3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or
promote products derived from this software without specific prior written permission."""


def test_licences_that_differ_by_a_clause_stay_apart() -> None:
    texts = [BSD.format(""), BSD.format(THIRD), BSD.format("").replace("(INC", "(inc").replace("; OR", "; or")]
    assert cluster(texts).tolist() == [0, -1, 0]
    assert words(column(texts)).legal.all()
    assert not words(
        column(["a page about a river and the permission to fish", "", " ".join(["fish"] * 200)])
    ).legal.any()


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("without modification", "without such modification", False),  # a word more
        ("2. Redistributions in", "3. Redistributions in", False),  # a number that is no year
        ("binary forms", "binary form", False),
        ("Copyright (c) 2011 Ann Smith.", "Copyright (c) 1999 Some University.", True),
        ("Copyright (c) 2011 Ann Smith.", "COPYRIGHT 2015-2019 ANN SMITH", True),
        ("in 2010", "in 2020", True),
        ("Smith. All rights reserved.", "Smith. No commercial use allowed.", False),
    ],
)
def test_in_law_a_word_is_a_difference_and_who_holds_the_copyright_is_none(old: str, new: str, same: bool) -> None:
    text = f"Copyright (c) 2011 Ann Smith. All rights reserved. First published in 2010. {BSD.format('')}"
    assert old in text
    assert cluster([text, text.replace(old, new)]).tolist() == ([0, 0] if same else [-1, -1])


VOCABULARY = ["".join(w) for w in np.random.default_rng(6).choice([*"abcdefghijklmnoprstuvwy"], (8000, 6))]


def prose(rng: np.random.Generator, length: int) -> str:
    """Words as common and rare as words are."""
    return " ".join(VOCABULARY[i] for i in np.minimum(rng.pareto(1.0, length) * 50, 7999).astype(int))


def test_pages_of_one_template_stay_apart_and_edited_ones_do_not() -> None:
    """Two thirds of each page are the site's; and the same page with a word in thirty changed is the same page."""
    rng = np.random.default_rng(4)
    frame = prose(rng, 400)
    pages = [f"{frame} {prose(rng, 200)}" for _ in range(60)]
    edited = []
    for page in pages[:20]:
        said = page.split()
        for at in rng.integers(0, len(said), len(said) // 30):
            said[at] = "changed"
        edited.append(" ".join(said))
    labels = cluster(pages + edited)
    assert labels[60:].tolist() == list(range(20))
    assert labels[20:60].tolist() == [-1] * 40


def test_short_records_of_one_form_stay_apart() -> None:
    form = "Part number {} fits the model of this year. Please order {} pieces at least, for {}, within two weeks."
    texts = [form.format(f"A{i}9", i + 3, f"store {i}{i}") for i in range(30)]
    assert (cluster(texts) < 0).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.lists(st.sampled_from("abcdef"), max_size=12))
def test_stretches_are_those_of_a_plain_walk(a: list[str], b: list[str]) -> None:
    found = words(column([" ".join(a), " ".join(b)]))
    left, right = (found.hashes[found.offsets[i] : found.offsets[i + 1]] for i in (0, 1))
    there = set(pairwise(b))
    runs = [len(list(g)) for own, g in groupby(pairwise(a), key=lambda pair: pair not in there) if own]
    expected = (max(runs, default=0), sum(n for n in runs if n >= 8))
    assert stretches(left, right, np.zeros(64, np.uint64)) == expected


def test_samples_of_parts_unite_to_the_sample_of_the_whole() -> None:
    texts = [f"text number {i} of them" for i in range(300)] + ["a copy", "a copy"]
    order = np.random.default_rng(5).permutation(301).astype(np.uint64)
    contents = np.append(order, order[-1])
    params = MinHashParams()
    whole = sample(column(texts), contents, params)
    parts = [sample(column(texts[a:b]), contents[a:b], params) for a, b in ((0, 100), (100, 290), (290, 302), (0, 0))]
    united = unite(parts)
    assert (united.order == whole.order).all()
    assert (united.sets.hashes == whole.sets.hashes).all()
    assert (united.sets.offsets == whole.sets.offsets).all()
    assert count(united).documents == 301


def test_only_the_first_of_many_are_sampled() -> None:
    many = []
    for first in (0, 1):
        numbers = np.arange(first, 6000, 2, np.uint64)
        many.append(Sample(numbers, ShingleSets(np.arange(len(numbers) + 1), numbers)))
    united = unite(many)
    assert united.order.tolist() == list(range(SAMPLE))
    assert united.sets.hashes.tolist() == list(range(SAMPLE))


def test_weights_fall_with_the_documents_that_share_a_shingle() -> None:
    texts = column([f"shared {i}{i}{i}{i}" for i in range(2000)])
    common = count(sample(texts, np.arange(2000, dtype=np.uint64), MinHashParams(ngram=1, unit="word")))
    shared, single = common.hashes[np.argmax(common.counts)], np.uint64(12345)
    assert common.weights(np.array([shared, single])).tolist() == pytest.approx([0.1, 1.0])
