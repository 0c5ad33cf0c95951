"""Several stages of one training, each with a blend of its own, solved together under common limits of repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from mixing.constraints import Constraints, Group
from mixing.infeasible import Infeasible
from mixing.laws import Laws
from mixing.objective import Objective, Problem
from mixing.observed import observe
from mixing.region import Region
from mixing.repetition import Repetition
from mixing.simplex import UNITS, Floats, round_weights
from mixing.solver import Mixture, certified, optimum, rounded, state
from mixing.surrogate import Surrogate

_BUDGET = "tokens of "  #: the constraint that a stage has as many as it has: its price is nobody's choice


@dataclass(frozen=True)
class Stage:
    """``budget`` tokens under ``bounds``, ``groups`` and ``excluded`` of its own, beside those of the whole.

    ``available`` are the tokens of each domain in documents of at least ``min_document`` tokens.
    """

    name: str
    budget: int
    available: Mapping[str, int]
    constraints: Constraints = field(default_factory=Constraints)
    min_document: int = 0
    sequence_length: int = 0


def solve_stages(
    surrogate: Surrogate, objective: Objective, constraints: Constraints, stages: Sequence[Stage]
) -> tuple[Mixture, dict[str, dict[str, float]]]:
    """The mixture of all tokens, and the weights of every stage.

    The objective is the mean of the stages' own, by tokens: proxies of a single stage say nothing of the order in which
    data is seen. Of a domain all stages together get no more than its tokens allow, and ``max_divergence`` bounds the
    stages' mean divergence. Where repeated tokens decay, the passes of all stages count, and there is no certificate.
    Raises ``Infeasible`` as ``solve`` does; ValueError for stages that cannot be.
    """
    total = sum(s.budget for s in stages)
    if len({s.name for s in stages}) < len(stages) or any(s.budget < 1 for s in stages):
        raise ValueError("stages need names that differ and budgets above zero")
    if constraints.ladders:
        raise ValueError("ladders are for a blend of one stage")
    shares = {s.name: s.budget / total for s in stages}
    with threadpool_limits(1, "blas"):
        whole = state(surrogate, replace(objective, kind="mean", groups={}, no_worse=None), constraints)
        laws = _Joint.of(whole.laws, shares)
        limits = _joined(constraints, stages, surrogate.domains, total)
        region = Region(sorted(laws.domains), limits)
        reference = _spread(region, shares, dict(zip(whole.region.domains, whole.region.nearest, strict=True)))
        aim, repetition = (
            _objective(objective, surrogate.metrics, shares),
            _repetition(region, constraints, shares, total),
        )
        problem = Problem(laws, aim, region, reference, whole.errors, repetition)
        best, certificate = certified(problem, optimum(problem))

        def on_grid(x: Floats) -> Floats:
            weights = _rounded(_by_stage(x, region, stages), stages, constraints, surrogate.domains)
            return np.array([shares[s] * weights[s][d] for s, d in (n.split("/", 1) for n in region.domains)])

        at = rounded(problem, best, on_grid)
        weights = {
            s: {d: round(w * UNITS) / UNITS for d, w in held.items()}
            for s, held in _by_stage(at, region, stages).items()
        }
        mean = {d: sum(shares[s.name] * weights[s.name][d] for s in stages) for d in surrogate.domains}
        x = round_weights(np.array([mean[d] for d in whole.region.domains]))
        observed = observe(surrogate, whole, x)
    judged = [surrogate.judge(np.array([[weights[s.name][d] for d in surrogate.domains]])) for s in stages]
    parts = [shares[s.name] for s in stages]
    cost = problem.metrics(at) - problem.laws.means(at[problem.order][None])[0]  # of repetition
    predicted = sum(p * (j[0][0] + c) for p, j, c in zip(parts, judged, cost.reshape(len(stages), -1), strict=True))
    deviation = sum(p * j[1][0] for p, j in zip(parts, judged, strict=True))
    q = whole.region.natural
    natural = None if q is None else _spread(region, shares, dict(zip(whole.region.domains, q, strict=True)))
    at_natural = None if q is None else surrogate.judge(q[whole.order][None])[0][0]
    mixture = Mixture(
        weights=dict(zip(surrogate.domains, x[whole.order].tolist(), strict=True)),
        objective=problem.value(at),
        predicted=dict(zip(surrogate.metrics, np.asarray(predicted).tolist(), strict=True)),
        predicted_sd=dict(zip(surrogate.metrics, np.asarray(deviation).tolist(), strict=True)),
        natural_objective=None if natural is None else problem.value(natural),
        natural_predicted={} if at_natural is None else dict(zip(surrogate.metrics, at_natural.tolist(), strict=True)),
        gap=max(0.0, problem.value(at) - certificate.bound) if problem.convex else None,
        divergence=None if natural is None else region.divergence(at),
        prices=tuple(p for p in certificate.prices if not p.constraint.startswith(_BUDGET)),
        observed=observed,
    )
    return mixture, weights


@dataclass(frozen=True, eq=False)
class _Joint(Laws):
    """The laws of every stage over ``STAGE/DOMAIN``, whose weights are shares of all tokens."""

    base: Laws
    shares: Mapping[str, float]

    @classmethod
    def of(cls, base: Laws, shares: Mapping[str, float]) -> _Joint:  # type: ignore[override]
        domains, metrics = (tuple(f"{s}/{n}" for s in shares for n in names) for names in (base.domains, base.metrics))
        return cls(domains, metrics, (), base, shares)

    def means(self, X: Floats) -> Floats:
        return np.concatenate([self.base.means(x) for x in self._stages(X)], axis=-1)

    def moved(self, errors: Sequence[Floats]) -> _Joint:
        """All stages by the same draw: what is not known of a law is not known in any of them."""
        return _Joint.of(self.base.moved(errors), self.shares)

    def gradients(self, X: Floats) -> Floats:
        m, n = len(self.base.domains), len(self.base.metrics)
        slopes = [self.base.gradients(x) / s for x, s in zip(self._stages(X), self.shares.values(), strict=True)]
        out = np.zeros((*slopes[0].shape[:-2], len(self.metrics), len(self.domains)))
        for k, own in enumerate(slopes):
            out[..., k * n : (k + 1) * n, k * m : (k + 1) * m] = own
        return out

    def convex(self, weights: Mapping[str, float]) -> bool:
        return all(
            self.base.convex({m: weights.get(f"{stage}/{m}", 0.0) for m in self.base.metrics}) for stage in self.shares
        )

    def least_helpful(self, sign: Floats) -> npt.NDArray[np.int64]:
        m, signs = len(self.base.domains), sign.reshape(len(self.shares), -1)
        return np.concatenate([k * m + self.base.least_helpful(s) for k, s in enumerate(signs)], axis=-1)

    def of_effective_data(self) -> npt.NDArray[np.bool_]:
        return np.tile(self.base.of_effective_data(), len(self.shares))

    def _stages(self, X: Floats) -> list[Floats]:
        m = len(self.base.domains)
        return [X[:, k * m : (k + 1) * m] / share for k, share in enumerate(self.shares.values())]


def _within(c: Constraints, stage: Stage, domains: Sequence[str]) -> Constraints:
    """What the blend of one stage must obey: the limits of the whole and its own, and what its tokens allow."""
    own, bounds = stage.constraints, dict[str, tuple[float, float]]()
    for d in domains:
        limits = [x.bounds[d] for x in (c, own) if d in x.bounds]
        low, high = max([0.0, *(b[0] for b in limits)]), min([1.0, *(b[1] for b in limits)])
        if d in stage.available and (cap := c.most(d, stage.available[d]) / stage.budget) < high:
            high, why = cap, f"{stage.available[d]:,} tokens × {c.epochs(d):g} epochs of its {stage.budget:,}"
        else:
            why = "a bound"
        if low > high * (1 + 1e-9):
            raise Infeasible(f"stage {stage.name}: {d} ≥ {low:g} and ≤ {high:.4g} ({why}): loosen one of them")
        bounds[d] = (min(low, high), high)
    again = {f"{name} of {stage.name}" if name in c.groups else name: g for name, g in own.groups.items()}
    excluded, frozen = [*c.excluded, *own.excluded], [*c.frozen, *own.frozen]
    return Constraints(bounds=bounds, groups={**c.groups, **again}, excluded=excluded, frozen=frozen)


def _joined(c: Constraints, stages: Sequence[Stage], domains: Sequence[str], total: int) -> Constraints:
    """All stages' constraints as ones on shares of all tokens."""
    bounds: dict[str, tuple[float, float]] = {}
    groups: dict[str, Group] = {}
    excluded: list[str] = []
    frozen: list[dict[str, float]] = []
    for stage in stages:
        share, own = stage.budget / total, _within(c, stage, domains)
        every = {f"{stage.name}/{d}": 1.0 for d in domains}
        groups[f"{_BUDGET}{stage.name}"] = Group(every, share, share)
        bounds |= {f"{stage.name}/{d}": (low * share, high * share) for d, (low, high) in own.bounds.items()}
        for name, g in own.groups.items():
            members = {f"{stage.name}/{d}": part for d, part in g.members.items()}
            groups[f"{stage.name}: {name}"] = Group(members, g.at_least * share, g.at_most * share)
        excluded += [f"{stage.name}/{d}" for d in sorted({*own.excluded})]
        frozen += [{f"{stage.name}/{d}": w for d, w in held.items()} for held in own.frozen]
    for d, tokens in c.available.items():
        if (cap := c.most(d, tokens) / total) < 1:
            groups[f"all of {d}"] = Group({f"{s.name}/{d}": 1.0 for s in stages}, 0.0, cap)
    q = sum(c.natural.values())
    natural = {f"{s.name}/{d}": s.budget / total * share / q for s in stages for d, share in c.natural.items()}
    return Constraints(
        bounds=bounds, groups=groups, excluded=excluded, frozen=frozen, natural=natural,
        max_divergence=c.max_divergence,
    )  # fmt: skip


