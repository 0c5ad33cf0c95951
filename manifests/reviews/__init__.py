"""Reviews: what people decided about documents, hosts and evidence, kept in a file and fed back as claims.

A review is a line of ``reviews/decisions.jsonl`` of a run, or of any such file a recipe names in ``licences.reviews``.
Of those that meet a document the latest counts, as a claim of kind ``human``: the first thing a policy looks at.
"""

from __future__ import annotations

from manifests.reviews.book import PATH, Book, of_run
from manifests.reviews.file import append
from manifests.reviews.overlay import overlay
from manifests.reviews.queue import by_host, by_signature, in_words, waiting
from manifests.reviews.review import ACTIONS, SCOPES, Review, now

__all__ = [
    "ACTIONS",
    "PATH",
    "SCOPES",
    "Book",
    "Review",
    "append",
    "by_host",
    "by_signature",
    "in_words",
    "now",
    "of_run",
    "overlay",
    "waiting",
]
