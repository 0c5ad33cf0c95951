"""Groups of candidates: the connected components of the pairs, of which each is read and judged as a whole.

Few pairs are joined by the driver, as one task: 64 bytes a pair, 1 GB at most. More are joined by blocks, see ``join``;
the groups are the same. Either way they are cut into pieces of whole groups, and their members are written by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dedup.clusters import divided
from manifests import parts
from manifests.receipts import digest_of
from pipelines.conductor import Conductor
from pipelines.exchange import write_slices
from pipelines.slices import Slice, list_slices, slices_of
from pipelines.stages.deduplicate import edges, join, roster
from pipelines.stages.deduplicate.places import FOLDER, place
from pipelines.stages.deduplicate.roster import Roster
from pipelines.task import Made, Task

VERSION = 2
COLUMN = "duplicates"
#: a document of a part: which piece (``key``), which row, and which group
MEMBER = np.dtype([("key", "<u8"), ("row", "<u8"), ("group", "<u8")])
#: pairs that are joined in one task
IN_ONE = 1 << 24
#: documents of the largest group that is judged as found; of a larger one the weakest pairs are let go
LARGEST = 20_000
#: shares of the differences that candidates may have, to which those of a group too large are held one after another
_STRICTER = (0.75, 0.5, 0.25, 0.1)
#: documents compared in one task, at least; a group is never cut
_DOCUMENTS = 4000
#: so many pieces there are at most, if all documents are candidates, but for large groups
_PIECES = 1 << 14


@dataclass(frozen=True)
class Groups:
    """Pieces of groups, in their order, and their members by the place of their part in the roster."""

    pieces: tuple[str, ...]  #: digests of what is read of the members of each
    members: dict[int, list[Members]]


@dataclass(frozen=True)
class Members:
    """Records of ``MEMBER`` of one part; their pieces are counted from ``first``."""

    records: Slice
    first: int


def groups(
    conductor: Conductor, documents: Roster, pairs: Sequence[edges.Pairs], most_unequal: int, suffix: str
) -> Groups:
    """All groups that hold a fresh document.

    ``most_unequal`` is the number of unequal entries that two candidates may have.
    """
    listed = conductor.here(f"roster{suffix}", roster.task(documents, suffix)).outputs[0]
    limits = (255.0, *(share * most_unequal for share in _STRICTER))
    each = max(_DOCUMENTS, sum(documents.rows) // _PIECES)
    if sum(p.most for p in pairs) <= IN_ONE:
        conductor.forget(*join.leftovers(conductor.run, suffix, []))
        made = [conductor.here(f"groups{suffix}", _task(listed.path, listed.digest, pairs, limits, each, suffix))]
    else:
        write = _Writing(listed.path, listed.digest, each, suffix)
        made = join.joined(conductor, documents, listed.path, pairs, join.Plan(limits, LARGEST, IN_ONE), write, suffix)
    pieces: list[str] = []
    members: dict[int, list[Members]] = {}
    for receipt in made:
        for piece in slices_of(conductor.run, receipt):
            members.setdefault(int(piece.partition), []).append(Members(piece, len(pieces)))
        pieces += receipt.data["pieces"]
    return Groups(tuple(pieces), members)


@dataclass(frozen=True)
class _Here:
    roster: str
    pairs: tuple[edges.Pairs, ...]
    limits: tuple[float, ...]
    largest: int
    each: int
    suffix: str


def _task(
    listed: str, digest: str, pairs: Sequence[edges.Pairs], limits: tuple[float, ...], each: int, suffix: str
) -> Task:
    key = digest_of("groups", VERSION, digest, [p.digest for p in pairs], limits, LARGEST, each)
    return Task(f"groups{suffix}", "groups", key, find, _Here(listed, tuple(pairs), limits, LARGEST, each, suffix))


def find(run: str, spec: _Here) -> Made:
    """All groups at once."""
    documents = roster.read(run, spec.roster)
    found = divided(*edges.read_all(run, documents, spec.pairs), spec.limits, spec.largest)
    return write_members(run, documents, found.labels, found.nodes, spec.each, f"{FOLDER}/groups{spec.suffix}.keys")


@dataclass(frozen=True)
class _Writing:
    """Makes the tasks that write the groups of a partition."""

    roster: str
    digest: str
    each: int
    suffix: str

    def __call__(self, partition: int | str, slices: Sequence[Slice]) -> Task:
        key = digest_of("groups", VERSION, self.digest, [s.digest for s in slices], self.each)
        spec = (self.roster, tuple(slices), self.each, f"{FOLDER}/groups{self.suffix}/{partition:05d}.keys")
        return Task(f"groups{self.suffix}", f"partition-{partition:05d}", key, write_partition, spec)


def write_partition(run: str, spec: tuple[str, tuple[Slice, ...], int, str]) -> Made:
    listed, slices, each, path = spec
    return write_members(run, roster.read(run, listed), *join.read_labelled(run, slices), each, path)


def write_members(
    run: str, documents: Roster, labels: npt.NDArray[np.int64], nodes: npt.NDArray[np.int64], each: int, path: str
) -> Made:
    """The members of the groups that hold a fresh document and another, without what went in earlier runs.

    Pieces have ``each`` documents or a little less, or are one group that is larger.
    """
    order = np.lexsort((nodes, labels))
    labels, nodes = labels[order], nodes[order]
    which, rows = roster.split(nodes)
    fresh = np.array(documents.fresh, bool)[which]
    staying = fresh.copy()
    for i in np.unique(which[~fresh]).tolist():
        other, part = place(run, documents.names[i])
        survivor = parts.read(other, COLUMN, part, ["survivor"])["survivor"]
        here = np.flatnonzero(which == i)
        staying[here] = survivor.is_null().to_numpy()[rows[here]]
    labels, which, rows, fresh = labels[staying], which[staying], rows[staying], fresh[staying]
    _, group, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    some_fresh = np.bincount(group, weights=fresh, minlength=len(sizes)) > 0
    judged = ((sizes > 1) & some_fresh)[group]
    labels, which, rows, fresh = labels[judged], which[judged], rows[judged], fresh[judged]
    digests, ends = [], _cuts(labels, each)
    for start, end in pairwise(ends):
        used = which[start:end]
        read = [documents.digests[i] for i in np.unique(used).tolist()]
        said = [labels[start:end], rows[start:end], ~fresh[start:end]]
        named = [documents.names[i] for i in used.tolist()]
        digests.append(digest_of(named, *(x.tolist() for x in said), read))
    records = np.empty(len(labels), MEMBER)
    records["key"] = np.repeat(np.arange(len(digests)), np.diff(ends))
    records["row"], records["group"] = rows, labels
    by_part = np.argsort(which, kind="stable")
    held, sizes_of = np.unique(which, return_counts=True)
    pieces = np.split(records[by_part], np.cumsum(sizes_of)[:-1])
    made, slices = write_slices(run, path, list(zip(held.tolist(), pieces, strict=False)))
    listing, listed = list_slices(run, path, slices)
    counts = {"members": len(labels), "groups": len(np.unique(labels)), "largest": int(sizes.max(initial=0))}
    return Made([made, listing], counts, {**listed, "pieces": digests})


def _cuts(labels: npt.NDArray[np.int64], each: int) -> list[int]:
    """Ends of pieces of whole groups, of about ``each`` documents or of one group that is larger; 0 first."""
    ends = np.append(np.flatnonzero(np.diff(labels)) + 1, [len(labels)] if len(labels) else []).astype(np.int64)
    cuts = [0]
    while cuts[-1] < len(labels):
        reach = ends[ends <= cuts[-1] + each]
        cuts.append(int(reach[-1]) if len(reach) and reach[-1] > cuts[-1] else int(ends[ends > cuts[-1]][0]))
    return cuts
