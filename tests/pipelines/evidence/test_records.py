"""Evidence outside pages: fields, JATS, packages, folders."""

from __future__ import annotations

from datetime import date

import pytest

from manifests.licences import UNKNOWN, conclude
from pipelines.evidence import from_field, from_folder, from_package, stack_exchange

BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("value", "column", "expression", "kind"),
    [
        ("CC-BY-4.0", "license", "CC-BY-4.0", "metadata"),
        ("CC BY-SA 3.0", "ContentLicense", "CC-BY-SA-3.0", "platform"),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "license", "LicenseRef-arxiv-nonexclusive", "platform"),
        ({"spdx_id": "MIT", "name": "x"}, "license", "MIT", "metadata"),
        ([{"URL": BY}], "license", "CC-BY-4.0", "metadata"),
        (b"Apache-2.0", "license", "Apache-2.0", "metadata"),
        ("something of our own", "license", UNKNOWN, "metadata"),
        ("MIT AND", "license", UNKNOWN, "metadata"),
    ],
)
def test_fields(value: object, column: str, expression: str, kind: str) -> None:
    (claim,) = from_field(value, column)
    assert (claim.expression, claim.kind) == (expression, kind)


def test_no_field_is_no_claim_and_two_are_the_stricter() -> None:
    assert list(from_field(None, "license")) == list(from_field("", "license")) == []
    assert conclude(list(from_field(["MIT", "CC-BY-NC-4.0"], "license")))[1] == "noncommercial"


@pytest.mark.parametrize(
    ("xml", "expressions"),
    [
        (f'<license xlink:href="{BY}"><license-p>Open.</license-p></license>', ["CC-BY-4.0"]),
        (f'<article xmlns:ali="http://www.niso.org/schemas/ali/1.0/"><front><article-meta><permissions><license>'
         f'<ali:license_ref>{BY}</ali:license_ref></license></permissions></article-meta></front></article>',
         ["CC-BY-4.0"]),
        ("<license><license-p>Creative Commons Attribution License 3.0</license-p></license>", ["CC-BY-3.0"]),
        ("<license><license-p>distributed under a Creative Commons Attribution 3.0 licence</license-p></license>",
         ["CC-BY-3.0"]),
        (f'<article><body><fig><permissions><license xlink:href="{BY}"/></permissions></fig></body></article>', []),
        ("<license><license-p>All rights reserved.</license-p></license>", [UNKNOWN]),
        ("<license", []),
        ('<!DOCTYPE a [<!ENTITY b "c">]><license>&b;</license>', []),
    ],
)  # fmt: skip
def test_jats(xml: str, expressions: list[str]) -> None:
    claims = list(from_field(xml, "license"))
    assert [c.expression for c in claims if c.scope == "text"] == expressions


def test_posts_have_the_licence_of_their_day() -> None:
    days = (date(2011, 4, 7), date(2011, 4, 8), date(2018, 5, 1), date(2018, 5, 2))
    assert [stack_exchange(d) for d in days] == ["CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0"]


@pytest.mark.parametrize(
    ("name", "text", "expressions"),
    [
        ("package.json", '{"license": "(MIT OR Apache-2.0)"}', ["MIT OR Apache-2.0"]),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "BSD-3-Clause"}]}', ["MIT", "BSD-3-Clause"]),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', []),
        ("Cargo.toml", '[package]\nlicense = "Apache-2.0"', ["Apache-2.0"]),
        ("pyproject.toml", '[project]\nlicense = {text = "MIT License"}', ["MIT"]),
        ("PKG-INFO", "Name: x\nLicense: MIT\nClassifier: License :: OSI Approved :: MIT License\n", ["MIT"]),
        ("METADATA", "Name: x\nLicense-Expression: BSD-3-Clause\n", ["BSD-3-Clause"]),
        ("package.json", "{", []),
        ("pyproject.toml", "[", []),
        ("package.json", "[]", []),
    ],
)
def test_packages(name: str, text: str, expressions: list[str]) -> None:
    assert [c.expression for c in from_package(name, text)] == expressions


def test_a_folder_speaks_by_its_licence_file_and_its_package() -> None:
    found = from_folder({"README": "MIT", "package.json": '{"license": "ISC"}', "LICENSE": "Do what you like."})
    assert [c.expression for c in found] == ["ISC"]