def _repetition(region: Region, c: Constraints, shares: Mapping[str, float], total: int) -> Repetition:
    """What the stages read of a domain, they read of the same tokens."""
    stages, names = list(shares), sorted({n.split("/", 1)[1] for n in region.domains})
    stage, domain = zip(*(n.split("/", 1) for n in region.domains), strict=True)
    known = c.available if c.decay else {}
    return Repetition(
        np.array([known[d] / total if d in known else np.inf for d in domain], np.float64),
        c.decay,
        np.array([names.index(d) for d in domain], np.int64),
        np.array([stages.index(s) for s in stage], np.int64),
        np.array([shares[s] for s in stages]),
    )


def _objective(o: Objective, metrics: Sequence[str], shares: Mapping[str, float]) -> Objective:
    weights = o.shares(metrics)
    groups = dict(o.groups) or ({m: [m] for m in weights} if o.kind == "worst" else {})
    return Objective(
        weights={f"{s}/{m}": share * w for s, share in shares.items() for m, w in weights.items()},
        kind=o.kind,
        groups={name: [f"{s}/{m}" for s in shares for m in members] for name, members in groups.items()},
        no_worse=o.no_worse,
        risk=o.risk,
    )


def _by_stage(x: Floats, region: Region, stages: Sequence[Stage]) -> dict[str, dict[str, float]]:
    """Weights within each stage, of shares of all tokens."""
    found: dict[str, dict[str, float]] = {}
    for stage in stages:
        at = [i for i, d in enumerate(region.domains) if d.split("/", 1)[0] == stage.name]
        y = np.maximum(x[at], 0.0)
        found[stage.name] = {region.domains[i].split("/", 1)[1]: float(v / y.sum()) for i, v in zip(at, y, strict=True)}
    return found


def _rounded(
    exact: Mapping[str, Mapping[str, float]], stages: Sequence[Stage], c: Constraints, domains: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Every stage in ten-thousandths, under its own constraints and what the others leave of each domain."""
    names = sorted(domains)
    chosen: dict[str, dict[str, float]] = {s: dict(w) for s, w in exact.items()}
    for stage in stages:
        own, bounds = _within(c, stage, names), dict[str, tuple[float, float]]()
        for d, (low, high) in own.bounds.items():
            if d in c.available:
                others = sum(s.budget * chosen[s.name][d] for s in stages if s.name != stage.name)
                high = min(high, (c.most(d, c.available[d]) - others) / stage.budget)
            bounds[d] = (low, max(low, high, exact[stage.name][d] - 1e-9))
        x = Region(names, replace(own, bounds=bounds)).round(np.array([exact[stage.name][d] for d in names]))
        chosen[stage.name] = dict(zip(names, x.tolist(), strict=True))
    return chosen


def _spread(region: Region, shares: Mapping[str, float], mixture: Mapping[str, float]) -> Floats:
    """The same mixture in every stage."""
    return np.array([shares[s] * mixture[d] for s, d in (n.split("/", 1) for n in region.domains)])
