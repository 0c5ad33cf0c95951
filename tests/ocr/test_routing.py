"""Which way a page goes, by its signs; and straightening."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr.routing import Signs, decide, text_signs
from ocr.skew import skew, straightened

PROSE = "The report was read by the members of the council and it is not known what they said about it. " * 5
SCAN = {"covered": 0.9, "images": 1}


@pytest.mark.parametrize(
    ("text", "layout", "way"),
    [
        (PROSE, {}, "text"),
        ("", {}, "empty"),
        ("7", {}, "text"),
        ("", {"ink": 0.01}, "ocr"),
        ("", {**SCAN, "ink": 0.05}, "ocr"),
        ("", {**SCAN, "ink": 0.0}, "empty"),
        ("", {"paths": 90, "ink": 0.05}, "ocr"),
        ("Scanned by the library, page 1 of 9", SCAN, "ocr"),
        (PROSE, {**SCAN, "hidden": 1.0}, "hidden_text"),
        ("qwonk splat ferric mundo tavel gryme holt " * 20, {**SCAN, "hidden": 1.0}, "ocr"),
        ("xqzt rtkm bvcn wrtp plkd mnbt " * 20, {}, "ocr"),
        ("\ue000\ue001 word " * 40, {}, "ocr"),
        ("t h e r e p o r t w a s " * 20, {"covered": 0.5}, "ocr"),
        ("ref\ufffeerence " * 40, {}, "text"),
        ("日本語の文章です。" * 40, {}, "text"),
        ("Совет прочёл доклад, и никто не знает, что о нём сказали. " * 10, {}, "text"),
        ("A caption under a picture of a horse in a field", {"covered": 0.4}, "ocr"),
    ],
)
def test_ways(text: str, layout: dict[str, Any], way: str) -> None:
    route = decide(replace(text_signs(text), **layout))
    assert route.way == way
    assert route.reason


@given(st.text(max_size=200), st.floats(0, 1), st.integers(0, 100))
def test_every_page_goes_somewhere(text: str, covered: float, paths: int) -> None:
    signs: Signs = replace(text_signs(text), covered=covered, paths=paths)
    assert decide(signs).way in ("text", "ocr", "hidden_text", "empty")


def lined_page() -> np.ndarray[Any, np.dtype[np.uint8]]:
    page = np.full((1400, 1000), 250, np.uint8)
    random = np.random.default_rng(1)
    for y in range(100, 1300, 40):
        for x in range(80, 900, 30):
            page[y : y + 16, x : x + int(random.integers(8, 26))] = 20
    return page


@pytest.mark.parametrize("angle", [-3.0, -1.2, 0.0, 0.6, 2.3])
def test_skew_is_found_to_a_tenth_of_a_degree_or_two(angle: float) -> None:
    turned = np.asarray(Image.fromarray(lined_page()).rotate(angle, Image.Resampling.BICUBIC, fillcolor=250))
    assert skew(turned) == pytest.approx(-angle, abs=0.2)
    assert abs(skew(straightened(turned))) <= 0.2


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (900, 900)])
def test_pages_without_lines_stay_as_they_are(shape: tuple[int, int]) -> None:
    blank = np.full(shape, 255, np.uint8)
    assert straightened(blank) is blank
