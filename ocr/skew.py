"""Straightening a scanned page: lines of text level give the sharpest row profile (Postl 1986)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LARGEST = 4.0  #: degrees either way
_SIDE = 800  #: pixels of the copy the angle is measured on


def straightened(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The page turned level when it is off by more than a tenth of a degree; background fills the corners."""
    angle = skew(grey)
    if abs(angle) < 0.1:
        return grey
    from PIL import Image

    fill = int(np.median(grey[:: max(1, grey.shape[0] // 64), :: max(1, grey.shape[1] // 64)]))
    turned = Image.fromarray(grey).rotate(angle, Image.Resampling.BICUBIC, fillcolor=fill)
    return np.asarray(turned, np.uint8)


def skew(grey: npt.NDArray[np.uint8]) -> float:
    """Degrees to turn the page counter-clockwise so that its lines lie level; 0 for a page without lines."""
    step = max(1, max(grey.shape) // _SIDE)
    small = grey[: grey.shape[0] // step * step, : grey.shape[1] // step * step]
    small = small.reshape(small.shape[0] // step, step, -1, step).mean(axis=(1, 3))
    ink = np.maximum(0.0, np.median(small) - small - 24)
    y, x = np.nonzero(ink)
    if len(y) < 200:
        return 0.0
    weight = ink[y, x]
    coarse = _sharpest(y, x, weight, np.arange(-_LARGEST, _LARGEST + 0.01, 0.5))
    fine = _sharpest(y, x, weight, coarse + np.arange(-0.4, 0.41, 0.1))
    return round(float(fine), 1)


def _sharpest(
    y: npt.NDArray[np.intp], x: npt.NDArray[np.intp], weight: npt.NDArray[np.float64], angles: npt.NDArray[np.float64]
) -> float:
    """The angle whose sheared row profile changes most from row to row; the flattest of equals."""
    middle = x.mean()
    best, found = -1.0, 0.0
    for angle in sorted(angles.tolist(), key=abs):
        rows = np.rint(y - (x - middle) * np.tan(np.deg2rad(angle))).astype(np.int64)
        profile = np.bincount(rows - rows.min(), weights=weight)
        score = float((np.diff(profile) ** 2).sum())
        if score > best * (1 + 1e-9):
            best, found = score, angle
    return found
