"""A page as flat arrays: its elements, its runs of text, and what its head states."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint32]

#: what comes between a run of text and the one before it
JOINED, SPACE, BREAK, PARAGRAPH, APART = 0, 1, 2, 3, 4
#: kinds of a run
PLAIN, LINKED, TEX, MATHML = 0, 1, 2, 3


class Page(NamedTuple):
    """A page as arrays. Elements come in the order of their start tags, parents first; 0 is the document itself.

    ``run0[e]:run1[e]`` are the runs inside element ``e``; ``token0[e]:token0[e + 1]`` hashes of the words of its class
    and id. A run is ``data[start:end]``, text of ``within``, ``gap`` says what is between it and the run before it.
    ``state_key`` are hashes of ``meta:NAME``, ``link:REL``, ``html:lang`` …, ``state_start:state_end`` their values.
    """

    tag: Bytes
    parent: Ints
    block: Ints  #: the nearest block element, itself included
    context: Bits
    signature: Bits  #: hash of the name and the class
    run0: Ints
    run1: Ints
    attributes: Ints  #: where its attributes start in the bytes
    token0: Ints
    token: Bits
    start: Ints
    end: Ints
    within: Ints
    gap: Bytes
    kind: Bytes
    link: Ints  #: how many links had started
    image: Ints  #: how many images had
    state_key: Bits
    state_start: Ints
    state_end: Ints
    deepest: int  #: levels of elements
    nodes: int  #: tags, runs and attributes


class TooCostly(ValueError):
    """A page that nests too deep or has too many nodes: ``what`` is ``depth`` or ``nodes``, ``found`` how many."""

    def __init__(self, what: str, found: int) -> None:
        super().__init__(f"{what}: {found:,}")
        self.what = what
        self.found = found
