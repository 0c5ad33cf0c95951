"""Addresses: what names the page is kept, what does not goes, and bad ones are no address."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.urls import normalised, records


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://Example.org/a/", "https://www.example.org:443/a#top"),
        ("https://example.org/?b=2&a=1&utm_source=x", "https://example.org?a=1&b=2&fbclid=9"),
        ("https://example.org/%7Ejoe/caf%C3%A9", "https://example.org/~joe/café"),
        ("https://example.org/x;jsessionid=1F", "https://example.org/x"),
        ("https://example.org/a%2fb", "https://example.org/a%2Fb#part"),
    ],
)
def test_one_page_has_one_address(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org:8080/", "https://example.org/"),
        ("https://a.example.org/", "https://example.org/"),
        ("https://example.org/?q=a&q=b", "https://example.org/?q=a"),
        ("https://example.org/?q=a&q=b", "https://example.org/?q=b&q=a"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("https://example.org/article.pl?sid=01", "https://example.org/article.pl?sid=02"),
        ("https://example.org/#!/one", "https://example.org/#!/two"),
    ],
)
def test_other_pages_have_others(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize("url", ["", "no address", "mailto:a@b.c", "http://[::1", "http://h:99999/", "http:///path"])
def test_what_is_no_address_has_no_key(url: str) -> None:
    assert normalised(url) == ""
    keys, rows, sketches = records([url, None, "http://a.example/", url])
    assert (len(keys), rows.tolist(), sketches.shape) == (1, [2], (1, 4))


@given(st.text(max_size=40))
def test_any_text_is_normalised_once_and_for_all(text: str) -> None:
    once = normalised(f"http://a.example/{text}")
    assert normalised("http:" + once if once else "") == once


def test_equal_addresses_have_equal_keys() -> None:
    keys, _, _ = records(["http://a.example/x/", "https://www.a.example/x", "http://a.example/y"])
    assert keys[0] == keys[1] != keys[2]
    assert keys.dtype == np.uint64
