"""Words of a text against a plain reading of the same rules."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.contamination.tokens import NUMBER, fold, folded, tokens
from manifests.text import DIGIT, LETTER, UNSPACED, class_of, classes


def plain(text: str) -> list[tuple[str, bool, int, int]]:
    """Folded word, whether it is a number, and its bytes."""
    out: list[tuple[str, bool, int, int]] = []
    word, number, first, last, at = "", False, 0, 0, 0
    shown = [(c, fold(c) if ord(c) < 0x10000 else c) for c in text]
    for i, (c, base) in enumerate([*shown, (" ", " ")]):
        size = len(c.encode())
        if base:
            kind = int(class_of(classes(), ord(base)))
            letter, digit, alone = bool(kind & LETTER), bool(kind & DIGIT), bool(kind & UNSPACED)
            inside = (word and not number and c in "'’ʼ") or (
                word and number and c in ".," and text[i + 1 : i + 2] in tuple("0123456789")
            )
            if not inside:
                if word and (alone or not ((letter and not number) or (digit and number))):
                    out.append((word, number, first, last))
                    word = ""
                if letter or digit:
                    if not word:
                        number, first = digit, at
                    word, last = word + base, at + size
                    if alone:
                        out.append((word, False, first, last))
                        word = ""
        at += size
    return out


texts = st.text(
    st.one_of(st.sampled_from("aBé'’-_.,019 \n\u200b\u0301ſ漢Ⅷ²"), st.characters(codec="utf-8")), max_size=30
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.none() | texts, max_size=4))
def test_tokens_are_the_plain_reference(some: list[str | None]) -> None:
    found = tokens(pa.array(some, pa.large_string()))
    want = [plain(t or "") for t in some]
    assert found.offsets.tolist() == [sum(map(len, want[:i])) for i in range(len(want) + 1)]
    base = [sum(len((t or "").encode()) for t in some[:i]) for i in range(len(some))]
    flat = [(w, n, b + s, b + e) for b, words in zip(base, want, strict=True) for w, n, s, e in words]
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == [(s, e) for _, _, s, e in flat]
    assert (found.words == NUMBER).tolist() == [n for _, n, _, _ in flat]
    hashes: dict[str, int] = {}
    for (word, *_), value in zip(flat, found.values.tolist(), strict=True):
        assert hashes.setdefault(word, value) == value
    assert len(set(hashes.values())) == len(hashes)


def test_what_does_not_show_makes_no_difference() -> None:
    a, b = (
        tokens(pa.array([t]))
        for t in ("Janet’s naïve COST: $1,000.50", "JANETS na\u200bi\u0308ve  *co\u00adst* 1000.50")
    )
    assert a.words.tolist() == b.words.tolist()
    assert a.values.tolist() == b.values.tolist()
    assert a.upper.tolist() == [True, False, True, False]


def test_the_table_is_what_folding_says() -> None:
    table = folded()
    for c in "aÀßſ漢ﬁ²Ⅷ\u0301\u200b\u00ad'ʼＡ0":
        assert table[ord(c)] == (ord(fold(c)) if fold(c) else 0), c
