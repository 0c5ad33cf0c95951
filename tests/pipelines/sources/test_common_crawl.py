"""A small Common Crawl of real WARC files, with its lists and its columnar index, on a disk, on S3 and by HTTP."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pytest

from manifests import lineage, storage
from manifests.documents import Document
from pipelines import crawl_index
from pipelines.errors import RecipeError
from pipelines.progress import Progress
from pipelines.recipe import Source
from pipelines.recipe_file import load
from pipelines.run import run_recipe
from pipelines.sources import SourceFile, common_crawl, warc
from pipelines.sources.archive import Record, records
from tests.object_store import BUCKET, Server, upload
from tests.pipelines.sources.test_bad_crawls import http, members, page, record, stored

CRAWL = "CC-MAIN-2026-05"
FILES = {"dolma-sample-0000.warc.gz": "1.1", "dolma-sample-0001.warc.gz": "1.2", "commoncrawl-whirlwind.warc.gz": "1.2"}
INDEX = f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset=warc/part-00000.c000.gz.parquet"
COLUMNS = {
    "url": pl.String,
    "url_host_name": pl.String,
    "fetch_status": pl.Int16,
    "content_mime_detected": pl.String,
    "warc_filename": pl.String,
    "warc_record_offset": pl.Int32,
    "warc_record_length": pl.Int32,
}


@pytest.fixture(scope="module")
def crawl(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout that a crawl is published in."""
    base = tmp_path_factory.mktemp("commoncrawl")
    names, rows = [], []
    for file, segment in FILES.items():
        name = f"crawl-data/{CRAWL}/segments/{segment}/warc/{file}"
        storage.write_bytes(str(base / name), (shared_data / "warc" / file).read_bytes())
        names.append(name)
        with (base / name).open("rb") as opened:
            for record in records(opened, limit=10_000_000):
                if isinstance(record, Record) and record.kind == "response":
                    host = urlsplit(record.url).hostname or ""
                    rows.append((record.url, host, 200, "text/html", name, record.offset, record.length))
    storage.write_table(str(base / INDEX), pl.DataFrame(rows, schema=COLUMNS, orient="row").to_arrow())
    for list_name, listed in (("warc.paths.gz", names), ("cc-index-table.paths.gz", [INDEX])):
        data = gzip.compress("".join(f"{n}\n" for n in listed).encode())
        storage.write_bytes(str(base / "crawl-data" / CRAWL / list_name), data)
    return base


def recipe(folder: Path, base: str, more: str) -> str:
    path = folder / "recipe.yaml"
    source = f"{{name: web, kind: common_crawl, crawl: {CRAWL}, base: '{base}', {more}}}"
    path.write_text(f"name: crawl\nsources:\n  - {source}\n")
    return str(path)


def run_of(path: str, run: Path) -> pl.DataFrame:
    """The documents of a run."""
    run_recipe(path, run=str(run), workers=1, progress=Progress(quiet=True))
    return pl.read_parquet(run / "documents/web/*.parquet").sort("url")


def test_segments_choose_whole_files(crawl: Path) -> None:
    def names(first: int | None, last: int | None) -> list[str]:
        return [n.rsplit("/", 1)[-1] for n in crawl_index.files(str(crawl), CRAWL, "warc", (first, last))]

    assert names(None, None) == list(FILES)
    assert names(0, 1) == ["dolma-sample-0000.warc.gz"]
    assert names(1, 100) == ["dolma-sample-0001.warc.gz", "commoncrawl-whirlwind.warc.gz"]
    with pytest.raises(ValueError, match="segments 5: choose none of its 2 segments"):
        names(5, None)
    with pytest.raises(ValueError, match="check the crawl's id"):
        crawl_index.files(str(crawl), "CC-MAIN-1999-01", "warc", (None, None))


