"""Policies as data: what they permit, and how a bad one is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from manifests.licences import CATEGORIES
from manifests.mix import MixDomain, MixManifest
from manifests.policy import Policy, shipped


def test_shipped_policies_nest() -> None:
    assert shipped() == ["any", "contract-only", "copyleft-ok", "eu-tdm", "nc-research", "permissive-only"]
    strict, share_alike, everything = (Policy.load(n) for n in ("permissive-only", "copyleft-ok", "any"))
    assert strict.allow < share_alike.allow < everything.allow == set(CATEGORIES)


@pytest.mark.parametrize("name", ["permissive-only", "copyleft-ok"])
def test_silence_and_reservations_are_no_permission(name: str) -> None:
    policy = Policy.load(name)
    assert policy.permits("permissive", reserved=False)
    assert not policy.permits("permissive", reserved=True)
    for category in ("unknown", "reserved", "noncommercial", "no-derivatives", "contract"):
        assert not policy.permits(category, reserved=False)


def test_one_s_own_policy(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("as_of: 2026-01-31\nallow: [contract]\nhonour_reservations: false\n")
    policy = Policy.load(str(path))
    assert policy.permits("contract", reserved=True)
    assert policy.digest == Policy.load(str(path)).digest
    path.write_text("as_of: 2026-01-31\nallow: [contract, permissive]\nhonour_reservations: [robots]\nagents: gptbot\n")
    assert [Policy.load(str(path)).honours("robots", a) for a in ("GPTBot", "CCBot", "*")] == [True, False, True]
    path.write_text("as_of: 2026-01-31\nallow: [contract, permissive]\nhonour_reservations: false\n")
    assert policy.digest != Policy.load(str(path)).digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("as_of: 2026-01-31\nallow: [free]\nhonour_reservations: true\n", "'free'"),
        ("as_of: soon\nallow: [permissive]\nhonour_reservations: true\n", "value is wrong"),
        ("as_of: 2026-01-31\nallow: 3\nhonour_reservations: true\n", "'3'"),
        ("allow: [permissive]\n", "as_of is missing"),
        ("as_of: 2026-01-31\nallow: [permissive]\nallows: [copyleft]\n", "unknown key 'allows'"),
        ("as_of: 2026-01-31\nallow: [permissive]\nreview: [permissive]\n", "both allow and review"),
        ("as_of: 2026-01-31\nallow: [permissive]\nroutes: [torrent]\n", "'torrent'"),
        ("as_of: 2026-01-31\nallow: [permissive]\nagents: [MyBot]\n", "agents: unknown ['MyBot']; allowed: *, CCBot"),
        ("as_of: 2026-01-31\nallow: [permissive]\nmin_confidence: 2\n", "min_confidence is 2"),
        ("as_of: 2026-01-31\nallow: [permissive]\nlawful_access: yes\n", "lawful_access is True"),
        ("- permissive\n", "needs exactly the keys"),
        ("allow: [\n", "not valid YAML"),
    ],
)
def test_a_bad_policy_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        Policy.load(str(path))
    assert "\n" not in str(error.value)
    assert "bad.yaml" in str(error.value)


def test_the_policy_of_a_blend_is_found_where_its_recipe_named_it(tmp_path: Path) -> None:
    """A blend holds no path: it calls the policy by its file's name."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.yaml").write_text("as_of: 2026-01-01\nallow: [permissive]\n")
    policy = replace(Policy.load(str(tmp_path / "own/mine.yaml")), as_of=date(2026, 2, 2))
    domain = MixDomain(weight=1, tokens=9, available=9, epochs=1)
    mix = MixManifest(budget=9, domains={"web": domain}, policy="mine.yaml", policy_digest=policy.digest)
    record = {
        "recipe_path": f"{tmp_path}/recipe.yaml",
        "recipe": {"mix": {"policy": "own/mine.yaml", "as_of": "2026-02-02"}},
    }
    found = Policy.of_mix(mix, record, "run")
    assert found is not None
    assert found.digest == policy.digest
    (tmp_path / "own/mine.yaml").write_text("as_of: 2026-01-01\nallow: [copyleft]\n")
    assert Policy.of_mix(mix, record, "run") is None
    (tmp_path / "own/mine.yaml").unlink()
    assert Policy.of_mix(mix, record, "run") is None
    in_run = {"recipe": {"mix": {"policy": "{run}/mine.yaml", "as_of": "2026-02-02"}}}
    (tmp_path / "mine.yaml").write_text("as_of: 2026-01-01\nallow: [permissive]\n")
    assert Policy.of_mix(mix, in_run, str(tmp_path)) is not None


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(
        ValueError, match="there are any, contract-only, copyleft-ok, eu-tdm, nc-research, permissive-only"
    ):
        Policy.load("lenient")
    with pytest.raises(ValueError, match="no such file"):
        Policy.load("nowhere.yaml")
