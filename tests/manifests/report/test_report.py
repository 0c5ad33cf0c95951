"""The report: what it says, what it never lets through, and what it does without."""

from __future__ import annotations

import importlib.util
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from manifests import parts, report, schemas, storage
from manifests.report import charts, data, frame, page


def _sibling(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run_folder = _sibling("run_folder")


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]
        self.links += [v or "" for k, v in attrs if k in ("href", "xlink:href", "src", "action") and tag != "link"]

    def handle_data(self, data: str) -> None:
        self.text += data


def _written(folder: Path, stages: int = 9) -> str:
    run = str(folder / "run")
    run_folder.build(run, stages=stages)
    report.write(run, f"{run}/report/index.html")
    return (folder / "run" / "report" / "index.html").read_text("utf-8")


def test_hostile_strings_stay_text(tmp_path: Path) -> None:
    html = _written(tmp_path)
    parsed = _Page(html)
    assert "script" not in parsed.tags
    assert "img" not in parsed.tags
    assert not [a for a, _ in parsed.attributes if a.startswith("on")]
    assert run_folder.HOSTILE_TITLE in parsed.text
    assert "<img src=x onerror=alert('text')>" in parsed.text
    assert "{{ 7 * 7 }}" in parsed.text
    assert "\u202e" not in html
    assert "<script>broken</script>" in parsed.text  # a failure's message
    assert "sméall <b>" in parsed.text


def test_only_web_urls_become_links(tmp_path: Path) -> None:
    links = _Page(_written(tmp_path)).links
    assert links
    assert all(link.startswith(("#", "https://good.example/", 'https://e.example/"onmouseover')) for link in links)
    assert not [
        u for u in run_folder.HOSTILE_URLS if frame.safe_link(frame.plain(u, 300)).startswith(("java", "data", " "))
    ]


def test_nothing_is_fetched(tmp_path: Path) -> None:
    html = _written(tmp_path)
    parsed = _Page(html)
    assert not {"script", "iframe", "object", "embed", "form", "base"} & set(parsed.tags)
    assert "url(" not in html.split("</style>")[0]
    assert "@import" not in html


def test_numbers_are_those_of_the_run(tmp_path: Path) -> None:
    run = str(tmp_path)
    run_folder.build(run)
    found = data.gather(run)
    assert (found.documents, found.wall) == (24, 130.0)
    assert found.funnel is not None
    assert [(s.reason, s.dropped, s.left) for s in found.funnel.steps] == [
        ("too_short", 6, 18),
        ("exact_duplicate", 1, 17),
        ("fuzzy_duplicate", 1, 16),
    ]
    assert [len(s.samples) for s in found.funnel.steps] == [3, 1, 1]
    assert found.funnel.steps[0].rule == "words < 25 in web"
    assert (found.tokens, found.heldout) == (1600, 100)
    assert {r.name: (r.documents, r.kept, r.tokens) for r in found.domains} == {
        "prose": (12, 8, 800),
        "web": (12, 8, 800),
    }
    assert found.duplicates is not None
    assert (found.duplicates.exact, found.duplicates.fuzzy, found.duplicates.sizes) == (1, 1, [("3", 1)])
    pair = found.duplicates.pairs[0]
    assert (pair.score, pair.kept.title, pair.dropped.title) == (0.875, "Page 9", "Page 11")
    assert found.duplicates.scores["pairs"].sum() == 1
    assert found.rejects is not None
    assert [(r.reason, r.records, len(r.samples)) for r in found.rejects.reasons] == [("bad_json", 5, 3)]
    assert found.licences is not None
    assert {r.name: r.documents for r in found.licences.classes} == {"permissive": 12, "unknown": 12}
    assert found.licences.protocols == [("tdm<rep>", "deny", 1)]
    assert found.blend is not None
    assert {r["name"]: round(r["natural"], 4) for r in found.blend.rows} == {"web": 0.5625, "prose": 0.4375}
    assert (found.blend.permitted, found.blend.pooled) == (1500, 1500)
    assert found.quality is not None
    assert (int(found.quality.bins["kept"].sum()), int(found.quality.bins["dropped"].sum())) == (16, 8)
    assert found.shards is not None
    assert found.shards["formats"][0]["bytes"] == 2000


