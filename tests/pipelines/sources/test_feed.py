"""Feeds as documents of a crawl."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.extract import Limits
from pipelines.sources import feed
from tests.pipelines.sources.test_bad_crawls import http, members, read, record, stored

RSS = b"""<?xml version="1.0"?><rss><channel><title>News &amp; more</title><item><title><![CDATA[One]]></title>
<description>&lt;p&gt;First &lt;b&gt;text&lt;/b&gt; &amp;amp; so&lt;/p&gt;&lt;p&gt;on&lt;/p&gt;</description></item>
<item><title>Two</title><description>short</description>
<content:encoded xmlns:content="c"><![CDATA[<p>All of <i>it</i></p>]]></content:encoded></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">A</title><entry><title>One</title>
<summary>first</summary></entry></feed>"""


@pytest.mark.parametrize(
    ("body", "media_type", "title", "text"),
    [
        (RSS, "application/rss+xml", "News & more", "One\n\nFirst text & so\n\non\n\nTwo\n\nAll of it"),
        (ATOM, "text/xml", "A", "One\n\nfirst"),
    ],
)
def test_a_feed_is_a_document(tmp_path: Path, body: bytes, media_type: str, title: str, text: str) -> None:
    documents, rejects, _ = read(stored(tmp_path / "x.warc.gz", members(record(0, http(body, media_type)))))
    assert not rejects
    assert [(d.title, d.text) for d in documents] == [(title, text)]


@pytest.mark.parametrize("name", [b"item", b"title", b"description"])
def test_elements_never_closed_cost_time_linear_in_the_bytes(name: bytes) -> None:
    body = b"<rss><item><title>News</title>" + b"<%s>x" % name * 300_000 + b"</item>"
    title, text = feed.read(body, None, limits=Limits())  # hours, were it quadratic
    assert title == "News"
    assert text.startswith("News")


def test_other_xml_and_empty_feeds_are_no_documents(tmp_path: Path) -> None:
    blocks = [http(b"<?xml version='1.0'?><data>x</data>", "text/xml"), http(b"<rss></rss>", "application/rss+xml")]
    file = stored(tmp_path / "x.warc.gz", members(*(record(i, b) for i, b in enumerate(blocks))))
    documents, rejects, counts = read(file)
    assert not documents
    assert [r.reason for r in rejects] == ["no_text"]
    assert counts["skipped:text/xml"] == 1


def test_a_truncated_record_says_so(tmp_path: Path) -> None:
    whole = record(0, http(b"<p>" + b"a sentence of a page, cut by its crawler. " * 9))
    file = stored(tmp_path / "x.warc.gz", members(whole.replace(b"WARC-Date", b"WARC-Truncated: length\r\nWARC-Date")))
    documents, _, _ = read(file)
    assert ("warc-truncated", "length") in documents[0].headers
