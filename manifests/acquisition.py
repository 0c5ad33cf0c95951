"""How a source was come by, and on what terms: what decides before any licence is looked at.

Field names of contracts follow CycloneDX 1.7 (``licensing``): licensor, purchase order, expiration.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, get_args

#: best first: of duplicates, the copy best come by is kept
Route = Literal[
    "contract",
    "purchase",
    "purchase-print-scanned",
    "purchase-ebook",
    "own-digitisation",
    "user-contributed",
    "api",
    "bulk-dump",
    "own-crawl",
    "third-party-crawl",
    "synthetic",
    "unknown",
    "circumvented",
    "shadow-library",
]
ROUTES: tuple[str, ...] = get_args(Route)
Answer = Literal["yes", "no", "unknown"]
Training = Literal["yes", "no", "silent", "unknown"]
#: who or what wrote a document
Origin = Literal["human", "synthetic", "synthetic-verified", "edited", "translated", "unknown"]
ORIGINS: tuple[str, ...] = get_args(Origin)


@dataclass(frozen=True)
class Acquisition:
    """``training`` is what the terms of the copy say of training; ``expires`` is the last day they hold."""

    route: str = "unknown"
    lawful_access: Answer = "unknown"
    training: Training = "unknown"
    licensor: str = ""
    order: str = ""
    expires: date | None = None
    reference: str = ""  #: where the terms or the receipt can be read

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


#: where nobody said
UNDECLARED = Acquisition()
