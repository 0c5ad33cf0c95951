"""What hosts say of their whole site, by the snapshots a crawl brought home, each judged for one address and date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from manifests.documents import Reservation
from manifests.reservations.paths import host_of, path_of, site_of
from manifests.reservations.robots import AGENTS, Robots, unavailable
from manifests.reservations.rsl import Rsl
from manifests.reservations.tdmrep import TdmRep


@dataclass(frozen=True)
class Snapshot:
    kind: str
    status: int
    fetched_at: datetime | None
    body: str


class Hosts:
    """Snapshots by host. Of several of one kind the last before the page was fetched counts, else the first after; a
    redirect says nothing, and what it led to is a snapshot of its own.
    """

    def __init__(self, table: pa.Table | Sequence[Mapping[str, Any]]) -> None:
        rows = table.to_pylist() if isinstance(table, pa.Table) else table
        self._by_host: dict[str, list[Snapshot]] = {}
        for row in rows:
            status = row["status"] or 0
            if 300 <= status < 400:
                continue
            snapshot = Snapshot(row["kind"], status, row["fetched_at"], row["body"] or "")
            self._by_host.setdefault(row["host"], []).append(snapshot)

    def reservations(self, url: str, fetched_at: datetime | None, agents: Sequence[str] = AGENTS) -> list[Reservation]:
        """All that the host says of ``url``; none where no snapshot is known, which is not permission."""
        host = host_of(url)
        snapshots = self._by_host.get(host, []) if host else []
        if not snapshots:
            return []
        path, site, found = path_of(url), site_of(url), list[Reservation]()
        for kind in ("robots", "tdmrep", "rsl"):
            if (snapshot := _of_date([s for s in snapshots if s.kind == kind], fetched_at)) is not None:
                found += [replace(r, observed=snapshot.fetched_at) for r in _read(snapshot, path, site, agents)]
        return found


def _of_date(snapshots: Sequence[Snapshot], date: datetime | None) -> Snapshot | None:
    dated = sorted((s for s in snapshots if s.fetched_at), key=lambda s: (s.fetched_at, s.body))
    before = [s for s in dated if date is None or (s.fetched_at and s.fetched_at <= date)]
    return before[-1] if before else dated[0] if dated else snapshots[0] if snapshots else None


def _read(snapshot: Snapshot, path: str, site: str, agents: Sequence[str]) -> Iterator[Reservation]:
    if snapshot.kind == "robots":
        if snapshot.status and unavailable(snapshot.status):
            yield Reservation(
                "robots", "allow", "*", "robots.txt", f"HTTP {snapshot.status}: no restrictions (RFC 9309)"
            )
        elif snapshot.status >= 500:
            yield Reservation("robots", "deny", "*", "robots.txt", f"HTTP {snapshot.status}: no access (RFC 9309)")
        else:
            robots = _robots(snapshot.body)
            yield from robots.reservations(path, agents)
            for address in robots.licences:
                yield Reservation("rsl", "unknown", "*", "robots.txt", address[:200])
    elif snapshot.status in (0, 200):
        parsed = _tdmrep(snapshot.body) if snapshot.kind == "tdmrep" else _rsl(snapshot.body)
        if (found := parsed.reservation(path, site)) is not None:
            yield found


_robots = lru_cache(1024)(Robots.parse)
_tdmrep = lru_cache(1024)(TdmRep.parse)
_rsl = lru_cache(256)(Rsl.parse)
