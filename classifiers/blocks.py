"""datatrove's filters and formatters, one document at a time, as annotations.

A filter says whether a document is kept, and why not. A formatter's or a filter's change of the text becomes an edit:
the stretch between what both texts have in common at their ends, line by line.
"""

from __future__ import annotations

import difflib
import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: pairs of equal lines, times lines, that are compared: seconds
_COMPARED = 1 << 27


class Judge(Protocol):
    def __call__(self, text: str, metadata: Mapping[str, Any]) -> Judgement: ...


@dataclass(frozen=True)
class Judgement:
    keep: bool
    reason: str | None
    text: str  #: as the block leaves it


def load(path: str, options: Mapping[str, Any]) -> Judge:
    """The block at ``package.module:Name``, built with ``options``. ValueError when it is no filter or formatter."""
    try:
        from datatrove.data import Document
        from datatrove.pipeline.filters.base_filter import BaseFilter
        from datatrove.pipeline.formatters.base import BaseFormatter
    except ImportError:
        raise ValueError(f"block {path}: datatrove is not installed: pip install 'cuvee[datatrove]'") from None
    module, _, name = path.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)(**options)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"block {path!r}: {error}") from None
    except TypeError as error:
        raise ValueError(f"block {path}: cannot be made with options {dict(options)}: {error}") from None
    if isinstance(made, BaseFilter):

        def judge(text: str, metadata: Mapping[str, Any]) -> Judgement:
            document = Document(text, str(metadata.get("id", "")), metadata=dict(metadata))
            verdict = made.filter(document)
            keep, reason = verdict if isinstance(verdict, tuple) else (bool(verdict), None)
            return Judgement(bool(keep), None if keep else str(reason or "dropped"), document.text if keep else text)

        return judge
    if isinstance(made, BaseFormatter):
        return lambda text, _: Judgement(True, None, made.format(text))
    raise ValueError(f"block {path}: is a {type(made).__name__}, neither a filter nor a formatter of datatrove")


def changes(before: str, after: str) -> list[tuple[int, int, str]]:
    """Edits (start, end, replacement) in UTF-8 bytes that make ``after`` of ``before``, by whole lines.

    Texts whose lines repeat so often that comparing them would take long have one edit, between their common ends.
    """
    if before == after:
        return []
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    at = [0]
    for line in old:
        at.append(at[-1] + len(line.encode()))
    again = Counter(new)
    # difflib may look at every pair of equal lines once for every stretch of lines that it finds
    if sum(n * again[line] for line, n in Counter(old).items()) * min(len(old), len(new)) > _COMPARED:
        first = _in_common(old, new)
        last = _in_common(old[first:][::-1], new[first:][::-1])
        return [(at[first], at[len(old) - last], "".join(new[first : len(new) - last]))]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [(at[a], at[b], "".join(new[c:d])) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]


def _in_common(a: Sequence[str], b: Sequence[str]) -> int:
    """How many lines both begin with."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def apply(judge: Judge, texts: Sequence[str], metadata: Sequence[Mapping[str, Any]]) -> list[Judgement]:
    """A judgement of each document; a block that raises on one drops none: its reason says what it raised."""
    found = []
    for text, known in zip(texts, metadata, strict=True):
        try:
            found.append(judge(text, known))
        except (ArithmeticError, LookupError, TypeError, ValueError, AssertionError) as error:
            found.append(Judgement(True, f"failed: {type(error).__name__}: {error}"[:200], text))
    return found
