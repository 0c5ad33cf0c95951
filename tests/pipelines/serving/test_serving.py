"""The served report of a real run: what is found, what is decided, and what is refused."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'cuvee[web]'")
from starlette.testclient import TestClient

from manifests import exports, lineage, reviews
from pipelines import serving
from pipelines.errors import CuveeError
from pipelines.serving import downloads, guard
from pipelines.serving.app import application
from pipelines.serving.lookup import way_of
from pipelines.serving.site import Site
from pipelines.serving.tables import TABLES, csv
from tests.manifests.report import run_folder

BASE = "http://127.0.0.1:8000"


def client(run: Path, *, exposed: bool = False, redact: bool = False) -> tuple[TestClient, Site]:
    site = Site(str(run), redact=redact)
    return TestClient(application(site, exposed=exposed), base_url=BASE, raise_server_exceptions=False), site


@pytest.fixture(scope="module")
def web(finished: Path) -> TestClient:
    return client(finished)[0]


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> tuple[TestClient, Site]:
    """Over a folder that shares the run's files but not its reviews."""
    for path in finished.iterdir():
        if path.name != "reviews":
            (tmp_path / path.name).symlink_to(path)
    return client(tmp_path)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Over a run of strangers' attacks."""
    run = tmp_path_factory.mktemp("hostile") / "run"
    run_folder.build(str(run))
    lineage.build(str(run))
    return client(run)[0]


def told(web: TestClient, path: str, status: int = 200) -> str:
    answer = web.get(path)
    assert answer.status_code == status, answer.text
    assert "<script" not in answer.text
    return re.sub(r"\s+", " ", answer.text)


def known(run: Path) -> dict[str, str]:
    """A document with an address that lies in the shards."""
    spans = pl.read_parquet(next((run / "shards/olmo").glob("*.spans.parquet"))).cast({"part": pl.String})
    part, row, start = spans.filter(pl.col("part").str.contains("/web/|/code/")).select("part", "row", "start").row(0)
    found = pl.read_parquet(run / part).row(row, named=True)
    shard = f"shards/olmo/{next((run / 'shards/olmo').glob('*.spans.parquet')).name.replace('.spans.parquet', '.npy')}"
    return {"id": found["id"], "url": found["url"], "token": f"{shard}:{start + 3}", "text": found["text"]}


def test_one_box_finds_a_document_in_every_way(web: TestClient, finished: Path) -> None:
    document = known(finished)
    words = " ".join(document["text"].split()[:12])
    assert document["id"] in told(web, f"/lookup?{_encoded(q=document['url'])}")
    for question in (document["token"], document["id"]):
        page = told(web, f"/lookup?{_encoded(q=question)}")
        for part in (document["id"], "claim", "record", "verdict", "policy", "tokens", "shards/olmo/"):
            assert part in page, (question, part)
    assert document["id"] in told(web, f"/lookup?{_encoded(q=words, by='words')}")
    host = document["url"].split("/")[2]
    assert re.search(r"\d+ documents, by site", told(web, f"/lookup?q={host}"))
    name = re.search(r"by=evidence&amp;q=([0-9a-f]{16})", told(web, f"/lookup?q={document['id']}"))
    assert name is not None
    assert "by evidence" in told(web, f"/lookup?q={name[1]}")
    assert "its text:" in told(web, f"/lookup?{_encoded(q=document['token'])}")
    assert told(web, f"/document/{document['id']}").count(document["id"]) >= 2


def _encoded(**fields: str) -> str:
    from urllib.parse import urlencode

    return urlencode(fields)


