"""``cuvee shard``: the run's blend in another format, another blend in another folder, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from manifests import lineage, takedown
from manifests.mix import MixManifest
from manifests.takedown import Request
from mixing.tokenizer import Tokenizer
from pipelines import asked_shards
from pipelines.errors import CuveeError
from pipelines.materialise import materialise, open_blend
from pipelines.progress import Progress
from pipelines.recipe import Shards
from pipelines.takedown import apply
from tests.mixing.shards.test_mds import read_shard
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import shards_are_covered, tokens_of
from tests.pipelines.test_takedown import chosen, decoded, quiet


def shard(mix: Path, form: str, *, run: str = "", tokens: int = 0, out: str = "") -> tuple[str, dict[str, Any]]:
    blend = open_blend(str(mix), run)
    return materialise(blend, form, tokens=tokens, out=out, workers=1, progress=Progress(quiet=True))


def edited(run: Path, to: Path, **changes: Any) -> Path:
    """The run's manifest with other top-level keys."""
    said = yaml.safe_load((run / "mix/mix.yaml").read_text())
    to.write_text(yaml.safe_dump({**said, **changes}, sort_keys=False))
    return to


def documents_of(spans: Iterable[Path]) -> set[tuple[str, int]]:
    """Part and row of every document that the spans name."""
    return {row for p in spans for row in pl.read_parquet(p).select(pl.col("part").cast(pl.String), "row").iter_rows()}


@pytest.fixture
def olmo(tiny: Path, copied: Path) -> tuple[Path, Path]:
    """A recipe that asks for one format, and its run."""
    said = yaml.safe_load(tiny.read_text())
    said["shards"]["formats"] = ["olmo"]
    recipe = copied.parent / "olmo.yaml"
    recipe.write_text(yaml.safe_dump(said, sort_keys=False))
    run_quietly(recipe, copied)
    return recipe, copied


def test_a_format_joins_the_run_and_stays(olmo: tuple[Path, Path]) -> None:
    recipe, run = olmo
    assert not list((run / "shards/mds").glob("*.mds"))
    before = {p.name: p.read_bytes() for p in (run / "shards/olmo").iterdir()}
    folder, index = shard(run, "mds")
    assert folder == str(run)
    assert {p.name: p.read_bytes() for p in (run / "shards/olmo").iterdir()} == before
    assert json.loads((run / "shards/index.json").read_text()) == index
    shards_are_covered(run, run / "shards/mds")
    tokenizer = Tokenizer.load(str(run / "models/tokenizer.json"))
    one, other = (
        lineage.trace(str(run), f"shards/{name}", 777, tokenizer.decode)
        for name in ("mds/part-00001.mds", "olmo/part-00001.npy")
    )
    assert (one.document["id"], one.before, one.after) == (other.document["id"], other.before, other.after)
    entry, place = lineage.Index(str(run)).at("shards/mds/part-00001.mds", 777)
    assert (f"documents/{entry.part}.parquet", entry.row, place.start) == (one.part, one.row, one.start)
    assert not run_quietly(recipe, run).worked, "running the recipe again keeps what was asked for"
    url, _, words = chosen(run)
    apply(str(run), [Request("url", url)], mode="erase", why="", progress=quiet)
    assert words not in decoded(run, "mds/*.mds")


def test_another_blend_in_another_folder(finished: Path, tmp_path: Path) -> None:
    manifest = MixManifest.read(str(finished / "mix/mix.yaml"))
    name, domain = next((n, d) for n, d in manifest.domains.items() if d.tokens)
    changed = manifest.model_dump(mode="json", exclude_none=True)
    changed["domains"] = {name: changed["domains"][name] | {"weight": 1.0}}
    changed["budget"] = domain.tokens
    mix = tmp_path / "mix.yaml"
    mix.write_text(yaml.safe_dump(changed, sort_keys=False))
    out = tmp_path / "out"
    _, index = shard(mix, "datatrove", run=str(finished), tokens=20_000, out=str(out))
    assert set(index["tokens"]) == {name}
    for listed in index["formats"]["datatrove"]:
        assert listed["tokens"] <= 20_000 or listed["documents"] == 1
    written = (out / "shards/datatrove").glob("*.spans.parquet")
    here, of_domain = map(documents_of, (written, (finished / "pools").glob(f"{name}~*/train-*.spans.parquet")))
    assert here
    assert here <= of_domain
    # a second format of the same blend joins it, and holds the same tokens
    shard(mix, "mds", run=str(finished), out=str(out))
    listed = json.loads((out / "shards/index.json").read_text())["formats"]
    assert sorted(listed) == ["datatrove", "mds"]
    a, b = (
        np.concatenate([tokens_of(p, np.uint16) for p in sorted((out / "shards").glob(g))])
        for g in ("datatrove/*.ds", "mds/*.mds")
    )
    assert np.array_equal(a, b)


