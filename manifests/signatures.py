"""Evidence signatures: all of a document's evidence that a policy looks at, each distinct one kept and decided once.

A crawl of a billion pages has some ten thousand of them. Locators, dates of observation and the raw words are left out:
they are in the evidence itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa

from manifests import schemas
from manifests.acquisition import Acquisition
from manifests.documents import Claim
from manifests.licences import KINDS, TEXT_SCOPES, conclude
from manifests.receipts import digest_of

#: kinds whose statement about the same text holds for a copy of it too; a web page speaks for itself alone
AUTHORITATIVE = frozenset(KINDS[: KINDS.index("license-file") + 1])
#: where a run keeps them: after deduplication with the claims of all copies
FOLDERS = ("signatures-united", "signatures")
#: the asserter of a claim that came from a duplicate starts with this
COPIED = "copy: "
#: TDMRep: what comes later supersedes what came before, and silence resets nothing
_TDMREP_ORDER = ("tdmrep.json", "header", "meta")


class Statement(NamedTuple):
    """A claim as far as it decides; the names are those of ``Claim``."""

    expression: str
    kind: str
    scope: str
    confidence: float


class Reserved(NamedTuple):
    protocol: str
    value: str
    agent: str


@dataclass(frozen=True)
class Signature:
    """Sorted and without repetition: equal evidence gives equal signatures."""

    claims: tuple[Statement, ...] = ()
    reservations: tuple[Reserved, ...] = ()
    route: str = "unknown"
    lawful_access: str = "unknown"
    training: str = "unknown"
    expires: date | None = None
    origin: str = "human"

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Signature:
        raw = json.loads(text)
        if not raw:  # of a document whose evidence was never concluded
            return cls()
        return cls(
            **{
                **raw,
                "claims": tuple(Statement(*c) for c in raw["claims"]),
                "reservations": tuple(Reserved(*r) for r in raw["reservations"]),
                "expires": date.fromisoformat(raw["expires"]) if raw["expires"] else None,
            }
        )

    @property
    def name(self) -> str:
        """64 bits of its digest, hex."""
        return digest_of(self.to_json())[:16]

    @property
    def found(self) -> Signature:
        """The evidence as found: without what people decided of it."""
        return replace(self, claims=tuple(c for c in self.claims if c.kind != "human"))

    @property
    def reserved(self) -> bool:
        return any(r.value == "deny" for r in self.reservations)

    def conclusion(self) -> tuple[str, str, str, float]:
        """``licences.conclude`` of its claims."""
        return conclude([Claim(c.expression, c.kind, c.scope, confidence=c.confidence) for c in self.claims])


def of(
    claims: Sequence[Mapping[str, Any]],
    reservations: Sequence[Mapping[str, Any]],
    acquisition: Mapping[str, Any] | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Signature:
    """The signature of a row of ``schemas.EVIDENCE``. Weak claims of copies speak for the copy only."""
    acquisition = acquisition or Acquisition().as_dict()
    origin = {"kind": "human"} if origin is None else origin  # evidence of version 1 does not say
    kind = origin.get("kind") or "unknown"
    if kind == "synthetic" and origin.get("verifier"):
        kind = "synthetic-verified"
    statements = {
        Statement(c["expression"], c["kind"], c["scope"], round(float(c["confidence"]), 3))
        for c in claims
        if not str(c["asserter"]).startswith(COPIED) or c["kind"] in AUTHORITATIVE
    }
    return Signature(
        tuple(sorted(statements)),
        tuple(sorted(_effective(reservations))),
        acquisition["route"],
        acquisition["lawful_access"],
        acquisition["training"],
        acquisition["expires"],
        kind,
    )


def _effective(reservations: Sequence[Mapping[str, Any]]) -> set[Reserved]:
    found = {Reserved(r["protocol"], r["value"], r["agent"]) for r in reservations if r["protocol"] != "tdmrep"}
    layers: dict[int, str] = {}
    for r in reservations:
        if r["protocol"] == "tdmrep":
            layer = next((i for i, name in enumerate(_TDMREP_ORDER) if r["locator"].startswith(name)), 0)
            # within one layer the stricter of two
            layers[layer] = "deny" if "deny" in (r["value"], layers.get(layer)) else r["value"]
    if layers:
        found.add(Reserved("tdmrep", layers[max(layers)], "*"))
    return found


def annotate(evidence: pa.Table) -> tuple[pa.RecordBatch, pa.Table]:
    """``schemas.LICENCE`` for rows of ``schemas.EVIDENCE``, and ``schemas.SIGNATURES``: each is decided once."""
    interned: dict[str, Signature] = {}
    decided: dict[str, tuple[str, str, str, float, bool, str]] = {}
    rows = []
    columns = [
        evidence[n].to_pylist() if n in evidence.column_names else [None] * evidence.num_rows
        for n in ("claims", "reservations", "acquisition", "origin")
    ]
    for claims, reservations, acquisition, origin in zip(*columns, strict=True):
        signature = of(claims or (), reservations or (), acquisition, origin)
        text = signature.to_json()
        if text not in decided:
            interned[signature.name] = signature
            decided[text] = (*signature.conclusion(), signature.reserved, signature.name)
        rows.append(decided[text])
    values = [list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in schemas.LICENCE]
    arrays = [pa.array(c, field.type) for c, field in zip(values, schemas.LICENCE, strict=True)]
    table = pa.table(
        {"signature": sorted(interned), "evidence": [interned[n].to_json() for n in sorted(interned)]},
        schema=schemas.SIGNATURES,
    )
    return pa.RecordBatch.from_arrays(arrays, schema=schemas.LICENCE), table


def unite(own: Sequence[Mapping[str, Any]], copies: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """A survivor's claims and those of the duplicates it stands for, these marked as copies', without repetition."""
    found = [dict(c) for c in own]
    seen = {(c["expression"], c["kind"], c["scope"], c["locator"]) for c in own}
    for claims in copies:
        for c in claims:
            key = (c["expression"], c["kind"], c["scope"], c["locator"])
            if c["scope"] in TEXT_SCOPES and key not in seen:
                seen.add(key)
                asserter = str(c["asserter"])
                found.append({**c, "asserter": asserter if asserter.startswith(COPIED) else COPIED + asserter})
    return found


def with_claims(signature: Signature, claims: Sequence[Claim]) -> Signature:
    """The signature with more claims, such as a person's decision."""
    more = {Statement(c.expression, c.kind, c.scope, round(c.confidence, 3)) for c in claims}
    return replace(signature, claims=tuple(sorted({*signature.claims, *more})))
