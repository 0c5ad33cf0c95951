"""PDFs as documents: the text layer's, and a reject that says why for each that gives none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from manifests import storage
from manifests.documents import Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceFile, pdf

_ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("CUVEE_TEST_DATA", _ROOT.parent / "shared" / "data")) / "pdf"


def read(path: Path, **options: int) -> tuple[Document | Reject, dict[str, int]]:
    given = Source.model_validate({"name": "s", "kind": "pdf", "paths": ["x"], "ocr": "off", **options})
    file = SourceFile(str(path), path.name, path.stat().st_size, storage.digest(str(path)))
    counts: dict[str, int] = {}
    ((start, end),) = pdf.ranges(file)
    (item,) = pdf.read(file, start, end, given, counts)
    return item, counts


def one_page(text: str) -> bytes:
    """A PDF of one page with a text layer, written by hand."""
    content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, data in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, data)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return body + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        count,
        table,
        count,
        len(body),
    )


def test_a_text_layer_becomes_a_document_known_by_its_content(tmp_path: Path) -> None:
    data = one_page("The quick brown fox jumps over the lazy dog")
    (tmp_path / "fox.pdf").write_bytes(data)
    item, counts = read(tmp_path / "fox.pdf")
    assert isinstance(item, Document)
    assert "The quick brown fox" in item.text
    assert item.locator == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert (item.title, item.media_type, item.length) == ("fox.pdf", "application/pdf", len(data))
    assert counts["files"] == 1
    assert sum(n for name, n in counts.items() if name.startswith("pages:")) == 1


@pytest.mark.parametrize("data", [b"", b"not a PDF", b"%PDF-1.7\n", one_page("cut")[:150]])
def test_what_is_no_pdf_is_a_reject(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pdf").write_bytes(data)
    item, _ = read(tmp_path / "x.pdf")
    assert isinstance(item, Reject)
    assert item.reason in ("pdf_corrupt", "no_text")
    assert (item.file, item.length) == ("x.pdf", len(data))


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(bytes(20_000))
    item, _ = read(tmp_path / "x.pdf", max_record_bytes=1024)
    assert isinstance(item, Reject)
    assert item.reason == "record_too_large"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs CUVEE_TEST_DATA")
@pytest.mark.parametrize("name", ["garbage", "header_only", "truncated_half", "pagetree_loop", "count_lie_1e9"])
def test_hostile_files_end_as_one_item(name: str) -> None:
    item, _ = read(DATA / "bad" / f"{name}.pdf")
    assert isinstance(item, Document) or item.reason.startswith(("pdf_", "no_text", "needs_ocr", "record_too_large"))
