"""Reviews and their file: what is refused, what survives, and what two reviewers at once leave behind."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import reviews
from manifests.documents import Claim
from manifests.licences import ALLOWED, DENIED, conclude
from manifests.policy import Policy
from manifests.reviews import Book, Review
from manifests.signatures import Signature, Statement

TIME = "2026-11-25T12:00:00+00:00"


def made(**fields: Any) -> Review:
    given_fields = {"action": "deny", "scope": "host", "value": "example.org", "reviewer": "ada", "reason": "a letter"}
    return Review(**{**given_fields, "time": TIME, **fields})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"action": "maybe"}, "action 'maybe'; it can be allow, deny, licence, withdraw"),
        ({"scope": "planet"}, "it can be document, host, signature"),
        ({"scope": "document", "value": "xyz"}, "'xyz' is not a document's id: 32 hexadecimal digits"),
        ({"scope": "signature", "value": "A" * 16}, "16 hexadecimal digits"),
        ({"value": "example.org/blog"}, "is not a host alone"),
        ({"value": "com"}, "'com' is a public suffix"),
        ({"value": "https://co.uk/"}, "is a public suffix"),
        ({"value": "a b"}, "names no host"),
        ({"reason": " "}, "the reason is empty"),
        ({"reviewer": ""}, "the reviewer is empty"),
        ({"reason": "x" * 2001}, "reason has 2,001 characters, limit 2,000"),
        ({"licence": "MIT"}, "a licence goes with the action licence"),
        ({"action": "licence"}, "a licence goes with the action licence"),
        ({"action": "licence", "licence": "Own"}, "'Own' is no licence known"),
        ({"action": "licence", "licence": ALLOWED}, "use the actions allow and deny"),
        ({"time": "yesterday"}, "'yesterday' is no time"),
        ({"time": "2026-11-25T12:00:00+02:00"}, "is not in UTC"),
        ({"value": 7}, "value is not text"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        made(**fields)


def test_a_person_s_word_comes_first_and_the_licence_stays() -> None:
    found = Signature((Statement("CC-BY-SA-4.0", "footer-link", "page", 0.9),), route="shadow-library")
    policy = Policy.load("permissive-only")
    for action, wanted in (("allow", "allow"), ("deny", "deny")):
        claim = made(action=action).claim()
        assert claim is not None
        claims = (*found.claims, Statement(claim.expression, claim.kind, claim.scope, claim.confidence))
        decision = policy.decide(Signature(claims, route="shadow-library"))
        assert (decision.action, decision.expression) == (wanted, "CC-BY-SA-4.0")
        assert decision.obligations == (("attribution", "share-alike") if wanted == "allow" else ())
    assert made(action="withdraw").claim() is None
    stated = made(action="licence", licence="apache 2.0").claim()
    assert stated is not None
    assert stated.expression == "Apache-2.0"
    weaker = [Claim("CC-BY-4.0", "contract", "text"), Claim(DENIED, "human", "text", confidence=1.0)]
    assert conclude(weaker)[0] == "CC-BY-4.0"


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    uri = str(tmp_path / "deep/decisions.jsonl")
    first = made(reason="line\nbreak, \u2028 and “quotes”")
    earlier = made(action="allow", time="2020-01-01T00:00:00Z")
    assert reviews.append(uri, [first]) == [first]
    (second,) = reviews.append(uri, [earlier])
    assert second.time == first.time, "a clock that went back does not make the later decision the earlier"
    book = Book.read(uri, str(tmp_path / "absent"))
    assert book.reviews == (first, second)
    assert book.current == (second,)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{broken", "Expecting"),
        (b'"text"', "not an object"),
        (b'{"action": "deny"}', "scope is missing"),
        (b'{"acton": "deny"}', "unknown key 'acton'"),
        (b"\xff\xfe", "utf-8"),
        (b"[" * 100_000, ""),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, says: str) -> None:
    path = tmp_path / "decisions.jsonl"
    good = json.dumps(made().as_dict()).encode()
    path.write_bytes(good + b"\n\n" + line)
    for ask in (lambda: Book.read(str(path)), lambda: reviews.append(str(path), [made()])):
        with pytest.raises(ValueError, match=rf"decisions.jsonl:3: no review: .*{says}") as error:
            ask()
        assert "\n" not in str(error.value)
    assert path.read_bytes() == good + b"\n\n" + line


def _decide(uri: str, who: int, count: int) -> None:
    for i in range(count):
        reviews.append(uri, [made(reviewer=f"r{who}", reason=f"reason {i}")])


def test_two_reviewers_at_once_lose_nothing(tmp_path: Path) -> None:
    uri = str(tmp_path / "decisions.jsonl")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_decide, args=(uri, who, 25)) for who in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    found = Book.read(uri).reviews
    assert sorted((r.reviewer, r.reason) for r in found) == sorted(
        (f"r{who}", f"reason {i}") for who in range(4) for i in range(25)
    )


def test_a_killed_reviewer_leaves_whole_lines_and_no_lock(tmp_path: Path) -> None:
    uri = str(tmp_path / "decisions.jsonl")
    context = multiprocessing.get_context("fork")
    for n in range(4):
        process = context.Process(target=_decide, args=(uri, n, 10_000))
        process.start()
        while len(Book.read(uri)) < 5 * (n + 1):
            time.sleep(0.01)
        process.kill()
        process.join()
        before = [r for r in Book.read(uri).reviews if r.reviewer == f"r{n}"]
        assert [r.reason for r in before] == [f"reason {i}" for i in range(len(before))]
    reviews.append(uri, [made(reviewer="last")])
    assert Book.read(uri).reviews[-1].reviewer == "last"


def test_two_reviewers_at_once_on_an_object_store(bucket: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    uri = f"{bucket}/reviews/decisions.jsonl"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda who: _decide(uri, who, 4), range(4)))
    assert len(Book.read(uri)) == 16


_HOSTS = ["example.org", "a.example.org", "b.a.example.org", "example.org:8080", "other.net", "::1", "10.0.0.1"]
_LABELS = ["org,example", "org,example,a", "org,example,a,b", "org,example:8080", "net,other", "::1", "10.0.0.1", "~"]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("host"), st.sampled_from(["example.org", "a.example.org", "example.org:8080", "[::1]"])),
            st.tuples(st.just("document"), st.sampled_from(["0" * 32, "1" * 32])),
            st.tuples(st.just("signature"), st.sampled_from(["a" * 16, "b" * 16])),
        ),
        max_size=8,
    ),
    st.lists(
        st.tuples(st.sampled_from(["0" * 32, "1" * 32, "2" * 32]), st.sampled_from(_LABELS),
                  st.sampled_from(["a" * 16, "b" * 16, "c" * 16])),
        max_size=12,
    ),
)  # fmt: skip
def test_the_latest_that_meets_a_document_counts(
    decided: list[tuple[str, str]], documents: list[tuple[str, str, str]]
) -> None:
    import polars as pl

    book = Book(tuple(made(scope=s, value=v, reason=f"{i}") for i, (s, v) in enumerate(decided)))

    def meets(review: Review, document: str, host: str, signature: str) -> bool:
        scope, value = review.target
        if scope == "host":
            return host == value or host.startswith(f"{value},") or (host.startswith(f"{value}:") and value != ":")
        return value == (document if scope == "document" else signature)

    columns = [pl.Series([d[i] for d in documents], dtype=pl.String) for i in range(3)]
    found = book.latest(documents=columns[0], hosts=columns[1], signatures=columns[2])
    for (document, host, signature), place in zip(documents, found.tolist(), strict=True):
        all_met = [r for r in book.reviews if meets(r, document, host, signature)]
        assert (book.current[place] if place >= 0 else None) == (all_met[-1] if all_met else None)
        assert book.met(document=document, host=host, signature=signature) == all_met
