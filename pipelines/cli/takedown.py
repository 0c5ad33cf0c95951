"""``cuvee takedown``: text and tokens out of a run, for good."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.console import RunArgument, err, existing_run, listing, out
from pipelines.errors import CuveeError

app = typer.Typer(help="Takedowns: plan, do, resume and list them.", no_args_is_help=True)
Url = Annotated[list[str] | None, typer.Option("--url", help="An address.")]
Domain = Annotated[list[str] | None, typer.Option("--domain", help="A host with all its subdomains.")]
Prefix = Annotated[list[str] | None, typer.Option("--prefix", help="A path and all below it: example.org/blog.")]
Owner = Annotated[list[str] | None, typer.Option("--owner", help="A domain, or github:NAME and the like.")]
Licence = Annotated[list[str] | None, typer.Option("--licence", help="All documents concluded to have this licence.")]
Hash = Annotated[list[str] | None, typer.Option("--hash", help="A content hash.")]
Id = Annotated[list[str] | None, typer.Option("--id", help="A document's id.")]


def _requests(**given: list[str] | None) -> list[Any]:
    from manifests.takedown import Request

    try:
        found = [Request(kind, value) for kind, values in given.items() for value in values or []]
    except ValueError as error:
        raise CuveeError(str(error)) from None
    if not found:
        raise CuveeError("takedown: say what: --url, --domain, --prefix, --owner, --licence, --hash or --id")
    return found


@app.command("plan")
def plan_takedown(
    run: RunArgument, url: Url = None, domain: Domain = None, prefix: Prefix = None, owner: Owner = None,
    licence: Licence = None, hash: Hash = None, id: Id = None,
) -> None:  # fmt: skip
    """What a takedown would take: documents, near-duplicates, derivatives, and their tokens. Changes nothing."""
    from manifests.lineage import Index
    from manifests.takedown import outline

    asked = _requests(url=url, domain=domain, prefix=prefix, owner=owner, licence=licence, hash=hash, id=id)
    try:
        index = Index(existing_run(run))
        found = outline(index, asked)
    except ValueError as error:
        raise CuveeError(str(error)) from None
    _show_outline(index, found)


def _show_outline(index: Any, found: Any) -> None:
    from rich.markup import escape

    from manifests import lineage, parts

    def row_of(number: int, names: list[str]) -> dict[str, Any]:
        entry = index.entry(number)
        return lineage.row_of(index.run, parts.DOCUMENTS, entry.part, entry.row, names)

    table = listing("document", "address", "why", "domain", "tokens")
    ways = ("duplicate of", "derived from")
    for number, by, kind in list(zip(found.numbers.tolist(), found.by.tolist(), found.kind.tolist(), strict=True))[
        :_SHOWN
    ]:
        row, entry = row_of(number, ["id", "url"]), index.entry(number)
        why = "requested" if by < 0 else f"{ways[kind]} {row_of(by, ['id'])['id']}"
        table.add_row(row["id"], escape(row["url"] or "–"), why, escape(entry.domain), f"{entry.tokens:,}")
    out.print(table)
    if len(found.numbers) > _SHOWN:
        out.print(f"and {len(found.numbers) - _SHOWN:,} more")
    out.print(
        f"{len(found.numbers):,} documents; {found.tokens:,} tokens in {found.places.height:,} stretches of "
        f"{found.places['shard'].n_unique()} shard files"
    )


@app.command("apply")
def apply_takedown(
    run: RunArgument, url: Url = None, domain: Domain = None, prefix: Prefix = None, owner: Owner = None,
    licence: Licence = None, hash: Hash = None, id: Id = None,
    mode: Annotated[str, typer.Option("--mode", help="erase, tombstone, index or rewrite.")] = "erase",
    why: Annotated[str, typer.Option("--why", help="Whose request, or which ruling: goes into the receipt.")] = "",
) -> None:  # fmt: skip
    """Takes documents out of the run: text everywhere, tokens in the shards; writes a receipt and the deny list."""
    from pipelines.takedown import apply

    asked = _requests(url=url, domain=domain, prefix=prefix, owner=owner, licence=licence, hash=hash, id=id)
    _show(run, apply(existing_run(run), asked, mode=mode, why=why, progress=_say))


@app.command("resume")
def resume_takedown(run: RunArgument) -> None:
    """Finishes a takedown that was interrupted."""
    from pipelines.takedown import resume

    found = resume(existing_run(run), progress=_say)
    if not found:
        out.print("no takedown was interrupted")
    for receipt in found:
        _show(run, receipt)


@app.command("list")
def list_takedowns(run: RunArgument) -> None:
    """The takedowns of a run."""
    from rich.markup import escape

    from manifests.takedown import receipts

    table = listing("takedown", "finished", "mode", "what", "documents", "tokens")
    for receipt in receipts(existing_run(run)):
        what = ", ".join(f"{r['kind']} {r['value']}" for r in receipt["requests"])
        counts = (f"{len(receipt['documents']):,}", f"{receipt['tokens']:,}")
        table.add_row(receipt["takedown"], receipt["finished"], receipt["mode"], escape(what), *counts)
    out.print(table)


_SHOWN = 30


def _say(step: str) -> None:
    err.print(f"takedown: {step}", highlight=False)


def _show(run: str, receipt: dict[str, Any]) -> None:
    from rich.markup import escape

    out.print(
        f"takedown {receipt['takedown']}: {len(receipt['documents']):,} documents, {receipt['tokens']:,} tokens of the "
        f"shards, by {receipt['mode']}"
    )
    if (new := receipt["refill"]) is not None:
        missing = sum(new["shortfall"].values())
        out.print(
            f"refilled {new['refilled']:,} of {new['removed']:,} tokens; shortfall {missing:,}; "
            f"shares of domains moved by at most {new['drift']:.3%}"
        )
    for item in receipt["remains"]:
        out.print(f"  remains: {escape(item['where'])}: {escape(item['what'])}", highlight=False)
    out.print(f"receipt: {run}/takedowns/{receipt['takedown']}/receipt.json", highlight=False, soft_wrap=True)
