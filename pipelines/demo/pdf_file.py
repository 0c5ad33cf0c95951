"""Just enough of PDF 1.4 (ISO 32000-1) to set text in the standard fonts and to place page images.

No dates and no random identifiers: the same pages give the same bytes.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 612, 792, 72  # points, US Letter
FONTS = {"F1": "Times-Roman", "F2": "Courier", "F3": "Times-Bold"}
COURIER_WIDTH = 0.6  # of the size, every character

# Times-Roman, from the space to the tilde, thousandths of the size (Adobe's font metrics).
_TIMES_WIDTHS = [
    *(250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278),
    *(500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444),
    *(921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722),
    *(556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500),
    *(333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500),
    *(500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541),
]
_WIDEST = 1000  # for the few characters outside the table: a line may be short, never too long


class TextLine(NamedTuple):
    """One line of text with its baseline; ``x`` and ``y`` in points from the lower left corner."""

    x: float
    y: float
    font: str  # a key of FONTS
    size: float
    text: str


class PageImage(NamedTuple):
    """A greyscale JPEG that fills its page; width and height in pixels."""

    jpeg: bytes
    width: int
    height: int


Page = list[TextLine] | PageImage


def times_width(text: str, size: float) -> float:
    """Points that ``text`` takes in Times-Roman."""
    return size / 1000 * sum(_TIMES_WIDTHS[ord(c) - 32] if 32 <= ord(c) < 127 else _WIDEST for c in text)


def write_pdf(pages: list[Page], title: str) -> bytes:
    """A complete file. Characters outside Windows-1252 are written as question marks."""
    catalogue, tree, info, *fonts = range(1, 4 + len(FONTS))
    objects: dict[int, bytes] = {
        catalogue: b"<< /Type /Catalog /Pages %d 0 R >>" % tree,
        info: b"<< /Title %s >>" % _string(title),
    }
    for number, name in zip(fonts, FONTS.values(), strict=True):
        described = f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
        objects[number] = described.encode()
    resources = b" ".join(b"/%s %d 0 R" % (key.encode(), n) for key, n in zip(FONTS, fonts, strict=True))
    kids = []
    for page in pages:
        number = len(objects) + 2  # the page tree's own number is still free
        if isinstance(page, PageImage):
            drawn = b"q %d 0 0 %d 0 0 cm /Im0 Do Q" % (PAGE_WIDTH, PAGE_HEIGHT)
            used = b"/XObject << /Im0 %d 0 R >>" % (number + 2)
            objects[number + 2] = _stream(
                page.jpeg,
                b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
                b"/BitsPerComponent 8 /Filter /DCTDecode" % (page.width, page.height),
            )
        else:
            drawn = b"\n".join(_shown(line) for line in page)
            used = b"/Font << %s >>" % resources
        objects[number] = (
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %d %d] /Resources << %s >> /Contents %d 0 R >>"
            % (
                *(tree, PAGE_WIDTH, PAGE_HEIGHT, used),
                number + 1,
            )
        )
        objects[number + 1] = _stream(zlib.compress(drawn, 9), b"/Filter /FlateDecode")
        kids.append(b"%d 0 R" % number)
    objects[tree] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    return _assemble(objects, catalogue, info)


def _assemble(objects: dict[int, bytes], catalogue: int, info: int) -> bytes:
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    table = [b"0000000000 65535 f \n"]
    for number in range(1, len(objects) + 1):
        table.append(b"%010d 00000 n \n" % len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    start = len(file)
    file += b"xref\n0 %d\n%s" % (len(table), b"".join(table))
    file += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (len(table), catalogue, info)
    file += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(file)


def _stream(data: bytes, entries: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _string(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return b"(%s)" % raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _shown(line: TextLine) -> bytes:
    where = f"BT /{line.font} {line.size:g} Tf {line.x:.2f} {line.y:.2f} Td ".encode()
    return where + _string(line.text) + b" Tj ET"
