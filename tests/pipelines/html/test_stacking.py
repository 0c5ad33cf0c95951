"""What a block is beside what the first forest thinks of the others, on a page whose answer is plain to see."""

from __future__ import annotations

import numpy as np

from pipelines.html.blocks import WORDS, blocks
from pipelines.html.features import OWN
from pipelines.html.scan import scan
from pipelines.html.stacking import WIDTH, second_look
from pipelines.html.structure import structure

SENTENCE = "A sentence of the story that has at least eight words in it."
TEASER = "A teaser of another story, nine words long too."
PAGE = (
    "<body><nav><a href=/>Home</a></nav><main>"
    + f"<article><h1>Title</h1>{f'<p>{SENTENCE}</p>' * 5}</article>"
    + f"<ul>{f'<li>{TEASER}</li>' * 3}</ul></main>"
).encode()
#: navigation, heading, five sentences, three teasers
PROBABLE = np.array([0.01, 0.6, 0.9, 0.95, 0.9, 0.95, 0.9, 0.6, 0.55, 0.5], np.float32)


def looked(html: bytes, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows, those that the first forest saw, and the words of each block."""
    page = scan(html)
    found = blocks(html, page)
    nothing = np.zeros(16, np.uint32)
    outline = structure(page, found, nothing, nothing.astype(np.float32))
    rows = np.random.default_rng(0).random((len(found.owner), OWN + 3), np.float32)
    return second_look(found, outline, rows, probability), rows, found.counts[:, WORDS]


def test_a_block_is_seen_beside_the_others() -> None:
    looks, rows, words = looked(PAGE, PROBABLE)
    assert looks.shape == (len(PROBABLE), WIDTH)
    assert (looks[:, :OWN] == rows[:, :OWN]).all()
    own, *beside = np.split(looks[:, OWN:], [1, 9, 14, 26], axis=1)
    neighbours, windows, around, page = beside
    assert (own[:, 0] == PROBABLE).all()
    for b in range(len(PROBABLE)):
        want = [PROBABLE[b + o] if 0 <= b + o < len(PROBABLE) else -1 for o in (-4, -3, -2, -1, 1, 2, 3, 4)]
        assert neighbours[b].tolist() == [float(np.float32(p)) for p in want]
    weight = words + 0.5

    def mean(some: slice) -> float:
        return float((PROBABLE * weight)[some].sum() / weight[some].sum())

    np.testing.assert_allclose(windows[4, 0], mean(slice(2, 7)), rtol=1e-5)
    np.testing.assert_allclose(windows[4, 3:], [mean(slice(0, 4)), mean(slice(5, 10))], rtol=1e-5)
    assert windows[0, 3] == windows[-1, 4] == -1  # nothing before, nothing after
    paragraph, article, main = around[3, 0:2], around[3, 2:4], around[3, 4:6]
    share = [float((PROBABLE * weight)[some].sum() / (PROBABLE * weight).sum()) for some in (slice(1, 7), slice(1, 10))]
    np.testing.assert_allclose(paragraph[0], PROBABLE[3], rtol=1e-5)
    np.testing.assert_allclose(article, [mean(slice(1, 7)), share[0]], rtol=1e-5)
    np.testing.assert_allclose(main, [mean(slice(1, 10)), share[1]], rtol=1e-5)
    inside, apart = page[:, 9], page[:, 18]
    assert inside.tolist() == [0] + [1] * 6 + [0] * 3  # the core is the article
    assert (apart[inside == 1] == apart[2]).all()
    assert (page[:, 12] == np.arange(10) - 2).all()  # blocks from the first sentence of the text
    assert (page[:, 13] == np.arange(10) - 6).all()  # and from its last


def test_a_page_without_text_or_without_probable_text_has_rows_too() -> None:
    looks, *_ = looked(b"<body></body>", np.zeros(0, np.float32))
    assert looks.shape == (0, WIDTH)
    looks, *_ = looked(PAGE, np.zeros(10, np.float32))
    assert np.isfinite(looks).all()
    assert (looks[:, OWN + 26 + 12] == -1000).all()
