"""The index of a run: what a later run needs to find duplicates of this one's documents, without reading them again.

``exchange/index.json`` names the key files of every part, those of the runs before among them, the parameters they were
made with, and a sample of the texts. A later run merges the keys with its own; texts are read of candidates only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from manifests import storage
from manifests.receipts import Receipt, digest_of, output
from pipelines.exchange import uri
from pipelines.recipe import Dedup
from pipelines.slices import Slice, listed
from pipelines.stages.deduplicate.places import FOLDER, foreign, place
from pipelines.task import Made, Task

VERSION = 2
PATH = f"{FOLDER}/index.json"
SAMPLE = f"{FOLDER}/sample.parquet"
#: fields that keys of two runs must have in common
_PARAMETERS = ("exact", "url", "fuzzy", "bands", "rows", "shingle", "unit")


@dataclass(frozen=True)
class Earlier:
    """A part of an earlier run. Paths are whole."""

    name: str  #: see places.foreign
    rows: int
    digest: str  #: of its documents and their duplicates
    partitions: int  #: of its keys
    listing: str  #: of the slices of its keys


@dataclass(frozen=True)
class Index:
    parts: tuple[Earlier, ...] = ()
    sample: str = ""

    @property
    def fewest(self) -> int | None:
        """Partitions of a run, of which others may have multiples; None without parts."""
        return min((p.partitions for p in self.parts), default=None)

    def by_partition(self, partitions: int) -> dict[int | str, list[Slice]]:
        """The slices that hold keys of each of so many partitions, and perhaps of others. Paths are whole."""
        found: dict[int | str, list[Slice]] = {}
        listings = [p.listing for p in self.parts]
        read = storage.at_once(lambda uri: [*listed(uri)], listings, remote=not all(map(storage.is_local, listings)))
        for part, pieces in zip(self.parts, read, strict=True):
            folder, _ = place("", part.name)
            for piece in pieces:
                whole = replace(piece, path=storage.join(folder, piece.path))
                for partition in range(int(piece.partition) % partitions, partitions, part.partitions):
                    found.setdefault(partition, []).append(whole)
        return found


def _refuse_uneven(partitions: int, before: Index) -> None:
    for part in before.parts:
        if max(partitions, part.partitions) % min(partitions, part.partitions):
            raise ValueError(
                f"partitions is {partitions} here and {part.partitions} for {part.name}: "
                "one must be a multiple of the other"
            )


def parameters(dedup: Dedup) -> dict[str, Any]:
    return {"version": VERSION, **dedup.model_dump(mode="json", include=set(_PARAMETERS))}


def read(dedup: Dedup, folder: str) -> Index:
    """The index of the run in ``folder``.

    ValueError when it has none, or one made with other parameters, or partitions that do not divide each other.
    """
    path = storage.join(folder, PATH)
    if not storage.is_file(path):
        raise ValueError(f"{folder} has no index of duplicates: name the folder of a finished run")
    found = json.loads(storage.read_bytes(path))
    ours, theirs = parameters(dedup), found["parameters"]
    if unequal := [n for n in ours if ours[n] != theirs.get(n)]:
        said = ", ".join(f"{n} is {ours[n]!r} here and {theirs.get(n)!r} there" for n in unequal)
        raise ValueError(f"the keys of {folder} are of another kind: {said}")
    here = folder.rstrip("/")
    earlier = []
    for p in found["parts"]:
        name = p["name"] if "::" in p["name"] else foreign(here, p["name"])
        earlier.append(Earlier(name, p["rows"], p["digest"], p["partitions"], uri(here, p["listing"])))
    before = Index(tuple(earlier), storage.join(here, SAMPLE) if found["sample"] else "")
    if number := dedup.partitions or before.fewest:
        _refuse_uneven(number, before)
    return before


@dataclass(frozen=True)
class _Writing:
    parameters: dict[str, Any]
    parts: list[dict[str, Any]] = field(default_factory=list)
    sample: bool = False


def task(
    dedup: Dedup,
    partitions: int,
    produced: Sequence[Receipt],
    names: Sequence[str],
    digests: Sequence[str],
    before: Index,
) -> Task:
    """``produced`` are the receipts of the keys of the parts ``names``, whose documents have these ``digests``."""
    own = [
        {
            "name": n,
            "rows": receipt.counts["documents"],
            "digest": d,
            "partitions": partitions,
            "listing": receipt.data["listing"],
        }
        for receipt, n, d in zip(produced, names, digests, strict=True)
    ]
    spec = _Writing(parameters(dedup), [*map(asdict, before.parts), *own], dedup.fuzzy)
    return Task("index-duplicates", "index", digest_of("index-duplicates", VERSION, asdict(spec)), write, spec)


def write(run: str, spec: _Writing) -> Made:
    storage.write_bytes(storage.join(run, PATH), json.dumps(asdict(spec), indent=1).encode())
    return Made([output(run, PATH)])
