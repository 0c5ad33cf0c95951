"""The lineage index of three million documents: its size, and what a question costs.

``python -m benchmarks.lineage [DOCUMENTS]`` makes the documents, writes the index, and asks. The addresses are made
here, as a crawl has them: hosts of a long tail, paths of words, dates and numbers, some with queries and identifiers.
Every document has one span.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from manifests import storage, what_if
from manifests.lineage import Index, relations
from manifests.lineage import addresses as surts
from manifests.lineage import tables as lineage
from manifests.policy import Policy
from manifests.signatures import Reserved, Signature, Statement
from manifests.takedown import Request, outline

SHARD_TOKENS = 100_000_000
SIGNATURES = 10_000
CRAWL_FILES = 600
REPEATS = 21
_SYLLABLES = (
    "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo za bra cle dri flo gru pla ste tri swo nth ing er".split()
)
_TLDS = "com com com com org net de co.uk fr ru jp nl it pl info eu io edu gov.au com.br".split()
_KINDS = "news blog article post wiki product forum docs archive category en story topic p".split()


def addresses(count: int, seed: int = 0) -> pl.Series:
    """``count`` distinct addresses: hosts by a power law (exponent 1.1, a site for every 12 documents)."""
    random = np.random.default_rng(seed)
    words = _words(20_000, random)
    hosts_count = max(count // 12, 1)
    rank = np.minimum(random.pareto(1.1, count) * hosts_count / 50, hosts_count - 1).astype(np.int64)
    names = [
        f"{'www.' if r < 0.5 else ''}{words[a]}{'-' if r > 0.8 else ''}{words[b]}.{_TLDS[t]}"
        for a, b, t, r in zip(
            random.integers(0, len(words), hosts_count).tolist(),
            random.integers(0, len(words), hosts_count).tolist(),
            random.integers(0, len(_TLDS), hosts_count).tolist(),
            random.random(hosts_count).tolist(),
            strict=True,
        )
    ]
    host = pl.Series(names).gather(rank)
    vocabulary = pl.Series(words)
    zipf = np.minimum(random.zipf(1.3, (count, 5)), len(words)) - 1
    slug = [vocabulary.gather(zipf[:, i]) for i in range(5)]
    kind = pl.Series(_KINDS).gather(random.integers(0, len(_KINDS), count))
    number = pl.Series(random.integers(0, 10_000_000, count)).cast(pl.String)
    date = pl.select(
        pl.format("{}/{}", pl.Series(random.integers(2003, 2026, count)), pl.Series(random.integers(1, 13, count)))
    )[:, 0]
    token = pl.Series(random.integers(0, 1 << 60, count)).cast(pl.String)
    frame = pl.DataFrame(
        {"h": host, "k": kind, "n": number, "d": date, "t": token, **{f"w{i}": s for i, s in enumerate(slug)}}
    )
    shape = pl.Series(random.random(count))
    made = frame.select(
        pl.when(shape < 0.45)
        .then(pl.format("https://{}/{}/{}-{}-{}-{}", "h", "k", "w0", "w1", "w2", "n"))
        .when(shape < 0.75)
        .then(pl.format("https://{}/{}/{}-{}-{}-{}.html", "h", "d", "w0", "w1", "w2", "w3"))
        .when(shape < 0.9)
        .then(pl.format("http://{}/{}/{}?id={}", "h", "k", "w0", "n"))
        .otherwise(pl.format("https://{}/{}/{}/{}", "h", "w0", "w1", "t"))
    )[:, 0]
    return made + pl.select(
        pl.when(made.is_duplicated()).then(pl.format("#{}", pl.int_range(count))).otherwise(pl.lit(""))
    )[:, 0].str.replace("#", "/")


def _words(count: int, random: np.random.Generator) -> list[str]:
    pieces = np.array(_SYLLABLES)
    sizes = random.integers(1, 5, count)
    return ["".join(pieces[random.integers(0, len(pieces), n)]) + str(i % 7 or "") for i, n in enumerate(sizes)]


def write(run: str, count: int, seed: int = 0) -> pl.Series:
    """Writes the index of ``count`` documents to ``run``; returns their addresses."""
    random = np.random.default_rng(seed)
    urls = addresses(count, seed)
    tokens = np.minimum(random.lognormal(6.3, 1.1, count) + 20, 200_000).astype(np.int32)
    file = random.integers(0, CRAWL_FILES, count).astype(np.int32)
    length = np.minimum(random.lognormal(9.8, 1.0, count) + 300, 5e6).astype(np.int64)
    offset = _offsets(file, length)
    part_rows = 20_000
    documents = pl.DataFrame(
        {
            "surt": surts.column(urls),
            "key": random.integers(0, 1 << 63, count).astype(np.uint64),
            "part": (np.arange(count) // part_rows).astype(np.int32),
            "row": (np.arange(count) % part_rows).astype(np.int32),
            "file": file,
            "offset": offset,
            "length": length,
            "signature": (np.minimum(random.zipf(1.5, count), SIGNATURES) - 1).astype(np.int32),
            "domain": random.integers(0, 24, count).astype(np.int32),
            "kept": random.random(count) < 1.1,
            "tokens": tokens,
        }
    )
    order = random.permutation(count)
    end = np.cumsum(tokens[order].astype(np.int64))
    start = end - tokens[order]
    shard = (start // SHARD_TOKENS).astype(np.int32)
    first = np.array([start[np.searchsorted(shard, s)] for s in range(int(shard[-1]) + 1)])
    spans = pl.DataFrame({"shard": shard, "start": start - first[shard], "document": order})
    names = {
        "part": [f"crawl/part-{i:016x}" for i in range(count // part_rows + 1)],
        "file": [f"crawl-data/CC-MAIN-2026-47/segments/17/warc/CC-MAIN-{i:05d}.warc.gz" for i in range(CRAWL_FILES)],
        "domain": [f"domain{i}" for i in range(24)],
        "shard": [f"shards/olmo/part-{i:05d}.npy" for i in range(int(shard[-1]) + 1)],
    }
    lasts = np.append(first[1:], end[-1])
    sizes = {n: int(b - a) for n, a, b in zip(names["shard"], first, lasts, strict=True)}
    found = signatures(SIGNATURES, seed)
    table = pl.DataFrame({"signature": [s.name for s in found], "evidence": [s.to_json() for s in found]})
    lineage.write(run, *lineage.by_address(documents), spans, names, sizes, table, related(count, seed))
    return urls


def related(count: int, seed: int = 0) -> pl.DataFrame:
    """What follows from what: a fifth of the documents in clusters of two to six, a fiftieth derived from another."""
    random = np.random.default_rng(seed + 1)
    order = random.permutation(count)
    clustered, derived = order[: count // 5], order[-(count // 50) :]
    cluster = np.cumsum(random.random(len(clustered)) < 0.3)
    first = clustered[np.searchsorted(cluster, cluster)]  # its first member stands for it
    member, stands = clustered[first != clustered], first[first != clustered]
    parent = random.integers(0, count, len(derived))
    kinds = np.repeat([relations.DUPLICATE, relations.DERIVED], [2 * len(member), len(derived)]).astype(np.int8)
    document, follower = (np.concatenate(c) for c in ((stands, member, parent), (member, stands, derived)))
    return pl.DataFrame({"document": document, "follower": follower, "kind": kinds})


def _offsets(file: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Records one after another in each file."""
    order = np.argsort(file, kind="stable")
    running = np.cumsum(length[order]) - length[order]
    starts = np.zeros(int(file.max()) + 1, np.int64)
    heads = np.searchsorted(file[order], np.arange(len(starts)))
    starts[:] = running[np.minimum(heads, len(running) - 1)]
    offset = np.empty(len(file), np.int64)
    offset[order] = running - starts[file[order]]
    return offset


