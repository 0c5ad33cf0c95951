"""The deny list: what was taken down never comes in again, from this source or another.

``takedowns/deny.jsonl`` of a run, or any such file a recipe names in ``deny``. Entries are rules about addresses,
owners, licences and ids, and the content hashes of what they met: a copy elsewhere is the same text.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from manifests import storage
from manifests.licences import normalise
from manifests.lineage.addresses import surt
from manifests.takedown.request import Request

PATH = "takedowns/deny.jsonl"
#: characters; the hash of a shorter text, or of none, is nobody's
_SHORTEST = 40


@dataclass(frozen=True)
class Denied:
    """``takedown`` is the id of the takedown that made it, ``why`` what its requester said."""

    kind: str
    value: str
    takedown: str = ""
    why: str = ""


class DenyList:
    """Entries, ready to be asked about documents one by one."""

    def __init__(self, entries: Iterable[Denied]) -> None:
        self.entries = tuple(dict.fromkeys(entries))
        by_kind: dict[str, dict[str, Denied]] = {"hash": {}, "id": {}, "licence": {}}
        ranges: list[tuple[str, str, Denied]] = []
        for entry in self.entries:
            if entry.kind in by_kind:
                by_kind[entry.kind][normalise(entry.value) if entry.kind == "licence" else entry.value] = entry
            else:
                ranges += [(low, high, entry) for low, high in Request(entry.kind, entry.value).ranges()]
        self._hashes, self._ids, self._licences = by_kind["hash"], by_kind["id"], by_kind["licence"]
        self._ranges = sorted(ranges, key=lambda r: (r[0], r[1]))
        self._lows = [low for low, _, _ in self._ranges]
        #: of ranges, the highest end so far: what lies beyond it is in none
        self._reach: list[str] = []
        for _, high, _ in self._ranges:
            self._reach.append(max(high, self._reach[-1]) if self._reach else high)

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def read(cls, *uris: str) -> DenyList:
        """Of files; those that are absent are empty. ValueError names file and line of what is no entry."""
        entries = []
        for uri in uris:
            if not storage.is_file(uri):
                continue
            for number, line in enumerate(storage.read_bytes(uri).decode("utf-8", "replace").split("\n"), 1):
                if line.strip():
                    try:
                        entry = Denied(**json.loads(line))
                        Request(entry.kind, entry.value)
                    except (ValueError, TypeError) as error:
                        raise ValueError(f"{uri}:{number}: no entry of a deny list: {error}") from None
                    entries.append(entry)
        return cls(entries)

    @property
    def licences(self) -> bool:
        """Whether any entry is a licence: documents then need to be asked about with theirs."""
        return bool(self._licences)

    def write(self, uri: str) -> None:
        lines = (json.dumps(asdict(e), sort_keys=True, ensure_ascii=False) for e in self.entries)
        storage.write_bytes(uri, "".join(f"{line}\n" for line in lines).encode())

    def denies(
        self, *, url: str = "", identifier: str = "", content_hash: str = "", text: int = 1 << 30, licence: str = ""
    ) -> Denied | None:
        """The entry that keeps a document out; None when none does. ``text`` is the length of its text in characters,
        ``licence`` the expression concluded for it.
        """
        if identifier in self._ids:
            return self._ids[identifier]
        if text >= _SHORTEST and content_hash in self._hashes:
            return self._hashes[content_hash]
        if licence in self._licences:
            return self._licences[licence]
        if url and self._ranges:
            key = surt(url)
            i = bisect_right(self._lows, key) - 1
            while i >= 0 and self._reach[i] > key:
                if self._ranges[i][1] > key:
                    return self._ranges[i][2]
                i -= 1
        return None
