"""SPDX 3.0.1 (https://spdx.github.io/spdx-spec/v3.0.1): a dataset package, one for each source, and their licences.

What evidence claims is *declared*, what the run came to is *concluded*.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from manifests.exports import absences
from manifests.exports.facts import Facts
from manifests.exports.licensing import spdx as expression_of
from manifests.licences import UNKNOWN
from manifests.receipts import digest_of
from manifests.report.shown import plain

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_NO_ASSERTION = "expandedlicensing_NoAssertionLicense"
_EPOCH = "1970-01-01T00:00:00Z"
#: how a route lets others have the same data
_AVAILABLE = {"bulk-dump": "directDownload", "third-party-crawl": "directDownload", "api": "query"}


def document(facts: Facts) -> dict[str, Any]:
    """The JSON-LD of an SPDX document."""
    return {"@context": CONTEXT, "@graph": _Graph(facts).elements()}


class _Graph:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._base = f"urn:cuvee:{facts.digest}#"
        self._licences: dict[str, dict[str, Any]] = {}

    def elements(self) -> list[dict[str, Any]]:
        facts = self._facts
        agent = {"type": "SoftwareAgent", **self._element("agent"), "name": f"cuvee {facts.version}".strip()}
        whole = self._package("dataset", facts.name, facts.sources)
        sources = [self._package(f"source-{i}", plain(s, 80), [s]) for i, s in enumerate(facts.sources)]
        relations = [self._relation("sources", whole, "descendantOf", sources)] if sources else []
        for i, (source, package) in enumerate(zip(facts.sources, sources, strict=True)):
            stated = {"hasDeclaredLicense": facts.declared(source), "hasConcludedLicense": facts.concluded(source)}
            for kind, expressions in stated.items():
                relations.append(self._relation(f"{kind}-{i}", package, kind, self._expressions(expressions)))
        # the profile asks for both; what the compilation as a whole declares is not recorded
        relations.append(self._relation("declared", whole, "hasDeclaredLicense", [_NO_ASSERTION]))
        relations.append(self._relation("licences", whole, "hasConcludedLicense", self._expressions(facts.concluded())))
        elements = [agent, whole, *sources, *self._licences.values(), *relations]
        return [
            {
                "type": "CreationInfo",
                "@id": "_:creation",
                "specVersion": "3.0.1",
                "created": _time(facts.date),
                "createdBy": [agent["spdxId"]],
                **({} if facts.date else {"comment": "run.json has no date: created is a placeholder"}),
            },
            {
                "type": "SpdxDocument",
                **self._element("document"),
                "name": facts.name,
                "profileConformance": ["core", "dataset", "simpleLicensing", "software"],
                "rootElement": [whole["spdxId"]],
                "element": [e["spdxId"] for e in elements],
            },
            *elements,
        ]

    def _element(self, name: str) -> dict[str, Any]:
        return {"spdxId": f"{self._base}{name}", "creationInfo": "_:creation"}

    def _package(self, identifier: str, name: str, sources: Sequence[str]) -> dict[str, Any]:
        facts, here = self._facts, pl.col("source").is_in(list(sources))
        table = facts.cube.filter(here)
        routes = facts.by("source", "route", where=here)
        said = "; ".join(f"{s} by {r}" for s, r in routes["source", "route"].rows())
        whole = identifier == "dataset"
        found: dict[str, Any] = {
            "type": "dataset_DatasetPackage",
            **self._element(identifier),
            "name": name,
            "software_primaryPurpose": "data",
            "software_packageVersion": facts.digest[:12],
            "dataset_datasetType": ["text"],
            "dataset_datasetSize": int(table[facts.measure].sum()),
            "dataset_dataCollectionProcess": plain(said, 1000),
            "dataset_hasSensitivePersonalInformation": _presence(facts),
            "comment": f"datasetSize is in {'tokens' if facts.tokenized else 'bytes of text'}; "
            f"{int(table['documents'].sum()):,} documents.",
        }
        if facts.date:
            found["builtTime"] = _time(facts.date)
        if whole:
            found["description"] = f"{facts.name}: {facts.statement}."
            found["comment"] += " " + " ".join(f"Absent: {a}." for a in absences.of(facts))
            found["dataset_dataPreprocessing"] = [f"dropped as {r}: {n} documents" for r, n in facts.dropped.items()]
        elif len(available := {_AVAILABLE.get(r) for r in routes["route"]}) == 1 and None not in available:
            found["dataset_datasetAvailability"] = next(iter(available))
        return {k: v for k, v in found.items() if v not in ([], "")}

    def _expressions(self, expressions: Sequence[str]) -> list[str]:
        """Elements of licences; one for each that differs. None known is no assertion."""
        known = sorted({expression_of(e) for e in expressions})
        return [self._licence(e) for e in known] or [_NO_ASSERTION]

    def _licence(self, expression: str) -> str:
        if expression == UNKNOWN:
            return _NO_ASSERTION
        element = self._element(f"licence-{digest_of(expression)[:12]}")
        self._licences[expression] = {
            "type": "simplelicensing_LicenseExpression",
            **element,
            "simplelicensing_licenseExpression": expression,
        }
        return str(element["spdxId"])

    def _relation(self, name: str, one: dict[str, Any], kind: str, others: Sequence[Any]) -> dict[str, Any]:
        ids = [o if isinstance(o, str) else o["spdxId"] for o in others]
        return {
            "type": "Relationship",
            **self._element(f"relation-{name}"),
            "from": one["spdxId"],
            "relationshipType": kind,
            "to": ids,
        }


def _presence(facts: Facts) -> str:
    """Counts of patterns show that some is there; their absence does not show that none is."""
    return "yes" if any(facts.pii.values()) else "noAssertion"


def _time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _EPOCH
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
