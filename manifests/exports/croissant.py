"""Croissant 1.1 (https://docs.mlcommons.org/croissant): the run folder as files and records, with how it came about."""

from __future__ import annotations

import hashlib
from typing import Any

from manifests import storage
from manifests.exports import absences
from manifests.exports.facts import Facts
from manifests.exports.licensing import address
from manifests.report.shown import plain

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
#: words of ours; nothing is published at a URN, which is what it is for
OURS = "urn:cuvee:terms:"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "cuvee": OURS,
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = "application/x-parquet"
_TEXT, _INTEGER, _BOOLEAN, _DATE = "sc:Text", "sc:Integer", "sc:Boolean", "sc:DateTime"
#: record set: its files, what it is, and its columns
_RECORDS: dict[str, tuple[str, str, dict[str, tuple[str, str]]]] = {
    "documents": (
        "documents/*/*.parquet",
        "Every document that was read, kept or not; the other record sets are row by row beside it.",
        {
            "id": (_TEXT, "Digest of the record's place in its source."),
            "text": (_TEXT, "The text as extracted."),
            "url": (_TEXT, "The address it came from."),
            "title": (_TEXT, "The title it gives itself."),
            "media_type": (_TEXT, "The media type of the record."),
            "content_hash": (_TEXT, "Digest of the normalised text."),
            "fetched_at": (_DATE, "When the record was fetched."),
            "origin": (_TEXT, "Who or what wrote it: human, synthetic and others."),
            "generator": (_TEXT, "The model that wrote it."),
            "acquisition": (_TEXT, "The route by which it came."),
        },
    ),
    "verdicts": (
        "verdicts/*/*.parquet",
        "Whether each document was kept, and why not.",
        {
            "id": (_TEXT, "The document's id."),
            "keep": (_BOOLEAN, "Whether it was kept."),
            "reason": (_TEXT, "Why it was not."),
            "domain": (_TEXT, "Its domain in the mixture."),
            "split": (_TEXT, "train or heldout."),
        },
    ),
    "licences": (
        "annotations/united/*/*.parquet",
        "The licence concluded from all claims of each document and its duplicates.",
        {
            "licence": (_TEXT, "SPDX expression, or LicenseRef."),
            "licence_class": (_TEXT, "Its category."),
            "licence_kind": (_TEXT, "The kind of evidence that decided."),
            "reserved": (_BOOLEAN, "Whether any machine-readable reservation denies."),
        },
    ),
}
_SPANS = {
    "start": (_INTEGER, "First token in the shard beside it."),
    "end": (_INTEGER, "One past the last token."),
    "part": (_TEXT, "The document part it came from."),
    "row": (_INTEGER, "The row there."),
}


def document(facts: Facts) -> dict[str, Any]:
    """The JSON-LD of a data set."""
    sets = [(n, *r) for n, r in _RECORDS.items() if storage.exists(storage.join(facts.run, r[0].split("/*")[0]))]
    files = [_file_set(name, glob, what) for name, glob, what, _ in sets]
    records = [_record_set(name, what, columns) for name, _, what, columns in sets]
    for form, listed in sorted(facts.shards.get("formats", {}).items()):
        name, what = f"spans-{form}", f"Which document each stretch of tokens of the {form} shards came from."
        folders = sorted({f"shards/{form}/{f}".rsplit("/", 1)[0] for shard in listed for f in shard["files"]})
        shards = [f"{folder}/*" for folder in folders]
        spans = [f"{folder}/*.spans.parquet" for folder in folders]
        files.append(_file_set(f"shards-{form}", shards, f"Training shards, {form}.", "application/octet-stream"))
        files.append(_file_set(name, spans, what))
        records.append(_record_set(name, what, _SPANS))
    found: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": facts.name,
        "description": f"{facts.name}: {facts.statement}.",
        "version": f"1.0.0+{facts.digest[:12]}",
        "license": [address(x) for x in facts.by("licence")["licence"]] or ["LicenseRef-unknown"],
        "inLanguage": [x for x in facts.by("language")["language"] if x],
        "isLiveDataset": False,
        "distribution": [*_objects(facts), *files],
        "recordSet": records,
        "rai:dataCollection": _collection(facts),
        "rai:dataPreprocessingProtocol": _protocol(facts),
        "rai:personalSensitiveInformation": [f"{n:,} documents hold a {k}" for k, n in facts.pii.items()],
        "rai:dataLimitations": [f"Absent: {a}" for a in absences.of(facts)],
        "prov:wasDerivedFrom": _inputs(facts),
        "prov:wasGeneratedBy": _activity(facts),
    }
    if facts.date:
        found["datePublished"] = found["dateCreated"] = facts.date
    timeframe = [t for t in (facts.cube["first"].min(), facts.cube["last"].max()) if t is not None]
    if timeframe:
        found["rai:dataCollectionTimeframe"] = [t.isoformat() for t in timeframe]  # type: ignore[union-attr]
    return {k: v for k, v in found.items() if v not in ([], "", None)}


