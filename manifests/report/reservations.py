"""Who reserves what: each signal found, the documents under it, and whether the run's policy acts on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from manifests.policy import Policy
from manifests.report import evidence as evidences
from manifests.report import frame as frames
from manifests.report import queries, sums
from manifests.report.material import Material
from manifests.report.queries import Why
from manifests.report.shown import plain
from manifests.signatures import Reserved

_MOST = 60


@dataclass(frozen=True)
class Signal:
    protocol: str
    value: str
    agent: str
    documents: int
    kept: int
    tokens: int
    honoured: str  #: yes, no; unknown where the run has no policy, or its name stands for another one now
    why: Why


@dataclass(frozen=True)
class HostFiles:
    """Files of one kind that came with one HTTP status."""

    kind: str
    status: int
    hosts: int
    files: int
    why: Why


@dataclass(frozen=True)
class Reservations:
    """``policy`` is the run's own, empty before a mix. ``hosts``: what hosts say of their whole sites."""

    signals: Sequence[Signal]
    more: int
    reserved: int
    policy: str
    hosts: Sequence[HostFiles]
    why: Why
    why_more: Why


def of(m: Material) -> Reservations | None:
    """None where no evidence was read."""
    found, policy = evidences.of(m), m.policy
    hosts = _hosts(m)
    if found is None and not hosts:
        return None
    reserved = m.sums.by("licences", where=pl.col("reserved")).row(0, named=True)
    signals, more = _signals(m, found, policy) if found else ([], 0)
    why = m.summed(reserved, names=("documents",), reserved=True)
    name = policy.name if policy else ""
    return Reservations(signals, more, reserved["documents"], name, hosts, why, m.why(_LEFT_OUT, {"more": more}))


#: signals without a row
_LEFT_OUT = (
    "pl.select(more=len({tuple(r) for e in documents.join(signatures, on='signature')['evidence'].unique() "
    f"for r in json.loads(e).get('reservations', [])}}) - {_MOST})"
)


def _signals(m: Material, found: evidences.Evidence, policy: Policy | None) -> tuple[list[Signal], int]:
    pairs = [(name, *said) for name, s in found.signatures.items() for said in s.reservations]
    schema = ["signature", *Reserved._fields]
    told = pl.DataFrame(pairs, schema=dict.fromkeys(schema, pl.String), orient="row")
    joined = told.join(m.sums.by("licences", "signature"), on="signature")
    table = sums.merged([joined.drop("signature")], Reserved._fields)
    table = table.sort("documents", *Reserved._fields, descending=[True, False, False, False])
    rows = [(Reserved(*(r[f] for f in Reserved._fields)), r) for r in table.head(_MOST).iter_rows(named=True)]
    return [
        Signal(
            plain(said.protocol, 60),
            plain(said.value, 60),
            plain(said.agent, 60),
            row["documents"],
            row["kept"],
            row["tokens"],
            ("yes" if policy.honours(said.protocol, said.agent) else "no") if policy else "unknown",
            m.why(
                queries.totals(queries.saying(json.dumps(said, separators=(",", ":"), ensure_ascii=False))),
                {n: row[n] for n in ("documents", "kept", "tokens")},
                row["behind"],
            ),
        )
        for said, row in rows
    ], max(0, table.height - _MOST)


def _hosts(m: Material) -> list[HostFiles]:
    """What hosts say of their whole sites, by kind of file and status."""
    table = frames.table(m.run, "hosts/all.parquet")
    if table is None or table.is_empty():
        return []
    grouped = table.group_by("kind", "status").agg(hosts=pl.col("host").n_unique(), files=pl.len())
    return [
        HostFiles(plain(kind, 40), status, hosts, files, m.why(_query(kind, status), {"hosts": hosts, "files": files}))
        for kind, status, hosts, files in grouped.sort("kind", "status").iter_rows()
    ]


def _query(kind: str, status: int) -> str:
    counted = "hosts=pl.col('host').n_unique(), files=pl.len()"
    return f"pl.read_parquet(run / 'hosts/all.parquet').filter(kind={kind!r}, status={status!r}).select({counted})"
