"""A request: what is to be taken down, by what it is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from manifests.licences import UNKNOWN, normalise
from manifests.lineage.addresses import prefix_of, surt

KINDS = ("url", "domain", "prefix", "owner", "licence", "hash", "id")
#: whose pages lie where, by the name of the place: ``github:acme``
_OWNERS = {
    "github": ("github.com/{}", "raw.githubusercontent.com/{}", "gist.github.com/{}", "{}.github.io"),
    "gitlab": ("gitlab.com/{}", "{}.gitlab.io"),
    "bitbucket": ("bitbucket.org/{}", "{}.bitbucket.io"),
    "huggingface": ("huggingface.co/{}", "huggingface.co/datasets/{}", "{}.hf.space"),
    "medium": ("medium.com/@{}", "{}.medium.com"),
    "wordpress": ("{}.wordpress.com",),
    "blogspot": ("{}.blogspot.com",),
    "substack": ("{}.substack.com",),
}


@dataclass(frozen=True)
class Request:
    """``kind`` is one of KINDS. ValueError when the value cannot be what the kind says."""

    kind: str
    value: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"takedown by {self.kind!r}; it can be by {', '.join(KINDS)}")
        if not self.value.strip():
            raise ValueError(f"takedown by {self.kind}: the value is empty")
        if self.kind in ("domain", "prefix", "owner"):
            self.ranges()
        if self.kind in ("hash", "id") and not re.fullmatch(r"[0-9a-f]{32}", self.value):
            raise ValueError(f"takedown by {self.kind}: {self.value!r} is not 32 hexadecimal digits")
        if self.kind == "domain" and "/" in re.sub(r"^[a-z]+://", "", self.value).rstrip("/"):
            raise ValueError(f"takedown by domain: {self.value!r} has a path; use --prefix")
        if self.kind == "licence" and normalise(self.value) == UNKNOWN and self.value != UNKNOWN:
            raise ValueError(f"takedown by licence: {self.value!r} is no licence known")

    def ranges(self) -> list[tuple[str, str]]:
        """The ranges of addresses it covers (see ``lineage.prefix_of``); none where it is not about addresses."""
        if self.kind == "url":
            key = surt(self.value if "//" in self.value else f"https://{self.value}")
            return [(key, f"{key}\0")]
        if self.kind in ("domain", "prefix"):
            return prefix_of(self.value)
        if self.kind == "owner":
            place, colon, name = self.value.partition(":")
            if not colon:
                return prefix_of(self.value)
            if place not in _OWNERS or not re.fullmatch(r"[\w.-]+", name):
                raise ValueError(f"takedown by owner: {self.value!r}; a domain, or {', '.join(_OWNERS)} with :NAME")
            return [r for pattern in _OWNERS[place] for r in prefix_of(pattern.format(name))]
        return []
