"""The rephrase cache: answers by the digest of everything they depend on, wherever the text lies."""

from __future__ import annotations

import json
from dataclasses import asdict

from manifests import storage
from pipelines.rephrase.generator import Completion


class Cache:
    """One small JSON file per answer. Written before the answer is used, so that a killed run loses none."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def _path(self, key: str) -> str:
        return storage.join(self.folder, key[:2], f"{key}.json")

    def get(self, key: str) -> Completion | None:
        """None when it was never answered, or the file is not readable: then it is asked again."""
        path = self._path(key)
        if not storage.is_file(path):
            return None
        try:
            return Completion(**json.loads(storage.read_bytes(path)))
        except (ValueError, TypeError):
            return None

    def put(self, key: str, completion: Completion) -> None:
        storage.write_bytes(self._path(key), json.dumps(asdict(completion), ensure_ascii=False).encode())
