"""PDFs, good and hostile: each page from where its text is, and nothing in a file ends more than its page."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocr
from ocr.routing import Layout, route
from pipelines.demo.pdfs import write_pdfs

needs_tesseract = pytest.mark.skipif(ocr.available_engine() is None, reason="no Tesseract: pip install 'cuvee[ocr]'")
QUICK = ocr.Limits(cpu_seconds=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {p.stem: p.read_bytes() for p in write_pdfs(tmp_path_factory.mktemp("pdfs"))}


def test_a_text_layer_is_read_as_it_is(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["values"])
    assert found.status == "ok"
    assert all(p.method == "text_layer" and p.confidence == 1.0 for p in found.pages)
    assert "Integral" in found.text
    pieces = [found.text[p.start : p.end] for p in found.pages]
    assert "\n\n".join(pieces) == found.text


@needs_tesseract
def test_a_scan_is_recognised(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["functions-scanned"], engine="tesseract")
    assert found.status == "ok"
    assert {p.method for p in found.pages} == {"ocr:tesseract"}
    assert min(p.confidence for p in found.pages) > 0.8
    assert "function definition" in found.text.lower()


def test_a_scan_without_an_engine_names_the_command(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["functions-scanned"])
    assert found.status == "needs_ocr"
    assert "pip install 'cuvee[ocr]'" in found.detail


def test_a_mixed_file_keeps_what_can_be_read(made: dict[str, bytes]) -> None:
    found = ocr.read_pdf(made["control-flow-mixed"])
    assert found.status == "ok"
    assert [p.status for p in found.pages] == ["ok"] * 3 + ["needs_ocr"] * 2


@pytest.mark.parametrize(
    ("data", "status"), [(b"", "corrupt"), (b"no pdf at all", "corrupt"), (b"%PDF-1.7\n" + b"\0" * 1000, "corrupt")]
)
def test_what_is_no_pdf_is_corrupt(data: bytes, status: str) -> None:
    assert ocr.read_pdf(data).status == status


def test_a_truncated_file_is_corrupt_or_keeps_its_pages(made: dict[str, bytes]) -> None:
    data = made["values"]
    assert ocr.read_pdf(data[: len(data) // 2]).status in ("corrupt", "ok")


def test_limits(made: dict[str, bytes]) -> None:
    assert ocr.read_pdf(made["values"], limits=ocr.Limits(bytes=100)).status == "over_limit"
    assert ocr.read_pdf(made["values"], limits=ocr.Limits(pages=1)).status == "over_limit"


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("bad/truncated_half", {"corrupt"}),
        ("bad/garbage", {"corrupt"}),
        ("bad/bitflips", {"ok", "corrupt"}),
        ("bad/bomb_content_2g", {"crashed", "corrupt"}),
        ("bad/bomb_image_60k", {"empty", "crashed", "corrupt", "needs_ocr"}),
        ("bad/count_lie_1e9", {"empty", "over_limit", "ok"}),
        ("bad/pagetree_loop", {"over_limit", "corrupt"}),
        ("bad/xobj_exponential", {"crashed"}),
        ("bad/xobj_loop", {"crashed", "empty", "corrupt"}),
        ("real/unstr__password", {"encrypted"}),
        ("real/unstr__copy-protected", {"ok"}),
    ],
)
def test_hostile_files_have_a_status(shared_data: Path, name: str, statuses: set[str]) -> None:
    assert ocr.read_pdf((shared_data / "pdf" / f"{name}.pdf").read_bytes(), limits=QUICK).status in statuses


PAGE = Layout(coverage=0.0, hidden=0.0, images=0, paths=0, ink=0.0)
PROSE = "The report was read by the members of the council and it is not known what they said about it. " * 5


@pytest.mark.parametrize(
    ("text", "layout", "kind"),
    [
        (PROSE, PAGE, "text"),
        ("", PAGE, "empty"),
        ("", Layout(0.9, 0, 1, 0, 0.05), "ocr"),
        ("", Layout(0.9, 0, 1, 0, 0.0), "empty"),
        (PROSE, Layout(0.9, 1.0, 1, 0, 0.0), "embedded_ocr"),
        ("xqzt rtkm bvcn wrtp plkd mnbt " * 20, PAGE, "ocr"),
        ("\ue000\ue001 word " * 40, PAGE, "ocr"),
        ("t h e r e p o r t w a s " * 20, Layout(0.5, 0, 1, 0, 0), "ocr"),
    ],
)
def test_routing(text: str, layout: Layout, kind: str) -> None:
    assert route(text, layout).kind == kind
