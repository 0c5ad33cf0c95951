"""One token followed home: of the first shard, near its middle, of a crawled document if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from manifests import lineage, storage
from manifests.report.shown import plain, safe_link


@dataclass(frozen=True)
class Followed:
    """Strings of strangers are plain: one line, nothing invisible."""

    trace: lineage.Trace
    command: str  #: that shows the same
    title: str
    url: str
    link: str  #: the URL where it is safe to follow, else empty
    before: str
    after: str
    claims: list[str]
    record: str
    query: str  #: of the span in which the token lies
    query_record: str


def follow(run: str, record: Mapping[str, Any], index: Mapping[str, Any], *, redact: bool = False) -> Followed | None:
    """``record`` is ``run.json``, ``index`` is ``shards/index.json``; with ``redact`` no text is quoted.

    None when there is no token to follow.
    """
    tokenizer = storage.join(run, "models/tokenizer.json")
    shards = [(name, listed[0]) for name, listed in sorted((index.get("formats") or {}).items()) if listed]
    if not shards or not storage.is_file(tokenizer):
        return None
    name, shard = shards[-1]
    path = f"shards/{name}/{shard['files'][0]}"
    spans_path = storage.join(run, path.rsplit(".", 1)[0] + ".spans.parquet")
    if not storage.is_file(spans_path):
        return None
    spans = storage.read_table(spans_path, ["start", "end", "part"])
    if not spans.num_rows:
        return None
    crawls = [s["name"] for s in (record.get("recipe") or {}).get("sources") or [] if s.get("kind") == "warc"]
    sources = np.array([p.split("/")[-2] for p in spans["part"].to_pylist()])
    middle = len(sources) // 2
    crawled = np.flatnonzero(np.isin(sources[middle:], crawls))
    chosen = middle + (int(crawled[0]) if len(crawled) else 0)
    offset = (spans["start"][chosen].as_py() + spans["end"][chosen].as_py()) // 2
    decode = (lambda _: "") if redact else _decoder(tokenizer)
    return _shown(lineage.trace(run, path, offset, decode), f"cuvee trace RUN {path}:{offset}", redact)


def _shown(trace: lineage.Trace, command: str, redact: bool) -> Followed:
    document, place = trace.document, trace.document["record"]
    url = plain(document["url"], 300)
    at = f", bytes {place['offset']:,} to {place['offset'] + place['length']:,}" if place["offset"] >= 0 else ""
    claims = [
        f"{c['expression']} by {c['kind']} ({c['scope']}), {c['locator']}" + ("" if redact else f": {c['raw']}")
        for c in trace.claims
    ]
    return Followed(
        trace=trace,
        command=command,
        title="" if redact else plain(document["title"], 160),
        url=url,
        link=safe_link(url),
        before=plain(trace.before, 400),
        after=plain(trace.after, 400),
        claims=[plain(c, 240) for c in claims],
        query=(
            f"pl.read_parquet(run / {trace.shard.rsplit('.', 1)[0] + '.spans.parquet'!r})"
            f".filter(pl.col('start') <= {trace.offset}, pl.col('end') > {trace.offset})"
            ".select('row', 'start', last=pl.col('end') - 1)"
        ),
        query_record=(
            f"pl.read_parquet(run / {trace.part!r}, columns=['record']).slice({trace.row}, 1).unnest('record')"
            ".select(first='offset', beyond=pl.col('offset') + pl.col('length'))"
        ),
        record=plain(place["file"], 200) + at if place["file"] else "",
    )


def _decoder(path: str) -> Callable[[Any], str]:
    """Of a ``tokenizer.json``."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_buffer(storage.read_bytes(path))
    return lambda tokens: str(backend.decode([int(t) for t in tokens], skip_special_tokens=True))
