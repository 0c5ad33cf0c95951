"""Mix manifests as tables for the terminal: one with bars, two side by side."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from manifests.mix import MixManifest

_BAR = 24
_WIDEST = 1000


def show(manifest: MixManifest, console: Console) -> None:
    """The blend, its stages, and what is known about it."""
    print_table(mixture(manifest), console)
    for stage in manifest.stages:
        console.print(f"[bold]{escape(stage.name)}[/]: {_stage(manifest, stage.name)}", highlight=False)
    for line in findings(manifest):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_table(table: Table, console: Console) -> None:
    """As wide as it is: where the terminal is narrower, or there is none, numbers are wrapped rather than cut."""
    table.width = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
    console.print(table, crop=False, soft_wrap=True)


def mixture(manifest: MixManifest) -> Table:
    """The domains of a blend with bars: natural share, weight with its interval, tokens, epochs."""
    available = sum(d.available for d in manifest.domains.values())
    title = f"Mixture of {manifest.budget:,} tokens" if manifest.budget else "Mixture"
    table = _table(title, "domain")
    intervals = any(d.interval for d in manifest.domains.values())
    sizes = ("available", "tokens", "epochs") if manifest.budget else ()
    columns = ["natural", "weight", *(["95 %"] if intervals else []), *sizes]
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("")
    for name, d in sorted(manifest.domains.items(), key=lambda item: -item[1].weight):
        natural = d.natural if d.natural is not None else (d.available / available if available else None)
        cells = {
            "natural": "–" if natural is None else f"{natural:.1%}",
            "weight": f"{d.weight:.1%}",
            "95 %": "–" if d.interval is None else f"{d.interval[0]:.1%} – {d.interval[1]:.1%}",
            "available": f"{d.available:,}",
            "tokens": f"{d.tokens:,}",
            "epochs": f"{d.epochs:.2f}",
        }
        bar = "█" * round(d.weight * _BAR)
        table.add_row(escape(name), *(cells[c] for c in columns), f"[green]{bar}[/]")
        for i, b in enumerate(d.buckets):
            told = {"available": f"{b.available:,}", "tokens": f"{b.tokens:,}", "epochs": f"{b.epochs:.2f}"}
            table.add_row(f"[dim]  quality {i + 1}[/]", *(f"[dim]{told.get(c, '')}[/]" for c in columns), "")
    return table


def findings(manifest: MixManifest) -> list[str]:
    """One line each: what the blend is predicted to bring, how sure that is, what binds it, what to run first."""
    lines = []
    predicted, natural, gap = (manifest.objective.get(k) for k in ("predicted", "natural", "gap"))
    aim = manifest.aim
    kind = aim.get("kind", "mean") + (f", at a risk of {aim['risk']:g}" if aim.get("risk") else "")
    if predicted is not None:
        against = f", natural {natural:.6g}" if natural is not None else ""
        proof = (
            f"; no mixture is better by more than {gap:.2g}" if gap is not None else "; no proof that it is the best"
        )
        lines.append(f"objective ({kind}): {predicted:.6g}{against}{proof}")
    if (b := manifest.bootstrap) is not None and b.gain is not None:
        said = "indistinguishable from natural" if b.indistinguishable else "better than natural"
        low, high = b.gain
        lines.append(f"{said}: over {b.draws} resamples of the runs it gains {low:.4g} to {high:.4g}")
    lines += [f"binding: {p.constraint}; a hundredth looser would gain {p.cost:.4g}" for p in manifest.prices]
    lines += [f"left out: run {run}: {why}" for run, why in manifest.left_out.items()]
    if (o := manifest.observed) is not None and o.outside:
        lines.append(
            f"outside the observed runs: the nearest, {o.nearest}, is {o.distance:.3g} away (usual: {o.usual:.3g}), "
            f"the prediction's deviation {o.deviation:.3g} (usual: {o.usual_deviation:.3g})"
        )
        proposed = [", ".join(f"{d} {w:.4g}" for d, w in mix.items()) for mix in o.confirm]
        lines += [f"  confirm with a run of {mix}" for mix in proposed]
    return lines


def difference(old: MixManifest, new: MixManifest) -> Table:
    """Weights, epochs and tokens of both, and the tokens that moved."""
    table = _table("", "domain")
    counted = bool(old.budget and new.budget)
    for column in ("weight", "", "change", *(("epochs", "", "tokens moved") if counted else ())):
        table.add_column(column, justify="right")
    names = sorted({*old.domains, *new.domains}, key=lambda n: (-_weight(new, n), -_weight(old, n), n))
    for name in names:
        a, b = _weight(old, name), _weight(new, name)
        note = " [dim](new)[/]" if name not in old.domains else " [dim](gone)[/]" if name not in new.domains else ""
        cells = [f"{a:.2%}", f"{b:.2%}", _signed(100 * (b - a), ".2f", " pp")]
        if counted:
            before, after = (m.domains[name].epochs if name in m.domains else 0.0 for m in (old, new))
            moved = sum((m.domains[name].tokens if name in m.domains else 0) * s for m, s in ((new, 1), (old, -1)))
            cells += [f"{before:.2f}", f"{after:.2f}", _signed(moved, ",.0f")]
        table.add_row(escape(name) + note, *cells)
    return table


def difference_notes(old: MixManifest, new: MixManifest) -> list[str]:
    """What else differs, a line each."""
    moved = sum(abs(_weight(new, n) - _weight(old, n)) for n in {*old.domains, *new.domains}) / 2
    lines = [f"{moved:.2%} of the blend moved"]
    for what in ("budget", "tokenizer", "policy", "seed", "surrogate", "aim", "constraints"):
        a, b = getattr(old, what), getattr(new, what)
        if a != b:
            lines.append(f"{what}: {_said(what, a)} → {_said(what, b)}")
    changed = sorted(s for s in {*old.pools} & {*new.pools} if old.pools[s].digest != new.pools[s].digest)
    for word, strata in (
        ("changed", changed),
        ("new", sorted({*new.pools} - {*old.pools})),
        ("gone", sorted({*old.pools} - {*new.pools})),
    ):
        if strata:
            lines.append(f"pools {word}: {', '.join(strata)}")
    for name in [m for m in new.metrics if m in old.metrics]:
        a, b = old.metrics[name].predicted, new.metrics[name].predicted
        if a != b:
            lines.append(f"{name}: {a:.6g} → {b:.6g}")
    return lines


def _stage(manifest: MixManifest, name: str) -> str:
    stage = next(s for s in manifest.stages if s.name == name)
    rules = [f"{stage.budget:,} tokens"]
    if stage.min_document:
        rules.append(f"documents of {stage.min_document:,} tokens or more")
    if stage.sequence_length:
        rules.append(f"sequences of {stage.sequence_length:,}")
    shares = sorted(stage.domains.items(), key=lambda item: -item[1].weight)
    return f"{', '.join(rules)}: " + ", ".join(f"{escape(n)} {d.weight:.1%}" for n, d in shares if d.tokens)


def _table(title: str, first: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.add_column(first)
    return table


def _said(what: str, value: object) -> str:
    return str(value) if value or what == "seed" else "none"  # a budget of 0 is unknown, a seed of 0 is a seed


def _weight(manifest: MixManifest, name: str) -> float:
    return manifest.domains[name].weight if name in manifest.domains else 0.0


def _signed(value: float, form: str, unit: str = "") -> str:
    if not value:
        return "="
    colour = "green" if value > 0 else "red"
    return f"[{colour}]{'+' if value > 0 else '−'}{format(abs(value), form)}{unit}[/]"
