"""Text out of the run: documents, edits, verdicts, pools, remembered rephrasings. Every step may be done twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from manifests import edits, parts, storage
from manifests.takedown import Plan
from pipelines.exchange import MERGED
from pipelines.takedown.in_place import in_place

REASON = "taken_down"


def documents(run: str, plan: Plan) -> list[str]:
    """Blanks text and title; the row stays, with the address and the place of its record."""
    changed = []
    for part, rows in plan.rows().items():
        uri = storage.join(run, parts.path(parts.DOCUMENTS, part))
        table, metadata = storage.read_table(uri), storage.read_metadata(uri)
        for name in ("text", "title"):
            table = _replaced(table, name, rows, "")
        storage.write_table(uri, table, metadata)
        changed.append(parts.path(parts.DOCUMENTS, part))
        for folder in storage.list_folders(storage.join(run, edits.FOLDER)):
            path = parts.path(edits.column(folder), part)
            if storage.is_file(storage.join(run, path)):
                made = storage.read_table(storage.join(run, path))
                kept = storage.read_metadata(storage.join(run, path))
                storage.write_table(storage.join(run, path), _replaced(made, "edits", rows, []), kept)
                changed.append(path)
    return changed


def moved(run: str) -> None:
    """What a run that was stopped left of texts on their way to be compared: see ``stages/deduplicate/texts.py``."""
    for folder in ("exchange", MERGED):
        for name in storage.list_folders(storage.join(run, folder)):
            if name.startswith("texts"):
                for file in storage.list_files(storage.join(run, folder, name), recursive=True):
                    storage.remove(file)


def verdicts(run: str, plan: Plan) -> list[str]:
    changed = []
    for part, rows in plan.rows().items():
        path = parts.path("verdicts", part)
        uri = storage.join(run, path)
        if storage.is_file(uri):
            table = _replaced(storage.read_table(uri), "keep", rows, False)
            storage.write_table(uri, _replaced(table, "reason", rows, REASON), storage.read_metadata(uri))
            changed.append(path)
    return changed


def _replaced(table: pa.Table, name: str, rows: Sequence[int], value: Any) -> pa.Table:
    values = table[name].to_pylist()
    for row in rows:
        values[row] = value
    i = table.column_names.index(name)
    return table.set_column(i, table.schema.field(i), pa.array(values, table.schema.field(i).type))


def pools(run: str, plan: Plan, eos: int) -> list[str]:
    """Overwrites the documents' tokens with the end-of-document token, in place; spans stay, so that nothing moves."""
    wanted = {(f"documents/{part}.parquet", row) for part, rows in plan.rows().items() for row in rows}
    changed = []
    for folder in ("pools", "permitted"):
        for path in storage.list_files(storage.join(run, folder), "*.spans.parquet", recursive=True):
            spans = _mine(path, wanted)
            if not spans:
                continue
            uri = path.removesuffix(".spans.parquet") + ".npy"
            with in_place(uri) as local:
                array = np.lib.format.open_memmap(local, mode="r+")
                for start, end in spans:
                    array[start:end] = eos
                array.flush()
            changed.append(uri.removeprefix(f"{run.rstrip('/')}/"))
    return changed


def _mine(path: str, wanted: set[tuple[str, int]]) -> list[tuple[int, int]]:
    frame = pl.DataFrame(pl.from_arrow(storage.read_table(path))).with_columns(pl.col("part").cast(pl.String))
    keys = pl.DataFrame(sorted(wanted), schema={"part": pl.String, "row": pl.Int32}, orient="row")
    return [
        (int(a), int(b)) for a, b in frame.join(keys, on=["part", "row"], how="semi").select("start", "end").iter_rows()
    ]


def rephrasings(run: str, plan: Plan, recipe: Mapping[str, Any]) -> list[str]:
    """Paths of the remembered answers about the documents; all of them where they cannot be told apart."""
    folder = storage.join(run, "cache/rephrase")
    files = storage.list_files(folder, "*.json", recursive=True)
    if not files:
        return []
    relative = {f.rsplit("/", 1)[-1].removesuffix(".json"): f"cache/rephrase{f.removeprefix(folder)}" for f in files}
    try:
        keys = _keys(run, plan, recipe)
    except Exception:  # a generator that is not installed here any more: then all answers go, and are asked again
        return sorted(relative.values())
    return sorted(relative[k] for k in keys if k in relative)


def _keys(run: str, plan: Plan, recipe: Mapping[str, Any]) -> list[str]:
    from manifests.receipts import digest_of
    from pipelines.recipe import Rephrase
    from pipelines.rephrase import chunks, generator, styles

    section = Rephrase.model_validate(recipe["rephrase"])
    style = styles.get(section.style)
    digest = generator(section.generator, seed=int(recipe.get("seed", 0))).digest
    found = []
    for part, rows in plan.rows().items():
        texts = parts.read(run, parts.DOCUMENTS, part, ["text"])["text"]
        for row in rows:
            pieces = chunks.split(texts[row].as_py(), style.chunk)
            found += [digest_of("rephrase", style.digest, digest, piece.text) for piece in pieces]
    return found
