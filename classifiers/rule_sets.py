"""Published rule sets as limits on the statistics of ``classifiers.heuristics``.

A limit names the reason for dropping a document, a statistic, and the value that must not be undercut or exceeded.
Limits are checked in the order in which the published code checks them; the first that is broken gives the reason.
``fineweb2`` has limits for each language; a text in a language it has none for breaks none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

#: a number, or the column of ``fineweb2.parquet`` that holds the number for each language
Value = float | str


@dataclass(frozen=True)
class Limit:
    """Documents whose ``statistic`` is ``below`` or ``above`` the value are dropped."""

    reason: str
    statistic: str
    drop: Literal["below", "above"]
    value: Value


def _gopher_repetition(values: Mapping[str, Value]) -> list[Limit]:
    """Gopher's table A1, in the order of datatrove's GopherRepetitionFilter."""
    lines = [
        Limit("duplicate_paragraphs", "duplicate_paragraph_share", "above", 0.3),
        Limit("duplicate_paragraph_chars", "duplicate_paragraph_char_share", "above", 0.2),
        Limit("duplicate_lines", "duplicate_line_share", "above", values.get("duplicate_lines", 0.3)),
        Limit("duplicate_line_chars", "duplicate_line_char_share", "above", 0.2),
    ]
    top = {2: 0.2, 3: 0.18, 4: 0.16}
    duplicate = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
    lines += [
        Limit(f"top_{n}gram", f"top_{n}gram_char_share", "above", values.get(f"top_{n}gram", v)) for n, v in top.items()
    ]
    return lines + [
        Limit(f"duplicate_{n}gram", f"duplicate_{n}gram_char_share", "above", values.get(f"duplicate_{n}gram", v))
        for n, v in duplicate.items()
    ]


def _gopher_quality(values: Mapping[str, Value]) -> list[Limit]:
    """Gopher's quality rules, in the order of datatrove's GopherQualityFilter."""
    return [
        Limit("too_short", "proper_words", "below", 50),
        Limit("too_long", "proper_words", "above", 100_000),
        Limit("short_words", "mean_word_length", "below", values.get("short_words", 3)),
        Limit("long_words", "mean_word_length", "above", values.get("long_words", 10)),
        Limit("hashes", "hash_share", "above", 0.1),
        Limit("ellipses", "ellipsis_share", "above", 0.1),
        Limit("bullet_lines", "bullet_line_share", "above", 0.9),
        Limit("ellipsis_lines", "ellipsis_line_share", "above", 0.3),
        Limit("no_letters", "alpha_word_share", "below", values.get("no_letters", 0.8)),
        Limit("stop_words", str(values.get("stop_words", "stop_words")), "below", 2),
    ]


def _c4(prefix: str) -> list[Limit]:
    return [
        Limit("lorem_ipsum", f"{prefix}_lorem_ipsum", "above", 0),
        Limit("curly_bracket", f"{prefix}_curly_bracket", "above", 0),
        Limit("few_sentences", f"{prefix}_sentences", "below", 5),
    ]


_FINEWEB = [
    Limit("no_lines", "lines", "below", 1),
    Limit("unpunctuated_lines", "terminal_line_share", "below", 0.12),
    Limit("short_lines", "short_line_share", "above", 0.67),
    Limit("repeated_line_chars", "repeated_line_char_share", "above", 0.01),
    Limit("list_like", "newline_share", "above", 0.3),
]

_FINEWEB2: dict[str, Value] = {
    "duplicate_lines": "dup_line_frac",
    **{f"top_{n}gram": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"duplicate_{n}gram": f"dup_{n}_gram" for n in range(5, 11)},
    "short_words": "min_avg_word_length",
    "long_words": "max_avg_word_length",
    "no_letters": "max_non_alpha_words_ratio",
    "stop_words": "language_stop_words",
}

RULE_SETS: dict[str, tuple[Limit, ...]] = {
    # Rae et al. 2021, arXiv:2112.11446, A1.1
    "gopher_repetition": tuple(_gopher_repetition({})),
    "gopher_quality": tuple(_gopher_quality({})),
    "gopher": (*_gopher_repetition({}), *_gopher_quality({})),
    # Raffel et al. 2020, arXiv:1910.10683; without the rule on a line's last mark, as FineWeb uses it
    "c4": tuple(_c4("c4")),
    "c4_any_line": tuple(_c4("c4_any")),
    # Xue et al. 2021, arXiv:2010.11934
    "mc4": (Limit("few_long_lines", "long_lines", "below", 3),),
    # Penedo et al. 2024, arXiv:2406.17557
    "fineweb": tuple(_FINEWEB),
    # Penedo et al. 2025, arXiv:2506.20920
    "fineweb2": (
        *_gopher_repetition(_FINEWEB2),
        Limit("no_lines", "lines", "below", 1),
        Limit("unpunctuated_lines", "terminal_line_share", "below", "line_punct_thr"),
        Limit("repeated_line_chars", "repeated_line_char_share", "above", 0.01),
        Limit("list_like", "newline_share", "above", "new_line_ratio"),
        *_gopher_quality(_FINEWEB2),
    ),
    # Penedo et al. 2023, arXiv:2306.01116, G.2; Li et al. 2024, arXiv:2406.11794
    "refinedweb_lines": (Limit("removed_words", "removed_word_share", "above", 0.05),),
    # Soldaini et al. 2024, arXiv:2402.00159: Gopher's rules as its code measures them
    "dolma": (
        Limit("too_short", "words", "below", 50),
        Limit("too_long", "words", "above", 100_000),
        Limit("short_words", "median_word_length", "below", 3),
        Limit("long_words", "median_word_length", "above", 10),
        Limit("symbols", "symbol_word_share", "above", 0.1),
        Limit("no_letters", "alpha_word_share", "below", 0.8),
        Limit("stop_words", "stop_word_count", "below", 2),
        Limit("bullet_lines", "bullet_line_share", "above", 0.9),
        Limit("ellipsis_lines", "ellipsis_line_share", "above", 0.3),
        Limit("duplicate_lines", "duplicate_line_share", "above", 0.3),
        Limit("duplicate_line_chars", "duplicate_line_char_share", "above", 0.3),
        *(one for one in _gopher_repetition({}) if "gram" in one.reason),
    ),
}


def limits(name: str, values: Mapping[str, float | None] | None = None) -> list[Limit]:
    """The limits of a rule set; ``values`` replaces some by reason, None takes one out. ValueError: unknown names."""
    values = values or {}
    if name not in RULE_SETS:
        raise ValueError(f"no rule set {name!r}; known: {', '.join(RULE_SETS)}")
    known = [limit.reason for limit in RULE_SETS[name]]
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(f"rule set {name!r} has no limit {unknown[0]!r}; it has: {', '.join(known)}")
    found = []
    for limit in RULE_SETS[name]:
        value = values.get(limit.reason, limit.value)
        if value is not None:
            found.append(replace(limit, value=value))
    return found
