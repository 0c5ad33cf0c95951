"""The columns of a run folder. Every file carries its schema's name and version in the footer; changes only add."""

from __future__ import annotations

import pyarrow as pa

_CLAIM = pa.struct(
    [
        ("expression", pa.string()),
        ("kind", pa.string()),
        ("scope", pa.string()),
        ("locator", pa.string()),
        ("raw", pa.string()),
        ("asserter", pa.string()),
        ("confidence", pa.float32()),
        ("version_known", pa.bool_()),
        ("observed", pa.timestamp("s", tz="UTC")),
        ("start", pa.int64()),  # of a span, in UTF-8 bytes of the text; -1 elsewhere
        ("end", pa.int64()),
    ]
)
_RESERVATION = pa.struct(
    [
        *((n, pa.string()) for n in ("protocol", "value", "agent", "locator", "raw")),
        ("observed", pa.timestamp("s", tz="UTC")),
    ]
)
_ACQUISITION = pa.struct(
    [
        ("route", pa.string()),
        ("lawful_access", pa.string()),
        ("training", pa.string()),
        ("licensor", pa.string()),
        ("order", pa.string()),
        ("expires", pa.date32()),
        ("reference", pa.string()),
    ]
)
_ORIGIN = pa.struct([("kind", pa.string()), ("generator", pa.string()), ("verifier", pa.string())])
_PARENT = pa.struct(
    [
        ("id", pa.string()),
        ("content_hash", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("relation", pa.string()),
    ]
)

#: documents/SOURCE/part-*.parquet
DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.large_string()),
        ("content_hash", pa.string()),
        ("url", pa.string()),
        ("title", pa.string()),
        ("media_type", pa.string()),
        ("record", pa.struct([("file", pa.string()), ("offset", pa.int64()), ("length", pa.int64())])),
        ("fetched_at", pa.timestamp("s", tz="UTC")),
        ("headers", pa.map_(pa.string(), pa.string())),
        ("origin", pa.string()),
        ("generator", pa.string()),
        ("style", pa.string()),
        ("acquisition", pa.string()),
        ("parents", pa.list_(_PARENT)),
    ]
)
#: annotations/evidence/SOURCE/part-*.parquet, written with the documents
EVIDENCE = pa.schema(
    [
        ("claims", pa.list_(_CLAIM)),
        ("reservations", pa.list_(_RESERVATION)),
        ("acquisition", _ACQUISITION),
        ("origin", _ORIGIN),
    ]
)
#: hosts/SOURCE/part-*.parquet: what a host says of its whole site, as fetched. ``kind`` is robots, tdmrep or rsl
HOSTS = pa.schema(
    [
        ("host", pa.string()),
        ("kind", pa.string()),
        ("status", pa.int32()),
        ("fetched_at", pa.timestamp("s", tz="UTC")),
        ("body", pa.string()),
        ("record", pa.struct([("file", pa.string()), ("offset", pa.int64()), ("length", pa.int64())])),
    ]
)
#: rejects/SOURCE/part-*.parquet
REJECTS = pa.schema(
    [
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("file", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("locator", pa.string()),
    ]
)
#: annotations/identity/SOURCE/part-*.parquet: whether an earlier part of the run has a document of the same id
IDENTITY = pa.schema([("repeats_id", pa.bool_())])
LANGUAGE = pa.schema([("language", pa.string()), ("language_score", pa.float32()), ("script", pa.string())])
_PARAGRAPH = pa.struct(
    [("start", pa.int64()), ("end", pa.int64()), ("language", pa.string()), ("language_score", pa.float32())]
)
#: annotations/paragraphs/SOURCE/part-*.parquet, where the recipe asks for it
PARAGRAPHS = pa.schema([("paragraphs", pa.list_(_PARAGRAPH)), ("mixed_share", pa.float32())])
#: annotations/pii/SOURCE/part-*.parquet: how many of each kind a document holds
PII = pa.schema([(f"pii_{kind}", pa.int32()) for kind in ("email", "ip", "phone", "iban", "card", "secret")])
#: annotations/urls/SOURCE/part-*.parquet: the list that a document's address is on, null for none
URLS = pa.schema([("url_listed", pa.string()), ("url_domain", pa.string())])
QUALITY = pa.schema([("quality", pa.float32())])
#: annotations/quality_scores: of each document, the probability by each model of an ensemble
QUALITY_SCORES = pa.schema([("quality_scores", pa.list_(pa.float32()))])
#: annotations/quality_rank: the share of the corpus of lower quality
QUALITY_RANK = pa.schema([("quality_rank", pa.float32())])
#: annotations/contamination: the benchmark item with the largest part of itself in the document; score 0 without one
CONTAMINATION = pa.schema(
    [("contamination", pa.float32()), ("contamination_kind", pa.string()), ("contamination_item", pa.string())]
)
#: contamination/SOURCE/part-*.parquet: every match; ``row`` in the document part, start and end in UTF-8 bytes of text
MATCHES = pa.schema(
    [
        ("row", pa.int64()),
        ("item", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float32()),
        ("start", pa.int64()),
        ("end", pa.int64()),
    ]
)
#: contamination/items.parquet: the benchmarks of the recipe; ``item`` is BENCHMARK/NAME
ITEMS = pa.schema([("item", pa.string()), ("question", pa.large_string()), ("answer", pa.large_string())])
LICENCE = pa.schema(
    [
        ("licence", pa.string()),
        ("licence_class", pa.string()),
        ("licence_kind", pa.string()),
        ("licence_confidence", pa.float32()),
        ("reserved", pa.bool_()),
        ("signature", pa.string()),  # of signatures/SOURCE/part-*: all that a policy looks at
    ]
)
#: signatures/SOURCE/part-*.parquet: each distinct evidence of a document part once, as JSON; not row-aligned
SIGNATURES = pa.schema([("signature", pa.string()), ("evidence", pa.string())])
#: edits/NAME/SOURCE/part-*.parquet: ``[start, end)`` in UTF-8 bytes of the document's text gives way to
#: ``replacement``; ``by`` says what found it. See manifests.edits
EDITS = pa.schema(
    [
        (
            "edits",
            pa.list_(
                pa.struct(
                    [("start", pa.int64()), ("end", pa.int64()), ("replacement", pa.string()), ("by", pa.string())]
                )
            ),
        )
    ]
)
#: duplicates/SOURCE/part-*.parquet. ``survivor`` is the id kept in this document's place, null when it is kept itself.
#: ``kind`` is exact, url or fuzzy; ``score`` the similarity with the survivor, ``specific`` the same with shingles
#: weighted by rarity, ``matched`` the share of this document's shingles that the survivor has. ``blob`` counts the
#: candidates that keys alone would have chained together, ``cluster_size`` those that were found to be duplicates.
#: ``nearest`` is, of the documents that this one was compared with and kept beside, the most similar
DUPLICATES = pa.schema(
    [
        ("survivor", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float32()),
        ("cluster", pa.string()),
        ("cluster_size", pa.int32()),
        ("specific", pa.float32()),
        ("matched", pa.float32()),
        ("blob", pa.int32()),
        ("nearest", pa.string()),
        ("nearest_score", pa.float32()),
    ]
)
#: verdicts/SOURCE/part-*.parquet. ``reason`` is null where ``keep`` holds; ``split`` is train or heldout
VERDICTS = pa.schema(
    [
        ("id", pa.string()),
        ("keep", pa.bool_()),
        ("reason", pa.string()),
        ("domain", pa.string()),
        ("stratum", pa.string()),
        ("split", pa.string()),
    ]
)
#: beside every token array in pools/STRATUM and shards/FORMAT, as *.spans.parquet: ``[start, end)`` in tokens of that
#: array, EOS included; ``part`` is the document part relative to the run folder, ``row`` the row in it
SPANS = pa.schema(
    [("start", pa.int64()), ("end", pa.int64()), ("part", pa.dictionary(pa.int32(), pa.string())), ("row", pa.int32())]
)


def block(name: str) -> pa.Schema:
    """annotations/block_NAME/SOURCE/part-*.parquet: the verdict of another library's block, and its reason."""
    return pa.schema([(f"{name}_keep", pa.bool_()), (f"{name}_reason", pa.string())])


def classifier(name: str) -> pa.Schema:
    """annotations/classifier_NAME/SOURCE/part-*.parquet: the likeliest label, and its probability; of two labels, the
    probability of the second, which is the positive one."""
    return pa.schema([(f"{name}_label", pa.string()), (f"{name}_score", pa.float32())])


VERSIONS = {
    "documents": 1,
    "evidence": 2,
    "hosts": 1,
    "rejects": 1,
    "identity": 1,
    "language": 2,
    "paragraphs": 1,
    "pii": 1,
    "urls": 1,
    "block": 1,
    "heuristics": 2,
    "quality": 1,
    "quality_scores": 1,
    "quality_rank": 1,
    "classifier": 1,
    "contamination": 1,
    "matches": 1,
    "items": 1,
    "licence": 2,
    "signatures": 1,
    "edits": 1,
    "duplicates": 2,
    "verdicts": 1,
    "spans": 1,
}
