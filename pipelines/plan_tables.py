"""A plan, and what a sample tells of it, as tables for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.planning import RunPlan, calls
from pipelines.sampling import Estimate, Sampled

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
#: what no sample tells
_UNSAMPLED = ("proxies", "permit", "shards", "rephrase")


def show_plan(plan: RunPlan, console: Console) -> None:
    table = _table("source", "files", "bytes", "splits")
    for s in plan.sources:
        if s.splits:
            table.add_row(escape(s.source.name), f"{s.files:,}", size(s.bytes), f"{len(s.splits):,}")
        else:
            table.add_row(escape(s.source.name), "not made yet: unknown", "", "")
    console.print(table)
    stages = ", ".join(f"{stage} {tasks:,}" for stage, tasks in plan.stages.items())
    console.print(f"stages and their tasks: {stages}", highlight=False, soft_wrap=True)
    for line in calls(plan):
        console.print(f"model calls: {line}", highlight=False, markup=False, soft_wrap=True)


def show_sample(plan: RunPlan, found: Sampled, console: Console) -> None:
    tokenized = plan.recipe.tokenizer is not None
    table = _table("source", "sampled", "documents", "kept", *(("tokens",) if tokenized else ()))
    for name, estimate in (*found.sources.items(), ("all", found.total)):
        table.add_row(escape(name), *_row(estimate, tokenized))
    console.print(table)
    if tokenized and found.total.tokens:
        console.print(f"{found.total.text / found.total.tokens:.2f} bytes a token", highlight=False)
    elif not tokenized:
        console.print("tokens: not estimated, the recipe has no tokenizer", highlight=False)
    stored = _table("storage", "bytes")
    for name, n in sorted(found.storage.items(), key=lambda item: -item[1]):
        stored.add_row(name, size(n))
    stored.add_row("all", size(sum(found.storage.values())))
    console.print(stored)
    cpu = _table("stage", "core-hours", "")
    for stage, seconds in found.cpu.items():
        cpu.add_row(stage, f"{seconds / 3600:,.3g}")
    cpu.add_row("all", f"{sum(found.cpu.values()) / 3600:,.3g}")
    console.print(cpu)
    if left := [s for s in plan.stages if s in _UNSAMPLED]:
        console.print(f"not sampled, and not in these hours: {', '.join(left)}", highlight=False)
    if found.calls is not None:
        console.print(f"model calls: rephrase: about {found.calls:,.0f}", highlight=False)
    if found.ocr:
        console.print(f"OCR: about {found.ocr:,.0f} pages", highlight=False)
    console.print(_statement(plan, found), highlight=False, soft_wrap=True)


def _statement(plan: RunPlan, found: Sampled) -> str:
    total = found.total
    splits = sum(len(s.splits) for s in plan.sources)
    share = total.bytes / max(sum(s.bytes for s in plan.sources), 1)
    said = (
        f"Extrapolated from {total.sampled:,.0f} documents of {total.splits:,.0f} of {splits:,} splits "
        f"({share:.2%} of the bytes). "
        "Duplicates that were not sampled together are not seen: kept and tokens are upper bounds. Hours are of cores "
        "like this machine's; what is left in them of the workers' start weighs the more the smaller the sample."
    )
    unknown = [s.source.name for s in plan.sources if not s.splits]
    return said + (f" Unknown, as not made yet: {', '.join(unknown)}." if unknown else "")


def _row(e: Estimate, tokenized: bool) -> list[str]:
    cells = [f"{e.sampled:,.0f}", f"{e.documents:,.0f}", f"{e.kept:,.0f}"]
    return [*cells, f"{e.tokens:,.0f}"] if tokenized else cells


def size(n: float) -> str:
    """Three digits and a unit of thousands."""
    for unit in _UNITS:
        if n < 999.5 or unit == _UNITS[-1]:
            break
        n /= 1000
    return f"{n:,.3g} {unit}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