@pytest.mark.parametrize(
    ("question", "way"),
    [
        ("shards/olmo/part-00000.npy:12", "token"), ("a" * 32, "id"), ("a" * 16, "evidence"),
        ("HTTPS://x.org/a", "address"),
        ("example.org", "site"), ("example.org/blog", "site"), ("localhost", "words"), ('"quoted words"', "words"),
        ("two words", "words"), ("a.b c", "words"),
    ],
)  # fmt: skip
def test_what_a_question_is(question: str, way: str) -> None:
    assert way_of(question) == way


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/lookup?q=shards/olmo/none.npy:1", "not a shard of this run"),
        ("/lookup?q=shards/olmo/part-00000.npy:999999999999", "there is no token"),
        ("/lookup?q=../../etc/passwd:1&by=token", "a token is SHARD:OFFSET"),
        ("/lookup?q=ab&by=words", "at least three letters"),
        ("/lookup?q=x&by=magic", "it can be by anything"),
        ("/lookup?q=a%20b&by=site", "names no host"),
        ("/review?policy=/etc/passwd", "unknown policy"),
        ("/review?action=burn", "it can be review, deny, allow"),
        ("/tables/difference?before=x.yaml", "unknown policy"),
    ],
)
def test_bad_questions_are_told_in_a_line(web: TestClient, path: str, says: str) -> None:
    assert says in told(web, path, 400)


def test_nothing_found_is_said(web: TestClient) -> None:
    for question in (
        "absent.example.org",
        "https://absent.example.org/x",
        "0" * 32,
        "0" * 16,
        '"never said by anyone"',
    ):
        assert "0 documents" in told(web, f"/lookup?{_encoded(q=question)}")
    assert "no document" in told(web, f"/document/{'0' * 32}", 404)
    for path in ("/nope", "/report/nope.html", "/report/../run.json", "/report/%2e%2e/run.json", "/report//etc/passwd",
                 "/exports/none", "/tables/none.csv"):  # fmt: skip
        told(web, path, 404)


def test_every_answer_is_fenced(web: TestClient, finished: Path) -> None:
    for path in ("/lookup", "/review", "/tables", "/exports", "/nope", "/style.css", "/tables/hosts.csv"):
        headers = web.get(path).headers
        assert headers["content-security-policy"] == guard.POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin", "no-referrer would hide the Origin of our own forms"
        assert headers["cache-control"] == "no-store"
    report = web.get("/")
    assert report.url.path == "/report/"
    assert "sandbox allow-scripts" in report.headers["content-security-policy"]
    assert "allow-same-origin" not in report.headers["content-security-policy"]
    written = (finished / "report/index.html").read_text()
    assert 'href="/review"' in report.text
    assert len(report.text) > len(written)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "a@127.0.0.1", "", "8.8.8.8"]
)
def test_another_s_name_is_refused(web: TestClient, host: str) -> None:
    assert web.get("/lookup", headers={"host": host}).status_code == 421


def test_names_of_this_machine(finished: Path) -> None:
    alone, exposed = guard.Guard(application), guard.Guard(application, exposed=True)  # type: ignore[arg-type]
    for host in ("127.0.0.1:80", "localhost", "LOCALHOST:1", "[::1]:8000", "127.1.2.3"):
        assert alone.knows(host), host
    for host in ("10.0.0.7:80", "[2001:db8::1]:80"):
        assert exposed.knows(host), host
        assert not alone.knows(host), host
    assert not exposed.knows("evil.example")


def form(site: Site, **fields: str) -> dict[str, str]:
    given = {"scope": "host", "value": "pypi.org", "action": "deny", "reason": "a letter", "reviewer": "ada"}
    return {**given, "token": site.token, **fields}


def test_a_decision_counts_at_once(own: tuple[TestClient, Site]) -> None:
    web, site = own
    before = told(web, "/tables/policy?policy=permissive-only")
    answer = web.post("/review", data=form(site, reason="<b>their</b> letter"), headers={"origin": BASE})
    assert answer.status_code == 201, answer.text
    (review,) = reviews.of_run(site.run).reviews
    assert (review.action, review.target, review.reviewer) == ("deny", ("host", "org,pypi"), "ada")
    assert told(web, "/tables/policy?policy=permissive-only") != before
    document = known(Path(site.run))
    assert "&lt;b&gt;their&lt;/b&gt; letter" in told(web, "/tables/decisions")
    again = web.post("/review", data=form(site, action="licence", licence="MIT"), headers={"origin": BASE})
    assert "It replaces deny" in re.sub(r"\s+", " ", again.text)
    shown = told(web, f"/lookup?q={reviews.of_run(site.run).current[0].value}")
    assert "MIT" in shown
    assert document["id"] in told(web, f"/document/{document['id']}")
    assert web.get("/tables/decisions.csv").text.count("\n") == 3


