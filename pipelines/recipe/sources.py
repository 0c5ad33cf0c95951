"""What comes in: files the run makes for itself, and sources of documents."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from manifests.acquisition import Acquisition, Answer, Origin, Route, Training
from pipelines.recipe.base import Condition, ImportPath, Name, Section


def _word(value: Any) -> Any:
    """YAML reads a bare yes or no as true or false."""
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


def _slice(text: Any) -> Any:
    if isinstance(text, int):  # YAML 1.1 reads 1:30 as ninety
        raise ValueError('must be quoted, as in "1:30"')
    return text


#: a range as Python slices write it
Slice = Annotated[str, BeforeValidator(_slice), Field(pattern=r"^\d*:\d*$")]


class Input(Section):
    """Files the run makes for itself, once, in ``RUN/inputs/NAME``."""

    maker: ImportPath
    options: dict[str, Any] = {}


class Terms(Section):
    """On what terms a source was come by: what a contract, a receipt or a shop's conditions say."""

    lawful_access: Annotated[Answer, BeforeValidator(_word)] = "unknown"
    training: Annotated[Training, BeforeValidator(_word)] = "unknown"  #: what they say of training
    licensor: str = ""
    order: str = ""  #: purchase order
    expires: date | None = None  #: the last day they hold
    reference: str = ""  #: where they can be read


class Source(Section):
    """Files of one kind and one origin; each makes documents in ``documents/NAME``."""

    name: Name
    kind: Literal["warc", "common_crawl", "pdf", "parquet", "jsonl", "text"]
    paths: list[str] = []
    namespace: str = ""  #: identifies documents across runs; default: the name
    acquisition: Route = "unknown"
    terms: Terms = Terms()
    origin: Origin = "human"
    generator: str = ""  #: of synthetic text
    verifier: str = ""  #: who or what checked it
    licence: str = ""  #: SPDX expression declared for the whole source
    columns: dict[Literal["text", "id", "url", "title", "license"], str] = {}
    max_record_bytes: Annotated[int, Field(ge=1024)] = 10_000_000
    ocr: Literal["auto", "tesseract", "off"] = "auto"
    crawl: str = ""  #: of kind common_crawl: the crawl's id, as in CC-MAIN-2026-05
    subset: Literal["warc", "wet"] = "warc"
    segments: Slice = ":"  #: which of its segments, in the order they are listed
    where: Condition = ""  #: over the columnar index: only these records are fetched
    base: str = "https://data.commoncrawl.org"  #: or a copy of it

    @model_validator(mode="after")
    def _no_password(self) -> Source:
        if any(re.match(r"https?://[^/]*@", address) for address in (*self.paths, self.base)):
            raise ValueError("an address holds a password, which the run's records would tell: download the file first")
        return self

    @model_validator(mode="after")
    def _files_or_crawl(self) -> Source:
        if self.kind != "common_crawl":
            if not self.paths:
                raise ValueError("needs `paths`")
            if self.crawl or self.where:
                raise ValueError(f"`crawl` and `where` are for kind common_crawl, not {self.kind}")
        elif not self.crawl or self.paths:
            raise ValueError("kind common_crawl needs `crawl`, and takes no `paths`")
        elif self.where and self.subset != "warc":
            raise ValueError("`where` chooses WARC records: the index does not know where a WET record lies")
        return self

    @property
    def segment_range(self) -> tuple[int | None, int | None]:
        first, last = (int(n) if n else None for n in self.segments.split(":"))
        return first, last

    @property
    def space(self) -> str:
        return self.namespace or self.name

    @property
    def acquired(self) -> Acquisition:
        return Acquisition(self.acquisition, **self.terms.model_dump())
