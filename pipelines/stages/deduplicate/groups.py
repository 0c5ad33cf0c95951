"""Groups of candidates: the connected components of the pairs, of which each is read and judged as a whole.

Few pairs are joined by the driver, as one task: 64 bytes a pair, 1 GB at most. More are joined by blocks, see ``join``;
the groups are the same. Either way the members are written in the order in which they are judged, and cut into pieces
of whole groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup.clusters import divided
from manifests import parts, storage
from manifests.receipts import digest_of, output
from pipelines.conductor import Conductor
from pipelines.exchange import raw
from pipelines.slices import Slice, slices_of
from pipelines.stages.deduplicate import edges, join, roster
from pipelines.stages.deduplicate.places import FOLDER, place
from pipelines.stages.deduplicate.roster import Roster
from pipelines.task import Made, Task

VERSION = 1
COLUMN = "duplicates"
MEMBERS = pa.schema(
    [
        ("group", pa.int64()),
        ("part", pa.dictionary(pa.int32(), pa.string())),
        ("row", pa.int64()),
        ("frozen", pa.bool_()),
    ]
)
#: pairs that are joined in one task
IN_ONE = 1 << 24
#: documents of the largest group that is judged as found; of a larger one the weakest pairs are let go
LARGEST = 20_000
#: shares of the differences that candidates may have, to which those of a group too large are held one after another
_STRICTER = (0.75, 0.5, 0.25, 0.1)
#: documents compared in one task; a group is never cut
_DOCUMENTS = 4000


def groups(
    conductor: Conductor, documents: Roster, pairs: Sequence[edges.Pairs], most_unequal: int, suffix: str
) -> list[Slice]:
    """Pieces of the members of all groups that hold a fresh document; a slice's digest covers what is read of them.

    ``most_unequal`` is the number of unequal entries that two candidates may have.
    """
    listed = conductor.here(f"roster{suffix}", roster.task(documents, suffix)).outputs[0]
    limits = (255.0, *(share * most_unequal for share in _STRICTER))
    if sum(p.most for p in pairs) <= IN_ONE:
        conductor.forget(*join.leftovers(conductor.run, suffix, []))
        made = [conductor.here(f"groups{suffix}", _task(listed.path, listed.digest, pairs, limits, suffix))]
    else:
        write = _Members(listed.path, listed.digest, suffix)
        made = join.joined(conductor, documents, listed.path, pairs, join.Plan(limits, LARGEST, IN_ONE), write, suffix)
    return [piece for receipt in made for piece in slices_of(conductor.run, receipt)]


@dataclass(frozen=True)
class _Here:
    roster: str
    pairs: tuple[edges.Pairs, ...]
    limits: tuple[float, ...]
    largest: int
    suffix: str


def _task(listed: str, digest: str, pairs: Sequence[edges.Pairs], limits: tuple[float, ...], suffix: str) -> Task:
    key = digest_of("groups", VERSION, digest, [p.digest for p in pairs], limits, LARGEST)
    return Task(f"groups{suffix}", "groups", key, find, _Here(listed, tuple(pairs), limits, LARGEST, suffix))


def find(run: str, spec: _Here) -> Made:
    """All groups at once."""
    documents = roster.read(run, spec.roster)
    found = divided(*edges.read_all(run, documents, spec.pairs), spec.limits, spec.largest)
    return write_members(run, documents, found.labels, found.nodes, f"{FOLDER}/groups{spec.suffix}.parquet")


@dataclass(frozen=True)
class _Members:
    """Makes the tasks that write the groups of a partition."""

    roster: str
    digest: str
    suffix: str

    def __call__(self, partition: int | str, slices: Sequence[Slice]) -> Task:
        key = digest_of("groups", VERSION, self.digest, [s.digest for s in slices])
        spec = (self.roster, tuple(slices), f"{FOLDER}/groups{self.suffix}/{partition:05d}.parquet")
        return Task(f"groups{self.suffix}", f"partition-{partition:05d}", key, write_partition, spec)


def write_partition(run: str, spec: tuple[str, tuple[Slice, ...], str]) -> Made:
    listed, slices, path = spec
    return write_members(run, roster.read(run, listed), *join.read_labelled(run, slices), path)


def write_members(
    run: str, documents: Roster, labels: npt.NDArray[np.int64], nodes: npt.NDArray[np.int64], path: str
) -> Made:
    """The members of the groups that hold a fresh document and another, without what went in earlier runs."""
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
    table = pa.table(
        {
            "group": labels,
            "part": pa.DictionaryArray.from_arrays(pa.array(which), pa.array(documents.names, pa.string())),
            "row": rows,
            "frozen": ~fresh,
        },
        schema=MEMBERS,
    )
    storage.write_table(storage.join(run, path), table)
    pieces = []
    for start, end in pairwise(_cuts(labels)):
        used = which[start:end]
        read = [documents.digests[i] for i in np.unique(used).tolist()]
        said = [labels[start:end], rows[start:end], ~fresh[start:end]]
        named = [documents.names[i] for i in used.tolist()]
        digest = digest_of(named, *(x.tolist() for x in said), read)
        pieces.append(Slice(0, path, start, end - start, digest))
    counts = {"members": len(labels), "groups": len(np.unique(labels)), "largest": int(sizes.max(initial=0))}
    return Made([output(run, path, len(labels))], counts, {"slices": [raw(s) for s in pieces]})


def _cuts(labels: npt.NDArray[np.int64]) -> list[int]:
    """Ends of pieces of whole groups, of about ``_DOCUMENTS`` or of one group that is larger; 0 first."""
    ends = np.append(np.flatnonzero(np.diff(labels)) + 1, [len(labels)] if len(labels) else []).astype(np.int64)
    cuts = [0]
    while cuts[-1] < len(labels):
        reach = ends[ends <= cuts[-1] + _DOCUMENTS]
        cuts.append(int(reach[-1]) if len(reach) and reach[-1] > cuts[-1] else int(ends[ends > cuts[-1]][0]))
    return cuts