@pytest.mark.parametrize(
    ("fields", "headers", "status", "says"),
    [
        ({}, {}, 403, "from a page of this server"),
        ({}, {"origin": "http://evil.example"}, 403, "from a page of this server"),
        ({}, {"origin": "null"}, 403, "from a page of this server"),
        ({}, {"origin": "http://127.0.0.1:9999"}, 403, "from a page of this server"),
        ({}, {"origin": BASE, "sec-fetch-site": "cross-site"}, 403, "from a page of this server"),
        ({"token": "guess"}, {"origin": BASE}, 403, "load it again"),
        ({"token": ""}, {"origin": BASE}, 403, "load it again"),
        ({"reason": ""}, {"origin": BASE}, 400, "the reason is empty"),
        ({"value": "com"}, {"origin": BASE}, 400, "public suffix"),
        ({"value": "absent.example.org"}, {"origin": BASE}, 400, "no document"),
        ({"action": "burn"}, {"origin": BASE}, 400, "it can be allow, deny"),
        ({"more": "x"}, {"origin": BASE}, 400, "unknown field"),
        ({"reason": "x" * 70_000}, {"origin": BASE}, 413, "more than 65536 bytes"),
    ],
)
def test_what_decides_nothing(
    own: tuple[TestClient, Site], fields: dict[str, str], headers: dict[str, str], status: int, says: str
) -> None:
    web, site = own
    answer = web.post("/review", data=form(site, **fields), headers=headers)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert not Path(site.run, reviews.PATH).exists()


def test_forms_are_forms(own: tuple[TestClient, Site]) -> None:
    web, site = own
    kind = {"origin": BASE, "content-type": "application/x-www-form-urlencoded"}
    for data, headers, status in [
        (json.dumps(form(site)), {"origin": BASE, "content-type": "application/json"}, 415),
        (json.dumps(form(site)), {"origin": BASE, "content-type": "text/plain"}, 415),
        (f"token={site.token}&token={site.token}", kind, 400),
        ("&".join(f"a{i}=1" for i in range(100)), kind, 400),
        (b"token=\xff", kind, 400),
    ]:
        assert web.post("/review", content=data, headers=headers).status_code == status, data
    assert web.put("/review", content="x").status_code == 405
    assert web.get(f"/lookup?q={'x' * 5000}").status_code == 414


def test_strangers_words_stay_words(hostile: TestClient) -> None:
    pages = [told(hostile, f"/lookup?{_encoded(q=q, by=by)}") for q, by in
             (("dropped", "words"), ("page number", "words"), ("e.example", "site"))]  # fmt: skip
    pages += [told(hostile, p) for p in ("/review?policy=permissive-only", "/tables/hosts", "/tables/evidence")]
    ids = set(re.findall(r"/document/([0-9a-f]{32})", " ".join(pages)))
    assert ids
    for identifier in ids:
        pages.append(told(hostile, f"/document/{identifier}"))
    everything = " ".join(pages)
    assert "&lt;img src=x" in everything
    for harm in ("<img", 'href="javascript', 'href="JaVa', 'href="data:text', '"onmouseover', "\u202e"):
        assert harm not in everything.replace('href="data:,"', "")


