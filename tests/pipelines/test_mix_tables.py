from __future__ import annotations

from manifests.mix import MixManifest
from pipelines.mix_tables import difference_notes


def manifest(seed: int, budget: int) -> MixManifest:
    domain = {"weight": 1.0, "tokens": budget, "available": 500, "epochs": budget / 500}
    return MixManifest.model_validate({"seed": seed, "budget": budget, "domains": {"web": domain}})


def test_a_seed_of_zero_is_a_seed_and_a_budget_of_zero_is_none() -> None:
    notes = difference_notes(manifest(7, 1000), manifest(0, 0))
    assert "seed: 7 → 0" in notes
    assert "budget: 1000 → none" in notes