@pytest.mark.parametrize("stages", range(1, 10))
def test_a_run_may_have_ended_anywhere(tmp_path: Path, stages: int) -> None:
    html = _written(tmp_path, stages)
    wanted = {"funnel": 5, "quality": 3, "duplicates": 4, "mixture": 7, "shards": 9, "licences": 3, "lineage": 1}
    assert {i for i, least in wanted.items() if stages >= least} == {i for i in wanted if f'<section id="{i}">' in html}


def test_predictions_are_drawn_and_may_be_absent(tmp_path: Path) -> None:
    drawn = _Page(_written(tmp_path))
    (tmp_path / "run" / "mix" / "predictions.parquet").unlink()
    report.write(str(tmp_path / "run"), str(tmp_path / "again.html"))
    without = _Page((tmp_path / "again.html").read_text("utf-8"))
    assert drawn.tags.count("svg") == without.tags.count("svg") + 1
    assert "2.2000" in without.text


def test_bars_have_their_width() -> None:
    bins = pl.DataFrame({"low": [0.0, 0.5], "high": [0.5, 1.0], "kept": [3, 4], "dropped": [0, 2]})
    svg = charts.quality(bins)
    widths = [float(w) for w in re.findall(r'aria-roledescription="rect mark"[^>]* d="M[^h]*h([0-9.]+)', svg)]
    assert len(widths) == 3
    assert min(widths) > 150
    assert "var(--c0)" in svg


def test_same_run_same_page(tmp_path: Path) -> None:
    first = _written(tmp_path)
    report.write(str(tmp_path / "run"), str(tmp_path / "again.html"))
    assert (tmp_path / "again.html").read_text("utf-8") == first


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run folder"):
        report.write(str(tmp_path), str(tmp_path / "index.html"))


def test_a_column_of_other_documents_counts_as_absent(tmp_path: Path) -> None:
    run = str(tmp_path)
    run_folder.build(run, stages=5)
    short = parts.read(run, "annotations/quality", run_folder.PART).slice(0, 3)
    parts.write(run, "annotations/quality", run_folder.PART, short, schema="quality", ids="")
    assert data.gather(run).quality is None


@pytest.mark.slow
def test_a_hundred_thousand_documents_take_seconds(tmp_path: Path) -> None:
    run, n = str(tmp_path), 25_000
    for p in range(4):
        part = f"web/part-{p}"
        ids = pa.array([f"{p:02d}{i * 2654435761 % 2**32:030x}" for i in range(n)])
        text = pa.array(["lorem ipsum dolor sit amet " * 150] * n, pa.large_string())
        blank = {f.name: pa.nulls(n, f.type) for f in schemas.DOCUMENTS}
        table = pa.table({**blank, "id": ids, "text": text}, schema=schemas.DOCUMENTS)
        parts.write(run, parts.DOCUMENTS, part, table, schema="documents", ids="")
        keep = np.arange(n) % 3 > 0
        reason = pl.Series([f"reason_{i % 21}" for i in range(n)])
        verdicts = pa.table(
            {
                **{f.name: pa.nulls(n, f.type) for f in schemas.VERDICTS},
                "keep": keep,
                "reason": pl.select(pl.when(~pl.Series(keep)).then(reason))[:, 0].to_arrow(),
            }
        )
        parts.write(run, "verdicts", part, verdicts.cast(schemas.VERDICTS), schema="verdicts", ids="")
    started = time.perf_counter()
    report.write(run, f"{run}/index.html")
    assert time.perf_counter() - started < 10
    assert storage.size(f"{run}/index.html") < 1_000_000


def test_sizes_and_times_read_well() -> None:
    assert [page.short(v) for v in (0, 999, 9999, 12_345, 4_210_000, None)] == [
        "0",
        "999",
        "9,999",
        "12.3 k",
        "4.21 M",
        "–",
    ]
    assert [page.time(v) for v in (3.21, 247, 7500)] == ["3.2 s", "4 min 07 s", "2 h 05 min"]
    assert [page.size(v) for v in (12, 1234, 5_600_000)] == ["12 B", "1.23 kB", "5.6 MB"]


def test_the_door_is_cheap_to_open() -> None:
    import subprocess

    code = "import sys, manifests.report; print(any(m in sys.modules for m in ('vl_convert', 'polars', 'jinja2')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
