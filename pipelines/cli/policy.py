"""``cuvee policy``: what policies allow, and what another one would change."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.console import RunArgument, existing_run, out
from pipelines.errors import CuveeError

app = typer.Typer(help="Policies: what may be trained on, and what another one would change.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A policy that comes with us, or a .yaml file.")]


@app.command("list")
def list_policies() -> None:
    """The policies that come with us."""
    from rich.table import Table

    from manifests.policy import Policy, shipped

    table = Table("policy", "as of", "allows", "review", "digest", box=None)
    for policy in map(Policy.load, shipped()):
        allowed, review = ", ".join(sorted(policy.allow)), ", ".join(sorted(policy.review))
        table.add_row(policy.name, str(policy.as_of), allowed, review, policy.digest[:12])
    out.print(table)


@app.command("show")
def show(name: Name, run: Annotated[str, typer.Argument(help="A run to apply it to.")] = "") -> None:
    """A policy; or, with a run, what it decides: documents and tokens by domain and reason."""
    from rich.table import Table

    policy = _load(name)
    if not run:
        from dataclasses import fields

        table = Table(box=None, show_header=False)
        for field in fields(policy):
            value = getattr(policy, field.name)
            table.add_row(field.name, ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value))
        table.add_row("digest", policy.digest)
        out.print(table)
        return
    from manifests import what_if

    frame, signatures = _documents(run)
    tally = what_if.tally(frame, signatures, policy)
    table = Table("domain", "decision", "reason", "documents", "tokens", box=None)
    for row in tally.iter_rows():
        table.add_row(*(f"{v:,}" if isinstance(v, int) else str(v) for v in row))
    out.print(table)


@app.command("diff")
def diff(
    before: Name,
    after: Name,
    run: Annotated[str, typer.Argument(help="A run, whose tokens are counted.")] = "",
    csv: Annotated[str, typer.Option("--csv", help="Write the table to this file.")] = "",
) -> None:
    """Two policies side by side; with a run, the tokens gained and lost by domain and reason."""
    from dataclasses import fields

    from rich.table import Table

    one, other = _load(before), _load(after)
    if not run:
        table = Table("", one.name, other.name, box=None)
        for field in fields(one):
            values = [getattr(p, field.name) for p in (one, other)]
            if values[0] != values[1] and field.name != "name":
                table.add_row(field.name, *map(_shown, values))
        out.print(table)
        return
    from manifests import storage, what_if

    frame, signatures = _documents(run)
    changes = what_if.difference(frame, signatures, one, other)
    if csv:
        storage.write_bytes(csv, changes.write_csv().encode())
    table = Table("domain", one.name, other.name, "why", "documents", "tokens", "gained", box=None)
    for row in changes.iter_rows(named=True):
        why = row["reason_before"] if row["action_before"] != "allow" else row["reason_after"]
        table.add_row(
            *(row[name] for name in ("domain", "action_before", "action_after")),
            why,
            f"{row['documents']:,}",
            f"{row['tokens']:,}",
            f"{row['gained']:+,}",
        )
    out.print(table)
    gained = int(changes.filter(changes["gained"] > 0)["gained"].sum())
    lost = -int(changes.filter(changes["gained"] < 0)["gained"].sum())
    out.print(f"{other.name} gains {gained:,} tokens and loses {lost:,} of {int(frame['tokens'].sum()):,}")


@app.command("duplicates")
def duplicates(run: RunArgument) -> None:
    """Tokens whose licence class would have changed, had deduplication kept the most permissive copy."""
    from rich.table import Table

    from manifests import laundering

    try:
        found = laundering.changed(existing_run(run))
    except ValueError as error:
        raise CuveeError(str(error)) from None
    table = Table("licence class", "would have become", "documents", "tokens", box=None)
    for row in found.iter_rows():
        table.add_row(row[0], row[1], f"{row[2]:,}", f"{row[3]:,}")
    out.print(table if found.height else "no document's licence class would have changed")


def _shown(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def _load(name: str) -> Any:
    from manifests.policy import Policy

    try:
        return Policy.load(name)
    except ValueError as error:
        raise CuveeError(str(error)) from None


def _documents(run: RunArgument) -> Any:
    from manifests import what_if

    try:
        return what_if.documents(existing_run(run))
    except ValueError as error:
        raise CuveeError(str(error)) from None
