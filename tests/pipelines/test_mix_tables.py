from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from manifests.mix import MixManifest
from pipelines.mix_tables import difference_notes, print_table


def manifest(seed: int, budget: int) -> MixManifest:
    domain = {"weight": 1.0, "tokens": budget, "available": 500, "epochs": budget / 500}
    return MixManifest.model_validate({"seed": seed, "budget": budget, "domains": {"web": domain}})


def test_a_seed_of_zero_is_a_seed_and_a_budget_of_zero_is_none() -> None:
    notes = difference_notes(manifest(7, 1000), manifest(0, 0))
    assert "seed: 7 → 0" in notes
    assert "budget: 1000 → none" in notes


def test_tables_are_whole_where_the_terminal_is_narrow() -> None:
    table = Table("metric", "rmse", box=None)
    table.add_row("metric/the_pile_pubmed_abstracts_val_loss", "0.01234")
    written = io.StringIO()
    print_table(table, Console(file=written, width=30))
    assert "metric/the_pile_pubmed_abstracts_val_loss 0.01234" in " ".join(written.getvalue().split())