def test_what_was_taken_down_stays_out(copied: Path, tmp_path: Path) -> None:
    url, _, words = chosen(copied)
    out = tmp_path / "out"
    shard(copied, "mds", out=str(out))
    apply(str(copied), [Request("url", url)], mode="tombstone", why="", progress=quiet)
    shutil.rmtree(out)
    shard(copied, "mds", out=str(out))
    tokenizer = Tokenizer.load(str(copied / "models/tokenizer.json"))
    samples = [s for p in sorted((out / "shards/mds").glob("*.mds")) for s in read_shard(p.read_bytes())[1]]
    assert words not in "".join(map(tokenizer.decode, samples))
    assert not takedown.rows(str(copied)) & documents_of((out / "shards/mds").glob("*.spans.parquet"))


def test_refusals(finished: Path, tmp_path: Path) -> None:
    said = yaml.safe_load((finished / "mix/mix.yaml").read_text())
    stratum = next(s for d in said["domains"].values() if d["tokens"] for s in d["pools"])
    other_pools = {**said["pools"], stratum: {**said["pools"][stratum], "digest": "0" * 32}}
    unknown = {n.replace("prose", "verse"): d for n, d in said["domains"].items()}
    nothing = {n: {**d, "tokens": 0} for n, d in said["domains"].items()}
    mix = tmp_path / "mix.yaml"
    for changes, says in (
        ({"pools": other_pools}, "made of other pools"),
        ({"domains": unknown}, "domain 'verse' has no pools"),
        ({"budget": 0, "domains": nothing}, "no budget"),
        ({"tokenizer": "0" * 32}, "another tokenizer"),
        ({"version": 99}, "version"),
    ):
        with pytest.raises(CuveeError, match=says):
            open_blend(str(edited(finished, mix, **changes)), str(finished))
    edited(finished, mix, seed=8)
    with pytest.raises(CuveeError, match="--run RUN"):
        open_blend(str(mix), "")
    with pytest.raises(CuveeError, match="no run folder here"):
        open_blend(str(mix), str(tmp_path))
    with pytest.raises(CuveeError, match="no such file"):
        open_blend(str(tmp_path / "absent"), "")
    with pytest.raises(CuveeError, match="name a folder with --out"):
        shard(mix, "mds", run=str(finished))
    with pytest.raises(CuveeError, match="this is a run folder"):
        shard(mix, "mds", run=str(finished), out=str(finished))
    (tmp_path / "out/mix").mkdir(parents=True)
    (tmp_path / "out/mix/mix.yaml").write_text("another")
    with pytest.raises(CuveeError, match="another blend"):
        shard(mix, "mds", run=str(finished), out=str(tmp_path / "out"))


def test_what_was_asked_for_is_remembered(tmp_path: Path) -> None:
    folder, recipe = str(tmp_path), Shards(formats=["olmo"], tokens=5000)
    assert asked_shards.section(folder) is None
    assert asked_shards.section(folder, recipe) == recipe
    assert asked_shards.ask(folder, recipe, "mds", 0) == Shards(formats=["olmo", "mds"], tokens=5000)
    assert asked_shards.section(folder, recipe.model_copy(update={"tokens": 9000})) == Shards(
        formats=["olmo", "mds"], tokens=9000
    )
    assert asked_shards.section(folder, None) == Shards(formats=["olmo", "mds"], tokens=5000)
    with pytest.raises(CuveeError, match="at most 5,000 tokens"):
        asked_shards.ask(folder, recipe, "mds", 6000)
    with pytest.raises(CuveeError, match="--tokens"):
        asked_shards.ask(str(tmp_path / "new"), None, "mds", 5)
