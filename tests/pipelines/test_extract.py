"""Pages to text: real pages, pages in any charset, and pages made to cost much."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from pipelines.charset import decode
from pipelines.extract import ExtractionError, Limits, extract_text
from pipelines.markup import shape

PROSE = "The quick brown fox jumps over the lazy dog, and then it rests in the shade of an old tree. " * 4
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 5


def page(text: str, head: str = "") -> str:
    return f"<html><head><title>A  title</title>{head}</head><body><p>{text}</p></body></html>"


def test_main_text_and_title_without_the_rest() -> None:
    html = (
        "<html><head><title> The\n fox </title><style>p {}</style><script>var a = '<p>no</p>'</script></head><body>"
        f"<nav><a href=/>Home</a></nav><article><h1>Foxes</h1><p>{PROSE}</p><h2>What they say</h2><p>{PROSE[:90]}</p>"
        f"<pre>a\n  b</pre><p>{PROSE}</article><!-- hidden --><footer>imprint</footer></body></html>"
    )
    found = extract_text(html.encode())
    assert found.title == "The fox"
    assert found.encoding == "utf-8"
    assert "\n\nWhat they say\n\n" in found.text
    assert PROSE.strip() in found.text
    assert "a\n  b" in found.text
    assert not re.search("Home|hidden|imprint|var a", found.text)


@pytest.mark.parametrize(
    "html", [b"", b" ", b"<", b"</", b"<!--", b"<!doctype html>", b"\0" * 100, b"<html><body></body>"]
)
def test_pages_without_text_give_none(html: bytes) -> None:
    assert extract_text(html).text in ("", "<", "</")


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end(data: bytes) -> None:
    found = extract_text(data)
    (found.text + found.title).encode()  # no lone surrogates
    assert "\0" not in found.text


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("utf-8", RUSSIAN),
        ("windows-1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("shift_jis", JAPANESE),
        ("euc-jp", JAPANESE),
        ("iso-2022-jp", JAPANESE),
        ("gb18030", "我是一只猫。还没有名字。" * 9),
        ("big5", "我是一隻貓。還沒有名字。" * 9),
        ("euc-kr", "나는 고양이다. 이름은 아직 없다. " * 9),
        ("iso-8859-1", "Le cœur déçu mais l'âme plutôt naïve".replace("œ", "oe") * 5),
        ("windows-1252", "“Zwölf” – naïve café €5 " * 9),
    ],
)
@pytest.mark.parametrize("how", ["header", "meta", "undeclared"])
def test_charsets(codec: str, text: str, how: str) -> None:
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={codec}">' if how == "meta" else ""
    data = page(text, meta).encode(codec)
    if how == "undeclared" and codec in ("iso-8859-1", "windows-1252", "big5", "gb18030", "euc-kr"):
        pytest.skip("short text in these cannot be told from others' by its bytes")
    found = extract_text(data, charset=codec if how == "header" else None)
    assert found.text == text.strip()


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_overrules_what_is_declared(mark: str) -> None:
    assert extract_text(page(RUSSIAN).encode(mark), charset="windows-1252").text == RUSSIAN.strip()


@pytest.mark.parametrize("declared", ["utf-8", "x-nonsense", "", "windows-1252", "iso-8859-1", "us-ascii"])
def test_utf8_is_believed_before_a_one_byte_charset(declared: str) -> None:
    assert extract_text(page(RUSSIAN).encode(), charset=declared).text == RUSSIAN.strip()


def test_a_wrong_declaration_gives_way_to_the_bytes() -> None:
    assert extract_text(page(RUSSIAN, '<meta charset="utf-8">').encode("cp1251"), charset="utf-8").encoding == "cp1251"
    assert extract_text(page(RUSSIAN, '<meta charset="utf-16">').encode()).text == RUSSIAN.strip()


def test_a_page_cut_within_a_character_stays_utf8() -> None:
    text, name = decode((RUSSIAN * 3).encode()[:-3])
    assert name == "utf-8"
    assert text.startswith(RUSSIAN)


@given(st.binary(max_size=100), st.sampled_from([None, "utf-8", "gbk", "utf-16le", "iso-2022-jp", "hz", "nonsense"]))
@settings(deadline=None)
def test_decoding_never_fails(data: bytes, declared: str | None) -> None:
    text, name = decode(data, declared, html=True)
    text.encode()
    assert name


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        (b"<p>hello world</p>" * 2_800_000, "record_too_large"),  # 50 MB
        (b"<div>" * 10_000 + b"x" + b"</div>" * 10_000, "too_deep"),
        (b"<div>" * 100_000 + b"x" + b"</div>" * 100_000, "too_deep"),
        (b"<span>" * 50_000 + b"</div>" * 50_000, "too_deep"),
        (b"<svg>" + b"<path>" * 20_000, "too_deep"),
        (b"<svg>" + b"<div/>" * 20_000, "too_deep"),
        (b"<rt>a" * 20_000, "too_deep"),
        (b"a<br>" * 1_500_000, "too_complex"),
        (b"".join(b"<b id=%d>" % i for i in range(500)) + b"<p>a" * 100_000, "too_complex"),
        (b"<p " + b" ".join(b"a%d=1" % i for i in range(100_000)) + b">a", "too_complex"),
        (b"<p " + b" ".join(b"a%d=1" % i for i in range(1_000_000)) + b">a", "too_complex"),
        (b"<p a b c d e f g h i j>x" * 200_000, "too_complex"),
        (b"<p " + b"/".join(b"a%d='>'" % i for i in range(100_000)) + b">a", "too_complex"),
    ],
)
def test_pages_made_to_cost_much_are_refused(html: bytes, reason: str) -> None:
    with pytest.raises(ExtractionError) as refused:
        extract_text(html)
    assert refused.value.reason == reason
    assert re.search(r"[\d,]+.*limit [\d,]+", str(refused.value))


def test_pages_that_only_look_costly_are_read() -> None:
    shapes = "<svg>" + '<rect width="1"/>' * 5000 + "</svg>"
    script = "<script>" + "document.write('<div><div>');" * 5000 + "</script>"
    table = "<table>" + f"<tr><td>{PROSE[:90]}<td>b" * 20000 + "</table>"
    for extra in (
        shapes,
        script,
        table,
        "<!-- " + "<div>" * 5000 + " -->",
        "<p>a<br>" * 5000,
        "<li>a" * 5000,
        "<dl>" + "<dt>a<dd>b" * 9000,
    ):
        assert PROSE.strip() in extract_text(page(PROSE + extra).encode()).text


def test_limits_can_be_set() -> None:
    html = page(PROSE).encode()
    assert extract_text(html, limits=Limits(bytes=len(html))).text
    with pytest.raises(ExtractionError):
        extract_text(html, limits=Limits(bytes=len(html) - 1))


_NAMES = (
    "div p b a i table tr td th ul li dl dd span svg g path rect math mi select option button form h1 ruby rt nobr em"
)
_TAGS = st.sampled_from([f"{start}{n}{end}" for n in _NAMES.split() for start in ("<", "</") for end in (">", "/>")])


@given(st.lists(st.one_of(_TAGS, st.sampled_from(["x", "<a b='>'>", "<!-- <p> -->", "<?x>", "<!x>"])), max_size=40))
@example(["<svg>", "<div/>", "<g/>"])
@example(["<div>", "</g>"])
@example(["<dd>", "<li>"])
@example(["<math/>", "<rt/>"])
@example(["</p>", "x"])
@example(["<select>", "<xmp>", "</select>", "<div>"])
@settings(max_examples=300, deadline=None)
def test_what_is_foreseen_bounds_what_is_parsed(soup: list[str]) -> None:
    html = "".join(soup) * 20
    foreseen = shape(html.encode())
    depth, elements = parsed(html)
    # tables and links make elements that no tag names: a row's tbody, a cell's tr
    assert depth <= 3 * foreseen.depth + 8
    assert elements <= 3 * foreseen.nodes + 8
    written = HTMLTree.parse(html).document.html.encode()
    assert shape(written, written=True).depth in range(depth - 3, depth + 1)


def parsed(html: str) -> tuple[int, int]:
    """Depth and number of elements of the tree a parser makes."""
    depth = elements = 0
    level = [HTMLTree.parse(html).document]
    while level:
        level = [child for node in level for child in node.child_nodes if child.type == 1]
        elements += len(level)
        depth += bool(level)
    return depth, elements


@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("aeb", 0.88), ("wcxb-dev", 0.74)])
def test_real_pages(shared_data: Path, name: str, floor: float) -> None:
    """Word F1 against the text that people marked."""
    truth = {}
    for line in (shared_data / "html" / name / "truth.jsonl").read_text().split("\n"):
        if not line:
            continue
        row = json.loads(line)
        truth[row["id"]] = row["text"]
    scores = []
    for row in pq.read_table(shared_data / "html" / name / "pages.parquet").to_pylist():
        a, b = (Counter(re.findall(r"\w+", t)) for t in (extract_text(row["html"]).text, truth[row["id"]]))
        scores.append(2 * sum((a & b).values()) / max(1, sum(a.values()) + sum(b.values())))
    assert sum(scores) / len(scores) >= floor
