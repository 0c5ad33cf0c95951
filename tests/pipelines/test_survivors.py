"""Which copy stays: by the recipe's preferences in order, the smaller id last, in whatever order the copies come."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from manifests import parts, schemas, storage
from manifests.documents import Document, documents_table
from manifests.text import content_hash
from pipelines.exchange import write_slices
from pipelines.recipe import Dedup
from pipelines.slices import listed
from pipelines.stages.deduplicate import texts
from pipelines.stages.deduplicate.groups import MEMBER, Groups, Members
from pipelines.stages.deduplicate.roster import Roster

#: text, acquisition, quality, fetched in: of sources b and a
COPIES = {
    "b/part-1": [("short one", "own-crawl", 0.9, 2021), ("a longer text of it", "own-crawl", 0.9, 2020)],
    "a/part-1": [("the longest text of them all", "unknown", 0.5, 2019), ("short one", "contract", 0.1, 2023)],
}


@pytest.fixture
def run(tmp_path: Path) -> str:
    for part, copies in COPIES.items():
        made = [
            Document(locator=f"{part}{i}", text=t, fetched_at=datetime(year, 1, 1, tzinfo=UTC))
            for i, (t, _, _, year) in enumerate(copies)
        ]
        hashes = content_hash(pa.array([t for t, *_ in copies]))
        table = documents_table(made, namespace="n", acquisition="", hashes=hashes)
        routes = pa.array([route for _, route, _, _ in copies])
        table = table.set_column(table.schema.get_field_index("acquisition"), "acquisition", routes)
        ids = parts.ids_digest(table["id"])
        parts.write(str(tmp_path), parts.DOCUMENTS, part, table, schema="documents", ids=ids)
        quality = pa.table({"quality": [q for _, _, q, _ in copies]}, schema=schemas.QUALITY)
        parts.write(str(tmp_path), texts.QUALITY, part, quality, schema="quality", ids=ids)
    return str(tmp_path)


def first(run: str, survivor: list[Any], frozen: str = "") -> tuple[str, int]:
    """Part and row of the copy that stays; the same for members in any order. ``frozen`` is a part of earlier."""
    names = list(COPIES)
    roster = Roster(names, [2, 2], ["", ""], [n != frozen for n in names])
    order = texts.Order.of(Dedup(survivor=survivor), ("b", "a"), quality=True)
    found = set()
    for rows, turn in (([0, 1], 1), ([1, 0], 1), ([0, 1], -1)):
        members = {}
        for number in range(2):
            records = np.array([(0, row, 0) for row in rows], MEMBER)
            _, slices = write_slices(run, f"exchange/groups/{number}.keys", [(number, records)])
            members[number] = [Members(slices[0], 0)]
        made = [task.work(run, task.spec) for task in texts.tasks(roster, Groups(("",), members), order, "texts")]
        blobs = [s for m in made[::turn] for s in listed(storage.join(run, str(m.data["listing"])))]
        found.add(texts.read(run, blobs, order).select("part", "row").row(0))
    (place,) = found
    return place


@pytest.mark.parametrize(
    ("survivor", "stays"),
    [
        (["route"], ("a/part-1", 1)),
        (["quality", "longest"], ("b/part-1", 1)),
        (["longest"], ("a/part-1", 0)),
        (["earliest"], ("a/part-1", 0)),
        (["source", "earliest"], ("b/part-1", 1)),
        (["quality", "earliest"], ("b/part-1", 1)),
    ],
)
def test_the_first_preference_that_tells_decides(run: str, survivor: list[str], stays: tuple[str, int]) -> None:
    assert first(run, survivor) == stays


def test_an_earlier_survivor_stays_whatever_is_preferred(run: str) -> None:
    assert first(run, ["longest"], frozen="b/part-1") == ("b/part-1", 1)


def test_without_preferences_the_smaller_id_stays(run: str) -> None:
    ids = {(p, r): parts.read(run, parts.DOCUMENTS, p, ["id"])["id"][r].as_py() for p in COPIES for r in range(2)}
    assert first(run, []) == min(ids, key=lambda place: ids[place])


def test_a_preference_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="survivor names route twice"):
        Dedup(survivor=["route", "longest", "route"])
