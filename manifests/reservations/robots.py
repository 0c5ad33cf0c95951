"""robots.txt by RFC 9309, with the lines that newer protocols put into it.

``Content-Usage`` (AIPREF), ``Content-Signal`` (Cloudflare) belong to the group they stand in; ``License`` (RSL) to the
whole file. Groups of one agent are merged, the longest matching rule decides, and of equals ``Allow``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from manifests.documents import Reservation
from manifests.reservations.paths import literal, matches, pattern
from manifests.reservations.tokens import usage

#: what RFC 9309 asks parsers to read at least
MOST_BYTES = 500 * 1024
_LINE = re.compile(r"\r\n?|\n")
#: agents that fetch for training: what robots.txt says to others is not kept. A policy names those it honours
AGENTS = (
    ("*", "CCBot", "GPTBot", "Google-Extended", "anthropic-ai", "ClaudeBot", "Claude-Web", "Applebot-Extended")
    + ("Bytespider", "Meta-ExternalAgent", "FacebookBot", "cohere-ai", "cohere-training-data-crawler", "Amazonbot")
    + ("Diffbot", "AI2Bot", "Ai2Bot-Dolma", "omgili", "omgilibot", "Webzio-Extended", "ImagesiftBot", "img2dataset")
    + ("PanguBot", "Timpibot", "VelenPublicWebCrawler", "DeepSeekBot", "ICC-Crawler", "SBIntuitionsBot", "Kangaroo Bot")
)
#: names that are more than the one word that the standard provides for
_OF_WORDS = tuple(a.lower() for a in AGENTS if " " in a)


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
        in_rules = False
        for line in _LINE.split(text.lstrip("\ufeff")[:MOST_BYTES]):
            key, colon, value = line.partition("#")[0].partition(":")
            key, value = key.strip().lower(), value.strip(" \t")
            if not colon:
                continue
            if key in ("user-agent", "useragent", "user agent"):
                if in_rules:
                    current, in_rules = [], False
                current.append(groups.setdefault(_token(value), _Group()))
            elif key in ("allow", "disallow"):
                in_rules = True
                if value:
                    for group in current:
                        group.rules.append((key == "allow", pattern(value)))
            elif key in ("content-usage", "content-signal"):
                in_rules = True
                rule, said = _split_usage(value)
                protocol = "aipref" if key == "content-usage" else "content-signal"
                # a line before any group speaks to everyone
                for group in current or [groups.setdefault("*", _Group())]:
                    group.usages.append((protocol, rule, said))
            elif key == "license" and value:
                licences.append(value[:400])
        return cls(groups, tuple(licences))

    def group(self, agent: str) -> _Group | None:
        """The group that speaks to an agent: its own, else that of everyone."""
        return self.groups.get(_token(agent)) or self.groups.get("*")

    def allows(self, agent: str, path: str) -> tuple[bool, str]:
        """Whether ``agent`` may fetch ``path``, and the rule that decides (empty: none matches)."""
        group = self.group(agent)
        path = literal(path or "/")
        if group is None or path == "/robots.txt":
            return True, ""
        matching = [(len(p), allow, p) for allow, p in group.rules if matches(p, path)]
        if not matching:
            return True, ""
        _, allow, rule = max(matching)
        return allow, f"{'Allow' if allow else 'Disallow'}: {rule}"

    def reservations(self, path: str, agents: Sequence[str] = AGENTS) -> Iterator[Reservation]:
        """Denials by agent, or one ``allow`` when there is none; and what the newer lines say of this path."""
        denied = 0
        for agent in agents:
            if agent != "*" and _token(agent) not in self.groups:
                continue  # what everyone is told is said once
            allowed, rule = self.allows(agent, path)
            if not allowed:
                denied += 1
                yield Reservation("robots", "deny", agent, "robots.txt", rule[:200])
        if not denied:
            yield Reservation("robots", "allow", "*", "robots.txt", "no rule denies it")
        for agent, group in self.groups.items():
            for protocol in ("aipref", "content-signal"):
                matching = [
                    (len(rule), said) for kind, rule, said in group.usages
                    if kind == protocol and matches(rule, literal(path))
                ]  # fmt: skip
                longest = max((n for n, _ in matching), default=0)
                said = ", ".join(s for n, s in matching if n == longest)
                yield from usage(said, protocol, "robots.txt", agent)


def unavailable(status: int) -> bool:
    """RFC 9309, 2.3.1.3: a client error means no restrictions; 2.3.1.4: a server error means no access."""
    return 400 <= status < 500


def _split_usage(value: str) -> tuple[str, str]:
    """``/path train-ai=n`` or ``train-ai=n``."""
    if value.startswith("/") and (match := re.match(r"(\S+)\s+(.*)", value)):
        return pattern(match[1]), match[2]
    return "/", value


def _token(agent: str) -> str:
    """The product token, in lower case: what a version or a remark follows (``CCBot/2.0``, ``CCBot 2.0``)."""
    name = agent.strip().lower()
    if name == "*":
        return name
    return next((n for n in _OF_WORDS if name.startswith(n)), re.match(r"[0-9a-z_\-]*", name)[0])  # type: ignore[index]
