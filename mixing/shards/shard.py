"""A shard: the tokens of documents in a given order, and the spans that lead back to them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests import storage
from mixing.planner import Ints
from mixing.pools import PoolSet, Spans


@dataclass(frozen=True)
class Shard:
    """One written shard; ``files`` are names in its folder, the tokens first and the spans last."""

    format: str
    index: int
    files: tuple[str, ...]
    tokens: int
    documents: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self) | {"files": list(self.files)}


def gather(pools: PoolSet, file: Ints, span: Ints) -> tuple[npt.NDArray[Any], Spans]:
    """The tokens of documents in the given order, and spans over them."""
    start, length = np.empty(len(file), np.int64), np.empty(len(file), np.int64)
    part, row = np.empty(len(file), np.int32), np.empty(len(file), np.int32)
    parts: dict[str, int] = {}
    used = np.unique(file).tolist()
    for i in used:
        spans, here = pools.spans(i), np.flatnonzero(file == i)
        chosen = span[here]
        start[here], length[here], row[here] = spans.start[chosen], spans.lengths[chosen], spans.row[chosen]
        numbers = np.array([parts.setdefault(p, len(parts)) for p in spans.parts], np.int32)
        part[here] = numbers[spans.part[chosen]]
    end = np.cumsum(length)
    types = {pools.array(i).dtype.newbyteorder("<") for i in used} or {np.dtype("<u2")}
    if len(types) > 1:
        raise ValueError(f"pools of several token types ({', '.join(sorted(map(str, types)))}) cannot share a shard")
    tokens = np.empty(int(end[-1]) if len(end) else 0, types.pop())
    # In the order of the pools: each mapped page is touched once. A slice a document beats an index of every token.
    order = np.lexsort((start, file))
    sources = {i: pools.array(i) for i in used}
    columns = (file[order], start[order], (start + length)[order], (end - length)[order], end[order])
    for i, a, b, to, until in zip(*(c.tolist() for c in columns), strict=True):
        tokens[to:until] = sources[i][a:b]
    return tokens, Spans(start=end - length, end=end, part=part, row=row, parts=tuple(parts))


def finish(kind: str, folder: str, index: int, files: tuple[str, ...], spans: Spans) -> Shard:
    """Writes the spans beside the files of a shard, and describes it."""
    name = f"part-{index:05d}.spans.parquet"
    spans.write(storage.join(folder, name))
    return Shard(kind, index, (*files, name), int(spans.lengths.sum()), len(spans.start))
