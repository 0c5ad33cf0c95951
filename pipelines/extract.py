"""The main text of an HTML page. What a page may cost is bounded in bytes, nodes and depth, never in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.charset import as_utf8
from pipelines.html import TooCostly, main_text


@dataclass(frozen=True)
class Limits:
    """What a page may hold. Real pages stay far below: browsers themselves stop nesting at a depth of 512."""

    bytes: int = 10_000_000
    depth: int = 512
    nodes: int = 1_000_000  #: tags, runs of text and attributes


@dataclass(frozen=True)
class Extraction:
    """What a page gives: its main text, what its head states, and how its bytes were read.

    ``date`` is the day of publication (ISO 8601), ``canonical`` the address the page gives for itself, ``language`` the
    tag it declares (BCP 47). They are hints, as the page states them; empty where it does not.
    """

    text: str
    title: str
    encoding: str
    author: str = ""
    date: str = ""
    canonical: str = ""
    language: str = ""


class ExtractionError(ValueError):
    """A page that is refused; ``reason`` is a short code, the message gives value and limit."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def extract_text(
    html: bytes,
    *,
    url: str | None = None,
    charset: str | None = None,
    limits: Limits | None = None,
    output: Literal["text", "markdown"] = "text",
    comments: bool = False,
) -> Extraction:
    """Main text of ``html`` in page order: paragraphs parted by an empty line, items, table rows and code as lines.

    A classifier over the page's blocks decides (``pipelines.html``). ``charset`` is what the HTTP header declares; the
    page's own declaration and its bytes are consulted too. ``url`` is where a relative canonical address starts from.
    ``comments`` adds what readers wrote below. ``output`` ``markdown`` marks headings, code and quotations as well.
    Raises ExtractionError with reason ``record_too_large``, ``too_deep`` or ``too_complex``. An empty text is no error
    here.
    """
    limits = limits or Limits()
    if len(html) > limits.bytes:
        raise ExtractionError("record_too_large", f"page of {len(html):,} bytes, limit {limits.bytes:,}")
    data, encoding = as_utf8(html, charset, html=True)
    try:
        found = main_text(
            data, depth=limits.depth, nodes=limits.nodes, markdown=output == "markdown", comments=comments
        )
    except TooCostly as error:
        if error.what == "depth":
            raise ExtractionError(
                "too_deep", f"elements nest {error.found:,} deep or deeper, limit {limits.depth:,}"
            ) from None
        raise ExtractionError("too_complex", f"about {error.found:,} nodes, limit {limits.nodes:,}") from None
    stated = found.metadata
    return Extraction(
        text=found.text,
        title=stated.title,
        encoding=encoding,
        author=stated.author,
        date=stated.date,
        canonical=_absolute(stated.canonical, url),
        language=stated.language,
    )


def _absolute(address: str, url: str | None) -> str:
    if not address or not url or "://" in address[:12]:
        return address
    from urllib.parse import urljoin

    try:
        return urljoin(url, address)
    except ValueError:
        return address
