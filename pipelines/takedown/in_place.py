"""Files changed in place: here as they lie, on an object store as a copy that replaces them whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manifests import storage


@contextmanager
def in_place(uri: str) -> Iterator[Path]:
    """A local path with the content of ``uri``; what the block changes there is in ``uri`` when it ends.

    On an object store nothing changes when the block raises, and nobody sees half of it.
    """
    with storage.on_this_machine(uri) as path:
        yield path
        if not storage.is_local(uri):
            with path.open("rb") as content, storage.open_output(uri) as out:
                shutil.copyfileobj(content, out, 1 << 22)
