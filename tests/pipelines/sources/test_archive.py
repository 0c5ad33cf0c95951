"""Archives under fire: whatever happens to a file, its whole records are given whole, and the rest is told."""

from __future__ import annotations

import gzip
import io
import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.sources.archive import Damage, NotAnArchive, Record, records


def warc(number: int, block: bytes, *, length: int | None = None) -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x:{number}>\r\nContent-Length: "
    return head.encode() + b"%d\r\n\r\n" % (len(block) if length is None else length) + block + b"\r\n\r\n"


def blocks(count: int, seed: int = 1) -> list[bytes]:
    make = random.Random(seed)
    return [make.randbytes(make.randrange(5, 900)) + b"WARC/ \r\n\r\n text" for _ in range(count)]


def read(data: bytes, limit: int = 10_000) -> list[Record | Damage]:
    try:
        return list(records(io.BytesIO(data), limit=limit))
    except NotAnArchive:
        return []


def whole(items: list[Record | Damage]) -> dict[str, bytes]:
    return {i.id: i.block for i in items if isinstance(i, Record)}


BLOCKS = blocks(12)
PLAIN = b"".join(warc(n, b) for n, b in enumerate(BLOCKS))
MEMBERS = [gzip.compress(warc(n, b), mtime=0) for n, b in enumerate(BLOCKS)]
TRUE = {f"urn:x:{n}": b for n, b in enumerate(BLOCKS)}


@pytest.mark.parametrize(
    "data",
    [PLAIN, b"".join(MEMBERS), gzip.compress(PLAIN), PLAIN.replace(b"\r\n\r\nWARC", b"\r\n\r\n\r\nWARC")],
    ids=["plain", "members", "one member", "blank lines"],
)
def test_records_are_given_whole(data: bytes) -> None:
    items = read(data)
    assert whole(items) == TRUE
    assert len(items) == len(TRUE)


def test_records_cut_into_several_members_are_joined() -> None:
    step = 300
    data = b"".join(gzip.compress(PLAIN[i : i + step]) for i in range(0, len(PLAIN), step))
    assert whole(read(data)) == TRUE


def test_offsets_and_lengths_are_those_of_the_file() -> None:
    for data in (PLAIN, b"".join(MEMBERS)):
        for item in read(data):
            assert isinstance(item, Record)
            part = data[item.offset : item.offset + item.length]
            assert whole(read(part)) == {item.id: item.block}
            again = next(iter(records(io.BytesIO(data), limit=10_000, start=item.offset)))
            assert again == item


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_member_harms_no_other(data: st.DataObject) -> None:
    hit = data.draw(st.integers(0, len(MEMBERS) - 1))
    member = bytearray(MEMBERS[hit])
    for _ in range(data.draw(st.integers(1, 20))):
        member[data.draw(st.integers(0, len(member) - 1))] = data.draw(st.integers(0, 255))
    start = data.draw(st.integers(0, len(member)))
    del member[start : start + data.draw(st.integers(0, 100))]
    items = read(b"".join([*MEMBERS[:hit], bytes(member), *MEMBERS[hit + 1 :]]))
    kept = whole(items)
    if hit == 0 and not items:
        return  # not recognised as an archive at all: an error of the file
    others = {k: v for k, v in TRUE.items() if k != f"urn:x:{hit}"}
    assert {k: kept.get(k) for k in others} == others
    assert len(items) >= len(TRUE) or bytes(member).strip(b"\0") == b""


@given(st.integers(1, len(PLAIN)), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_cut_file_keeps_what_was_before(cut: int, zipped: bool) -> None:
    data = b"".join(MEMBERS) if zipped else PLAIN
    items = read(data[:cut])
    kept = whole(items)
    assert all(TRUE[k] == v for k, v in kept.items())
    ends = [data.find(m) + len(m) for m in (MEMBERS if zipped else [warc(n, b) for n, b in enumerate(BLOCKS)])]
    assert len(kept) >= sum(end <= min(cut, len(data)) for end in ends)
    if cut < len(data) and cut not in ends and items:
        assert isinstance(items[-1], Damage) or cut in range(max(e for e in [0, *ends] if e <= cut + 4) - 4, len(data))


@given(st.integers(0, len(BLOCKS) - 1), st.integers(0, 10**18), st.booleans())
@example(0, 238, False)
@example(6, 38, False)
@settings(max_examples=100, deadline=None)
def test_a_length_that_lies_harms_no_other(hit: int, length: int, zipped: bool) -> None:
    parts = [warc(n, b, length=length if n == hit else None) for n, b in enumerate(BLOCKS)]
    reach = sum(map(len, parts[:hit])) + parts[hit].index(b"\r\n\r\n") + 4 + length
    if any(0 < end - reach <= 4 for end in itertools.accumulate(map(len, parts))):
        return  # it ends at a record's line ends: nothing tells it from one that holds an archive
    items = read(b"".join(gzip.compress(p) for p in parts) if zipped else b"".join(parts), limit=3000)
    kept = whole(items)
    others = {k: v for k, v in TRUE.items() if k != f"urn:x:{hit}"}
    assert {k: kept.get(k) for k in others} == others
    if abs(length - len(BLOCKS[hit])) > 4:  # that near, what lies between may be a line end
        assert any(isinstance(i, Damage) for i in items)


def test_a_bomb_is_passed_by_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.sources import segments

    monkeypatch.setattr(segments, "VAIN_BYTES", 1 << 22)
    bomb = gzip.compress(warc(50, bytes(1 << 24)), 9)
    items = read(b"".join([MEMBERS[0], bomb, MEMBERS[1]]), limit=1 << 16)
    assert whole(items) == {k: TRUE[k] for k in ("urn:x:0", "urn:x:1")}
    assert [i.reason for i in items if isinstance(i, Damage)] == ["record_too_large"]


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_end(data: bytes) -> None:
    read(data)
    read(b"WARC/1.0\r\n" + data)
    read(b"http://a/ 1.2.3.4 20200101000000 text/html 7\n" + data)
    read(gzip.compress(b"WARC/1.0\r\n" + data) + data)


@pytest.mark.parametrize("zipped", [True, False])
def test_arc_records(zipped: bool) -> None:
    head = b"filedesc://a.arc 0.0.0.0 20200101000000 text/plain 9\n1 0 Test\n"
    pages = [(f"http://a/{n} b", b"HTTP/1.0 200 OK\n\n" + b) for n, b in enumerate(BLOCKS)]
    parts = [head] + [f"{u} 1.2.3.4 20200102030405 text/html {len(b)}\n".encode() + b for u, b in pages]
    data = b"".join(gzip.compress(p + b"\n") for p in parts) if zipped else b"".join(p + b"\n" for p in parts)
    items = [i for i in read(data) if isinstance(i, Record)]
    assert [i.kind for i in items] == ["warcinfo"] + ["response"] * len(BLOCKS)
    assert [(i.url, i.block) for i in items[1:]] == pages
    assert str(items[1].date) == "2020-01-02 03:04:05+00:00"


@pytest.mark.parametrize("written", ["http://e.org/a<b>", "<http://e.org/a<b>>", " <http://e.org/a<b>> "])
def test_angle_brackets_around_a_url_are_none_of_it(written: str) -> None:
    assert Record(0, 0, {"warc-target-uri": written}).url == "http://e.org/a<b>"
