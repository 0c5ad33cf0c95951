"""The catalog: which files the run has made so far, with their digests. Later tasks make their keys of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from manifests import edits, parts
from manifests.receipts import Output, Receipt, digest_of


class Catalog:
    """Collects the receipts of the stages that are done."""

    def __init__(self) -> None:
        self.files: dict[str, Output] = {}
        self.counts: dict[str, dict[str, int]] = {}

    def add(self, receipts: Iterable[Receipt]) -> None:
        for receipt in receipts:
            self.files.update({o.path: o for o in receipt.outputs})
            counts = self.counts.setdefault(receipt.stage, {})
            for name, n in receipt.counts.items():
                counts[name] = counts.get(name, 0) + n

    def count(self, stage: str, name: str) -> int:
        """What the receipts of a stage counted under this name."""
        return self.counts.get(stage, {}).get(name, 0)

    def parts(self, sources: Iterable[str] | None = None) -> list[str]:
        """Document parts as ``SOURCE/part-…``, sorted; of these sources only, when given."""
        wanted = None if sources is None else set(sources)
        found = (parts.part_of(path) for path in self.files if path.startswith(f"{parts.DOCUMENTS}/"))
        return sorted(p for p in found if wanted is None or p.split("/")[0] in wanted)

    def rows(self, part: str) -> int:
        return self.files[parts.path(parts.DOCUMENTS, part)].rows

    def bytes(self, part: str) -> int:
        """As stored: compressed."""
        return self.files[parts.path(parts.DOCUMENTS, part)].bytes

    def has(self, column: str, part: str) -> bool:
        return parts.path(column, part) in self.files

    def digest(self, column: str, part: str) -> str:
        return self.files[parts.path(column, part)].digest

    def edits(self, part: str) -> list[str]:
        """Names of the edits that the run made of this part: together they are the view that is tokenized."""
        ending = f"/{part}.parquet"
        found = (p for p in self.files if p.startswith(f"{edits.FOLDER}/") and p.endswith(ending))
        return sorted(p.removeprefix(f"{edits.FOLDER}/").removesuffix(ending) for p in found)

    def key(self, stage: str, version: int, part: str, columns: Sequence[str], *parameters: Any) -> str:
        """The key of a task that reads these columns of one part."""
        return digest_of(stage, version, part, [self.digest(c, part) for c in columns], *parameters)
