"""The file of ``cuvee mix reuse --changes``: what became of the domains that earlier runs were made with."""

from __future__ import annotations

from pipelines.recipe.base import Section, Share


class ChangesFile(Section):
    """As ``mixing.reuse.Changes``."""

    removed: list[str] = []
    added: list[str] = []
    renamed: dict[str, str] = {}
    split: dict[str, dict[str, Share]] = {}
