"""Where two similar texts part: the words around their first difference, those that differ marked."""

from __future__ import annotations

from difflib import SequenceMatcher

#: words shown, and of these how many before the first difference
_WORDS, _BEFORE = 56, 12
#: words compared; what is alike up to here is shown from its beginning
_COMPARED = 20_000

Marked = list[tuple[str, bool]]  #: runs of words, and whether the other text lacks them


def apart(first: str, second: str) -> tuple[Marked, Marked]:
    """Both texts from a little before the place where they part."""
    a, b = first.split(None, _COMPARED)[:_COMPARED], second.split(None, _COMPARED)[:_COMPARED]
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, same - _BEFORE) if same < max(len(a), len(b)) else 0
    a, b = a[start : start + _WORDS], b[start : start + _WORDS]
    left: Marked = []
    right: Marked = []
    for kind, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        left += [(" ".join(a[i:j]), kind != "equal")] if j > i else []
        right += [(" ".join(b[k:m]), kind != "equal")] if m > k else []
    begin: Marked = [("…", False)] if start else []
    return [*begin, *left, ("…", False)], [*begin, *right, ("…", False)]
