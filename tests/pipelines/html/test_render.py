"""Blocks to text: what a reader sees of paragraphs, lists, tables, code and formulas, and every character reference."""

from __future__ import annotations

import html as entities
from html.entities import html5

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.html.blocks import blocks
from pipelines.html.elements import fnv
from pipelines.html.render import render
from pipelines.html.scan import scan


def text(html: str, *, markdown: bool = False, without: str = "") -> str:
    data = html.encode()
    page = scan(data)
    found = blocks(data, page)
    keep = np.array(
        [not without or without not in html[page.start[r] : page.end[r]] for r in found.first[:-1]], np.bool_
    )
    return render(data, page, found, keep, markdown=markdown)


@pytest.mark.parametrize(
    ("html", "plain", "marked"),
    [
        ("<h2>a</h2><p>b<br>c</p>d", "a\n\nb\nc\n\nd", "## a\n\nb\nc\n\nd"),
        ("<p> a\n  b <b>c</b>d <i> e</i> </p>", "a b cd e", "a b cd e"),
        ("<span>a</span><span>b</span>", "a b", "a b"),
        ("<ul><li>a<ul><li>b<li><p>c<p>d</ul><li>e</ul><p>f", "- a\n  - b\n  - c\n    d\n- e\n\nf", None),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b", None),
        (
            "<table><tr><th>a<th>b|<tr><td><td>c<br>d</table>e",
            "| a | b\\| |\n| | c d |\n\ne",
            "| a | b\\| |\n|---|---|\n| | c d |\n\ne",
        ),
        (f"<table><tr><td>{'long ' * 200}<td>b</table>", "long " * 199 + "long\n\nb", None),
        ("<pre>  a\n<b>if</b> <i>x</i>:\n    &lt;b</pre>", "a\nif x:\n    <b", "```\n  a\nif x:\n    <b\n```"),
        ("<blockquote><p>a</blockquote>", "a", "> a"),
        ("<p>use <code>a b</code>, so", "use a b, so", "use `a b`, so"),
        ("<p>if <math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math>", "if $x^2$", None),
        ("<p>if <math><mi>x</mi><mo>=</mo><mn>1</mn></math>", "if x=1", None),
        ("<p>let <script type='math/tex; mode=display'>a<b</script> be", "let $a<b$ be", None),
        (
            "<p><span class=katex><span class=katex-mathml><math><annotation encoding='application/x-tex'>y"
            "</annotation></math></span><span class=katex-html aria-hidden=true>y</span></span>.",
            "$y$.",
            None,
        ),
        ("<p>a\0b\x07c\ufeff\u00add", "abcd", None),
        ("", "", ""),
    ],
)
def test_shapes(html: str, plain: str, marked: str | None) -> None:
    assert text(html) == plain
    if marked is not None:
        assert text(html, markdown=True) == marked


def test_what_is_left_out_leaves_no_trace() -> None:
    html = "<p>a</p><ul><li>no<li>b</ul><table><tr><td>no<td>c<tr><td>d<td>no</table>"
    assert text(html, without="no") == "a\n\n- b\n\n| | c |\n| d |"


def test_no_two_entities_share_a_hash() -> None:
    assert len({fnv(name.encode()) for name in html5}) == len(html5)


def test_every_named_entity() -> None:
    for name, value in html5.items():
        shown = text(f"<p>[&{name}]") if name.endswith(";") else text(f"<p>[&{name} ]").replace(" ]", "]")
        if value.isprintable() and value not in ("\xa0", "\xad"):
            assert shown == f"[{value}]", name


_PIECES = st.sampled_from(
    ["a", "Z", "9", ";", " ", "&amp;", "&ampx", "&notit;", "&notin;", "&eacute", "&#65;",
     "&#x41", "&#150;", "&", "&#", "&#x;",
     "&#0;", "&#xD800;", "&#1114112;", "&nosuch;", "&Aacute;", "&ngE;"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12))
@settings(max_examples=300, deadline=None)
def test_references_as_in_the_standard_library(pieces: list[str]) -> None:
    source = "x" + "".join(pieces)
    assert text(f"<p>{source}") == " ".join(entities.unescape(source).split())
