"""Which blocks of a page are its main text: classified one by one, then beside each other, then chosen together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from pipelines.html.blocks import LINKED_WIDTH, WIDTH, WORDS, Blocks, blocks
from pipelines.html.elements import CUES
from pipelines.html.features import Vocabulary, features
from pipelines.html.forest import Forest, best_choice, probabilities
from pipelines.html.metadata import FORUM, Metadata, article_body, metadata
from pipelines.html.page import Page, TooCostly
from pipelines.html.render import render
from pipelines.html.scan import scan
from pipelines.html.stacking import second_look
from pipelines.html.structure import structure

__all__ = ["MainText", "TooCostly", "all_text", "main_text"]

#: with no block more probable than this, a page has no main text
LEAST = 0.05
_COMMENT, _FORUM = (1 << list(CUES).index(name) for name in ("comment", "forum"))
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class MainText:
    text: str
    metadata: Metadata


class Model(NamedTuple):
    vocabulary: Vocabulary
    first: Forest  #: sees blocks by themselves, and the page
    second: Forest  #: sees the first's probabilities of the others


@cache
def model() -> Model:
    """The weights beside this file; ``training/main_text.py`` makes them, and says what from."""
    with files("pipelines.html").joinpath("weights.npz").open("rb") as file, np.load(file) as arrays:
        vocabulary = Vocabulary(*(arrays[name] for name in Vocabulary._fields))
        first, second = (
            Forest(*(arrays[f"{name}_{array}"] for array in Forest._fields)) for name in ("first", "second")
        )
    return Model(vocabulary, first, second)


def main_text(html: bytes, *, depth: int, nodes: int, markdown: bool = False, comments: bool = False) -> MainText:
    """Main text and metadata of a page in UTF-8. TooCostly where it nests deeper or holds more than is allowed."""
    page = scan(html, depth=depth, nodes=nodes)
    found = blocks(html, page)
    stated = metadata(html, page)
    keep = chosen(page, found, stated, model(), comments=comments)
    text = render(html, page, found, keep, markdown=markdown)
    return MainText(text or article_body(html, page), stated)


def all_text(html: bytes, *, depth: int, nodes: int) -> str:
    """Text of all blocks of a piece of HTML in UTF-8. TooCostly as for a page."""
    page = scan(html, depth=depth, nodes=nodes)
    found = blocks(html, page)
    return render(html, page, found, np.ones(len(found.owner), np.bool_))


def chosen(page: Page, found: Blocks, stated: Metadata, model: Model, *, comments: bool = False) -> Mask:
    """The blocks that are main text, and, where asked for, what readers wrote below."""
    if not len(found.owner):
        return np.zeros(0, np.bool_)
    vocabulary = model.vocabulary
    outline = structure(page, found, vocabulary.class_keys, vocabulary.class_odds)
    rows = features(page, found, outline, vocabulary, stated.title_words, stated.hints)
    probability = probabilities(model.second, second_look(found, outline, rows, probabilities(model.first, rows)))
    cue = outline.cue[found.owner]
    keep = np.zeros(len(probability), np.bool_)
    if probability.max() >= LEAST:
        probability[_below_article(cue, found.counts, probability, stated.hints & FORUM != 0)] = 0
        keep = np.asarray(best_choice(probability, found.counts[:, WORDS]))
    return keep | _comments(cue, found) if comments else keep


@nb.njit(cache=True, nogil=True)
def _below_article(cue, counts, probability, forum):
    """Blocks inside what calls itself comments, where there is text of its own outside and the page is no forum."""
    inside = np.empty(len(cue), np.bool_)
    likely = outside = whole = discussed = 0.0
    for b in range(len(cue)):
        width = counts[b, WIDTH]
        inside[b] = cue[b] & _COMMENT != 0
        whole += width
        if cue[b] & _FORUM:
            discussed += width
        if probability[b] > 0.3 and width > 60 and counts[b, LINKED_WIDTH] < 0.4 * width:
            likely += width
            outside += 0.0 if inside[b] else width
    if forum or discussed > 0.5 * whole or outside <= 0.1 * likely:
        inside[:] = False
    return inside


def _comments(cue: npt.NDArray[np.int32], found: Blocks) -> Mask:
    """Sentences inside elements that call themselves comments."""
    width, linked = found.counts[:, WIDTH], found.counts[:, LINKED_WIDTH]
    return np.asarray((cue & _COMMENT != 0) & (width >= 20) & (linked < 0.5 * width))
