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
    attributes: int = 2_000  #: of one element


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
    _check_shape(html if encoding == "utf-8" else text.encode(), limits)
    try:
        tree = HTMLTree.parse(text)
        main = extract_plain_text(tree, main_content=True, preserve_formatting=True)
        title = tree.title or ""
    except Exception as error:
        raise ExtractionError("bad_html", f"{type(error).__name__}: {error}") from None
    return Extraction(text=_clean(main), title=" ".join(_clean(title).split())[:1000], encoding=encoding)


def _check_shape(html: bytes, limits: Limits) -> None:
    from pipelines.markup import shape

    found = shape(html)
    if found.depth > limits.depth:
        raise ExtractionError("too_deep", f"elements nest {found.depth:,} deep, limit {limits.depth:,}")
    if found.nodes > limits.nodes:
        raise ExtractionError("too_complex", f"about {found.nodes:,} nodes, limit {limits.nodes:,}")
    if found.attributes > limits.attributes:
        raise ExtractionError(
            "too_complex", f"an element of {found.attributes:,} attributes, limit {limits.attributes:,}"
        )


def _clean(text: str) -> str:
    """NULs, which no text has, and blanks at the ends of the text are dropped."""
    return text.replace("\0", "").strip()
