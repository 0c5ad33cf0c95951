"""The report in a real browser, headless and without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


def browse(page: Path, *options: str, width: int = 1280) -> subprocess.CompletedProcess[str]:
    """Opens the page with every host unreachable."""
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        f"--window-size={width},2000",
        "--virtual-time-budget=3000",
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def test_the_page_shows_the_run_and_asks_for_nothing(finished: Path) -> None:
    shown = browse(finished / "report" / "index.html", "--dump-dom")
    assert "CONSOLE" not in shown.stderr
    assert "ERR_NAME_NOT_RESOLVED" not in shown.stderr
    kept = int(column(finished, "verdicts")["keep"].sum())
    assert f"{kept:,}" in shown.stdout
    for word in ("web", "code", "prose", "Mixture", "Licences", "Lineage", "Look-up", "<svg"):
        assert word in shown.stdout


@pytest.mark.parametrize("width", [1280, 400])
def test_it_can_be_seen_on_a_desk_and_on_a_phone(finished: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    browse(finished / "report" / "index.html", f"--screenshot={picture}", width=width)
    assert picture.stat().st_size > 20_000


def test_hostile_documents_run_no_script(tmp_path: Path) -> None:
    attack = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    documents = [
        {
            "id": str(i),
            "text": f"{attack} {i} {'word ' * i}",
            "title": attack,
            "url": "javascript:document.title='owned'",
        }
        for i in range(1, 30)
    ]
    (tmp_path / "hostile.jsonl").write_text("\n".join(json.dumps(d) for d in documents) + "\n{broken" + attack)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: hostile\nsources:\n  - {name: hostile, kind: jsonl, paths: [hostile.jsonl]}\n"
        "select: {rules: [{reason: too_short, when: 'words < 20'}]}\n"
    )
    run_quietly(recipe, tmp_path / "run")
    shown = browse(tmp_path / "run" / "report" / "index.html", "--dump-dom")
    assert "&lt;script&gt;" in shown.stdout
    assert "<title>owned" not in shown.stdout
    assert shown.stdout.count("<script") == 1, "the page's own"
    assert 'href="javascript' not in shown.stdout
