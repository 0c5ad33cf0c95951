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
from pipelines.html.metadata import Metadata, metadata
from pipelines.html.render import render
from pipelines.html.scan import Page, TooCostly, scan
from pipelines.html.structure import cues

__all__ = ["MainText", "TooCostly", "main_text"]

#: with no block more probable than this, a page has no main text
LEAST = 0.05
_COMMENT = 1 << list(CUES).index("comment")


@dataclass(frozen=True)
class MainText:
    text: str
    metadata: Metadata
    page: Page


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
    keep = _chosen(page, found, stated)
    if comments:
        keep |= _comments(page, found)
    return MainText(render(html, page, found, keep, markdown=markdown), stated, page)


def _chosen(page: Page, found: Blocks, stated: Metadata) -> npt.NDArray[np.bool_]:
    if not len(found.owner):
        return np.zeros(0, np.bool_)
    forest, vocabulary = model()
    probability = probabilities(forest, features(page, found, vocabulary, stated.title_words, stated.hints))
    if probability.max() < LEAST:
        return np.zeros(len(probability), np.bool_)
    return np.asarray(best_choice(probability, found.counts[:, WORDS]))


def _comments(page: Page, found: Blocks) -> npt.NDArray[np.bool_]:
    """Sentences inside elements that call themselves comments."""
    width, linked = found.counts[:, WIDTH], found.counts[:, LINKED_WIDTH]
    inside = cues(page)[found.owner] & _COMMENT != 0
    return np.asarray(inside & (width >= 20) & (linked < 0.5 * width))
