"""The demonstration PDFs open anywhere, say what they were made of, and a scan has no text to copy."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from PIL import ImageStat

from pipelines.demo import pdf_file, pdfs
from pipelines.demo.pdf_file import PageImage, TextLine


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.stem: path for path in pdfs.write_pdfs(tmp_path_factory.mktemp("run") / "inputs" / "pdf")}


def page_texts(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    texts = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return texts


def test_the_same_bytes_each_time(written: dict[str, Path], tmp_path: Path) -> None:
    again = pdfs.write_pdfs(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written.values()]


def test_text_scans_and_the_mixed_file(written: dict[str, Path]) -> None:
    text = page_texts(written["values"])
    assert text[0].startswith("Values and conversions\r\n")
    assert "Dictionary" in "".join(text)
    assert page_texts(written["functions-scanned"]) == ["", "", ""]
    mixed = page_texts(written["control-flow-mixed"])
    assert [bool(page) for page in mixed] == [True, True, True, False, False]


def test_a_scan_shows_the_page_it_hides(written: dict[str, Path]) -> None:
    """Ink where the set page has ink: a blank or black image would not pass."""
    document = pypdfium2.PdfDocument(written["functions-scanned"])
    image = document[0].render(scale=1, grayscale=True).to_pil().convert("L")
    document.close()
    assert image.size == (612, 792)
    assert 200 < ImageStat.Stat(image).mean[0] < 245
    ink = [ImageStat.Stat(image.crop((72, y, 540, y + 20))).extrema[0][0] for y in range(80, 700, 20)]
    assert sum(darkest < 150 for darkest in ink) > 20


def test_lines_stay_between_the_margins(written: dict[str, Path]) -> None:
    for name in ("values", "comparisons"):
        document = pypdfium2.PdfDocument(written[name])
        for page in document:
            textpage = page.get_textpage()
            boxes = [textpage.get_charbox(i) for i in range(textpage.count_chars())]
            assert max(right for _, _, right, _ in boxes) <= 612 - 70
            assert min(left for left, _, _, _ in boxes if left > 0) >= 70
        document.close()


def test_characters_and_delimiters_survive() -> None:
    line = "a (b) \\c “quoted” – naïve … €"
    data = pdf_file.write_pdf([[TextLine(72, 700, "F1", 12, line), TextLine(72, 600, "F2", 12, "x ≤ y")]], "A (title)")
    document = pypdfium2.PdfDocument(data)
    text = document[0].get_textpage().get_text_range()
    assert text.split("\r\n") == [line, "x ? y"]
    assert document.get_metadata_value("Title") == "A (title)"
    document.close()


def test_an_image_page_keeps_its_jpeg(written: dict[str, Path]) -> None:
    scan = pdfs._scan(written["values"].read_bytes(), 0)
    assert isinstance(scan, PageImage)
    assert (scan.width, scan.height) == (1700, 2200), "Letter at 200 dots an inch"
    assert scan.jpeg in pdf_file.write_pdf([scan], "scan")
