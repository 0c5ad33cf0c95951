"""The recipe: one YAML file that describes a run, checked whole before any work.

Relative paths are relative to the recipe's folder; ``{run}`` in a path is the run folder. Conditions (``when``,
``where``) are SQL expressions over the annotation columns, e.g. ``words < 50 AND language <> 'eng'``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from pipelines.errors import RecipeError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def _condition(text: str) -> str:
    import polars as pl

    try:
        pl.sql_expr(text)
    except Exception as error:
        raise ValueError(f"is not an SQL condition: {str(error).splitlines()[0]}") from None
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    import polars as pl

    try:
        pl.Series([""]).str.contains(text)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"is not supported by the regex engine: {str(error).splitlines()[-1]}") from None
    return text


def _import_path(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise ValueError("must be an import path of the form package.module:name")
    return text


Condition = Annotated[str, AfterValidator(_condition)]
Regex = Annotated[str, AfterValidator(_regex)]
ImportPath = Annotated[str, AfterValidator(_import_path)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(Section):
    """Files the run makes for itself, once, in ``RUN/inputs/NAME``."""

    maker: ImportPath
    options: dict[str, Any] = {}


class Source(Section):
    """Files of one kind and one origin; each makes documents in ``documents/NAME``."""

    name: Name
    kind: Literal["warc", "pdf", "parquet", "jsonl", "text"]
    paths: Annotated[list[str], Field(min_length=1)]
    namespace: str = ""  #: identifies documents across runs; default: the name
    acquisition: str = "unknown"  #: route: third-party-crawl, own-crawl, bulk-dump, purchase, contract …
    licence: str = ""  #: SPDX expression declared for the whole source
    columns: dict[Literal["text", "id", "url", "title", "license"], str] = {}
    max_record_bytes: Annotated[int, Field(ge=1024)] = 10_000_000
    ocr: Literal["auto", "tesseract", "off"] = "auto"

    @property
    def space(self) -> str:
        return self.namespace or self.name


class Labels(Section):
    """Documents that serve as one class of a training set."""

    where: Condition
    documents: Annotated[int, Field(ge=10)] = 1000


class Quality(Section):
    """A fastText classifier trained on two sets of this run's documents, or one trained before."""

    positive: Labels | None = None
    negative: Labels | None = None
    model: str = ""
    epochs: Annotated[int, Field(ge=1)] = 5
    dimensions: Annotated[int, Field(ge=2)] = 32

    @model_validator(mode="after")
    def _one_way(self) -> Quality:
        trained = self.positive is not None and self.negative is not None
        if bool(self.model) == trained:
            raise ValueError("needs either `model`, or both `positive` and `negative`")
        return self


class Annotate(Section):
    quality: Quality | None = None


class Dedup(Section):
    """Exact by normalised content, fuzzy by MinHash bands verified by Jaccard similarity with the survivor."""

    exact: bool = True
    fuzzy: bool = True
    bands: Annotated[int, Field(ge=1, le=256)] = 25
    rows: Annotated[int, Field(ge=1, le=64)] = 5
    shingle: Annotated[int, Field(ge=1, le=50)] = 5
    unit: Literal["word", "char"] = "char"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.6
    partitions: Annotated[int, Field(ge=1, le=4096)] = 8


class Rule(Section):
    """Drops documents, with a reason. Rules apply in order; the first that matches gives the reason."""

    reason: Name
    when: Condition | None = None
    url_matches: Regex | None = None
    sources: list[str] = []

    @model_validator(mode="after")
    def _one_test(self) -> Rule:
        if (self.when is None) == (self.url_matches is None):
            raise ValueError("needs exactly one of `when` and `url_matches`")
        return self


class DomainRule(Section):
    """Puts documents in a domain. The first rule that matches decides; else the domain is the source's name."""

    domain: Name
    when: Condition


class Select(Section):
    rules: list[Rule] = []
    domains: list[DomainRule] = []
    heldout: Annotated[float, Field(ge=0, lt=1)] = 0.02  #: share of duplicate clusters kept for evaluation


