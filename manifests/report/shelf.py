"""The documents that the page carries: numbered as sections ask for them, read once, each shown once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from manifests import lineage, parts, storage
from manifests.report import frame as frames
from manifests.report.shown import plain, safe_link

_EXCERPT = 260
#: documents that a page carries at most: what it weighs does not grow with the run
MOST = 1200


@dataclass(frozen=True)
class Sample:
    """A document as shown: everything in it was written by strangers. ``link`` is empty unless it is http or https."""

    number: int
    id: str
    title: str
    url: str
    link: str
    excerpt: str
    source: str

    @property
    def name(self) -> str:
        return self.title or self.url or self.id


class Shelf:
    """Documents by number. With ``redact`` no title and no text is read: addresses and ids remain."""

    def __init__(self, run: str, *, redact: bool = False) -> None:
        self.run = run
        self.redact = redact
        self._numbers: dict[tuple[str, int], int] = {}
        self._samples: dict[int, Sample] = {}

    def put(self, behind: Sequence[str] | None, most: int = 5) -> list[int]:
        """Numbers of documents given by ``at`` of ``sums``; those that found no room are left out."""
        numbers = []
        for at in (behind or ())[:most]:
            _, part, row = at.rsplit(" ", 2)
            place = (part, int(row))
            if place in self._numbers or len(self._numbers) < MOST:
                numbers.append(self._numbers.setdefault(place, len(self._numbers)))
        return numbers

    def one(self, part: str, row: int) -> int:
        """The number of one document; there is always room for those that a section cannot do without."""
        return self._numbers.setdefault((part, row), len(self._numbers))

    def text(self, number: int) -> str:
        """The whole text of a document, as one line of visible characters; empty where texts are left out."""
        if self.redact:
            return ""
        part, row = list(self._numbers)[number]
        found = lineage.row_of(self.run, parts.DOCUMENTS, part, row, ["text"])["text"]
        return plain(found, len(found or "") + 1)

    def read(self) -> None:
        """Reads what was put, each part once; of the texts, the beginning."""
        wanted: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for (part, row), number in self._numbers.items():
            if number not in self._samples:
                wanted[part][row] = number
        for part, rows in wanted.items():
            uri = frames.path_of(storage.join(self.run, parts.path(parts.DOCUMENTS, part)))
            columns = ["id", "url", *([] if self.redact else ["title", "text"])]
            scan = pl.scan_parquet(uri, glob=False, row_index_name="row").select("row", *columns)
            scan = scan.filter(pl.col("row").is_in(list(rows)))
            if not self.redact:
                scan = scan.with_columns(pl.col("text").str.slice(0, 4 * _EXCERPT))
            for found in scan.collect().iter_rows(named=True):
                self._samples[rows[found["row"]]] = _sample(rows[found["row"]], part, found)

    def __getitem__(self, number: int) -> Sample:
        return self._samples[number]

    def __iter__(self) -> Iterator[Sample]:
        return (self._samples[n] for n in sorted(self._samples))

    def __len__(self) -> int:
        return len(self._numbers)


def _sample(number: int, part: str, found: dict[str, str]) -> Sample:
    url = plain(found["url"], 300)
    return Sample(
        number=number,
        id=found["id"],
        title=plain(found.get("title"), 160),
        url=url,
        link=safe_link(url),
        excerpt=plain(found.get("text"), _EXCERPT),
        source=part.split("/")[0],
    )
