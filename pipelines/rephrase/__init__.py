"""Rephrasing: documents rewritten by a model, gated for faithfulness, cached by content, never without their parent."""

from __future__ import annotations

from pipelines.recipe import Generator as Section
from pipelines.rephrase.embedded import Embedded
from pipelines.rephrase.endpoint import Endpoint
from pipelines.rephrase.generator import Generator
from pipelines.rephrase.rewriting import rewrite

__all__ = ["generator", "rewrite"]


def generator(section: Section, *, seed: int) -> Generator:
    """The generator a recipe asks for. GeneratorError says what is missing, before anything is asked."""
    if section.kind == "endpoint":
        return Endpoint(
            section.url,
            section.model,
            key_env=section.key_env,
            temperature=section.temperature,
            max_tokens=section.max_tokens,
            seed=seed,
        )
    return Embedded(temperature=section.temperature, max_tokens=section.max_tokens, seed=seed)
