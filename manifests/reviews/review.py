"""One decision of a person: what it says, of what, who said it, why and when."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from manifests.documents import Claim
from manifests.licences import ALLOWED, DENIED, UNKNOWN, normalise
from manifests.lineage import prefix_of
from manifests.public_suffixes import is_suffix

#: ``licence`` states one; ``withdraw`` takes back what was decided before, and the evidence speaks again
ACTIONS = ("allow", "deny", "licence", "withdraw")
#: ``host`` means its subdomains too; ``signature`` all documents with this evidence
SCOPES = ("document", "host", "signature")
_LONGEST = {"value": 300, "reviewer": 200, "reason": 2000, "licence": 400}
_FORMS = {"document": (32, "a document's id"), "signature": (16, "the name of an evidence signature")}


@dataclass(frozen=True)
class Review:
    """A decision. ValueError when a field cannot be what it must. ``time`` is UTC, in seconds, as ISO 8601 writes it.

    ``value`` is a document's id, a host, or the name of an evidence signature (of the evidence alone, without reviews).
    """

    action: str
    scope: str
    value: str
    reviewer: str
    reason: str
    time: str
    licence: str = ""  #: an SPDX expression, where the action is ``licence``

    def __post_init__(self) -> None:
        for field in fields(self):
            if not isinstance(getattr(self, field.name), str):
                raise ValueError(f"review: {field.name} is not text")
        for name, most in _LONGEST.items():
            if len(getattr(self, name)) > most:
                raise ValueError(f"review: {name} has {len(getattr(self, name)):,} characters, limit {most:,}")
        for name, allowed in (("action", ACTIONS), ("scope", SCOPES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"review: {name} {getattr(self, name)!r}; it can be {', '.join(allowed)}")
        for name in ("reviewer", "reason"):
            if not getattr(self, name).strip():
                raise ValueError(f"review: the {name} is empty: a decision says who decided and why")
        if (self.action == "licence") != bool(self.licence):
            raise ValueError("review: a licence goes with the action licence, and with no other")
        if self.licence and normalise(self.licence) == UNKNOWN:
            raise ValueError(f"review: {self.licence!r} is no licence known: write an SPDX expression")
        if self.licence in (ALLOWED, DENIED):
            raise ValueError(f"review: {self.licence} is no licence: use the actions allow and deny")
        self._check_value()
        try:
            offset = self.moment.utcoffset()
        except ValueError:
            raise ValueError(f"review: {self.time!r} is no time: as in 2026-11-25T12:00:00+00:00") from None
        if offset is None or offset:
            raise ValueError(f"review: the time {self.time!r} is not in UTC")

    def _check_value(self) -> None:
        if self.scope in _FORMS:
            digits, what = _FORMS[self.scope]
            if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", self.value):
                raise ValueError(f"review: {self.value!r} is not {what}: {digits} hexadecimal digits")
        elif not host_label(self.value):
            raise ValueError(f"review: {self.value!r} is not a host alone: write it as example.org")
        elif is_suffix(self.value):
            raise ValueError(f"review: {self.value!r} is a public suffix: name one site below it")

    @property
    def target(self) -> tuple[str, str]:
        """What it speaks of; a host reversed, as the lineage index has it."""
        return self.scope, host_label(self.value) if self.scope == "host" else self.value

    def alone(self) -> Review:
        """What it decides, without who said so, why and when: nothing but this changes what a run makes."""
        return replace(self, reviewer="-", reason="-", time="1970-01-01T00:00:00+00:00")

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.time)

    def claim(self) -> Claim | None:
        """The claim it makes of each document it meets; None when it takes back."""
        if self.action == "withdraw":
            return None
        said = normalise(self.licence) if self.licence else {"allow": ALLOWED, "deny": DENIED}[self.action]
        place = f"review of {self.scope} {self.value}"
        return Claim(said, "human", "text", place, self.reason[:200], self.reviewer, 1.0, self.moment)

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def of(cls, raw: Any) -> Review:
        """From JSON. ValueError for what is no review."""
        names = [f.name for f in fields(cls)]
        if not isinstance(raw, dict):
            raise ValueError(f"review: not an object with {', '.join(names)}")
        if unknown := sorted(str(k) for k in set(raw) - set(names)):
            raise ValueError(f"review: unknown key {unknown[0]!r}; allowed: {', '.join(names)}")
        if missing := [n for n in names if n not in raw and n != "licence"]:
            raise ValueError(f"review: {missing[0]} is missing")
        return cls(**raw)


def now() -> str:
    """The time of a decision made now."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def host_label(host: str) -> str:
    """``org,example`` or ``org,example:8080``; empty for what is no host alone. ValueError for what names none."""
    low, _ = prefix_of(host)[0]
    label, mark, rest = low.partition(")")
    return label.lower() if mark and not rest else ""
