"""The two byte passes, against plain references."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evidence import scan

_PIECES = st.sampled_from(
    [*scan.WORDS, b"x", b"<", b">", b"licens", b"LICENSE", b"cReative", b"righ", b" ", b'"', b"\xff", b"ts", b"commons"]
)


@given(st.lists(_PIECES, max_size=40).map(b"".join))
def test_words_are_found_whatever_their_case(html: bytes) -> None:
    found = scan.hits(html)
    wanted = sorted(
        (m.start(), i) for i, w in enumerate(scan.WORDS) for m in re.finditer(re.escape(w), html, re.IGNORECASE)
    )
    assert sorted(zip(found.position.tolist(), found.word.tolist(), strict=True)) == wanted
    for position, inside in zip(found.position.tolist(), found.inside.tolist(), strict=True):
        assert inside == (html.rfind(b"<", 0, position) > html.rfind(b">", 0, position))


class _Reference(HTMLParser):
    """Names and parents of well-formed markup."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, int]] = []
        self.stack: list[int] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append((tag, self.stack[-1] if self.stack else -1))
        if tag != "br":
            self.stack.append(len(self.found) - 1)

    def handle_endtag(self, tag: str) -> None:
        if self.stack:
            self.stack.pop()


def _tree(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    name = st.sampled_from(["div", "a", "footer", "span"])
    return st.builds(lambda n, inner: f'<{n} class="a>b">{"".join(inner)}</{n}>', name, st.lists(children, max_size=4))


@given(st.recursive(st.sampled_from(["text", "<br>", "<!-- <a> -->", "<!---->"]), _tree, max_leaves=20))
def test_elements_have_their_names_and_parents(html: str) -> None:
    found = scan.elements(html.encode())
    reference = _Reference()
    reference.feed(html)
    assert [int(n) for n in found.name] == [scan.hash_of(n) for n, _ in reference.found]
    assert found.parent.tolist() == [p for _, p in reference.found]


@pytest.mark.parametrize(
    ("html", "parents"),
    [
        ("<p>a<p>b", [-1, -1]),
        ("<ul><li>a<li>b</ul><i>", [-1, 0, 0, -1]),
        ("<table><tr><td>a<td>b<tr><td>c</table>", [-1, 0, 1, 1, 0, 4]),
        ("<div></span></div><b>", [-1, -1]),
        ("<script><a></script><b>", [-1, -1]),
        ("<a <b", [-1]),
        ("<", []),
        ("<!-- <a>", []),
    ],
)
def test_unclosed_elements(html: str, parents: list[int]) -> None:
    assert scan.elements(html.encode()).parent.tolist() == parents


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(html: bytes) -> None:
    found = scan.elements(html)
    assert (found.stop <= len(html)).all()
    assert (found.start < found.stop).all()
    assert (found.end >= found.stop).all() or len(found.start)
