"""What a recipe names and is not there, or is not what it must be: files, addresses, columns, domains, modules."""

from __future__ import annotations

import glob
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from manifests import storage
from pipelines.recipe import Recipe, Solve
from pipelines.recipe.mixing import Stage
from pipelines.recipe_paths import pattern_path, policy_path
from pipelines.section_file import Place

Problem = tuple[Place, str]


def problems(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    """All of them, with what is allowed. ``folder`` holds the recipe's file."""
    for check in _CHECKS:
        yield from check(recipe, folder)


def _unknown_columns(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    """Conditions that name columns no annotator makes, or compare what cannot be compared."""
    from pipelines import conditions, crawl_index

    trained = recipe.annotate.quality
    said: list[tuple[Place, str | None, tuple[str, ...]]] = []
    if trained and trained.positive and trained.negative:
        said.append((("annotate", "quality", "positive", "where"), trained.positive.where, ()))
        said.append((("annotate", "quality", "negative", "where"), trained.negative.where, ()))
    said += [(("select", "rules", i, "when"), rule.when, recipe.made) for i, rule in enumerate(recipe.select.rules)]
    said += [(("select", "domains", i, "when"), rule.when, recipe.made) for i, rule in enumerate(recipe.select.domains)]
    if recipe.rephrase:
        said.append((("rephrase", "where"), recipe.rephrase.where, recipe.made))
    for i, source in enumerate(recipe.sources):
        if source.where and (problem := crawl_index.problem(source.where)):
            yield ("sources", i, "where"), problem
    for loc, condition, made in said:
        if condition is not None and (problem := conditions.problem(condition, made)):
            yield loc, problem


def _bad_blocks(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    """A block that is not there, or is none."""
    from classifiers import blocks

    for i, block in enumerate(recipe.annotate.blocks):
        try:
            blocks.load(block.block, block.options)
        except ValueError as error:
            yield ("annotate", "blocks", i, "block"), str(error)


def _bad_embedding(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    """An embedding backend that is not there."""
    from classifiers import embedding

    named = {
        ("decontaminate", "embedding"): recipe.decontaminate and recipe.decontaminate.embedding,
        ("dedup", "semantic"): recipe.dedup.semantic,
    }
    for place, section in named.items():
        if section:
            try:
                embedding.source_digest(section.backend)
            except ValueError as error:
                yield (*place, "backend"), str(error)


def _bad_index(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    """An index of duplicates that is not there, or whose keys are of another kind."""
    from pipelines.stages.deduplicate import index

    if recipe.dedup.index.startswith("{run}"):
        yield ("dedup", "index"), "a run cannot be its own earlier run"
    elif recipe.dedup.index:
        try:
            index.read(recipe.dedup, pattern_path(recipe.dedup.index, folder, ""))
        except ValueError as error:
            yield ("dedup", "index"), str(error)


def _bad_rephrasing(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    """A style there is not, or a generator that lacks something: a package, a key, an address."""
    from pipelines.rephrase import generator, styles

    if recipe.rephrase is None:
        return
    if recipe.rephrase.style not in styles.STYLES:
        yield ("rephrase", "style"), f"unknown style; allowed: {', '.join(styles.STYLES)}"
    try:
        generator(recipe.rephrase.generator, seed=recipe.seed)
    except ValueError as error:
        yield ("rephrase", "generator"), str(error)


def _bad_deny_lists(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    from manifests.takedown import DenyList

    for i, name in enumerate(recipe.deny):
        uri = pattern_path(name, folder, "")
        try:
            if not storage.is_file(uri):
                raise ValueError("no such file")
            DenyList.read(uri)
        except ValueError as error:
            yield ("deny", i), f"{name}: {error}"


def _bad_reviews(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    from manifests.reviews import Book

    for i, name in enumerate(recipe.licences.reviews):
        if name.startswith("{run}"):  # it may not be there yet
            continue
        uri = pattern_path(name, folder, "")
        try:
            if not storage.is_file(uri):
                raise ValueError(f"no such file: {uri}")
            Book.read(uri)
        except ValueError as error:
            yield ("licences", "reviews", i), str(error)


def _bad_mix(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    if recipe.mix is None:
        return
    from manifests.policy import Policy
    from mixing.proxy_config import ProxyConfig

    domains = {*(s.name for s in recipe.sources), *(d.domain for d in recipe.select.domains)}
    domains |= {recipe.rephrase.source} if recipe.rephrase else set()
    if (
        len(domains) > 1 and not recipe.mix.results and importlib.util.find_spec("jax") is None
    ):  # one domain needs no weighing
        yield ("mix",), "proxies are trained with JAX: pip install 'cuvee[proxy]'"
    if "run" in domains and len(domains) > 1:
        yield ("mix",), "a domain cannot be called run, as the column that names the runs of a swarm: name it otherwise"
    asking: list[tuple[Place, Solve | Stage]] = [(("mix", "solve"), recipe.mix.solve)]
    asking += [(("mix", "stages", i), stage) for i, stage in enumerate(recipe.mix.stages)]
    for place, section in asking:
        for loc, name in _named_domains(section):
            if name not in domains:
                yield (*place, *loc), f"unknown domain; allowed: {', '.join(sorted(domains))}"
    try:
        ProxyConfig.of(recipe.mix.proxy, vocabulary=1)
    except ValueError as error:
        yield ("mix", "proxy"), str(error)
    try:
        Policy.load(policy_path(recipe.mix.policy, folder, ""))
    except ValueError as error:
        yield ("mix", "policy"), str(error)


def _named_domains(section: Solve | Stage) -> Iterator[tuple[Place, str]]:
    """Where the solver's section, or a stage, names a domain."""
    for name in section.bounds:
        yield ("bounds", name), name
    for i, name in enumerate(section.excluded):
        yield ("excluded", i), name
    for group, limits in section.groups.items():
        yield from ((("groups", group, "domains", i), name) for i, name in enumerate(limits.domains))
    if isinstance(section, Stage):
        return
    for i, held in enumerate(section.frozen):
        yield from ((("frozen", i, name), name) for name in held)
    if isinstance(section.max_epochs, dict):
        yield from ((("max_epochs", name), name) for name in section.max_epochs)


def _missing_files(recipe: Recipe, folder: Path) -> Iterator[Problem]:
    def checked() -> Iterator[tuple[Place, str]]:
        for i, source in enumerate(recipe.sources):
            yield from ((("sources", i, "paths", j), p) for j, p in enumerate(source.paths))
        for i, benchmark in enumerate(recipe.decontaminate.benchmarks if recipe.decontaminate else []):
            yield from ((("decontaminate", "benchmarks", i, "paths", j), p) for j, p in enumerate(benchmark.paths))
        for i, model in enumerate(recipe.annotate.quality.model if recipe.annotate.quality else []):
            yield ("annotate", "quality", "model", i), model
        for i, one in enumerate(recipe.annotate.classifiers):
            yield ("annotate", "classifiers", i, "model"), one.model
        if recipe.annotate.language.model:
            yield ("annotate", "language", "model"), recipe.annotate.language.model
        for name, files in recipe.annotate.urls.files().items() if recipe.annotate.urls else []:
            yield from ((("annotate", "urls", name, j), p) for j, p in enumerate(files))
        if recipe.tokenizer and recipe.tokenizer.path:
            yield ("tokenizer", "path"), recipe.tokenizer.path
        if recipe.mix:
            yield from ((("mix", "tasks", name), p) for name, p in recipe.mix.tasks.items())
        if recipe.mix and recipe.mix.results:
            given = recipe.mix.results
            yield from ((("mix", "results", k), p) for k in ("metrics", "weights") if (p := getattr(given, k)))

    for loc, pattern in checked():
        if pattern.startswith("{run}"):
            continue
        if "://" in pattern:
            if problem := _bad_address(pattern):
                yield loc, f"{pattern}: {problem}"
            continue
        full = pattern_path(pattern, folder, "")
        if not (glob.has_magic(full) and glob.glob(full, recursive=True)) and not storage.is_file(full):
            yield loc, f"no such file: {full}"
    for name, made in recipe.inputs.items():
        module = made.maker.partition(":")[0]
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            yield ("inputs", name, "maker"), f"no module named {module!r}"


def _bad_address(uri: str) -> str:
    """Why nothing can be read from there; whether the files are there is seen when the run starts."""
    scheme = uri.split("://", 1)[0]
    if scheme not in ("file", "s3", "gs", "http", "https"):
        return "unknown kind of address; allowed: paths, s3://, gs://, http://, https://"
    if scheme in ("http", "https") and glob.has_magic(uri):
        return "a web server lists no folders: name each file"
    return ""


_CHECKS = (
    _missing_files,
    _unknown_columns,
    _bad_blocks,
    _bad_embedding,
    _bad_index,
    _bad_rephrasing,
    _bad_mix,
    _bad_deny_lists,
    _bad_reviews,
)
