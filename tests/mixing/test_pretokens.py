"""Pieces and remembered tokens are exactly the tokenizer's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from manifests.text import buffers
from mixing import pretokens
from mixing import tokenizer as tokenizing
from mixing.piece_cache import PieceCache

CUTS: dict[str, Any] = {
    expression: pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    for expression in pretokens.PATTERNS
}
#: what the expressions tell apart, and characters at the edges of classes
CHARACTERS = "aZé日ſK1٣²½ \t\n\r\u00a0\u3000\u2028'!-…\u0301👍\U0001d7d8\u200b_stdmrvelSTLVE"
TEXTS = st.text(st.sampled_from(CHARACTERS) | st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize("expression", CUTS, ids=["gpt2", "one digit", "three digits"])
@settings(max_examples=400, deadline=None)
@given(text=TEXTS)
@example("it's 'S 'ſ  we'LL 12345  \n\n x\r\n  ")
@example("''s !'s 's  \t a\u00a0b \u00a0!")
def test_pieces_are_those_of_the_expression(expression: str, text: str) -> None:
    offsets, data = buffers(pa.array([text], pa.large_string()))
    at, pieces = 0, []
    while at < offsets[1]:
        end = pretokens.piece_end(data, at, offsets[1], pretokens.classes(), pretokens.PATTERNS[expression])
        pieces.append(data[at:end].tobytes().decode())
        at = end
    assert pieces == [text[a:b] for _, (a, b) in CUTS[expression].pre_tokenize_str(text)]


@pytest.mark.slow
def test_classes_are_those_of_the_installed_engine() -> None:
    assert np.array_equal(np.load(pretokens._TABLE), pretokens.made())


def trained(expression: str) -> Tokenizer:
    made: Any = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = CUTS[expression], decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[tokenizing.EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(["the wine's in the casks, 1789 of them\n\n", "we'll see 2,500 vats  "] * 30, trainer)
    return made


@pytest.fixture(scope="module", params=list(CUTS), ids=["gpt2", "one digit", "three digits"])
def tokenizer(request: pytest.FixtureRequest) -> tokenizing.Tokenizer:
    found = tokenizing.Tokenizer(trained(request.param).to_str().encode())
    assert found._pattern == pretokens.PATTERNS[request.param]
    return found


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(TEXTS, max_size=6))
@example([])
@example(["", "", "a"])
@example(["a" * 5000, tokenizing.EOS])
def test_remembered_tokens_are_the_tokenizers(tokenizer: tokenizing.Tokenizer, texts: list[str]) -> None:
    expected, lengths = tokenizer.encode_whole(texts)
    tokens, counted = tokenizer.encode_by_pieces(texts)
    assert tokens.dtype == expected.dtype
    assert np.array_equal(tokens, expected)
    assert np.array_equal(counted, lengths)


def test_forgetting_and_growing_change_nothing(
    tokenizer: tokenizing.Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mixing.piece_cache._SLOTS", 4)
    monkeypatch.setattr("mixing.piece_cache._MOST", 30)
    monkeypatch.setattr("mixing.piece_cache._BATCH_BYTES", 64)
    cache = PieceCache(tokenizer._pattern or 0, tokenizer._ids)
    texts = [f"the {n} casks of {n * n} wines, and {'x' * (n % 9)}" for n in range(60)]
    expected, lengths = tokenizer.encode(texts)
    tokens, counted = cache.encode(*buffers(pa.array(texts, pa.large_string())), tokenizer.eos, tokenizer.dtype)
    assert np.array_equal(tokens, expected)
    assert np.array_equal(counted, lengths)


def test_many_texts_take_the_short_way(tokenizer: tokenizing.Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["we'll see the wine's casks"] * 9
    expected, _ = tokenizer.encode(texts)
    monkeypatch.setattr(tokenizing, "_MANY", 100)
    monkeypatch.setattr(tokenizing.Tokenizer, "encode_by_pieces", lambda self, given: ("pieces", given))
    assert tokenizer.encode(texts) == ("pieces", texts)
    monkeypatch.setattr(tokenizer, "_pattern", None)
    assert np.array_equal(tokenizer.encode(texts)[0], expected)


@pytest.mark.parametrize(
    "change",
    [
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": None},
        {"added_tokens": [{"content": "  ", "special": False}]},
        {"model": {"type": "WordLevel"}},
    ],
    ids=str,
)
def test_other_tokenizers_are_left_to_themselves(change: dict[str, Any], tmp_path: Path) -> None:
    known = {
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "added_tokens": [{"content": tokenizing.EOS, "special": True}],
        "model": {"type": "BPE", "dropout": None},
    }
    assert pretokens.pattern_of(json.loads(json.dumps(known))) == pretokens.GPT2
    assert pretokens.pattern_of(known | change) is None
