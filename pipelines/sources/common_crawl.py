"""Files of a Common Crawl: whole WARC or WET files, or selections of records, each fetched by a range request."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq

from manifests import storage
from manifests.documents import Document, HostFile, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceFile, warc

SELECTION_SUFFIX = ".selection.parquet"
#: records of a selection in one unit of work
_RECORDS = 2000
#: two records closer than this in a file come with one request, and what lies between is thrown away
_GAP = 1 << 18
_REQUEST = 32 << 20


def ranges(file: SourceFile) -> list[tuple[int, int]]:
    """A whole file, or the rows of a selection in slices."""
    if not file.name.endswith(SELECTION_SUFFIX):
        return warc.ranges(file)
    with storage.open_input(file.uri) as opened:
        rows = pq.ParquetFile(opened).metadata.num_rows
    return list(pairwise([*range(0, rows, _RECORDS), rows]))


def read(
    file: SourceFile, start: int, end: int, source: Source, counts: dict[str, int]
) -> Iterator[Document | Reject | HostFile]:
    """Pages as documents; broken records as rejects."""
    if not file.name.endswith(SELECTION_SUFFIX):
        yield from warc.read(file, start, end, source, counts)
        return
    rows = storage.read_table(file.uri).slice(start, end - start)
    names = rows["file"].to_numpy(zero_copy_only=False)
    offsets, lengths = rows["offset"].to_numpy(), rows["length"].to_numpy()
    for first, last in _requests(names, offsets, lengths):
        name, base = str(names[first]), int(offsets[first])
        data = storage.read_range(storage.join(source.base, name), base, int(offsets[last] + lengths[last]) - base)
        for row in range(first, last + 1):
            offset, length = int(offsets[row]), int(lengths[row])
            record = io.BytesIO(data[offset - base : offset - base + length])
            for item in warc.read_open(record, name, source, counts, offset):
                yield replace(item, offset=offset, length=length)


def _requests(names: np.ndarray, offsets: np.ndarray, lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last row of each range to fetch: records of one file that lie close together."""
    ends = offsets + lengths
    first = 0
    for row in range(1, len(names) + 1):
        if row < len(names):
            near = names[row] == names[first] and offsets[row] - ends[row - 1] <= _GAP
            if near and ends[row] - offsets[first] <= _REQUEST:
                continue
        yield first, row - 1
        first = row
