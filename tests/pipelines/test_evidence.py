"""The pages on which other tools misread licences, each with the right answer."""

from __future__ import annotations

import time

import pytest

from manifests.licences import conclude
from pipelines.evidence import from_html

BY = "https://creativecommons.org/licenses/by/4.0/"
NC = "https://creativecommons.org/licenses/by-nc/4.0/"


def licence(body: str, head: str = "", **headers: str) -> tuple[str, str]:
    html = f"<html><head>{head}</head><body>{body}</body></html>".encode()
    claims, _ = from_html(html, headers=headers, url="https://example.org/")
    return conclude(claims)[:2]


def jsonld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


@pytest.mark.parametrize(
    ("name", "body", "head", "expected"),
    [
        ("photo credit", f'<figure><figcaption>Photo <a href="{BY}">CC BY</a></figcaption></figure>', "", "unknown"),
        ("image in JSON-LD", "", jsonld(f'[{{"@type": "ImageObject", "license": "{BY}"}}]'), "unknown"),
        ("page in @graph", "", jsonld(f'{{"@graph": [{{"@type": "WebPage", "license": "{BY}"}}]}}'), "permissive"),
        ("image below a page", "", jsonld(f'{{"@type":"Article","image":{{"@type":"ImageObject","license":"{BY}"}}}}'),
         "unknown"),
        ("DC.rights", "", f'<meta name="DC.rights" content="{BY}">', "permissive"),
        ("dcterms.license", "", f'<meta name="dcterms.license" content="{BY}">', "permissive"),
        ("microdata image", f'<div itemscope itemtype="http://schema.org/ImageObject"><a itemprop="license" '
         f'href="{BY}">x</a></div>', "", "unknown"),
        ("RDFa about a photo", f'<div about="photo.jpg"><a rel="license" href="{BY}">x</a></div>', "", "unknown"),
        ("preconnect", "", f'<link rel="preconnect" href="{BY}">', "unknown"),
        ("not used", f'<p>See the <a href="{NC}">NC licence</a>, which we do not use.</p>', "", "unknown"),
        ("photos in the footer", f'<footer>Text © us. Photos <a href="{BY}">CC BY</a></footer>', "", "unknown"),
        ("footer", f'<footer>Content under <a href="{BY}">CC BY 4.0</a></footer>', "", "permissive"),
        ("rel=license", f'<p><a rel="license" href="{BY}">licence</a></p>', "", "permissive"),
        ("zero", '<footer><a href="https://creativecommons.org/publicdomain/zero/1.0/">CC0</a></footer>', "",
         "public-domain"),
        ("look-alike host", '<footer><a href="https://evil-creativecommons.org/licenses/by/4.0/">x</a></footer>', "",
         "unknown"),
        ("disagreement of equals", "", f'<link rel="license" href="{BY}"><link rel="license" href="{NC}">',
         "noncommercial"),
        ("the stronger kind", f'<footer><a href="{NC}">x</a></footer>', f'<link rel="license" href="{BY}">',
         "permissive"),
        ("badge", '<footer><img src="https://licensebuttons.net/l/by-sa/4.0/88x31.png"></footer>', "", "copyleft"),
        ("nothing", "<p>Hello</p>", "", "unknown"),
        ("all rights reserved", "", '<meta name="copyright" content="© 2024 A, all rights reserved">', "reserved"),
    ],
)  # fmt: skip
def test_pitfalls(name: str, body: str, head: str, expected: str) -> None:
    assert licence(body, head)[1] == expected


def test_an_unstated_version_stays_unknown() -> None:
    page = '<footer><a href="https://creativecommons.org/licenses/by/">CC BY</a></footer>'
    assert licence(page) == ("LicenseRef-CC-BY-unversioned", "permissive")
    page = '<footer><a href="https://creativecommons.org/licenses/by/3.0/igo/">CC BY</a></footer>'
    assert licence(page)[0] == "CC-BY-3.0-IGO"


def test_the_link_header_counts() -> None:
    assert licence("", link=f'<{BY}>; rel="license"')[0] == "CC-BY-4.0"


