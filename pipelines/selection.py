"""Selection: rules to verdicts. Pure functions on frames of one row a document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from classifiers import rule_sets
from pipelines.conditions import holds
from pipelines.recipe import DomainRule, Rule, RuleSet

_RESERVED = ".reserved"
_MIX = np.uint64(0x9E3779B97F4A7C15)


def reasons(documents: pl.DataFrame, rules: tuple[Rule, ...] | list[Rule]) -> pl.Series:
    """The reason of the first rule that matches, null where none does. First of all, an id names one document."""
    reason = pl.select(pl.when(documents["repeats_id"]).then(pl.lit("duplicate_id", pl.String)))[:, 0]
    for rule in rules:
        if rule.when is not None:
            matches = holds(documents, rule.when)
        else:
            matches = documents["url"].str.contains(rule.url_matches or "").fill_null(False)
        if rule.sources:
            matches &= documents["source"].is_in(rule.sources)
        reason = pl.select(pl.when(reason.is_null() & matches).then(pl.lit(rule.reason)).otherwise(reason))[:, 0]
    return reason.alias("reason")


def rule_set_reasons(documents: pl.DataFrame, uses: Sequence[RuleSet]) -> pl.Series:
    """``SET_LIMIT`` of the first limit of a rule set that a document breaks, null where it breaks none."""
    reason = pl.repeat(None, documents.height, dtype=pl.String, eager=True)
    for use in uses:
        limits = rule_sets.limits(use.name, use.limits)
        known = documents
        if any(isinstance(limit.value, str) for limit in limits):
            known = documents.with_columns(**_thresholds(documents))
        for limit in limits:
            value = pl.col(limit.value) if isinstance(limit.value, str) else pl.lit(limit.value)
            statistic = pl.col(limit.statistic)
            broken = known.select((statistic < value if limit.drop == "below" else statistic > value).fill_null(False))
            matches = broken.to_series()
            if use.sources:
                matches &= documents["source"].is_in(use.sources)
            said = pl.lit(f"{use.name}_{limit.reason}")
            reason = pl.select(pl.when(reason.is_null() & matches).then(said).otherwise(reason))[:, 0]
    return reason.alias("reason")


def _thresholds(documents: pl.DataFrame) -> dict[str, pl.Series]:
    """FineWeb-2's thresholds for the language and script of each document, null where it has none."""
    from classifiers import stop_words

    table = pl.DataFrame(pl.from_arrow(stop_words.fineweb2().drop_columns(["stop_words"])))
    pairs = documents.select("language", "script").unique()
    names = [stop_words.variety(a or "", b or "") for a, b in pairs.iter_rows()]
    known = pairs.with_columns(variety=pl.Series(names, dtype=pl.String)).join(
        table.rename({"language": "variety"}), on="variety", how="left"
    )
    found = documents.select("language", "script").join(
        known, on=["language", "script"], how="left", nulls_equal=True, maintain_order="left"
    )
    return {name: found[name] for name in table.columns if name != "language"}


def domains(documents: pl.DataFrame, rules: list[DomainRule]) -> pl.Series:
    """The domain of each document: the first rule that matches, else its source."""
    domain = documents["source"]
    for rule in reversed(rules):
        domain = pl.select(pl.when(holds(documents, rule.when)).then(pl.lit(rule.domain)).otherwise(domain))[:, 0]
    return domain.alias("domain")


def strata(documents: pl.DataFrame, edges: Mapping[str, Sequence[float]] | None = None) -> pl.Series:
    """domain~source~licence class~language~origin, safe as a folder name. Reserved documents are a class apart.

    With ``edges`` of quality by domain a bucket follows: q1, of least quality, and so on; q0 has no score.
    """
    licence = pl.col("licence_class") + pl.when(pl.col("reserved")).then(pl.lit(_RESERVED)).otherwise(pl.lit(""))
    columns = [pl.col("domain"), pl.col("source"), licence, pl.col("language"), pl.col("origin")]
    if edges is not None:
        columns.append(pl.lit(_buckets(documents["domain"], documents["quality"], edges)))
    joined = pl.concat_str([c.fill_null("unknown") for c in columns], separator="~")
    return documents.select(joined.str.replace_all(r"[^A-Za-z0-9~._-]", "_").alias("stratum"))["stratum"]


def _buckets(domain: pl.Series, quality: pl.Series, edges: Mapping[str, Sequence[float]]) -> pl.Series:
    scores = quality.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    number = np.zeros(len(scores), np.int64)
    for name in domain.unique():
        here = (domain == name).to_numpy() & ~np.isnan(scores)
        number[here] = 1 + np.searchsorted(np.asarray(edges.get(name, ())), scores[here], side="right")
    return pl.Series([f"q{n}" for n in number.tolist()], dtype=pl.String)


def quality_edges(scores: pl.DataFrame, buckets: int) -> dict[str, list[float]]:
    """Inner borders of ``buckets`` of equally many documents, by domain. ``scores``: domain, quality."""
    shares = [i / buckets for i in range(1, buckets)]
    scored = scores.drop_nulls("quality").group_by("domain").agg(
        pl.col("quality").cast(pl.Float64).quantile(q, "lower").alias(str(q)) for q in shares
    )  # fmt: skip
    return {row[0]: sorted(set(row[1:])) for row in scored.sort("domain").iter_rows()}


def licence_of(stratum: str) -> tuple[str, bool]:
    """The licence class of a stratum, and whether its documents are reserved."""
    label = stratum.split("~")[2]
    return label.removesuffix(_RESERVED), label.endswith(_RESERVED)


def origin_of(stratum: str) -> str:
    """Who wrote the documents of a stratum: human or synthetic."""
    return stratum.split("~")[4]


def splits(groups: pl.Series, heldout: float, seed: int) -> pl.Series:
    """train or heldout, decided by a hash of the group's id, so that a duplicate cluster is never split."""
    number = groups.str.slice(0, 15).str.to_integer(base=16, strict=True).to_numpy().astype(np.uint64)
    salt = np.frombuffer(hashlib.blake2b(f"heldout:{seed}".encode(), digest_size=8).digest(), np.uint64)[0]
    mixed = (number ^ salt) * _MIX
    mixed ^= mixed >> np.uint64(29)
    share = (mixed * _MIX >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return pl.Series("split", np.where(share < heldout, "heldout", "train"))
