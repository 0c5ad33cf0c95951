"""The lineage index as a task of the driver: made from columns when anything it tells of has changed."""

from __future__ import annotations

from typing import Any

from manifests import lineage
from manifests.receipts import digest_of, output
from pipelines.catalog import Catalog
from pipelines.conductor import Conductor
from pipelines.task import Made, Task

VERSION = 5
_READ = ("documents/", "duplicates/", "verdicts/", "annotations/united/", "signatures-united/", "pools/", "shards/")


def index(conductor: Conductor, catalog: Catalog, shards: dict[str, Any]) -> None:
    """Writes ``lineage/`` for the documents and shards there are. ``shards`` is the index of the shards, if any."""
    listed = tuple(
        f"shards/{form}/{shard['files'][0]}" for form, found in shards.get("formats", {}).items() for shard in found
    )
    read = sorted((p, o.digest) for p, o in catalog.files.items() if p.startswith(_READ))
    key = digest_of("lineage", VERSION, read, listed)
    catalog.add([conductor.here("lineage", Task("lineage", "index", key, build, listed))])


def build(run: str, shards: tuple[str, ...]) -> Made:
    files = lineage.build(run, shards)
    return Made([output(run, f) for f in files], {"documents": lineage.Index(run).documents})
