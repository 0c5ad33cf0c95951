"""Mutated pages and crawls: no crash, no hang, and every record is a document, a reject or a count.

Limits are counts, so a hang shows as a test that runs into the suite's time-out.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.extract import Extraction, ExtractionError, extract_text
from tests.pipelines.sources.test_bad_crawls import WORDS, http, page, read, record, stored

_SNIPPETS = (
    b"<table><tr><td>", b"</table>", b"<svg>", b"<math><annotation encoding='application/x-tex'>", b"<!--", b"-->",
    b"<script>", b"</script", b"<![CDATA[", b"<p title='", b'"', b"&#x110000;", b"&notin", b"\xff\xfe", b"\0", b"<pre>",
    b"<ol><li>", b"<textarea>", b"<plaintext>", b"</p></div>", b"<a href=", b"<br><br>", b"<template>", b"\x1b$B", b"<",
)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few cuts, copies, flips and insertions, anywhere."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(5):
            case 0:
                del out[at : at + rng.choice((1, 7, 300))]
            case 1:
                out[at:at] = rng.choice(_SNIPPETS)
            case 2:
                out[at:at] = rng.choice(_SNIPPETS) * rng.choice((2, 50, 700))
            case 3 if at < len(out):
                out[at] = rng.randrange(256)
            case _:
                start = rng.randrange(len(out) + 1)
                out[at:at] = out[start : start + rng.choice((5, 60, 900))]
    return bytes(out)


def sound(html: bytes, rng: random.Random) -> Extraction | None:
    """Extracts twice, in any output; None for a page that was refused."""
    how = {"output": rng.choice(("text", "markdown")), "comments": rng.random() < 0.5}
    try:
        found = extract_text(html, **how)
    except ExtractionError:
        return None
    for text in (found.text, found.title, found.author, found.date, found.canonical, found.language):
        text.encode()
        assert "\0" not in text
    assert len(found.text) <= 2 * len(html) + 1000
    assert extract_text(html, **how) == found
    return found


def crawl(tmp_path: Path, pages: list[bytes], rng: random.Random, zipped: bool) -> None:
    """A crawl with one damaged record among good ones: the good ones are all there, and nothing is counted twice."""
    good = [record(i, http(html)) for i, html in enumerate(pages)]
    bad = rng.randrange(1, len(good))  # the first tells what kind of file it is
    good[bad] = mutated(good[bad], rng)
    if zipped:
        packed = [gzip.compress(one, 1, mtime=0) for one in good]
        if rng.random() < 0.5:
            packed[bad] = mutated(packed[bad], rng)
        data = b"".join(packed)
    else:
        data = b"".join(good)
    documents, rejects, counts = read(stored(tmp_path / "x.warc.gz", data))
    seen = {one.locator for one in documents} | {one.locator for one in rejects}
    for i in range(len(pages)):
        # a plain file has no borders: a head damaged in its length may cost the record after it
        if i != bad and (zipped or i not in (bad - 1, bad + 1)):
            assert f"urn:uuid:{i:032d}" in seen
    records = sum(n for name, n in counts.items() if name.startswith("records:"))
    skipped = sum(n for name, n in counts.items() if name.startswith("skipped:"))
    assert len(documents) + len(rejects) + skipped <= records
    assert all(one.text for one in documents)
    assert all(one.reason for one in rejects)


@given(st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_mutated_pages(rng: random.Random) -> None:
    sound(mutated(page(WORDS, "<meta name=author content='A &amp; B'>") * rng.randint(1, 3), rng), rng)


@pytest.mark.parametrize("zipped", [True, False])
def test_mutated_crawls(tmp_path: Path, zipped: bool) -> None:
    rng = random.Random(5)
    for _ in range(40):
        crawl(tmp_path, [page(f"{i}. {WORDS}") for i in range(5)], rng, zipped)


def excerpts(data: Path) -> Iterator[bytes]:
    """Real pages, cut to where their text is thickest: the first 12 kB after the head."""
    for name in ("aeb", "wcxb-dev"):
        for batch in pq.ParquetFile(data / "html" / name / "pages.parquet").iter_batches(32, columns=["html"]):
            for html in batch["html"].to_pylist():
                at = max(0, html.find(b"<body"))
                yield html[at : at + 12_000]


@pytest.mark.slow
def test_ten_thousand_mutated_records(tmp_path: Path, shared_data: Path) -> None:
    rng = random.Random(2026)
    pages = list(excerpts(shared_data))
    refused = 0
    for number in range(9_000):
        refused += sound(mutated(pages[number % len(pages)], rng), rng) is None
    assert refused < 900
    for _ in range(200):  # five records each
        crawl(tmp_path, [page(f"{i}. {WORDS}") for i in range(5)], rng, rng.random() < 0.5)
