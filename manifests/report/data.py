"""What the report says, as plain values: one section a dataclass, None where its stage did not run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import yaml

from manifests import receipts, storage
from manifests.receipts import Receipt
from manifests.report import contamination, duplicates, findings, flow, followed, mixture, permissions
from manifests.report import frame as frames
from manifests.report.contamination import Contamination
from manifests.report.duplicates import Duplicates
from manifests.report.frame import Sample
from manifests.report.mixture import Blend, Swarm

_SAMPLES = 3
_ROWS = 12
_FILES = 12


@dataclass(frozen=True)
class Step:
    """A reason for dropping documents: how many it took, how many were left after it, and three of them."""

    reason: str
    dropped: int
    left: int
    rule: str
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Funnel:
    documents: int
    kept: int
    steps: Sequence[Step]


@dataclass(frozen=True)
class Rejected:
    reason: str
    records: int
    samples: Sequence[Mapping[str, Any]]  #: detail, file, offset, locator


@dataclass(frozen=True)
class Rejects:
    records: int
    reasons: Sequence[Rejected]
    seen: Mapping[str, int]  #: what the readers counted besides


@dataclass(frozen=True)
class Row:
    """A group of documents."""

    name: str
    documents: int
    kept: int
    tokens: int
    characters: int = 0
    note: str = ""


@dataclass(frozen=True)
class Quality:
    """``bins``: low, high, kept, dropped; ``domains``: domain, lower quartile, median and upper quartile."""

    bins: pl.DataFrame
    domains: Sequence[tuple[str, float, float, float]]


@dataclass(frozen=True)
class Licences:
    classes: Sequence[Row]
    expressions: Sequence[Mapping[str, Any]]
    more: int
    kinds: Sequence[tuple[str, int]]
    reserved: int
    protocols: Sequence[tuple[str, str, int]]


@dataclass(frozen=True)
class Lineage:
    stages: Sequence[Mapping[str, Any]]
    inputs: Sequence[Mapping[str, Any]]
    models: Sequence[receipts.Output]
    generators: Sequence[Mapping[str, Any]]
    recipe: str
    record: Mapping[str, Any]
    work: float


@dataclass(frozen=True)
class Report:
    name: str
    documents: int
    characters: int
    tokens: int
    heldout: int
    wall: float | None
    funnel: Funnel | None
    rejects: Rejects | None
    domains: Sequence[Row]
    languages: Sequence[Row]
    quality: Quality | None
    duplicates: Duplicates | None
    contamination: Contamination | None
    blend: Blend | None
    swarm: Swarm | None
    licences: Licences | None
    shards: Mapping[str, Any] | None
    lineage: Lineage
    findings: Sequence[findings.Finding]
    flow: flow.Flow | None
    permissions: Sequence[permissions.Permission]
    followed: followed.Followed | None


def gather(run: str) -> Report:
    """Reads a run folder. ValueError when it is none."""
    if not storage.is_file(storage.join(run, "run.json")) and not storage.exists(storage.join(run, "documents")):
        raise ValueError(f"{run} is no run folder: it has neither run.json nor documents/")
    record = frames.json_of(run, "run.json") or {}
    names = frames.document_parts(run)
    documents = frames.documents(run, names)
    made = _receipts(run)
    held = documents.filter(pl.col("split") == "heldout")
    blend, index = mixture.blend(run, documents), frames.json_of(run, "shards/index.json") or {}
    return Report(
        name=str(record.get("run") or run.rstrip("/").rsplit("/", 1)[-1]),
        documents=documents.height,
        characters=int(documents["characters"].sum() or 0),
        tokens=int(documents["tokens"].sum() or 0),
        heldout=int(held["tokens"].sum() or 0),
        wall=_wall(record),
        funnel=_funnel(run, documents, record),
        rejects=_rejects(run, made),
        domains=_rows(documents, "domain"),
        languages=_languages(documents),
        quality=_quality(documents),
        duplicates=duplicates.of(run, documents),
        contamination=contamination.of(run),
        blend=blend,
        swarm=mixture.swarm(run),
        licences=_licences(run, names, documents),
        shards=_shards(run, made),
        lineage=_lineage(record, made, documents),
        findings=findings.of(record, documents, blend.manifest if blend else None, index.get("deficit", {})),
        flow=flow.of(documents),
        permissions=permissions.of(documents),
        followed=followed.follow(run, record, index),
    )


def _receipts(run: str) -> list[Receipt]:
    root = storage.join(run, "receipts")
    found = []
    for uri in storage.list_files(root, "*.json", recursive=True):
        stage, name = uri.removeprefix(root).strip("/").rsplit("/", 1)
        if receipt := receipts.read(run, stage, name.removesuffix(".json")):
            found.append(receipt)
    return found


def _wall(record: Mapping[str, Any]) -> float | None:
    """Seconds from start to finish; of the stages, where the finish is not known."""
    try:
        ends = [datetime.fromisoformat(record[k]) for k in ("started", "finished")]
        return (ends[1] - ends[0]).total_seconds()
    except (KeyError, TypeError, ValueError):
        stages = record.get("stages") or []
        return sum(float(s.get("seconds", 0)) for s in stages) if stages else None


def _samples(run: str, chosen: pl.DataFrame, count: int = _SAMPLES) -> list[Sample]:
    """The documents of least id: ids are hashes, so this is a random sample, and always the same."""
    return [frames.sample(run, p, r) for p, r in chosen.bottom_k(count, by="id").sort("id")["part", "row"].rows()]


def _funnel(run: str, documents: pl.DataFrame, record: Mapping[str, Any]) -> Funnel | None:
    judged = documents.filter(pl.col("keep").is_not_null())
    if judged.is_empty():
        return None
    dropped = judged.filter(~pl.col("keep")).with_columns(pl.col("reason").fill_null("unknown"))
    counts: dict[str, int] = dict(dropped["reason"].value_counts().iter_rows())
    rules = {r["reason"]: r for r in ((record.get("recipe") or {}).get("select") or {}).get("rules", [])}
    order = [r for r in dict.fromkeys(["duplicate_id", *rules]) if r in counts] + sorted(
        set(counts) - {"duplicate_id", *rules}, key=lambda r: (-counts[r], r)
    )
    steps, left = [], judged.height
    for reason in order:
        left -= counts[reason]
        samples = _samples(run, dropped.filter(pl.col("reason") == reason))
        steps.append(Step(reason, counts[reason], left, _rule(reason, rules, record), samples))
    return Funnel(judged.height, left, steps)


def _rule(reason: str, rules: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The test behind a reason, as the recipe has it."""
    rule = rules.get(reason)
    if rule is None:
        threshold = ((record.get("recipe") or {}).get("dedup") or {}).get("threshold")
        said = {
            "duplicate_id": "another file holds the record of this id",
            "contaminated": "a benchmark item is in it",
            "exact_duplicate": "same text after normalisation",
            "url_duplicate": "same address after normalisation",
            "nothing_left": "its edits leave no text",
        }
        if threshold is not None:
            said["fuzzy_duplicate"] = f"Jaccard similarity with the survivor ≥ {threshold:g}, and alike in what is rare"
        return said.get(reason, "")
    where = f" in {', '.join(rule['sources'])}" if rule.get("sources") else ""
    return (rule.get("when") or f"url matches {rule.get('url_matches')}") + where


