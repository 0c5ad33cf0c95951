"""What waits for a person: kept documents by their evidence and their host, most tokens first."""

from __future__ import annotations

import numpy as np
import polars as pl

from manifests.lineage import Index, host_name
from manifests.policy import Action, Policy
from manifests.reviews.book import Book
from manifests.reviews.overlay import overlay
from manifests.signatures import Signature

_SCHEMA = {
    "signature": pl.String,
    "host": pl.String,
    "reason": pl.String,
    "licence": pl.String,
    "evidence": pl.String,
    "documents": pl.Int64,
    "tokens": pl.Int64,
}


def waiting(run: str, policy: Policy, book: Book, action: Action = "review") -> pl.DataFrame:
    """Kept documents that the policy decides so, by ``signature`` (of the evidence as found) and ``host``.

    Columns ``reason``, ``licence``, ``evidence`` (in words), ``documents`` and ``tokens`` beside these. ValueError when
    the run has no lineage index.
    """
    index = Index(run)
    frame = index.roll_up(["signature", "kept", "tokens"])
    codes, interned = overlay(index, frame["signature"].to_numpy().astype(np.int64), book)
    decided = [policy.decide(s) for s in interned]
    hosts = index.hosts
    host = np.repeat(np.arange(hosts.height), hosts["documents"].to_numpy())
    wanted = frame["kept"].to_numpy() & np.array([d.action == action for d in decided], bool)[codes]
    counted = (
        pl.DataFrame({"code": codes[wanted], "host": host[wanted], "tokens": frame["tokens"].to_numpy()[wanted]})
        .group_by("code", "host")
        .agg(documents=pl.len().cast(pl.Int64), tokens=pl.col("tokens").cast(pl.Int64).sum())
    )
    names = hosts["host"].to_list()
    used = counted["code"].unique().to_list()
    told = pl.DataFrame(
        {
            "code": pl.Series(used, dtype=pl.Int64),
            "signature": [interned[c].found.name for c in used],
            "reason": [decided[c].reason for c in used],
            "licence": [decided[c].expression for c in used],
            "evidence": [in_words(interned[c]) for c in used],
        },
        schema_overrides=dict.fromkeys(("signature", "reason", "licence", "evidence"), pl.String),
    )
    shown = {h: host_name(names[h]) if names[h] != "~" else "" for h in counted["host"].unique().to_list()}
    return (
        counted.join(told, on="code")
        .with_columns(host=pl.col("host").replace_strict(shown, return_dtype=pl.String, default=""))
        .group_by("signature", "host", "reason", "licence", "evidence")
        .agg(pl.col("documents").sum(), pl.col("tokens").sum())
        .select(pl.col(n).cast(t) for n, t in _SCHEMA.items())
        .sort("tokens", "signature", "host", descending=[True, False, False])
    )


def by_signature(waits: pl.DataFrame) -> pl.DataFrame:
    """The same by evidence alone; ``hosts`` counts them."""
    return _grouped(waits, ["signature", "licence", "reason", "evidence"], hosts=pl.col("host").n_unique())


def by_host(waits: pl.DataFrame) -> pl.DataFrame:
    """The same by host alone, of documents that have one; ``signatures`` counts its evidence."""
    return _grouped(waits.filter(pl.col("host") != ""), ["host"], signatures=pl.col("signature").n_unique())


def _grouped(waits: pl.DataFrame, by: list[str], **counted: pl.Expr) -> pl.DataFrame:
    sums = pl.col("documents").sum(), pl.col("tokens").sum()
    made = waits.group_by(by).agg(*sums, **{n: e.cast(pl.Int64) for n, e in counted.items()})
    return made.sort("tokens", by[0], descending=[True, False])


def in_words(signature: Signature) -> str:
    """What the evidence comes to, on one line."""
    said = [f"{c.expression} by {c.kind} of the {c.scope} ({c.confidence:g})" for c in signature.claims]
    said += [f"{r.protocol} {r.value} {r.agent}" for r in signature.reservations]
    about = [f"{n} {v}" for n, v in (("access", signature.lawful_access), ("training", signature.training))]
    said += [a for a in about if not a.endswith("unknown")]
    said += [f"until {signature.expires}"] if signature.expires else []
    return "; ".join([*said, f"{signature.route}, {signature.origin}"])
