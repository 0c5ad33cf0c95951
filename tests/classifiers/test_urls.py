"""Addresses against lists."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from classifiers import urls

LISTS = urls.Lists(
    domains=frozenset(["bad.co.uk", "sub.example.org", urls.canonical("Bücher.de")]),
    addresses=frozenset(["http://x.org/page?1"]),
    words=frozenset(["casino"]),
    soft_words=frozenset(["free", "win", "bonus"]),
    parts=frozenset(["pokeronline"]),
)


@pytest.mark.parametrize(
    ("url", "listed", "domain"),
    [
        ("https://www.bad.co.uk/a", "domain", "bad.co.uk"),
        ("https://sub.example.org/", "host", "example.org"),
        ("https://example.org/", None, "example.org"),
        ("https://WWW.Bad.CO.UK/a", "domain", "bad.co.uk"),
        (" https://Sub.Example.org./", "host", "example.org"),
        ("https://bücher.de/", "domain", "xn--bcher-kva.de"),
        ("https://xn--bcher-kva.de/", "domain", "xn--bcher-kva.de"),
        ("https://" + "ü" * 70 + ".de/", None, "ü" * 70 + ".de"),
        ("http://x.org/page?1", "address", "x.org"),
        ("http://x.org/the-Casino/1", "word", "x.org"),
        ("http://x.org/casinos", None, "x.org"),
        ("http://x.org/free/win", "soft_words", "x.org"),
        ("http://x.org/free/free", None, "x.org"),
        ("http://x.org/best-poker_online", "part", "x.org"),
        ("http://localhost/a", None, "localhost"),
        (None, None, None),
        ("no address", None, None),
    ],
)
def test_lists(url: str | None, listed: str | None, domain: str | None) -> None:
    (row,) = urls.find(pa.array([url], pa.string()), LISTS).to_pylist()
    assert row["url_listed"] == listed
    if url is None or "/" in url:
        assert row["url_domain"] == domain


def test_files_of_lists(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeffCa-sino\n# a comment\n  # another\n\nwin\nказино\n", "utf-8")
    assert urls.read_list([str(file)], normalise=True) == {"casino", "win"}
    assert urls.read_list([str(file)], normalise=False) == {"Ca-sino", "win", "казино"}
    with pytest.raises(ValueError, match=r"nowhere\.txt: cannot be read"):
        urls.read_list([str(tmp_path / "nowhere.txt")], normalise=True)