def _rejects(run: str, made: Sequence[Receipt]) -> Rejects | None:
    counts: Counter[str] = Counter()
    samples: dict[str, list[Mapping[str, Any]]] = {}
    for uri in storage.list_files(storage.join(run, "rejects"), "*.parquet", recursive=True):
        table = pl.read_parquet(frames.path_of(uri), columns=["reason"], glob=False)
        counts.update(dict(table["reason"].value_counts().iter_rows()))
        if wanted := [r for r in table["reason"].unique().sort() if len(samples.get(r, ())) < _SAMPLES]:
            scan = pl.scan_parquet(frames.path_of(uri), glob=False).filter(pl.col("reason").is_in(wanted))
            for row in scan.group_by("reason", maintain_order=True).head(_SAMPLES).collect().iter_rows(named=True):
                shown = {k: frames.plain(row[k], 240) for k in ("detail", "file", "locator")}
                samples.setdefault(row["reason"], []).append({**shown, "offset": row["offset"]})
    seen: Counter[str] = Counter()
    for receipt in made:
        if receipt.stage == "ingest":
            seen.update({k: n for k, n in receipt.counts.items() if k not in ("documents", "rejects")})
    if not counts and not seen:
        return None
    reasons = [Rejected(r, n, samples[r][:_SAMPLES]) for r, n in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]
    return Rejects(counts.total(), reasons, dict(sorted(seen.items(), key=lambda i: (-i[1], i[0]))))


