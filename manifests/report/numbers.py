"""Numbers as a person reads them."""

from __future__ import annotations

import math

_UNITS = ("", " k", " M", " bn", " tn")


def count(value: float | None) -> str:
    """1,234,567"""
    return "–" if value is None else f"{value:,.0f}"


def given(value: float) -> str:
    """What a query gives: whole numbers as they are, others to six digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def short(value: float | None) -> str:
    """Three digits and a unit: 4.21 M."""
    if value is None:
        return "–"
    power = min(len(_UNITS) - 1, int(math.log10(value) // 3)) if value >= 10_000 else 0
    if power == 0:
        return f"{value:,.0f}"
    scaled = value / 1000**power
    return f"{scaled:.{max(0, 2 - int(math.log10(scaled)))}f}{_UNITS[power]}"


def share(value: float | None, digits: int = 1) -> str:
    """12.3 %"""
    return "–" if value is None else f"{100 * value:.{digits}f}\u202f%"


def size(value: float | None) -> str:
    """Bytes, in decimal units."""
    if value is None:
        return "–"
    if value < 1000:
        return f"{value:,.0f} B"
    power = min(4, int(math.log10(value) // 3))
    return f"{value / 1000**power:.3g} {('', 'kB', 'MB', 'GB', 'TB')[power]}"


def time(seconds: float | None) -> str:
    """3.2 s, 4 min 07 s, 2 h 05 min"""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
