"""The faithfulness gate: a rephrasing that adds numbers or names, drifts, copies or loops is refused, and says why.

Lexical checks only: they catch inventions that show in words, not a wrong relation between right words. No judge model
is asked; scores are kept so that thresholds can be discussed. Sentence starts are exempt from the check of names, and
languages that capitalise every noun lose more than they should.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from pipelines.rephrase.styles import Style

REPETITION = 0.25  #: most of its 3-grams may repeat
COPY = 0.8  #: most of its 8-grams may stand in the source
NUMBERS_KEPT = 0.5  #: least of the source's distinct numbers it keeps, where there are three or more
NOVEL = 0.6  #: most of its words may be new

_PREAMBLE = re.compile(
    r"(?:sure|certainly|of course|okay)[!.,]\s+(?=here|below|the following)"
    r"|(?:here(?:['’]s| is| are)|below is|the following is)\b[^\n:]{0,100}:\s*"
    r"|(?:(?:re-?written|re-?phrased|paraphrased|revised)\s+)?(?:text|version|summary|answer)\s*:\s*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""["“]([^"“”]*)["”]""")
_ON_ITSELF = re.compile(
    r"\b(?:re-?written|re-?phrased|paraphrased|summari[sz]ed|original|input|provided|given) (?:text|version|passage)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\b(?:I(?:['’](?:m|d|ll|ve))?|[Mm]y|[Yy]ou(?:['’]re|rs?)?)\b(?![./])")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_TO_TWELVE = "two three four five six seven eight nine ten eleven twelve".split()
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBER_WORDS = {
    **{word: str(n) for n, word in enumerate([*_TO_TWELVE, *_TEENS], start=2)},
    **{word: str(10 * n) for n, word in enumerate(_TENS, start=2)},
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "billion": "1000000000",
}
_LARGE = set(_NUMBER_WORDS) - set(_TO_TWELVE)  # smaller ones may count what the source lists
_ABBREVIATED = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Gen|Col|Capt|Lt|Sen|Rep|Gov|No|[^\W\d_])\.$")
_CODE = re.compile(r"_|::|://|=|\\|@|\(|[^\W\d]\.[^\W\d]|^-")
_TICKED = re.compile(r"`([^`\n]+)`")
_LATIN = {"e.g", "i.e"}


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
    """Holds an answer against its source; the first check that fails gives the reason.

    ``language`` is the source's, ISO 639-3 as ``classifiers.language`` gives it.
    """
    text = _bare(answer)
    theirs, ours = _words(source), _words(text)
    if not ours:
        return Verdict(text, "empty", {})
    given, numbers = set(_numbers(source)), set(_numbers(text))
    counted = given | {_NUMBER_WORDS[w] for w in theirs if w in _NUMBER_WORDS}
    spelled = {w for w in ours if w in _LARGE and w not in theirs and _NUMBER_WORDS[w] not in given}
    long_words = {w for w in ours if len(w) > 3}
    scores = {
        "length_ratio": len(ours) / max(len(theirs), 1),
        "repetition": _repetition(ours, 3),
        "copy": _shared(ours, theirs, 8),
        "new_numbers": float(len(numbers - counted) + len(spelled)),
        "numbers_kept": len(numbers & given) / len(given) if given else 1.0,
        "new_names": float(len(_names(text) - set(theirs)) + len(_new_code(text, source))),
        "novel_words": len(long_words - set(theirs)) / max(len(long_words), 1),
    }
    chatty = _addresses(text) > _addresses(source) or _on_itself(text) > _on_itself(source)
    failed = {
        "cut_off": finish_reason != "stop",
        "chatty": chatty,
        "wrong_length": not style.shortest <= scores["length_ratio"] <= style.longest,
        "repetitive": scores["repetition"] > REPETITION,
        "new_numbers": scores["new_numbers"] > 0,
        "new_names": scores["new_names"] > 0,
        "lost_numbers": len(given) >= 3 and scores["numbers_kept"] < NUMBERS_KEPT,
        "copied": scores["copy"] > COPY,
        "drifted": scores["novel_words"] > NOVEL,
    }
    reason = next((reason for reason, holds in failed.items() if holds), "")
    if not reason and _language(text) != language:
        reason = "wrong_language"
    return Verdict(text, reason, scores)


def _bare(answer: str) -> str:
    """Without what small models say before they start, and without quotation marks around the whole."""
    text = answer.strip()
    while preamble := _PREAMBLE.match(text):
        text = text[preamble.end() :].strip()
    quoted = _QUOTED.fullmatch(text)
    return quoted[1].strip() if quoted else text


def _language(text: str) -> str:
    from classifiers import language

    return str(language.identify(pa.array([text], pa.large_string())).column("language")[0].as_py())


def _words(text: str) -> list[str]:
    return [w.lower().replace("’", "'") for w in _WORD.findall(text)]


def _addresses(text: str) -> bool:
    """Whether someone speaks as I or to a you: in an answer to a text that does not, the model."""
    return bool(_ADDRESS.search(text))


def _on_itself(text: str) -> bool:
    return bool(_ON_ITSELF.search(text))


def _numbers(text: str) -> list[str]:
    return [n.replace(",", "") for n in _NUMBER.findall(text)]


def _names(text: str) -> set[str]:
    """Capitalised words within sentences, and words with inner capitals anywhere; in lower case."""
    names = set()
    for m in _WORD.finditer(text):
        word = m[0]
        if len(word) > 1 and word != word.lower():
            inner = word[1:] != word[1:].lower()
            if inner or (word[0].isupper() and not _starts_sentence(text[max(0, m.start() - 24) : m.start()])):
                names.add(word.lower().replace("’", "'"))
    return names


def _starts_sentence(before: str) -> bool:
    bare = before.rstrip(" \t\"“‘'(*#>•-")
    if not bare or bare[-1] in "\n!?:":
        return True
    return bare[-1] == "." and not _ABBREVIATED.search(bare)


def _new_code(text: str, source: str) -> set[str]:
    """Identifiers, addresses and flags that the source does not spell."""
    tokens = {token.strip(".,;:!?()[]{}<>\"'“”‘’`*") for token in text.split()}
    spelled = {t for t in tokens if _CODE.search(t) and t.lower() not in _LATIN} | set(_TICKED.findall(text))
    return {t for t in spelled if not re.search(rf"(?<!\w){re.escape(t)}(?!\w)", source, re.IGNORECASE)}


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
