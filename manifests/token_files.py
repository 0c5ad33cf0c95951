"""Where in a shard's file its tokens lie, whatever the format.

Tokens are counted through the documents of a shard. Most formats hold nothing else; MDS has a header, and one before
each document (``streaming/base/format/mds/writer.py`` of mosaicml/streaming).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from manifests import storage

#: of the files that hold tokens, one of them beside each file of spans
SUFFIXES = (".npy", ".bin", ".ds", ".mds")
#: what the footer of spans calls the tokens of their shard
TOKENS = "tokens"
_MDS_TOKENS = re.compile(r"ndarray:uint(16|32)")
#: bytes before a sample's shape: its size as uint32, and how many dimensions of what width
_SAMPLE_HEAD = 5


@dataclass(frozen=True)
class Layout:
    """``width`` bytes a token; stretch i begins with token ``first[i]`` at byte ``byte[i]``. Documents lie together."""

    width: int
    first: npt.NDArray[np.int64]
    byte: npt.NDArray[np.int64]

    def byte_of(self, token: int) -> int:
        i = int(np.searchsorted(self.first, token, side="right")) - 1
        return int(self.byte[i]) + (token - int(self.first[i])) * self.width


def layout(uri: str, tokens: int) -> Layout:
    """Of the token file ``uri`` that holds so many tokens. ValueError when it is no such file."""
    if uri.endswith(".mds"):
        with storage.open_input(uri) as f:
            return _mds(uri, f)
    none = np.zeros(1, np.int64)
    return Layout(storage.size(uri) // max(tokens, 1), none, none)


def spans_path(shard: str) -> str:
    """The spans that lie beside a token file."""
    return shard.rsplit(".", 1)[0] + ".spans.parquet"


def tokens_in(uri: str) -> int:
    """Tokens of the token file ``uri`` by the spans beside it: up to the last span's end, or as many as the footer
    says where a takedown by index has left the last ones to no document.
    """
    spans = spans_path(uri)
    if told := storage.read_metadata(spans).get(f"cuvee.{TOKENS}"):
        return int(told)
    ends = storage.read_table(spans, ["end"])["end"]
    return int(ends[-1].as_py()) if len(ends) else 0


def shape_width(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Bytes in which MDS writes the length of an array: 1, 2 or 4."""
    return np.select([lengths < 1 << 8, lengths < 1 << 16], [1, 2], 4).astype(np.int64)


def _mds(uri: str, f: IO[Any]) -> Layout:
    """A uint32 count of samples, a uint32 offset of each and of the end, the header, the samples."""
    samples = int.from_bytes(f.read(4), "little")
    table = f.read(4 * (samples + 1))
    if len(table) != 4 * (samples + 1):
        raise ValueError(f"{uri}: no MDS shard, or cut short")
    offsets = np.frombuffer(table, "<u4").astype(np.int64)
    try:
        header = json.loads(f.read(int(offsets[0]) - 4 * (samples + 2)))
        (encoding,) = header["column_encodings"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{uri}: not a shard of one column of tokens") from None
    found = _MDS_TOKENS.fullmatch(str(encoding))
    if found is None:
        raise ValueError(f"{uri}: {encoding} are not tokens as cuvée writes them")
    width = int(found[1]) // 8
    sizes = np.diff(offsets) - _SAMPLE_HEAD
    # a longer shape leaves a remainder, or a length that would have had a shorter one
    lengths = np.zeros(samples, np.int64)
    for shape in (4, 2, 1):
        tokens, rest = np.divmod(sizes - shape, width)
        lengths = np.where((rest == 0) & (tokens > 0) & (shape_width(tokens) == shape), tokens, lengths)
    return Layout(width, np.cumsum(lengths) - lengths, offsets[1:] - lengths * width)
