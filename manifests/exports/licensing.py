"""Licences as other formats write them."""

from __future__ import annotations

import re

from manifests import licences
from manifests.licences import UNKNOWN

_ONE = re.compile(r"[A-Za-z0-9.+-]+")


def listed(expression: str) -> bool:
    """Whether it is a single licence of the SPDX list."""
    return bool(_ONE.fullmatch(expression)) and not expression.startswith("LicenseRef-") and valid(expression)


def valid(expression: str) -> bool:
    """Whether it is an SPDX expression; a ``LicenseRef-`` may be anyone's."""
    try:
        parsed = licences.spdx().parse(expression)
    except Exception:  # the parser raises several kinds
        return False
    unknown = licences.spdx().unknown_license_keys(parsed) if parsed is not None else [""]
    return all(re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", k) for k in unknown)


def spdx(expression: str) -> str:
    """Itself where it is an SPDX expression, else ``LicenseRef-unknown``."""
    return expression if valid(expression) else UNKNOWN


def address(expression: str) -> str:
    """The address of a listed licence; of any other the expression."""
    return f"https://spdx.org/licenses/{expression}" if listed(expression) else spdx(expression)
