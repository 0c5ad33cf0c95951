"""Personal data: what is found, what is not, and that edits of it hold."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import pii
from manifests import edits


def found(value: str, kinds: tuple[pii.Kind, ...] = pii.KINDS) -> list[tuple[str, str]]:
    result = pii.find(pa.array([value]), kinds)
    raw = value.encode()
    assert [raw[a:b] for a, b in zip(result.start, result.end, strict=True)] == result.value
    return [(kind, value.decode()) for kind, value in zip(result.kind, result.value, strict=True)]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("write to jo.e+tag@mail.example.co.uk, please", "email", "jo.e+tag@mail.example.co.uk"),
        ("héllo <a_b@c-d.org>.", "email", "a_b@c-d.org"),
        ("https://a.org/users/jo@example.org/posts", "email", "jo@example.org"),
        ("https://a.org/p?mail=jo@example.org&x=1#y", "email", "jo@example.org"),
        ("From:'jo@example.org',", "email", "jo@example.org"),
        ("to o'brien@example.ie", "email", "o'brien@example.ie"),
        ("DNS at 8.8.8.8.", "ip", "8.8.8.8"),
        ("from ::ffff:8.8.8.8 now", "ip", "8.8.8.8"),
        ("over 2001:4860:4860::8888 now", "ip", "2001:4860:4860::8888"),
        ("call 5 times (212) 555-0123", "phone", "(212) 555-0123"),
        ("Tel. +44 20 7946 0958", "phone", "+44 20 7946 0958"),
        ("Tel. 030/901820-12", "phone", "030/901820-12"),
        ("Tel. 0123-4567-890", "phone", "0123-4567-890"),
        ("on 01-02-2003 call 01 23 45 67 89", "phone", "01 23 45 67 89"),
        ("card 4111 1111 1111 1111 expired", "card", "4111 1111 1111 1111"),
        ("card 378282246310005.", "card", "378282246310005"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "iban", "DE89 3704 0044 0532 0130 00"),
        ("to GB82WEST12345698765432", "iban", "GB82WEST12345698765432"),
        ("to FK88SC123456789012", "iban", "FK88SC123456789012"),
        ("to YE15CBYE0001018861234567891234", "iban", "YE15CBYE0001018861234567891234"),
        ("to HN88CABF00000000000250005469", "iban", "HN88CABF00000000000250005469"),
        ("key = AKIAIOSFODNN7EXAMPLE", "secret", "AKIAIOSFODNN7EXAMPLE"),
        ("api_key: 'f3Gd9sKq2LmZx8Vb7Nw1'", "secret", "f3Gd9sKq2LmZx8Vb7Nw1"),
        ("ghp_" + "a1B2" * 9, "secret", "ghp_" + "a1B2" * 9),
    ],
)
def test_what_is_found(value: str, kind: str, expected: str) -> None:
    assert found(value) == [(kind, expected)]


@pytest.mark.parametrize(
    "value",
    [
        "a@b and @home, or user@localhost", "10.0.0.1 and 192.168.1.1 and 127.0.0.1", "version 1.2.3.4.5", "999.1.1.1",
        "4111 1111 1111 1112", "0000 0000 0000 0000", "DE88 3704 0044 0532 0130 00", "2020-01-02 12:30:45",
        "ISBN 978-3-16-148410-0", "1,234,567.89", "3.14159265358979", "12:34:56",
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "2021-01-01 2022-02-02", "01/02/2003 04/05/2006", "on 01-02-2003 10:30", "05 11 2021",
        "ISSN 0028-0836, 0317-8471",
        "0001 0002 0003 0004", "DE89-3704-0044-0532-0130-01", "icon@2x.png, a@3x.webp",
        "WWN 50:06:01:60:3b:20:1e:5a", "ratio 1:2:3:4:5:6:7:8",
        "token: aaaaaaaaaaaaaaaa1", "the years 1914-1918 and 1939-1945", "",
    ],
)  # fmt: skip
def test_what_is_not(value: str) -> None:
    assert found(value) == []


def test_a_block_of_a_private_key_goes_as_a_whole() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7bq1\n" * 20 + "-----END RSA PRIVATE KEY-----"
    assert found(f"before\n{block}\nafter") == [("secret", block)]


def test_counts_are_per_text_and_only_of_the_kinds_asked_for() -> None:
    texts = pa.array(["a@b.org c@d.org", None, "8.8.8.8", "x"])
    counts = pii.find(texts).counts(4).to_pylist()
    assert [row["pii_email"] for row in counts] == [2, 0, 0, 0]
    assert [row["pii_ip"] for row in counts] == [0, 0, 1, 0]
    assert not pii.find(texts, ["phone"]).kind


@settings(deadline=None)  # the first call compiles
@given(
    st.lists(
        st.sampled_from(["a@b.org", "8.8.8.8", " ", "é", "漢", "4111111111111111", "+44 20 7946 0958", "x", "\n"]),
        max_size=20,
    )
)
def test_redacted_texts_hold_nothing_of_the_kind(pieces: list[str]) -> None:
    value = " ".join(pieces)
    texts = pa.array([value, value])
    first = pii.find(texts)
    shown = [pii.redacted(kind) for kind in first.kind]
    cut = edits.table(2, first.row, first.start, first.end, shown, first.kind)
    view = edits.apply(texts, [cut["edits"]]).texts
    assert view[0].as_py() == view[1].as_py()
    assert not re.search(r"[a-z]@b\.org", view[0].as_py())
    assert not pii.find(view, ["card", "phone"]).kind


def test_stand_ins_are_consistent_and_nobodys() -> None:
    one, again = pii.stand_in("email", b"Jo@x.org", "7"), pii.stand_in("email", b"jo@X.org", "7")
    assert one == again
    assert one.endswith("@example.org")
    assert pii.stand_in("email", b"jo@x.org", "8") != one
    assert pii.stand_in("ip", b"8.8.8.8", "").startswith("203.0.113.")
    assert re.fullmatch(r"\+1 202-555-01\d\d", pii.stand_in("phone", b"+1", ""))
    assert re.fullmatch(r"\[CARD-[0-9a-f]{8}\]", pii.stand_in("card", b"4", ""))


def test_many_in_one_text_take_linear_time() -> None:
    assert len(pii.find(pa.array(["a@b.org " * 20_000])).kind) == 20_000
