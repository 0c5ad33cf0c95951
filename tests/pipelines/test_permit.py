"""A policy applied to pools of a real run."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from manifests import reviews
from manifests.reviews import Review
from mixing.pools import PoolSet
from mixing.tokenizer import Tokenizer
from pipelines.reviewing import decide
from pipelines.stages import permit
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column


def test_bytes_of_what_is_left_of_a_pool_are_those_of_its_tokens(tmp_path: Path) -> None:
    """Of the text as the run's edits left it: metrics are in bits for each of these bytes."""
    shared = "Lamps along this coast are tended by keepers, who row out whatever the weather is.\n"
    own = "Keeper number {i} of the harbour burns {n} lamps through the long night, and rests at noon.\n"
    rows = [{"id": str(i), "license": "CC-BY-4.0", "text": shared + own.format(i=i, n=7 * i + 2)} for i in range(30)]
    (tmp_path / "lamps.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe = {
        "name": "lamps",
        "sources": [{"name": "lamps", "kind": "jsonl", "paths": ["lamps.jsonl"]}],
        "dedup": {"fuzzy": False, "lines": {"least": 40}},
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 1000, "policy": "permissive-only", "solve": {"max_epochs": 10}},
    }
    (tmp_path / "lamps.yaml").write_text(yaml.safe_dump(recipe))
    run = tmp_path / "run"
    run_quietly(tmp_path / "lamps.yaml", run, workers=1)
    for number in column(run, "documents")["id"].to_list()[::4]:  # of a stratum a policy takes all or none, people some
        decide(str(run), Review("deny", "document", number, "ada", "because", reviews.now()))
    run_quietly(tmp_path / "lamps.yaml", run, workers=1)
    tokenizer = Tokenizer.load(str(run / "models/tokenizer.json"))
    pools = PoolSet.open(str(run), permit.files(str(run)))
    assert all(file.path.startswith("permitted/") for file in pools.files)
    for i, file in enumerate(pools.files):
        assert file.bytes == len(tokenizer.decode(pools.array(i)).encode())
