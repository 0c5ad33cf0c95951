"""Files that speak for a whole host come in with a crawl, are no documents, and reserve the pages they mean."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from manifests import parts, storage
from manifests.documents import HostFile, hosts_table
from manifests.policy import Policy
from manifests.reservations import Hosts
from manifests.signatures import Signature
from pipelines.recipe import Source, Terms
from pipelines.sources import SourceFile
from pipelines.stages import licences, read

PAGE = "<html><body><main>" + "".join(
    f"<p>Paragraph {i} of a page with enough words to be a text.</p>" for i in range(9)
)
FOOTER = '<footer><a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY</a></footer>'
RECORDS = [
    ("https://open.example/robots.txt", "text/plain", "User-agent: *\nDisallow: /private/\n", 200),
    ("https://open.example/a", "text/html", PAGE + FOOTER, 200),
    ("https://open.example/private/a", "text/html", PAGE.replace("page", "secret") + FOOTER, 200),
    ("https://closed.example/robots.txt", "text/plain", "User-agent: *\nContent-Signal: ai-train=no\n", 200),
    ("https://closed.example/a", "text/html", PAGE.replace("page", "leaf") + FOOTER, 200),
    (
        "https://tdm.example/.well-known/tdmrep.json",
        "application/json",
        '[{"location": "/", "tdm-reservation": 1}]',
        200,
    ),
    ("https://tdm.example/a", "text/html", PAGE.replace("page", "sheet") + FOOTER, 200),
    ("https://gone.example/robots.txt", "text/plain", "nothing here", 404),
    ("https://gone.example/a", "text/html", PAGE.replace("page", "scroll") + FOOTER, 200),
]


def warc(path: Path) -> Path:
    """The records as WARC 1.1, plain."""
    with path.open("wb") as out:
        for i, (url, kind, body, status) in enumerate(RECORDS):
            http = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            head = (
                f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{i:032x}>\r\nWARC-Target-URI: {url}\r\n"
                f"WARC-Date: 2026-01-{i + 1:02d}T00:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
                f"Content-Length: {len(http)}\r\n\r\n"
            )
            out.write(head.encode() + http + b"\r\n\r\n")
    return path


@pytest.fixture
def run(tmp_path: Path) -> tuple[str, str]:
    """A run folder with the crawl read, its hosts gathered and its licences concluded; and the part's name."""
    folder, path = str(tmp_path / "run"), warc(tmp_path / "crawl.warc")
    terms = Terms.model_validate({"lawful_access": True, "training": "silent"})
    source = Source(name="web", kind="warc", paths=[str(path)], acquisition="own-crawl", terms=terms)
    file = SourceFile(str(path), path.name, path.stat().st_size, storage.digest(str(path)))
    (split,) = read.splits(source, [file])
    made = read.ingest_split(folder, split)
    part = next(parts.part_of(o.path) for o in made.outputs if o.path.startswith("documents/"))
    licences.gather_hosts(folder, tuple(o.path for o in made.outputs if o.path.startswith("hosts/")))
    licences.conclude_part(folder, part)
    return folder, part


def test_hosts_files_are_kept_and_are_no_documents(run: tuple[str, str]) -> None:
    folder, part = run
    urls = parts.read(folder, parts.DOCUMENTS, part, ["url"])["url"].to_pylist()
    assert urls == [u for u, kind, _, _ in RECORDS if kind == "text/html"]
    hosts = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(folder, licences.HOSTS))))
    assert hosts.select("host", "kind", "status").rows() == [
        ("closed.example", "robots", 200),
        ("gone.example", "robots", 404),
        ("open.example", "robots", 200),
        ("tdm.example", "tdmrep", 200),
    ]


def test_they_reserve_the_pages_they_mean(run: tuple[str, str]) -> None:
    folder, part = run
    rows = parts.read(folder, licences.COLUMN, part)
    assert rows["licence"].to_pylist() == ["CC-BY-4.0"] * 5
    assert rows["reserved"].to_pylist() == [False, True, True, True, False]
    interned = dict(
        zip(*storage.read_table(storage.join(folder, parts.path("signatures", part))).to_pydict().values(), strict=True)
    )
    decided = [
        Policy.load("permissive-only").decide(Signature.from_json(interned[n])) for n in rows["signature"].to_pylist()
    ]
    assert [d.action for d in decided] == ["allow", "deny", "deny", "deny", "allow"]
    assert [d.reason.split()[1] for d in decided[1:4]] == ["robots", "content-signal", "tdmrep"]


def test_acquisition_and_dates_are_recorded_at_the_door(run: tuple[str, str]) -> None:
    folder, part = run
    evidence = parts.read(folder, parts.EVIDENCE, part).to_pylist()
    assert evidence[0]["acquisition"]["route"] == "own-crawl"
    assert (evidence[0]["acquisition"]["lawful_access"], evidence[0]["acquisition"]["training"]) == ("yes", "silent")
    assert evidence[0]["origin"]["kind"] == "human"
    (claim,) = evidence[0]["claims"]
    assert claim["version_known"]
    assert claim["observed"].day == 2


def test_a_rule_that_comes_back_is_kept_again(tmp_path: Path) -> None:
    """Denied, allowed, denied: a page fetched after the third is not judged by the second."""
    deny, allow = "User-agent: *\nDisallow: /", "User-agent: *\nAllow: /"
    files = [
        HostFile("e.example", "robots", 200, body, fetched_at=datetime(2026, 1, day, tzinfo=UTC))
        for day, body in enumerate((deny, deny, allow, deny, deny), 1)
    ]
    storage.write_table(str(tmp_path / "hosts/part.parquet"), hosts_table(files[::-1]))
    licences.gather_hosts(str(tmp_path), ("hosts/part.parquet",))
    table = storage.read_table(str(tmp_path / licences.HOSTS))
    assert [d.day for d in table["fetched_at"].to_pylist()] == [1, 3, 4]
    hosts = Hosts(table)
    said = [hosts.reservations("https://e.example/a", datetime(2026, 1, d, tzinfo=UTC))[0].value for d in (2, 3, 5)]
    assert said == ["deny", "allow", "deny"]
