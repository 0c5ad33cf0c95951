"""The report: what it says, what it never lets through, and what it does without."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from manifests import parts, report, storage
from manifests.report import charts, material, numbers, quality, shown


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
    assert parsed.tags.count("script") == 1
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
        u for u in run_folder.HOSTILE_URLS if shown.safe_link(shown.plain(u, 300)).startswith(("java", "data", " "))
    ]


def test_no_character_without_a_shape_is_shown() -> None:
    marks = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # are seen
    every = "".join(f"a{chr(c)}b " for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    line = shown.plain(every, len(every))
    assert {c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")} == set(marks)
    assert shown.plain("a\x0cb\x85c\u2028d", 9) == "a b c d"


def test_nothing_is_fetched(tmp_path: Path) -> None:
    html = _written(tmp_path)
    parsed = _Page(html)
    assert not {"iframe", "object", "embed", "form", "base"} & set(parsed.tags)
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert not {"fetch(", "XMLHttpRequest", "eval(", "innerHTML", "import("} & set(re.findall(r"[\w.]+\(|\w+", script))
    assert "url(" not in html.split("</style>")[0]
    assert "@import" not in html


@pytest.mark.parametrize("stages", range(1, 10))
def test_a_run_may_have_ended_anywhere(tmp_path: Path, stages: int) -> None:
    """Every section is there; those of stages that did not run say that they have nothing to show."""
    html = _written(tmp_path, stages)
    wanted = {"funnel": 2, "quality": 3, "duplicates": 4, "mixture": 7, "licences": 3, "provenance": 1, "domains": 2}
    found = set()
    for name in wanted:
        assert f'<section id="{name}"><h2>' in html
        if '<p class="say absent">' not in html.split(f'<section id="{name}">')[1][:200]:
            found.add(name)
    assert found == {name for name, least in wanted.items() if stages >= least}
    assert ('id="shards"' in html) == (stages >= 9)
    assert "No other run was named" in html


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


@pytest.mark.parametrize(
    "path",
    [
        "run.json",
        "shards/index.json",
        f"documents/{run_folder.PART}.parquet",
        f"annotations/heuristics/{run_folder.PART}.parquet",
        f"signatures/{run_folder.PART}.parquet",
        f"rejects/{run_folder.PART}.parquet",
        "mix/swarm.parquet",
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, path: str) -> None:
    run_folder.build(str(tmp_path / "run"))
    (tmp_path / "run" / path).write_bytes((tmp_path / "run" / path).read_bytes()[:-9])
    with pytest.raises(storage.Damaged, match=path) as error:
        report.write(str(tmp_path / "run"), str(tmp_path / "page.html"))
    assert "\n" not in str(error.value)


def test_a_column_of_other_documents_counts_as_absent(tmp_path: Path) -> None:
    run = str(tmp_path)
    run_folder.build(run, stages=5)
    short = parts.read(run, "annotations/quality", run_folder.PART).slice(0, 3)
    parts.write(run, "annotations/quality", run_folder.PART, short, schema="quality", ids="")
    found = quality.of(material.gather(run))
    assert found is not None
    assert found.bins is None


SECRETS = (
    "Page 9",
    "says something plain",
    "of a page that was dropped",
    "alert(&#34;title&#34;)",
    "line&lt;/script&gt;",
)


def test_redacted_pages_quote_nothing(tmp_path: Path) -> None:
    html = _written(tmp_path)
    assert all(s in html for s in SECRETS), "the page without redaction quotes them, or this test says nothing"
    report.write(str(tmp_path / "run"), str(tmp_path / "redacted.html"), redact=True)
    redacted = (tmp_path / "redacted.html").read_text("utf-8")
    assert not [s for s in SECRETS if s in redacted]
    assert "good.example/9" in redacted, "addresses and ids stay"
    assert "left out" in redacted


def test_sizes_and_times_read_well() -> None:
    assert [numbers.short(v) for v in (0, 999, 9999, 12_345, 4_210_000, None)] == [
        "0",
        "999",
        "9,999",
        "12.3 k",
        "4.21 M",
        "–",
    ]
    assert [numbers.time(v) for v in (3.21, 247, 7500)] == ["3.2 s", "4 min 07 s", "2 h 05 min"]
    assert [numbers.size(v) for v in (12, 1234, 5_600_000)] == ["12 B", "1.23 kB", "5.6 MB"]


def test_the_door_is_cheap_to_open() -> None:
    import subprocess

    code = "import sys, manifests.report; print(any(m in sys.modules for m in ('vl_convert', 'polars', 'jinja2')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
