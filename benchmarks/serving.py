"""The served report of a hundred thousand documents: what a page costs.

``python -m benchmarks.serving [DOCUMENTS]`` makes a run folder of documents of some three thousand characters, with
addresses as in ``benchmarks.lineage``, and asks for every page, as a browser does. CPU milliseconds of this process.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.lineage import addresses
from manifests import lineage, parts, reviews, schemas, signatures, storage
from manifests.documents import Claim, Document, documents_table, evidence_table
from manifests.reviews import Review
from manifests.text import content_hash

PART = 20_000
REPEATS = 7
_LICENCES = ("CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "MIT", "")


def write(run: str, count: int, seed: int = 0) -> pl.DataFrame:
    """Writes documents, evidence, verdicts and the index; returns addresses and ids."""
    random = np.random.default_rng(seed)
    urls = addresses(count, seed).to_list()
    words = np.array([f"word{i}" for i in range(20_000)])
    storage.write_bytes(f"{run}/run.json", json.dumps({"recipe": {}, "inputs": {}}).encode())
    told = []
    for first in range(0, count, PART):
        part, made = f"crawl/part-{first:08d}", []
        for i in range(first, min(first + PART, count)):
            licence = _LICENCES[int(random.integers(len(_LICENCES)))]
            claims = (Claim(licence, "footer-link", confidence=0.65),) if licence else ()
            text = " ".join(words[random.integers(0, len(words), 400)].tolist())
            made.append(
                Document(str(i), text, urls[i], f"Page {i}", file="a.warc.gz", offset=i, length=1, claims=claims)
            )
        hashes = content_hash(pa.array([d.text for d in made], pa.large_string()))
        table = documents_table(made, namespace="crawl", acquisition="third-party-crawl", hashes=hashes)
        ids, evidence = parts.ids_digest(table["id"]), evidence_table(made)
        rows, interned = signatures.annotate(evidence)
        verdict = {"keep": [True] * len(made), "reason": [None] * len(made), "domain": ["crawl"] * len(made)}
        verdict |= {"stratum": ["crawl"] * len(made), "split": ["train"] * len(made), "id": table["id"].to_pylist()}
        columns = {
            parts.DOCUMENTS: (table, "documents"),
            parts.EVIDENCE: (evidence, "evidence"),
            "annotations/licence": (pa.Table.from_batches([rows]), "licence"),
            "annotations/united": (pa.Table.from_batches([rows]), "licence"),
            "signatures-united": (interned, "signatures"),
            "verdicts": (pa.table(verdict).select(schemas.VERDICTS.names).cast(schemas.VERDICTS), "verdicts"),
        }
        for column, (content, schema) in columns.items():
            parts.write(run, column, part, content, schema=schema, ids=ids)
        told.append(
            pl.DataFrame({"url": [d.url for d in made], "id": table["id"].to_pylist(), "text": [d.text for d in made]})
        )
    lineage.build(run)
    return pl.concat(told)


def pages(documents: pl.DataFrame) -> Mapping[str, str]:
    """Addresses of what is asked, by what it is."""
    url, identifier, text = documents.row(documents.height // 2)
    hosts = documents["url"].str.extract(r"//([^/]+)/").value_counts(sort=True)
    words = " ".join(text.split()[5:11])
    return {
        "look-up by address": f"/lookup?{urlencode({'q': url})}",
        "look-up by id": f"/lookup?q={identifier}",
        "look-up of the largest site, fifty of its documents": f"/lookup?{urlencode({'q': hosts[0, 0]})}",
        "look-up of words that one document has": f"/lookup?{urlencode({'q': words, 'by': 'words'})}",
        "what waits for a person": "/review?policy=permissive-only",
        "hosts as CSV": "/tables/hosts.csv",
        "what a policy decides": "/tables/policy?policy=permissive-only",
        "all documents of the largest site as CSV": f"/tables/found.csv?{urlencode({'q': hosts[0, 0]})}",
    }


def main(count: int = 100_000) -> None:
    from starlette.testclient import TestClient

    from pipelines.serving.app import application
    from pipelines.serving.site import Site

    with tempfile.TemporaryDirectory() as folder:
        documents = write(folder, count)
        web = TestClient(application(Site(folder)), base_url="http://127.0.0.1")
        for name, path in pages(documents).items():
            print(f"{name}: {_timed(web, path):.0f} ms")
        host = documents["url"].str.extract(r"//([^/]+)/").value_counts(sort=True)[0, 0]
        said = Review("deny", "host", str(host), "ada", "a letter", reviews.now())
        reviews.append(f"{folder}/{reviews.PATH}", [said])
        print(f"what a policy decides, with a decision about a host: {_timed(web, '/tables/policy'):.0f} ms")


def _timed(web: object, path: str) -> float:
    """The median of CPU milliseconds, after a first time."""
    taken = []
    for _ in range(REPEATS + 1):
        started = time.process_time()
        answer = web.get(path)  # type: ignore[attr-defined]
        taken.append(time.process_time() - started)
        assert answer.status_code == 200, answer.text[-500:]
    return float(np.median(taken[1:])) * 1000


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
