"""HTML to arrays: the order of text, what nests in what, and what the head states."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from pipelines.html.elements import CONTEXT, NAMES, fnv
from pipelines.html.page import BREAK, LINKED, PARAGRAPH, TEX, Page, TooCostly
from pipelines.html.scan import scan
from pipelines.html.tags import opening_angles


def runs(html: str) -> list[tuple[str, str]]:
    """Path of elements and text of each run."""
    data = html.encode()
    page = scan(data)
    found = []
    for r in range(len(page.start)):
        path, e = [], page.within[r]
        while e:
            path.append(NAMES[page.tag[e]])
            e = page.parent[e]
        found.append(("/".join(reversed(path)), data[page.start[r] : page.end[r]].decode()))
    return found


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<p>b", [("p", "a"), ("p", "b")]),
        ("<p>a<div>b</div>c", [("p", "a"), ("div", "b"), ("", "c")]),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>", [("ul/li", "a"), ("ul/li", "b"), ("ul/li/ul/li", "c"), ("ul/li", "d")]),
        ("<dl><dt>a<dd>b<dt>c</dl>", [("dl/dt", "a"), ("dl/dd", "b"), ("dl/dt", "c")]),
        ("<table><tr><td>a<tr><th>c</table>d", [("table/tr/td", "a"), ("table/tr/th", "c"), ("", "d")]),
        ("<table><tr><td><table><tr><td>a</table>b</table>", [("table/tr/td/table/tr/td", "a"), ("table/tr/td", "b")]),
        ("<table><tr><td><p>a</tr></div></p></table>b", [("table/tr/td/p", "a"), ("", "b")]),
        ("<b><i>a</b>b</i>", [("b/i", "a"), ("", "b")]),
        ("<div><b>a</div>b", [("div/b", "a"), ("", "b")]),
        ("<div>a</span></section>b</div>", [("div", "a"), ("div", "b")]),
        ("<select><option>a<option>b</select>", [("select/option", "a"), ("select/option", "b")]),
        ("<h1>a<h2>b</h2>", [("h1", "a"), ("h2", "b")]),
        ("<script>'<p>'</script><style>p</style>a", [("", "a")]),
        ("<script>x</scrip></SCRIPT >a", [("", "a")]),
        ("<title>t</title><textarea><p></textarea>a", [("", "a")]),
        ("<!-- <p> --><!--><!---><!x><?y>a<![CDATA[<b>c]]>", [("", "a"), ("", "c]]>")]),
        ("<svg><text>no</text></svg>a<svg><path/><div>b</div></svg>", [("", "a"), ("div", "b")]),
        ("<p title='>' data-x=\"<b>\">a", [("p", "a")]),
        ("<P CLASS=x>a</P>", [("p", "a")]),
        ("a < b <3 c</>d", [("", "a < b <3 c"), ("", "d")]),
        ("<br/>a<br>b", [("", "a"), ("", "b")]),
        ("<body><p>a</body></html>b<body>c", [("body/p", "a"), ("body/p", "b"), ("body/p", "c")]),
    ],
)  # fmt: skip
def test_how_elements_nest(html: str, expected: list[tuple[str, str]]) -> None:
    assert runs(html) == expected


def test_a_link_ends_where_its_end_tag_stands() -> None:
    page = scan(b"<a href=/x><div>in</a>out</div>after <a name=y>anchor</a> <a href=1>one<a href=2>two</a>")
    assert (page.kind == LINKED).tolist() == [True, False, False, False, True, True]
    assert page.link.tolist() == [1, 1, 1, 1, 2, 3]


def test_gaps_and_contexts() -> None:
    page = scan(
        b"<nav>n</nav><div hidden>h</div><div style='color:red;display : none'>s</div><div role=navigation>r</div>"
        b"<p>a<br>b<br><br>c</p><math><annotation encoding='application/x-tex'>x</annotation></math>"
    )
    nav, hidden, styled, role, _, b, c, tex = range(8)
    assert page.context[page.within[nav]] & CONTEXT["nav"]
    assert page.context[page.within[role]] & CONTEXT["nav"]
    assert page.context[page.within[hidden]] & CONTEXT["hidden"]
    assert page.context[page.within[styled]] & CONTEXT["hidden"]
    assert (page.gap[b], page.gap[c]) == (BREAK, PARAGRAPH)
    assert page.kind[tex] == TEX


def test_words_of_classes_and_ids() -> None:
    page = scan(b'<div class="post-bodyText x main_2" id=TheEnd itemprop=articleBody><p>a')
    words = "post body text main the end article body".split()
    assert page.token[page.token0[1] : page.token0[2]].tolist() == [fnv(w.encode()) for w in words]


def test_what_the_head_states() -> None:
    html = b"""<html lang=de><meta property="og:title" content="T"><link rel=canonical href=/c><title>x</title>
    <script type="application/ld+json">{"a": 1}</script><time datetime=2020-01-02>then</time>"""
    page = scan(html)
    stated = {k: html[s:e] for k, s, e in zip(page.state_key.tolist(), page.state_start, page.state_end, strict=True)}
    expected = {
        "html:lang": b"de",
        "meta:og:title": b"T",
        "link:canonical": b"/c",
        "title": b"x",
        "json-ld": b'{"a": 1}',
        "time": b"2020-01-02",
    }
    assert stated == {fnv(name.encode()): value for name, value in expected.items()}


def test_depth_and_nodes_are_bounded() -> None:
    assert scan(b"<i>" * 512 + b"x").deepest == 512
    with pytest.raises(TooCostly, match="depth"):
        scan(b"<i>" * 513 + b"x")
    with pytest.raises(TooCostly, match="nodes"):
        scan(b"<p a b c>x" * 30, nodes=100)


_NAMES = "div p b a i table tr td th ul li dl dd span select option form h1 ruby rt nobr em section button".split()
_TAGS = st.sampled_from([f"{start}{n}{end}" for n in _NAMES for start in ("<", "</") for end in (">", " x='>'>")])
_SOUP = st.lists(st.one_of(_TAGS, st.sampled_from(["x", " y ", "zz", "<!-- <p>q -->", "<?q>", "&amp;"])), max_size=60)


@given(_SOUP)
@example(["<table>", "x", "<td>", "zz", "</div>", "</table>"])
@settings(max_examples=300, deadline=None)
def test_all_text_is_there_in_order_whatever_the_tags(soup: list[str]) -> None:
    html = "".join(soup)
    assert "".join(text for _, text in runs(html)).replace(" ", "") == re.sub(
        r"<!--.*?-->|<(?:[^>']|'[^']*')*>| ", "", html
    )
    check(scan(html.encode()))


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_sound_arrays(data: bytes) -> None:
    check(scan(data.decode("utf-8", "replace").encode()))


def check(page: Page) -> None:
    """Parents come first and enclose the runs of their children; runs follow each other."""
    e = np.arange(len(page.tag))
    assert (page.parent[1:] < e[1:]).all()
    assert (page.run0 <= page.run1).all()
    assert (page.run0[page.parent] <= page.run0).all()
    assert (page.run1[page.parent] >= page.run1).all()
    assert (page.start < page.end).all()
    assert (page.start[1:] >= page.end[:-1]).all()
    assert (page.run0[page.within] <= np.arange(len(page.start))).all()
    assert (page.run1[page.within] > np.arange(len(page.start))).all()


_INLINE = "b i em span a code".split()


@st.composite
def tree(draw: st.DrawFn, depth: int = 3) -> str:
    """Well-formed HTML whose tree is as written."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(["word", "two words", " ", "ü"]))
    inside = "".join(draw(st.lists(tree(depth=depth - 1), max_size=4)))
    if depth == 3:
        return f"<div class={draw(st.sampled_from('xyz'))}>{inside}</div>"
    return "<{0}>{1}</{0}>".format(draw(st.sampled_from(_INLINE)), inside)


@given(tree())
@settings(max_examples=150, deadline=None)
def test_well_formed_pages_nest_as_in_a_browsers_parser(html: str) -> None:
    document = LexborHTMLParser(html)
    expected = []
    for node in document.root.traverse(include_text=True):
        if node.tag == "-text" and node.text_content.strip():
            path, up = [], node.parent
            while up is not None and up.tag not in ("body", "html"):
                path.append(up.tag)
                up = up.parent
            expected.append(("/".join(reversed(path)), node.text_content.strip()))
    assert runs(html) == expected


@given(st.lists(st.sampled_from([0x3C, 0x3B, 0x3D, 0xBC, 0x00, 0xFF]), max_size=70).map(bytes))
@example(b"<" * 64)
def test_opening_angles_are_found_wherever_they_stand(data: bytes) -> None:
    found = opening_angles(np.frombuffer(data, np.uint8))
    assert found.tolist() == [i for i, c in enumerate(data) if c == 0x3C]
