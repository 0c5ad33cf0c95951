"""What is served: one run, asked afresh each time, so that what others decide or take down shows at once."""

from __future__ import annotations

import getpass
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from starlette.exceptions import HTTPException

from manifests import reviews, storage
from manifests.lineage import Index
from manifests.policy import Policy, shipped
from manifests.reviews import Book
from mixing.tokenizer import Tokenizer
from pipelines.reviewing import policy_of

_PATIENCE = 20.0  #: seconds that a costly question waits for another


class Site:
    """The run, the token that its forms carry, and a turn for what is costly. ``redact`` leaves texts out."""

    def __init__(self, run: str, *, redact: bool = False) -> None:
        self.run = run
        self.redact = redact
        self.token = secrets.token_urlsafe(32)
        self.report = b""  #: the page, where it had to be made
        self.name = run.rstrip("/").rsplit("/", 1)[-1]
        self.reviewer = "reviewer"
        with suppress(OSError, KeyError):
            self.reviewer = getpass.getuser()
        self._turn = threading.Semaphore(1)

    def index(self) -> Index:
        return Index(self.run)

    def book(self) -> Book:
        return reviews.of_run(self.run)

    @cached_property
    def own_policy(self) -> Policy:
        return policy_of(self.run)

    def policies(self) -> list[str]:
        """Names to choose from: the run's own first. Files are not among them, so that no request names a path."""
        return list(dict.fromkeys([self.own_policy.name, *shipped()]))

    def policy(self, name: str = "") -> Policy:
        """ValueError for a policy that is not among them."""
        if name in ("", self.own_policy.name):
            return self.own_policy
        if name not in shipped():
            raise ValueError(f"unknown policy {name!r}; there are {', '.join(self.policies())}")
        return Policy.load(name)

    @cached_property
    def tokenizer(self) -> Tokenizer | None:
        uri = storage.join(self.run, "models/tokenizer.json")
        return Tokenizer.load(uri) if storage.is_file(uri) else None

    def decode(self, tokens: Any) -> str:
        return self.tokenizer.decode(tokens) if self.tokenizer else ""

    @contextmanager
    def costly(self) -> Iterator[None]:
        """One at a time: what reads every text, or writes an export."""
        if not self._turn.acquire(timeout=_PATIENCE):
            raise HTTPException(503, "another costly question is being answered: ask again in a while")
        try:
            yield
        finally:
            self._turn.release()
