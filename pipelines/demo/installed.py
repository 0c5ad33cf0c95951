"""What is installed beside the running Python: packages with their files, descriptions and licences."""

from __future__ import annotations

import platform
import re
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from licenseclassifier import identify_license

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying)(\.(txt|md|rst))?", re.IGNORECASE)
# Tests and generated code are many and much alike; bytecode is no text.
_PASSED_OVER = {"test", "tests", "testing", "idle_test", "__pycache__", "site-packages", "dist-packages", "lib-dynload"}


class Package(NamedTuple):
    """A distribution, or the standard library as the package ``python``."""

    name: str
    version: str
    licence: str | None  # as declared or identified; not yet normalised
    description: str
    page: str
    files: tuple[tuple[str, Path], ...]  # (path below the installation, where it lies), sorted

    def url(self, path: str) -> str:
        """An address of one file: where it is published, or a fragment of the package's page."""
        return self.page + path if self.page.endswith("/Lib/") else f"{self.page}#{path}"


def packages() -> Iterator[Package]:
    """The standard library, then each distribution in site-packages once, by name."""
    yield _standard_library()
    roots = {Path(sysconfig.get_path(scheme)).resolve() for scheme in ("purelib", "platlib")}
    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions(path=sorted(str(root) for root in roots)):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution)
    for name in sorted(found):
        yield _package(name, found[name])


def _standard_library() -> Package:
    root = Path(sysconfig.get_path("stdlib"))
    files = tuple((p, root / p) for p in sorted(_below(root)))
    version = platform.python_version()
    page = f"https://github.com/python/cpython/blob/v{version}/Lib/"
    return Package("python", version, "PSF-2.0", "", page, files)


def _below(root: Path) -> Iterator[str]:
    for path in root.rglob("*.py"):
        relative = path.relative_to(root)
        if _PASSED_OVER.isdisjoint(relative.parts):
            yield relative.as_posix()


def _package(name: str, distribution: metadata.Distribution) -> Package:
    listed = sorted({str(f) for f in distribution.files or () if ".." not in f.parts})
    files = tuple((path, Path(str(distribution.locate_file(path)))) for path in listed)
    declared = distribution.metadata.json
    return Package(
        name,
        distribution.version,
        _licence(declared, files),
        str(declared.get("description") or "").strip(),
        f"https://pypi.org/project/{name}/{distribution.version}/",
        tuple(f for f in files if _PASSED_OVER.isdisjoint(Path(f[0]).parts)),
    )


def _licence(declared: dict[str, str | list[str]], files: tuple[tuple[str, Path], ...]) -> str | None:
    """The SPDX expression (PEP 639), else what the one licence file says, else the older, looser fields."""
    if expression := declared.get("license_expression"):
        return str(expression)
    texts = [place for path, place in files if ".dist-info" in path and _LICENCE_FILE.fullmatch(Path(path).name)]
    if len(texts) == 1 and texts[0].is_file():  # slimmed installations list files they have removed
        identified = {match.id for match in identify_license(texts[0].read_text("utf-8", "replace"))}
        if len(identified) == 1:
            return str(identified.pop())
    field = str(declared.get("license") or "").strip()
    if field and len(field) <= 60 and "\n" not in field:  # some packages put the whole text here
        return field
    kinds = [c for c in declared.get("classifier") or [] if c.startswith("License :: OSI Approved ::")]
    return kinds[0].rsplit(" :: ", 1)[1] if len(kinds) == 1 else None


def is_licence_file(path: str) -> bool:
    return bool(_LICENCE_FILE.fullmatch(Path(path).name))