class Generator(Section):
    kind: Literal["embedded", "endpoint"] = "embedded"
    url: str = ""
    model: str = ""
    key_env: str = ""  #: name of the environment variable that holds the API key
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    max_tokens: Annotated[int, Field(ge=16, le=8192)] = 256

    @model_validator(mode="after")
    def _complete(self) -> Generator:
        if self.kind == "endpoint" and not (self.url and self.model):
            raise ValueError("kind endpoint needs `url` and `model`")
        return self


class Rephrase(Section):
    """Kept documents rewritten by a model; accepted outputs come back as documents of source ``source``."""

    source: Name = "synthetic"
    where: Condition
    documents: Annotated[int, Field(ge=1)] = 24
    style: str = "wikipedia"
    generator: Generator = Generator()


class TokenizerTraining(Section):
    vocabulary: Annotated[int, Field(ge=260, le=65_536)] = 4096
    sample_bytes: Annotated[int, Field(ge=1000)] = 8_000_000


class Tokenizer(Section):
    """A byte-level BPE trained on kept text, or a Hugging Face ``tokenizer.json``."""

    path: str = ""
    train: TokenizerTraining | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Tokenizer:
        if bool(self.path) == (self.train is not None):
            raise ValueError("needs exactly one of `path` and `train`")
        return self


class Swarm(Section):
    runs: Annotated[int, Field(ge=2)] = 16
    stack: Annotated[int, Field(ge=1)] = 4  #: proxies trained together in one task
    strength: Annotated[float, Field(gt=0)] = 1.0


class Solve(Section):
    family: Literal["auto", "ridge", "log_linear", "power_law_concave"] = "auto"
    metrics: dict[str, float] = {}  #: weight of each metric; default: all, equally
    max_epochs: Annotated[float, Field(gt=0)] = 4.0
    bounds: dict[str, tuple[Share, Share]] = {}
    max_divergence: Annotated[float, Field(gt=0)] | None = None  #: KL from the natural proportions, nats


class Mix(Section):
    budget: Annotated[int, Field(ge=1000)]  #: training tokens to emit
    policy: str = "any"
    swarm: Swarm = Swarm()
    proxy: dict[str, int | float | str] = {}
    solve: Solve = Solve()


class Shards(Section):
    formats: Annotated[list[Literal["olmo", "megatron"]], Field(min_length=1)] = ["olmo"]
    tokens: Annotated[int, Field(ge=1000)] = 10_000_000  #: at most, per shard


class Tolerance(Section):
    failed_splits: Annotated[int, Field(ge=0)] = 0


class Recipe(Section):
    name: Name
    run: str = ""
    seed: int = 0
    inputs: dict[Name, Input] = {}
    sources: Annotated[list[Source], Field(min_length=1)]
    annotate: Annotate = Annotate()
    dedup: Dedup = Dedup()
    select: Select = Select()
    rephrase: Rephrase | None = None
    tokenizer: Tokenizer | None = None
    mix: Mix | None = None
    shards: Shards | None = None
    tolerance: Tolerance = Tolerance()

    @field_validator("sources")
    @classmethod
    def _distinct(cls, sources: list[Source]) -> list[Source]:
        names = [s.name for s in sources]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"names must differ; twice: {', '.join(twice)}")
        return sources

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        names = [s.name for s in self.sources]
        for rule in self.select.rules:
            if unknown := sorted(set(rule.sources) - {*names, self.rephrase.source if self.rephrase else ""}):
                raise ValueError(f"rule {rule.reason!r} names unknown sources {unknown}; known: {names}")
        if self.rephrase and self.rephrase.source in names:
            raise ValueError(f"rephrase.source {self.rephrase.source!r} is taken by a source")
        if self.mix and not self.tokenizer:
            raise ValueError("mix needs a tokenizer section")
        if self.shards and not self.mix:
            raise ValueError("shards needs a mix section")
        return self


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
    if not isinstance(data, dict) or node is None:
        raise RecipeError(f"{path}: a recipe is a mapping with the keys {', '.join(Recipe.model_fields)}")
    _refuse_repeated_keys(path, node)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(_explain(path, node, e) for e in error.errors())) from None
    checks = (_missing_files, _unknown_columns, _bad_style, _bad_mix)
    problems = [p for check in checks for p in check(recipe, path, node)]
    if problems:
        raise RecipeError("\n".join(problems))
    return recipe


