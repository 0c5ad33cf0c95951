"""Recipes are refused before any work, with file, line, key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import RecipeError
from pipelines.recipe import Recipe
from pipelines.recipe_file import load
from pipelines.recipe_paths import resolved

GOOD = """\
name: small
sources:
  - name: notes
    kind: jsonl
    paths: [notes.jsonl]
select:
  rules:
    - reason: too_short
      when: words < 10
"""
MIX = "tokenizer: {train: {}}\nmix: {budget: 1000"
REPHRASE = "rephrase: {where: words > 1, generator: {kind: endpoint, model: m"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes.jsonl").write_text('{"text": "hello"}\n')
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_a_good_recipe_loads(folder: Path) -> None:
    recipe = load(write(folder, GOOD))
    assert isinstance(recipe, Recipe)
    assert recipe.sources[0].space == "notes"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    kind: jsonl", "    kind: jsnol", 4, "sources[0].kind: Input should be 'warc', 'common_crawl', 'pdf'"),
        (
            "    kind: jsonl",
            "    kind: jsonl\n    colour: red",
            5,
            "sources[0].colour: unknown key; allowed: acquisition",
        ),
        ("name: small", "name: small\nsead: 3", 2, "sead: unknown key; allowed: annotate, decontaminate, dedup"),
        ("name: small", "seed: 3", 1, "name: is required"),
        ("name: small", "name: small\nseed: many", 2, "seed: Input should be a valid integer"),
        ("notes.jsonl]", "absent.jsonl]", 5, "sources[0].paths[0]: no such file"),
        ("when: words < 10", "when: wrods < 10", 9, "select.rules[0].when: unknown column 'wrods'; allowed: "),
        ("when: words < 10", "when: words <", 9, "select.rules[0].when: is not an SQL condition"),
        ("when: words < 10", "url_matches: '(unclosed'", 9, "select.rules[0].url_matches: is not a regular expression"),
        ("when: words < 10", "url_matches: '(?=x)y'", 9, "is not supported by the regex engine"),
        ("      when: words < 10", "      sources: [notes]", 8, "needs exactly one of `when` and `url_matches`"),
        ("when: words < 10", "when: words < 10\n      when: words < 9", 10, "when: given twice"),
        ("name: small", "name: [small", 2, "not valid YAML"),
        ("name: small", "name: small\nseed: -1", 2, "seed: Input should be greater than or equal to 0"),
        ("    kind: jsonl", "    kind: jsonl\n    acquisition: own_crawl", 5, "Input should be 'contract', 'purchase'"),
        ("[notes.jsonl]", "['ftp://host/notes.jsonl']", 5, "sources[0].paths[0]: ftp://host/notes.jsonl: unknown kind"),
        ("[notes.jsonl]", "['https://me:secret@host/notes.jsonl']", 3, "sources[0]: an address holds a password"),
        ("[notes.jsonl]", "['https://host/*.jsonl']", 5, "https://host/*.jsonl: a web server lists no folders"),
        ("select:", f"{MIX}, solve: {{bounds: {{nots: [0, 0.1]}}}}}}\nselect:", 7, "unknown domain; allowed: notes"),
        ("select:", f"{MIX}, solve: {{bounds: {{notes: [1, 0.1]}}}}}}\nselect:", 7, "the lower bound is above"),
        (
            "select:",
            f"{MIX}, stages: [{{name: a, budget: 1000, excluded: [nots]}}]}}\nselect:",
            7,
            "mix.stages[0].excluded[0]: unknown domain; allowed: notes",
        ),
        (
            "select:",
            f"{MIX}, stages: [{{name: a, budget: 1000, bounds: {{notes: [1, 0.1]}}}}]}}\nselect:",
            7,
            "the lower bound is above",
        ),
        ("select:", f"{MIX}}}\nselect:\n  domains: [{{domain: run, when: words > 5}}]", 7, "cannot be called run"),
        (
            "select:",
            f"{REPHRASE}, url: 'ftp://x'}}}}\nselect:",
            6,
            "rephrase.generator: endpoint ftp://x: must be an http",
        ),
        ("select:", f"{REPHRASE}, url: 'http://x', key_env: NO_SUCH}}}}\nselect:", 6, "NO_SUCH is not set"),
        ("select:", "mix: {budget: 1000}\nselect:", 1, "mix needs a tokenizer section"),
        ("select:", "inputs: {web: {maker: 'no.such.module:f'}}\nselect:", 6, "no module named 'no.such.module'"),
    ],
)
def test_a_bad_recipe_is_refused_with_its_place(folder: Path, old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    path = write(folder, GOOD.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        load(path)
    message = str(caught.value)
    assert f"{path}:{line}: " in message
    assert says in message


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: " + "[" * 5000])
def test_a_recipe_without_end_is_one_line(folder: Path, text: str) -> None:
    with pytest.raises(RecipeError, match="nested too deeply"):
        load(write(folder, text + GOOD))


def test_an_absent_recipe_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent.yaml: cannot be read"):
        load(tmp_path / "absent.yaml")


def test_paths_are_relative_to_the_recipe_wherever_the_command_is_called(folder: Path) -> None:
    policy = "as_of: 2026-01-01\nallow: [unknown]\nhonour_reservations: true\n"
    for name, content in {"quality.bin": "", "tokenizer.json": "", "ours.yaml": policy}.items():
        (folder / name).write_text(content)
    more = "annotate: {quality: {model: quality.bin}}\ntokenizer: {path: tokenizer.json}\n"
    recipe = resolved(load(write(folder, GOOD + more + "mix: {budget: 1000, policy: ours.yaml}\n")), folder, "/run")
    assert recipe.annotate.quality is not None
    assert recipe.tokenizer is not None
    assert recipe.mix is not None
    named = (*recipe.annotate.quality.model, recipe.tokenizer.path, recipe.mix.policy)
    assert named == tuple(str(folder / n) for n in ("quality.bin", "tokenizer.json", "ours.yaml"))


def test_a_recipe_runs_no_code(folder: Path) -> None:
    path = write(folder, "name: !!python/object/apply:os.system ['touch pwned']\n")
    with pytest.raises(RecipeError, match="not valid YAML"):
        load(path)
    assert not (folder / "pwned").exists()


def test_a_mix_without_jax_is_refused_with_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "jax" else real(name, *a))
    text = GOOD + "tokenizer: {train: {vocabulary: 512}}\nmix: {budget: 1000}\n"
    assert load(write(folder, text)).mix
    two = "  - {name: more, kind: jsonl, paths: [notes.jsonl]}\nselect:"
    with pytest.raises(RecipeError, match=r"pip install 'cuvee\[proxy\]'"):
        load(write(folder, text.replace("select:", two)))
