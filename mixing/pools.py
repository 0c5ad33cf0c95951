"""Token pools: every kept document tokenized once, grouped by stratum, ready for any blend.

A pool file is one NumPy array of tokens for one stratum and split of one document part. Beside it lie its spans: which
document each stretch of tokens is. A stratum's name starts with its domain: ``domain~source~licence~origin~…``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from manifests import schemas, storage
from mixing.tokenizer import Tokenizer

_SAFE_NAME = re.compile(r"[A-Za-z0-9_.+~-]{1,200}")
SPLITS = ("train", "heldout")
#: documents that are encoded together; as Python strings, texts take twice their bytes and more
_AT_ONCE = 4096


@dataclass(frozen=True)
class PoolFile:
    """One token array. ``path`` is relative to the run folder; ``bytes`` counts the documents' UTF-8 text."""

    stratum: str
    split: str
    path: str
    tokens: int
    documents: int
    bytes: int
    digest: str

    @property
    def domain(self) -> str:
        return self.stratum.partition("~")[0]

    @property
    def spans_path(self) -> str:
        return self.path.removesuffix(".npy") + ".spans.parquet"

    def as_dict(self) -> dict[str, str | int]:
        """JSON-able; ``PoolFile(**d)`` reads it back."""
        return asdict(self)


@dataclass(frozen=True)
class Spans:
    """``schemas.SPANS`` as arrays: int64 ``start`` and ``end``, int32 ``part`` (an index of ``parts``) and ``row``."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    part: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    parts: tuple[str, ...]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        return self.end - self.start

    @classmethod
    def read(cls, uri: str) -> Spans:
        table = storage.read_table(uri).unify_dictionaries()
        part = pc.dictionary_encode(table["part"]).combine_chunks()
        part = part.chunk(0) if isinstance(part, pa.ChunkedArray) else part
        return cls(
            start=table["start"].to_numpy(),
            end=table["end"].to_numpy(),
            part=part.indices.to_numpy(),
            row=table["row"].to_numpy(),
            parts=tuple(part.dictionary.to_pylist()),
        )

    def write(self, uri: str, **metadata: str) -> None:
        """One Parquet file of ``schemas.SPANS``."""
        part = pa.DictionaryArray.from_arrays(pa.array(self.part, pa.int32()), pa.array(self.parts, pa.string()))
        table = pa.table(
            {"start": self.start, "end": self.end, "part": part, "row": self.row.astype(np.int32)}, schema=schemas.SPANS
        )
        footer = {"cuvee.schema": f"spans/{schemas.VERSIONS['spans']}", "cuvee.rows": str(len(self.start))}
        storage.write_table(uri, table, footer | {f"cuvee.{k}": v for k, v in metadata.items()})


def write_part(
    folder: str,
    part_name: str,
    part_path: str,
    frame: pl.DataFrame,
    tokenizer: Tokenizer,
    *,
    view: Sequence[str] = (),
) -> list[PoolFile]:
    """Tokenizes the kept documents of one part into its pool files, sorted by stratum and split.

    ``folder`` is the run's ``pools`` folder. ``frame`` has the columns ``text``, ``row`` (its row in the document part
    ``part_path``), ``stratum`` and ``split`` (train or heldout). ``view`` names the edits that made ``text`` of the
    document's own; the spans' footer keeps it. ValueError for a stratum that cannot name a folder.
    """
    files = []
    for (stratum, split), group in sorted(frame.group_by("stratum", "split"), key=lambda item: item[0]):
        stratum, split = str(stratum), str(split)
        if not _SAFE_NAME.fullmatch(stratum) or stratum.startswith("."):
            raise ValueError(f"stratum {stratum!r} cannot name a folder: use letters, digits and _ . + ~ -")
        if split not in SPLITS:
            raise ValueError(f"split {split!r} of stratum {stratum} is neither {' nor '.join(SPLITS)}")
        group = group.sort("row")
        slices = [tokenizer.encode(some["text"].to_list()) for some in group.iter_slices(_AT_ONCE)]
        tokens, lengths = (np.concatenate(arrays) for arrays in zip(*slices, strict=True))
        end = np.cumsum(lengths)
        spans = Spans(
            start=end - lengths,
            end=end,
            part=np.zeros(len(end), np.int32),
            row=group["row"].to_numpy().astype(np.int32),
            parts=(part_path,),
        )
        name = f"{split}-{part_name}"
        uri = storage.join(folder, stratum, f"{name}.npy")
        with storage.open_output(uri) as out:
            np.lib.format.write_array(out, tokens, version=(1, 0), allow_pickle=False)
        footer = {"tokenizer": tokenizer.digest, **({"view": " ".join(view)} if view else {})}
        spans.write(storage.join(folder, stratum, f"{name}.spans.parquet"), **footer)
        files.append(
            PoolFile(
                stratum=stratum,
                split=split,
                path=f"{folder.rstrip('/').rsplit('/', 1)[-1]}/{stratum}/{name}.npy",
                tokens=len(tokens),
                documents=len(end),
                bytes=int(group["text"].str.len_bytes().cast(pl.Int64).sum()),
                digest=storage.digest(uri),
            )
        )
    return files


def _mapped(path: Path) -> npt.NDArray[Any]:
    """What ``write_part`` wrote, mapped. NumPy's own maps each hold a file open, and a run has thousands."""
    with pa.memory_map(str(path)) as file:  # what was read stays mapped when it is closed
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{path}: not an array of tokens as cuvee writes them")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return np.frombuffer(file.read_buffer(), dtype).reshape(shape)


