"""The index of a run: what a later run needs to find duplicates of this one's documents, without reading them again.

``exchange/index.json`` names every part, those of the runs before among them, the listings of their key files, the
parameters they were made with, and a sample of the texts. A later run merges the keys with its own; texts are read of
candidates only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from manifests import storage
from manifests.receipts import Receipt, digest_of, output
from pipelines.recipe import Dedup
from pipelines.slices import Slice, listed
from pipelines.stages.deduplicate.places import FOLDER, foreign
from pipelines.task import Made, Task

VERSION = 3
PATH = f"{FOLDER}/index.json"
SAMPLE = f"{FOLDER}/sample.parquet"
#: fields that keys of two runs must have in common
_PARAMETERS = ("exact", "url", "fuzzy", "bands", "rows", "shingle", "unit")


@dataclass(frozen=True)
class Earlier:
    """A part of an earlier run."""

    name: str  #: see places.foreign
    rows: int
    digest: str  #: of its documents and their duplicates


@dataclass(frozen=True)
class Listing:
    """The slices of a key file, as a part wrote it or merged: see ``slices.list_slices``."""

    run: str  #: empty for the run whose index names it
    path: str
    partitions: int  #: of its keys


@dataclass(frozen=True)
class Index:
    parts: tuple[Earlier, ...] = ()
    listings: tuple[Listing, ...] = ()
    sample: str = ""

    @property
    def fewest(self) -> int | None:
        """Partitions of a run, of which others may have multiples; None without listings."""
        return min((found.partitions for found in self.listings), default=None)

    def by_partition(self, partitions: int) -> dict[int | str, list[Slice]]:
        """The slices that hold keys of each of so many partitions, and perhaps of others. Paths are whole."""
        found: dict[int | str, list[Slice]] = {}
        uris = [storage.join(listing.run, listing.path) for listing in self.listings]
        read = storage.at_once(lambda uri: [*listed(uri)], uris, remote=not all(map(storage.is_local, uris)))
        for listing, pieces in zip(self.listings, read, strict=True):
            for piece in pieces:
                whole = replace(piece, path=storage.join(listing.run, piece.path))
                for partition in range(int(piece.partition) % partitions, partitions, listing.partitions):
                    found.setdefault(partition, []).append(whole)
        return found


def _refuse_uneven(partitions: int, before: Index) -> None:
    for listing in before.listings:
        if max(partitions, listing.partitions) % min(partitions, listing.partitions):
            raise ValueError(
                f"partitions is {partitions} here and {listing.partitions} for {listing.run}: "
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
    before = Index(
        tuple(
            Earlier(n if "::" in (n := p["name"]) else foreign(here, n), p["rows"], p["digest"]) for p in found["parts"]
        ),
        tuple(Listing(k["run"] or here, k["path"], k["partitions"]) for k in found["listings"]),
        storage.join(here, SAMPLE) if found["sample"] else "",
    )
    if number := dedup.partitions or before.fewest:
        _refuse_uneven(number, before)
    return before


@dataclass(frozen=True)
class _Writing:
    parameters: dict[str, Any]
    parts: tuple[Earlier, ...] = ()
    listings: tuple[Listing, ...] = ()
    sample: bool = False


def task(dedup: Dedup, partitions: int, parts: Sequence[Earlier], written: Sequence[Receipt], before: Index) -> Task:
    """``parts`` are those of this run, ``written`` the receipts of their key files: see ``Conductor.key_files``."""
    listings = [Listing("", receipt.data["listing"], partitions) for receipt in written]
    spec = _Writing(parameters(dedup), (*before.parts, *parts), (*before.listings, *listings), dedup.fuzzy)
    return Task("index-duplicates", "index", digest_of("index-duplicates", VERSION, asdict(spec)), write, spec)


def write(run: str, spec: _Writing) -> Made:
    storage.write_bytes(storage.join(run, PATH), json.dumps(asdict(spec), indent=1).encode())
    return Made([output(run, PATH)])