def test_reservations() -> None:
    html = b'<meta name="robots" content="index, noai"><meta name="tdm-reservation" content="1">'
    headers = {"x-robots-tag": "noai", "tdm-reservation": "0", "content-usage": "search=y, train-ai=n"}
    _, found = from_html(html, headers=headers, url="")
    assert {(r.protocol, r.value) for r in found} == {
        ("meta-robots", "deny"), ("tdmrep", "deny"), ("tdmrep", "allow"), ("x-robots-tag", "deny"), ("aipref", "deny")
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, '{"@graph": [[[[{"license": {"@id": 3}}]]]]}', '"' + "x" * 3_000_000 + '"']
)
def test_hostile_structured_data_is_survived(text: str) -> None:
    assert licence("", jsonld(text))[1] == "unknown"


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 4_000 + f'<a href="{BY}">x</a>' * 5_000,
        f'<a href="{BY}">x</a>' * 100_000,
        '<a href="https://creativecommons.org/licenses/nothing/4.0/">x</a>' * 50_000,
        '<img src="https://licensebuttons.net/l/nothing/4.0/88x31.png">' * 50_000,
        '<meta name="robots" content="noai">' * 50_000,
    ],
    ids=["deep", "links", "no licences", "no badges", "metas"],
)
def test_hostile_pages_cost_little(body: str) -> None:
    html = f"<html><body>{body}".encode()
    started = time.process_time()
    claims, reservations = from_html(html, headers={}, url="")
    assert time.process_time() - started < 5
    assert len(claims) <= 64
    assert len(reservations) <= 64


def test_reservations_that_name_an_agent_or_a_licence_server() -> None:
    html = (
        b'<meta name="GPTBot" content="noai, noimageai"><meta name="robots" content="noindex">'
        b'<link rel="license" type="application/rsl+xml" href="https://example.org/rsl.xml">'
    )
    headers = {"link": '<https://example.org/all.xml>; rel="license"; type="application/rsl+xml"'}
    claims, found = from_html(html, headers=headers, url="")
    assert claims == ()
    assert {(r.protocol, r.value, r.agent, r.raw) for r in found} == {
        ("meta-robots", "deny", "gptbot", "noai, noimageai"),
        ("rsl", "unknown", "*", "https://example.org/rsl.xml"),
        ("rsl", "unknown", "*", "https://example.org/all.xml"),
    }


def test_a_header_s_link_is_read_to_its_end() -> None:
    nc = "https://creativecommons.org/licenses/by-nc/4.0/"
    headers = {"link": f'<{BY}>; title="a, <b>; c"; rel="license", <{nc}>; rel=next, <{nc}>'}
    claims, _ = from_html(b"", headers=headers, url="")
    assert [c.expression for c in claims] == ["CC-BY-4.0"]


@pytest.mark.parametrize("agent", ["GPTBot", "ClaudeBot", "anthropic-ai", "Google-Extended", "bingbot", "CCBot"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_tag_for_one_agent_is_found_whatever_else_the_page_says(agent: str, quote: str) -> None:
    html = f"<meta name={quote}{agent}{quote} content={quote}NoAI{quote}>"
    _, (found,) = from_html(html.encode(), headers={}, url="")
    assert (found.value, found.agent) == ("deny", agent.lower())
    for quoting in (f"<!-- {html} -->", f"<script>{html}</script>", f"<template>{html}</template>"):
        assert from_html(quoting.encode(), headers={}, url="") == ((), ())


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"tdm-reservation": "0, 1"}, [("tdmrep", "deny", "*")]),
        ({"tdm-reservation": "yes"}, []),
        ({"x-robots-tag": "googlebot: noindex, gptbot: noai, ccbot: nosnippet"}, [("x-robots-tag", "deny", "gptbot")]),
        ({"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"}, [("x-robots-tag", "deny", "*")]),
    ],
)
def test_headers_sent_twice_and_for_one_agent(headers: dict[str, str], said: list[tuple[str, str, str]]) -> None:
    _, found = from_html(b"", headers=headers, url="")
    assert [(r.protocol, r.value, r.agent) for r in found] == said
