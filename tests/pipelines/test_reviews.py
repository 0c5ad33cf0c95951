"""Reviews of a real run: they count at once, and again in the next run, which does again only what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from manifests import reviews, what_if
from manifests.lineage import Index
from manifests.policy import ALLOWED, DENIED, Policy
from manifests.reviews import Book, Review
from pipelines.cli import app
from pipelines.errors import CuveeError, RecipeError
from pipelines.reviewing import decide, policy_of
from tests.pipelines.conftest import run_quietly
from tests.pipelines.examine import column

STRICT = Policy.load("permissive-only")


def write(path: Path, site: str, count: int, licence: str | None) -> None:
    text = "Lamp {i} of the harbour of {site} burns {n} hours and is tended by keeper {k}. "
    rows = [
        {"id": f"{site}-{i}", "url": f"https://{site}/{i}", "license": licence,
         "text": "".join(text.format(i=i, site=site, n=(i + 3) * j, k=j) for j in range(6))}
        for i in range(count)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe over three files of three sites, and its run."""
    folder = tmp_path_factory.mktemp("lamps")
    write(folder / "a.jsonl", "a.example.org", 12, None)
    write(folder / "b.jsonl", "b.example.net", 12, None)
    write(folder / "c.jsonl", "c.example.com", 12, "CC-BY-4.0")
    recipe: dict[str, Any] = {
        "name": "lamps",
        "sources": [{"name": "lamps", "kind": "jsonl", "paths": ["a.jsonl", "b.jsonl", "c.jsonl"]}],
        "dedup": {"fuzzy": False},
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 1000, "policy": "permissive-only"},
        "licences": {"reviews": "other.jsonl"},
    }
    (folder / "other.jsonl").write_text("")
    (folder / "lamps.yaml").write_text(yaml.safe_dump(recipe))
    run_quietly(folder / "lamps.yaml", folder / "run", workers=1)
    return folder / "lamps.yaml", folder / "run"


def said(action: str, scope: str, value: str, **more: str) -> Review:
    return Review(action, scope, value, "ada", "because", more.pop("time", reviews.now()), **more)


def tally(run: Path) -> dict[tuple[str, str], int]:
    frame, signatures = what_if.documents(str(run))
    return {(a, r): n for _, a, r, n, _ in what_if.tally(frame, signatures, STRICT).iter_rows()}


def ran(run: Path) -> dict[str, int]:
    return {s["stage"]: s["ran"] for s in json.loads((run / "run.json").read_text())["stages"] if s["ran"]}


def test_decisions_count_at_once_and_in_the_next_run(lamps: tuple[Path, Path]) -> None:
    recipe, run = lamps
    assert tally(run) == {("review", "licence: unknown"): 24, ("allow", "licence: permissive"): 12}
    waits = reviews.waiting(str(run), STRICT, Book())
    assert reviews.by_host(waits)["host"].to_list() == ["a.example.org", "b.example.net"]
    (unknown,) = reviews.by_signature(waits)["signature"].to_list()
    ids = column(run, "documents").sort("url")["id"].to_list()
    made = [
        decide(str(run), said("allow", "host", "example.org")),
        decide(str(run), said("deny", "document", ids[0])),
        decide(str(run), said("deny", "host", "c.example.com")),
        decide(str(run), said("licence", "document", ids[-1], licence="MIT")),
    ]
    assert [m.documents for m in made] == [12, 1, 12, 1]
    wanted = {
        ("allow", "review: a person decided"): 11,
        ("deny", "review: a person decided"): 12,
        ("review", "licence: unknown"): 12,
        ("allow", "licence: permissive"): 1,
    }
    assert tally(run) == wanted
    # the next run makes the same of it, and concludes again in two of the three parts
    assert run_quietly(recipe, run, workers=1).worked
    assert tally(run) == wanted
    assert ran(run)["united"] == 2
    assert "ingest" not in ran(run)
    assert "annotate" not in ran(run)
    assert "deduplicate" not in ran(run)
    evidence = "".join(pl.read_parquet(run / "signatures-united/**/*.parquet")["evidence"].to_list())
    assert ALLOWED in evidence
    assert DENIED in evidence
    assert '"MIT","human"' in evidence
    permitted = pl.concat(
        pl.read_parquet(p).cast({"part": pl.String}) for p in sorted((run / "permitted").rglob("*.spans.parquet"))
    )
    assert permitted.height <= 12
    assert not run_quietly(recipe, run, workers=1).worked
    # evidence as a whole, then taken back: the run is as it was
    assert decide(str(run), said("deny", "signature", unknown)).documents == 24
    assert tally(run)[("deny", "review: a person decided")] == 24 + 11
    for scope, value in (("host", "example.org"), ("document", ids[0]), ("document", ids[-1])):
        decide(str(run), said("withdraw", scope, value))
    again = decide(str(run), said("withdraw", "host", "c.example.com"))
    assert [r.action for r in again.replaced] == ["deny"]
    decide(str(run), said("withdraw", "signature", unknown))
    before = {("review", "licence: unknown"): 24, ("allow", "licence: permissive"): 12}
    assert tally(run) == before
    run_quietly(recipe, run, workers=1)
    assert tally(run) == before
    assert ',"human",' not in "".join(pl.read_parquet(run / "signatures-united/**/*.parquet")["evidence"].to_list())


