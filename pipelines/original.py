"""Where a token's text was before edits: bytes of a document's own text, as it was read from its record.

What was tokenized is a view, the text with edits applied (redacted personal data, passages taken out); the tokens of
the view are made again, and their characters led back through the edits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manifests import edits, lineage, parts, schemas, storage
from mixing.tokenizer import Tokenizer


@dataclass(frozen=True)
class Original:
    """``[start, end)`` in UTF-8 bytes of the document's text; ``text`` is what lies there, ``shown`` what was
    tokenized in its place: they differ where an edit was made."""

    start: int
    end: int
    text: str
    shown: str

    @property
    def edited(self) -> bool:
        return self.text != self.shown


def of_token(run: str, part: str, row: int, tokens: npt.NDArray[np.integer], place: int) -> Original | None:
    """Of the ``place``-th of a document's tokens in a shard.

    None when the tokens are not those of its view (a takedown's, or a stretch of it), and for the end of the document.
    """
    texts = pa.array([lineage.row_of(run, parts.DOCUMENTS, part, row, ["text"])["text"] or ""], pa.large_string())
    names = [n for n in storage.list_folders(storage.join(run, edits.FOLDER)) if _has(run, edits.column(n), part)]
    kind = schemas.EDITS.field("edits").type
    lists = [pa.array([lineage.row_of(run, edits.column(n), part, row)["edits"] or []], kind) for n in names]
    view = edits.apply(texts, lists)
    shown = str(view.texts[0].as_py())
    ids, bounds = _tokenizer(storage.join(run, "models/tokenizer.json")).bounds(shown)
    if not np.array_equal(ids, np.asarray(tokens[: len(ids)])) or place >= len(ids):
        return None
    first, last = (len(shown[:c].encode()) for c in bounds[place].tolist())
    start, end = view.origin(np.array([0]), np.array([first]), np.array([last]))
    data = texts[0].as_py().encode()
    piece = data[int(start[0]) : int(end[0])].decode("utf-8", "replace")
    return Original(int(start[0]), int(end[0]), piece, shown.encode()[first:last].decode("utf-8", "replace"))


def _has(run: str, column: str, part: str) -> bool:
    return storage.is_file(storage.join(run, parts.path(column, part)))


@lru_cache(4)
def _tokenizer(path: str) -> Tokenizer:
    return Tokenizer.load(path)