def _objects(facts: Facts) -> list[dict[str, Any]]:
    """The small files that describe the rest, each with its digest."""
    found = []
    for path, form in (("mix/mix.yaml", "application/yaml"), ("shards/index.json", "application/json")):
        if storage.is_file(uri := storage.join(facts.run, path)):
            data = storage.read_bytes(uri)
            found.append(
                {
                    "@type": "cr:FileObject",
                    "@id": path,
                    "name": path,
                    "contentUrl": path,
                    "contentSize": f"{len(data)} B",
                    "encodingFormat": form,
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
            )
    return found


def _file_set(name: str, glob: str | list[str], what: str, form: str = _PARQUET) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}-files",
        "name": f"{name}-files",
        "description": what,
        "encodingFormat": form,
        "includes": glob,
    }


def _record_set(name: str, what: str, columns: dict[str, tuple[str, str]]) -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": says,
            "dataType": kind,
            "source": {"fileSet": {"@id": f"{name}-files"}, "extract": {"column": column}},
        }
        for column, (kind, says) in columns.items()
    ]
    found = {"@type": "cr:RecordSet", "@id": name, "name": name, "description": what, "field": fields}
    return found | ({"key": {"@id": f"{name}/id"}} if "id" in columns else {})


def _collection(facts: Facts) -> str:
    rows = facts.by("source", "route")
    said = (f"{s} by {r} ({d:,} documents)" for s, r, d in rows["source", "route", "documents"].rows())
    return plain("; ".join(said), 2000)


def _protocol(facts: Facts) -> list[str]:
    rules = (facts.recipe.get("select") or {}).get("rules") or []
    said = [f"drop as {r.get('reason')}: {r.get('when') or r.get('url_matches')}" for r in rules]
    return [plain(s, 500) for s in said] + [f"dropped as {r}: {n:,} documents" for r, n in facts.dropped.items()]


def _inputs(facts: Facts) -> list[dict[str, Any]]:
    """The input files, by source; their digests are blake2b-128."""
    return [
        {
            "@type": "prov:Entity",
            "name": source,
            "cuvee:files": [
                {"cuvee:name": f["name"], "cuvee:bytes": f["size"], "cuvee:blake2b": f["checksum"]}
                for f in found.get("files", [])
            ],
        }
        for source, found in sorted((facts.record.get("inputs") or {}).items())
    ]


def _activity(facts: Facts) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "prov:Activity",
        "name": "cuvee run",
        "cuvee:version": facts.version,
        "cuvee:recipe": facts.record.get("recipe_digest", ""),
        "cuvee:policy": facts.mix.policy if facts.mix else "",
        "cuvee:policyDigest": facts.mix.policy_digest if facts.mix else "",
        "prov:startedAtTime": facts.record.get("started") or "",
        "prov:endedAtTime": facts.record.get("finished") or "",
    }
    return {k: v for k, v in found.items() if v}
