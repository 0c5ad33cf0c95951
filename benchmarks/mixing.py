"""Regression on RegMix's proxy runs (arXiv 2407.01492), beside LightGBM with its settings, and the log-linear law.

``python -m benchmarks.mixing`` measures this alone and replaces its section of ``results.md``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.stats
from threadpoolctl import threadpool_limits

import mixing
from benchmarks import solver
from benchmarks.inputs import DEVELOPMENT_DATA
from mixing import sequential, swarm, tables, trees

DATA = DEVELOPMENT_DATA / "mixing" / "regmix"
SCALES = ("1m", "60m", "1B")
TARGET = "metric/the_pile_pile_cc_val_loss"
SUBSETS, SUBSET, DESIGNED = 10, 128, 64
SEEDS, START, BATCH, MOST = 8, 24, 8, 40
TITLE = "## Mixtures: RegMix's proxy runs"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Predict = Callable[[Floats], Floats]  #: mixtures to metrics
Fit = Callable[[Floats, Floats], Predict]

NOTE = """Spearman's rank correlation × 100 between predicted and true losses of mixtures that no fit saw: 256 at 1M and
60M parameters, 64 at 1B; the mean over 13 losses, then Pile-CC alone. All are fitted on runs of 1M parameters. CPU
seconds are of one thread, for all 13 losses; cuvée's hold the cross-validation that chooses. LightGBM has RegMix's
settings (1,000 rounds, rate 0.01), without early stopping on the test rows. The designed runs are chosen D-optimally
from the 512."""


def run() -> str:
    """The section, as Markdown."""
    if not DATA.is_dir():
        return f"{TITLE}\n\nNot run: the development data (`CUVEE_TEST_DATA`) was not there.\n"
    head = ["| | mean of 13: 1M | 60M | 1B | Pile-CC: 1M | 60M | 1B | CPU s |", "|---|" + "---|" * 7]
    tables = [*head, *whole(), *few(), "", NOTE, "", *searches(), "", *solver.rows(), "", solver.NOTE]
    return "\n".join([TITLE, "", *tables, ""])


def whole() -> Iterator[str]:
    """Rows of all 512 runs."""
    X, Y, names = _read("train", "1m")
    for title, fit in (
        ("cuvée `auto`", _family("auto", names)),
        ("cuvée `power_law_concave`", _family("power_law_concave", names)),
        ("LightGBM (RegMix)", _lightgbm),
        ("log-linear (olmix, mixing laws)", _family("log_linear", names)),
        ("linear (RegMix)", _family("linear", names)),
    ):
        yield _row(f"{title}, {len(X)} runs", fit, [(X, Y)])


def few() -> Iterator[str]:
    """Rows of some of the runs: designed ones, and random ones."""
    X, Y, names = _read("train", "1m")
    designed = np.array([*islice(swarm.informative(X), DESIGNED)])
    subsets = [np.random.default_rng(1000 + r).permutation(len(X))[:SUBSET] for r in range(SUBSETS)]
    auto = _family("auto", names)
    yield _row(f"cuvée `auto`, {DESIGNED} designed runs", auto, [(X[designed], Y[designed])])
    title = f"cuvée `auto`, {SUBSET} random runs, mean of {SUBSETS}"
    yield _row(title, auto, [(X[some], Y[some]) for some in subsets])


def _row(title: str, fit: Fit, runs: Sequence[tuple[Floats, Floats]]) -> str:
    tests = [_read("test", scale) for scale in SCALES]
    target = tests[0][2].index(TARGET)
    scores, seconds = [], 0.0
    for X, Y in runs:
        start = time.process_time()
        predict = fit(X, Y)
        seconds += (time.process_time() - start) / len(runs)
        scores.append([[100 * _spearman(p, y) for p, y in zip(predict(A).T, B.T, strict=True)] for A, B, _ in tests])
    mean = np.array(scores).mean(0)
    cells = [f"{v:.2f}" for v in (*mean.mean(1), *mean[:, target])]
    row = f"| {title} | {' | '.join(cells)} | {seconds:.2g} |"
    print(row, flush=True)
    return row


def _family(family: str, names: list[str]) -> Fit:
    def fit(X: Floats, Y: Floats) -> Predict:
        surrogate = mixing.fit(*_frames(X, Y, names), family=family)
        return lambda A: surrogate.judge(A)[0]

    return fit


def _lightgbm(X: Floats, Y: Floats) -> Predict:
    models = [trees.fit(X, y, np.ones(len(y))) for y in Y.T]
    return lambda A: np.column_stack([model.mean(A) for model in models])


def searches() -> Iterator[str]:
    """How soon the best of 768 mixtures of known loss is found: 24 at random, then batches of eight."""
    first, second = _read("train", "1m"), _read("test", "1m")
    X, Y, names = np.vstack([first[0], second[0]]), np.vstack([first[1], second[1]]), first[2]
    yield f"| best of {len(X)} mixtures found within {MOST} runs, of {SEEDS} seeds | cuvée | random, after 120 |"
    yield "|---|---|---|"
    for title, columns in (("mean of 13 losses", range(len(names))), ("Pile-CC", [names.index(TARGET)])):
        y = Y[:, list(columns)]
        found = [_search(X, y, seed, [names[c] for c in columns]) for seed in range(SEEDS)]
        blind = [_best(y, np.random.default_rng(seed).permutation(len(X))[:120]) for seed in range(SEEDS)]
        row = f"| {title} | {sum(found)} | {sum(blind)} |"
        print(row, flush=True)
        yield row


def _search(X: Floats, Y: Floats, seed: int, names: list[str]) -> bool:
    taken = np.random.default_rng(seed).permutation(len(X))[:START]
    while len(taken) < MOST:
        surrogate = mixing.fit(*_frames(X[taken], Y[taken], names))
        rest = np.setdiff1d(np.arange(len(X)), taken)
        batch = sequential.propose(surrogate, X[rest], BATCH)
        proposed = batch.mixtures.select(surrogate.domains).to_numpy()
        taken = np.concatenate([taken, [rest[int(np.abs(X[rest] - x).sum(1).argmin())] for x in proposed]])
    return _best(Y, taken)


def _best(Y: Floats, taken: Ints) -> bool:
    mean = Y.mean(1)
    return bool(mean[taken].min() == mean.min())


def _read(kind: str, scale: str) -> tuple[Floats, Floats, list[str]]:
    pair = (str(DATA / f"{kind}_{name}_{scale}.csv") for name in ("mixture", "pile_loss"))
    weights, metrics, key = tables.read_pair(*pair)
    both = weights.join(metrics, on=key, maintain_order="left")
    X, names = both.select(weights.columns[1:]).to_numpy(), metrics.columns[1:]
    return X / X.sum(1, keepdims=True), both.select(names).to_numpy(), names


def _frames(X: Floats, Y: Floats, names: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    runs = pl.DataFrame({"run": range(len(X))})
    weights = runs.with_columns(pl.Series(f"d{j:02d}", x) for j, x in enumerate(X.T))
    return weights, runs.with_columns(pl.Series(name, y) for name, y in zip(names, Y.T, strict=True))


def _spearman(a: Floats, b: Floats) -> float:
    return float(scipy.stats.spearmanr(a, b).statistic)


def main() -> None:
    with threadpool_limits(limits=1):
        section = run()
    target = Path(__file__).with_name("results.md")
    before = re.sub(rf"\n{re.escape(TITLE)}\n.*?(?=\n## |\Z)", "", target.read_text("utf-8"), flags=re.DOTALL)
    target.write_text(f"{before.rstrip()}\n\n{section}", encoding="utf-8")


if __name__ == "__main__":
    main()
