"""``python -m benchmarks``: measures, prints, and writes ``results.md``, and two files of what models find."""

from __future__ import annotations

import logging
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPEATS = 5
PAGES = 100
TEXT_BYTES = 1_000_000
PACKAGES = (
    "cuvee numba pyarrow fastwarc resiliparse py3langid datatrove spacy trafilatura warcio rensa fasttext-community"
)


def main() -> None:
    start = time.monotonic()
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # before what reads it is imported
    _quiet()
    from benchmarks import (
        classifiers,
        contamination,
        dedup,
        extraction,
        inputs,
        mixing,
        proxies,
        rules,
        tokenizing,
        web,
    )

    texts, crawls = inputs.texts(TEXT_BYTES), inputs.crawls()
    sections = [_head(texts, list(crawls), inputs.DEVELOPMENT_DATA.is_dir())]
    tables = [
        rules.run(texts, REPEATS),
        dedup.run(texts, REPEATS),
        web.run_pages(crawls, PAGES, REPEATS),
        web.run_chain(crawls, PAGES, REPEATS),
        web.run_language(texts, REPEATS),
        proxies.run(REPEATS),
    ]
    sections += [
        *(table.markdown() for table in tables),
        extraction.run(),
        dedup.scale(),
        tokenizing.run(inputs.many_texts()),
        mixing.run(),
    ]
    target = Path(__file__).with_name("results.md")
    target.write_text("\n".join(sections), encoding="utf-8")
    print(*sections, sep="\n")
    for module in (classifiers, contamination) if inputs.DEVELOPMENT_DATA.is_dir() else ():
        module.main()  # writes a file of its own
    print(f"{target} written after {time.monotonic() - start:.0f} s")


def _quiet() -> None:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        from loguru import logger
    except ImportError:
        return
    logger.disable("datatrove")


def _head(texts: dict[str, list[str]], crawls: list[str], complete: bool) -> str:
    sizes = [f"{name}: {len(some)}, {sum(len(t.encode()) for t in some) / 1e6:.1f} MB" for name, some in texts.items()]
    sizes += [f"{name}: the first {PAGES}" for name in crawls]
    data = "was there" if complete else "was not there, so that only the crawl of Python's documentation is measured"
    return f"""# cuvée beside its peers

Made by `make bench`. Everything runs in one process on one thread, on the same input, in turns. Rates are per CPU
second, the median of {REPEATS} turns after a warm-up that compiles and loads; quick work is repeated within its turn.
In brackets: by how many times cuvée is faster (below 1: slower).

- Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}
- Versions: {", ".join(_versions())}
- Input: {"; ".join(sizes)}
- The development data (`CUVEE_TEST_DATA`) {data}.
"""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _versions() -> list[str]:
    found = []
    for name in PACKAGES.split():
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return found


if __name__ == "__main__":
    main()
