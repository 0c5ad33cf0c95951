"""Licences as people write them, and what a document's claims come to."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import schemas
from manifests.documents import Claim, Document, Reservation, evidence_table
from manifests.licences import (
    CATEGORIES,
    KINDS,
    UNKNOWN,
    category,
    conclude,
    identify_file,
    normalise,
    spdx_header,
)
from manifests.signatures import annotate
from pipelines.evidence import from_html

MIT = """MIT License

Copyright (c) 2024 A. Person

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""


@pytest.mark.parametrize(
    ("written", "expression", "kind"),
    [
        ("MIT License", "MIT", "permissive"),
        ("https://spdx.org/licenses/GPL-2.0-or-later.html", "GPL-2.0-or-later", "copyleft"),
        ("https://opensource.org/licenses/GPL-3.0", "GPL-3.0-only", "copyleft"),
        ("https://opensource.org/license/mit/", "MIT", "permissive"),
        ("https://opensource.org/licenses/alphabetical", "LicenseRef-unknown", "unknown"),
        ("https://www.gnu.org/licenses/gpl-3.0.en.html#section1", "GPL-3.0-only", "copyleft"),
        ("http://www.gnu.org/licenses/old-licenses/gpl-2.0.txt", "GPL-2.0-only", "copyleft"),
        ("https://www.gnu.org/licenses/agpl-3.0", "AGPL-3.0-only", "copyleft"),
        ("https://www.gnu.org/licenses/fdl-1.3.html", "GFDL-1.3-only", "copyleft"),
        ("https://www.gnu.org/licenses/agpl.html", "LicenseRef-AGPL-unversioned", "copyleft"),
        ("https://www.gnu.org/licenses/license-list.html", "LicenseRef-unknown", "unknown"),
        ("The MIT License (MIT)", "MIT", "permissive"),
        ("License :: OSI Approved :: MIT License", "MIT", "permissive"),
        ("mit OR GPL-3.0-or-later", "MIT OR GPL-3.0-or-later", "permissive"),
        ("MIT AND GPL-3.0-or-later", "MIT AND GPL-3.0-or-later", "copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "copyleft"),
        ("Apache 2.0 License", "Apache-2.0", "permissive"),
        ("CC0", "CC0-1.0", "public-domain"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0", "copyleft"),
        ("cc-by-4.0", "CC-BY-4.0", "permissive"),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0", "permissive"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported License", "CC-BY-NC-SA-3.0",
         "noncommercial"),
        ("Creative Commons Attribution Non Commercial No Derivatives 4.0", "CC-BY-NC-ND-4.0", "noncommercial"),
        ("CC BY", "LicenseRef-CC-BY-unversioned", "permissive"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode.de", "CC-BY-4.0", "permissive"),
        ("//creativecommons.org/licenses/by/4.0/deed.en", "CC-BY-4.0", "permissive"),
        ("creativecommons.org/licenses/by/4.0", "CC-BY-4.0", "permissive"),
        ("https://creativecommons.org/licenses/by/3.0/us/", "CC-BY-3.0-US", "permissive"),
        ("https://creativecommons.org/licenses/by/3.0/igo/", "CC-BY-3.0-IGO", "permissive"),
        ("https://creativecommons.org/licenses/by-sa/2.0/de/deed.de", "LicenseRef-CC-BY-SA-2.0-DE", "copyleft"),
        ("http://creativecommons.org/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0", "noncommercial"),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC", "public-domain"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0", "public-domain"),
        ("https://rightsstatements.org/vocab/InC/1.0/", "LicenseRef-all-rights-reserved", "reserved"),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "LicenseRef-arxiv-nonexclusive", "reserved"),
        ("GPL", "LicenseRef-GPL-unversioned", "copyleft"),
        ("LicenseRef-contract-acme", "LicenseRef-contract-acme", "contract"),
        ("https://evil-creativecommons.org/licenses/by/4.0/", UNKNOWN, "unknown"),
        ("https://creativecommons.org.example/licenses/by/4.0/", UNKNOWN, "unknown"),
        ("Creative Commons", UNKNOWN, "unknown"),
        ("cc all of us", UNKNOWN, "unknown"),
        ("License :: OSI Approved", UNKNOWN, "unknown"),
        ("see LICENSE", UNKNOWN, "unknown"),
        ("", UNKNOWN, "unknown"),
    ],
)  # fmt: skip
def test_licences_as_people_write_them(written: str, expression: str, kind: str) -> None:
    assert normalise(written) == expression
    assert category(expression) == kind


