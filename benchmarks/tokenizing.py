"""Tokenizing: remembered pieces beside the Hugging Face tokenizer they equal, over texts neither has seen before."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.inputs import megabytes
from mixing.tokenizer import Tokenizer, train_bpe

NOTE = """Every text is encoded once, in turns of about 5 MB, by a tokenizer of 32,768 tokens trained on the first turn,
which is not measured. So pieces not met before are in the figure, and grow rarer the longer it goes on. The tokens are
compared, and equal. datatrove and dolma tokenize with the same library, one document after another."""
_TURN_MEGABYTES = 5.0


def run(texts: list[str]) -> str:
    """A table of megabytes per CPU second."""
    first, *turns = _turns(texts)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "tokenizer.json"))
        train_bpe(first, 32_768, path)
        ours, peer = Tokenizer.load(path), Tokenizer.load(path)
    spent = {"cuvée": 0.0, "tokenizers (Hugging Face)": 0.0}
    for turn in turns:
        began = time.process_time()
        tokens, _ = ours.encode_by_pieces(turn)
        between = time.process_time()
        expected, _ = peer.encode_whole(turn)
        spent["cuvée"] += between - began
        spent["tokenizers (Hugging Face)"] += time.process_time() - between
        assert np.array_equal(tokens, expected)
    size = megabytes([t for turn in turns for t in turn])
    rates = {name: size / seconds for name, seconds in spent.items()}
    ratio = rates["cuvée"] / rates["tokenizers (Hugging Face)"]
    lines = ["## Tokenizing", "", f"| MB of text per CPU second, over {size:,.0f} MB | |", "|---|---|"]
    lines += [f"| {name} | {rate:.3g} |" for name, rate in rates.items()]
    return "\n".join([*lines, "", f"cuvée is {ratio:.1f} times as fast. {NOTE}", ""])


def _turns(texts: list[str]) -> Iterator[list[str]]:
    turn: list[str] = []
    size = 0.0
    for text in texts:
        turn.append(text)
        size += megabytes([text])
        if size >= _TURN_MEGABYTES:
            yield turn
            turn, size = [], 0.0
