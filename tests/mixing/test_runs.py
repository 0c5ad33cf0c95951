from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mixing import noise, runs, tables

WEIGHTS = "run,name,index,web,code\na,swarm-a,0,0.7,0.3\nb,swarm-b,1,0.2,0.8\nc,swarm-c,2,0.5,0.5\n"
METRICS = "run,name,index,bpb/web,bpb/code\nc,swarm-c,2,1.5,2.5\na,swarm-a,0,1.7,2.3\nb,swarm-b,1,1.2,2.8\n"


def written(folder: Path, **texts: str) -> list[str]:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return [str(folder / f"{name}.csv") for name in texts]


def test_olmix_tables_are_joined_by_run_and_not_by_place(tmp_path: Path) -> None:
    w, m, key = tables.read_pair(*written(tmp_path, w=WEIGHTS, m=METRICS))
    assert (key, w.columns, m.columns) == ("run", ["run", "web", "code"], ["run", "bpb/web", "bpb/code"])
    joined = runs.join(w, m)
    assert joined.keys == ("a", "b", "c")
    assert joined.X.tolist() == [[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]]
    assert joined.Y.tolist() == [[1.7, 2.3], [1.2, 2.8], [1.5, 2.5]]
    assert joined.left_out == {}


def test_runs_that_cuvee_trained_are_one_table_of_both(tmp_path: Path) -> None:
    own = pl.DataFrame({
        "run": ["r000", "r001", "r002"], "weight/web": [0.7, 0.2, 0.5], "weight/code": [0.3, 0.8, 0.5],
        "bpb/web": [1.7, None, 1.5], "loss": [2.0, None, 2.1], "diverged": [False, True, False],
    })  # fmt: skip
    own.write_parquet(tmp_path / "runs.parquet")
    w, m, key = tables.read_pair(*2 * [str(tmp_path / "runs.parquet")])
    assert (key, w.columns, m.columns) == ("run", ["run", "web", "code"], ["run", "bpb/web"])
    joined = runs.join(w, m)
    assert joined.keys == ("r000", "r002")
    assert joined.left_out == {"r001": "no metric is a finite number"}


def test_regmix_and_run_id_and_parquet(tmp_path: Path) -> None:
    files = written(tmp_path, w="index,a,b\n1,0.5,0.5\n2,1.0,0.0\n", m="index,loss\n2,3.0\n1,2.0\n")
    assert tables.read_pair(*files)[2] == "index"
    pl.read_csv(files[0]).rename({"index": "run_id"}).write_parquet(tmp_path / "w.parquet")
    pl.read_csv(files[1]).rename({"index": "run_id"}).write_ndjson(tmp_path / "m.jsonl")
    w, m, key = tables.read_pair(str(tmp_path / "w.parquet"), str(tmp_path / "m.jsonl"))
    assert key == "run_id"
    assert runs.join(w, m).Y.ravel().tolist() == [2.0, 3.0]


def test_a_metric_with_a_word_in_it_is_still_a_metric(tmp_path: Path) -> None:
    text = METRICS.replace("1.5,2.5", "diverged,inf")
    w, m, _ = tables.read_pair(*written(tmp_path, w=WEIGHTS, m=text))
    joined = runs.join(w, m)
    assert joined.keys == ("a", "b")
    assert joined.left_out == {"c": "no metric is a finite number"}


def test_bad_rows_are_left_out_by_name_and_the_good_ones_used() -> None:
    w = pl.DataFrame(
        {"run": ["a", "b", "c", "d", "e", "f", "g", "g", "h", "h", None], "x": [0.5, 0.6, 0.9, -0.1, None] + [0.3] * 6,
         "y": [0.5, 0.4, 0.4, 1.1, 1.0, 0.7, 0.7, 0.7, 0.7, 0.72, 0.7]},
    )  # fmt: skip
    m = pl.DataFrame({"run": ["a", "b", "c", "d", "e", "g", "h", "z"], "loss": [1.0] * 7 + [2.0]})
    joined = runs.join(w, m)
    assert joined.keys == ("a", "b", "g"), "rows that are the same twice count once"
    assert joined.left_out == {
        "1 rows of weights": "no id",
        "h": "the id names several different rows of weights",
        "z": "metrics without weights",
        "f": "weights without metrics",
        "c": "weights sum to 1.3, not 1",
        "d": "a weight is negative: x",
        "e": "a weight is missing or not finite: x",
    }
    assert joined.warnings[0].startswith("7 runs are left out, wholly or in part: ")


