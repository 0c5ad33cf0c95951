"""What hosts say of their sites: robots.txt by RFC 9309, and what newer protocols put beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.reservations import Hosts, robots_tokens, usage
from manifests.reservations.robots import MOST_BYTES, Robots
from manifests.reservations.rsl import Rsl
from manifests.reservations.tdmrep import TdmRep


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("Disallow: /", "/a", False),
        ("Disallow:", "/a", True),
        ("Disallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("Allow: /a/b\nDisallow: /a", "/a/c", False),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", False),
        ("Allow: /folder\nDisallow: /folder", "/folder/page", True),
        ("Disallow: /*.php$", "/a.php?x", True),
        ("Disallow: /*.php$", "/a.php", False),
        ("Disallow: /a%3cd.html", "/a%3Cd.html", False),
        ("Disallow: /ツ", "/%E3%83%84", False),
        ("Disallow: /file-with-a-%2A.html", "/file-with-a-*.html", False),  # examples of 2.2.3
        ("Disallow: /file-with-a-%2A.html", "/file-with-a-b.html", True),
        ("Disallow: /foo-%24", "/foo-$", False),
        ("Disallow: /a$b", "/a$b", False),
        ("Disallow: /a%24", "/a", True),
        ("Disallow: /bar?baz=https://foo.bar", "/bar?baz=https%3A%2F%2Ffoo.bar", False),
        ("Disallow: /a", "/A", True),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /\x85\nAllow: /b", "/a", True),  # a line ends by CR or LF alone
        ("\rDisallow: /a\rDisallow: /b\r\n", "/b", False),
    ],
)
def test_rules_of_the_standard(rules: str, path: str, allowed: bool) -> None:
    robots = Robots.parse(f"User-agent: *\n{rules}")
    assert robots.allows("GPTBot", path)[0] is allowed


def test_groups_belong_to_their_agents() -> None:
    text = "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n\nUser-agent: *\nDisallow: /x\n"
    text += "User-agent: gptbot\nAllow: /y"
    robots = Robots.parse(text)
    assert not robots.allows("ccbot/2.0", "/a")[0]
    assert robots.allows("GPTBot", "/y")[0]
    assert not robots.allows("GPTBot", "/a")[0]
    assert robots.allows("Other", "/a")[0]
    found = {(r.value, r.agent) for r in robots.reservations("/a") if r.protocol == "robots"}
    assert found == {("deny", "GPTBot"), ("deny", "CCBot")}


@pytest.mark.parametrize("between", ["", "\n", "Crawl-delay: 5\n", "Sitemap: https://e.example/s\n", "# nothing\n"])
def test_agents_in_a_row_share_their_rules(between: str) -> None:
    robots = Robots.parse(f"\ufeffUser-agent: CCBot\r\n{between}User-agent: GPTBot\r\nDisallow: /\r\n")
    assert [robots.allows(a, "/a")[0] for a in ("CCBot", "GPTBot", "Other")] == [False, False, True]


@pytest.mark.parametrize("name", ["CCBot", "ccbot/2.0", "CCBot 2.0", "CCBot (+https://commoncrawl.org)", "CCBot\t"])
def test_an_agent_is_known_by_its_product_token(name: str) -> None:
    robots = Robots.parse(f"User-agent: {name}\nDisallow: /\nUser-agent: Kangaroo Bot/1.0\nDisallow: /k")
    assert {r.agent for r in robots.reservations("/k") if r.value == "deny"} == {"CCBot", "Kangaroo Bot"}


def test_no_rule_of_a_file_as_large_as_the_standard_asks_for_is_lost() -> None:
    text = "User-agent: *\n" + "".join(f"Disallow: /{i}\n" for i in range(25_000)) + "Disallow: /last"
    assert len(text) < MOST_BYTES
    assert [r.value for r in Robots.parse(text).reservations("/last")] == ["deny"]


def test_a_host_that_denies_nobody_is_known_to_allow() -> None:
    (found,) = Robots.parse("User-agent: *\nDisallow: /private").reservations("/a")
    assert (found.protocol, found.value) == ("robots", "allow")


def test_newer_lines_in_robots() -> None:
    text = (
        "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /open train-ai=y\n"
        "Content-Signal: search=yes, ai-train=no\nAllow: /\nLicense: https://example.org/l.xml"
    )
    robots = Robots.parse(text)
    said = {r.protocol: r.value for r in robots.reservations("/a")}
    assert said == {"robots": "allow", "aipref": "deny", "content-signal": "deny"}
    assert {r.value for r in robots.reservations("/open/a") if r.protocol == "aipref"} == {"allow"}
    assert robots.licences == ("https://example.org/l.xml",)


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("train-ai=n", "deny"),
        ("search=y, train-ai=y", "allow"),
        ("search=yes,ai-train=no", "deny"),
        ("train-ai=y, genai=n", "deny"),
        ("train-ai=maybe", "unknown"),
        ("search=n", None),
        ("train-ai=n, exotic=maybe;q=1, foo", "deny"),
        ('note="train-ai=n", train-ai=y', "allow"),
        ("x-train-ai=n", None),
        ("nonsense", None),
    ],
)
def test_usage(value: str, answer: str | None) -> None:
    assert [r.value for r in usage(value, "aipref", "x")] == ([answer] if answer else [])


def test_tokens_about_pictures_say_nothing_of_text() -> None:
    assert list(robots_tokens("noindex, noimageai", "meta-robots", "x")) == []
    for said in ("NoAI", "noindex noai", "max-snippet:-1,noai;", "noimageai, noml"):
        assert [r.value for r in robots_tokens(said, "meta-robots", "x")] == ["deny"]


def test_tdmrep() -> None:
    closed = '{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://x/p"}'
    text = f'[{closed}, {{"location": "/open/*", "tdm-reservation": 0}}]'
    found = TdmRep.parse(text)
    assert [found.reservation(p).value for p in ("/a", "/open/a")] == ["deny", "allow"]  # type: ignore[union-attr]
    for said, value in ((True, "deny"), ("1", "deny"), (False, "allow")):
        rules = [3, {"location": ["/"]}, {"location": "https://e.example/", "tdm-reservation": said}]
        one = TdmRep.parse(f"\ufeff{json.dumps(rules)}")
        assert one.reservation("/a").value == value  # type: ignore[union-attr]
    for broken in ("", "{", "[1]", '[{"location": 3}]', "[" * 100_000):
        assert TdmRep.parse(broken).reservation("/a") is None


@pytest.mark.parametrize(
    ("inner", "value"),
    [
        ('<prohibits type="usage">ai-train</prohibits>', "deny"),
        ('<prohibits type="usage">train-ai</prohibits>', "deny"),
        ('<permits type="usage">search</permits>', "deny"),
        ('<permits type="usage">all</permits>', "allow"),
        ('<permits type="usage">ai-train</permits><payment type="purchase"/>', "unknown"),
        ('<permits type="usage">ai-train</permits><payment type="free"/>', "allow"),
        ('<permits type="usage">all</permits><permits type="user">non-commercial</permits>', "unknown"),
        ('<permits type="usage">all</permits><prohibits type="geo">EU</prohibits>', "unknown"),
        ("", "unknown"),
    ],
)
def test_rsl(inner: str, value: str) -> None:
    text = f'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>{inner}</license></content></rsl>'
    found = Rsl.parse(text).reservation("/a")
    assert found is not None
    assert found.value == value


_FREE = '<license><permits type="usage">ai-train</permits><payment type="free"/></license>'
_PAID = '<license><permits type="usage">all</permits><payment type="purchase"/></license>'
_SEARCH = '<license><permits type="usage">search</permits><payment type="free"/></license>'
_NEVER = '<license><prohibits type="usage">ai-all</prohibits></license>'


@pytest.mark.parametrize(
    ("licences", "value"),
    [
        ((_FREE, _PAID), "allow"),
        ((_SEARCH, _PAID), "unknown"),
        ((_SEARCH,), "deny"),
        ((_SEARCH, _NEVER, _FREE), "deny"),
    ],
)
def test_of_several_licences_of_rsl_one_may_be_chosen(licences: tuple[str, ...], value: str) -> None:
    found = Rsl.parse(f'<rsl><content url="/">{"".join(licences)}</content></rsl>').reservation("/a")
    assert found is not None
    assert found.value == value


def test_of_equal_patterns_of_rsl_the_strictest_counts() -> None:
    contents = (f'<content url="/">{offer}</content>' for offer in (_PAID, _NEVER, _FREE))
    found = Rsl.parse(f"<rsl>{''.join(contents)}</rsl>").reservation("/a")
    assert found is not None
    assert found.value == "deny"


def test_what_a_host_says_of_another_site_is_nothing_of_its_own() -> None:
    theirs, ours = "https://elsewhere.example.com/long/*", "https://www.example.org/"
    rules = [{"location": theirs, "tdm-reservation": 0}, {"location": ours, "tdm-reservation": 1}]
    rsl = f'<rsl><content url="{theirs}">{_FREE}</content><content url="{ours}">{_NEVER}</content></rsl>'
    hosts = Hosts([snapshot("tdmrep", json.dumps(rules), 1), snapshot("rsl", rsl, 1)])
    found = hosts.reservations("https://example.org/long/a", None)
    assert [(r.protocol, r.value) for r in found] == [("tdmrep", "deny"), ("rsl", "deny")]


def test_what_is_no_address_is_passed_over() -> None:
    rules = [{"location": "http://[x", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]
    rsl = f'<rsl><content url="http://[x">{_FREE}</content><content url="/">{_NEVER}</content></rsl>'
    found = [TdmRep.parse(json.dumps(rules)).reservation("/a"), Rsl.parse(rsl).reservation("/a")]
    assert [r.value for r in found if r] == ["deny", "deny"]
    assert Hosts([{**snapshot("robots", "", 1), "host": ""}]).reservations("http://[x", None) == []


def test_rsl_that_is_hostile_says_nothing() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "cc">]><rsl><content url="/">&b;</content></rsl>'
    assert Rsl.parse(bomb).rules == Rsl.parse("<rsl").rules == ()


def snapshot(kind: str, body: str, day: int, status: int = 200) -> dict[str, Any]:
    date = datetime(2026, 1, day, tzinfo=UTC)
    return {"host": "example.org", "kind": kind, "status": status, "fetched_at": date, "body": body}


def test_the_snapshot_of_the_day_counts() -> None:
    deny, allow = "User-agent: *\nDisallow: /", "User-agent: *\nAllow: /"
    hosts = Hosts([snapshot("robots", deny, 10), snapshot("robots", allow, 1)])
    values = [
        hosts.reservations("https://Example.org:443/a", datetime(2026, 1, d, tzinfo=UTC))[0].value for d in (5, 20)
    ]
    assert values == ["allow", "deny"]
    assert hosts.reservations("https://example.org/a", datetime(2025, 1, 1, tzinfo=UTC))[0].observed is not None
    assert hosts.reservations("https://other.org/a", None) == []


def test_a_redirect_says_nothing() -> None:
    deny = snapshot("robots", "User-agent: *\nDisallow: /", 1)
    hosts = Hosts([deny, snapshot("robots", "", 2, 301)])
    assert [r.value for r in hosts.reservations("https://example.org/a", None)] == ["deny"]
    assert Hosts([snapshot("robots", "", 2, 301)]).reservations("https://example.org/a", None) == []


@pytest.mark.parametrize(("status", "value"), [(404, "allow"), (503, "deny")])
def test_a_missing_file_is_open_and_a_broken_server_is_not(status: int, value: str) -> None:
    hosts = Hosts([snapshot("robots", "", 1, status)])
    assert [r.value for r in hosts.reservations("https://example.org/a", None)] == [value]


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_text_is_survived(text: str, path: str) -> None:
    list(Robots.parse(text).reservations("/" + path))
    TdmRep.parse(text)
    Rsl.parse(text)
