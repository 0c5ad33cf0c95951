"""Policies as data: what may be trained on, decided per evidence signature, with reasons and obligations.

Order of decision: a person's word · acquisition · reservations, the most restrictive, a contract overrides · origin ·
licence, where none is ``unknown`` and never permission · confidence. Policies act in the mix, never on text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, Literal

import yaml

from manifests import storage
from manifests.acquisition import ORIGINS, ROUTES
from manifests.licences import ALLOWED, CATEGORIES, DENIED, TEXT_SCOPES, category
from manifests.mix import MixManifest
from manifests.receipts import digest_of
from manifests.reservations.robots import AGENTS
from manifests.reservations.tokens import SEARCHERS
from manifests.signatures import Signature

Action = Literal["allow", "deny", "review"]
PROTOCOLS = (
    ("robots", "aipref", "content-signal", "tdmrep", "rsl", "x-robots-tag", "meta-robots")
    + ("tos", "opt-out-list", "inherited")
)  # fmt: skip
#: agents whose reservations are kept
_AGENTS = (*AGENTS, *SEARCHERS)
_MOST_BYTES = 100_000
_OPEN = frozenset({"public-domain", "permissive", "copyleft"})
#: confidence from which a licence is relied upon instead of an exception
_SURE = 0.5
#: routes no licence cures
_UNLAWFUL = frozenset({"shadow-library", "circumvented"})


@dataclass(frozen=True)
class Decision:
    """``reasons`` in the order of the steps, the deciding one last."""

    action: Action
    reasons: tuple[str, ...]
    obligations: tuple[str, ...] = ()
    expression: str = ""
    category: str = "unknown"
    confidence: float = 0.0
    policy: str = ""  #: digest

    @property
    def reason(self) -> str:
        return self.reasons[-1]


@dataclass(frozen=True)
class Policy:
    """Keys of a policy file. Only ``as_of`` and ``allow`` are needed; what is left out is the stricter choice.

    ``allow`` and ``review`` list licence categories. ``honour_reservations`` is true, false or a list of protocols;
    ``agents`` names the crawlers whose denial counts (``*`` is everyone's). A route outside ``routes`` or an origin
    outside ``origins`` denies. ``lawful_access`` is ``required`` where an exception of copyright law is relied upon: of
    works that no open licence covers.
    """

    name: str
    as_of: date
    allow: frozenset[str]
    review: frozenset[str] = frozenset()
    honour_reservations: frozenset[str] = frozenset(PROTOCOLS)
    agents: frozenset[str] = frozenset({"*"})
    routes: frozenset[str] = frozenset(ROUTES) - _UNLAWFUL
    origins: frozenset[str] = frozenset(ORIGINS) - {"unknown"}
    lawful_access: str = "any"
    min_confidence: float = 0.5

    @property
    def digest(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        plain = {k: sorted(v) if isinstance(v, frozenset) else str(v) for k, v in values.items()}
        return digest_of(plain)

    def permits(self, category: str, *, reserved: bool) -> bool:
        """Whether a licence category alone would be allowed: a rough preview, where ``decide`` is exact."""
        return category in self.allow and not (reserved and bool(self.honour_reservations))

    def honours(self, protocol: str, agent: str) -> bool:
        """Whether a reservation by this protocol, to this agent, counts."""
        named = agent == "*" or agent.lower() in {a.lower() for a in self.agents}
        return named and protocol in self.honour_reservations

    def decide(self, signature: Signature) -> Decision:
        """The decision on a document with this evidence."""
        expression, kind_of, kind, confidence = signature.conclusion()

        def decided(action: Action, *reasons: str) -> Decision:
            owed = obligations_of(expression, kind_of, kind, signature.expires) if action != "deny" else ()
            return Decision(action, reasons, owed, expression, kind_of, confidence, self.digest)

        words = {c.expression for c in signature.claims if c.kind == "human"}
        if DENIED in words or ALLOWED in words:
            return decided("deny" if DENIED in words else "allow", "review: a person decided")
        notes: list[str] = []
        if problem := self._acquisition(signature):
            return decided(*problem)
        contract = any(c.kind == "contract" or category(c.expression) == "contract" for c in signature.claims)
        if signature.training == "yes" and signature.route == "contract":
            contract = True
        if (found := self._reserved(signature, notes, contract=contract)) is not None:
            if found[0] == "deny":
                return decided("deny", *notes, found[1])
            notes.append(found[1])
        if signature.origin not in self.origins:
            return decided("deny", *notes, f"origin: {signature.origin}")
        if any(c.scope not in TEXT_SCOPES for c in signature.claims):
            notes.append("licences of media or other works set aside")
        stated = {category(c.expression) for c in signature.claims if c.scope in TEXT_SCOPES and c.kind != "mention"}
        if len(stated) > 1:
            notes.append("conflict: " + " / ".join(sorted(stated)))
        if "unversioned" in expression:
            notes.append("version unknown")
        # a contract permits beside the licence, not in its place: either will do
        if contract and kind_of not in self.allow and (kind_of == "unknown" or "contract" in self.allow):
            kind_of = "contract"
        if kind_of not in self.allow:
            return decided("review" if kind_of in self.review else "deny", *notes, f"licence: {kind_of}")
        if found is not None:  # terms that were not read, or are for sale
            return decided("review", *notes)
        if kind_of != "unknown" and not contract and confidence < self.min_confidence:
            return decided("review", *notes, f"licence: {kind_of} by {kind} is uncertain")
        licensed = kind_of in _OPEN and confidence >= _SURE
        if self.lawful_access == "required" and signature.lawful_access != "yes" and not licensed and not contract:
            return decided("review", *notes, "acquisition: lawful access not declared")
        return decided("allow", *notes, f"licence: {kind_of}")

    def _acquisition(self, signature: Signature) -> tuple[Action, str] | None:
        if signature.route not in self.routes:
            return "deny", f"acquisition: {signature.route}"
        if signature.training == "no":
            return "deny", "acquisition: terms forbid training"
        if signature.expires is not None and signature.expires < self.as_of:
            return "deny", f"acquisition: terms expired {signature.expires}"
        if signature.lawful_access == "no":
            return "deny", "acquisition: no lawful access"
        return None

    def _reserved(self, signature: Signature, notes: list[str], *, contract: bool) -> tuple[Action, str] | None:
        """The strictest reservation that counts; those that do not are noted."""
        open_terms = None
        for protocol, value, agent in signature.reservations:
            if value == "allow":
                continue
            if not self.honours(protocol, agent):
                notes.append(f"reservation not honoured: {protocol} {agent}")
            elif contract:
                notes.append(f"reservation overridden by contract: {protocol} {agent}")
            elif value == "deny":
                return "deny", f"reservation: {protocol} {agent}"
            else:
                open_terms = "review", f"reservation: {protocol} terms not read"
        return open_terms  # type: ignore[return-value]

    @classmethod
    def of_mix(cls, mix: MixManifest | None, record: Mapping[str, Any], run: str) -> Policy | None:
        """The policy that the blend of a run was made under, ``record`` its ``run.json``; None when there is no blend,
        or what the policy's name stands for is gone or has changed since.
        """
        if mix is None:
            return None
        section = (record.get("recipe") or {}).get("mix") or {}
        try:
            policy = cls.load(_file_of(mix.policy, str(section.get("policy") or ""), record, run))
            if day := section.get("as_of"):
                policy = replace(policy, as_of=date.fromisoformat(str(day)))
        except (ValueError, OSError):
            return None
        return policy if policy.digest == mix.policy_digest else None

    @classmethod
    def load(cls, name: str) -> Policy:
        """A policy shipped with us, by name, or a YAML file. ValueError names what is wrong and what is allowed."""
        if name.endswith((".yaml", ".yml")):
            if not storage.is_file(name):
                raise ValueError(f"policy {name}: no such file")
            if storage.size(name) > _MOST_BYTES:
                raise ValueError(f"policy {name}: {storage.size(name):,} bytes, limit {_MOST_BYTES:,}")
            raw = storage.read_bytes(name)
        else:
            if name not in (known := shipped()):
                raise ValueError(f"unknown policy {name!r}; there are {', '.join(known)}, or name a .yaml file")
            raw = resources.files(__package__).joinpath("policies", f"{name}.yaml").read_bytes()
        try:
            data = yaml.safe_load(raw.decode("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"policy {name}: not valid YAML: {(str(error).splitlines() or ['?'])[0]}") from None
        try:
            return cls(name, **_checked(data))
        except ValueError as error:
            raise ValueError(f"policy {name}: {error}") from None


def _file_of(name: str, asked: str, record: Mapping[str, Any], run: str) -> str:
    """Where the policy that a blend calls ``name`` lies, which its recipe asked for as ``asked``."""
    if not name.endswith((".yaml", ".yml")) or PurePosixPath(asked).name != name:
        return name
    if asked.startswith("{run}"):
        return run.rstrip("/") + asked.removeprefix("{run}")
    if "://" in asked:
        return asked
    return str(PurePosixPath(str(record.get("recipe_path") or "")).parent / asked)


def obligations_of(expression: str, kind_of: str, kind: str, expires: date | None = None) -> tuple[str, ...]:
    """What using a text obliges to, by its licence, that one's category, its kind of evidence, and the end of terms."""
    terms = set(re.split(r"[^A-Z]+", expression.upper()))
    found = []
    if kind_of not in ("public-domain", "unknown", "reserved", "contract"):
        found.append("attribution")
    if kind_of == "copyleft" or "SA" in terms:
        found.append("share-alike")
    if "NC" in terms or kind_of == "noncommercial":
        found.append("non-commercial")
    if "ND" in terms or kind_of == "no-derivatives":
        found.append("no-derivatives")
    if kind in ("license-file", "file-header"):
        found.append("notice-text")
    if kind_of == "contract":
        found.append("contract-terms")
    if expires is not None:
        found.append(f"expires {expires}")
    return tuple(found)


_ALLOWED_VALUES = {
    "allow": CATEGORIES,
    "review": CATEGORIES,
    "honour_reservations": PROTOCOLS,
    "agents": _AGENTS,
    "routes": ROUTES,
    "origins": ORIGINS,
}


def _checked(data: Any) -> dict[str, Any]:
    known = [f.name for f in fields(Policy) if f.name != "name"]
    if not isinstance(data, dict):
        raise ValueError(f"needs exactly the keys as_of and allow, and may have {', '.join(known[2:])}")
    if unknown := sorted(str(k) for k in set(data) - set(known)):
        raise ValueError(f"unknown key {unknown[0]!r}; allowed: {', '.join(known)}")
    if missing := [k for k in ("as_of", "allow") if k not in data]:
        raise ValueError(f"the key {missing[0]} is missing; it needs as_of and allow")
    found: dict[str, Any] = {}
    for key, value in data.items():
        if key == "as_of":
            good = type(value) is date
        elif key == "lawful_access":
            good = value in ("required", "any")
        elif key == "min_confidence":
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
        else:
            if key == "honour_reservations" and isinstance(value, bool):
                value = list(PROTOCOLS) if value else []
            items = value if isinstance(value, list) else [value]
            allowed = _ALLOWED_VALUES[key]
            alike = str.lower if key == "agents" else str
            if wrong := [str(v) for v in items if not isinstance(v, str) or alike(v) not in set(map(alike, allowed))]:
                raise ValueError(f"{key}: unknown {wrong}; allowed: {', '.join(allowed)}")
            value, good = frozenset(items), True
        if not good:
            raise ValueError(f"a value is wrong: {key} is {value!r}")
        found[key] = value
    if both := sorted(found["allow"] & found.get("review", frozenset())):
        raise ValueError(f"{both[0]} is in both allow and review")
    return found


def shipped() -> list[str]:
    """Names of the policies that come with us, sorted."""
    folder = resources.files(__package__).joinpath("policies")
    return sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml"))
