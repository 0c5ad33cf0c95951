"""Pages that name a licence which is not theirs, or theirs in a way that is easily missed; with the right answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from manifests.licences import conclude
from pipelines.evidence import from_html

BY = "https://creativecommons.org/licenses/by/4.0/"
PAGES = yaml.safe_load(Path(__file__).with_name("pitfalls.yaml").read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=[p["name"] for p in PAGES])
def test_pitfalls(page: dict[str, str]) -> None:
    html = f"<html><head><title>t</title></head><body>{page['body']}</body></html>".encode()
    claims, _ = from_html(html, headers={}, url="https://example.org/p")
    assert page["expected"] in conclude(claims)[:2]


def test_a_page_in_utf_16_is_read() -> None:
    html = f'<footer><a rel="license" href="{BY}">x</a></footer>'
    claims, _ = from_html(html.encode("utf-16"), headers={}, url="")
    assert conclude(claims)[0] == "CC-BY-4.0"


def test_words_alone_are_weak_evidence() -> None:
    html = b"<p>This work is licensed under a Creative Commons Attribution 4.0 International License.</p>"
    (claim,), _ = from_html(html, headers={}, url="")
    assert (claim.expression, claim.kind) == ("CC-BY-4.0", "statement")
    assert claim.confidence < 0.5


def test_rights_reserved_in_words_are_a_mention_that_decides_nothing() -> None:
    (claim,), _ = from_html(b"<footer>(c) 2024 Acme. All rights reserved.</footer>", headers={}, url="")
    assert (claim.expression, claim.kind) == ("LicenseRef-all-rights-reserved", "mention")
    assert conclude([claim])[1] == "unknown"


def test_elements_of_an_extractor_are_taken_as_they_are() -> None:
    from pipelines.evidence import scan

    html = f'<footer><a rel="license" href="{BY}">x</a></footer>'.encode()
    mine = from_html(html, headers={}, url="")
    assert from_html(html, headers={}, url="", elements=scan.elements(html)) == mine
    none = scan.elements(b"")
    assert from_html(html, headers={}, url="", elements=none) == ((), ())
