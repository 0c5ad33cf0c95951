"""Licence evidence and reservations, as found: in pages, response headers, files of a host, records of a catalogue.

Nothing is concluded here. A statement about a photo gets scope ``media``, one about a theme or a quotation ``other``;
neither ever speaks for the text.
"""

from __future__ import annotations

from pipelines.evidence.page import from_html
from pipelines.evidence.records import from_field, from_folder, from_package, stack_exchange

__all__ = ["from_field", "from_folder", "from_html", "from_package", "stack_exchange"]
