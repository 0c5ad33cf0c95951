"""Doing a takedown: text out of the run, tokens out of the shards, a receipt, and the deny list."""

from __future__ import annotations

from pipelines.takedown.apply import MODES, apply, resume

__all__ = ["MODES", "apply", "resume"]
