"""The main text of an HTML page. What a page may cost is bounded in bytes, nodes and depth, never in time."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.charset import decode


@dataclass(frozen=True)
class Limits:
    """What a page may hold. Real pages stay far below: browsers themselves stop nesting at a depth of 512."""

    bytes: int = 10_000_000
    depth: int = 512
    nodes: int = 1_000_000
    steps: int = 300_000_000  #: open elements a parser may look through, in all: about a second
    pairs: int = 50_000_000  #: of attributes of the same element, which are compared: 7,000 attributes of one element


@dataclass(frozen=True)
class Extraction:
    """What a page gives: its main text with paragraphs and lists as lines, its title, and how its bytes were read."""

    text: str
    title: str
    encoding: str


class ExtractionError(ValueError):
    """A page that is refused; ``reason`` is a short code, the message gives value and limit."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def extract_text(
    html: bytes, *, url: str | None = None, charset: str | None = None, limits: Limits | None = None
) -> Extraction:
    """Main text of ``html`` by Resiliparse (Bevendorff et al., ECIR 2018), formatting kept.

    ``charset`` is what the HTTP header declares; the page's own declaration and its bytes are consulted too. ``url``
    is not needed by the extractor; it is part of the signature for extractors that treat sites differently.
    Raises ExtractionError with reason ``record_too_large``, ``too_deep``, ``too_complex`` or ``bad_html``. An empty
    text is no error here.
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    limits = limits or Limits()
    if len(html) > limits.bytes:
        raise ExtractionError("record_too_large", f"page of {len(html):,} bytes, limit {limits.bytes:,}")
    text, encoding = decode(html, charset, html=True)
    deep = _check_shape(html if encoding == "utf-8" else text.encode(), limits)
    try:
        tree = HTMLTree.parse(text)
        if deep and tree.document is not None:
            _check_depth(tree.document.html.encode(), limits)
        main = extract_plain_text(tree, main_content=True, preserve_formatting=True)
        title = tree.title or ""
    except ExtractionError:
        raise
    except Exception as error:
        raise ExtractionError("bad_html", f"{type(error).__name__}: {error}") from None
    return Extraction(text=_clean(main), title=" ".join(_clean(title).split())[:1000], encoding=encoding)


def _check_shape(html: bytes, limits: Limits) -> bool:
    """Refuses a page that is too costly to parse; whether one that is not may still nest too deep to extract from."""
    from pipelines.markup import shape

    found = shape(html)
    if found.nodes > limits.nodes:
        raise ExtractionError("too_complex", f"about {found.nodes:,} nodes, limit {limits.nodes:,}")
    if found.pairs > limits.pairs:
        raise ExtractionError("too_complex", f"{found.pairs:,} pairs of attributes, limit {limits.pairs:,}")
    if found.steps > limits.steps:
        raise ExtractionError("too_complex", f"{found.steps:,} steps through open elements, limit {limits.steps:,}")
    return found.depth > limits.depth


def _check_depth(written: bytes, limits: Limits) -> None:
    """Refuses a page by its depth as parsed: written out again it is well-formed, and its depth can be counted."""
    from pipelines.markup import shape

    depth = shape(written, written=True).depth
    if depth > limits.depth:
        raise ExtractionError("too_deep", f"elements nest {depth:,} deep, limit {limits.depth:,}")


def _clean(text: str) -> str:
    """NULs, which no text has, and blanks at the ends of the text are dropped."""
    return text.replace("\0", "").strip()
