"""Reading a recipe: what is wrong is refused before any work, with file, line, key and what is allowed."""

from __future__ import annotations

import glob
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from manifests import storage
from pipelines.errors import RecipeError
from pipelines.recipe import Recipe, Rule, Solve

#: the rule that `decontaminate: {action: drop}` stands for, after the recipe's own
CONTAMINATED = Rule(reason="contaminated", when="contamination > 0")
_ENDLESS = "nested too deeply, or an alias that holds itself"


def load(path: str | Path) -> Recipe:
    """Reads and checks a recipe; RecipeError names the file, the line, the key and what is allowed."""
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise RecipeError(f"{path}{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise RecipeError(f"{path}: {_ENDLESS}") from None
    if not isinstance(data, dict) or node is None:
        raise RecipeError(f"{path}: a recipe is a mapping with the keys {', '.join(Recipe.model_fields)}")
    try:
        _refuse_repeated_keys(path, node)
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(_explain(path, node, e) for e in error.errors())) from None
    except RecursionError:
        raise RecipeError(f"{path}: {_ENDLESS}") from None
    checks = (
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
    problems = [p for check in checks for p in check(recipe, path, node)]
    if problems:
        raise RecipeError("\n".join(problems))
    return recipe


def resolved(recipe: Recipe, recipe_folder: Path, run: str) -> Recipe:
    """The recipe with absolute paths of the models and the policy it names, wherever the command is called."""
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
        policy = _policy_path(mix.policy, recipe_folder, run)
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


def _policy_path(policy: str, recipe_folder: Path, run: str) -> str:
    """Policies that come with us have a name, others a file."""
    return pattern_path(policy, recipe_folder, run) if policy.endswith((".yaml", ".yml")) else policy


def pattern_path(pattern: str, recipe_folder: Path, run: str) -> str:
    """A path of the recipe as an absolute path or URI."""
    if pattern.startswith("{run}"):
        return run.rstrip("/") + pattern.removeprefix("{run}")
    if "://" in pattern or Path(pattern).is_absolute():
        return pattern
    return str((recipe_folder / pattern).absolute())


def _unknown_columns(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    """Conditions that name columns no annotator makes, or compare what cannot be compared."""
    from pipelines import conditions, crawl_index

    trained = recipe.annotate.quality
    said: list[tuple[tuple[str | int, ...], str | None, tuple[str, ...]]] = []
    if trained and trained.positive and trained.negative:
        said.append((("annotate", "quality", "positive", "where"), trained.positive.where, ()))
        said.append((("annotate", "quality", "negative", "where"), trained.negative.where, ()))
    said += [(("select", "rules", i, "when"), rule.when, recipe.made) for i, rule in enumerate(recipe.select.rules)]
    said += [(("select", "domains", i, "when"), rule.when, recipe.made) for i, rule in enumerate(recipe.select.domains)]
    if recipe.rephrase:
        said.append((("rephrase", "where"), recipe.rephrase.where, recipe.made))
    for i, source in enumerate(recipe.sources):
        if source.where and (problem := crawl_index.problem(source.where)):
            place = ("sources", i, "where")
            yield f"{path}:{_line(node, place)}: {_key(place)}: {problem}"
    for loc, condition, made in said:
        if condition is not None and (problem := conditions.problem(condition, made)):
            yield f"{path}:{_line(node, loc)}: {_key(loc)}: {problem}"


def _bad_blocks(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    """A block that is not there, or is none."""
    from classifiers import blocks

    for i, block in enumerate(recipe.annotate.blocks):
        try:
            blocks.load(block.block, block.options)
        except ValueError as error:
            place = ("annotate", "blocks", i, "block")
            yield f"{path}:{_line(node, place)}: {_key(place)}: {error}"


def _bad_embedding(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
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
                yield f"{path}:{_line(node, (*place, 'backend'))}: {'.'.join(place)}.backend: {error}"


def _bad_index(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    """An index of duplicates that is not there, or whose keys are of another kind."""
    from pipelines.stages.deduplicate import index

    if recipe.dedup.index.startswith("{run}"):
        yield f"{path}:{_line(node, ('dedup', 'index'))}: dedup.index: a run cannot be its own earlier run"
    elif recipe.dedup.index:
        try:
            index.read(recipe.dedup, pattern_path(recipe.dedup.index, path.absolute().parent, ""))
        except ValueError as error:
            yield f"{path}:{_line(node, ('dedup', 'index'))}: dedup.index: {error}"


def _bad_rephrasing(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    """A style there is not, or a generator that lacks something: a package, a key, an address."""
    from pipelines.rephrase import generator, styles

    if recipe.rephrase is None:
        return
    if recipe.rephrase.style not in styles.STYLES:
        line = _line(node, ("rephrase", "style"))
        yield f"{path}:{line}: rephrase.style: unknown style; allowed: {', '.join(styles.STYLES)}"
    try:
        generator(recipe.rephrase.generator, seed=recipe.seed)
    except ValueError as error:
        yield f"{path}:{_line(node, ('rephrase', 'generator'))}: rephrase.generator: {error}"


def _bad_deny_lists(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    from manifests.takedown import DenyList

    for i, name in enumerate(recipe.deny):
        uri = pattern_path(name, path.absolute().parent, "")
        try:
            if not storage.is_file(uri):
                raise ValueError("no such file")
            DenyList.read(uri)
        except ValueError as error:
            yield f"{path}:{_line(node, ('deny', i))}: deny: {name}: {error}"


def _bad_reviews(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    from manifests.reviews import Book

    for i, name in enumerate(recipe.licences.reviews):
        if name.startswith("{run}"):  # it may not be there yet
            continue
        uri = pattern_path(name, path.absolute().parent, "")
        try:
            if not storage.is_file(uri):
                raise ValueError(f"no such file: {uri}")
            Book.read(uri)
        except ValueError as error:
            yield f"{path}:{_line(node, ('licences', 'reviews', i))}: licences.reviews: {error}"


def _bad_mix(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    if recipe.mix is None:
        return
    from manifests.policy import Policy
    from mixing.proxy_config import ProxyConfig

    domains = {*(s.name for s in recipe.sources), *(d.domain for d in recipe.select.domains)}
    domains |= {recipe.rephrase.source} if recipe.rephrase else set()
    if (
        len(domains) > 1 and not recipe.mix.results and importlib.util.find_spec("jax") is None
    ):  # one domain needs no weighing
        yield f"{path}:{_line(node, ('mix',))}: mix: proxies are trained with JAX: pip install 'cuvee[proxy]'"
    for loc, name in _named_domains(recipe.mix.solve):
        if name not in domains:
            line = _line(node, ("mix", "solve", *loc))
            key = _key(("mix", "solve", *loc))
            yield f"{path}:{line}: {key}: unknown domain; allowed: {', '.join(sorted(domains))}"
    try:
        ProxyConfig.of(recipe.mix.proxy, vocabulary=1)
    except ValueError as error:
        yield f"{path}:{_line(node, ('mix', 'proxy'))}: mix.proxy: {error}"
    try:
        Policy.load(_policy_path(recipe.mix.policy, path.parent, ""))
    except ValueError as error:
        yield f"{path}:{_line(node, ('mix', 'policy'))}: mix.policy: {error}"


def _named_domains(solve: Solve) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where the solver's section names a domain."""
    for name in solve.bounds:
        yield ("bounds", name), name
    for i, name in enumerate(solve.excluded):
        yield ("excluded", i), name
    for group, limits in solve.groups.items():
        yield from ((("groups", group, "domains", i), name) for i, name in enumerate(limits.domains))
    for i, held in enumerate(solve.frozen):
        yield from ((("frozen", i, name), name) for name in held)
    if isinstance(solve.max_epochs, dict):
        yield from ((("max_epochs", name), name) for name in solve.max_epochs)


def _missing_files(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    def checked() -> Iterator[tuple[tuple[str | int, ...], str]]:
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
                yield f"{path}:{_line(node, loc)}: {_key(loc)}: {pattern}: {problem}"
            continue
        full = pattern_path(pattern, path.parent, "")
        if not (glob.has_magic(full) and glob.glob(full, recursive=True)) and not storage.is_file(full):
            yield f"{path}:{_line(node, loc)}: {_key(loc)}: no such file: {full}"
    for name, made in recipe.inputs.items():
        module = made.maker.partition(":")[0]
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            loc = ("inputs", name, "maker")
            yield f"{path}:{_line(node, loc)}: {_key(loc)}: no module named {module!r}"


def _bad_address(uri: str) -> str:
    """Why nothing can be read from there; whether the files are there is seen when the run starts."""
    scheme = uri.split("://", 1)[0]
    if scheme not in ("file", "s3", "gs", "http", "https"):
        return "unknown kind of address; allowed: paths, s3://, gs://, http://, https://"
    if scheme in ("http", "https") and glob.has_magic(uri):
        return "a web server lists no folders: name each file"
    return ""


def _refuse_repeated_keys(path: Path, node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise RecipeError(f"{path}:{key.start_mark.line + 1}: {key.value}: given twice")
            seen.add(key.value)
            _refuse_repeated_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(path, item)


def _line(node: yaml.Node, loc: tuple[str | int, ...]) -> int:
    """The line of the innermost node of ``loc`` that the file has."""
    line = int(node.start_mark.line)
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, node = int(key.start_mark.line), value
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = int(node.start_mark.line)
        else:
            break
    return line + 1


def _key(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in loc).lstrip(".") or "recipe"


def _explain(path: Path, node: yaml.Node, error: ErrorDetails) -> str:
    loc = tuple(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"unknown key; allowed: {', '.join(_fields_at(loc[:-1]))}"
    elif error["type"] == "missing":
        message = "is required"
    elif "input" in error and not isinstance(error["input"], (dict, list)):
        message = f"{message} (found {error['input']!r})"
    return f"{path}:{_line(node, loc)}: {_key(loc)}: {message}"


def _fields_at(loc: tuple[str | int, ...]) -> list[str]:
    """The fields of the section at ``loc``."""
    schema = Recipe.model_json_schema()
    here: dict[str, Any] = schema

    def resolve(s: dict[str, Any]) -> dict[str, Any]:
        for option in [s, *s.get("anyOf", []), *s.get("allOf", [])]:
            if "$ref" in option:
                return dict(schema["$defs"][option["$ref"].rsplit("/", 1)[-1]])
        return s

    for step in loc:
        here = resolve(here)
        here = (
            here.get("items", {})
            if isinstance(step, int)
            else (here.get("properties", {}).get(step) or here.get("additionalProperties") or {})
        )
    return sorted(resolve(here).get("properties", {}))
