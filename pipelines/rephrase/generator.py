"""Generators: whatever answers a chat. What they share; the two kinds have a file each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

Messages = list[dict[str, str]]

REFUSED = "refused"


class GeneratorError(ValueError):
    """A generator that cannot answer at all; the message says what to install, set or start."""


@dataclass(frozen=True)
class Completion:
    """An answer. Where this one prompt cannot be answered, ``finish_reason`` is ``REFUSED`` and ``text`` says why."""

    text: str
    finish_reason: str  #: stop, or why the answer is not whole


class Generator(Protocol):
    name: str  #: of the model, as lineage records it
    digest: str  #: of model and sampling: equal digests and prompts give equal answers

    def generate(self, prompts: Sequence[Messages]) -> Iterator[Completion]:
        """An answer to each prompt, in order, as they come. GeneratorError when there is none to be had."""
