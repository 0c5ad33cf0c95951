"""Decisions: evidence in, allow, deny or review out, in the order of the steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import what_if
from manifests.documents import Claim
from manifests.licences import CATEGORIES
from manifests.policy import ALLOWED, DENIED, Policy, obligations_of, shipped
from manifests.signatures import Reserved, Signature, Statement, of, unite
from pipelines.evidence import from_field

POLICIES = {name: Policy.load(name) for name in shipped()}
STRICT = POLICIES["permissive-only"]


def signed(*claims: tuple[str, str], **more: Any) -> Signature:
    return Signature(tuple(Statement(e, k, "page", 0.9) for e, k in claims), **more)


def deny(protocol: str, agent: str = "*") -> dict[str, Any]:
    return {"reservations": (Reserved(protocol, "deny", agent),)}


BY, ARR = ("CC-BY-4.0", "jsonld"), ("LicenseRef-all-rights-reserved", "meta")
CONTRACT = ("LicenseRef-contract-42", "contract")
CASES = [
    ("nothing found", STRICT, Signature(), "review"),
    ("an open licence", STRICT, signed(BY), "allow"),
    ("CC0 from a shadow library", POLICIES["any"], signed(("CC0-1.0", "platform"), route="shadow-library"), "deny"),
    ("a bought book whose terms forbid it", STRICT, signed(BY, route="purchase-ebook", training="no"), "deny"),
    ("an expired contract", POLICIES["contract-only"], signed(CONTRACT, expires=date(2026, 1, 1)), "deny"),
    ("a contract that holds", POLICIES["contract-only"], signed(CONTRACT, route="contract", expires=date(2027, 1, 1)),
     "allow"),
    ("a reservation", STRICT, signed(BY, **deny("tdmrep")), "deny"),
    ("a contract overrides it", POLICIES["contract-only"], signed(CONTRACT, **deny("tdmrep")), "allow"),
    ("a publisher's own text, its notice beside the contract", POLICIES["contract-only"],
     signed(ARR, route="contract", training="yes"), "allow"),
    ("a contract, and a licence that the policy does not list", POLICIES["eu-tdm"],
     signed(("CC-BY-NC-4.0", "jsonld"), route="contract", training="yes"), "allow"),
    ("a contract takes nothing from a licence", STRICT, signed(BY, route="contract", training="yes"), "allow"),
    ("a contract that a policy does not list", STRICT, signed(ARR, route="contract", training="yes"), "deny"),
    ("an agent nobody asked about", STRICT, signed(BY, **deny("robots", "SomeBot")), "allow"),
    ("an agent that counts", STRICT, signed(BY, **deny("robots", "gptbot")), "deny"),
    ("terms that were not read", STRICT, signed(BY, reservations=(Reserved("rsl", "unknown", "*"),)), "review"),
    ("unknown origin", STRICT, signed(BY, origin="unknown"), "deny"),
    ("conflict of equals", STRICT, signed(BY, ("CC-BY-NC-4.0", "jsonld")), "deny"),
    ("a weak licence", STRICT, Signature((Statement("CC-BY-4.0", "body-link", "page", 0.25),)), "review"),
    ("a person says no", STRICT, signed(BY, (DENIED, "human")), "deny"),
    ("a person says yes, to a shadow library", STRICT, signed((ALLOWED, "human"), route="shadow-library"), "allow"),
    ("text mining, lawfully accessed", POLICIES["eu-tdm"], Signature(lawful_access="yes"), "allow"),
    ("text mining, access not declared", POLICIES["eu-tdm"], Signature(), "review"),
    ("text mining, reserved", POLICIES["eu-tdm"], Signature(lawful_access="yes", **deny("aipref")), "deny"),
    ("text mining, openly licensed", POLICIES["eu-tdm"], signed(BY), "allow"),
    ("research", POLICIES["nc-research"], signed(("CC-BY-NC-SA-4.0", "metadata")), "allow"),
    ("everything", POLICIES["any"], signed(ARR, **deny("robots")), "allow"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "policy", "signature", "action"), CASES, ids=[c[0] for c in CASES])
def test_decisions(name: str, policy: Policy, signature: Signature, action: str) -> None:
    decision = policy.decide(signature)
    assert decision.action == action, decision
    assert decision.policy == policy.digest
    assert decision.reasons


def test_obligations() -> None:
    assert STRICT.decide(signed(BY)).obligations == ("attribution",)
    share = POLICIES["nc-research"].decide(signed(("CC-BY-NC-SA-4.0", "jsonld"), expires=date(2030, 1, 1)))
    assert share.obligations == ("attribution", "share-alike", "non-commercial", "expires 2030-01-01")
    assert "notice-text" in STRICT.decide(signed(("MIT", "license-file"))).obligations
    for expression in ("LicenseRef-NDA-7", "LicenseRef-SAP-terms", "LicenseRef-NCBI"):  # no terms of Creative Commons
        assert set(obligations_of(expression, "permissive", "")) == {"attribution"}


_SIGNATURES = st.builds(
    Signature,
    claims=st.lists(
        st.builds(Statement, st.sampled_from(["MIT", "CC-BY-NC-4.0", "GPL-3.0-only", "CC0-1.0", "LicenseRef-unknown"]),
                  st.sampled_from(["jsonld", "footer-link", "metadata"]), st.sampled_from(["page", "media"]),
                  st.sampled_from([0.3, 0.9])), max_size=3).map(lambda c: tuple(sorted(set(c)))),
    reservations=st.lists(st.builds(Reserved, st.sampled_from(["robots", "tdmrep"]), st.sampled_from(["deny", "allow"]),
                                    st.just("*")), max_size=2).map(lambda c: tuple(sorted(set(c)))),
    route=st.sampled_from(["bulk-dump", "shadow-library", "contract"]),
    lawful_access=st.sampled_from(["yes", "no", "unknown"]),
    expires=st.none() | st.dates(),
)  # fmt: skip


@given(_SIGNATURES)
def test_signatures_survive_their_json(signature: Signature) -> None:
    assert Signature.from_json(signature.to_json()) == signature


@given(_SIGNATURES)
def test_what_the_strict_policy_allows_the_laxer_allow_too(signature: Signature) -> None:
    if STRICT.decide(signature).action == "allow":
        assert all(POLICIES[n].decide(signature).action == "allow" for n in ("copyleft-ok", "nc-research", "any"))
    if signature.route == "shadow-library":
        assert all(p.decide(signature).action == "deny" for p in POLICIES.values())


@given(_SIGNATURES)
def test_more_reservations_never_allow_more(signature: Signature) -> None:
    more = replace(signature, reservations=(*signature.reservations, Reserved("tdmrep", "deny", "*")))
    for policy in POLICIES.values():
        if policy.decide(more).action == "allow":
            assert policy.decide(signature).action == "allow"


def row(*claims: Claim) -> list[dict[str, Any]]:
    return [vars(c) for c in claims]


def test_copies_neither_launder_nor_poison() -> None:
    reserved = Claim("LicenseRef-all-rights-reserved", "meta", confidence=0.8, asserter="publisher")
    scraper = Claim("CC-BY-4.0", "jsonld", confidence=0.9, asserter="publisher")
    original = of(unite(row(reserved), [row(scraper)]), [])
    assert original.conclusion()[1] == "reserved", "a scraper's page laundered the original"
    footer = Claim("CC-BY-4.0", "footer-link", confidence=0.65, asserter="publisher")
    stricter = Claim("CC-BY-NC-4.0", "link-rel", confidence=0.9, asserter="publisher")
    assert of(unite(row(footer), [row(stricter)]), []).conclusion()[0] == "CC-BY-4.0", "a scraper poisoned it"
    platform = Claim("CC-BY-NC-4.0", "platform", "text", confidence=0.97, asserter="platform")
    assert of(unite(row(footer), [row(platform)]), []).conclusion()[0] == "CC-BY-NC-4.0"
    assert of(unite([], [row(scraper)]), []).conclusion()[1] == "unknown"


def test_a_page_supersedes_its_site_in_tdmrep() -> None:
    def said(value: str, locator: str) -> dict[str, str]:
        return {"protocol": "tdmrep", "value": value, "agent": "*", "locator": locator}

    assert of([], [said("deny", "tdmrep.json"), said("allow", "meta")]).reserved is False
    assert of([], [said("allow", "tdmrep.json"), said("deny", "header: TDM-Reservation")]).reserved is True


def test_parts_of_a_document_are_joined() -> None:
    parts = [
        Claim("CC-BY-SA-2.5", "platform", "span", confidence=0.9, start=0, end=9),
        Claim("CC-BY-SA-4.0", "platform", "span", confidence=0.9, start=9, end=20),
    ]
    assert of(row(*parts), []).conclusion()[:2] == ("CC-BY-SA-2.5 AND CC-BY-SA-4.0", "copyleft")


#: what each policy answers to a licence category
_TRUTH = {
    "permissive-only": {"public-domain": "allow", "permissive": "allow", "unknown": "review"},
    "copyleft-ok": {"public-domain": "allow", "permissive": "allow", "copyleft": "allow", "unknown": "review"},
    "nc-research": {"public-domain": "allow", "permissive": "allow", "copyleft": "allow", "noncommercial": "allow"},
    "contract-only": {},
    "eu-tdm": {"public-domain": "allow", "permissive": "allow", "copyleft": "allow", "noncommercial": "review"},
    "any": dict.fromkeys(CATEGORIES, "allow"),
}


def test_the_domain_files_are_decided_by_their_licences(shared_data: Path) -> None:
    kinds = {"nc_trap": "noncommercial", "papers": "permissive", "books": "public-domain", "gov": "public-domain"}
    kinds |= dict.fromkeys(("news", "wiki", "textbooks", "stackexchange"), "copyleft")
    for domain, kind in kinds.items():
        path = shared_data / "domains" / f"{domain}.parquet"
        licences = pl.read_parquet(path, columns=["license"])["license"].unique().to_list()
        for licence in licences:
            signature = of(row(*from_field(licence, "license")), [])
            found = signature.conclusion()[1]
            assert found == kind or (domain == "papers" and licence == "CC0-1.0"), (domain, licence, found)
            for name, policy in POLICIES.items():
                assert policy.decide(signature).action == _TRUTH[name].get(found, "deny"), (name, licence)


def test_what_if_counts_each_document_once() -> None:
    signatures = [signed(BY), signed(("GPL-3.0-only", "metadata")), Signature()]
    domains = pl.Series(["a", "b", "a", "a"], dtype=pl.Enum(["a", "b"]))
    frame = pl.DataFrame({"signature": [0, 0, 1, 2], "domain": domains, "tokens": [10, 20, 30, 40]})
    tally = what_if.tally(frame, signatures, STRICT)
    assert {(r["domain"], r["action"]): r["tokens"] for r in tally.iter_rows(named=True)} == {
        ("a", "allow"): 10, ("b", "allow"): 20, ("a", "deny"): 30, ("a", "review"): 40
    }  # fmt: skip
    changes = what_if.difference(frame, signatures, STRICT, POLICIES["copyleft-ok"])
    assert changes.select("domain", "action_before", "action_after", "gained").rows() == [("a", "deny", "allow", 30)]
    assert what_if.difference(frame, signatures, STRICT, STRICT).is_empty()
    assert what_if.tally(frame.clear(), signatures, STRICT).is_empty()
