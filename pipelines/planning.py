"""``cuvee plan``: what a recipe would do, said before any work: files, splits, stages and calls of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines import inputs, recipe_file, recipe_paths
from pipelines.dry_run import later_jobs
from pipelines.errors import CuveeError, RecipeError
from pipelines.recipe import Recipe, Source
from pipelines.rephrase import styles
from pipelines.sources import SourceFile, reader


@dataclass(frozen=True)
class Range:
    """A split: a range of a file, as its reader counts. ``bytes`` is its share of the file, as stored."""

    file: SourceFile
    start: int
    end: int
    bytes: float


@dataclass(frozen=True)
class SourcePlan:
    """A source and its splits. No splits: the run has yet to make its files, and nothing is known of them."""

    source: Source
    files: int
    splits: tuple[Range, ...]

    @property
    def bytes(self) -> int:
        return round(sum(s.bytes for s in self.splits))


@dataclass(frozen=True)
class RunPlan:
    """``stages`` are Beam jobs in their order with their tasks; ``recipe`` is resolved against its folder."""

    recipe: Recipe
    sources: tuple[SourcePlan, ...]
    stages: Mapping[str, int]


def read_plan(path: str, run: str = "") -> RunPlan:
    """Lists what the recipe names; reads headers at most, and writes nothing. RecipeError as ``cuvee run`` has it."""
    recipe = recipe_file.load(path)
    uri = run or recipe.run or f"runs/{recipe.name}"
    uri = uri if "://" in uri else str(Path(uri).absolute())
    beside = Path(path).absolute().parent
    files = inputs.listed(recipe, beside, uri)
    sources = tuple(SourcePlan(s, len(files[s.name]), _splits(s, files[s.name])) for s in recipe.sources)
    stages: Counter[str] = Counter()
    count = sum(len(s.splits) for s in sources)
    stages["ingest"] = count
    for job in later_jobs(recipe, count):
        stages[job.stage.removesuffix("-1")] += len(job.tasks)
    return RunPlan(recipe_paths.resolved(recipe, beside, uri), sources, dict(stages))


def _splits(source: Source, files: list[SourceFile]) -> tuple[Range, ...]:
    found = []
    for file in files:
        try:
            ranges = reader(source.kind).ranges(file)
        except (OSError, ValueError) as error:
            raise RecipeError(f"source {source.name!r}: {file.uri}: {' '.join(str(error).split())}") from None
        found += [Range(file, start, end, file.size / len(ranges)) for start, end in ranges]
    return tuple(found)


def calls(plan: RunPlan) -> list[str]:
    """Calls of models, as far as they are known before anything is read."""
    said = []
    if rephrase := plan.recipe.rephrase:
        model = rephrase.generator
        whom = f"{model.model} at {model.url}" if model.kind == "endpoint" else "the embedded model"
        most = f"at most {rephrase.documents:,} documents by {whom}"
        limit = styles.get(rephrase.style).chunk
        said.append(f"rephrase: {most}, a call for every {limit:,} characters of each")
    scans = [s.source.name for s in plan.sources if s.source.kind == "pdf" and s.source.ocr != "off"]
    if scans:
        said.append(f"OCR: pages of {', '.join(scans)} that need it: unknown until sampled")
    return said or ["none"]


def share_of(text: str) -> float:
    """``0.1%`` or ``0.001``. CuveeError for what is no share above nothing and up to all."""
    number, percent = (text[:-1], 100) if text.endswith("%") else (text, 1)
    try:
        share = float(number) / percent
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise CuveeError(f"--sample {text}: a share of the splits, above 0 % and up to 100 %, such as 0.1%")
    return share
