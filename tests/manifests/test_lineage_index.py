"""The lineage index against plain searches of the same documents and spans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import storage
from manifests.lineage import Index, prefix_of, surt, tables
from manifests.lineage.addresses import column

HOSTS = (
    "example.org",
    "www.example.org",
    "example-site.org",
    "a.b.example.org",
    "example.org:8080",
    "192.168.0.1",
    "org",
)
_URLS = st.builds(
    lambda scheme, host, path, query: f"{scheme}://{host}{path}{query}",
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from([*HOSTS, "EXAMPLE.org", "user@example.org", "example.org.", "[::1]", "", "Bücher.example"]),
    st.sampled_from(["", "/", "/blog", "/blog/", "/blog/a", "/blogger", "/B%20c", "/é", "/%7ea%3d%zz b"]),
    st.sampled_from(["", "?a=1", "?", "#f", "?a#f"]),
)


@given(st.lists(st.one_of(_URLS, st.text(max_size=12), st.just("//example.org/a")), max_size=20))
def test_columns_of_addresses_are_reversed_one_by_one(urls: list[str]) -> None:
    assert column(pl.Series(urls, dtype=pl.String)).to_list() == [surt(u) for u in urls]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://News.example.org:8080/a/B?c#d", "org,example,news:8080)/a/B?c"),
        ("http://example.org", "org,example)/"),
        ("https://example.org:443/x", "org,example)/x"),
        ("http://192.168.0.1/x", "192.168.0.1)/x"),
        ("https://Bücher.example/caf\u00e9?q=a b", "example,xn--bcher-kva)/caf%C3%A9?q=a%20b"),
        ("https://xn--bcher-kva.example/caf%c3%a9?q=a%20b", "example,xn--bcher-kva)/caf%C3%A9?q=a%20b"),
        ("https://straße.example/%7Euser/a%2fb", "example,xn--strae-oqa)/~user/a%2Fb"),
        ("https://-bü-.example/100%", "example,-bü-)/100%"),
        ("//example.org/a", "~//example.org/a"),
        ("not an address", "~not an address"),
        ("", "~"),
    ],
)
def test_addresses(url: str, key: str) -> None:
    assert surt(url) == key


@pytest.mark.parametrize(
    ("text", "within", "without"),
    [
        ("example.org", ["https://example.org/", "http://a.b.example.org/x", "https://example.org:8080/"],
         ["https://example-site.org/", "https://org/", "https://exampleXorg/"]),
        ("example.org/blog", ["https://example.org/blog", "https://example.org/blog/a", "http://example.org/blog?x"],
         ["https://example.org/blogger", "https://www.example.org/blog"]),
        ("https://example.org/blog/", ["https://example.org/blog/a"], ["https://example.org/blog"]),
        ("example.org:8080", ["https://example.org:8080/a"], ["https://example.org/a"]),
        ("bücher.example/é", ["https://xn--bcher-kva.example/%c3%a9/a"], ["https://xn--bcher-kva.example/e"]),
    ],
)  # fmt: skip
def test_ranges_of_sites_and_paths(text: str, within: list[str], without: list[str]) -> None:
    ranges = prefix_of(text)
    for url, wanted in [*((u, True) for u in within), *((u, False) for u in without)]:
        assert any(low <= surt(url) < high for low, high in ranges) is wanted, url


@pytest.mark.parametrize("text", ["", "/blog", "a b.org", "http://"])
def test_what_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no host"):
        prefix_of(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pl.DataFrame, pl.DataFrame]:
    """Twenty thousand documents, so that row groups end within sites, in three shards, a tenth of them twice."""
    run, random, n = str(tmp_path_factory.mktemp("index")), np.random.default_rng(0), 20_000
    hosts = [f"{'www.' if i % 3 else ''}site{i % 90}.{'org' if i % 2 else 'com'}" for i in random.integers(0, 400, n)]
    paths = [str(i) for i in random.integers(0, 9000, n)]
    hosts[-1], paths[-1] = "zzz.org", "z" * 6000  # Parquet keeps no statistics of so long an address
    urls = pl.Series([f"https://{h}/{p}" for h, p in zip(hosts, paths, strict=True)])
    documents = pl.DataFrame(
        {
            "url": urls, "surt": column(urls), "key": random.integers(1, 1 << 63, n).astype(np.uint64),
            "part": np.arange(n) // 1000, "row": np.arange(n) % 1000, "file": np.arange(n) % 2,
            "offset": np.arange(n) * 7, "length": np.arange(n) + 1, "signature": np.arange(n) % 3,
            "domain": np.arange(n) % 2, "kept": np.arange(n) % 5 > 0, "tokens": np.arange(n) % 100 + 1,
        }
    ).with_columns(pl.col("part", "row", "file", "signature", "domain", "tokens").cast(pl.Int32))  # fmt: skip
    order = np.concatenate([random.permutation(n), random.permutation(n)[: n // 10]])
    length = documents["tokens"].to_numpy()[order].astype(np.int64)
    shard = np.sort(random.integers(0, 3, len(order))).astype(np.int32)
    end = np.cumsum(length)
    base = np.array([end[np.searchsorted(shard, s)] - length[np.searchsorted(shard, s)] for s in range(3)])
    spans = pl.DataFrame({"shard": shard, "start": end - length - base[shard], "document": order})
    last = [np.searchsorted(shard, s, side="right") - 1 for s in range(3)]
    sizes = {f"shards/olmo/{s}.npy": int(end[last[s]] - base[s]) for s in range(3)}
    names = {
        "part": [f"web/part-{i}" for i in range(20)],
        "file": ["a", "b"],
        "domain": ["d", "e"],
        "shard": list(sizes),
    }
    signatures = pl.DataFrame({"signature": ["x", "y", "z"], "evidence": ["{}"] * 3})
    tables.write(run, *tables.by_address(documents), spans, names, sizes, signatures)
    return run, documents, spans.with_columns(length=length, name=pl.Series([list(sizes)[s] for s in shard]))


def test_every_token_has_its_document(made: tuple[str, pl.DataFrame, pl.DataFrame]) -> None:
    run, documents, spans = made
    index, random = Index(run), np.random.default_rng(1)
    for i in [0, spans.height - 1, *random.integers(0, spans.height, 20).tolist()]:
        span = spans.row(i, named=True)
        entry, place = index.at(span["name"], span["start"] + int(random.integers(span["length"])))
        wanted = documents.row(span["document"], named=True)
        assert (entry.surt, entry.row, entry.offset) == (wanted["surt"], wanted["row"], wanted["offset"])
        assert (entry.part, entry.file, entry.domain) == (
            f"web/part-{wanted['part']}", "ab"[wanted["file"]], "de"[wanted["domain"]]
        )  # fmt: skip
        assert (place.start, place.end) == (span["start"], span["start"] + span["length"])


def test_a_site_is_all_its_documents_and_all_their_places(made: tuple[str, pl.DataFrame, pl.DataFrame]) -> None:
    run, documents, spans = made
    index = Index(run)
    for site in ("site1.org", "site9.org", "zzz.org", "site88.com", "nowhere.org", "com"):
        numbers = index.below(site)
        host = documents["url"].str.extract("//([^/]+)/")
        wanted = documents.filter((host == site) | host.str.ends_with(f".{site}"))
        assert sorted(index.rows(numbers, ["key"])["key"].to_list()) == sorted(wanted["key"].to_list())
        places = index.places(numbers)
        rows = spans.with_row_index("i").join(
            documents.with_row_index("document").select(pl.col("document").cast(pl.Int64), "key"), on="document"
        )
        mine = rows.filter(pl.col("key").is_in(wanted["key"].implode()))
        found = {(s, a, b) for s, a, b in places.select("shard", "start", "end").iter_rows()}
        assert found == {(n, a, a + k) for n, a, k in mine.select("name", "start", "length").iter_rows()}


def test_an_address_an_id_and_places_lead_to_the_same(made: tuple[str, pl.DataFrame, pl.DataFrame]) -> None:
    run, documents, _ = made
    index = Index(run)
    row = documents.row(777, named=True)
    (number,) = index.by_id(f"{row['key']:016x}" + "0" * 16)
    assert int(number) in index.by_url(row["url"].replace("https", "http")).tolist()
    assert index.by_place([("web/part-0", 777), ("web/none", 1)]) == [int(number)]
    assert index.by_id("no id").tolist() == index.by_url("https://nowhere/").tolist() == []


def test_a_stretch_is_every_document_it_touches(made: tuple[str, pl.DataFrame, pl.DataFrame]) -> None:
    run, _, spans = made
    index = Index(run)
    sizes = spans.group_by("name", maintain_order=True).agg(pl.col("length").sum())
    first = int(sizes["length"][0]) - 500  # over the border of two shards
    found = index.stretch(first, first + 1000, format="olmo")
    total = sum(p.end - p.start for _, p in found)
    assert 1000 <= total < 1000 + 200
    assert {p.shard for _, p in found} == set(sizes["name"][:2])
    with pytest.raises(ValueError, match="hold tokens 0 to"):
        index.stretch(0, 1 << 40, format="olmo")


def test_bad_questions_are_answered_in_one_line(made: tuple[str, pl.DataFrame, pl.DataFrame], tmp_path: Path) -> None:
    index = Index(made[0])
    with pytest.raises(ValueError, match="not a shard of this run; there are"):
        index.at("shards/olmo/9.npy", 0)
    with pytest.raises(ValueError, match="there is no token"):
        index.at("shards/olmo/0.npy", 1 << 40)
    with pytest.raises(ValueError, match="no lineage index"):
        Index(str(tmp_path))


def test_its_size_is_what_is_promised(made: tuple[str, pl.DataFrame, pl.DataFrame]) -> None:
    run, documents, spans = made
    sizes = {f: storage.size(storage.join(run, f)) for f in tables.FILES}
    whole = sum(sizes.values())
    assert sizes["lineage/spans.parquet"] / spans.height < 6
    assert (whole - sizes["lineage/spans.parquet"]) / documents.height < 72
