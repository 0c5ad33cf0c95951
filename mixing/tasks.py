"""Tasks as proxies are measured on them: prompts with answers, in bits per byte of the answer.

Small models do not answer, but how much probability they give the right answer orders mixtures long before they would:
Olmix (arXiv 2602.12237) fits its mixtures to this measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixing.tokenizer import Tokenizer

_LONGEST = 1 << 20  #: tokens of one item


@dataclass(frozen=True, eq=False)
class Task:
    """Windows to predict, and which of their tokens are answers that stand for ``size`` bytes of text."""

    windows: npt.NDArray[np.int32]  #: ``[rows, length + 1]``
    counted: npt.NDArray[np.bool_]  #: ``[rows, length]``
    size: int
    items: int

    @property
    def tokens(self) -> int:
        """Of the answers."""
        return int(self.counted.sum())


def encode(tokenizer: Tokenizer, items: Sequence[tuple[str, str]], length: int) -> Task:
    """Prompts and answers as windows of ``length`` + 1 tokens, each item begun like a document.

    Prompt and answer are tokenized apart, so that the answer's bytes are its own. An item that is too long loses the
    start of its prompt; an answer longer than a window goes on in further windows. ValueError when an answer is empty.
    """
    if not items:
        raise ValueError("a task needs an item or more")
    prompts, answers = zip(*items, strict=True)
    if empty := [i for i, answer in enumerate(answers) if not answer]:
        raise ValueError(f"item {empty[0]} has an empty answer")
    pieces = [_pieces(tokenizer, texts) for texts in (prompts, answers)]
    windows, counted = [], []
    for prompt, answer in zip(*pieces, strict=True):
        tokens = np.concatenate([[tokenizer.eos], prompt, answer]).astype(np.int32)
        end, left = len(tokens), len(answer)
        if end > _LONGEST:
            raise ValueError(f"an item has {end:,} tokens; at most {_LONGEST:,} are allowed")
        while left > 0:  # from the end, so that the last window has the most context
            first = max(0, end - length - 1)
            row, mask = np.zeros(length + 1, np.int32), np.zeros(length, bool)
            n = end - first
            row[:n] = tokens[first:end]
            here = min(left, n - 1)
            mask[n - 1 - here : n - 1] = True
            windows.append(row)
            counted.append(mask)
            end, left = end - here, left - here
    size = sum(len(answer.encode()) for answer in answers)
    return Task(np.array(windows), np.array(counted), size, len(items))


def _pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> list[npt.NDArray[np.int32]]:
    """Tokens of each text, without the end of the document."""
    tokens, lengths = tokenizer.encode(texts)
    end = np.cumsum(lengths)
    return [tokens[e - n : e - 1].astype(np.int32) for e, n in zip(end, lengths, strict=True)]
