"""CycloneDX 1.7 (https://cyclonedx.org/docs/1.7/json): the data, its sources and its models.

Contracts are here with licensor, purchase order and expiry, as no other format has them.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import polars as pl

from manifests.exports import absences
from manifests.exports.facts import SYNTHETIC, Facts
from manifests.exports.licensing import listed, valid
from manifests.report.shown import plain

_Stated = tuple[str, str, dict[str, Any]]  #: acknowledgement, expression or name, terms


def document(facts: Facts) -> dict[str, Any]:
    """The JSON of a bill of materials."""
    sources = [_source(facts, s) for s in facts.sources]
    models = [*_trained(facts), *_generators(facts)]
    metadata: dict[str, Any] = {
        "timestamp": facts.date,
        "lifecycles": [{"phase": "post-build"}],
        "tools": {"components": [{"type": "application", "name": "cuvee", "version": facts.version or "unknown"}]},
        "component": _whole(facts),
        "properties": _properties({"absent": [str(a) for a in absences.of(facts)]}),
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, facts.digest)}",
        "version": 1,
        "metadata": {k: v for k, v in metadata.items() if v not in ("", [])},
        "components": [*sources, *models],
        "dependencies": [
            {"ref": "dataset", "dependsOn": [c["bom-ref"] for c in [*sources, *models]]},
        ],
    }


def _whole(facts: Facts) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": "dataset",
        "name": facts.name,
        "version": facts.digest[:12],
        "description": f"{facts.name}: {facts.statement}.",
        **_licences([("concluded", e, {}) for e in facts.concluded()]),
        "data": [
            {
                "type": "dataset",
                "name": facts.name,
                "contents": {
                    "properties": _properties(
                        {
                            "basis": [facts.basis],
                            **{n: [str(facts.total(n))] for n in ("documents", "tokens", "seen", "bytes")},
                            "policy": [f"{facts.mix.policy} {facts.mix.policy_digest}".strip()] if facts.mix else [],
                            "mix": [str(facts.shards.get("mix", ""))],
                            "tokenizer": [str(facts.shards.get("tokenizer", ""))],
                            "domain": _weights(facts),
                        }
                    )
                },
                "sensitiveData": [f"{k}: {n} documents" for k, n in facts.pii.items() if n],
            }
        ],
    }


def _weights(facts: Facts) -> list[str]:
    return [f"{n}: {d.weight:.6g}, {d.tokens} tokens" for n, d in facts.mix.domains.items()] if facts.mix else []


def _source(facts: Facts, source: str) -> dict[str, Any]:
    here = pl.col("source") == source
    terms = ("route", "lawful_access", "training", "licensor", "order", "expires", "reference", "origin")
    rows = facts.by(*terms, where=here).to_dicts()
    stated: list[_Stated] = [("declared", e, {}) for e in facts.declared(source)]
    stated += [("concluded", e, {}) for e in facts.concluded(source)]
    agreed = (r for r in rows if r["licensor"] or r["order"] or r["expires"])
    stated += [("declared", f"terms of {r['licensor'] or source}", r) for r in agreed]
    sums = facts.by("source", where=here).row(0, named=True)
    times = {n: [sums[n].isoformat()] for n in ("first", "last") if sums[n] is not None}
    found = (facts.record.get("inputs") or {}).get(source, {})
    files = [f"{f['name']} {f['size']} bytes blake2b-128 {f['checksum']}" for f in found.get("files", [])]
    reserved = (f"{p} {a} {v}: {d}" for p, a, v, d in _reservations(facts, source))
    owners = [{"organization": {"name": plain(o, 200)}} for o in sorted({r["licensor"] for r in rows} - {""})]
    return {
        "type": "data",
        "bom-ref": f"source:{source}",
        "name": plain(source, 80),
        **_licences(stated),
        "data": [
            {
                "type": "dataset",
                "name": plain(source, 80),
                "contents": {
                    "properties": _properties(
                        {
                            **{n: [str(sums[n])] for n in ("documents", "tokens", "seen", "bytes")},
                            **{n: sorted({r[n] for r in rows}) for n in (*terms[:3], "reference", "origin")},
                            **times,
                            "reservation": list(reserved),
                            "input": files,
                        }
                    )
                },
                **({"governance": {"owners": owners}} if owners else {}),
            }
        ],
    }


def _reservations(facts: Facts, source: str) -> list[tuple[str, str, str, int]]:
    table = facts.reservations.filter(pl.col("source") == source)
    return table["protocol", "agent", "value", "documents"].rows()


def _licences(stated: Sequence[_Stated]) -> dict[str, Any]:
    """``licenses``, each once."""
    found: list[dict[str, Any]] = []
    for acknowledgement, text, terms in stated:
        entry: dict[str, Any]
        if listed(text):
            entry = {"license": {"id": text, "acknowledgement": acknowledgement}}
        elif valid(text) and not text.startswith("LicenseRef-"):
            entry = {"expression": text, "acknowledgement": acknowledgement}
        else:
            entry = {"license": {"name": plain(text, 200), "acknowledgement": acknowledgement}}
        if terms:
            entry["license"]["licensing"] = _licensing(terms)
        if entry not in found:
            found.append(entry)
    return {"licenses": found} if found else {}


def _licensing(terms: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if terms["licensor"]:
        found["licensor"] = {"organization": {"name": plain(terms["licensor"], 200)}}
    if terms["order"]:
        found["purchaseOrder"] = plain(terms["order"], 200)
    if terms["expires"]:
        found["expiration"] = f"{terms['expires']}T23:59:59Z"
    return found


def _trained(facts: Facts) -> list[dict[str, Any]]:
    """Models among the run's own files: classifiers, tokenizers."""
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": m.path,
            "name": m.path.removeprefix("models/"),
            "version": m.digest,
            "modelCard": {"modelParameters": {"datasets": [{"ref": "dataset"}]}},
            "properties": _properties({"bytes": [str(m.bytes)], "blake2b-128": [m.digest]}),
        }
        for m in facts.models
    ]


def _generators(facts: Facts) -> list[dict[str, Any]]:
    """Models that wrote synthetic documents."""
    table = facts.by("generator", where=pl.col("origin").is_in(SYNTHETIC) & (pl.col("generator") != ""))
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"generator:{name}",
            "name": plain(name, 200),
            "description": f"wrote {documents:,} documents",
        }
        for name, documents in table["generator", "documents"].rows()
    ]


def _properties(values: dict[str, list[str]]) -> list[dict[str, str]]:
    return [{"name": f"cuvee:{n}", "value": plain(v, 1000)} for n, found in values.items() for v in found if v]
