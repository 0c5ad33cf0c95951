"""Common Crawl by the id of a crawl: which files it has, and which records of them the columnar index chooses.

A crawl publishes ``crawl-data/ID/warc.paths.gz`` (and ``wet``), the names of its files, and
``crawl-data/ID/cc-index-table.paths.gz``, the names of its index's Parquet files, one row a capture
(https://commoncrawl.org/get-started and https://commoncrawl.org/columnar-index).
"""

from __future__ import annotations

import gzip
import re

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import storage

#: names a condition may use, and the column of the index each stands for
COLUMNS = {
    "url": "url",
    "host": "url_host_name",
    "domain": "url_host_registered_domain",
    "tld": "url_host_tld",
    "path": "url_path",
    "status": "fetch_status",
    "mime": "content_mime_detected",
    "declared_mime": "content_mime_type",
    "charset": "content_charset",
    "languages": "content_languages",
    "truncated": "content_truncated",
    "bytes": "warc_record_length",
}
_PLACE = ["warc_filename", "warc_record_offset", "warc_record_length"]
#: one row a chosen record: the WARC file below the crawl's base, and where the record lies in it
SELECTION = pa.schema([("file", pa.string()), ("offset", pa.int64()), ("length", pa.int64())])
_SEGMENT = re.compile(r"/segments/([^/]+)/")
_LONGEST_LIST = 1 << 30


class CrawlError(ValueError):
    """A crawl that is not there, or is not what it should be."""


def files(base: str, crawl: str, subset: str, segments: tuple[int | None, int | None]) -> list[str]:
    """Names of the WARC or WET files of the chosen segments, relative to ``base``, in the order they are listed."""
    names = _listed(base, crawl, f"{subset}.paths.gz")
    order: dict[str, None] = dict.fromkeys(m[1] for m in map(_SEGMENT.search, names) if m)
    chosen = set(list(order)[slice(*segments)])
    found = [n for n in names if (m := _SEGMENT.search(n)) and m[1] in chosen]
    if not found:
        wanted = ":".join("" if s is None else str(s) for s in segments)
        raise CrawlError(f"{crawl}: segments {wanted} choose none of its {len(order)} segments")
    return found


def index_parts(base: str, crawl: str) -> list[str]:
    """Names of the index's files about WARC responses, relative to ``base``."""
    return [n for n in _listed(base, crawl, "cc-index-table.paths.gz") if "/subset=warc/" in n]


def chosen(index: str, where: str, allowed: set[str]) -> pa.Table:
    """The records that one index file lists, that meet the condition and lie in allowed WARC files (``SELECTION``)."""
    condition = pl.sql_expr(where)
    found = []
    with storage.open_input(index) as opened:
        file = pq.ParquetFile(opened)
        names = set(file.schema_arrow.names)
        wanted = sorted({COLUMNS[c] for c in condition.meta.root_names()} | set(_PLACE))
        if missing := [c for c in wanted if c not in names]:
            raise CrawlError(f"{index}: the index has no column {missing[0]}")
        for group in range(file.num_row_groups):
            rows = pl.DataFrame(pl.from_arrow(file.read_row_group(group, columns=wanted)))
            known = {name: column for name, column in COLUMNS.items() if column in rows.columns}
            holds = rows.select(**{n: pl.col(c) for n, c in known.items()}).select(
                condition.cast(pl.Boolean).fill_null(False).alias("holds")
            )["holds"]
            rows = rows.filter(holds).select(_PLACE)
            found.append(rows.filter(pl.col("warc_filename").is_in(allowed)))
    table = pl.concat(found) if found else pl.DataFrame(schema=dict.fromkeys(_PLACE, pl.Int64))
    return table.sort(_PLACE).rename(dict(zip(_PLACE, SELECTION.names, strict=True))).to_arrow().cast(SELECTION)


def problem(where: str) -> str | None:
    """What is wrong with a condition over the index, in one line; None when nothing."""
    unknown = [c for c in pl.sql_expr(where).meta.root_names() if c not in COLUMNS]
    return f"unknown column {unknown[0]!r}; allowed: {', '.join(COLUMNS)}" if unknown else None


def _listed(base: str, crawl: str, name: str) -> list[str]:
    uri = storage.join(base, "crawl-data", crawl, name)
    try:
        with storage.open_input(uri) as opened, gzip.open(opened) as unpacked:
            text = unpacked.read(_LONGEST_LIST)
    except FileNotFoundError:
        raise CrawlError(f"{uri}: no such file: check the crawl's id, as in CC-MAIN-2026-05") from None
    except (gzip.BadGzipFile, EOFError) as error:
        raise CrawlError(f"{uri}: not a list of paths: {error}") from None
    names = text.decode("utf-8", "replace").split()
    if strange := [n for n in names if n.startswith("/") or ".." in n.split("/") or "://" in n]:
        raise CrawlError(f"{uri}: lists {strange[0]!r}, which is no path below the crawl's base")
    return names
