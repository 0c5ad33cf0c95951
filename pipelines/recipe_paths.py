"""A recipe as a run takes it: paths beside its file or in the run become whole, what it implies is said."""

from __future__ import annotations

from pathlib import Path

from pipelines.recipe import Recipe, Rule

#: the rule that `decontaminate: {action: drop}` stands for, after the recipe's own
CONTAMINATED = Rule(reason="contaminated", when="contamination > 0")


def resolved(recipe: Recipe, recipe_folder: Path, run: str) -> Recipe:
    """The recipe as a run takes it: its paths whole, wherever the command is called, and the rules it implies."""
    annotate, tokenizer, mix = recipe.annotate, recipe.tokenizer, recipe.mix
    annotate = annotate.with_models(lambda path: pattern_path(path, recipe_folder, run))
    if urls := annotate.urls:
        lists = {name: [pattern_path(p, recipe_folder, run) for p in files] for name, files in urls.files().items()}
        annotate = annotate.model_copy(update={"urls": urls.model_copy(update=lists)})
    decontaminate, select = recipe.decontaminate, recipe.select
    if decontaminate:
        found = [
            b.model_copy(update={"paths": [pattern_path(p, recipe_folder, run) for p in b.paths]})
            for b in decontaminate.benchmarks
        ]
        decontaminate = decontaminate.model_copy(update={"benchmarks": found})
        if decontaminate.action == "drop":
            select = select.model_copy(update={"rules": [*select.rules, CONTAMINATED]})
    dedup = recipe.dedup
    if dedup.index:
        dedup = dedup.model_copy(update={"index": pattern_path(dedup.index, recipe_folder, run)})
    if tokenizer and tokenizer.path:
        tokenizer = tokenizer.model_copy(update={"path": pattern_path(tokenizer.path, recipe_folder, run)})
    if mix:
        tasks = {name: pattern_path(p, recipe_folder, run) for name, p in mix.tasks.items()}
        own = mix.results
        if own:
            weights = pattern_path(own.weights, recipe_folder, run) if own.weights else ""
            own = own.model_copy(update={"metrics": pattern_path(own.metrics, recipe_folder, run), "weights": weights})
        policy = policy_path(mix.policy, recipe_folder, run)
        mix = mix.model_copy(update={"policy": policy, "tasks": tasks, "results": own})
    deny = [pattern_path(p, recipe_folder, run) for p in recipe.deny]
    files = [pattern_path(p, recipe_folder, run) for p in recipe.licences.reviews]
    changed = {
        "deny": deny,
        "licences": recipe.licences.model_copy(update={"reviews": files}),
        "annotate": annotate,
        "decontaminate": decontaminate,
        "select": select,
        "tokenizer": tokenizer,
    }
    return recipe.model_copy(update={**changed, "dedup": dedup, "mix": mix})


def policy_path(policy: str, recipe_folder: Path, run: str) -> str:
    """Policies that come with us have a name, others a file."""
    return pattern_path(policy, recipe_folder, run) if policy.endswith((".yaml", ".yml")) else policy


def pattern_path(pattern: str, recipe_folder: Path, run: str) -> str:
    """A path of the recipe as an absolute path or URI."""
    if pattern.startswith("{run}"):
        return run.rstrip("/") + pattern.removeprefix("{run}")
    if "://" in pattern or Path(pattern).is_absolute():
        return pattern
    return str((recipe_folder / pattern).absolute())
