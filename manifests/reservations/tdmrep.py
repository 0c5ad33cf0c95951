"""TDMRep's file, ``/.well-known/tdmrep.json`` (W3C Community Group, final report of 2024)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from manifests.documents import Reservation
from manifests.reservations.paths import literal, matches, pattern_at

MOST_BYTES = 1 << 20
_MOST_RULES = 5000
_RESERVED = {"0": "0", "1": "1", "False": "0", "True": "1"}


@dataclass(frozen=True)
class TdmRep:
    rules: tuple[tuple[str, str, str, str], ...]  #: site (empty: this one), location, reservation (0 or 1), policy

    @classmethod
    def parse(cls, text: str) -> TdmRep:
        """Rules that are well-formed; none of a file that is no JSON list."""
        try:
            data = json.loads(text.lstrip("\ufeff")[:MOST_BYTES])
        except (ValueError, RecursionError):
            return cls(())
        rules = []
        for rule in (data if isinstance(data, list) else [data])[:_MOST_RULES]:
            if isinstance(rule, dict) and isinstance(rule.get("location"), str):
                value = _RESERVED.get(str(rule.get("tdm-reservation")))
                # some write whole addresses, where the report asks for paths
                if value is not None and (at := pattern_at(rule["location"])) is not None:
                    rules.append((*at, value, str(rule.get("tdm-policy") or "")[:200]))
        return cls(tuple(rules))

    def reservation(self, path: str, site: str = "") -> Reservation | None:
        """Of the rule with the longest matching location; ``*`` and ``$`` are those of robots.txt.

        A rule about another site than ``site`` does not count.
        """
        matching = [
            (len(p), value, policy, p)
            for of, p, value, policy in self.rules
            if (not of or site in ("", of)) and matches(p, literal(path))
        ]
        if not matching:
            return None
        _, value, policy, location = max(matching)
        raw = f"{location} {value} {policy}".strip()[:200]
        return Reservation("tdmrep", "deny" if value == "1" else "allow", "*", "tdmrep.json", raw)
