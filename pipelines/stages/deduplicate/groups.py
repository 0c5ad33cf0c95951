"""Groups of candidates: the connected components of the pairs, of which each is read and judged as a whole.

The driver holds a union-find forest of all documents and reads the pairs file by file. Memory: 17 bytes a document, and
the largest file of pairs (ten million documents: 170 MB).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from dedup.clusters import Forest
from manifests import parts, storage
from manifests.receipts import Receipt
from pipelines.stages.deduplicate.places import edges_file, place

COLUMN = "duplicates"
MEMBERS = pa.schema(
    [
        ("group", pa.int64()),
        ("part", pa.dictionary(pa.int32(), pa.string())),
        ("row", pa.int64()),
        ("frozen", pa.bool_()),
    ]
)
#: documents of the largest group that is judged as found; of a larger one the weakest pairs are let go
LARGEST = 20_000
#: shares of the differences that candidates may have, to which those of a group too large are held one after another
_STRICTER = (0.75, 0.5, 0.25, 0.1)

Block = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Documents:
    """All documents that take part: names of parts, their rows, and which parts are judged now."""

    names: Sequence[str]
    rows: Sequence[int]
    fresh: frozenset[str]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.rows)]).astype(np.int64)


def write(run: str, documents: Documents, matches: Sequence[Receipt], most: int, path: str) -> dict[str, int] | None:
    """Writes the members of the groups that hold a fresh document; None where there are no groups.

    ``most`` is the number of unequal entries that two candidates may have. Returns counts.
    """
    starts = documents.starts
    n = int(starts[-1])
    forest, touched = Forest(n), np.zeros(n, bool)
    for edges, _ in _blocks(run, documents, matches):
        forest.add(edges)
        touched[edges.ravel()] = True
    labels = forest.labels()
    cut = _divide(run, documents, matches, most, labels, touched)
    fresh = np.zeros(n, bool)
    for i, name in enumerate(documents.names):
        span = slice(int(starts[i]), int(starts[i + 1]))
        if name in documents.fresh:
            fresh[span] = True
        elif touched[span].any():
            other, part = place(run, name)
            gone = parts.read(other, COLUMN, part, ["survivor"])["survivor"].is_valid().to_numpy()
            touched[span] &= ~gone
    members = np.flatnonzero(touched & np.isin(labels, np.unique(labels[touched & fresh])))
    _, inverse, sizes = np.unique(labels[members], return_inverse=True, return_counts=True)
    members = members[sizes[inverse] > 1]
    uri = storage.join(run, path)
    if not len(members):
        storage.remove(uri)
        return None
    members = members[np.lexsort((members, labels[members]))]
    which = (np.searchsorted(starts, members, side="right") - 1).astype(np.int32)
    table = pa.table(
        {
            "group": labels[members],
            "part": pa.DictionaryArray.from_arrays(pa.array(which), pa.array(documents.names, pa.string())),
            "row": members - starts[which],
            "frozen": ~fresh[members],
        },
        schema=MEMBERS,
    )
    if not (storage.is_file(uri) and storage.read_table(uri).equals(table)):  # a run with nothing to do writes nothing
        storage.write_table(uri, table)
    return {"members": len(members), "groups": len(np.unique(labels[members])), "largest": int(sizes.max()), "cut": cut}


def _divide(
    run: str,
    documents: Documents,
    matches: Sequence[Receipt],
    most: int,
    labels: npt.NDArray[np.int64],
    touched: npt.NDArray[np.bool_],
) -> int:
    """Divides groups too large by letting their weakest pairs go; returns how many went. Changes ``labels``."""
    large = _too_large(labels, touched)
    if not large.any():
        return 0
    blocks = [(e[large[e[:, 0]]], a[large[e[:, 0]]]) for e, a in _blocks(run, documents, matches)]
    edges, apart = np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])
    cut = 0
    for share in _STRICTER:
        strong = apart <= share * most
        cut += int((~strong).sum())
        edges, apart = edges[strong], apart[strong]
        forest = Forest(len(labels))
        forest.add(edges)
        labels[large] = forest.labels()[large]
        large &= _too_large(labels, touched)
        if not large.any():
            break
        edges, apart = edges[large[edges[:, 0]]], apart[large[edges[:, 0]]]
    return cut


def _too_large(labels: npt.NDArray[np.int64], touched: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    found, sizes = np.unique(labels[touched], return_counts=True)
    return touched & np.isin(labels, found[sizes > LARGEST])


def _blocks(run: str, documents: Documents, matches: Sequence[Receipt]) -> Iterator[Block]:
    """Pairs within the parts, then those between them, as numbers of documents."""
    starts = dict(zip(documents.names, documents.starts.tolist(), strict=False))
    for name in documents.names:
        table = storage.read_table(edges_file(run, name))
        if table.num_rows:
            pair = np.column_stack([table[side].to_numpy().astype(np.int64) for side in ("a", "b")])
            yield pair + starts[name], table["apart"].to_numpy()
    for path in (o.path for r in matches for o in r.outputs if o.rows):
        frame = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, path))))
        sides = []
        for side in ("a", "b"):
            first = frame[side].cast(pl.String).replace_strict(starts, return_dtype=pl.Int64)
            sides.append((first + frame[f"{side}_row"].cast(pl.Int64)).to_numpy())
        yield np.column_stack(sides), frame["apart"].to_numpy()