def _rows(documents: pl.DataFrame, by: str, note: str = "") -> list[Row]:
    """Documents, kept ones, tokens and characters by a column, most tokens first."""
    if documents.is_empty() or documents[by].is_null().all():
        return []
    table = (
        documents.with_columns(pl.col(by).fill_null("unknown"))
        .group_by(by)
        .agg(
            documents=pl.len(),
            kept=pl.col("keep").fill_null(False).sum(),
            tokens=pl.col("tokens").fill_null(0).sum(),
            characters=pl.col("characters").fill_null(0).sum(),
        )
        .sort("tokens", "kept", "documents", by, descending=[True, True, True, False])
    )
    return [Row(frames.plain(n, 80), d, k, t, c, note) for n, d, k, t, c in table.iter_rows()]


def _languages(documents: pl.DataFrame) -> list[Row]:
    rows = sorted(_rows(documents, "language"), key=lambda r: (-r.documents, r.name))
    if len(rows) <= _ROWS:
        return rows
    rest = rows[_ROWS - 1 :]
    sums = [sum(column) for column in zip(*((r.documents, r.kept, r.tokens, r.characters) for r in rest), strict=True)]
    return [*rows[: _ROWS - 1], Row(f"{len(rest)} others", *sums)]


def _quality(documents: pl.DataFrame) -> Quality | None:
    scored = documents.filter(pl.col("quality").is_not_null())
    if scored.is_empty():
        return None
    bins = 40
    counted = (
        scored.select(frames.histogram(scored["quality"], 0, 1, bins).alias("bin"), pl.col("keep").fill_null(False))
        .group_by("bin")
        .agg(kept=pl.col("keep").sum(), dropped=(~pl.col("keep")).sum())
    )
    all_bins = pl.DataFrame({"bin": range(bins)}).join(counted, on="bin", how="left").fill_null(0).sort("bin")
    table = all_bins.select("kept", "dropped", low=pl.col("bin") / bins, high=(pl.col("bin") + 1) / bins)
    quartiles = (pl.col("quality").cast(pl.Float64).quantile(q, "linear").alias(str(q)) for q in (0.25, 0.5, 0.75))
    domains = scored.group_by("domain").agg(*quartiles).sort("0.5", "domain", descending=[True, False])
    return Quality(table, domains.rows())


def _licences(run: str, names: Sequence[str], documents: pl.DataFrame) -> Licences | None:
    if documents["licence_class"].is_null().all():
        return None
    table = (
        documents.group_by("licence_class", "licence")
        .agg(
            documents=pl.len(),
            kept=pl.col("keep").fill_null(False).sum(),
            tokens=pl.col("tokens").fill_null(0).sum(),
            reserved=pl.col("reserved").sum(),
        )
        .sort("tokens", "documents", "licence", descending=[True, True, False])
    )
    shown = [{**r, "licence": frames.plain(r["licence"], 120)} for r in table.head(30).iter_rows(named=True)]
    kinds = documents.filter(pl.col("licence_kind").is_not_null() & (pl.col("licence_kind") != ""))["licence_kind"]
    return Licences(
        classes=_rows(documents, "licence_class"),
        expressions=shown,
        more=table.height - len(shown),
        kinds=sorted(kinds.value_counts().iter_rows(), key=lambda i: (-i[1], i[0])),
        reserved=int(documents["reserved"].sum()),
        protocols=_protocols(run, names),
    )


