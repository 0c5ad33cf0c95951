"""Exports as downloads: one file as it is, several as an archive."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response

from manifests import exports
from pipelines.serving.site import Site

#: file name (of several the folder's) and what it is
FORMATS: Mapping[str, tuple[str, str]] = {
    "croissant": ("croissant.json", "Croissant 1.1: what data set catalogues read"),
    "spdx": ("dataset.spdx.json", "SPDX 3.0.1 data set package: licences declared and concluded"),
    "cyclonedx": ("dataset.cdx.json", "CycloneDX 1.7 bill of materials"),
    "card": ("README.md", "Hugging Face data set card"),
    "ab2013": ("ab2013.md", "California AB 2013 documentation"),
    "attribution": ("attribution", "attribution bundle: who is to be named, as Parquet and HTML"),
    "article53": ("article53", "EU AI Act, Article 53(1)(d): public summary of training content"),
}
_DATED = (1980, 1, 1, 0, 0, 0)  #: the archive's bytes are those of its files


def download(site: Site, form: str) -> Response | None:
    """None for an unknown format. ValueError when the run's records do not allow it."""
    if form not in FORMATS or form not in exports.FORMATS:
        return None
    name = FORMATS[form][0]
    with site.costly(), tempfile.TemporaryDirectory() as folder:
        target = Path(folder, name)
        written = [Path(p) for p in exports.write(form, site.run, str(target))]
        data = target.read_bytes() if target.is_file() else _archive(target, written)
    if not Path(name).suffix:
        name += ".zip"
    kind = {"json": "application/json", "md": "text/markdown; charset=utf-8", "zip": "application/zip"}
    told = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=kind[name.rsplit(".", 1)[-1]], headers=told)


def _archive(folder: Path, files: list[Path]) -> bytes:
    with tempfile.TemporaryFile() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(files):
                archive.writestr(zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), _DATED), path.read_bytes())
        out.seek(0)
        return out.read()