@given(st.sets(st.sampled_from(["nc", "nd", "sa"])), st.sampled_from(["1.0", "2.0", "3.0", "4.0"]))
def test_creative_commons_terms_never_get_lost(terms: set[str], version: str) -> None:
    """Whatever the combination, version and spelling: NC is noncommercial, ND no-derivatives, SA copyleft."""
    code = "-".join(["by", *sorted(terms)])
    want = next((c for t, c in (("nc", "noncommercial"), ("nd", "no-derivatives"), ("sa", "copyleft")) if t in terms),
                "permissive")  # fmt: skip
    for written in (
        f"https://creativecommons.org/licenses/{code}/{version}/",
        f"CC {code.upper()} {version}",
        f"cc-{code}",
    ):
        assert category(normalise(written)) == want, written


@given(st.text(max_size=450))
def test_any_text_has_an_answer(text: str) -> None:
    assert category(normalise(text)) in CATEGORIES
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "hostile", ["cc " + "-" * 396, "creative commons " + "- " * 190 + "q", "(" * 200, "MIT OR " * 56]
)
def test_hostile_text_costs_little(hostile: str) -> None:
    started = time.process_time()
    assert normalise(hostile) == UNKNOWN
    assert time.process_time() - started < 2


def claim(expression: str, kind: str, scope: str = "page", confidence: float = 0.5) -> Claim:
    return Claim(expression, kind, scope, confidence=confidence)


def test_silence_is_not_permission() -> None:
    assert conclude([]) == (UNKNOWN, "unknown", "", 0.0)
    assert conclude([claim("CC-BY-4.0", "jsonld", "media")])[1] == "unknown"


def test_the_strongest_kind_decides_and_equals_restrict() -> None:
    weak, strong = claim("CC-BY-NC-4.0", "footer-link"), claim("MIT", "license-file", confidence=0.9)
    assert conclude([weak, strong]) == ("MIT", "permissive", "license-file", 0.9)
    equal = claim("LicenseRef-all-rights-reserved", "license-file", confidence=0.4)
    assert conclude([strong, equal]) == ("LicenseRef-all-rights-reserved", "reserved", "license-file", 0.4)
    unread = claim(UNKNOWN, "license-file")
    assert conclude([strong, unread])[1] == "unknown"


_EXPRESSIONS = st.sampled_from(["MIT", "CC-BY-NC-4.0", "GPL-3.0-only", UNKNOWN])
_CLAIMS = st.builds(claim, _EXPRESSIONS, st.sampled_from(KINDS), st.sampled_from(["page", "text", "media"]))


@given(st.lists(_CLAIMS, max_size=6))
def test_conclusions_do_not_depend_on_order(claims: list[Claim]) -> None:
    found = conclude(claims)
    assert found[:3] == conclude(claims[::-1])[:3]
    for more in ("MIT", "CC-BY-NC-4.0"):
        kind = found[2] or "mention"
        stricter = conclude([*claims, claim(more, kind)])
        assert CATEGORIES.index(stricter[1]) >= CATEGORIES.index(found[1]) or not found[2]


def test_annotate_decides_like_conclude() -> None:
    documents = [
        Document("a", "x", claims=(claim("MIT", "metadata"),)),
        Document("b", "x", reservations=(Reservation("tdmrep", "deny"),)),
        Document("c", "x", claims=(claim("MIT", "metadata"),), reservations=(Reservation("tdmrep", "allow"),)),
    ]
    rows, _ = annotate(evidence_table(documents))
    assert rows.schema.equals(schemas.LICENCE)
    assert rows["licence_class"].to_pylist() == ["permissive", "unknown", "permissive"]
    assert rows["reserved"].to_pylist() == [False, True, False]
    empty, _ = annotate(evidence_table([]))
    assert empty.num_rows == 0
    assert isinstance(empty, pa.RecordBatch)


def test_licence_files_and_headers() -> None:
    (found,) = identify_file(MIT, "LICENSE")
    assert (found.expression, found.kind, found.locator) == ("MIT", "license-file", "LICENSE")
    assert identify_file("Do what you like.") == []
    header = "#!/usr/bin/env python\n# SPDX-License-Identifier: Apache-2.0 OR MIT\nimport os\n"
    assert [c.expression for c in spdx_header(header)] == ["Apache-2.0 OR MIT"]
    for mark in ("<!-- {} -->", "<!--{}-->", "/* {} */", "(* {} *)", "{{# {} #}}", '"""{}"""', "% {}\n-->"):
        (found,) = spdx_header(mark.format("SPDX-License-Identifier: MIT"))
        assert found.expression == "MIT"
    for nothing in ("# SPDX-License-Identifier: whatever-i-like\n", "print('SPDX-License-Identifier: MIT')"):
        assert spdx_header(nothing) == []
    assert spdx_header("SPDX-License-Identifier:\nMIT") == []


def test_a_page_cannot_claim_a_contract() -> None:
    html = b'<meta name="license" content="LicenseRef-contract-acme">'
    assert from_html(html, headers={}, url="") == ((), ())
