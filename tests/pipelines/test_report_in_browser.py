"""The report in a real browser, headless and without a network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from manifests import report
from tests.manifests.report import run_folder
from tests.pipelines.browser import CHROMIUM, Tab, browser
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
_SECTIONS = (
    "funnel licences reservations acquisition domains languages quality duplicates contamination mixture provenance "
    "lookup compare"
).split()


@pytest.fixture
def tab() -> Iterator[Tab]:
    with browser() as opened:
        yield opened


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """The page of a small run with strangers' hostile strings, beside another run."""
    run_folder.build(str(tmp_path / "other"), stages=8)
    run_folder.build(str(tmp_path / "run"), claims={9: ("CC-BY-NC-4.0", "footer")})
    report.write(str(tmp_path / "run"), str(tmp_path / "index.html"), against=str(tmp_path / "other"))
    return tmp_path / "index.html"


def table(tab: Tab, name: str, folder: Path) -> list[list[str]]:
    """A table as its button downloads it."""
    tab.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    tab.run(f"""document.querySelector('table[data-csv="{name}"]').previousElementSibling.click()""")
    for _ in range(100):
        if (folder / f"{name}.csv").is_file():
            break
        tab.run("new Promise((done) => setTimeout(done, 100))")
    return list(csv.reader(io.StringIO((folder / f"{name}.csv").read_text("utf-8-sig"))))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, False), (360, True)])
def test_the_page_shows_the_run_and_asks_for_nothing(finished: Path, tab: Tab, width: int, dark: bool) -> None:
    tab.open(finished / "report" / "index.html", width=width, dark=dark)
    shown = tab.run("document.body.innerText")
    kept = int(column(finished, "verdicts")["keep"].sum())
    assert f"{kept:,}" in shown
    for word in ("web", "code", "prose", "Mixture", "Licences", "Lineage", "Look-up"):
        assert word in shown
    assert [s for s in _SECTIONS if tab.run(f"document.getElementById('{s}').offsetHeight") < 60] == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    light = sum(map(int, tab.run("getComputedStyle(document.body).backgroundColor").strip("rgb()").split(",")))
    assert (light < 200) == dark
    assert tab.complaints == []
    assert tab.requests == []


def test_a_table_is_downloaded_as_it_is(finished: Path, tmp_path: Path, tab: Tab) -> None:
    tab.open(finished / "report" / "index.html")
    verdicts = column(finished, "verdicts")
    header, *rows = table(tab, "domains", tmp_path)
    assert header[:3] == ["domain", "documents", "kept"]
    expected = verdicts.group_by("domain").agg(pl.len(), pl.col("keep").sum()).sort("domain").rows()
    assert sorted((r[0], int(r[1]), int(r[2])) for r in rows) == expected
    assert all(len(row) == len(header) for row in rows)


def test_a_number_shows_its_query_and_its_documents(finished: Path, tab: Tab) -> None:
    tab.open(finished / "report" / "index.html")
    box = "document.querySelector('#domains .why').popoverTargetElement"
    assert not tab.run(f"{box}.matches(':popover-open')")
    tab.run("document.querySelector('#domains .why').click()")
    tab.run("new Promise((done) => setTimeout(done, 50))")
    assert tab.run(f"{box}.matches(':popover-open')")
    assert "documents.filter(domain=" in tab.run(f"{box}.innerText")
    assert tab.run(f"{box}.querySelectorAll('.five .doc p').length") == 5


def test_a_threshold_moves(finished: Path, tab: Tab) -> None:
    tab.open(finished / "report" / "index.html")
    words, verdicts = column(finished, "annotations/heuristics"), column(finished, "verdicts")
    counted = words.select("words").with_columns(verdicts["keep"], verdicts["reason"])
    counted = counted.filter(pl.col("keep") | (pl.col("reason") == "too_short"))
    for threshold in (25, 40, 90):
        kept, dropped = tab.run(
            f"""(() => {{ const box = document.querySelector('.slider'), input = box.querySelector('input');
            input.value = JSON.parse(box.dataset.bins).findIndex(([low]) => low === {threshold});
            input.dispatchEvent(new Event('input'));
            return ['d', 'x'].map((n) => +box.querySelector('.moved .' + n).textContent.replaceAll(',', '')); }})()"""
        )
        inside = counted.filter(pl.col("words") >= threshold).height
        assert (kept, dropped) == (inside, counted.height - inside)


