"""``cuvee mix fit`` and ``predict``: tables of anyone's proxy runs in, a surrogate or predictions out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
from rich.console import Console
from rich.table import Table

from mixing import runs, tables
from mixing.regression import fit
from mixing.surrogate import Surrogate
from pipelines.errors import CuveeError
from pipelines.mix_tables import print_table


@contextmanager
def user_errors() -> Iterator[None]:
    """What a room says of bad input is one line for the user."""
    try:
        yield
    except ValueError as error:
        raise CuveeError(str(error)) from None


def fit_files(weights: str, metrics: str, out: str, *, key: str = "", family: str = "auto") -> Surrogate:
    """Fits and saves; ``key`` names the run, found by itself when empty."""
    with user_errors():
        w, m, found = tables.read_pair(weights, metrics, key or None)
        surrogate = fit(w, m, key=found, family=family)
    surrogate.save(out)
    return surrogate


def predict_file(surrogate: str, weights: str, out: str) -> list[str]:
    """Writes predictions for the rows that are mixtures; returns what is wrong with the others."""
    with user_errors():
        tables.check_name(out)
        model = Surrogate.load(surrogate)
        frame = tables.without_names(tables.weights_of(tables.read(weights)), model.key)
        if missing := [d for d in model.domains if d not in frame.columns]:
            raise ValueError(f"{weights} lacks the domains {', '.join(missing)}")
        if model.key not in frame.columns:
            frame = frame.with_columns(pl.int_range(pl.len()).alias(model.key))
        faults = pl.Series(runs.shares(frame.select(model.domains))[1])
        good = faults == ""
        if not good.any():
            raise ValueError(f"{weights}: no row is a mixture; the first: {faults[0]}")
        tables.write(model.predict(frame.filter(good)), out)
    return [f"{key}: {fault}" for key, fault in zip(frame[model.key].filter(~good), faults.filter(~good), strict=True)]


def show(surrogate: Surrogate, console: Console) -> None:
    """Cross-validated scores of every family for every metric."""
    n = len(surrogate.runs)
    title = f"{n} runs, {len(surrogate.domains)} domains: scores of runs left out"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    table.add_column("family", no_wrap=True)
    for column in ("spearman", "rmse", "R²", "in 90 %", ""):
        table.add_column(column, justify="left" if not column else "right")
    last = ""
    for row in surrogate.scores.iter_rows(named=True):
        marks = ", ".join(word for word, of in (("plans", "plans"), ("predicts", "chosen")) if row[of])
        cells = [_number(row["spearman"], ".4f"), _number(row["rmse"], ".4g"), _number(row["r2"], ".4f")]
        style = "bold" if row["chosen"] else None
        name = row["metric"] if row["metric"] != last else ""
        table.add_row(name, row["family"], *cells, _number(row["coverage"], ".0%"), marks, style=style)
        last = row["metric"]
    print_table(table, console)
    for metric, sd in zip(surrogate.metrics, surrogate.noise.sd, strict=True):
        if sd == sd:  # NaN without repeats
            console.print(f"noise of {metric}, from repeats: {sd:.4g}", highlight=False, markup=False)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
