"""PDFs, good and hostile: each page from where its text is, and nothing in a file ends more than its page."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from pathlib import Path

import pytest

import ocr
from ocr import child
from pipelines.demo.pdfs import write_pdfs

ENGINE = ocr.available_engine()
needs_tesseract = pytest.mark.skipif(ENGINE is None, reason="no Tesseract: pip install 'cuvee[ocr]'")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {p.stem: p.read_bytes() for p in write_pdfs(tmp_path_factory.mktemp("pdfs"))}


def page_texts(result: ocr.PdfResult) -> list[str]:
    data = result.text.encode()
    return [data[p.start : p.end].decode() for p in result.pages]


def likeness(a: str, b: str) -> float:
    """F1 of the words of two texts, order apart."""
    x, y = (Counter(re.findall(r"\w+", t.lower())) for t in (a, b))
    return 2 * sum((x & y).values()) / max(1, sum(x.values()) + sum(y.values()))


def test_a_text_layer_is_read_as_it_is(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["values"])
    assert found.status == "ok"
    assert all((p.route, p.method, p.confidence) == ("text", "text_layer", 1.0) for p in found.pages)
    assert "Integral" in found.text
    assert "\n\n".join(page_texts(found)) == found.text
    assert [p.number for p in found.pages] == list(range(1, len(found.pages) + 1))
    assert not re.search(r"[\r\0\ufffe]", found.text)


@needs_tesseract
def test_a_scan_is_recognised_the_same_each_time(made: dict[str, bytes]) -> None:
    first = ocr.read_pdf(made["functions-scanned"], engine=ENGINE)
    assert first.status == "ok"
    assert {p.method for p in first.pages} == {f"ocr:{ENGINE}"}
    assert min(p.confidence for p in first.pages) > 0.8
    assert "function definition" in first.text.lower()
    # what was read before leaves nothing behind in the engine
    assert ocr.read_pdf(made["functions-scanned"], engine=ENGINE) == first


def test_a_scan_without_an_engine_names_the_command(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["functions-scanned"])
    assert found.status == "needs_ocr"
    assert "pip install 'cuvee[ocr]'" in found.detail


def test_a_mixed_file_keeps_what_can_be_read(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["control-flow-mixed"])
    assert found.status == "ok"
    assert [p.status for p in found.pages] == ["ok"] * 3 + ["needs_ocr"] * 2
    assert "2 of 5 pages needs_ocr" in found.detail
    assert page_texts(found)[3:] == ["", ""]


@pytest.mark.parametrize(
    ("data", "status"), [(b"", "corrupt"), (b"no pdf at all", "corrupt"), (b"%PDF-1.7\n" + b"\0" * 1000, "corrupt")]
)
def test_what_is_no_pdf_is_corrupt(data: bytes, status: str) -> None:
    assert ocr.read_pdf(data).status == status


def test_every_truncation_has_a_status(made: dict[str, bytes]) -> None:
    data = made["values"]
    for cut in range(0, len(data), len(data) // 23):
        found = ocr.read_pdf(data[:cut])
        assert (found.status == "ok") == bool(found.text)


def test_limits(made: dict[str, bytes]) -> None:
    assert ocr.read_pdf(made["values"], limits=ocr.Limits(bytes=100)).status == "over_limit"
    assert ocr.read_pdf(made["values"], limits=ocr.Limits(pages=1)).status == "over_limit"


def test_a_reader_that_dies_costs_one_page(made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ocr.read_pdf(made["values"])
    kill_at(1, monkeypatch)
    found = ocr.read_pdf(made["values"])
    assert [p.status for p in found.pages[:3]] == ["ok", "crashed", "ok"]
    assert found.status == "ok"
    texts = page_texts(whole)
    assert page_texts(found) == [*texts[:1], "", *texts[2:]]


def test_readers_that_keep_dying_end_the_file(made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    kill_at(None, monkeypatch)
    found = ocr.read_pdf(made["values"], limits=ocr.Limits(deaths=1))
    assert found.status == "crashed"
    assert [p.status for p in found.pages][:3] == ["crashed", "crashed", "not_read"]


def kill_at(index: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the child is killed when asked for the page (None: for any page)."""
    call = child.Child.call

    def killing(self: child.Child, name: str, *arguments: object) -> dict[str, object]:
        if name == "page" and index in (None, arguments[0]):
            self._process.kill()
            self._process.wait()
        return call(self, name, *arguments)

    monkeypatch.setattr(child.Child, "call", killing)