def test_look_up_finds_what_the_page_carries(finished: Path, tab: Tab) -> None:
    tab.open(finished / "report" / "index.html")
    identifier = tab.run("document.querySelector('#shelf .doc footer code').textContent")
    look = "document.querySelector('.look input')"
    for asked, least, most in ((identifier, 1, 1), ("no such words at all", 0, 0), ("pypi", 2, 1200)):
        tab.run(f"{look}.value = {json.dumps(asked)}; {look}.dispatchEvent(new Event('input'))")
        shown = tab.run("[...document.querySelectorAll('#shelf .doc')].filter((d) => !d.hidden).length")
        assert least <= shown <= most


def test_paper_shows_what_was_folded(finished: Path, tab: Tab) -> None:
    tab.open(finished / "report" / "index.html")
    tab.call("Emulation.setEmulatedMedia", media="print")
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert tab.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.run("[...document.querySelectorAll('#funnel details')].every((d) => d.open)")
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert not tab.run("[...document.querySelectorAll('#funnel details')].every((d) => d.open)")
    assert len(tab.call("Page.printToPDF")["data"]) > 50_000


@pytest.mark.parametrize("width", [1280, 360])
def test_hostile_strings_stay_strings(hostile: Path, tab: Tab, width: int) -> None:
    tab.open(hostile, width=width)
    tab.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
    tab.run("document.querySelectorAll('.why').forEach((b) => b.click())")
    tab.run("document.querySelector('.look input').value = '<'; 0")
    tab.run("document.querySelector('.look input').dispatchEvent(new Event('input'))")
    tab.run("new Promise((done) => setTimeout(done, 200))")
    assert tab.run("document.scripts.length") == 1
    assert tab.run("document.images.length") == 0
    handlers = "[...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => /^on/i.test(a.name)))"
    assert tab.run(f"{handlers}.length") == 0
    schemes = "[...new Set([...document.links].map((a) => a.protocol))].sort().join()"
    assert tab.run(schemes) == "file:,https:"
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert tab.run("document.title") == "sméall <b> · cuvée"
    assert tab.complaints == []
    assert tab.requests == []


def test_even_markup_that_got_in_could_run_nothing(hostile: Path, tab: Tab) -> None:
    tab.open(hostile)
    markup = (
        '<img src=x onerror="window.owned=1"><svg onload="window.owned=1"></svg><a href="javascript:window.owned=1">'
    )
    tab.run(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(markup)})")
    tab.run("const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s)")
    tab.run("[...document.links].at(-1).click()")
    assert tab.run("new Promise((done) => setTimeout(() => done(window.owned ?? 0), 300))") == 0


def test_a_cell_is_no_formula(tmp_path: Path, tab: Tab) -> None:
    attack = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    hosts = ("=cmd|'x'!a1", "-2+3", "+sum(1)", "good.example")
    documents = [
        {"id": str(i), "text": f"{attack} {i} {'word ' * i}", "title": attack, "url": f"https://{hosts[i % 4]}/{i}"}
        for i in range(1, 30)
    ]
    (tmp_path / "hostile.jsonl").write_text("\n".join(json.dumps(d) for d in documents) + "\n{broken" + attack)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: hostile\nsources:\n  - {name: hostile, kind: jsonl, paths: [hostile.jsonl]}\n"
        "select: {rules: [{reason: too_short, when: 'words < 20'}]}\n"
    )
    run_quietly(recipe, tmp_path / "run")
    tab.open(tmp_path / "run" / "report" / "index.html")
    assert sorted(row[0] for row in table(tab, "hosts", tmp_path)[1:]) == [
        "'+sum(1)",
        "'-2+3",
        "'=cmd|'x'!a1",
        "good.example",
    ]
    assert tab.run("document.title") == "hostile · cuvée"
    assert tab.complaints == []