def test_a_recipe_s_files_count_too(lamps: tuple[Path, Path], tmp_path: Path) -> None:
    recipe, run = lamps
    reviews.append(str(recipe.parent / "other.jsonl"), [said("deny", "host", "b.example.net")])
    run_quietly(recipe, run, workers=1)
    assert tally(run)[("deny", "review: a person decided")] == 12
    assert ran(run)["united"] == 1
    record = json.loads((run / "run.json").read_text())["reviews"]
    assert [r["file"] for r in record] == [str(recipe.parent / "other.jsonl")]
    other = tmp_path / "bad.yaml"
    for content, says in (("{broken\n", "reviews.jsonl:1: no review"), (None, "no such file")):
        (tmp_path / "reviews.jsonl").unlink(missing_ok=True)
        if content:
            (tmp_path / "reviews.jsonl").write_text(content)
        source = f"- {{name: a, kind: jsonl, paths: [{recipe.parent}/a.jsonl]}}"
        other.write_text(f"name: bad\nsources:\n{source}\nlicences:\n  reviews: [reviews.jsonl]\n")
        with pytest.raises(RecipeError, match=rf"bad.yaml:5: licences.reviews\[0\]: .*{says}"):
            run_quietly(other, tmp_path / "run")


def test_what_is_decided_of_a_parent_holds_for_what_was_made_of_it(tmp_path: Path) -> None:
    """Of two generations of documents made by hand, as ingest and rephrasing write them."""
    import pyarrow as pa

    from manifests import lineage, parts, schemas, signatures
    from manifests.documents import Document, Parent, documents_table, evidence_table
    from manifests.text import content_hash
    from pipelines.stages import licences
    from pipelines.stages import reviews as stage
    from pipelines.stages.licences import _Members, _United

    run = str(tmp_path)

    def part(name: str, documents: list[Document]) -> list[str]:
        hashes = content_hash(pa.array([d.text for d in documents]))
        table = documents_table(documents, namespace=name, acquisition="own-crawl", hashes=hashes)
        ids, evidence = parts.ids_digest(table["id"]), evidence_table(documents)
        parts.write(run, parts.DOCUMENTS, name, table, schema="documents", ids=ids)
        parts.write(run, parts.EVIDENCE, name, evidence, schema="evidence", ids=ids)
        rows, interned = signatures.annotate(evidence)
        parts.write(run, licences.COLUMN, name, pa.Table.from_batches([rows]), schema="licence", ids=ids)
        parts.write(run, licences.SIGNATURES, name, interned, schema="signatures", ids=ids)
        alone = pa.Table.from_pylist([{"survivor": None}] * len(documents), schema=schemas.DUPLICATES)
        parts.write(run, "duplicates", name, alone, schema="duplicates", ids=ids)
        return [str(i) for i in table["id"].to_pylist()]

    first = part("web/part-0", [Document(str(i), f"text {i}", f"https://example.org/{i}") for i in range(3)])
    children = [Document(f"c{i}", f"child {i}", parents=(Parent(first[i], "", 0, 1, "rephrase"),)) for i in range(3)]
    part("rephrased/part-1", children)
    (tmp_path / "run.json").write_text(json.dumps({"recipe": {"rephrase": {"source": "rephrased"}}, "inputs": {}}))
    licences.gather_hosts(run, ())
    for fresh in ("web/part-0", "rephrased/part-1"):
        licences.list_members(run, _Members((fresh,), (fresh,)))
        licences.unite_part(run, _United(fresh, False))
    lineage.build(run)
    book = Book((said("deny", "document", first[1]), said("allow", "host", "example.org", time="2020-01-01T00:00:00Z")))
    book = Book(tuple(sorted(book.reviews, key=lambda r: r.time)))

    def decisions() -> dict[str, str]:
        index = Index(run)
        frame = index.roll_up(["surt", "part", "row", "signature"])
        codes, interned = reviews.overlay(index, frame["signature"].to_numpy().astype("int64"), book)
        names = index.names["part"]
        rows = frame.select("part", "row").iter_rows()
        return {f"{names[p]}:{r}": STRICT.decide(interned[c]).action for (p, r), c in zip(rows, codes, strict=True)}

    wanted = dict(zip((f"{p}:{i}" for p in ("web/part-0", "rephrased/part-1") for i in range(3)),
                      ("allow", "deny", "allow") * 2, strict=True))  # fmt: skip
    assert decisions() == wanted
    for fresh, earlier in (("web/part-0", ()), ("rephrased/part-1", ("web/part-0",))):
        stage.find(run, stage._Wanted(book.current, (fresh,), earlier))
        licences.unite_part(run, _United(fresh, True))
    lineage.build(run)
    book = Book()
    assert decisions() == wanted


