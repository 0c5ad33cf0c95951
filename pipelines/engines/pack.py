"""Packs this environment for workers: interpreter, standard library, packages and our wheel.

The folder may lie anywhere, and nothing in it points back to this machine; workers need the same operating system, and
no Python of their own. ``bin/`` holds ``cuvee-worker``, which the Spark engine starts, and ``cuvee``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

from pipelines.errors import CuveeError

#: of the standard library and of site-packages: what no worker needs
_LEFT_OUT = {"test", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages", "dist-packages", "pip"}
_NOT_PACKED = {"tests", "benchmarks"}
_PROGRAMS = {"cuvee-worker": "pipelines.worker", "cuvee": "pipelines.cli"}
_LAUNCHER = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
export PYTHONHOME="$here" PYTHONPATH="$here/lib/{version}/site-packages" PYTHONNOUSERSITE=1
export LD_LIBRARY_PATH="$here/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/bin/python3" -m {module} "$@"
"""


def pack(target: str) -> int:
    """Writes the environment to ``target``, a new folder, or an archive ending in .tar or .tar.gz; returns its bytes.

    Files of a folder on the same disk are hard links. Raises CuveeError when the target is there already, and outside a
    virtual environment, where packages and the system's own files lie in the same folders.
    """
    path = Path(target)
    if sys.prefix == sys.base_prefix:
        raise CuveeError("only a virtual environment can be packed: install cuvee in one (python -m venv)")
    if path.exists():
        raise CuveeError(f"{target} is there already: name another, or remove it")
    kind = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz"}.get(path.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".cuvee-pack-", dir=path.parent) as temporary:
        folder = Path(temporary) / "environment"
        _fill(folder)
        if kind is None:
            folder.rename(path)
            return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        archive = Path(temporary) / "archive"
        options = {"compresslevel": 1} if kind == "w:gz" else {}
        with tarfile.open(archive, kind, **options) as tar:  # type: ignore[call-overload]
            for entry in sorted(folder.iterdir()):
                tar.add(entry, entry.name)
        archive.replace(path)
        return path.stat().st_size


def _fill(folder: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = folder / "lib" / version
    packages = library / "site-packages"
    _copy(Path(sysconfig.get_paths()["stdlib"]), library)
    _copy(Path(sysconfig.get_paths()["purelib"]), packages)
    data = Path(sys.prefix) / "share"  # OCR models among it
    if data.is_dir():
        _copy(data, folder / "share")
    programs = folder / "bin"
    programs.mkdir()
    _link(Path(sys.executable).resolve(), programs / "python3")
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        shared = str(sysconfig.get_config_var("INSTSONAME"))
        _link(Path(str(sysconfig.get_config_var("LIBDIR"))) / shared, folder / "lib" / shared)
    if source := editable():
        _install_wheel(source, packages)
    for name, module in _PROGRAMS.items():
        launcher = programs / name
        launcher.write_text(_LAUNCHER.format(version=version, module=module))
        launcher.chmod(0o755)


def _copy(source: Path, target: Path) -> None:
    for folder, names, files in os.walk(source):
        here = Path(folder)
        if here == source:
            names[:] = [n for n in names if n not in _LEFT_OUT and not n.startswith("config-")]
        into = target / here.relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        for name in files:
            _link(here / name, into / name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:  # another disk
        shutil.copy2(source, target)


def editable() -> Path | None:
    """Where our sources are, when they are installed in place."""
    for distribution in importlib.metadata.distributions(name="cuvee"):
        described = json.loads(distribution.read_text("direct_url.json") or "{}")
        if described.get("dir_info", {}).get("editable"):
            return Path(unquote(urlparse(described["url"]).path))
    return None


def build_wheel(source: Path, into: Path) -> Path:
    """Our wheel, built from a copy of a source folder: builders leave files there, and would pack them the next time.

    CuveeError when the builder fails.
    """
    copy = into / "source"
    rooms = (p for p in source.iterdir() if (p / "__init__.py").is_file() and p.name not in _NOT_PACKED)
    for room in rooms:
        shutil.copytree(room, copy / room.name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (p for p in source.iterdir() if p.is_file() and not p.name.startswith(".")):
        shutil.copy2(file, copy / file.name)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv:
        command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(into), str(copy)]
    else:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(into), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(into.glob("cuvee-*.whl"))
    if done.returncode or not found:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise CuveeError(f"our wheel cannot be built from {source}: {said[-1] if said else 'no reason given'}")
    return found[0]


def _install_wheel(source: Path, packages: Path) -> None:
    for path in _of_the_editable(packages):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(build_wheel(source, Path(temporary))) as wheel:
        wheel.extractall(packages)


def _of_the_editable(packages: Path) -> Iterator[Path]:
    yield from packages.glob("cuvee-*.dist-info")
    yield from packages.glob("__editable__*cuvee*")
