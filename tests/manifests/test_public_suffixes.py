"""Whose a host is."""

from __future__ import annotations

import pytest

from manifests.public_suffixes import is_suffix, registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("localhost:8080", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("[::1]", "[::1]"),
        ("ada.github.io", "github.io"),
    ],
)
def test_registrable_domain(host: str, domain: str) -> None:
    assert registrable(host) == domain


def test_what_companies_give_to_others_is_a_suffix_where_asked() -> None:
    assert registrable("www.ada.github.io", private=True) == "ada.github.io"
    assert [is_suffix(h) for h in ("com", "co.uk", "example.co.uk", "localhost")] == [True, True, False, False]
