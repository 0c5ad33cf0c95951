"""Exports: what others ask of a data set, computed from the run's records; what they do not hold is said to be absent.

Nothing is filled in by hand and no date is the clock's: the same run gives the same bytes.
"""

from __future__ import annotations

from manifests.exports.write import FORMATS, write

__all__ = ["FORMATS", "write"]
