"""Parameters of MinHash, and what they imply."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from manifests.receipts import digest_of

#: near-duplicates: least Jaccard similarity, and least such with shingles weighted by rarity (see dedup.likeness)
THRESHOLD = 0.55
SPECIFIC = 0.4


@dataclass(frozen=True)
class MinHashParams:
    """``bands`` × ``rows`` hashes of ``ngram``-``unit`` shingles (Broder 1997; banding after Indyk and Motwani 1998).

    Two texts of Jaccard similarity s share a band with probability 1 - (1 - s^rows)^bands. ValueError when a number is
    below one or the unit unknown.
    """

    bands: int = 50
    rows: int = 4
    ngram: int = 5
    unit: Literal["word", "char"] = "char"
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("bands", "rows", "ngram"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.unit not in ("word", "char"):
            raise ValueError(f"unit is {self.unit!r}; allowed: word, char")

    @property
    def hashes(self) -> int:
        return self.bands * self.rows

    def digest(self) -> str:
        return digest_of("minhash", asdict(self))