def command(*arguments: str) -> str:
    """What ``cuvee`` prints, in this process; its errors are raised."""
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return " ".join(done.stdout.split())


def test_the_run_s_own_policy(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("as_of: 2026-01-31\nallow: [permissive]\n")
    record: dict[str, Any] = {"recipe_path": str(tmp_path / "recipe.yaml"), "recipe": {}}

    def policy(**mix: str) -> Policy:
        record["recipe"] = {"mix": mix} if mix else {"mix": None}
        (tmp_path / "run.json").write_text(json.dumps(record))
        return policy_of(str(tmp_path))

    assert policy().name == "permissive-only"
    assert policy(policy="mine.yaml").allow == {"permissive"}
    assert str(policy(policy="{run}/mine.yaml", as_of="2026-02-01").as_of) == "2026-02-01"
    with pytest.raises(ValueError, match="no such file"):
        policy(policy="absent.yaml")


def test_the_command_line_decides_and_shows(lamps: tuple[Path, Path]) -> None:
    _, run = lamps
    assert "a.example.org" in command("review", str(run), "--policy", "permissive-only")
    what = ("--host", "a.example.org", "--reason")
    done = command("review", str(run), "--allow", *what, "their letter", "--reviewer", "bo")
    assert "allow host a.example.org: 12 documents" in done
    done = command("review", str(run), "--deny", *what, "another [b]letter[/b]")
    assert "replaces allow host a.example.org by bo" in done
    shown = command("review", str(run), "--decisions")
    assert "replaced" in shown
    for arguments, says in [
        (("--deny", "--host", "absent.example.org", "--reason", "x"), "no document"),
        (("--deny", "--reason", "x"), "one decision"),
        (("--deny", "--allow", "--host", "a.example.org", "--reason", "x"), "one decision"),
        (("--host", "a.example.org"), "say what is decided"),
        (("--deny", "--host", "a.example.org"), "the reason is empty"),
        (("--policy", "none"), "unknown policy 'none'"),
    ]:
        with pytest.raises(CuveeError, match=says):
            command("review", str(run), *arguments)
    assert policy_of(str(run)).name == "permissive-only"
    with (run / reviews.PATH).open("a") as file:
        file.write("{broken\n")
    lines = len((run / reviews.PATH).read_text().splitlines())
    for asked in (("review", str(run)), ("policy", "show", "permissive-only", str(run))):
        with pytest.raises(CuveeError, match=rf"decisions.jsonl:{lines}: no review"):
            command(*asked)
    with pytest.raises(CuveeError, match=rf"decisions.jsonl:{lines}: no review"):
        run_quietly(lamps[0], run, workers=1)
