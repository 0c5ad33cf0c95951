from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests.mix import MixManifest


def data(**changes: Any) -> dict[str, Any]:
    domain = {"weight": 0.75, "tokens": 750, "available": 500, "epochs": 1.5, "pools": ["web~a", "web~b"]}
    other = {"weight": 0.25, "tokens": 250, "available": 1000, "epochs": 0.25, "pools": ["code~a"]}
    metric = {"weight": 1.0, "predicted": 1.25, "natural": 1.5, "sd": 0.01, "family": "ridge", "cv_rmse": 0.02}
    return {
        "seed": 7, "tokenizer": "ab12", "budget": 1000, "domains": {"web": domain, "code": other},
        "metrics": {"bpb/web": metric}, "objective": {"predicted": 1.25, "gap": 1e-9}, "constraints": {"max_epochs": 4},
    } | changes  # fmt: skip


def test_round_trip_is_stable(tmp_path: Path) -> None:
    manifest = MixManifest.model_validate(data())
    path = tmp_path / "mix.yaml"
    manifest.write(str(path))
    again = MixManifest.read(str(path))
    assert again == manifest
    assert again.to_yaml().encode() == path.read_bytes()
    assert list(yaml.safe_load(path.read_text())["domains"]) == ["web", "code"], "order is the author's"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 999}, "domains sum to 1,000, not to the budget of 999"),
        ({"version": 3}, "version: .*less than or equal to 2"),
        ({"epoch": 3}, "epoch: Extra inputs"),
        ({"domains": {}}, "domains: "),
        ({"seed": "x"}, "seed: "),
        (
            {"domains": {"web": {"weight": 1, "tokens": 1000, "available": 0, "epochs": float("inf")}}},
            "epochs: .*finite",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(yaml.safe_dump(data(**changes)))
    with pytest.raises(ValueError, match=message):
        MixManifest.read(str(path))


def test_weights_and_pools_are_checked() -> None:
    bad = data()
    bad["domains"]["web"]["weight"] = 0.7
    with pytest.raises(ValueError, match=r"sum to 0\.95, not 1"):
        MixManifest.model_validate(bad)
    bad = data()
    bad["domains"]["code"]["pools"] = ["web~a"]
    with pytest.raises(ValueError, match="pools in two domains: web~a"):
        MixManifest.model_validate(bad)


def test_a_table_is_no_manifest(tmp_path: Path) -> None:
    path = tmp_path / "W.csv"
    path.write_text("run,web,code\nr000,0.4,0.6\n")
    with pytest.raises(ValueError, match=r"W\.csv is no mix manifest: give what `cuvee mix solve` wrote"):
        MixManifest.read(str(path))


@pytest.mark.parametrize("text", ["a: [1\nb: }", "a: " + "[" * 20_000])
def test_broken_yaml_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="not valid YAML") as error:
        MixManifest.read(str(path))
    assert "\n" not in str(error.value)


OLD = """\
# A cuvée mix manifest. `cuvee shard` turns it into training shards.
version: 1
seed: 7
tokenizer: ab12
budget: 1000
policy: any
domains:
  web: {weight: 0.75, tokens: 750, available: 500, epochs: 1.5, pools: [web~a]}
  code: {weight: 0.25, tokens: 250, available: 1000, epochs: 0.25, pools: [code~a]}
metrics:
  bpb/web: {weight: 1.0, predicted: 1.25, natural: 1.5, sd: 0.01, family: ridge, cv_rmse: 0.02}
objective: {predicted: 1.25, natural: 1.5, gap: 1.0e-09}
constraints: {max_epochs: 4.0}
runs: 16
"""


def test_a_manifest_of_the_first_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(OLD)
    old = MixManifest.read(str(path))
    assert old.domains["web"].epochs == 1.5
    assert old.stages == []
    assert old.bootstrap is None


def test_stages_sum_to_their_domains() -> None:
    def stage(name: str, web: int, code: int) -> dict[str, Any]:
        total = web + code
        shares = {
            "web": {"weight": web / total, "tokens": web, "epochs": web / 500},
            "code": {"weight": code / total, "tokens": code, "epochs": code / 1000},
        }
        return {"name": name, "budget": total, "domains": shares}

    good = [stage("first", 700, 100), stage("second", 50, 150)]
    assert MixManifest.model_validate(data(stages=good)).stages[1].domains["code"].tokens == 150
    for stages, message in (
        ([stage("first", 750, 250), stage("first", 1, 1)], "stages of one name: first"),
        ([stage("first", 700, 250), stage("second", 49, 1)], "the stages give web 749 tokens, not its 750"),
        ([{**stage("first", 750, 250), "budget": 999}], "tokens of stage first sum to 1,000, not to its 999"),
    ):
        with pytest.raises(ValueError, match=message):
            MixManifest.model_validate(data(stages=stages))
