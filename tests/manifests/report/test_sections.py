"""The sections that judge or join: findings, the flow of documents, policies side by side, and a token's way."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from manifests import report, schemas, storage
from manifests.mix import MixDomain, MixManifest, MixMetric
from manifests.policy import Policy
from manifests.report import duplicates, findings, flow, material, provenance
from manifests.report import licences as licence_section
from manifests.report.licences import Licences
from manifests.report.sums import SUMS, Sums
from tests.manifests.report import run_folder


def manifest(predicted: float, sd: float, epochs: float = 0.5) -> MixManifest:
    return MixManifest(
        seed=1,
        tokenizer="t",
        budget=1000,
        domains={
            "web": MixDomain(weight=1, tokens=1000, available=round(1000 / epochs), epochs=epochs, pools=["web~"])
        },
        metrics={"bpb/web": MixMetric(weight=1, predicted=predicted, natural=2, sd=sd, family="ridge")},
        objective={"predicted": predicted, "natural": 2.0, "gap": 0.0},
        runs=4,
    )


def licences(rows: list[tuple[str, bool, bool, int]]) -> Sums:
    """Of documents with a licence class, whether reserved, whether kept, and so many alike."""
    table = pl.DataFrame(
        [(c, r, k, n, n * k, 10 * n * k, 0, []) for c, r, k, n in rows],
        schema={
            "licence_class": pl.String,
            "reserved": pl.Boolean,
            "keep": pl.Boolean,
            **dict.fromkeys(SUMS, pl.Int64),
            "behind": pl.List(pl.String),
        },
        orient="row",
    )
    return Sums({"licences": table}, sum(n for *_, n in rows), 0)


def moves(fates: list[tuple[str, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(s, r or "kept", 1) for s, r in fates],
        schema={"source": pl.String, "outcome": pl.String, "documents": pl.Int64},
        orient="row",
    )


@pytest.mark.parametrize(
    ("predicted", "sd", "epochs", "said"),
    [
        (1.9, 0.01, 0.5, [("good", "−5.0% loss"), ("good", "Nothing repeated")]),
        (1.9, 0.2, 0.5, [("note", "No clear gain"), ("good", "Nothing repeated")]),
        (1.9, 0.01, 3.0, [("good", "−5.0% loss"), ("good", "3 epochs at most")]),
        (1.9, 0.01, 6.0, [("good", "−5.0% loss"), ("note", "6 epochs at most")]),
    ],
)
def test_a_gain_counts_only_beyond_its_error(
    predicted: float, sd: float, epochs: float, said: list[tuple[str, str]]
) -> None:
    found = findings.of({}, licences([]), manifest(predicted, sd, epochs), {})
    assert [(f.level, f.headline) for f in found] == said


def test_failures_silence_reservations_and_gaps_are_found() -> None:
    kept = [("permissive", True, True, 1), ("permissive", False, True, 18), ("unknown", False, True, 1)]
    documents = licences([*kept, ("unknown", True, False, 1)])
    record = {"failures": [{"stage": "ingest", "task": "a", "message": "b"}]}
    found = findings.of(record, documents, manifest(1.9, 0.01), {"web": 20, "code": -20})
    assert [(f.level, f.headline) for f in found] == [
        ("alert", "1 failed"),
        ("note", "95.0% licensed"),
        ("note", "1 reserved"),
        ("good", "−5.0% loss"),
        ("good", "Nothing repeated"),
        ("note", "2.0% short"),
    ]


def test_policies_side_by_side(tmp_path: Path) -> None:
    """Odd rows claim CC-BY-4.0; 16 of 24 are kept, 100 tokens each. Nobody honours a protocol that nobody knows."""
    run_folder.build(str(tmp_path))
    m = material.gather(str(tmp_path))
    found = licences_of(m).permissions
    assert found is not None
    shown = {p.policy: (p.documents, p.tokens, p.share) for p in found.policies}
    assert shown["any"] == (16, 1600, 1.0)
    assert shown["permissive-only"] == (8, 800, 0.5)
    assert shown["contract-only"] == (0, 0, 0.0)
    assert found.policies[0].policy == "any"
    column = [p.policy for p in found.policies].index("permissive-only")
    assert {d: (total.value, cells[column].value) for d, total, cells in found.matrix} == {
        "web": (800, 800),
        "prose": (800, 0),
    }


def test_the_policy_of_the_run_is_among_them(tmp_path: Path) -> None:
    run, own = str(tmp_path), str(tmp_path / "own.yaml")
    run_folder.build(run)
    storage.write_bytes(own, b"as_of: 2026-01-01\nallow: [unknown]\nroutes: [unknown]\n")
    path = f"{run}/mix/mix.yaml"
    mix = MixManifest.read(path).model_copy(update={"policy": own, "policy_digest": Policy.load(own).digest})
    mix.write(path)
    found = licences_of(material.gather(run)).permissions
    assert found is not None
    assert [(p.documents, p.tokens) for p in found.policies if p.policy.endswith("(this run's)")] == [(8, 800)]
    mix.model_copy(update={"policy_digest": "of another day"}).write(path)
    changed = licences_of(material.gather(run)).permissions
    assert changed is not None
    assert not [p for p in changed.policies if p.policy.endswith("(this run's)")]


def test_contradictions_and_what_waits_for_a_person(tmp_path: Path) -> None:
    run = str(tmp_path)
    run_folder.build(run, claims={9: ("CC-BY-NC-4.0", "footer"), 13: ("CC-BY-4.0", "mention")})
    found = licences_of(material.gather(run))
    assert found.conflicts is not None
    (conflict,) = found.conflicts
    assert (conflict.categories, conflict.documents, conflict.tokens) == (["noncommercial", "permissive"], 1, 100)
    assert conflict.concluded == "CC-BY-4.0: permissive"


def licences_of(m: material.Material) -> Licences:
    found = licence_section.of(m)
    assert found is not None
    return found


_FATES = st.tuples(
    st.sampled_from([f"s{i}" for i in range(14)]), st.sampled_from([None, *(f"r{i}" for i in range(14))])
)


@settings(deadline=None)
@given(st.lists(_FATES, max_size=60))
def test_every_document_flows_once(fates: list[tuple[str, str | None]]) -> None:
    drawn = flow.of(moves(fates))
    if drawn is None:
        assert not fates
        return
    assert sum(b.n for b in drawn.bands) == len(fates)
    assert sum(n.n for n in drawn.sources) == sum(n.n for n in drawn.outcomes) == len(fates)
    kept = sum(r is None for _, r in fates)
    assert [n.n for n in drawn.outcomes if n.name == flow.KEPT] == ([kept] if kept else [])
    assert max(len(drawn.sources), len(drawn.outcomes)) <= 11
    for column in (drawn.sources, drawn.outcomes):
        middles = [n.middle for n in column]
        assert all(b - a >= 20 for a, b in pairwise(middles)), "labels overlap"
        assert all(n.y >= 0 and n.y + n.height <= drawn.height + 1 for n in column)


def test_labels_of_rare_reasons_do_not_overlap() -> None:
    drawn = flow.of(moves([("web", None)] * 5000 + [("web", f"r{i}") for i in range(9)]))
    assert drawn is not None
    middles = [n.middle for n in drawn.outcomes]
    assert all(b - a >= 20 for a, b in pairwise(middles))


def test_pairs_are_shown_where_they_part(tmp_path: Path) -> None:
    run_folder.build(str(tmp_path))
    m = material.gather(str(tmp_path))
    found = duplicates.of(m)
    assert found is not None
    (pair,) = found.pairs
    assert {w for w, differs in pair.kept_words if differs} == {"9"}
    assert {w for w, differs in pair.dropped_words if differs} == {"11"}
    (near,) = found.apart
    assert (near.score, near.kept) == (0.5, pair.kept)
    assert (found.chained, found.blob) == (3, 4)
    assert {k.name: k.documents for k in found.kinds if k.documents} == {"exact": 1, "fuzzy": 1}
    assert [(s.name, s.clusters) for s in found.sizes] == [("3", 1)]
    assert found.scores is not None
    assert found.scores["pairs"].sum() == 1


def sharded(run: str, row: int) -> int:
    """A run whose shard holds one document, and its tokens."""
    run_folder.build(run)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend: Any = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    storage.write_bytes(f"{run}/models/tokenizer.json", backend.to_str().encode())
    text = run_folder.documents()[row].text
    tokens = np.array(backend.encode(text).ids, "<u2")
    storage.write_bytes(f"{run}/shards/olmo/part-00000.npy", tokens.tobytes())
    part = pa.array([f"documents/{run_folder.PART}.parquet"]).dictionary_encode()
    spans = {"start": [0], "end": [len(tokens)], "part": part, "row": pa.array([row], pa.int32())}
    storage.write_table(f"{run}/shards/olmo/part-00000.spans.parquet", pa.table(spans, schema=schemas.SPANS))
    return len(tokens)


@pytest.mark.parametrize("row", range(len(run_folder.HOSTILE_URLS)))
def test_a_hostile_document_is_followed_harmlessly(tmp_path: Path, row: int) -> None:
    sharded(str(tmp_path), row)
    found = provenance.of(material.gather(str(tmp_path))).followed
    assert found is not None
    assert found.link == "" or found.link.startswith("https://e.example/")
    assert "\u202e" not in found.before + found.after


def test_a_token_is_followed_home(tmp_path: Path) -> None:
    run = str(tmp_path)
    length = sharded(run, 13)
    text = run_folder.documents()[13].text
    report.write(run, f"{run}/r.html")
    html = (tmp_path / "r.html").read_text("utf-8")
    assert "One token, followed home" in html
    assert f"cuvee trace RUN shards/olmo/part-00000.npy:{length // 2}" in html
    assert "CC-BY-4.0 by link-rel (page)" in html
    before, after = (html.split("<mark>▸</mark>")[i] for i in (0, 1))
    around = before.rsplit("… ", 1)[1] + after.split(" …", 1)[0]
    assert " ".join(around.split()) in " ".join(text.split())
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["command"] in html.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
