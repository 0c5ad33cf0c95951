from __future__ import annotations

import numpy as np
import pytest

from mixing.tasks import encode
from mixing.tokenizer import Tokenizer


def answers(tokenizer: Tokenizer, windows: np.ndarray, counted: np.ndarray) -> list[str]:
    """The counted tokens of each window as text."""
    return [tokenizer.decode(row[1:][mask]) for row, mask in zip(windows, counted, strict=True)]


def test_answers_are_counted_and_prompts_are_context(tokenizer: Tokenizer) -> None:
    items = [("once upon a", " time there was"), ("def ", "return self")]
    task = encode(tokenizer, items, 64)
    assert task.items == 2
    assert task.size == sum(len(a.encode()) for _, a in items)
    assert answers(tokenizer, task.windows, task.counted) == [a for _, a in items]
    whole = [
        tokenizer.decode(row[: 1 + np.flatnonzero(m)[-1] + 1])
        for row, m in zip(task.windows, task.counted, strict=True)
    ]
    assert whole == [p + a for p, a in items]
    assert (task.windows[:, 0] == tokenizer.eos).all(), "an item begins like a document"


def test_a_long_prompt_loses_its_start(tokenizer: Tokenizer) -> None:
    task = encode(tokenizer, [("page " * 400, " the end")], 32)
    assert len(task.windows) == 1
    assert answers(tokenizer, task.windows, task.counted) == [" the end"]
    assert task.windows[0, 0] != tokenizer.eos


def test_a_long_answer_goes_on_in_further_windows(tokenizer: Tokenizer) -> None:
    answer = " ".join(str(i) for i in range(200))
    task = encode(tokenizer, [("numbers: ", answer)], 16)
    assert len(task.windows) > 5
    assert "".join(answers(tokenizer, task.windows, task.counted)[::-1]) == answer
    assert task.tokens == len(tokenizer.encode([answer])[0]) - 1


def test_empty_answers_and_tasks_are_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="item 1 has an empty answer"):
        encode(tokenizer, [("a", "b"), ("c", "")], 8)
    with pytest.raises(ValueError, match="needs an item"):
        encode(tokenizer, [], 8)
