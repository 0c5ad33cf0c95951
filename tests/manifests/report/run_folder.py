"""A small run folder made with the writers that runs use, with strangers' hostile strings in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from manifests import parts, receipts, schemas, signatures, storage
from manifests.documents import (
    Claim,
    Document,
    Reject,
    Reservation,
    documents_table,
    evidence_table,
    rejects_table,
)
from manifests.mix import MixDomain, MixManifest, MixMetric
from manifests.receipts import Receipt, output
from manifests.text import content_hash

HOSTILE_TITLE = '</title><script>alert("title")</script>'
HOSTILE_TEXT = "<img src=x onerror=alert('text')> & \u202egnp.exe {{ 7 * 7 }} words of a page that was dropped"
HOSTILE_URLS = (
    "javascript:alert('url')//http://x.example",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(2)</script>",
    'https://e.example/"onmouseover="alert(3)',
    "http://[broken",
    " javascript:alert(4)",
)
PART = "web/part-0001"
_CLAIMS: dict[int, tuple[str, str]] = {}
ROWS = 24


def build(run: str, *, stages: int = 9, claims: Mapping[int, tuple[str, str]] | None = None) -> None:
    """The first ``stages`` steps of a run: record, documents, annotations, duplicates, verdicts, pools, mix, shards.

    ``claims`` are made of the documents of these rows, besides those that are there: an expression, and its kind.
    """
    _CLAIMS.clear()
    _CLAIMS.update(claims or {})
    steps = [_record, _documents, _annotations, _duplicates, _verdicts, _pools, _mix, _runs, _shards]
    for step in steps[:stages]:
        step(run)


def _record(run: str) -> None:
    rules = [{"reason": "too_short", "when": "words < 25", "url_matches": None, "sources": ["web"]}]
    record = {
        "run": "sméall <b>",
        "recipe": {"name": "small", "select": {"rules": rules}, "dedup": {"threshold": 0.8}, "shards": None},
        "recipe_digest": "0123456789abcdef",
        "command": "cuvee run '<i>'",
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:06:15+00:00",
        "versions": {"cuvee": "0.1.0"},
        "inputs": {
            "web": {"base": "{run}/inputs", "files": [{"name": "<u>.warc.gz", "size": 12, "checksum": "c0ffee"}]}
        },
        "stages": [{"stage": "ingest", "tasks": 1, "ran": 1, "seconds": 1.5}],
        "failures": [{"stage": "ingest", "task": "web.x", "message": "<script>broken</script>"}],
    }
    storage.write_bytes(f"{run}/run.json", json.dumps(record).encode())


def _own(i: int) -> tuple[Claim, ...]:
    return (Claim("CC-BY-4.0", "link-rel", raw="<b>"),) if i % 2 else ()


def documents() -> list[Document]:
    made = []
    for i in range(ROWS):
        hostile = i < len(HOSTILE_URLS)
        made.append(
            Document(
                locator=f"record-{i}",
                text=HOSTILE_TEXT if hostile else f"The page number {i} says something plain. " * 9,
                url=HOSTILE_URLS[i] if hostile else f"https://good.example/{i}?a=1&b=2",
                title=HOSTILE_TITLE if hostile else f"Page {i}",
                file="a.warc.gz",
                claims=(*_own(i), *((Claim(*_CLAIMS[i]),) if i in _CLAIMS else ())),
                reservations=(Reservation("tdm<rep>", "deny"),) if i == 7 else (),
            )
        )
    return made


def _documents(run: str) -> None:
    made = documents()
    hashes = content_hash(pa.array([d.text for d in made], pa.large_string()))
    table = documents_table(made, namespace="web", acquisition="own-crawl", hashes=hashes)
    ids = parts.ids_digest(table["id"])
    outputs = [
        parts.write(run, parts.DOCUMENTS, PART, table, schema="documents", ids=ids),
        parts.write(run, parts.EVIDENCE, PART, evidence_table(made), schema="evidence", ids=ids),
    ]
    rejects = [Reject("bad_json", "<script>line</script>", "<f>.jsonl", n, -1, "javascript:alert(5)") for n in range(5)]
    outputs.append(parts.write(run, "rejects", PART, rejects_table(rejects), schema="rejects", ids=""))
    counts = {"documents": ROWS, "rejects": 5, "skipped:image/<png>": 3}
    receipts.write(run, Receipt("ingest", "web.part-0001", "k", tuple(outputs), counts, seconds=1.25))


def ids_of(run: str) -> tuple[list[str], str]:
    ids = parts.read(run, parts.DOCUMENTS, PART, ["id"])["id"]
    return ids.to_pylist(), parts.ids_digest(ids)


def _annotations(run: str) -> None:
    _, ids = ids_of(run)
    texts = [d.text for d in documents()]
    language = {"language": ["eng"] * (ROWS - 1) + ["<i>"], "language_score": [1.0] * ROWS, "script": ["Latn"] * ROWS}
    columns = {
        "language": pa.table(language, schema=schemas.LANGUAGE),
        "quality": pa.table({"quality": [i / ROWS for i in range(ROWS)]}, schema=schemas.QUALITY),
        "heuristics": pa.table({"characters": [len(t) for t in texts], "words": [len(t.split()) for t in texts]}),
    }
    licence, interned = signatures.annotate(evidence_table(documents()))
    columns["licence"] = pa.Table.from_batches([licence])
    parts.write(run, "signatures", PART, interned, schema="signatures", ids=ids)
    for name, table in columns.items():
        parts.write(run, f"annotations/{name}", PART, table, schema=name, ids=ids)


def _duplicates(run: str) -> None:
    """10 and 11 go for 9: one the same, one alike."""
    names, ids = ids_of(run)
    rows: list[dict[str, Any]] = [
        {"survivor": None, "kind": None, "score": None, "cluster": None, "cluster_size": 1} for _ in names
    ]
    rows[9] = {"survivor": None, "kind": None, "score": None, "cluster": names[9], "cluster_size": 3}
    for i, kind, score in ((10, "exact", 1.0), (11, "fuzzy", 0.875)):
        rows[i] = {"survivor": names[9], "kind": kind, "score": score, "cluster": names[9], "cluster_size": 3}
    for i in (9, 10, 11, 12):  # a chain of candidates; 12 was told apart
        rows[i]["blob"] = 4
    rows[12] |= {"nearest": names[9], "nearest_score": 0.5}
    table = pa.Table.from_pylist(rows, schema=schemas.DUPLICATES)
    parts.write(run, "duplicates", PART, table, schema="duplicates", ids=ids)


def reason(i: int) -> str | None:
    return "too_short" if i < len(HOSTILE_URLS) else {10: "exact_duplicate", 11: "fuzzy_duplicate"}.get(i)


def _verdicts(run: str) -> None:
    names, ids = ids_of(run)
    table = pa.table(
        {
            "id": names,
            "keep": [reason(i) is None for i in range(ROWS)],
            "reason": [reason(i) for i in range(ROWS)],
            "domain": ["web" if i % 2 else "prose" for i in range(ROWS)],
            "stratum": [f"{'web' if i % 2 else 'prose'}~web~permissive~eng~human" for i in range(ROWS)],
            "split": ["heldout" if i == ROWS - 1 else "train" for i in range(ROWS)],
        },
        schema=schemas.VERDICTS,
    )
    parts.write(run, "verdicts", PART, table, schema="verdicts", ids=ids)


def _spans(rows: Sequence[int]) -> pa.Table:
    """100 tokens for each of these documents."""
    part = pa.array([f"documents/{PART}.parquet"] * len(rows)).dictionary_encode()
    spans = {"start": [n * 100 for n in range(len(rows))], "end": [n * 100 + 100 for n in range(len(rows))]}
    return pa.table({**spans, "part": part, "row": pa.array(rows, pa.int32())}, schema=schemas.SPANS)


def _pools(run: str) -> None:
    table = _spans([i for i in range(ROWS) if reason(i) is None])
    storage.write_table(f"{run}/pools/web~web~permissive~eng~human/train-{PART.replace('/', '.')}.spans.parquet", table)


def _mix(run: str) -> None:
    def domain(weight: float, tokens: int, available: int) -> MixDomain:
        name = "web" if weight > 0.5 else "prose"
        pools = [f"{name}~web~permissive~eng~human"]
        return MixDomain(weight=weight, tokens=tokens, available=available, epochs=tokens / available, pools=pools)

    MixManifest(
        seed=1,
        tokenizer="t" * 32,
        budget=1000,
        domains={"web": domain(0.75, 750, 900), "prose": domain(0.25, 250, 700)},
        metrics={"bpb/web": MixMetric(weight=1, predicted=1.9, natural=2.0, sd=0.01, family="log_linear")},
        objective={"predicted": 1.9, "natural": 2.0, "gap": 1e-6},
        runs=4,
    ).write(f"{run}/mix/mix.yaml")
    runs = [f"r{i:03d}" for i in range(4)]
    swarm = pl.DataFrame({"run": runs, "web": [0.5, 0.2, 0.9, 0.4], "prose": [0.5, 0.8, 0.1, 0.6]})
    storage.write_table(f"{run}/mix/swarm.parquet", swarm.to_arrow())


def _runs(run: str) -> None:
    swarm = pl.read_parquet(Path(run) / "mix" / "swarm.parquet")
    measured = [2.0, 2.2, 1.8, None]
    table = swarm.select("run", pl.Series("bpb/web", measured), diverged=pl.Series([m is None for m in measured]))
    storage.write_table(f"{run}/mix/runs/part-00000.parquet", table.to_arrow())
    predictions = pl.DataFrame(
        {
            "run": swarm["run"],
            "metric": ["bpb/web"] * 4,
            "measured": measured,
            "predicted": [2.01, 2.19, 1.81, 2.1],
            "sd": [0.02] * 4,
        }
    )
    storage.write_table(f"{run}/mix/predictions.parquet", predictions.to_arrow())


def _shards(run: str) -> None:
    path = "shards/olmo/part-00000.npy"
    storage.write_bytes(f"{run}/{path}", b"\0" * 2000)
    storage.write_table(f"{run}/shards/olmo/part-00000.spans.parquet", _spans(range(12, 22)))
    shard = {"format": "olmo", "index": 0, "files": ["part-00000.npy"], "tokens": 1000, "documents": 10}
    receipts.write(run, Receipt("shards", "olmo-00000", "k", (output(run, path),), {"tokens": 1000}))
    index = {
        "tokenizer": "t" * 32,
        "mix": "m" * 32,
        "tokens": {"web": 700, "prose": 300},
        "deficit": {"web": 50, "prose": -50},
        "formats": {"olmo": [shard]},
    }
    storage.write_bytes(f"{run}/shards/index.json", json.dumps(index).encode())