def _protocols(run: str, names: Sequence[str]) -> list[tuple[str, str, int]]:
    """Documents by what their reservations say: protocol, value, documents."""
    found: Counter[tuple[str, str]] = Counter()
    for part in names:
        uri = storage.join(run, f"annotations/evidence/{part}.parquet")
        if storage.is_file(uri):
            scan = pl.scan_parquet(frames.path_of(uri), glob=False).select("reservations").with_row_index()
            said = scan.explode("reservations").drop_nulls("reservations").unnest("reservations")
            unique = said.select("index", "protocol", "value").unique().group_by("protocol", "value").len().collect()
            found.update({(frames.plain(p, 60), frames.plain(v, 60)): n for p, v, n in unique.iter_rows()})
    return [(p, v, n) for (p, v), n in sorted(found.items(), key=lambda i: (-i[1], i[0]))]


def _shards(run: str, made: Sequence[Receipt]) -> Mapping[str, Any] | None:
    index = frames.json_of(run, "shards/index.json")
    if index is None:
        return None
    sizes = {o.path: o.bytes for r in made if r.stage == "shards" for o in r.outputs}
    formats = []
    for name, listed in sorted(index["formats"].items()):
        total = sum(sizes.get(f"shards/{name}/{f}", 0) for s in listed for f in s["files"])
        sums = {k: sum(s[k] for s in listed) for k in ("documents", "tokens")}
        formats.append({"name": name, "shards": len(listed), "bytes": total, **sums})
    return {**index, "formats": formats, "shards": max((f["shards"] for f in formats), default=0)}


def _lineage(record: Mapping[str, Any], made: Sequence[Receipt], documents: pl.DataFrame) -> Lineage:
    work: defaultdict[str, float] = defaultdict(float)
    counts: dict[str, Counter[str]] = {}
    for receipt in made:
        work[receipt.stage] += receipt.seconds
        counts.setdefault(receipt.stage, Counter()).update(receipt.counts)
    stages = [
        {**stage, "work": work[stage["stage"]], "counts": dict(counts.get(stage["stage"], {}))}
        for stage in record.get("stages") or []
    ]
    inputs = []
    for source, found in (record.get("inputs") or {}).items():
        files = found.get("files", [])
        size = sum(f["size"] for f in files)
        inputs.append({"source": source, "base": found.get("base", ""), "files": files[:_FILES]})
        inputs[-1] |= {"count": len(files), "bytes": size, "more": max(0, len(files) - _FILES)}
    models = {o.path: o for r in made for o in r.outputs if o.path.startswith("models/")}
    synthetic = documents.filter(pl.col("generator").fill_null("") != "")
    generators = synthetic.group_by("generator", "style").agg(
        documents=pl.len(), kept=pl.col("keep").fill_null(False).sum(), tokens=pl.col("tokens").fill_null(0).sum()
    )
    recipe = _pruned(record.get("recipe") or {})
    return Lineage(
        stages=stages,
        inputs=inputs,
        models=[models[p] for p in sorted(models)],
        generators=generators.sort("generator", "style").to_dicts(),
        recipe=yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100) if recipe else "",
        record=record,
        work=sum(work.values()),
    )


def _pruned(value: Any) -> Any:
    """Without what is not set."""
    if isinstance(value, Mapping):
        inner = {k: _pruned(v) for k, v in value.items()}
        return {k: v for k, v in inner.items() if v is not None and v not in ("", [], {})}
    return [_pruned(v) for v in value] if isinstance(value, list) else value
