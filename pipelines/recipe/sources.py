"""What comes in: files the run makes for itself, and sources of documents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pipelines.recipe.base import ImportPath, Name, Section

#: how a source was come by, best first: of duplicates, the copy best come by is kept
Route = Literal["contract", "purchase", "api", "bulk-dump", "own-crawl", "third-party-crawl", "unknown"]


class Input(Section):
    """Files the run makes for itself, once, in ``RUN/inputs/NAME``."""

    maker: ImportPath
    options: dict[str, Any] = {}


class Source(Section):
    """Files of one kind and one origin; each makes documents in ``documents/NAME``."""

    name: Name
    kind: Literal["warc", "pdf", "parquet", "jsonl", "text"]
    paths: Annotated[list[str], Field(min_length=1)]
    namespace: str = ""  #: identifies documents across runs; default: the name
    acquisition: Route = "unknown"
    licence: str = ""  #: SPDX expression declared for the whole source
    columns: dict[Literal["text", "id", "url", "title", "license"], str] = {}
    max_record_bytes: Annotated[int, Field(ge=1024)] = 10_000_000
    ocr: Literal["auto", "tesseract", "off"] = "auto"

    @property
    def space(self) -> str:
        return self.namespace or self.name
