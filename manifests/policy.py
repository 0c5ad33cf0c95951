"""Policies: which licence categories may be trained on. Data, dated; they act in the mix, never on text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib import resources

import yaml

from manifests import storage
from manifests.licences import CATEGORIES
from manifests.receipts import digest_of


@dataclass(frozen=True)
class Policy:
    """``allow`` lists licence categories; ``honour_reservations`` denies what a rightsholder has reserved."""

    name: str
    as_of: date
    allow: frozenset[str]
    honour_reservations: bool

    def permits(self, category: str, *, reserved: bool) -> bool:
        return category in self.allow and not (reserved and self.honour_reservations)

    @property
    def digest(self) -> str:
        return digest_of(self.as_of.isoformat(), sorted(self.allow), self.honour_reservations)

    @classmethod
    def load(cls, name: str) -> Policy:
        """A policy shipped with us, by name, or a YAML file. ValueError names what is wrong and what is allowed."""
        folder = resources.files(__package__).joinpath("policies")
        if name.endswith((".yaml", ".yml")):
            if not storage.is_file(name):
                raise ValueError(f"policy {name}: no such file")
            text = storage.read_bytes(name).decode("utf-8")
        else:
            if name not in (known := shipped()):
                raise ValueError(f"unknown policy {name!r}; there are {', '.join(known)}, or name a .yaml file")
            text = folder.joinpath(f"{name}.yaml").read_text("utf-8")
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"policy {name}: not valid YAML: {str(error).splitlines()[0]}") from None
        keys = {"as_of", "allow", "honour_reservations"}
        if not isinstance(data, dict) or set(data) != keys:
            raise ValueError(f"policy {name}: needs exactly the keys {', '.join(sorted(keys))}")
        allow = data["allow"] if isinstance(data["allow"], list) else [data["allow"]]
        unknown = [str(c) for c in allow if c not in CATEGORIES]
        if unknown or not isinstance(data["as_of"], date) or not isinstance(data["honour_reservations"], bool):
            what = f"unknown categories {unknown}; allowed: {', '.join(CATEGORIES)}" if unknown else "a value is wrong"
            raise ValueError(f"policy {name}: {what}")
        return cls(name, data["as_of"], frozenset(allow), data["honour_reservations"])


def shipped() -> list[str]:
    """Names of the policies that come with us, sorted."""
    folder = resources.files(__package__).joinpath("policies")
    return sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml"))
