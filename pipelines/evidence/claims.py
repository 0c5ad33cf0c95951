"""A claim from what a publisher wrote, where it names a licence at all."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.documents import Claim
from manifests.licences import UNKNOWN, category, normalise


def claim(
    raw: str, kind: str, scope: str, locator: str, confidence: float, asserter: str = "publisher"
) -> Iterator[Claim]:
    """None for text that names no licence. A contract is known to the curator, not to a page that names one."""
    expression = normalise(raw)
    if expression != UNKNOWN and category(expression) != "contract":
        yield Claim(expression, kind, scope, locator[:200], raw[:200], asserter, confidence)
