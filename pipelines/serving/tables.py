"""The tables of the served report by name: each is a page, and a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

from manifests import reviews, what_if
from manifests.lineage import host_name
from manifests.policy import Action
from manifests.reviews import by_host, by_signature
from pipelines.serving import lookup
from pipelines.serving.site import Site

_ACTIONS = ("review", "deny", "allow")
#: what a spreadsheet would take for a formula
_FORMULA = r"^[=+\-@\t\r]"


@dataclass(frozen=True)
class Named:
    """``of`` makes the table from the query's fields, ``fields`` are those it takes."""

    title: str
    what: str
    of: Callable[[Site, Mapping[str, str]], pl.DataFrame]
    fields: tuple[str, ...] = ()


def waiting(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    """What the policy leaves to a person; or, by ``action``, what it allows or denies."""
    action = query.get("action") or "review"
    if action not in _ACTIONS:
        raise ValueError(f"action {action!r}; it can be {', '.join(_ACTIONS)}")
    return reviews.waiting(site.run, site.policy(query.get("policy", "")), site.book(), cast(Action, action))


def _decisions(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    """Latest first."""
    book = site.book()
    current = {id(r) for r in book.current}
    rows = [{**r.as_dict(), "replaced": id(r) not in current} for r in reversed(book.reviews)]
    names = ("time", "reviewer", "action", "licence", "scope", "value", "reason")
    return pl.DataFrame(rows, schema={**dict.fromkeys(names, pl.String), "replaced": pl.Boolean})


def _hosts(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    hosts = site.index().hosts.sort("tokens", "documents", "host", descending=[True, True, False])
    names = [host_name(h) if h != "~" else "" for h in hosts["host"].to_list()]
    return hosts.select(host=pl.Series(names, dtype=pl.String), documents="documents", kept="kept", tokens="tokens")


def _evidence(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    """Distinct evidence with reviews, what it comes to, and its kept documents and tokens."""
    index = site.index()
    frame = index.roll_up(["signature", "kept", "tokens"])
    codes, interned = reviews.overlay(index, frame["signature"].to_numpy().astype(np.int64), site.book())
    kept = frame["kept"].to_numpy()
    documents = np.bincount(codes[kept], minlength=len(interned))
    tokens = np.bincount(codes[kept], weights=frame["tokens"].to_numpy()[kept], minlength=len(interned))
    rows: list[dict[str, object]] = []
    for i in np.flatnonzero(documents).tolist():
        licence, kind_of, kind, confidence = interned[i].conclusion()
        told = {"signature": interned[i].found.name, "licence": licence, "class": kind_of, "by": kind}
        sums = {"documents": int(documents[i]), "tokens": int(tokens[i])}
        rows.append({**told, "confidence": confidence, "evidence": reviews.in_words(interned[i]), **sums})
    strings = dict.fromkeys(("signature", "licence", "class", "by"), pl.String)
    schema = {**strings, "confidence": pl.Float64, "evidence": pl.String, "documents": pl.Int64, "tokens": pl.Int64}
    return pl.DataFrame(rows, schema=schema).sort("tokens", "signature", descending=[True, False])


def _policy(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    return what_if.tally(*what_if.documents(site.run), site.policy(query.get("policy", "")))


def _difference(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    before = site.policy(query.get("before", "permissive-only"))
    after = site.policy(query.get("after", "copyleft-ok"))
    return what_if.difference(*what_if.documents(site.run), before, after)


def _found(site: Site, query: Mapping[str, str]) -> pl.DataFrame:
    return lookup.table(site, query.get("q", ""), query.get("by", "anything"))


TABLES: Mapping[str, Named] = {
    "waiting": Named(
        "Waiting", "documents that a policy leaves to a person, by evidence and host", waiting, ("policy", "action")
    ),
    "waiting-by-evidence": Named(
        "Waiting, by evidence", "the same by evidence", lambda s, q: by_signature(waiting(s, q)), ("policy", "action")
    ),
    "waiting-by-host": Named(
        "Waiting, by host", "the same by host", lambda s, q: by_host(waiting(s, q)), ("policy", "action")
    ),
    "decisions": Named("Decisions", "what people decided, the latest first", _decisions),
    "hosts": Named("Hosts", "documents, those kept, and their tokens by host", _hosts),
    "evidence": Named("Evidence", "distinct licence evidence, with reviews, and what it comes to", _evidence),
    "policy": Named("Policy", "what a policy decides, by domain and reason", _policy, ("policy",)),
    "difference": Named("Difference", "tokens another policy would gain and lose", _difference, ("before", "after")),
    "found": Named("Found", "all documents of a look-up", _found, ("q", "by")),
}


def csv(frame: pl.DataFrame) -> bytes:
    """As CSV; what a spreadsheet would run as a formula is quoted by an apostrophe."""
    text = pl.col(pl.String)
    if any(t == pl.String for t in frame.schema.values()):
        frame = frame.with_columns(pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text).name.keep())
    return frame.write_csv().encode()
