"""Licences of JSON-LD: of the node that is the page, never of what that node shows, cites or lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from manifests.public_suffixes import registrable
from manifests.reservations import host_of
from pipelines.evidence.subject import TEXT_TYPES

MOST_BYTES = 1 << 20
_MOST_NODES = 20_000
#: from the page's node to nodes that are still the page, or the site it belongs to
_SAME_WORK = frozenset({"@graph", "mainentity", "mainentityofpage", "ispartof", "@included"})
_WRAPPING = re.compile(
    r"^\s*(?:<!--|/\*\s*<!\[CDATA\[\s*\*/|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|/\*\s*\]\]>\s*\*/|//\s*\]\]>|\]\]>)\s*$"
)


class Found(NamedTuple):
    licence: str
    scope: str  #: page, media, other
    node: str  #: the type of the node, as a locator


def licences(text: str, url: str = "") -> Iterator[Found]:
    """What a block of the page ``url`` states; nothing when it is no JSON, or too large or deep to be one that people
    wrote. A licence may be a reference to another node of the block.
    """
    if len(text) > MOST_BYTES:
        return
    try:
        data = json.loads(_WRAPPING.sub("", _WRAPPING.sub("", text)).strip().rstrip(";"))
    except (ValueError, RecursionError):
        return
    stack: list[tuple[Any, str, bool]] = [(data, "", True)]
    stated: list[tuple[Any, str, str]] = []
    named: dict[str, dict[str, Any]] = {}
    seen = 0
    while stack and seen < _MOST_NODES:
        node, owner, ours = stack.pop()
        seen += 1
        if isinstance(node, list):
            stack += [(item, owner, ours) for item in node]
        elif isinstance(node, dict):
            types = node.get("@type") or node.get("type") or ""
            names = {_local(t) for t in (types if isinstance(types, list) else [types]) if isinstance(t, str) and t}
            written = names & TEXT_TYPES
            kind = next(iter(sorted(written)), "") or next(iter(sorted(names)), owner)
            ours = ours and not _elsewhere(node, url)
            # a node of two types is the page only when none of them is a picture, data or software
            scope = "page" if ours and written == names and (kind in TEXT_TYPES) else _other(kind)
            if isinstance(name := node.get("@id"), str) and len(node) > 1:
                named.setdefault(name, node)
            for key, value in node.items():
                if _local(key) == "license":
                    stated.append((value, scope, kind or "node"))
                elif isinstance(value, (dict, list)):
                    stack.append((value, kind, ours and _local(key) in _SAME_WORK))
    for value, scope, kind in stated:
        for licence in values(value):
            meant = {k: v for k, v in named.get(licence, {}).items() if k != "@id"}
            yield Found(next(values(meant), licence), scope, kind)


def _elsewhere(node: Mapping[str, Any], url: str) -> bool:
    """Whether a node names itself as a page of another site than ``url``."""
    host = host_of(url)
    stated = {host_of(v) for k in ("@id", "url") if isinstance(v := node.get(k), str)} - {""}
    if not host or not stated or host in stated:
        return False
    return registrable(host, private=True) not in {registrable(h, private=True) for h in stated}


def _local(name: str) -> str:
    """The last part of a term: of ``schema:license``, ``https://schema.org/license``, ``license``."""
    return name if name.startswith("@") else re.split(r"[/#:]", name.rstrip("/"))[-1].lower()


def _other(kind: str) -> str:
    return "media" if re.search(r"image|video|audio|media|photo|music|map", kind) else "other"


def values(licence: Any) -> Iterator[str]:
    """The licences of a value: a string, an object with an address or a name, or a list of these."""
    for item in licence if isinstance(licence, list) else [licence]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            for key in ("@id", "url", "@value", "name"):
                if isinstance(item.get(key), str):
                    yield item[key]
                    break
