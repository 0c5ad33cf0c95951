"""The small vocabularies: robots tokens of tags and headers, and the dictionaries of AIPREF and Content Signals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from manifests.documents import Reservation

#: what concerns text; ``noimageai`` speaks of pictures
_NO_TRAINING = frozenset({"noai", "noml", "nothirdparty-ai", "notrain", "noaitrain"})
#: AIPREF draft-ietf-aipref-vocab (train-ai; earlier train-genai, genai, ai), Content Signals and RSL (ai-train), tdm
TRAINING = frozenset(
    {"train-ai", "ai-train", "train-genai", "genai", "ai", "ai-all", "tdm", "foundation-model-production"}
)
#: agents that tags name beside those of robots.AGENTS
SEARCHERS = ("Googlebot", "Bingbot")
_PAIR = re.compile(r"([a-z*][a-z0-9_\-.*]*)\s*=\s*(\?[01]|[a-z]+)")
_QUOTED = re.compile(r'"[^"]*"')
_ANSWERS = {"n": "deny", "no": "deny", "?0": "deny", "y": "allow", "yes": "allow", "?1": "allow"}


def robots_tokens(value: str, protocol: str, locator: str, agent: str = "*") -> Iterator[Reservation]:
    """Of a robots meta tag or ``X-Robots-Tag``: a denial when a token says so, whatever parts it from the others."""
    if _NO_TRAINING & set(re.split(r"[,;\s]+", value.lower())):
        yield Reservation(protocol, "deny", agent, locator, " ".join(value.split())[:200])


def usage(value: str, protocol: str, locator: str, agent: str = "*") -> Iterator[Reservation]:
    """Of ``train-ai=n, search=y`` or ``search=yes,ai-train=no``; of several answers about training the strictest."""
    found = [
        (key, _ANSWERS.get(answer, "unknown")) for key, answer in _PAIR.findall(_QUOTED.sub("", value.lower()[:2000]))
    ]
    answers = [(key, answer) for key, answer in found if key in TRAINING]
    for wanted in ("deny", "unknown", "allow"):
        if said := [key for key, answer in answers if answer == wanted]:
            yield Reservation(protocol, wanted, agent, locator, f"{', '.join(said)}: {value.strip()}"[:200])
            return
