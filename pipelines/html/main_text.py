"""Which blocks of a page are its main text: a classifier over blocks, and the choice with the best expected F1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from pipelines.html.blocks import LINKED_WIDTH, WIDTH, WORDS, Blocks, blocks
from pipelines.html.elements import CUES
from pipelines.html.features import Vocabulary, features
from pipelines.html.forest import Forest, best_choice, probabilities
from pipelines.html.metadata import FORUM, Metadata, article_body, metadata
from pipelines.html.render import render
from pipelines.html.scan import Page, TooCostly, scan
from pipelines.html.structure import cues

__all__ = ["MainText", "TooCostly", "all_text", "main_text"]

#: with no block more probable than this, a page has no main text
LEAST = 0.05
_COMMENT, _FORUM = (1 << list(CUES).index(name) for name in ("comment", "forum"))
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MainText:
    text: str
    metadata: Metadata


@cache
def model() -> tuple[Forest, Vocabulary]:
    """The weights beside this file; ``training/main_text.py`` makes them, and says what from."""
    with files("pipelines.html").joinpath("weights.npz").open("rb") as file, np.load(file) as arrays:
        forest = Forest(arrays["column"], arrays["threshold"], arrays["value"], float(arrays["bias"]))
        vocabulary = Vocabulary(*(arrays[name] for name in Vocabulary._fields))
    return forest, vocabulary


def main_text(html: bytes, *, depth: int, nodes: int, markdown: bool = False, comments: bool = False) -> MainText:
    """Main text and metadata of a page in UTF-8. TooCostly where it nests deeper or holds more than is allowed."""
    page = scan(html, depth=depth, nodes=nodes)
    found = blocks(html, page)
    stated = metadata(html, page)
    keep = chosen(page, found, stated, *model())
    if comments:
        keep |= _comments(page, found)
    text = render(html, page, found, keep, markdown=markdown)
    return MainText(text or article_body(html, page), stated)


def all_text(html: bytes, *, depth: int, nodes: int) -> str:
    """Text of all blocks of a piece of HTML in UTF-8. TooCostly as for a page."""
    page = scan(html, depth=depth, nodes=nodes)
    found = blocks(html, page)
    return render(html, page, found, np.ones(len(found.owner), np.bool_))


def chosen(page: Page, found: Blocks, stated: Metadata, forest: Forest, vocabulary: Vocabulary) -> Mask:
    """The blocks that are main text."""
    if not len(found.owner):
        return np.zeros(0, np.bool_)
    probability = probabilities(forest, features(page, found, vocabulary, stated.title_words, stated.hints))
    if probability.max() < LEAST:
        return np.zeros(len(probability), np.bool_)
    probability[_below_article(page, found, stated, probability)] = 0
    return np.asarray(best_choice(probability, found.counts[:, WORDS]))


def _below_article(page: Page, found: Blocks, stated: Metadata, probability: npt.NDArray[np.float32]) -> Mask:
    """Blocks inside what calls itself comments, where there is text of its own outside and the page is no forum."""
    width, linked = found.counts[:, WIDTH], found.counts[:, LINKED_WIDTH]
    cue = cues(page)[found.owner]
    inside = cue & _COMMENT != 0
    likely = width * ((probability > 0.3) & (width > 60) & (linked < 0.4 * width))
    forum = stated.hints & FORUM or width[cue & _FORUM != 0].sum() > 0.5 * width.sum()
    if forum or likely[~inside].sum() <= 0.1 * likely.sum():
        return np.zeros(len(inside), np.bool_)
    return np.asarray(inside)


def _comments(page: Page, found: Blocks) -> Mask:
    """Sentences inside elements that call themselves comments."""
    width, linked = found.counts[:, WIDTH], found.counts[:, LINKED_WIDTH]
    inside = cues(page)[found.owner] & _COMMENT != 0
    return np.asarray(inside & (width >= 20) & (linked < 0.5 * width))
