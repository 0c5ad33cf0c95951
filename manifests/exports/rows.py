"""The documents that an export counts: those in the shards; without shards those kept; else all that were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import polars as pl

from manifests import parts, schemas, storage
from manifests.report import frame as frames
from manifests.signatures import FOLDERS as SIGNATURES
from manifests.signatures import Reserved, Signature
from manifests.takedown.deny import PATH as DENIED
from manifests.takedown.deny import DenyList

Basis = Literal["shards", "kept", "read"]
_OPTIONAL: dict[str, tuple[str, list[str]]] = {
    "verdicts": ("verdicts", ["keep", "reason", "domain"]),
    "language": ("annotations/language", ["language"]),
    "licence": ("annotations/licence", ["licence", "licence_class", "licence_kind", "signature"]),
    "pii": ("annotations/pii", list(schemas.PII.names)),
}
_NULLS: dict[str, Any] = {
    "keep": pl.Boolean,
    **dict.fromkeys(("reason", "domain", "language", "licence", "licence_class"), pl.String),
    **dict.fromkeys(("licence_kind", "signature"), pl.String),
}
_EVIDENCE = ["claims", "reservations", "acquisition"]
_NULLS |= {
    n: t for n, t in pl.DataFrame(pl.from_arrow(schemas.EVIDENCE.empty_table())).schema.items() if n in _EVIDENCE
}
_RESERVATIONS = pl.List(pl.Struct(dict.fromkeys(Reserved._fields, pl.String)))
_DOCUMENT = ["id", "url", "title", "media_type", "fetched_at", "origin", "generator", "style"]


@dataclass(frozen=True)
class Rows:
    """The columns of a run, part by part. Nothing is read before it is asked for."""

    run: str
    shards: dict[str, Any]  #: shards/index.json; empty where there is none

    @cached_property
    def basis(self) -> Basis:
        if self.shards:
            return "shards"
        return "kept" if storage.exists(storage.join(self.run, "verdicts")) else "read"

    @cached_property
    def tokenized(self) -> bool:
        """Whether the sizes of documents are known in tokens."""
        return bool(self._tokens) or bool(self._seen)

    def __iter__(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """SOURCE/part-… and all its documents but those taken down.

        ``counted`` says whether the data set has the document, ``tokens`` how long it is, ``seen`` its tokens in the
        shards, repetitions and all, and ``bytes`` its text in UTF-8, which is 0 where tokens are known.
        """
        for part in frames.document_parts(self.run):
            rows = self._part(part)
            yield part, rows.filter(~pl.col("id").is_in(self._denied))

    def _part(self, part: str) -> pl.DataFrame:
        columns: dict[str, list[str] | None] = {parts.DOCUMENTS: [*_DOCUMENT, *([] if self.tokenized else ["text"])]}
        for name, (folder, wanted) in _OPTIONAL.items():
            # after deduplication licences are concluded again, from the claims of all copies
            for candidate in ("annotations/united", folder) if name == "licence" else (folder,):
                if storage.is_file(storage.join(self.run, parts.path(candidate, part))):
                    columns[candidate] = wanted
                    break
        if storage.is_file(storage.join(self.run, parts.path(parts.EVIDENCE, part))):
            columns[parts.EVIDENCE] = _EVIDENCE
        rows = parts.aligned(self.run, part, columns).with_row_index("row")
        if "signature" in rows.columns:
            rows = self._with_hosts(part, rows)
        missing = {n: pl.lit(None, t) for n, t in _NULLS.items() if n not in rows.columns}
        size = pl.col("text").str.len_bytes().cast(pl.Int64) if "text" in rows.columns else pl.lit(0, pl.Int64)
        rows = rows.with_columns(bytes=size, **missing).drop("text", strict=False)
        rows = rows.with_columns(pl.col("row").cast(pl.Int64), source=pl.lit(part.split("/")[0]))
        for name, spans in (("tokens", self._tokens or self._seen), ("seen", self._seen)):
            empty = pl.DataFrame(schema={"row": pl.Int64, "size": pl.Int64, "most": pl.Int64})
            found = spans.get(part, empty).select("row", pl.col("most" if name == "tokens" else "size").alias(name))
            rows = rows.join(found, on="row", how="left", maintain_order="left").with_columns(pl.col(name).fill_null(0))
        counted = {"shards": pl.col("seen") > 0, "kept": pl.col("keep").fill_null(False), "read": pl.lit(True)}
        return rows.with_columns(counted=counted[self.basis])

    def _with_hosts(self, part: str, rows: pl.DataFrame) -> pl.DataFrame:
        """What a document's host reserves is in no evidence of its own, but in the signature that it was decided by."""
        for folder in SIGNATURES:
            uri = storage.join(self.run, parts.path(folder, part))
            if not storage.is_file(uri):
                continue
            interned = dict(zip(*storage.read_table(uri, ["signature", "evidence"]).to_pydict().values(), strict=True))
            if set(rows["signature"].drop_nulls().unique()) <= set(interned):
                said = [[r._asdict() for r in Signature.from_json(e).reservations] for e in interned.values()]
                found = pl.DataFrame(
                    {"signature": list(interned), "reservations": pl.Series(said, dtype=_RESERVATIONS)}
                )
                rows = rows.drop("reservations", strict=False)
                return rows.join(found, on="signature", how="left", maintain_order="left")
        return rows

    @cached_property
    def _denied(self) -> list[str]:
        entries = DenyList.read(storage.join(self.run, DENIED)).entries
        return [e.value for e in entries if e.kind == "id"]

    @cached_property
    def _tokens(self) -> dict[str, pl.DataFrame]:
        return _spans(storage.list_files(storage.join(self.run, "pools"), "*.spans.parquet", recursive=True))

    @cached_property
    def _seen(self) -> dict[str, pl.DataFrame]:
        """Of one format: all hold the same documents."""
        for form, listed in sorted(self.shards.get("formats", {}).items()):
            files = [f"shards/{form}/{f}" for s in listed for f in s["files"] if f.endswith(".spans.parquet")]
            return _spans([storage.join(self.run, f) for f in files])
        return {}


def open_run(run: str) -> Rows:
    """ValueError when ``run`` is no run folder."""
    if not storage.is_file(storage.join(run, "run.json")):
        raise ValueError(f"{run}: no run folder here (it has no run.json)")
    return Rows(run, frames.json_of(run, "shards/index.json") or {})


def _spans(files: list[str]) -> dict[str, pl.DataFrame]:
    """By part: ``row``, the tokens of all its spans (``size``), and of the longest (``most``)."""
    frames_ = []
    for file in files:
        spans = pl.DataFrame(pl.from_arrow(storage.read_table(file)))
        frames_.append(
            spans.select(
                pl.col("part").cast(pl.String),
                pl.col("row").cast(pl.Int64),
                size=(pl.col("end") - pl.col("start")).cast(pl.Int64),
            )
        )
    if not frames_:
        return {}
    summed = pl.concat(frames_).group_by("part", "row").agg(pl.col("size").sum(), most=pl.col("size").max())
    return {parts.part_of(str(part)): group.drop("part") for (part,), group in summed.group_by("part")}
