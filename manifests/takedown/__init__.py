"""Takedown: which documents a request means, what follows from it, and the list that keeps them out for ever.

``plan`` reads columns and changes nothing. What is done about it needs the tokens: see ``pipelines.takedown``.
"""

from __future__ import annotations

from manifests.takedown.deny import PATH as DENY
from manifests.takedown.deny import Denied, DenyList
from manifests.takedown.outline import Outline, outline
from manifests.takedown.plan import Plan, Target, plan
from manifests.takedown.request import KINDS, Request
from manifests.takedown.state import FOLDER, finished, receipts, rows, unfinished

__all__ = [
    "DENY",
    "FOLDER",
    "KINDS",
    "Denied",
    "DenyList",
    "Outline",
    "Plan",
    "Request",
    "Target",
    "finished",
    "outline",
    "plan",
    "receipts",
    "rows",
    "unfinished",
]
