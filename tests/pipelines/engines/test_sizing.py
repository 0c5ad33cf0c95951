"""Sizes of Dataflow's workers."""

from __future__ import annotations

from pipelines.engines.sizing import size
from pipelines.recipe import Recipe


def recipe(kind: str = "warc", **more: object) -> Recipe:
    source = {"name": "web", "kind": kind, "paths": ["gs://b/*"]}
    return Recipe.model_validate({"name": "r", "sources": [source], **more})


def test_workers_follow_the_tasks_up_to_a_limit() -> None:
    assert [size(recipe(), n).workers for n in (1, 16, 17, 90_000)] == [1, 1, 2, 1000]
    assert size(recipe(), 90_000, cores=400).workers == 100
    assert size(recipe(), 90_000, cores=1).workers == 1


def test_pdfs_need_more_memory_and_a_budget_more_disk() -> None:
    assert size(recipe(), 1).machine == "n2-standard-4"
    assert size(recipe("pdf"), 1).machine == "n2-highmem-4"
    mixed = recipe(tokenizer={"train": {}}, mix={"budget": 10_000_000_000})
    assert size(mixed, 1).disk_gb - size(recipe(), 1).disk_gb == 80
