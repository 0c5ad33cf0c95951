"""``cuvee review``: what waits for a person, and what people decided."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from pipelines.cli.console import RunArgument, existing_run, listing, out
from pipelines.errors import CuveeError

_SHOWN = 40


def review(
    run: RunArgument,
    allow: Annotated[bool, typer.Option("--allow", help="May be trained on, whatever was found.")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="May not.")] = False,
    licence: Annotated[str, typer.Option("--licence", help="Has this licence (SPDX); the policy decides.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Takes back what was decided of the same.")] = False,
    identifier: Annotated[str, typer.Option("--id", help="Of this document.")] = "",
    host: Annotated[str, typer.Option("--host", help="Of all documents of this host and its subdomains.")] = "",
    signature: Annotated[str, typer.Option("--signature", help="Of all documents with this evidence.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; needed with a decision.")] = "",
    reviewer: Annotated[str, typer.Option("--reviewer", help="Who decides; default: the user's name.")] = "",
    policy: Annotated[str, typer.Option("--policy", help="Under which documents wait; default: the run's.")] = "",
    decisions: Annotated[bool, typer.Option("--decisions", help="What was decided so far.")] = False,
) -> None:
    """What waits for a person, most tokens first; or a decision, which counts at once and in every later run."""
    folder = existing_run(run)
    actions = {"allow": allow, "deny": deny, "licence": bool(licence), "withdraw": withdraw}
    targets = {"document": identifier, "host": host, "signature": signature}
    try:
        if decisions:
            _show_decisions(folder)
        elif not any(actions.values()):
            if any(targets.values()):
                raise CuveeError("review: say what is decided: --allow, --deny, --licence X or --withdraw")
            _show_queue(folder, policy)
        else:
            _decide(folder, actions, targets, licence, reason, reviewer)
    except ValueError as error:
        raise CuveeError(str(error)) from None


def _decide(
    run: str, actions: dict[str, bool], targets: dict[str, str], licence: str, reason: str, reviewer: str
) -> None:
    from manifests import reviews
    from pipelines.reviewing import decide

    if sum(actions.values()) != 1 or sum(map(bool, targets.values())) != 1:
        raise CuveeError(
            "review: one decision (--allow, --deny, --licence or --withdraw) of one --id, --host or --signature"
        )
    action = next(a for a, given in actions.items() if given)
    scope, value = next((s, v) for s, v in targets.items() if v)
    asked = reviews.Review(action, scope, value, reviewer or getpass.getuser(), reason, reviews.now(), licence)
    made = decide(run, asked)
    out.print(f"{_said(made.review)}: {made.documents:,} documents, {made.tokens:,} tokens", highlight=False)
    for earlier in made.replaced:
        out.print(
            f"  replaces {_said(earlier)} by {earlier.reviewer} at {earlier.time}: {earlier.reason}", markup=False
        )
    for note in made.notes:
        out.print(f"  {note}", markup=False, highlight=False)


def _said(review: Any) -> str:
    return f"{review.action} {review.licence}".strip() + f" {review.scope} {review.value}"


def _show_queue(run: str, name: str) -> None:
    from rich.markup import escape

    from manifests import reviews
    from pipelines.reviewing import policy_of

    policy = policy_of(run, name)
    waits = reviews.waiting(run, policy, reviews.of_run(run))
    for title, frame in (("evidence", reviews.by_signature(waits)), ("host", reviews.by_host(waits))):
        table = listing(*frame.columns, title=f"waiting under {policy.name}, by {title}")
        for row in frame.head(_SHOWN).iter_rows():
            table.add_row(*(f"{v:,}" if isinstance(v, int) else escape(str(v)) for v in row))
        if frame.height:
            out.print(table)
        if frame.height > _SHOWN:
            out.print(f"and {frame.height - _SHOWN:,} more")
    if not waits.height:
        out.print(f"nothing waits for a person under {policy.name}", highlight=False)


def _show_decisions(run: str) -> None:
    from rich.markup import escape

    from manifests import reviews

    book = reviews.of_run(run)
    current = set(book.current)
    table = listing("time", "reviewer", "decision", "of", "reason", "")
    for found in book.reviews:
        what = escape(f"{found.action} {found.licence}".strip())
        row = (found.time, escape(found.reviewer), what, escape(f"{found.scope} {found.value}"), escape(found.reason))
        table.add_row(*row, "" if found in current else "replaced")
    out.print(table if len(book) else "nothing was decided yet")
