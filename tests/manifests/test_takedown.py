"""Requests, the deny list, and what follows from a document."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.lineage import relations
from manifests.takedown import Denied, DenyList, Plan, Request, Target

HASH = "0" * 32


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("site", "example.org", "it can be by"),
        ("url", " ", "is empty"),
        ("domain", "example.org/blog", "use --prefix"),
        ("domain", "/blog", "names no host"),
        ("owner", "nowhere:acme", "github"),
        ("owner", "github:a/b", "github"),
        ("hash", "abc", "32 hexadecimal"),
        ("id", "ABC", "32 hexadecimal"),
        ("licence", "free as in beer", "no licence known"),
    ],
)
def test_bad_requests_are_refused_in_one_line(kind: str, value: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        Request(kind, value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "value", "denied", "let_in"),
    [
        ("domain", "example.org", "https://www.example.org/a", "https://example.org.evil.com/"),
        ("prefix", "example.org/blog", "http://example.org/blog/a", "http://example.org/blogger"),
        ("url", "https://example.org/a", "http://example.org/a", "https://example.org/ab"),
        ("url", "example.org/a", "http://example.org/a", "https://example.org/ab"),
        ("owner", "github:acme", "https://github.com/acme/x", "https://github.com/acmecorp/x"),
        ("owner", "github:acme", "https://acme.github.io/", "https://github.io/"),
        ("owner", "example.org", "https://a.example.org/", "https://sample.org/"),
    ],
)
def test_addresses_are_denied(kind: str, value: str, denied: str, let_in: str) -> None:
    deny = DenyList([Denied("domain", "aaa.com"), Denied(kind, value), Denied("domain", "zzz.net")])
    found = deny.denies(url=denied)
    assert found is not None
    assert (found.kind, found.value) == (kind, value)
    assert deny.denies(url=let_in) is None
    assert deny.denies() is None


def test_copies_and_ids_are_denied_and_short_texts_are_nobody_s() -> None:
    deny = DenyList([Denied("hash", HASH), Denied("id", "1" * 32)])
    assert deny.denies(content_hash=HASH) is not None
    assert deny.denies(content_hash=HASH, text=10) is None
    assert deny.denies(identifier="1" * 32) is not None


def test_a_licence_is_denied_however_it_was_written() -> None:
    deny = DenyList([Denied("licence", "CC BY-NC 4.0")])
    assert deny.licences
    assert deny.denies(licence="CC-BY-NC-4.0") is not None
    assert deny.denies(licence="CC-BY-4.0") is None
    assert deny.denies() is None


_SITES = st.sampled_from(["a.org", "b.a.org", "c.b.a.org", "org", "ab.org", "z.com"])


@given(st.lists(_SITES, max_size=5), _SITES)
def test_the_list_is_as_good_as_its_entries(entries: list[str], host: str) -> None:
    deny = DenyList(Denied("domain", e) for e in entries)
    wanted = any(host == e or host.endswith(f".{e}") for e in entries)
    assert (deny.denies(url=f"https://{host}/x") is not None) == wanted


def test_the_list_survives_its_file(tmp_path: Path) -> None:
    uri = str(tmp_path / "deny.jsonl")
    entries = (Denied("domain", "example.org", "0001", "court: “x”"), Denied("hash", HASH))
    DenyList(entries).write(uri)
    assert DenyList.read(uri, str(tmp_path / "absent")).entries == entries
    (tmp_path / "deny.jsonl").write_text('{"kind": "domain", "value": "example.org"}\nnot json\n')
    with pytest.raises(ValueError, match=r"deny.jsonl:2: no entry"):
        DenyList.read(uri)


def test_a_plan_survives_its_journal_and_those_of_earlier_versions_that_say_more() -> None:
    target = Target("web/part-1", 3, "1" * 32, "https://e.org/", HASH, "s", 9, "requested")
    plan = Plan((Request("id", "1" * 32),), (target,), {"shards/olmo/a.npy": [(0, 9)]})
    told = plan.as_dict()
    assert Plan.of(told) == plan
    told["targets"][0]["characters"] = 40
    assert Plan.of(told) == plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("relations"))


@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.integers(0, 15), st.sampled_from(["survivor", "cluster", "parents"])),
        max_size=20,
    ),
    st.lists(st.integers(0, 15), min_size=1, max_size=3),
)
def test_what_follows_is_what_a_plain_search_finds(
    folder: str, told: list[tuple[int, int, str]], asked: list[int]
) -> None:
    keys = pl.Series("key", [n * 7 + 1 for n in range(16)], dtype=pl.UInt64)
    rows = [
        {
            "row": a,
            "survivor": None,
            "cluster": None,
            "parents": [],
            kind: [int(keys[b])] if kind == "parents" else keys[b],
        }
        for a, b, kind in told
    ]
    key = {"survivor": pl.UInt64, "cluster": pl.UInt64, "parents": pl.List(pl.UInt64)}
    edges = relations.edges(keys, [pl.DataFrame(rows, schema={"row": pl.Int64, **key})])
    uri = f"{folder}/relations.arrow"
    zeros = {n: pl.lit(0) for n in ("stretches", "shard", "start", "tokens")}
    table = edges.with_columns(**zeros).sort("document", "follower").select(relations.SCHEMA.names)
    relations.write(uri, table.to_arrow())
    found = relations.Relations(uri).follow(np.array(sorted(set(asked)), np.int64), 16)
    goes = set(asked)
    while True:
        more = {b for a, b, k in told if a in goes and k != "parents"} | {a for a, b, _ in told if b in goes}
        if more <= goes:
            break
        goes |= more
    assert set(found.numbers.tolist()) == goes - set(asked)
    assert len(found.numbers) == len(goes - set(asked))
    for number, by, kind in zip(found.numbers.tolist(), found.by.tolist(), found.kind.tolist(), strict=True):
        assert by in goes
        assert (by, number, kind) in set(edges.select("document", "follower", "kind").iter_rows())