def test_what_deserves_a_second_look_is_said() -> None:
    n = 4
    w = pl.DataFrame({"run": range(n), "a": [0.2, 0.3, 0.4, 0.5], "b": [0.5, 0.4, 0.3, 0.2], "still": [0.31] * n})
    m = pl.DataFrame(
        {"run": range(n), "loss": [1.0, 2.0, 3.0, 4.0], "flat": [2.0] * n, "rare": [1.0, None, None, None]}
    )
    warnings = "\n".join(runs.join(w, m).warnings)
    for said in (
        "fewer than two finite values are left out: rare", "4 runs for 3 domains: 8 or more are advised",
        "weights of 4 runs sum to 1.01 to 1.01, not 1, and were scaled", "never vary teach nothing: still",
        "constant metrics: flat",
    ):  # fmt: skip
        assert said in warnings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as csv"),
        ("run,a,b\n", "has no rows"),
        ("run,a,a\n1,0.5,0.5\n", "names columns twice: 'a'"),
        ("run,a, b,b\n1,0.5,0.2,0.3\n", "names columns twice: 'b'"),
        ("run,a\n1,0.5,0.5\n", "more fields than the header"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, text: str, message: str) -> None:
    (file,) = written(tmp_path, w=text)
    with pytest.raises(ValueError, match=message):
        tables.read(file)
    with pytest.raises(ValueError, match="unknown format"):
        tables.read(str(tmp_path / "w.xlsx"))


def test_columns_that_are_no_domains_are_refused() -> None:
    m = pl.DataFrame({"run": ["a", "b"], "loss": [1.0, 2.0]})
    named = pl.DataFrame({"run": ["a", "b"], "x": [0.5, 0.2], "y": [0.5, 0.8], "name": ["n1", "n2"]})
    with pytest.raises(ValueError, match="column 'name' of weights is String"):
        runs.join(named, m)
    with pytest.raises(ValueError, match="values exceed 1: step"):
        runs.join(named.with_columns(step=pl.lit(1000)).drop("name"), m)
    with pytest.raises(ValueError, match="0 usable runs"):
        runs.join(named.drop("name").with_columns(pl.col("run") + "x"), m)
    with pytest.raises(ValueError, match="metrics loss_sd: predictions call deviations so"):
        runs.join(named.drop("name"), m.with_columns(loss_sd=pl.lit(0.1)))
    with pytest.raises(ValueError, match="all 2 usable runs have the same mixture"):
        runs.join(named.with_columns(x=pl.lit(0.5), y=pl.lit(0.5)).drop("name"), m)


def test_runs_may_be_named_by_anything() -> None:
    weights = pl.DataFrame({"x": [0.5, 0.2], "y": [0.5, 0.8]})
    for keys in ([date(2026, 1, 2), date(2026, 1, 1)], [1.5, 0.5]):
        metrics = pl.DataFrame({"run": keys, "loss": [1.0, 2.0]})
        found = runs.join(metrics.select("run").hstack(weights), metrics)
        assert found.keys == tuple(str(k) for k in sorted(keys))


def test_noise_comes_from_repeats_and_differs_where_they_do() -> None:
    rng = np.random.default_rng(0)
    even, corner = np.full(4, 0.25), np.array([0.97, 0.01, 0.01, 0.01])
    X = np.vstack([np.tile(even, (12, 1)), np.tile(corner, (12, 1)), rng.dirichlet(np.ones(4), 6)])
    sd = np.where(np.arange(30) < 12, 0.01, 0.2)
    Y = 3 + rng.normal(size=(30, 3)) * sd[:, None]
    found = noise.measure(X, Y)
    assert found.sd == pytest.approx(np.sqrt((0.01**2 + 0.2**2) / 2), rel=0.3)
    assert found.precision[0] / found.precision[12] > 20
    same = noise.measure(X, 3 + rng.normal(size=(30, 3)) * 0.1)
    assert same.precision[0] / same.precision[12] == pytest.approx(1, abs=0.7)
    assert same.sd == pytest.approx(0.1, rel=0.3)
    alone = noise.measure(X[24:], Y[24:])
    assert np.isnan(alone.sd).all()
    assert alone.precision.tolist() == [1.0] * 6
