"""What each policy would permit of what the run kept, and what a person should look at: without another run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from manifests import reviews
from manifests.policy import Decision, Policy, shipped
from manifests.report import evidence as evidences
from manifests.report import queries, sums
from manifests.report.evidence import Evidence
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain
from manifests.what_if import decisions

_DOMAINS, _QUEUE = 12, 20


@dataclass(frozen=True)
class Permission:
    """A policy over all kept documents. ``review`` counts those that a person must look at."""

    policy: str
    as_of: date
    allow: Sequence[str]
    documents: int
    tokens: int
    share: float
    review: int
    why: Why
    waiting: Why  #: of ``review``


@dataclass(frozen=True)
class Cell:
    value: int
    share: float
    why: Why


@dataclass(frozen=True)
class Queued:
    """Evidence that some policy wants reviewed, and what each says of it."""

    claims: Sequence[str]
    route: str
    reasons: Sequence[tuple[str, Sequence[str]]]  #: a reason, and the policies that give it
    documents: int
    tokens: int
    why: Why


@dataclass(frozen=True)
class Permissions:
    """``matrix``: a domain, its total, and a cell for each policy. ``measure`` is what cells and shares count."""

    measure: str
    policies: Sequence[Permission]
    matrix: Sequence[tuple[str, Cell, Sequence[Cell]]]
    more: int  #: domains without a row
    queue: Sequence[Queued]
    queued: int  #: distinct evidence to be reviewed, in all
    reviews: int  #: decisions in the run's file of reviews; those made since it ran are not in these tables
    why: Mapping[str, Why]  #: of more, queued and reviews


def of(m: Material, found: Evidence) -> Permissions | None:
    """The policies that come with us and the run's own, the most permissive first; None when nothing was kept."""
    kept = found.documents.filter("keep")
    measure = "tokens" if int(kept["tokens"].sum()) else "documents"
    total = int(kept[measure].sum())
    if not total:
        return None
    names = list(found.signatures)
    policies = [Policy.load(name) for name in shipped()]
    own = m.policy
    if own is not None and own not in policies:
        policies = [*policies, replace(own, name=f"{plain(own.name.rsplit('/', 1)[-1], 40)} (this run's)")]
    decided = {p: decisions(list(found.signatures.values()), p) for p in policies}
    allowed = {p: [n for n, d in zip(names, told, strict=True) if d.action == "allow"] for p, told in decided.items()}
    rows = []
    for policy, told in decided.items():
        inside = kept.filter(pl.col("signature").is_in(allowed[policy]))
        documents, tokens = (int(inside[c].sum()) for c in ("documents", "tokens"))
        cell = _cell(
            m, kept, allowed[policy], measure, total, f"{policy.name} allows", documents=documents, tokens=tokens
        )
        review = [n for n, d in zip(names, told, strict=True) if d.action == "review"]
        waiting = _cell(m, kept, review, measure, total, f"{policy.name} leaves to a person")
        allow = sorted(policy.allow)
        row = Permission(
            policy.name, policy.as_of, allow, documents, tokens, cell.share, waiting.value, cell.why, waiting.why
        )
        rows.append((policy, row))
    rows.sort(key=lambda r: (-r[1].share, r[1].policy))
    domains = kept.group_by("domain").agg(pl.col(measure).sum()).sort(measure, "domain", descending=[True, False])
    matrix = []
    for domain, size in domains.head(_DOMAINS).iter_rows():
        here = kept.filter(pl.col("domain") == domain)
        cells = [_cell(m, here, allowed[p], measure, size, f"{p.name} allows", domain=domain) for p, _ in rows]
        query = queries.totals(queries.where(keep=True, domain=domain), measure)
        whole = Cell(size, 1.0, m.why(query, {measure: size}, _first(here)))
        matrix.append((domain, whole, cells))
    queue, queued, why_queued = _queue(m, found, kept, {p.name: told for p, told in decided.items()})
    more, decisions_made = max(0, domains.height - _DOMAINS), reviews.of_run(m.run).current
    why = {
        "more": m.left_out(more, _DOMAINS, "domain", within=queries.KEPT),
        "queued": why_queued,
        "reviews": m.why(_REVIEWS, {"reviews": len(decisions_made)}),
    }
    return Permissions(measure, [r for _, r in rows], matrix, more, queue, queued, len(decisions_made), why)


#: decisions that no later one replaces, of the run's file and those that its recipe named
_REVIEWS = (
    "pl.concat([pl.read_ndjson(f) for f in [*(Path(r['file']) for r in record.get('reviews') or []), "
    "run / 'reviews/decisions.jsonl'] if f.is_file()]).select(reviews=pl.struct('scope', 'value').n_unique())"
)


def _cell(
    m: Material,
    rows: pl.DataFrame,
    names: Sequence[str],
    measure: str,
    total: int,
    called: str,
    *,
    domain: str = "",
    **sums_too: int,
) -> Cell:
    """What a policy decides alike of some documents: those whose evidence is one of ``names``, ``called`` so.

    ``why`` gives also ``sums_too``, and with these the share.
    """
    inside = rows.filter(pl.col("signature").is_in(list(names)))
    value = int(inside[measure].sum())
    share = value / total if total else 0.0
    condition = m.evidence(called, names)
    if domain or not sums_too:
        equal = {"keep": True, **({"domain": domain} if domain else {})}
        query = queries.totals(queries.where(condition, **equal), measure)
        return Cell(value, share, m.why(query, {measure: value}, _first(inside)))
    some = {"documents": "pl.col('allowed').sum()", "tokens": "pl.col('tokens').filter('allowed').sum()"}
    whole = {"documents": "pl.len()", "tokens": "pl.col('tokens').sum()"}
    asked = ", ".join(f"{n}={e}" for n, e in {**some, "share": f"{some[measure]} / {whole[measure]}"}.items())
    query = f"{queries.KEPT}.with_columns(allowed={condition}).select({asked})"
    return Cell(value, share, m.why(query, {**sums_too, "share": share}, _first(inside)))


def _first(rows: pl.DataFrame) -> list[str]:
    return rows["behind"].list.explode(keep_nulls=False, empty_as_null=False).sort().head(sums.FIVE).to_list()


def _queue(
    m: Material, found: Evidence, kept: pl.DataFrame, decided: Mapping[str, list[Decision]]
) -> tuple[list[Queued], int, Why]:
    """Evidence that a policy leaves to a person, most tokens first."""
    waiting: dict[str, dict[str, list[str]]] = {}
    for policy, told in decided.items():
        for name, decision in zip(found.signatures, told, strict=True):
            if decision.action == "review":
                waiting.setdefault(name, {}).setdefault(decision.reason, []).append(policy)
    table = sums.merged([kept.filter(pl.col("signature").is_in(list(waiting)))], ["signature"])
    table = table.sort("tokens", "documents", "signature", descending=[True, True, False])
    rows = []
    for row in table.head(_QUEUE).iter_rows(named=True):
        signature = found.signatures[row["signature"]]
        why = m.summed(row, names=("documents", "tokens"), keep=True, signature=row["signature"])
        reasons = sorted(waiting[row["signature"]].items())
        rows.append(Queued(evidences.claims(signature), signature.route, reasons, row["documents"], row["tokens"], why))
    return rows, table.height, evidences.counted(m, "waits", table["signature"].to_list(), len(rows), kept=True)