def test_chosen_records_are_those_of_the_whole_files(crawl: Path, tmp_path: Path) -> None:
    every = run_of(recipe(tmp_path, str(crawl), "segments: ':'"), tmp_path / "every")
    host = str(every["url"].str.extract(r"https?://([^/]+)").value_counts(sort=True)[0, "url"])
    some = run_of(recipe(tmp_path, str(crawl), f"where: \"host = '{host}' AND bytes > 0\""), tmp_path / "some")
    expected = every.filter(pl.col("url").str.contains(f"//{host}/", literal=True))
    assert 0 < some.height < every.height
    same = ("id", "text", "url", "record")
    assert some.select(same).equals(expected.select(same))

    run = str(tmp_path / "some")
    found = lineage.find(run, some["id"][0])
    assert found is not None
    place = lineage.document(run, *found)
    headers, _, body = warc.read_record(place["record"], place["document"]["record"]["offset"])
    assert headers["warc-target-uri"].strip("<>") == place["document"]["url"]
    assert body


def test_chosen_records_without_an_id_are_known_by_their_place(tmp_path: Path) -> None:
    anonymous = [record(i, http(page())).replace(b"WARC-Record-ID", b"X-None") for i in range(3)]
    stored(tmp_path / "a.warc.gz", members(*anonymous))
    bounds = np.cumsum([0, *(len(members(r)) for r in anonymous)])
    chosen = tmp_path / f"x{common_crawl.SELECTION_SUFFIX}"
    pl.DataFrame({"file": ["a.warc.gz"] * 3, "offset": bounds[:3], "length": np.diff(bounds)}).write_parquet(chosen)
    given = {"name": "s", "kind": "common_crawl", "crawl": CRAWL, "where": "bytes > 0", "base": str(tmp_path)}
    file, source = SourceFile(str(chosen), chosen.name, chosen.stat().st_size, ""), Source.model_validate(given)
    found = [i for a, b in common_crawl.ranges(file) for i in common_crawl.read(file, a, b, source, {})]
    assert [i.locator for i in found if isinstance(i, Document)] == [f"a.warc.gz:{at}" for at in bounds[:3]]


@pytest.mark.parametrize("kind", ["s3", "http"])
def test_a_copy_elsewhere_gives_the_same(crawl: Path, tmp_path: Path, store: Server, kind: str) -> None:
    upload(crawl, f"s3://{BUCKET}/copy")
    base = f"s3://{BUCKET}/copy" if kind == "s3" else f"http://127.0.0.1:{store.ports[2]}/buckets/{BUCKET}/copy"
    where = "where: \"mime = 'text/html'\", segments: '1:'"
    here = run_of(recipe(tmp_path, str(crawl), where), tmp_path / "here")
    there = run_of(recipe(tmp_path, base, where), tmp_path / "there")
    assert here.height > 0
    assert there.equals(here)
    assert json.loads((tmp_path / "there" / "run.json").read_text())["inputs"]["web"]["base"] == base


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("where: 'size > 3'", "unknown column 'size'; allowed: url, host"),
        ("segments: 1:30", "must be quoted"),
        ("segments: a:b", "should match pattern"),
        ("paths: [x]", "takes no `paths`"),
        ("subset: wet, where: 'bytes > 0'", "the index does not know where a WET record lies"),
        ("subset: wat", "'warc' or 'wet'"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path: Path, more: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        load(recipe(tmp_path, "s3://bucket", more))


def test_a_condition_that_chooses_nothing_is_told(crawl: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no record of CC-MAIN-2026-05 meets"):
        run_of(recipe(tmp_path, str(crawl), "where: \"host = 'nowhere'\""), tmp_path / "run")


def test_a_list_cannot_lead_elsewhere(tmp_path: Path) -> None:
    data = gzip.compress(b"../../etc/segments/1/passwd\n")
    storage.write_bytes(str(tmp_path / "crawl-data" / CRAWL / "warc.paths.gz"), data)
    with pytest.raises(ValueError, match="no path below"):
        crawl_index.files(str(tmp_path), CRAWL, "warc", (None, None))
