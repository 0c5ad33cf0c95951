"""Main text of pages: cuvée beside trafilatura as it is today, which datatrove's bounds exclude, and Resiliparse.

``python -m benchmarks.extraction FOLDER`` measures with the trafilatura that lies in FOLDER, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.inputs import CACHE, html_pages
from benchmarks.stopwatch import Load, Table, compare

#: beside the environment, as datatrove asks for an older one
PEER = CACHE / "trafilatura"
_REQUIREMENT = "trafilatura>=2.3,<3"
_LITTLE = 3
_PAGES = 200
_REPEATS = 3

Pages = list[bytes]


def run() -> str:
    """The table, as Markdown; installs the peer where it is not there."""
    if not PEER.is_dir():
        command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--target", str(PEER), _REQUIREMENT]
        subprocess.run([sys.executable, "-m", *command], check=True)
    command = [sys.executable, "-m", "benchmarks.extraction", str(PEER)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def measure() -> Table:
    loads = {name: Load(pages, len(pages), pages[:_LITTLE]) for name, pages in html_pages(_PAGES).items()}
    entrants = {
        "cuvée `extract_text`": _cuvee,
        "trafilatura, `favor_precision`, no comments": lambda: _trafilatura(favor_precision=True),
        "trafilatura, no comments": _trafilatura,
        "Resiliparse, main content": _resiliparse,
    }
    note = f"""The first {_PAGES} pages of each set. trafilatura is {version("trafilatura")}; its caches
are emptied before each turn. What the texts are worth is in `docs/extraction.md`."""
    return Table("Main text", "pages per CPU second", compare(entrants, loads, _REPEATS), note)


def _cuvee() -> Callable[[Pages], object]:
    from pipelines.extract import extract_text

    return lambda pages: [extract_text(page) for page in pages]


def _trafilatura(*, favor_precision: bool = False) -> Callable[[Pages], object]:
    import trafilatura
    from trafilatura.meta import reset_caches

    def work(pages: Pages) -> None:
        reset_caches()
        for page in pages:
            trafilatura.extract(page, favor_precision=favor_precision, include_comments=False)

    return work


def _resiliparse() -> Callable[[Pages], object]:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from resiliparse.parse.html import HTMLTree

    def work(pages: Pages) -> None:
        for page in pages:
            extract_plain_text(HTMLTree.parse(bytes_to_str(page, detect_encoding(page) or "utf-8")), main_content=True)

    return work


if __name__ == "__main__":
    sys.path.insert(0, str(Path(sys.argv[1]).absolute()))
    print(measure().markdown())
