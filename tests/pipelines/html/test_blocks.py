"""Words of blocks, also where a script has no spaces between them."""

from __future__ import annotations

import pytest

from pipelines.html.blocks import WIDTH, WORDS, blocks
from pipelines.html.scan import scan


@pytest.mark.parametrize(
    ("text", "words", "width"),
    [
        ("one two-three, four's 5", 6, 20),
        ("天地玄黄宇宙洪荒", 4, 24),  # of two characters, each as wide as three letters
        ("ก" * 22 + " " + "ข" * 5, 6, 27),  # of five letters
        ("ລ" * 10, 2, 10),
        ("က" * 10, 2, 10),
        ("ក" * 10, 2, 10),
        ("слово за словом", 3, 13),
    ],
)
def test_words_are_counted_in_any_script(text: str, words: int, width: int) -> None:
    html = f"<p>{text}</p>".encode()
    (counts,) = blocks(html, scan(html)).counts
    assert (counts[WORDS], counts[WIDTH]) == (words, width)
