"""The solver on random laws under random constraints, against a grid and against itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from mixing import conic, solver
from mixing.constraints import Constraints, Group
from mixing.families import FAMILIES
from mixing.infeasible import Infeasible, irreducible
from mixing.laws import Laws, Stack
from mixing.objective import Objective, Problem
from mixing.region import Region

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = ["arxiv", "books", "code", "dialogue", "essays"]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """As in ``mixing.solve``."""
    with threadpool_limits(1, "blas"):
        yield


@st.composite
def laws(draw: st.DrawFn, m: int) -> Laws:
    """A few metrics of one or two families."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    metrics = draw(st.integers(1, 4))
    kinds = [draw(st.sampled_from(["log_linear", "power_law_concave", "ridge"])) for _ in range(metrics)]
    stacks = []
    for kind in sorted(set(kinds)):
        at = np.array([i for i, k in enumerate(kinds) if k == kind])
        centre = FAMILIES[kind].prior(m)
        P = centre + rng.normal(0, 1.0, (len(at), len(centre)))
        stacks.append(Stack(FAMILIES[kind], at, P, rng.normal(3, 1, len(at)), rng.uniform(0.1, 1, len(at))))
    return Laws(tuple(NAMES[:m]), tuple(f"loss{i}" for i in range(metrics)), tuple(stacks))


@st.composite
def limits(draw: st.DrawFn, m: int) -> Constraints:
    names, share = NAMES[:m], st.floats(0, 1).map(lambda v: round(v, 3))
    bounds = {}
    for name in draw(st.sets(st.sampled_from(names), max_size=2)):
        low = draw(share) / m
        bounds[name] = (low, draw(st.floats(low, 1)))
    natural = {n: draw(st.floats(0.05, 1)) for n in names}
    members = {n: draw(st.sampled_from([0.0, 0.5, 1.0])) for n in names}
    groups = {"licensed": Group(members, at_least=draw(share) * 0.5)} if draw(st.booleans()) else {}
    tokens = {n: draw(st.integers(10_000, 900_000)) for n in names} if draw(st.booleans()) else {}
    return Constraints(
        bounds=bounds,
        groups=groups,
        available=tokens,
        budget=1_000_000 if tokens else 0,
        max_epochs=draw(st.sampled_from([1.0, 4.0])),
        decay=draw(st.sampled_from([None, 5.0])) if tokens else None,
        natural=natural,
        max_divergence=draw(st.sampled_from([None, 0.05, 0.5])),
    )


def posed(some: Laws, aim: Objective, constraints: Constraints) -> Problem | None:
    """The problem, as ``solver.state`` makes it; None when nothing is allowed."""
    rng = np.random.default_rng(0)
    errors = [rng.normal(0, 0.5, (16, *s.parameters.shape)) for s in some.stacks]
    try:
        region = Region(sorted(some.domains), constraints)
        problem = Problem(some, aim, region, np.full(len(some.domains), 1 / len(some.domains)), errors)
        solver.optimum(problem)
    except Infeasible:
        return None
    return problem


plain = st.sampled_from([Objective(), Objective(kind="worst"), Objective(no_worse=0.02)])
aims = plain | st.sampled_from([Objective(risk=1.0), Objective(kind="worst", risk=2.0, no_worse=0.02)])


def keeps(x: np.ndarray, names: list[str], c: Constraints, slack: float) -> bool:
    """The constraints, checked anew from what was asked."""
    at = dict(zip(names, x.tolist(), strict=True))
    held = all(low - slack <= at[n] <= high + slack for n, (low, high) in c.bounds.items())
    for g in c.groups.values():
        held &= g.at_least - slack <= sum(part * at[n] for n, part in g.members.items()) <= g.at_most + slack
    held &= all(at[n] * c.budget <= tokens * c.max_epochs + slack * c.budget for n, tokens in c.available.items())
    if c.max_divergence is not None:
        q = np.array([c.natural[n] for n in names]) / sum(c.natural.values())
        held &= float(np.sum(x * np.log(np.maximum(x, 1e-300) / q))) <= c.max_divergence + slack
    return held


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 5), aims)
def test_the_answer_is_a_mixture_that_keeps_every_constraint(data: st.DataObject, m: int, aim: Objective) -> None:
    constraints = data.draw(limits(m))
    problem = posed(data.draw(laws(m)), aim, constraints)
    assume(problem is not None)
    assert problem is not None
    x = solver.rounded(problem, solver.optimum(problem))
    assert (x >= 0).all()
    assert x.sum() == pytest.approx(1, abs=1e-12)
    assert np.allclose(x * 10_000, np.round(x * 10_000), atol=1e-8)
    assert keeps(x, NAMES[:m], constraints, 1.001e-4), "off by less than the grid where the grid leaves no room"


