"""Takedowns of a run: one folder each, with the plan it began with and the receipt it ended with."""

from __future__ import annotations

import json
from typing import Any

from manifests import storage

FOLDER = "takedowns"


def path(run: str, name: str, file: str) -> str:
    return storage.join(run, FOLDER, name, file)


def unfinished(run: str) -> list[str]:
    """Takedowns that began and did not end, such as by a crash: their plan lies there, and no receipt."""
    names = storage.list_folders(storage.join(run, FOLDER))
    return [n for n in names if storage.is_file(path(run, n, "plan.json")) and not finished(run, n)]


def finished(run: str, name: str) -> bool:
    return storage.is_file(path(run, name, "receipt.json"))


def rows(run: str) -> set[tuple[str, int]]:
    """Document part (its path) and row of everything taken down so far."""
    found = set()
    for name in storage.list_folders(storage.join(run, FOLDER)):
        if storage.is_file(path(run, name, "plan.json")):
            plan = json.loads(storage.read_bytes(path(run, name, "plan.json")))["plan"]
            found |= {(f"documents/{t['part']}.parquet", int(t["row"])) for t in plan["targets"]}
    return found


def receipts(run: str) -> list[dict[str, Any]]:
    """The receipts of all finished takedowns, in the order of their names."""
    names = storage.list_folders(storage.join(run, FOLDER))
    return [json.loads(storage.read_bytes(path(run, n, "receipt.json"))) for n in names if finished(run, n)]