class PoolSet:
    """The pool files of a run, in the order of their paths; arrays are mapped, not read."""

    def __init__(self, run: str, files: Sequence[PoolFile]) -> None:
        self.run = run
        self.files = tuple(sorted(files, key=lambda f: f.path))
        paths = [f.path for f in self.files]
        if twice := sorted({a for a, b in pairwise(paths) if a == b}):
            raise ValueError(f"pool file given twice: {', '.join(twice)}")
        self._arrays: dict[int, npt.NDArray[Any]] = {}
        self._spans: dict[int, Spans] = {}

    @classmethod
    def open(cls, run: str, files: Sequence[PoolFile | Mapping[str, Any]]) -> PoolSet:
        """``files`` as ``write_part`` returned them, or as their JSON."""
        return cls(run, [f if isinstance(f, PoolFile) else PoolFile(**f) for f in files])

    def tokens(self, split: str = "train") -> dict[str, int]:
        """Tokens of each domain, by name."""
        return self._sum("tokens", split, "domain")

    def in_documents(self, least: int) -> dict[str, int]:
        """Training tokens of each domain in documents of ``least`` tokens or more."""
        found = dict.fromkeys(self.tokens(), 0)
        for i, file in enumerate(self.files):
            if file.split == "train":
                lengths = self.spans(i).lengths
                found[file.domain] += int(lengths[lengths >= least].sum())
        return found

    def strata(self, split: str = "train") -> dict[str, int]:
        """Tokens of each stratum, by name."""
        return self._sum("tokens", split, "stratum")

    @cached_property
    def natural(self) -> dict[str, float]:
        """Each domain's share of the training tokens; sums to one."""
        tokens = self.tokens()
        total = sum(tokens.values())
        if not total:
            raise ValueError(f"{self.run}: the pools hold no training tokens")
        return {domain: n / total for domain, n in tokens.items()}

    def array(self, index: int) -> npt.NDArray[Any]:
        """Tokens of ``files[index]``; ValueError when the file does not hold what it should."""
        if index not in self._arrays:
            file = self.files[index]
            uri = storage.join(self.run, file.path)
            with storage.on_this_machine(uri) as path:  # a copy is deleted, but stays mapped
                array = _mapped(path)
            if array.shape != (file.tokens,):
                raise ValueError(f"{uri} holds {array.shape} tokens, not {file.tokens}: delete it and run again")
            self._arrays[index] = array
        return self._arrays[index]

    def spans(self, index: int) -> Spans:
        """Spans of ``files[index]``; ValueError when they do not cover its tokens."""
        if index not in self._spans:
            file = self.files[index]
            spans = Spans.read(storage.join(self.run, file.spans_path))
            if len(spans.start) != file.documents or int(spans.lengths.sum()) != file.tokens:
                raise ValueError(f"{file.spans_path} does not describe {file.path}: delete both and run again")
            self._spans[index] = spans
        return self._spans[index]

    def train(self) -> dict[str, list[npt.NDArray[Any]]]:
        """The training arrays of each domain, in path order."""
        return {
            domain: [self.array(i) for i, f in enumerate(self.files) if f.domain == domain and f.split == "train"]
            for domain in self.tokens()
        }

    def heldout(self, limit: int = 1 << 22) -> dict[str, tuple[npt.NDArray[Any], int]]:
        """Held-out tokens of each domain that has some, and the bytes of text they stand for.

        Of a domain with more than about ``limit`` tokens, every file gives the same share, from its start.
        """
        total = self.tokens("heldout")
        found: dict[str, tuple[npt.NDArray[Any], int]] = {}
        for domain in (d for d, n in total.items() if n):
            share = min(1.0, limit / total[domain])
            here = [(i, f) for i, f in enumerate(self.files) if (f.domain, f.split) == (domain, "heldout")]
            taken = [math.ceil(share * f.tokens) for _, f in here]
            size = sum(f.bytes * n / max(1, f.tokens) for (_, f), n in zip(here, taken, strict=True))
            pieces = [self.array(i)[:n] for (i, _), n in zip(here, taken, strict=True)]
            found[domain] = (np.concatenate(pieces), round(size))
        return found

    def _sum(self, count: str, split: str, by: str) -> dict[str, int]:
        totals: dict[str, int] = {}
        for file in self.files:
            if file.split == split:
                totals[getattr(file, by)] = totals.get(getattr(file, by), 0) + int(getattr(file, count))
        return dict(sorted(totals.items()))
