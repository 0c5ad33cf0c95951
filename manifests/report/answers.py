"""The queries behind a blend: what it weighs, what it is predicted to buy, what is permitted, and how sure it is."""

from __future__ import annotations

from numbers import Real

from manifests.mix import MixManifest
from manifests.report.material import Material
from manifests.report.queries import Why

_DOMAINS = (
    "blend.select('domain', 'weight', 'available', 'tokens', 'epochs', "
    "natural=pl.col('available') / pl.col('available').sum()).with_columns("
    "change=pl.when(pl.col('natural') > 0).then(pl.col('weight') / pl.col('natural')))"
    ".sort('weight', 'domain', descending=[True, False])"
)
_METRICS = (
    "metrics.select(pl.col('predicted', 'sd', 'weight'), pl.col('^natural$|^cv_spearman$'), "
    "change=pl.col('predicted') / {natural} - 1)"
)
#: of the tokens of training documents, those whose pools the blend may draw from
_PERMITTED = (
    "documents.filter(split='train').select(pooled=pl.col('tokens').sum(), permitted=pl.col('tokens').filter("
    "pl.col('stratum').is_in([s for d in mix['domains'].values() for s in d.get('pools', [])])).sum(){limits})"
)


def of(m: Material, manifest: MixManifest, permitted: int, pooled: int) -> dict[str, Why]:
    natural = any(v.natural is not None for v in manifest.metrics.values())
    return {
        "whole": _whole(m, manifest),
        "domains": m.table(_DOMAINS),
        "metrics": m.table(_METRICS.format(natural="pl.col('natural')" if natural else "pl.lit(None)")),
        "permitted": _permitted(m, manifest, permitted, pooled),
        "sure": _sure(m, manifest),
        "stages": m.why(
            "pl.select(**{f\"{s['name']}: {n}\": d['weight'] for s in mix['stages'] for n, d in s['domains'].items()}, "
            "**{s['name']: s['budget'] for s in mix['stages']})",
            {f"{s.name}: {n}": d.weight for s in manifest.stages for n, d in s.domains.items()}
            | {s.name: s.budget for s in manifest.stages},
        ),
    }


def _whole(m: Material, manifest: MixManifest) -> Why:
    gives: dict[str, float | None] = {"budget": manifest.budget, "runs": manifest.runs}
    gives |= {n: manifest.objective.get(n) for n in ("predicted", "natural", "gap")}
    asked = "**{n: mix.get('objective', {}).get(n) for n in ('predicted', 'natural', 'gap')}"
    return m.why(f"pl.select(budget=mix['budget'], runs=mix.get('runs', 0), {asked})", gives)


def _permitted(m: Material, manifest: MixManifest, permitted: int, pooled: int) -> Why:
    """With the constraints of the blend, which are shown beside it."""
    gives: dict[str, float | None] = {"pooled": pooled, "permitted": permitted}
    limits = ""
    for name, value in manifest.constraints.items():
        if isinstance(value, Real) and value:
            gives[name] = float(value)
            limits += f", {name}=mix['constraints'][{name!r}]"
    for name, (least, most) in manifest.constraints.get("bounds", {}).items():
        gives |= {f"{name} at least": least, f"{name} at most": most}
    if manifest.constraints.get("bounds"):
        limits += (
            ", **{f'{n} at {end}': v for n, b in mix['constraints']['bounds'].items() "
            "for end, v in zip(('least', 'most'), b)}"
        )
    return m.why(_PERMITTED.format(limits=limits), gives)


def _sure(m: Material, manifest: MixManifest) -> Why:
    gives: dict[str, float | None] = {}
    asked = []
    if manifest.bootstrap:
        gives["draws"] = manifest.bootstrap.draws
        asked.append("draws=mix['bootstrap']['draws']")
        if manifest.bootstrap.gain:
            gives |= dict(zip(("gain at least", "gain at most"), manifest.bootstrap.gain, strict=True))
            asked.append("**dict(zip(('gain at least', 'gain at most'), mix['bootstrap']['gain']))")
    if manifest.observed:
        gives |= {"distance": manifest.observed.distance, "usual": manifest.observed.usual}
        gives["confirm"] = len(manifest.observed.confirm)
        asked.append("**{n: mix['observed'][n] for n in ('distance', 'usual')}")
        asked.append("confirm=len(mix['observed'].get('confirm', []))")
    gives |= {p.constraint: p.cost for p in manifest.prices}
    asked.append("**{p['constraint']: p['cost'] for p in mix.get('prices', [])}")
    return m.why(f"pl.select({', '.join(asked)})", gives)
