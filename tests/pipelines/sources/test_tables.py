"""JSON lines, Parquet and plain text: what is good is kept, what is bad is named, whatever the input."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from manifests import storage
from manifests.documents import Document, Reject
from pipelines.recipe import Source
from pipelines.sources import SourceError, SourceFile, jsonl, reader

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def stored(path: Path, data: bytes) -> SourceFile:
    path.write_bytes(data)
    return SourceFile(str(path), path.name, len(data), storage.digest(str(path)))


def source(kind: str, **options: Any) -> Source:
    return Source.model_validate({"name": "s", "kind": kind, "paths": ["x"], **options})


def everything(file: SourceFile, given: Source) -> tuple[list[Document], list[Reject]]:
    module = reader(given.kind)
    items = [i for start, end in module.ranges(file) for i in module.read(file, start, end, given, {})]
    return [i for i in items if isinstance(i, Document)], [i for i in items if isinstance(i, Reject)]


def lines(*rows: Any) -> bytes:
    return b"".join(r + b"\n" if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in rows)


def test_unknown_kind_is_named() -> None:
    with pytest.raises(SourceError, match="'csv'"):
        reader("csv")


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_jsonl_fields_and_offsets(tmp_path: Path, suffix: str) -> None:
    plain = lines(
        {"id": 7, "text": "Ünïcode", "url": "http://a/", "title": "T", "license": "MIT"},
        {"text": "no id", "license": ["Apache-2.0", "MIT"]},
    )
    documents, rejects = everything(stored(tmp_path / f"x.jsonl{suffix}", COMPRESSORS[suffix](plain)), source("jsonl"))
    assert not rejects
    first, second = documents
    assert (first.locator, first.text, first.url, first.title) == ("7", "Ünïcode", "http://a/", "T")
    assert [(c.expression, c.kind, c.scope, c.raw) for c in first.claims] == [("MIT", "metadata", "text", "MIT")]
    assert json.loads(plain[second.offset :][: second.length])["text"] == "no id"
    assert second.locator == f"x.jsonl{suffix}:{second.offset}"
    assert [c.expression for c in second.claims] == ["Apache-2.0", "MIT"]


def test_jsonl_bad_lines_are_rejects_and_reading_goes_on(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + lines(
        {"text": "first"},
        b"{broken",
        b'{"text": "\xff\xfe"}',
        b"",
        b"[1, 2]",
        {"text": ""},
        {"text": None},
        {"text": 5},
        {"other": 1},
        b'{"text": "\\ud800 alone"}',
        b"[" * 100_000,
        b'{"text": "big", "n": ' + b"1" * 10_000 + b"}",
        {"text": "well", "id": "\ud800"},
        {"text": "last", "title": "\ud800"},
    )
    documents, rejects = everything(stored(tmp_path / "x.jsonl", data), source("jsonl"))
    assert [d.text for d in documents] == ["first", "last"]
    assert [r.reason for r in rejects] == [
        *("bad_json", "bad_utf8", "bad_json", "no_text", "no_text", "no_text", "no_text"),
        *("bad_utf8", "bad_json", "bad_json", "bad_utf8"),
    ]
    assert rejects[0].detail.startswith("line 2:")
    assert data[rejects[0].offset :].startswith(b"{broken")
    for item in (*documents, *rejects):
        repr(item).encode()


def test_a_long_line_is_passed_without_holding_it(tmp_path: Path) -> None:
    import tracemalloc

    row = b'{"text": "' + b"x" * 50_000_000 + b'"}'
    file = stored(tmp_path / "x.jsonl.gz", gzip.compress(lines({"text": "before"}, row, {"text": "after"}), 1))
    tracemalloc.start()
    documents, rejects = everything(file, source("jsonl", max_record_bytes=1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [d.text for d in documents] == ["before", "after"]
    assert [(r.reason, r.length) for r in rejects] == [("line_too_long", len(row) + 1)]
    assert peak < 12_000_000


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_of_exactly_the_limit_is_kept(tmp_path: Path, end: bytes) -> None:
    row = b'{"text": "' + b"x" * 2000 + b'"}'
    documents, rejects = everything(stored(tmp_path / "x", row + end), source("jsonl", max_record_bytes=len(row)))
    assert len(documents) == 1
    assert not rejects
    documents, rejects = everything(stored(tmp_path / "x", row + end), source("jsonl", max_record_bytes=len(row) - 1))
    assert [r.reason for r in rejects] == ["line_too_long"]


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_ranges_hold_each_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    data = lines(*({"text": f"line {i} " + "é" * (i % 50)} for i in range(60)))
    file = stored(tmp_path / "x.jsonl", data)
    whole, _ = everything(file, source("jsonl"))
    monkeypatch.setattr(jsonl, "_RANGE", size)
    split, rejects = everything(file, source("jsonl"))
    assert len(jsonl.ranges(file)) > 1
    assert split == whole
    assert not rejects


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_comes_before_a_cut_is_kept(tmp_path: Path, suffix: str) -> None:
    one, two = (lines(*({"text": f"{part} {i * 7919 % 1009}"} for i in range(3000))) for part in "ab")
    compress = COMPRESSORS[suffix]
    cut = compress(one) + compress(two)[:-200]
    documents, rejects = everything(stored(tmp_path / f"x.jsonl{suffix}", cut), source("jsonl"))
    assert [d.text for d in documents[:3000]] == [json.loads(line)["text"] for line in one.splitlines()]
    assert [r.reason for r in rejects][-1:] == ["truncated"]
    damaged = bytearray(compress(one))
    damaged[len(damaged) // 2] ^= 0xFF
    _, rejects = everything(stored(tmp_path / f"y.jsonl{suffix}", bytes(damaged)), source("jsonl"))
    assert rejects


def test_wrong_column_names_what_is_there(tmp_path: Path) -> None:
    file = stored(tmp_path / "x.jsonl", lines({"body": "b", "id": 1}))
    with pytest.raises(SourceError, match=r"x\.jsonl: no column 'text' for the text; it has: body, id"):
        everything(file, source("jsonl"))
    assert len(everything(file, source("jsonl", columns={"text": "body"}))[0]) == 1
    with pytest.raises(SourceError, match="'page' for the url"):
        everything(file, source("jsonl", columns={"text": "body", "url": "page"}))
    many = stored(tmp_path / "y.jsonl", lines(*({"body": i} for i in range(5000))))
    reading = jsonl.read(many, 0, many.size, source("jsonl"), {})
    assert len(list(itertools.islice(reading, 999))) == 999
    with pytest.raises(SourceError):
        next(reading)


def parquet(path: Path, table: pa.Table, rows: int = 3) -> SourceFile:
    pq.write_table(table, path, row_group_size=rows)
    return SourceFile(str(path), path.name, path.stat().st_size, "")


def test_parquet_rows_and_row_groups(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array(["a", None, " ", "dé", "e"] + ["f"] * 5).dictionary_encode(),
            "id": range(10),
            "license": [["MIT"]] * 10,
        }
    )
    file = parquet(tmp_path / "x.parquet", table)
    assert reader("parquet").ranges(file) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    documents, rejects = everything(file, source("parquet"))
    assert [(d.locator, d.text, d.offset) for d in documents[:3]] == [("0", "a", 0), ("3", "dé", 3), ("4", "e", 4)]
    assert [(r.reason, r.offset, r.locator) for r in rejects] == [("no_text", 1, "1"), ("no_text", 2, "2")]
    assert documents[0].claims[0].expression == "MIT"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()])
def test_parquet_of_invalid_utf8(tmp_path: Path, kind: pa.DataType) -> None:
    raw = pa.array([b"good", b"\xff\xfebad", b"fine", None], pa.binary())
    if pa.types.is_string_view(kind):
        column = raw.cast(pa.binary_view()).view(kind)
    elif pa.types.is_large_string(kind):
        column = raw.cast(pa.large_binary()).view(kind)
    else:
        column = raw.view(kind)
    documents, rejects = everything(parquet(tmp_path / "x.parquet", pa.table({"text": column})), source("parquet"))
    assert [d.text for d in documents] == ["good", "fine"]
    assert [r.reason for r in rejects] == ["bad_utf8", "no_text"]
    assert documents[1].locator == "x.parquet:2"


def test_parquet_of_invalid_utf8_in_a_dictionary(tmp_path: Path) -> None:
    words = pa.array([b"good", b"\xff\xfebad"], pa.binary()).view(pa.string())
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), words)
    documents, rejects = everything(parquet(tmp_path / "x.parquet", pa.table({"text": column})), source("parquet"))
    assert [d.text for d in documents] == ["good", "good"]
    assert [r.reason for r in rejects] == ["bad_utf8"]


def test_parquet_ids_of_any_type_tell_rows_apart(tmp_path: Path) -> None:
    of = {
        "binary": pa.array([b"\xff\xfe", b"\xfe\xff", b"plain"]),
        "uuid": pa.array([bytes([128 + i] * 16) for i in range(3)], pa.binary(16)),
        "decimal": pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal128(20, 2)),
        "far": pa.array([2**30, 2**30 + 1, 2**30 + 2], pa.date32()),
    }
    found = {}
    for name, ids in of.items():
        file = parquet(tmp_path / f"{name}.parquet", pa.table({"text": ["a", "b", "c"], "id": ids}))
        documents, rejects = everything(file, source("parquet"))
        assert not rejects
        found[name] = [d.locator for d in documents]
    assert found["binary"] == ["fffe", "feff", "plain"]
    assert found["uuid"] == ["80" * 16, "81" * 16, "82" * 16]
    assert found["decimal"] == ["1.00", "2.00", "3.00"]
    assert found["far"] == [f"far.parquet:{i}" for i in range(3)]  # no date Python has: known by their place


def test_parquet_with_a_column_twice(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array(["c"])], names=["text", "text", "x"])
    with pytest.raises(SourceError, match=r"x\.parquet has more than one column 'text'"):
        everything(parquet(tmp_path / "x.parquet", table), source("parquet"))


def test_parquet_wrong_column_type_size_and_damage(tmp_path: Path) -> None:
    file = parquet(tmp_path / "x.parquet", pa.table({"text": [1], "body": ["x" * 2000]}))
    with pytest.raises(SourceError, match="holds int64, not text"):
        everything(file, source("parquet"))
    with pytest.raises(SourceError, match="'content'"):
        everything(file, source("parquet", columns={"text": "content"}))
    _, rejects = everything(file, source("parquet", columns={"text": "body"}, max_record_bytes=1024))
    assert [r.reason for r in rejects] == ["record_too_large"]
    for name, data in {"cut": Path(file.uri).read_bytes()[:-30], "not": b"PAR1 no", "empty": b""}.items():
        with pytest.raises(SourceError, match=f"{name} cannot be read as Parquet"):
            everything(stored(tmp_path / name, data), source("parquet"))
    table = pa.table({"text": [f"{i * 7919}" * 20 for i in range(2000)]})
    file = parquet(tmp_path / "y.parquet", table, 1000)
    good = Path(file.uri).read_bytes()
    documents, rejects = everything(
        stored(tmp_path / "y.parquet", good[:200] + bytes(200) + good[400:]), source("parquet")
    )
    assert "corrupt" in {r.reason for r in rejects}
    assert [d.offset for d in documents][-1000:] == list(range(1000, 2000))


def test_plain_text(tmp_path: Path) -> None:
    cases = {
        "good.txt": ("Grüße\n".encode(), None),
        "mark.txt": (b"\xef\xbb\xbfhello", None),
        "wide.txt": ("\ufeffhello".encode("utf-16-le"), None),
        "zipped.txt.gz": (gzip.compress(b"hello"), None),
        "latin.txt": ("Grüße".encode("latin-1"), "bad_utf8"),
        "binary.bin": (b"\x7fELF\0\0", "binary"),
        "empty.txt": (b"", "no_text"),
        "blank.txt": (b" \n\n", "no_text"),
        "large.txt": (b"x" * 2000, "record_too_large"),
        "bomb.gz": (gzip.compress(b"\0" * 50_000_000), "record_too_large"),
        "padded.gz": (gzip.compress(b"one ") + bytes(9) + gzip.compress(b"two") + bytes(512), None),
        "cut.gz": (gzip.compress(b"hello" * 100)[:-9], "truncated"),
    }
    for name, (data, reason) in cases.items():
        documents, rejects = everything(stored(tmp_path / name, data), source("text", max_record_bytes=1024))
        assert [r.reason for r in rejects] == ([reason] if reason else []), name
        assert [d.locator for d in documents] == ([] if reason else [name])
    assert everything(stored(tmp_path / "w", cases["wide.txt"][0]), source("text"))[0][0].text == "hello"


def test_a_compressed_text_is_read_no_further_than_its_limit(tmp_path: Path) -> None:
    import tracemalloc

    file = stored(tmp_path / "bomb.gz", gzip.compress(b"x" * 100_000_000, 1))
    tracemalloc.start()
    _, rejects = everything(file, source("text", max_record_bytes=1024))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.reason for r in rejects] == ["record_too_large"]
    assert peak < 12_000_000


def test_text_with_a_licence_in_its_head(tmp_path: Path) -> None:
    file = stored(tmp_path / "a.py", b"# SPDX-License-Identifier: Apache-2.0\nprint()\n")
    (document,), _ = everything(file, source("text"))
    assert [c.expression for c in document.claims] == ["Apache-2.0"]