def pattern_path(pattern: str, recipe_folder: Path, run: str) -> str:
    """An input pattern as an absolute path or URI."""
    if pattern.startswith("{run}"):
        return run.rstrip("/") + pattern.removeprefix("{run}")
    if "://" in pattern or Path(pattern).is_absolute():
        return pattern
    return str((recipe_folder / pattern).absolute())


def _unknown_columns(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    """Conditions that name columns no annotator makes, or compare what cannot be compared."""
    from pipelines import conditions

    trained = recipe.annotate.quality
    said: list[tuple[tuple[str | int, ...], str | None, bool]] = []
    if trained and trained.positive and trained.negative:
        said.append((("annotate", "quality", "positive", "where"), trained.positive.where, False))
        said.append((("annotate", "quality", "negative", "where"), trained.negative.where, False))
    scored = trained is not None
    said += [(("select", "rules", i, "when"), rule.when, scored) for i, rule in enumerate(recipe.select.rules)]
    said += [(("select", "domains", i, "when"), rule.when, scored) for i, rule in enumerate(recipe.select.domains)]
    if recipe.rephrase:
        said.append((("rephrase", "where"), recipe.rephrase.where, scored))
    for loc, condition, quality in said:
        if condition is not None and (problem := conditions.problem(condition, quality=quality)):
            yield f"{path}:{_line(node, loc)}: {_key(loc)}: {problem}"


def _bad_style(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    from pipelines.rephrase import styles

    if recipe.rephrase and recipe.rephrase.style not in styles.STYLES:
        line = _line(node, ("rephrase", "style"))
        yield f"{path}:{line}: rephrase.style: unknown style; allowed: {', '.join(styles.STYLES)}"


def _bad_mix(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    if recipe.mix is None:
        return
    from manifests.policy import Policy
    from mixing.proxy import ProxyConfig

    try:
        ProxyConfig.of(recipe.mix.proxy, vocabulary=1)
    except ValueError as error:
        yield f"{path}:{_line(node, ('mix', 'proxy'))}: mix.proxy: {error}"
    try:
        Policy.load(recipe.mix.policy)
    except ValueError as error:
        yield f"{path}:{_line(node, ('mix', 'policy'))}: mix.policy: {error}"


def _missing_files(recipe: Recipe, path: Path, node: yaml.Node) -> Iterator[str]:
    import glob

    from manifests import storage

    def checked() -> Iterator[tuple[tuple[str | int, ...], str]]:
        for i, source in enumerate(recipe.sources):
            yield from ((("sources", i, "paths", j), p) for j, p in enumerate(source.paths))
        if recipe.annotate.quality and recipe.annotate.quality.model:
            yield ("annotate", "quality", "model"), recipe.annotate.quality.model
        if recipe.tokenizer and recipe.tokenizer.path:
            yield ("tokenizer", "path"), recipe.tokenizer.path

    for loc, pattern in checked():
        if pattern.startswith("{run}") or "://" in pattern:
            continue
        full = pattern_path(pattern, path.parent, "")
        if not (glob.has_magic(full) and glob.glob(full, recursive=True)) and not storage.is_file(full):
            yield f"{path}:{_line(node, loc)}: {_key(loc)}: no such file: {full}"
    for name, made in recipe.inputs.items():
        module = made.maker.partition(":")[0]
        import importlib.util

        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            loc = ("inputs", name, "maker")
            yield f"{path}:{_line(node, loc)}: {_key(loc)}: no module named {module!r}"


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
