"""A run folder of very many documents, made of columns alone: what a page weighs and takes must not grow with them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from manifests import parts, schemas, signatures, storage
from manifests.documents import Claim, Document, Reservation, evidence_table

_TEXT = "lorem ipsum dolor sit amet " * 150
_KINDS = 400  #: of licence evidence


def build(run: str, count: int, *, in_parts: int = 25_000) -> None:
    """Every section has something to show: hosts, languages, licences, conflicts, reasons, scores, clusters, pools."""
    rules = [{"reason": "short", "when": "words < 50"}, {"reason": "poor", "when": "quality < 0.2"}]
    record = {"run": "many", "recipe": {"select": {"rules": rules}}, "started": "2026-01-02T03:04:05+00:00"}
    storage.write_bytes(f"{run}/run.json", pl.Series([record]).struct.json_encode()[0].encode())
    kinds = [
        Document(
            str(i),
            "",
            claims=(Claim(f"LicenseRef-{i % 97}", "link-rel"), Claim("CC-BY-NC-4.0", "footer"))[: i % 3],
            reservations=(Reservation("robots", "deny", agent=f"bot-{i % 50}"),) if i % 5 == 0 else (),
        )
        for i in range(_KINDS)
    ]  # fmt: skip
    evidence = evidence_table(kinds)
    licences, interned = signatures.annotate(evidence)
    for p, first in enumerate(range(0, count, in_parts)):
        _part(
            run, f"s{p % 5}/part-{p:04d}", np.arange(first, min(first + in_parts, count)), licences, evidence, interned
        )


def _part(run: str, part: str, n: np.ndarray, licences: pa.RecordBatch, evidence: pa.Table, interned: pa.Table) -> None:
    size = len(n)
    ids = pa.array([f"{int(i) * 2654435761 % 2**32:08x}{int(i):024x}" for i in n])
    digest = parts.ids_digest(pa.chunked_array([ids]))
    kind, keep, words = pa.array(n % _KINDS), (n % 3 > 0) & (n % 211 >= 50) & (n % 100 >= 20), n % 211
    blank = {f.name: pa.nulls(size, f.type) for f in schemas.DOCUMENTS}
    documents = {
        **blank,
        "id": ids,
        "text": pa.array([_TEXT] * size, pa.large_string()),
        "url": pa.array([f"https://host-{int(i) % 20_011}.example/page/{int(i)}" for i in n]),
        "title": pa.array([f"Document number {int(i)}" for i in n]),
        "origin": pa.array(["human"] * size),
    }
    reason = np.where(words < 50, "short", np.where(n % 100 < 20, "poor", np.char.add("reason_", (n % 60).astype(str))))
    languages = pa.array([f"l{int(i) % 90:02d}" for i in n])
    duplicate = n % 7 == 1
    columns: dict[str, tuple[str, pa.Table]] = {
        "annotations/evidence": ("evidence", evidence.take(kind)),
        "annotations/licence": ("licence", pa.Table.from_batches([licences]).take(kind)),
        "annotations/language": ("language", pa.table({"language": languages})),
        "annotations/heuristics": ("heuristics", pa.table({"characters": [len(_TEXT)] * size, "words": words})),
        "annotations/quality": ("quality", pa.table({"quality": pa.array((n % 100) / 100, pa.float32())})),
        "duplicates": (
            "duplicates",
            pa.table(
                {
                    "survivor": pa.array(np.where(duplicate, ids[0].as_py(), None)),
                    "kind": pa.array(np.where(duplicate, "fuzzy", None)),
                    "score": pa.array(np.where(duplicate, 0.6 + n % 40 / 100, np.nan), pa.float32(), from_pandas=True),
                    "cluster": pa.array(np.where(duplicate, ids[0].as_py(), None)),
                    "cluster_size": pa.array(np.where(duplicate, 2 + n % 50, 1), pa.int32()),
                    "blob": pa.array(1 + n % 30, pa.int32()),
                }
            ),
        ),
        "verdicts": (
            "verdicts",
            pa.table(
                {
                    "id": ids,
                    "keep": keep,
                    "reason": pa.array(np.where(keep, None, reason)),
                    "domain": pa.array([f"d{int(i) % 70:02d}" for i in n]),
                    "stratum": pa.array(np.where(keep, "pool", None)),
                    "split": pa.array(np.where(keep, "train", None)),
                }
            ),
        ),
    }  # fmt: skip
    parts.write(
        run, parts.DOCUMENTS, part, pa.table(documents, schema=schemas.DOCUMENTS), schema="documents", ids=digest
    )
    for folder, (schema, table) in columns.items():
        parts.write(run, folder, part, table, schema=schema, ids=digest)
    parts.write(run, "signatures", part, interned, schema="signatures", ids=digest)
    rows = np.flatnonzero(keep)
    spans = {"start": np.arange(len(rows)) * 700, "end": np.arange(len(rows)) * 700 + 700}
    named = pa.array([f"documents/{part}.parquet"] * len(rows)).dictionary_encode()
    table = pa.table({**spans, "part": named, "row": pa.array(rows, pa.int32())}, schema=schemas.SPANS)
    storage.write_table(f"{run}/pools/pool/train-{part.replace('/', '.')}.spans.parquet", table)
