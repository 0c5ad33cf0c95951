"""robots.txt by RFC 9309, with the lines that newer protocols put into it.

``Content-Usage`` (AIPREF), ``Content-Signal`` (Cloudflare) belong to the group they stand in; ``License`` (RSL) to the
whole file. Groups of one agent are merged, the longest matching rule decides, and of equals ``Allow``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from manifests.documents import Reservation
from manifests.reservations.tokens import usage

#: what RFC 9309 asks parsers to read at least
MOST_BYTES = 500 * 1024
_MOST_RULES = 20_000
_LINE = re.compile(r"\r\n?|\n")
#: agents that fetch for training; a policy names those it honours
AGENTS = (
    ("*", "CCBot", "GPTBot", "Google-Extended", "anthropic-ai", "ClaudeBot", "Claude-Web", "Applebot-Extended")
    + ("Bytespider", "Meta-ExternalAgent", "FacebookBot", "cohere-ai", "cohere-training-data-crawler", "Amazonbot")
    + ("Diffbot", "AI2Bot", "Ai2Bot-Dolma", "omgili", "omgilibot", "Webzio-Extended", "ImagesiftBot", "img2dataset")
    + ("PanguBot", "Timpibot", "VelenPublicWebCrawler", "DeepSeekBot", "ICC-Crawler", "SBIntuitionsBot", "Kangaroo Bot")
)


@dataclass
class _Group:
    rules: list[tuple[bool, str]] = field(default_factory=list)  #: allow, pattern
    usages: list[tuple[str, str, str]] = field(default_factory=list)  #: protocol, pattern, value


@dataclass(frozen=True)
class Robots:
    """A parsed file. Malformed lines are passed over, as the standard asks."""

    groups: dict[str, _Group]
    licences: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Robots:
        groups: dict[str, _Group] = {}
        licences: list[str] = []
        current: list[_Group] = []
        in_rules, count = False, 0
        for line in _LINE.split(text.lstrip("\ufeff")[:MOST_BYTES]):
            key, colon, value = line.partition("#")[0].partition(":")
            key, value = key.strip().lower(), value.strip(" \t")
            if not colon or (count := count + 1) > _MOST_RULES:
                continue
            if key in ("user-agent", "useragent", "user agent"):
                if in_rules:
                    current, in_rules = [], False
                current.append(groups.setdefault(_token(value), _Group()))
            elif key in ("allow", "disallow"):
                in_rules = True
                if value:
                    for group in current:
                        group.rules.append((key == "allow", _canonical(value)))
            elif key in ("content-usage", "content-signal"):
                in_rules = True
                pattern, said = _split_usage(value)
                protocol = "aipref" if key == "content-usage" else "content-signal"
                # a line before any group speaks to everyone
                for group in current or [groups.setdefault("*", _Group())]:
                    group.usages.append((protocol, pattern, said))
            elif key == "license" and value:
                licences.append(value[:400])
        return cls(groups, tuple(licences))

    def group(self, agent: str) -> _Group | None:
        """The group that speaks to an agent: its own, else that of everyone."""
        return self.groups.get(_token(agent)) or self.groups.get("*")

    def allows(self, agent: str, path: str) -> tuple[bool, str]:
        """Whether ``agent`` may fetch ``path``, and the rule that decides (empty: none matches)."""
        group = self.group(agent)
        path = _canonical(path or "/")
        if group is None or path == "/robots.txt":
            return True, ""
        matching = [(len(p), allow, p) for allow, p in group.rules if _matches(p, path)]
        if not matching:
            return True, ""
        _, allow, pattern = max(matching)
        return allow, f"{'Allow' if allow else 'Disallow'}: {pattern}"

    def reservations(self, path: str, agents: Sequence[str] = AGENTS) -> Iterator[Reservation]:
        """Denials by agent, or one ``allow`` when there is none; and what the newer lines say of this path."""
        denied = 0
        for agent in agents:
            allowed, rule = self.allows(agent, path)
            # what everyone is told is said once
            if not allowed and (agent == "*" or _token(agent) in self.groups):
                denied += 1
                yield Reservation("robots", "deny", agent, "robots.txt", rule[:200])
        if not denied:
            yield Reservation("robots", "allow", "*", "robots.txt", "no rule denies it")
        for agent, group in self.groups.items():
            for protocol in ("aipref", "content-signal"):
                matching = [
                    (len(pattern), said) for kind, pattern, said in group.usages
                    if kind == protocol and _matches(pattern, _canonical(path))
                ]  # fmt: skip
                longest = max((n for n, _ in matching), default=0)
                said = ", ".join(s for n, s in matching if n == longest)
                yield from usage(said, protocol, "robots.txt", agent)


def unavailable(status: int) -> bool:
    """RFC 9309, 2.3.1.3: a client error means no restrictions; 2.3.1.4: a server error means no access."""
    return 400 <= status < 500


@lru_cache(4096)
def _matches(pattern: str, path: str) -> bool:
    """``*`` is any sequence, a final ``$`` the end; else a prefix. Without backtracking."""
    anchored = pattern.endswith("$")
    pieces = (pattern[:-1] if anchored else pattern).split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for number, piece in enumerate(pieces[1:], 2):
        if anchored and number == len(pieces):
            return len(path) - len(piece) >= at and path.endswith(piece)
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return not anchored or at == len(path)


def _split_usage(value: str) -> tuple[str, str]:
    """``/path train-ai=n`` or ``train-ai=n``."""
    if value.startswith("/") and (match := re.match(r"(\S+)\s+(.*)", value)):
        return _canonical(match[1]), match[2]
    return "/", value


def _token(agent: str) -> str:
    return "*" if agent.strip() == "*" else re.match(r"[A-Za-z_\- ]*[0-9A-Za-z_\-]*", agent.strip())[0].strip().lower()  # type: ignore[index]


@lru_cache(16_384)
def _canonical(path: str) -> str:
    """Percent-encodings made alike (RFC 9309, 2.2.2)."""
    return quote(
        unquote(path, errors="surrogateescape").encode("utf-8", "surrogateescape"), safe="/?&=*$:@!',;()+~%#[]"
    )


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
