"""HTML pages in flat arrays: scanned in one compiled pass, cut into blocks, classified, written out as text."""

from pipelines.html.main_text import MainText, TooCostly, all_text, main_text

__all__ = ["MainText", "TooCostly", "all_text", "main_text"]
