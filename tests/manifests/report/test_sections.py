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
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from manifests import report, schemas, storage
from manifests.mix import MixDomain, MixManifest, MixMetric
from manifests.report import data, findings, flow, permissions
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


def frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {
        "source": pl.String,
        "keep": pl.Boolean,
        "reason": pl.String,
        "licence_class": pl.String,
        "reserved": pl.Boolean,
        "tokens": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


EMPTY = frame([])


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
    found = findings.of({}, EMPTY, manifest(predicted, sd, epochs), {})
    assert [(f.level, f.headline) for f in found] == said


def test_failures_silence_reservations_and_gaps_are_found() -> None:
    rows = [("web", True, None, "permissive", i == 0, 10) for i in range(19)]
    documents = frame([*rows, ("web", True, None, "unknown", False, 10), ("web", False, "x", "unknown", True, None)])
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


def test_policies_side_by_side() -> None:
    documents = frame(
        [
            ("web", True, None, "permissive", False, 50),
            ("web", True, None, "permissive", True, 20),
            ("web", True, None, "copyleft", False, 20),
            ("web", True, None, "unknown", False, 10),
            ("web", False, "x", "permissive", False, None),
        ]
    )
    found = {p.policy: (p.documents, p.tokens, p.share) for p in permissions.of(documents)}
    expected = {"any": (4, 100, 1.0), "copyleft-ok": (2, 70, 0.7), "permissive-only": (1, 50, 0.5)}
    assert {name: found[name] for name in expected} == expected
    assert found["contract-only"] == (0, 0, 0.0)
    assert permissions.of(EMPTY) == []


_FATES = st.tuples(
    st.sampled_from([f"s{i}" for i in range(14)]), st.sampled_from([None, *(f"r{i}" for i in range(14))])
)


@given(st.lists(_FATES, max_size=60))
def test_every_document_flows_once(fates: list[tuple[str, str | None]]) -> None:
    drawn = flow.of(frame([(s, r is None, r, None, None, None) for s, r in fates]))
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
    rows = [("web", True, None, None, None, None)] * 5000 + [
        ("web", False, f"r{i}", None, None, None) for i in range(9)
    ]
    drawn = flow.of(frame(rows))
    assert drawn is not None
    middles = [n.middle for n in drawn.outcomes]
    assert all(b - a >= 20 for a, b in pairwise(middles))


def test_pairs_are_shown_where_they_part(tmp_path: Path) -> None:
    run_folder.build(str(tmp_path))
    found = data.gather(str(tmp_path)).duplicates
    assert found is not None
    (pair,) = found.pairs
    assert {w for w, differs in pair.kept_words if differs} == {"9"}
    assert {w for w, differs in pair.dropped_words if differs} == {"11"}
    (near,) = found.apart
    assert (near.score, near.kept.id, near.kind) == (0.5, pair.kept.id, "apart")
    assert (found.chained, found.blob, found.exact, found.fuzzy, found.url) == (3, 4, 1, 1, 0)


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
    found = data.gather(str(tmp_path)).followed
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