def test_every_table_is_a_csv_file_too(web: TestClient) -> None:
    for name in TABLES:
        query = "?q=pypi.org" if name == "found" else "?policy=permissive-only"
        answer = web.get(f"/tables/{name}.csv{query}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
        frame = pl.read_csv(io.BytesIO(answer.content), infer_schema_length=None)
        assert frame.columns
        told(web, f"/tables/{name}{query}")
    harmful = pl.DataFrame({"a": ["=1+1", "@x", "fine", None], "n": [-1, 2, 3, 4]})
    assert csv(harmful).decode() == "a,n\n'=1+1,-1\n'@x,2\nfine,3\n,4\n"


def test_every_export_is_a_download(web: TestClient) -> None:
    assert set(downloads.FORMATS) == set(exports.FORMATS)
    for form_name in downloads.FORMATS:
        answer = web.get(f"/exports/{form_name}")
        assert answer.status_code == 200, answer.text
        if answer.headers["content-type"] == "application/json":
            json.loads(answer.content)
        if answer.headers["content-type"] == "application/zip":
            archive = zipfile.ZipFile(io.BytesIO(answer.content))
            assert archive.testzip() is None
            assert archive.namelist()
        assert form_name in told(web, "/exports")


def test_redacted_texts_are_not_shown(finished: Path) -> None:
    document = known(finished)
    web, _ = client(finished, redact=True)
    words = " ".join(document["text"].split()[:4])
    assert words[:20] not in told(web, f"/document/{document['id']}").replace("&#34;", '"')
    assert "texts are left out" in told(web, f"/lookup?{_encoded(q=words, by='words')}", 400)
    assert "its text:" not in told(web, f"/lookup?{_encoded(q=document['token'])}")


def test_a_run_whose_report_is_gone_still_has_one(hostile: TestClient) -> None:
    answer = hostile.get("/report/")
    assert answer.status_code == 200
    assert "<h1>" in answer.text


def test_serving_beyond_this_machine_must_be_meant(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    def ask(host: str, port: int = 0, expose: bool = False) -> None:
        serving.serve(str(finished), host=host, port=port, expose=expose, redact=False, told=print, warn=warned.append)

    warned: list[str] = []
    with pytest.raises(CuveeError, match="add --expose if that is meant"):
        ask("0.0.0.0")
    with pytest.raises(CuveeError, match="cannot be bound"):
        ask("203.0.113.7", expose=True)
    assert warned == [w for w in warned if "no login" in w] != []
    with pytest.raises(CuveeError, match="cannot be bound"):
        ask("127.0.0.1", 1 << 20)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CuveeError, match=r"needs starlette: pip install 'cuvee\[web\]'"):
        ask("127.0.0.1")


def test_original_bytes_lead_through_edits(tmp_path: Path) -> None:
    """A token after a redaction, and one inside it, in a document whose edits are known."""
    import pyarrow as pa

    from manifests import edits, parts, schemas
    from manifests.documents import Document, documents_table
    from manifests.text import content_hash
    from mixing.tokenizer import Tokenizer, train_bpe
    from pipelines.original import of_token

    run, part = str(tmp_path), "web/part-0"
    text = "Write to ada@example.org, or to the keeper of the harbour at Ålesund."
    table = documents_table([Document("1", text)], namespace="w", acquisition="", hashes=content_hash(pa.array([text])))
    ids = parts.ids_digest(table["id"])
    parts.write(run, parts.DOCUMENTS, part, table, schema="documents", ids=ids)
    start, end = text.index("ada@"), text.index(", or")
    made = edits.table(1, *(np.array([v]) for v in (0, start, end)), ["<email>"], ["pii"])
    parts.write(run, edits.column("pii"), part, made, schema="edits", ids=ids)
    assert schemas.EDITS.names == ["edits"]
    train_bpe([text], 300, str(tmp_path / "models/tokenizer.json"))
    tokenizer = Tokenizer.load(str(tmp_path / "models/tokenizer.json"))
    shown = text.replace("ada@example.org", "<email>")
    tokens, _ = tokenizer.encode([shown])
    spelled = ""
    for place in range(len(tokens) - 1):
        found = of_token(run, part, 0, tokens, place)
        assert found is not None
        spelled += found.shown if len(tokenizer.decode(tokens[place : place + 1])) else ""
        inside = shown.index("<email>") <= len(spelled) - 1 < shown.index("<email>") + len("<email>")
        if inside:
            assert (found.start, found.end, found.edited) == (start, end, True)
        elif not found.edited:
            assert text.encode()[found.start : found.end].decode("utf-8", "replace") == found.shown
    assert of_token(run, part, 0, tokens, len(tokens) - 1) is None, "the end of the document is nobody's"
    assert of_token(run, part, 0, tokens[::-1], 0) is None