def test_cpu_time_is_bounded(shared_data: Path) -> None:
    data = (shared_data / "pdf" / "bad" / "xobj_exponential.pdf").read_bytes()
    found = ocr.read_pdf(data, limits=ocr.Limits(page_seconds=1))
    assert [p.status for p in found.pages] in (["cpu_limit"], ["crashed"])


def test_each_thread_has_a_reader_of_its_own(made: dict[str, bytes]) -> None:
    whole, found = ocr.read_pdf(made["values"]), []
    threads = [threading.Thread(target=lambda: found.append(ocr.read_pdf(made["values"]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [whole] * 3


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("bad/truncated_half", {"corrupt"}),
        ("bad/truncated_tail", {"corrupt"}),
        ("bad/garbage", {"corrupt"}),
        ("bad/bitflips", {"ok"}),
        ("bad/bomb_content_2g", {"crashed", "corrupt"}),
        ("bad/bomb_image_60k", {"empty"}),
        ("bad/huge_mediabox", {"empty"}),
        ("bad/count_lie_1e9", {"empty", "over_limit"}),
        ("bad/pagetree_loop", {"over_limit", "corrupt"}),
        ("real/unstr__password", {"encrypted"}),
        ("real/pdfminer__aes-256-r6", {"encrypted"}),
        ("real/unstr__copy-protected", {"ok"}),
        ("real/olmocr__dolma-page-1", {"needs_ocr"}),
        ("real/deb_r-cran-survival__approximate", {"ok"}),
        ("real/ocrmypdf__blank", {"empty"}),
    ],
)
def test_real_and_hostile_files_have_a_status(shared_data: Path, name: str, statuses: set[str]) -> None:
    assert ocr.read_pdf((shared_data / "pdf" / f"{name}.pdf").read_bytes()).status in statuses


@needs_tesseract
@pytest.mark.parametrize("turned", ["", "_rotated_90", "_rotated_180"])
def test_turned_pages_are_read(shared_data: Path, turned: str) -> None:
    data = (shared_data / "pdf" / "real" / f"docling__ocr_test{turned}.pdf").read_bytes()
    assert "Docling bundles PDF document conversion" in ocr.read_pdf(data, engine=ENGINE).text


@needs_tesseract
def test_a_script_the_engine_cannot_read_is_not_passed_off_as_text(shared_data: Path) -> None:
    data = (shared_data / "pdf" / "real" / "docling__skipped_1page.pdf").read_bytes()
    found = ocr.read_pdf(data, engine=ENGINE)
    assert found.pages[1].status in ("ocr_failed", "ok")
    assert all(p.confidence >= 0.45 for p in found.pages if p.status == "ok")


@pytest.mark.slow
@needs_tesseract
@pytest.mark.parametrize(("condition", "floor"), [("clean200", 0.96), ("deg200", 0.95), ("fax150", 0.84)])
def test_word_accuracy_on_scans(shared_data: Path, condition: str, floor: float) -> None:
    folder = shared_data / "pdf" / "eval"
    names = [row["name"] for row in json.loads((folder / "manifest.json").read_text())]
    found = ocr.read_pdf((folder / "scan" / f"{condition}.pdf").read_bytes(), engine=ENGINE)
    truth = [(folder / "gt" / f"{name}.txt").read_text().replace("\ufffe", "") for name in names]
    scores = [likeness(a, b) for a, b in zip(page_texts(found), truth, strict=True)]
    assert sum(scores) / len(scores) >= floor
