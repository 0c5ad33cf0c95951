"""Reservations: what rightsholders say in machine-readable form about mining and training.

robots.txt (RFC 9309) by agent, AIPREF ``Content-Usage``, Cloudflare's ``Content-Signal``, TDMRep, RSL 1.0, robots meta
tags and headers. Everything is kept as found with its date; which protocols and agents count is a policy's business.
"""

from __future__ import annotations

from manifests.reservations.hosts import Hosts
from manifests.reservations.paths import host_of
from manifests.reservations.tokens import robots_tokens, usage

__all__ = ["Hosts", "host_of", "robots_tokens", "usage"]
