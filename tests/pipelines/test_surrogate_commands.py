"""``cuvee mix design``, ``fit`` and ``predict``, as a user types them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from mixing.surrogate import Surrogate
from pipelines.cli import app
from pipelines.errors import CuveeError


def cuvee(*arguments: object) -> str:
    """What is printed; the user's errors are raised."""
    result = CliRunner().invoke(app, ["mix", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Eighteen runs as olmix writes them, the metrics in another order."""
    cuvee("design", "--natural", "web=0.6,code=0.3,books=0.1", "--runs", 18, "--seed", 1, "--out", tmp_path / "d.csv")
    weights = pl.read_csv(tmp_path / "d.csv")
    loss = 2 + (0.1 + pl.col("web").sqrt() + 0.3 * pl.col("code") + 0.5 * pl.col("books").sqrt()) ** -0.5
    metrics = weights.select("run", bpb=loss, accuracy=1 / loss).sample(fraction=1, shuffle=True, seed=4)
    named = [pl.col("run"), ("n-" + pl.col("run")).alias("name"), pl.int_range(pl.len()).alias("index")]
    weights.select(*named, pl.exclude("run")).write_csv(tmp_path / "w.csv")
    metrics.select(*named, pl.exclude("run")).write_csv(tmp_path / "m.csv")
    return tmp_path / "w.csv", tmp_path / "m.csv"


def test_design_fit_predict_and_the_next_batch(files: tuple[Path, Path], tmp_path: Path) -> None:
    weights, metrics = files
    assert pl.read_csv(weights).head(3).select("web", "code", "books").rows() == [(0.6, 0.3, 0.1)] * 3
    said = cuvee("fit", "--weights", weights, "--metrics", metrics, "--out", tmp_path / "S")
    for word in (
        "18 runs, 3 domains",
        "spearman",
        "power_law_concave",
        "ensemble",
        "plans",
        "predicts",
        "noise of bpb",
    ):
        assert word in said
    assert Surrogate.load(str(tmp_path / "S")).metrics == ("bpb", "accuracy")
    cuvee("predict", tmp_path / "S", "--weights", weights, "--out", tmp_path / "P.csv")
    predicted = pl.read_csv(tmp_path / "P.csv")
    assert predicted.columns == ["run", "bpb", "accuracy", "bpb_sd", "accuracy_sd"]
    both = predicted.join(pl.read_csv(metrics), on="run", suffix="_true")
    assert (both["bpb"] - both["bpb_true"]).abs().max() < 0.05  # type: ignore[operator]
    natural = tmp_path / "n.csv"
    natural.write_text("domain,tokens\nweb,600\ncode,300\nbooks,100\n")
    options = ("--metric", "bpb=1", "--bound", "web=0:0.7", "--group", "rest=code,books:0.3:1", "--runs", 4)
    said = cuvee("design", "--natural", natural, "--after", tmp_path / "S", *options, "--out", tmp_path / "b.csv")
    assert "expected gain" in said
    batch = pl.read_csv(tmp_path / "b.csv")
    assert batch.columns == ["run", "web", "code", "books"]
    assert batch["run"].to_list() == ["r018", "r019", "r020", "r021"]
    assert batch["web"].max() <= 0.7  # type: ignore[operator]


def test_rows_that_are_no_mixtures_are_named_and_the_others_predicted(files: tuple[Path, Path], tmp_path: Path) -> None:
    cuvee("fit", "--weights", files[0], "--metrics", files[1], "--out", tmp_path / "S", "--family", "ridge")
    (tmp_path / "t.csv").write_text("books,web,code\n0.2,0.5,0.3\n0.9,0.9,0.9\n,0.5,0.5\n1,0,0\n")
    said = cuvee("predict", tmp_path / "S", "--weights", tmp_path / "t.csv", "--out", tmp_path / "P.parquet")
    assert "left out: 1: weights sum to 2.7, not 1" in said
    assert "left out: 2: a weight is missing or not finite: books" in said
    assert pl.read_parquet(tmp_path / "P.parquet")["run"].to_list() == [0, 3]


def test_what_is_left_out_is_said_and_the_rest_used(files: tuple[Path, Path], tmp_path: Path) -> None:
    weights, metrics = files
    lines = weights.read_text().splitlines()
    weights.write_text("\n".join([*lines[:-1], lines[-1] + "5", lines[1]]) + "\n")
    metrics.write_text(metrics.read_text() + "r099,n,99,1.0,1.0\nr000,n,99,7.0,nan\n")
    said = cuvee("fit", "--weights", weights, "--metrics", metrics, "--out", tmp_path / "S", "--family", "linear")
    assert "warning: " in said
    assert "r099 (metrics without weights)" in said
    assert "r000 (" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fit", "--weights", "w.csv", "--metrics", "m.csv", "--family", "forest"), "unknown family 'forest'; there"),
        (("fit", "--weights", "w.csv", "--metrics", "no.csv"), "no.csv: no such file"),
        (("fit", "--weights", "w.csv", "--metrics", "bad.csv"), "share no column that names the run"),
        (("fit", "--weights", "one.csv", "--metrics", "m.csv"), "1 usable runs; a fit needs 2 at least"),
        (("fit", "--weights", "w.csv", "--metrics", "m.csv", "--key", "no"), "has no column 'no'"),
        (("predict", "w.csv", "--weights", "w.csv"), "w.csv is not a surrogate: fit one"),
        (("design", "--natural", "web=1"), "a swarm needs two domains"),
        (("design", "--natural", "web=x,code=1"), "--natural"),
        (("design", "--natural", "web=inf,code=1", "--budget", "9"), "'inf' is not a finite number"),
        (("design", "--natural", "web=1,web=2,code=1"), "'web' is given twice"),
        (("design", "--natural", "header.csv"), "header.csv has no rows"),
        (("design", "--natural", "holes.csv"), "'code' is nan; tokens and shares are finite"),
        (("reuse", "--weights", "w.csv", "--changes", "list.yaml"), "expected a mapping with the keys removed, added"),
        (("reuse", "--weights", "w.csv", "--changes", "text.yaml"), "text.yaml:1: removed: Input should be a"),
        (("reuse", "--weights", "w.csv", "--changes", "run.yaml"), "a domain cannot be called 'run'"),
        (("design", "--natural", "nowhere.csv"), "nowhere.csv: no such file"),
        (("design", "--natural", "web=1,code=1", "--bound", "books=0:1"), "unknown domains in bounds: books"),
        (("design", "--natural", "web=1,code=1", "--bound", "web=0.6:1", "--bound", "code=0.6:1"), "no mixture meets"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(files: tuple[Path, Path], arguments: tuple[str, ...], says: str) -> None:
    folder = files[0].parent
    (folder / "bad.csv").write_text("step,loss\n1,2\n")
    (folder / "one.csv").write_text("\n".join(files[0].read_text().splitlines()[:2]) + "\n")
    (folder / "header.csv").write_text("domain,tokens\n")
    (folder / "holes.csv").write_text("domain,tokens\nweb,1\ncode,\n")
    for name, text in (("list", "- web\n"), ("text", "removed: web\n"), ("run", "renamed: {web: run}\n")):
        (folder / f"{name}.yaml").write_text(text)
    placed = [str(folder / a) if a.endswith((".csv", ".yaml")) else a for a in arguments]
    with pytest.raises(CuveeError) as error:
        cuvee(*placed, "--out", folder / "out.csv")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_cannot_be_written_is_refused_before_any_work(files: tuple[Path, Path], tmp_path: Path) -> None:
    weights, _ = files
    absent = str(tmp_path / "absent.json")  # would be the first thing that is missed
    Path(absent).write_text("{}")
    for arguments in (
        ("design", "--natural", "web=1", "--out", "d.txt"),
        ("design", "--natural", "web=1", "--after", absent, "--out", "d.txt"),
        ("predict", absent, "--weights", weights, "--out", "d.txt"),
        ("reuse", "--mix", absent, "--new", "books=0.1", "--out", "d.txt"),
    ):
        with pytest.raises(CuveeError, match=r"d.txt: unknown format; name a \.csv or \.parquet file"):
            cuvee(*arguments)
