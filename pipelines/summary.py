"""The table at the end of a run: what came in, what was dropped and why, what is in the blend."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from pipelines.mix_tables import mixture
from pipelines.run import Summary


def show(summary: Summary, console: Console) -> None:
    """Prints the summary and the path of the report."""
    if not summary.worked:
        console.print("Nothing to do: every part is there and nothing it depends on has changed.")
    counts = summary.catalog.counts
    stages = [s for s in counts if s == "select" or s.startswith("select-")]
    table = Table(title="Documents", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("documents", justify="right")
    read = counts.get("ingest", {})
    table.add_row("documents in", f"{read.get('documents', 0):,}")
    if synthetic := counts.get("rephrase", {}).get("documents", 0):
        table.add_row("rephrased", f"{synthetic:,}")
    dropped: dict[str, int] = {}
    for stage in stages:
        for name, n in counts[stage].items():
            if name.startswith("dropped:"):
                reason = name.removeprefix("dropped:")
                dropped[reason] = dropped.get(reason, 0) + n
    for reason, n in sorted(dropped.items(), key=lambda item: -item[1]):
        table.add_row(f"  dropped: {reason}", f"{n:,}")
    table.add_row("kept", f"[bold]{sum(counts[s].get('kept', 0) for s in stages):,}[/]")
    rejects = read.get("rejects", 0) + counts.get("rephrase", {}).get("rejects", 0)
    table.add_row("[dim]rejected records[/]", f"[dim]{rejects:,}[/]")
    console.print(table)
    if summary.manifest is not None:
        console.print(mixture(summary.manifest))
    for name, shards in summary.shards.get("formats", {}).items():
        tokens = sum(s["tokens"] for s in shards)
        console.print(f"shards/{name}: {len(shards)} shards, {tokens:,} tokens", highlight=False)
    for failure in summary.failures:
        console.print(f"[red]failed:[/] {failure}", highlight=False)
    console.print(f"report: {summary.report}", highlight=False, soft_wrap=True)
