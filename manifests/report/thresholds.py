"""The recipe's rules that compare one number with a threshold, and what another threshold would do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from manifests import parts, storage
from manifests.report import frame as frames

#: bins below a threshold and above it; the outermost hold what lies beyond
BELOW, ABOVE = 25, 75
_RULE = re.compile(r"\s*([A-Za-z_]\w*)\s*(<=|>=|<|>)\s*(-?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\s*")
_MOST = 12


@dataclass(frozen=True)
class Threshold:
    """A rule that drops documents whose ``column`` is ``sign`` than ``value``; in steps of ``step`` around it.

    Counted are the documents that the rule dropped and those that were kept, so that moving it changes nothing else.
    """

    reason: str
    column: str
    sign: str  #: <, <=, > or >=
    value: float
    step: float
    folder: str
    sources: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"threshold {self.reason} {self.column}"

    @property
    def below(self) -> bool:
        """Whether it drops what is below."""
        return self.sign.startswith("<")

    @property
    def bin(self) -> pl.Expr:
        """Steps from the threshold: negative below it, and what equals it is on the side the rule says."""
        steps = (pl.col(self.column) - self.value) / self.step
        steps = steps.floor() if self.sign in ("<", ">=") else steps.ceil() - 1
        return steps.clip(-BELOW, ABOVE - 1).cast(pl.Int64)

    @property
    def counted(self) -> pl.Expr:
        counts = pl.col(self.column).is_not_null() & pl.col("outcome").is_in(["kept", self.reason])
        return counts & pl.col("source").is_in(self.sources) if self.sources else counts


def of(run: str, record: Mapping[str, Any], part: str) -> list[Threshold]:
    """Of the rules of ``run.json``, those that are one comparison of a statistic; ``part`` is a document part."""
    found = []
    for rule in ((record.get("recipe") or {}).get("select") or {}).get("rules") or []:
        match = _RULE.fullmatch(str(rule.get("when") or ""))
        if match and (folder := _folder(run, part, match[1])):
            value, whole = float(match[3]), folder[1]
            step = abs(value) / BELOW or (1.0 if whole else 0.04)
            step = max(1.0, float(round(step))) if whole else step
            sources = tuple(rule.get("sources") or ())
            found.append(Threshold(str(rule["reason"]), match[1], match[2], value, step, folder[0], sources))
    return found[:_MOST]


def _folder(run: str, part: str, column: str) -> tuple[str, bool] | None:
    """Which annotation has the column, and whether its numbers are whole."""
    for name in storage.list_folders(storage.join(run, "annotations")):
        uri = storage.join(run, parts.path(f"annotations/{name}", part))
        if storage.is_file(uri) and (kind := frames.schema_of(uri).get(column)) is not None:
            return (f"annotations/{name}", kind.is_integer()) if kind.is_numeric() else None
    return None
