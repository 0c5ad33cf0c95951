from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixing.tokenizer import EOS, Tokenizer, train_bpe

WORDS = ["wine", "cask", "vat", "grape", "must"] * 20
TEXTS = [f"the {w} of a {w}, and {w}s again: {i} times\n" for i, w in enumerate(WORDS)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_bpe(TEXTS, 300, str(path))
    return str(path)


@pytest.fixture(scope="module")
def tokenizer(path: str) -> Tokenizer:
    return Tokenizer.load(path)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=5))
def test_every_text_survives_encoding(tokenizer: Tokenizer, texts: list[str]) -> None:
    tokens, lengths = tokenizer.encode(texts)
    assert lengths.sum() == len(tokens)
    ends = np.cumsum(lengths)
    for text, start, end in zip(texts, ends - lengths, ends, strict=True):
        assert tokens[end - 1] == tokenizer.eos
        assert tokenizer.eos not in tokens[start : end - 1]
        assert tokenizer.decode(tokens[start:end]) == text


@pytest.mark.parametrize(
    "text", [EOS, f"a{EOS}b", "\x00", " \t\r\n ", "e\u0301 \u00e9", "\ufeff日本 👩‍👩‍👧 \U0010ffff"]
)
def test_awkward_texts_survive(tokenizer: Tokenizer, text: str) -> None:
    tokens, _ = tokenizer.encode([text])
    assert list(tokens).count(tokenizer.eos) == 1, "a text that spells the end token must not contain it"
    assert tokenizer.decode(tokens) == text


def test_batches_do_not_show(tokenizer: Tokenizer) -> None:
    tokens, lengths = tokenizer.encode(TEXTS * 6)
    one, _ = tokenizer.encode(TEXTS)
    assert len(lengths) == 600
    assert np.array_equal(tokens, np.tile(one, 6))


def test_training_is_the_same_in_another_process(path: str, tmp_path: Path) -> None:
    # Other processes hash with other seeds, which is what could reorder merges of equal count.
    again = tmp_path / "again.json"
    code = f"from mixing.tokenizer import train_bpe; train_bpe({TEXTS!r}, 300, {str(again)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert again.read_bytes() == Path(path).read_bytes()


def test_vocabulary_and_types(tokenizer: Tokenizer, path: str) -> None:
    assert tokenizer.vocabulary == 300
    assert tokenizer.dtype == np.dtype("<u2")
    assert tokenizer.digest == Tokenizer.load(path).digest
    assert tokenizer.encode([])[0].dtype == tokenizer.dtype


def test_wide_ids_need_four_bytes(path: str) -> None:
    data = json.loads(Path(path).read_text())
    data["added_tokens"].append({**data["added_tokens"][0], "id": 70_000, "content": "<far>"})
    data["model"]["vocab"]["<far>"] = 70_000
    wide = Tokenizer(json.dumps(data).encode())
    assert wide.vocabulary == 70_001
    assert wide.encode(["wine"])[0].dtype == np.dtype("<u4")


def test_inference_settings_of_a_file_are_ignored(path: str) -> None:
    data = json.loads(Path(path).read_text())
    data["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    data["padding"] = {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": EOS,
    }  # fmt: skip
    cut = Tokenizer(json.dumps(data).encode())
    tokens, lengths = cut.encode(["a wine of a cask", "x"])
    assert cut.decode(tokens[: lengths[0]]) == "a wine of a cask"
    assert lengths[1] == 2


def test_unusable_files_are_named(path: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(ValueError, match=r"broken\.json is not a Hugging Face"):
        Tokenizer.load(str(broken))
    data = json.loads(Path(path).read_text())
    data["added_tokens"] = []
    with pytest.raises(ValueError, match="cannot tell the end-of-document token"):
        Tokenizer(json.dumps(data).encode())
    with pytest.raises(ValueError, match="no token '<stop>'"):
        Tokenizer.load(path, eos="<stop>")
    with pytest.raises(ValueError, match="at least 257"):
        train_bpe(TEXTS, 200, str(tmp_path / "small.json"))
