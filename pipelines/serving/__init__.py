"""The report of a run with live search and reviews, served to a browser on this machine (extra ``web``)."""

from __future__ import annotations

from pipelines.serving.start import serve

__all__ = ["serve"]
