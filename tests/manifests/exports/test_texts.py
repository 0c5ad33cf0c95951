"""Exports for people: what they say is counted, and the words of strangers stay words."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st

from manifests import exports
from manifests.exports import article53, cyclonedx, domains, markdown
from manifests.exports.facts import Facts, gather
from tests.manifests.report import run_folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ended before selection: the strangers' documents are still in it."""
    folder = tmp_path_factory.mktemp("hostile")
    run_folder.build(str(folder), stages=3)
    return folder


@pytest.fixture(scope="module")
def facts(hostile: Path) -> Facts:
    return gather(str(hostile))


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(k, v or "") for k, v in attrs]


def test_attribution_holds_every_work_that_asks_for_credit(hostile: Path, tmp_path: Path) -> None:
    table, page = exports.write("attribution", str(hostile), str(tmp_path))
    works = pl.read_parquet(table)
    ids, _ = run_folder.ids_of(str(hostile))
    assert works["id"].to_list() == [ids[i] for i in range(run_folder.ROWS) if i % 2]  # those with a licence
    assert works["licence"].unique().to_list() == ["CC-BY-4.0"]
    assert works["statement"].unique().to_list() == ["<b>"]
    assert works["obligations"].to_list() == [["attribution"]] * works.height
    shown = _Page(Path(page).read_text())
    assert shown.tags <= {"html", "meta", "title", "style", "h1", "h2", "p", "ul", "li", "a", "small"}
    assert not [k for k, _ in shown.attributes if k.startswith("on")]
    links = [v for k, v in shown.attributes if k == "href"]
    assert links
    assert all(v.startswith(("http://", "https://")) for v in links)
    assert "alert(&quot;title&quot;)" in Path(page).read_text()  # it is there, as words


@pytest.mark.parametrize("form", ["card", "ab2013", "article53"])
def test_texts_let_no_markup_through(hostile: Path, tmp_path: Path, form: str) -> None:
    written = exports.write(form, str(hostile), str(tmp_path / form))
    text = Path(written[0]).read_text().rsplit("\n---\n", 1)[-1]  # what is before it is YAML, and data
    assert "<" not in text
    assert "&lt;b&gt;" in text


@given(st.text(max_size=80))
def test_markdown_of_any_text_is_inert(said: str) -> None:
    shown = markdown.text(said)
    assert "\n" not in shown
    assert "<" not in shown
    assert "://" not in shown
    bare = shown.replace("\\\\", "")
    for mark in "`*_[]|!~":
        assert bare.count(mark) == bare.count(f"\\{mark}")


def test_card_is_read_by_the_hub_library(hostile: Path, tmp_path: Path) -> None:
    (file,) = exports.write("card", str(hostile), str(tmp_path / "README.md"))
    data = DatasetCard(Path(file).read_text()).data.to_dict()
    assert data["license"] == "other"
    assert data["license_name"] == "per-document"
    assert data["size_categories"] == ["n<1K"]
    assert data["language"] == ["eng"]  # <i> is no language
    assert [c["config_name"] for c in data["configs"]] == ["documents"]


def test_ab2013_answers_all_twelve(hostile: Path, tmp_path: Path) -> None:
    (file,) = exports.write("ab2013", str(hostile), str(tmp_path / "ab.md"))
    text = Path(file).read_text()
    assert [f"## {i}. " in text for i in range(1, 14)] == [True] * 12 + [False]
    assert f"{run_folder.ROWS} documents read, before any selection" in text


def _changed(facts: Facts, **values: str) -> Facts:
    return replace(facts, cube=facts.cube.with_columns(**{n: pl.lit(v) for n, v in values.items()}))


@pytest.mark.parametrize(
    ("route", "origin", "number"),
    [
        ("third-party-crawl", "human", "2.1"),
        ("bulk-dump", "human", "2.1"),
        ("contract", "human", "2.2.1"),
        ("purchase-ebook", "human", "2.2.2"),
        ("own-crawl", "human", "2.3"),
        ("user-contributed", "human", "2.4"),
        ("synthetic", "human", "2.5"),
        ("bulk-dump", "synthetic", "2.5"),
        ("shadow-library", "human", "2.6"),
        ("unknown", "translated", "2.6"),
    ],
)
def test_every_document_is_in_one_section(facts: Facts, route: str, origin: str, number: str) -> None:
    changed = _changed(facts, route=route, origin=origin)
    numbers = ("2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6")
    counted = {n: int(article53.section(changed, n)["documents"].sum()) for n in numbers}
    assert counted == {**dict.fromkeys(numbers, 0), number: run_folder.ROWS}


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (0, "less than 1 billion tokens"),
        (10**9 - 1, "less than 1 billion tokens"),
        (10**9, "1 billion to 10 trillion tokens"),
        (10**13, "1 billion to 10 trillion tokens"),
        (10**13 + 1, "more than 10 trillion tokens"),
    ],
)
def test_size_bands(tokens: int, said: str) -> None:
    assert article53.band(tokens) == said


@pytest.mark.parametrize("count", [1, 9, 10, 11, 101, 30_000])
def test_top_domains_and_the_rule_for_small_providers(facts: Facts, count: int) -> None:
    hosts = pl.DataFrame(
        {
            "host": [f"www.site{i}.co.uk" for i in range(count)] + ["news.site0.co.uk"],
            "route": ["own-crawl"] * (count + 1),
            "synthetic": [False] * (count + 1),
            "documents": [1] * (count + 1),
            "bytes": [*range(1, count + 1), 10 * count],
        },
        schema_overrides={"documents": pl.Int64, "bytes": pl.Int64},
    )
    ranked = domains.ranked(replace(facts, hosts=hosts))
    assert ranked.height == count  # two hosts of one domain
    assert ranked.row(0, named=True)["domain"] == "site0.co.uk"
    assert ranked["bytes"].is_sorted(descending=True)
    assert ranked["top"].sum() == math.ceil(count * 0.1)
    assert ranked["sme"].sum() == min(math.ceil(count * 0.05), 1000)
    assert ranked["share"].sum() == pytest.approx(1)


def test_contracts_are_in_the_bill_of_materials(facts: Facts) -> None:
    import json

    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    terms = {"licensor": "Acme <b>", "order": "PO-7", "expires": "2027-01-31", "route": "contract"}
    found = cyclonedx.document(_changed(facts, **terms, origin="synthetic", generator="model-x"))
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(found)) is None
    source, generator = found["components"]
    licensing = [x["license"]["licensing"] for x in source["licenses"] if "licensing" in x.get("license", {})]
    assert licensing == [
        {
            "licensor": {"organization": {"name": "Acme <b>"}},
            "purchaseOrder": "PO-7",
            "expiration": "2027-01-31T23:59:59Z",
        }
    ]
    assert generator["name"] == "model-x"


def test_a_list_of_every_language_is_told_to_its_end() -> None:
    named = ", ".join(f"l{i:03d}" for i in range(446))
    assert markdown.bullets([f"Languages: {named}"]) == f"- Languages: {named}"
