"""The same promises in every place for files: a local folder, and a real S3 server."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from manifests import receipts, storage
from manifests.storage import retry
from tests.object_store import BUCKET, Faults, Server, environment, forget_clients, serving


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else str(request.getfixturevalue("bucket"))


def test_what_is_written_is_read(place: str) -> None:
    uri = storage.join(place, "a", "b.bin")
    assert not storage.exists(uri)
    assert not storage.is_file(uri)
    storage.write_bytes(uri, b"grapes")
    assert storage.read_bytes(uri) == b"grapes"
    assert storage.size(uri) == 6
    assert storage.digest(uri) == hashlib.blake2b(b"grapes", digest_size=16).hexdigest()
    assert storage.exists(storage.join(place, "a"))
    assert not storage.is_file(storage.join(place, "a"))
    storage.write_bytes(uri, b"must")
    assert storage.read_bytes(uri) == b"must"
    storage.remove(uri)
    storage.remove(uri)
    assert not storage.exists(uri)
    with pytest.raises(FileNotFoundError):
        storage.read_bytes(uri)
    with pytest.raises(FileNotFoundError):
        storage.size(uri)


def test_names_are_listed_in_order(place: str) -> None:
    for name in ("x/2.json", "x/1.json", "x/deep/3.json", "x/notes.txt", "y z/Ω[1].json"):
        storage.write_bytes(storage.join(place, name), b"{}")
    assert storage.list_files(storage.join(place, "x"), "*.json") == [f"{place}/x/1.json", f"{place}/x/2.json"]
    assert [e.size for e in storage.entries(storage.join(place, "x"), "*.txt")] == [2]
    deep = storage.list_files(storage.join(place, "x"), "*.json", recursive=True)
    assert deep == [f"{place}/x/1.json", f"{place}/x/2.json", f"{place}/x/deep/3.json"]
    assert storage.list_folders(place) == ["x", "y z"]
    assert storage.list_files(storage.join(place, "y z")) == [f"{place}/y z/Ω[1].json"]
    assert storage.list_files(storage.join(place, "absent")) == []
    assert storage.list_folders(storage.join(place, "absent")) == []


def test_a_file_is_there_whole_or_not_at_all(place: str) -> None:
    uri = storage.join(place, "half.bin")

    class Interrupted(Exception):
        pass

    for writer in (storage.open_output, storage.replacing):
        with pytest.raises(Interrupted), writer(uri) as out:  # noqa: PT012  the block is what is tested
            (out.write_bytes if isinstance(out, Path) else out.write)(b"half")
            raise Interrupted
    assert storage.list_files(place) == []


def test_tables_keep_their_footer(place: str) -> None:
    uri = storage.join(place, "t.parquet")
    table = pa.table({"n": np.arange(200_000), "text": ["must"] * 200_000})
    storage.write_table(uri, table, {"cuvee.rows": "200000"})
    assert storage.read_metadata(uri) == {"cuvee.rows": "200000"}
    assert storage.read_table(uri, ["n"]).equals(table.select(["n"]))


def test_rows_of_a_table_are_those_of_the_whole(place: str) -> None:
    names = pa.array(["a", "b"]).dictionary_encode()
    table = pa.table({"n": pa.array(range(140_000), pa.int32()), "name": pa.concat_arrays([names] * 70_000)})
    uri = storage.join(place, "long.parquet")
    storage.write_table(uri, table)
    for first, count in ((0, 3), (65_535, 2), (65_536, 65_536), (100, 139_900), (139_999, 1), (7, 0), (0, 0)):
        found = storage.read_rows(uri, first, count)
        assert found.equals(table.slice(first, count).replace_schema_metadata(found.schema.metadata)), (first, count)
    assert storage.read_rows(uri, 5, 2, ["n"])["n"].to_pylist() == [5, 6]
    storage.write_table(uri, table.slice(0, 0))
    assert storage.read_rows(uri, 0, 0).num_rows == 0


def test_a_damaged_table_is_named(place: str) -> None:
    uri = storage.join(place, "t.parquet")
    storage.write_table(uri, pa.table({"n": [1, 2]}))
    whole = storage.read_bytes(uri)
    for data in (b"", b"junk", whole[:-20], whole[:50] + whole[-4:]):
        storage.write_bytes(uri, data)
        for read in (
            storage.read_table,
            lambda u: storage.read_rows(u, 0, 1),
            storage.read_metadata,
            storage.rows,
            storage.open_parquet,
        ):
            with pytest.raises(storage.Damaged, match=r"/t\.parquet: damaged") as error:
                read(uri)
            assert "\n" not in str(error.value)


def test_any_range_of_a_large_file(place: str) -> None:
    """Larger than one PUT and than what is read ahead."""
    data = np.random.default_rng(3).bytes(70 << 20)
    uri = storage.join(place, "large.bin")
    with storage.replacing(uri) as path:
        path.write_bytes(data)
    assert storage.digest(uri) == hashlib.blake2b(data, digest_size=16).hexdigest()
    with storage.open_input(uri) as f:
        for start, length in ((0, 10), (69 << 20, 2 << 20), (12_345_678, 9 << 20), (5, 0)):
            f.seek(start)
            assert f.read(length) == data[start : start + length]
        f.seek(-7, 2)
        assert f.read() == data[-7:]
    with storage.on_this_machine(uri) as path:
        assert path.read_bytes() == data


def test_a_range_ends_with_the_file(place: str) -> None:
    uri = storage.join(place, "must.bin")
    storage.write_bytes(uri, b"grapes")
    assert [storage.read_range(uri, *r) for r in ((0, 3), (4, 9), (6, 1), (2, 0))] == [b"gra", b"es", b"", b""]
    storage.write_bytes(uri, b"")
    assert storage.read_bytes(uri) == storage.read_range(uri, 0, 5) == b""
    with pytest.raises(FileNotFoundError):
        storage.read_range(storage.join(place, "absent"), 0, 5)


def test_what_reading_and_writing_ask_of_a_store(bucket: str, faulty: Faults) -> None:
    """Requests are money: a small file comes with the one that opens it, a large one says its size with its start."""

    def asked(work: Callable[[], object]) -> list[str]:
        faulty.requests.clear()
        work()
        return sorted(what for what, _ in faulty.requests.elements())

    small, large = storage.join(bucket, "t.parquet"), storage.join(bucket, "large.bin")
    table = pa.table({"n": np.arange(1000)})
    assert asked(lambda: storage.write_table(small, table, {"cuvee.rows": "1000"})) == ["PUT"]
    assert asked(lambda: storage.read_table(small)) == ["GET"]
    assert asked(lambda: storage.read_metadata(small)) == ["GET"]
    assert asked(lambda: storage.read_bytes(small)) == ["GET"]
    assert asked(lambda: receipts.output(bucket, "t.parquet")) == ["HEAD"]
    storage.write_bytes(large, bytes(3 << 20))
    assert asked(lambda: storage.read_bytes(large)) == ["GET", "GET"]
    assert asked(lambda: storage.read_range(large, 2 << 20, 1000)) == ["GET"]


def test_a_file_that_changes_while_it_is_read_is_noticed(bucket: str) -> None:
    uri = storage.join(bucket, "large.bin")
    storage.write_bytes(uri, bytes(3 << 20))
    with storage.open_input(uri) as f:
        assert f.read(5) == bytes(5)
        storage.write_bytes(uri, b"\1" * (3 << 20))
        with pytest.raises(storage.Contested):
            f.read()


def test_pauses_outlast_a_minute_and_begin_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)  # the luckiest draws
    assert sum(map(retry.pause, range(1, retry.ATTEMPTS))) > 60
    monkeypatch.setattr(random, "random", lambda: 1.0)  # the unluckiest
    pauses = list(map(retry.pause, range(1, retry.ATTEMPTS)))
    assert pauses == sorted(pauses)
    assert max(pauses) <= 20
    assert sum(p / 2**n for n, p in enumerate(pauses, 1)) < 0.03  # a request that is refused every other time


def test_a_conditional_write_has_one_winner(bucket: str) -> None:
    store, uri = storage.leasing(bucket), storage.join(bucket, "lock")
    first = store.put_if(uri, b"1", "")
    with pytest.raises(storage.Contested):
        store.put_if(uri, b"2", "")
    second = store.put_if(uri, b"2", first)
    with pytest.raises(storage.Contested):
        store.put_if(uri, b"3", first)
    storage.remove(uri)
    with pytest.raises(storage.Contested):
        store.put_if(uri, b"3", second)


def test_bodies_cut_short_and_503s_are_survived(bucket: str, faulty: Faults) -> None:
    data = np.random.default_rng(4).bytes(1 << 20)
    faulty.unavailable, faulty.cut = 0.4, 0.4
    for n in range(8):
        uri = storage.join(bucket, f"{n}.bin")
        storage.write_bytes(uri, data)
        assert storage.read_bytes(uri) == data
    assert len(storage.list_files(bucket)) == 8
    assert faulty.refused
    assert faulty.shortened


@pytest.mark.slow
def test_a_store_that_is_away_for_a_while_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as server:
        for name, value in environment(server.endpoint).items():
            monkeypatch.setenv(name, value)
        forget_clients()
        uri = f"s3://{BUCKET}/a.bin"
        storage.write_bytes(uri, b"grapes")
        server.stop()
        returning = threading.Timer(2.0, server.start)
        returning.start()
        assert storage.read_bytes(uri) == b"grapes"
        returning.join()
    monkeypatch.undo()
    forget_clients()


def test_what_is_wrong_is_said_in_one_line(store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(storage.StorageError, match="no such bucket"):
        storage.check("s3://never-made/x")
    with pytest.raises(storage.StorageError, match="names no bucket"):
        storage.check("s3:///x")
    with pytest.raises(storage.StorageError, match="unknown kind of address"):
        storage.read_bytes("ftp://host/x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    forget_clients()
    with pytest.raises(storage.StorageError, match="AWS_SECRET_ACCESS_KEY"):
        storage.check(f"s3://{BUCKET}/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    forget_clients()
    with pytest.raises(storage.StorageError, match=r"does not answer at http://127\.0\.0\.1:9"):
        storage.check(f"s3://{BUCKET}/x")
    monkeypatch.undo()
    forget_clients()
