"""A few documents of three domains, and their pools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mixing.pools import PoolFile, write_part
from mixing.tokenizer import Tokenizer

SIZES = {"web": 60, "code": 30, "prose": 12}
WORDS = {
    "web": ["the", "page", "links", "to", "another", "page", "and", "the", "menu", "says", "home", "about", "contact"],
    "code": ["def", "return", "self", "import", "for", "in", "range", "print", "lambda", "class", "yield", "assert"],
    "prose": ["once", "upon", "a", "time", "there", "was", "an", "old", "house", "beside", "a", "quiet", "river"],
}


def sentences(domain: str, documents: int, seed: int, words: int = 60) -> list[str]:
    """Documents of random length out of the domain's words."""
    rng = np.random.default_rng([seed, len(domain)])
    return [" ".join(rng.choice(WORDS[domain], rng.integers(1, words))) for _ in range(documents)]


def write_pools(run: Path, tokenizer: Tokenizer, sizes: dict[str, int]) -> list[PoolFile]:
    """Two parts a domain; every tenth document is held out."""
    files: list[PoolFile] = []
    for domain, documents in sizes.items():
        for part in range(2):
            texts = sentences(domain, documents, part)
            frame = pl.DataFrame(
                {
                    "text": texts,
                    "row": range(len(texts)),
                    "stratum": [f"{domain}~s~permissive~human~eng~q{i % 2}" for i in range(len(texts))],
                    "split": ["heldout" if i % 10 == 9 else "train" for i in range(len(texts))],
                }
            )
            name = f"part-{domain}{part}"
            files += write_part(str(run / "pools"), name, f"documents/{domain}/{name}.parquet", frame, tokenizer)
    return files