@settings(max_examples=20, deadline=None)
@given(st.data(), aims)
def test_no_point_of_a_grid_is_better(data: st.DataObject, aim: Objective) -> None:
    constraints = data.draw(limits(3))
    problem = posed(data.draw(laws(3)), aim, constraints)
    assume(problem is not None and problem.convex)
    assert problem is not None
    best = solver.optimum(problem)
    assert problem.excess(best) < 1e-6
    steps = np.linspace(0, 1, 31)
    grid = [np.array([a, b, 1 - a - b]) for a in steps for b in steps if a + b <= 1 + 1e-12]
    allowed = [p for x in grid if problem.excess(p := np.clip(x, 0, 1)) <= 0]
    least = min((problem.value(p) for p in allowed), default=np.inf)
    assert problem.value(best) <= least + 1e-6


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 5), st.randoms(use_true_random=False))
def test_permuting_domains_permutes_the_answer(data: st.DataObject, m: int, shuffler: object) -> None:
    some, constraints = data.draw(laws(m)), data.draw(limits(m))
    problem = posed(some, Objective(), constraints)
    assume(problem is not None and problem.convex)
    assert problem is not None
    order = list(range(m))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    stacks = tuple(replace(s, parameters=_permuted(s, order, m)) for s in some.stacks)
    other = posed(replace(some, domains=tuple(some.domains[i] for i in order), stacks=stacks), Objective(), constraints)
    assert other is not None
    assert problem.value(solver.optimum(problem)) == pytest.approx(other.value(solver.optimum(other)), abs=1e-9)
    a, b = (dict(zip(p.region.domains, solver.optimum(p), strict=True)) for p in (problem, other))
    assert a == pytest.approx(b, abs=1e-3)


def _permuted(s: Stack, order: list[int], m: int) -> np.ndarray:
    rest = range(s.family.head, s.parameters.shape[1], m)
    return np.hstack(
        [s.parameters[:, : s.family.head], *(s.parameters[:, first : first + m][:, order] for first in rest)]
    )


@settings(max_examples=20, deadline=None)
@given(st.data(), st.integers(2, 5), plain)
def test_the_conic_way_and_the_other_agree(data: st.DataObject, m: int, aim: Objective) -> None:
    pytest.importorskip("clarabel", reason="the conic way needs clarabel")
    some = data.draw(laws(m).filter(lambda s: all(k.family.name != "power_law_concave" for k in s.stacks)))
    problem = posed(some, aim, replace(data.draw(limits(m)), decay=None))
    assume(problem is not None)
    assert problem is not None
    assert conic.applies(problem)
    exact = conic.optimum(problem)
    assume(exact is not None)
    assert exact is not None
    x = solver.optimum(problem, [problem.region.nearest])
    assert problem.excess(exact) < 1e-6
    assert problem.value(exact) == pytest.approx(problem.value(x), abs=2e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.05, 0.9), st.booleans()), min_size=1, max_size=8))
def test_what_clashes_can_be_met_without_any_one_of_it(asked: list[tuple[int, float, bool]]) -> None:
    rows = [(j, round(v, 3), up) for j, v, up in asked]

    def feasible(items: object) -> bool:
        low, high = np.zeros(5), np.ones(5)
        for j, v, up in items:  # type: ignore[attr-defined]
            if up:
                high[j] = min(high[j], v)
            else:
                low[j] = max(low[j], v)
        return bool((low <= high).all() and low.sum() <= 1 <= high.sum())

    assume(not feasible(rows))
    tagged = [(*r, i) for i, r in enumerate(rows)]
    clash = irreducible(tagged, lambda items: feasible([t[:3] for t in items]))
    assert not feasible([t[:3] for t in clash])
    for one in clash:
        assert feasible([t[:3] for t in clash if t is not one])


def test_twenty_four_domains_and_fifty_metrics_are_certified() -> None:
    rng = np.random.default_rng(0)
    m, n = 24, 50
    names = tuple(f"d{i:02d}" for i in range(m))
    for family in (FAMILIES["power_law_concave"], FAMILIES["log_linear"]):
        P = family.prior(m) + rng.normal(0, 1, (n, len(family.prior(m))))
        stack = Stack(family, np.arange(n), P, np.full(n, 3.0), np.full(n, 0.3))
        some = Laws(names, tuple(f"t{i}" for i in range(n)), (stack,))
        natural = dict(zip(names, rng.dirichlet(np.full(m, 3.0)), strict=True))
        constraints = Constraints(
            natural=natural, max_divergence=0.3, bounds=dict.fromkeys(names, (0.0, 0.4)),
            groups={"licensed": Group(dict.fromkeys(names[:8], 1.0), at_least=0.3)},
            available={d: int(s * 1e9) for d, s in natural.items()}, budget=2 * 10**9,
        )  # fmt: skip
        for aim in (Objective(), Objective(kind="worst"), Objective(no_worse=0.01)):
            problem = posed(some, aim, constraints)
            assert problem is not None
            x = solver.optimum(problem)
            assert problem.excess(x) < 1e-6
            assert problem.value(x) - solver.certify(problem, x).bound < 1e-5
