"""The faithfulness gate: a rephrasing that adds numbers or names, drifts, copies or loops is refused, and says why.

Lexical checks only: they catch inventions that show in words, not a wrong relation between right words. No judge model
is asked; scores are kept so that thresholds can be discussed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from pipelines.rephrase.styles import Style

_PREAMBLE = re.compile(
    r"^\s*(?:(?:sure|certainly|of course|okay)[!,.]?\s*)?"
    r"(?:here(?:'s| is| are)|below is|the following is|rewritten text|text|summary|answer)\b[^\n:]{0,80}:\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|\n\s*|[\"“(]\s*)([^\W\d_]+)")

REPETITION = 0.25  #: most of its 3-grams may repeat
COPY = 0.8  #: most of its 8-grams may stand in the source
NUMBERS_KEPT = 0.5  #: least of the source's distinct numbers it keeps, where there are three or more
NOVEL = 0.6  #: most of its words may be new


@dataclass(frozen=True)
class Verdict:
    """``text`` is the answer without its preamble; ``reason`` is empty where it is accepted."""

    text: str
    reason: str
    scores: dict[str, float]

    @property
    def accepted(self) -> bool:
        return not self.reason


def judge(source: str, answer: str, *, style: Style, finish_reason: str, language: str) -> Verdict:
    """Holds an answer against its source; the first check that fails gives the reason."""
    text = _PREAMBLE.sub("", answer).strip().strip('"“”').strip()
    theirs, ours = _words(source), _words(text)
    if not ours:
        return Verdict(text, "empty", {})
    ratio = len(ours) / max(len(theirs), 1)
    numbers, given = set(_numbers(text)), set(_numbers(source))
    novel_names = _names(text) - {w.lower() for w in _WORD.findall(source)}
    new_words = {w for w in ours if len(w) > 3} - set(theirs)
    scores = {
        "length_ratio": ratio,
        "repetition": _repetition(ours, 3),
        "copy": _shared(ours, theirs, 8),
        "new_numbers": float(len(numbers - given)),
        "numbers_kept": len(numbers & given) / len(given) if given else 1.0,
        "new_names": float(len(novel_names)),
        "novel_words": len(new_words) / max(len({w for w in ours if len(w) > 3}), 1),
    }
    return Verdict(text, _reason(scores, style, finish_reason, text, language, len(given)), scores)


def _reason(scores: dict[str, float], style: Style, finish_reason: str, text: str, language: str, numbers: int) -> str:
    if finish_reason != "stop":
        return "cut_off"
    if not style.shortest <= scores["length_ratio"] <= style.longest:
        return "wrong_length"
    if scores["repetition"] > REPETITION:
        return "repetitive"
    if scores["new_numbers"]:
        return "new_numbers"
    if scores["new_names"]:
        return "new_names"
    if numbers >= 3 and scores["numbers_kept"] < NUMBERS_KEPT:
        return "lost_numbers"
    if scores["copy"] > COPY:
        return "copied"
    if scores["novel_words"] > NOVEL:
        return "drifted"
    if _language(text) != language:
        return "wrong_language"
    return ""


def _language(text: str) -> str:
    from classifiers import language

    return str(language.identify(pa.array([text], pa.large_string())).column("language")[0].as_py())


def _words(text: str) -> list[str]:
    return [w.lower() for w in _WORD.findall(text)]


def _numbers(text: str) -> list[str]:
    return [n.replace(",", "") for n in _NUMBER.findall(text)]


def _names(text: str) -> set[str]:
    """Capitalised words that do not start a sentence, in lower case."""
    starts = {m.start(1) for m in _SENTENCE_START.finditer(text)}
    return {
        m[0].lower() for m in _WORD.finditer(text) if m[0][0].isupper() and m.start() not in starts and len(m[0]) > 1
    }


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _repetition(words: list[str], n: int) -> float:
    counts = Counter(_grams(words, n))
    total = sum(counts.values())
    return sum(c - 1 for c in counts.values()) / total if total else 0.0


def _shared(ours: list[str], theirs: list[str], n: int) -> float:
    grams = _grams(ours, n)
    known = set(_grams(theirs, n))
    return sum(g in known for g in grams) / len(grams) if grams else 0.0
