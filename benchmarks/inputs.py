"""Real input found on any machine, a crawl of Python's own documentation; and the development data where it is."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipelines.demo.crawl import crawl_pydoc
from pipelines.recipe import Source
from pipelines.sources import SourceFile, warc

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".benchmarks"
DEVELOPMENT_DATA = Path(os.environ.get("CUVEE_TEST_DATA", ROOT.parent / "shared" / "data"))


def crawls() -> dict[str, Path]:
    """WARC files by name, made once."""
    pydoc = CACHE / "pydoc" / "web.warc.gz"
    if not pydoc.exists():
        pydoc.parent.mkdir(parents=True, exist_ok=True)
        crawl_pydoc(pydoc.parent, pages=400)
    found = {"pydoc pages": pydoc}
    pages, maker = DEVELOPMENT_DATA / "html" / "wcxb-dev", DEVELOPMENT_DATA / "scorers" / "make_warc.py"
    if pages.is_dir() and maker.is_file():
        web = CACHE / "wcxb-dev.warc.gz"
        if not web.exists():
            partial = web.with_suffix(".partial")
            subprocess.run([sys.executable, str(maker), str(pages), str(partial)], check=True)
            partial.rename(web)
        found["web pages (WCXB)"] = web
    return found


def html_pages(most: int) -> dict[str, list[bytes]]:
    """Bodies of pages by name, at most so many of each."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    found = {}
    for name, crawl in crawls().items():
        with crawl.open("rb") as file:
            records = islice(ArchiveIterator(file, record_types=WarcRecordType.response), most)
            found[name] = [record.reader.read() for record in records]
    articles = DEVELOPMENT_DATA / "html" / "aeb" / "pages.parquet"
    if articles.is_file():
        import pyarrow.parquet as pq

        found["articles"] = pq.read_table(articles, columns=["html"])["html"].to_pylist()[:most]
    return found


def texts(size: int) -> dict[str, list[str]]:
    """Texts by name, about ``size`` UTF-8 bytes of each."""
    pydoc = (item.text for item in read_pages(crawls()["pydoc pages"]) if hasattr(item, "text"))
    found = {"pydoc texts": _some(list(pydoc), size)}
    web = DEVELOPMENT_DATA / "domains" / "web.parquet"
    if web.is_file():
        import pyarrow.parquet as pq

        found["web texts (domains/web)"] = _some(pq.read_table(web, columns=["text"])["text"].to_pylist(), size)
    return found


def many_texts() -> list[str]:
    """Every text there is, shuffled; of the development data, those of all its domains."""
    found = [item.text for item in read_pages(crawls()["pydoc pages"]) if hasattr(item, "text")]
    if (domains := DEVELOPMENT_DATA / "domains").is_dir():
        import pyarrow.parquet as pq

        for path in sorted(domains.glob("*.parquet")):
            found += pq.read_table(path, columns=["text"])["text"].to_pylist()
    return random.Random(1).sample(found, len(found))


def read_pages(file: Path) -> Iterator[object]:
    """cuvée's own way from WARC to documents and rejects."""
    source = Source(name="bench", kind="warc", paths=[str(file)])
    size = file.stat().st_size
    return warc.read(SourceFile(str(file), file.name, size, ""), 0, size, source, {})


def megabytes(some: list[str]) -> float:
    return sum(len(one.encode()) for one in some) / 1e6


def _some(all_texts: list[str], size: int) -> list[str]:
    chosen, left = [], size / 1e6
    for one in random.Random(1).sample(all_texts, len(all_texts)):
        if left <= 0:
            break
        chosen.append(one)
        left -= megabytes([one])
    return chosen
