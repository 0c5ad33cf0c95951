"""Log-linear and linear laws as a conic programme, exact to the solver's tolerance, in milliseconds (Clarabel).

c + exp(w·x) and the divergence from natural proportions are exponential cones; everything else is linear.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import scipy.sparse

from mixing.families import Linear, LogLinear
from mixing.objective import Problem
from mixing.simplex import Floats


def applies(problem: Problem) -> bool:
    """Whether the laws are such, the problem convex, and Clarabel there; else the solver's other way serves."""
    plain = bool(problem.laws.stacks) and all(isinstance(s.family, LogLinear | Linear) for s in problem.laws.stacks)
    return (
        plain
        and problem.convex
        and not problem.risk
        and not problem.repetition.decay
        and find_spec("clarabel") is not None
    )


def optimum(problem: Problem) -> Floats | None:
    """The mixture, in the order of the problem's domains; None when Clarabel does not vouch for one.

    Variables are the mixture x, u_i ≥ exp(w_i·x) of every log-linear law, k_j ≥ x_j log(x_j/q_j), and t ≥ every part.
    """
    import clarabel

    region, laws = problem.region, problem.laws
    m, n = len(region.domains), len(laws.metrics)
    used = np.flatnonzero(region.natural > 0) if region.radius is not None and region.natural is not None else ()
    width = m + n + len(used) + 1
    constant, by_x, by_u, slopes = np.zeros(n), np.zeros((n, m)), np.zeros(n), np.zeros((n, m))
    for s in laws.stacks:
        turned = np.empty((len(s.at), m))
        turned[:, problem.order] = s.parameters[:, 1:]
        constant[s.at] = s.centre + s.scale * s.parameters[:, 0]
        if isinstance(s.family, LogLinear):
            slopes[s.at], by_u[s.at] = turned, s.scale
        else:
            by_x[s.at] = s.scale[:, None] * turned
    curved = np.flatnonzero(by_u)

    def row(x: Floats, u: Floats | None = None, k: float = 0.0, t: float = 0.0) -> Floats:
        """One or many rows over all variables."""
        x = np.atleast_2d(x)
        u = np.zeros((len(x), n)) if u is None else np.atleast_2d(u)
        return np.hstack([x, u, np.full((len(x), len(used)), k), np.full((len(x), 1), t)])

    below = [row(-np.eye(m)), row(region.A), row(problem.parts @ by_x, problem.parts * by_u, t=-1.0)]
    limits = [np.zeros(m), region.b, -(problem.parts @ constant) - problem.offset]
    if len(problem.limits):
        below.append(row(problem.sides @ by_x, problem.sides * by_u))
        limits.append(problem.limits - problem.sides @ constant)
    if region.radius is not None:
        below.append(row(np.zeros(m), k=1.0))
        limits.append(np.array([region.radius]))
    cones, ends = [], []
    for i in curved:  # (w·x, 1, u)
        cones += [row(-slopes[i]), row(np.zeros(m)), row(np.zeros(m), -np.eye(n)[i])]
        ends += [0.0, 1.0, 0.0]
    for number, j in enumerate(used):  # (−k, x, q)
        own = np.zeros((1, width))
        own[0, m + n + number] = 1.0
        cones += [own, row(-np.eye(m)[j]), np.zeros((1, width))]
        ends += [0.0, 0.0, float(region.natural[j])]  # type: ignore[index]
    A = np.vstack([row(np.ones(m)), *below, *cones])
    b = np.concatenate([[1.0], *limits, ends])
    kinds = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(sum(map(len, limits)))]
    kinds += [clarabel.ExponentialConeT()] * (len(curved) + len(used))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    aim = np.append(np.zeros(width - 1), 1.0)
    nothing = scipy.sparse.csc_matrix((width, width))
    solved = clarabel.DefaultSolver(nothing, aim, scipy.sparse.csc_matrix(A), b, kinds, settings).solve()
    if solved.status != clarabel.SolverStatus.Solved:
        return None
    found = np.clip(np.asarray(solved.x, np.float64)[:m], region.low, region.high)
    return found if abs(found.sum() - 1) < 1e-6 else None