def signatures(count: int, seed: int = 0) -> list[Signature]:
    """Distinct evidence: licences, kinds and reservations in combination."""
    random = np.random.default_rng(seed)
    licences = ("CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC0-1.0", "MIT", "GPL-3.0-only", "LicenseRef-unknown")
    kinds = (("jsonld", 0.9), ("footer-link", 0.65), ("link-rel", 0.9), ("metadata", 0.7), ("body-link", 0.25))
    agents = ("*", "GPTBot", "CCBot", "Bytespider", "ClaudeBot")
    found = []
    for i in range(count):
        claims = {
            Statement(licences[int(random.integers(7))], *_kind(kinds, random), round(float(random.random()), 3))
            for _ in range(i % 3)
        }
        reserved = {Reserved("robots", "deny", agents[int(random.integers(5))]) for _ in range(i % 4)}
        # an expiry makes each distinct
        found.append(Signature(tuple(sorted(claims)), tuple(sorted(reserved)), "third-party-crawl", "yes"))
    return found


def _kind(kinds: tuple[tuple[str, float], ...], random: np.random.Generator) -> tuple[str, str]:
    return kinds[int(random.integers(len(kinds)))][0], ("page", "media")[int(random.random() < 0.2)]


def main(count: int = 3_000_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        urls = write(folder, count)
        print(f"written in {time.process_time() - started:.0f} CPU seconds")
        report(folder, count, urls)
    print(f"what if, five million documents: {what_if_five_million():.2f} s")


def report(run: str, count: int, urls: pl.Series) -> None:
    sizes = {f: storage.size(storage.join(run, f)) for f in lineage.FILES}
    spans = sizes["lineage/spans.parquet"]
    index = Index(run)
    random = np.random.default_rng(1)
    shards = index.names["shard"]
    sites = {domain: len(outline(index, [Request("domain", domain)]).numbers) for domain in _sites(urls)}
    print(f"mean length of an address: {urls.str.len_bytes().sum() / count:.1f} bytes")
    print(f"documents and lists: {(sum(sizes.values()) - spans) / count:.1f} bytes a document")
    print(f"spans: {spans / count:.2f} bytes a span")
    questions = {
        "token to document, address, evidence, record": lambda: _forward(run, shards, random),
        "address to document and spans": lambda: _reverse(run, urls[int(random.integers(count))]),
    }
    for domain, number in sites.items():
        questions[f"takedown plan for {domain}, {number:,} documents with what follows"] = partial(_plan, run, domain)
    for name, ask in questions.items():
        print(f"{name}: {timed(ask):.1f} ms")


def _forward(run: str, shards: list[str], random: np.random.Generator) -> object:
    return Index(run).at(shards[int(random.integers(len(shards)))], int(random.integers(1_000_000)))


def _sites(urls: pl.Series) -> list[str]:
    """The site with the most documents, and one that a twentieth of the sites have more than."""
    hosts = urls.head(200_000).str.extract(r"//([^/]+)/").value_counts(sort=True).filter(pl.nth(0).is_not_null())
    return [str(hosts[0, 0]), str(hosts[hosts.height // 20, 0])]


def _reverse(run: str, url: str) -> object:
    index = Index(run)
    numbers = index.by_url(url)
    return index.entries(numbers), index.places(numbers)


def _plan(run: str, domain: str) -> object:
    """As ``cuvee takedown plan``: the documents, what follows from them, and every stretch of the shards."""
    found = outline(Index(run), [Request("domain", domain)])
    return found.tokens, found.places.height


def timed(ask: Callable[[], object]) -> float:
    """The median of CPU milliseconds, every time from a closed index."""
    ask()
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        ask()
        taken.append(time.process_time() - started)
    return float(np.median(taken)) * 1000


def what_if_five_million() -> float:
    """CPU seconds of ``cuvee policy diff`` over five million documents with ten thousand distinct evidences."""
    count, random = 5_000_000, np.random.default_rng(2)
    found = signatures(SIGNATURES)
    frame = pl.DataFrame(
        {
            "signature": random.integers(0, SIGNATURES, count).astype(np.int32),
            "domain": pl.Series(random.integers(0, 24, count).astype(np.uint32)).cast(pl.String).cast(_DOMAINS),
            "tokens": random.integers(20, 4000, count).astype(np.int32),
        }
    )
    policies = Policy.load("permissive-only"), Policy.load("copyleft-ok")
    started = time.process_time()
    what_if.difference(frame, found, *policies)
    return time.process_time() - started


_DOMAINS = pl.Enum([str(i) for i in range(24)])


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
