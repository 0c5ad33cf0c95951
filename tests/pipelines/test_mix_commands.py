"""Proxies, solver and manifests from the command line, on a run of two small domains and on tables of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from manifests.mix import MixManifest
from pipelines import mix_tables, plots, solving, training
from pipelines.errors import CuveeError, RecipeError, RunFailed
from pipelines.progress import Progress
from tests.pipelines.conftest import run_quietly
from tests.pipelines.test_cli import cuvee

pytest.importorskip("jax", reason="proxies need cuvee[proxy]")
WORDS = {
    "sea": "wave salt harbour keel anchor tide mast gull",
    "hill": "stone heather slope goat ridge path mist larch",
}
PROXY = {
    "layers": 1,
    "width": 16,
    "heads": 2,
    "hidden": 32,
    "length": 32,
    "batch": 4,
    "steps": 8,
    "heldout_tokens": 512,
}


def recipe(folder: Path, **mix: Any) -> dict[str, Any]:
    for name, words in WORDS.items():
        vocabulary = words.split()
        rows = [
            {
                "text": " ".join(
                    vocabulary[(i * 7 + j * (i % 5 + 1)) % 8] + ("." if j % 9 == 8 else "") for j in range(90)
                )
            }
            for i in range(60)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {
        "name": "shore",
        "sources": [{"name": n, "kind": "jsonl", "paths": [f"{n}.jsonl"]} for n in WORDS],
        "dedup": {"fuzzy": False, "exact": False},
        "select": {"heldout": 0.2},
        "tokenizer": {"train": {"vocabulary": 300}},
        "mix": {"budget": 4000, "swarm": {"runs": 4, "stack": 2}, "solve": {"bootstrap": 4, "no_worse": 0.5}, **mix},
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shore")
    (folder / "riddles.jsonl").write_text(
        '{"prompt": "wave salt", "answer": " harbour"}\n{"prompt": "", "answer": "goat"}\n'
    )
    path = folder / "shore.yaml"
    path.write_text(yaml.safe_dump(recipe(folder, proxy=PROXY, tasks={"riddles": "riddles.jsonl"})))
    run_quietly(path, folder / "run", workers=1)
    return folder / "run"


def test_tasks_and_domains_are_metrics_of_one_table_of_runs(run: Path) -> None:
    runs = pl.read_parquet(run / "mix/runs.parquet")
    assert runs.columns == [
        "run",
        "weight/hill",
        "weight/sea",
        "bpb/hill",
        "bpb/sea",
        "task/riddles",
        "loss",
        "diverged",
    ]
    assert runs.height == 4
    assert runs["task/riddles"].is_finite().all()
    manifest = MixManifest.read(str(run / "mix/mix.yaml"))
    assert list(manifest.metrics) == ["bpb/hill", "bpb/sea", "task/riddles"]
    assert manifest.constraints["max_epochs"] == 4.0
    assert manifest.aim["no_worse"] == 0.5
    assert manifest.bootstrap is not None
    assert set(manifest.pools) == {s for d in manifest.domains.values() for s in d.pools}
    assert manifest.policy_digest


def test_train_finds_nothing_to_do_and_trains_other_mixtures(run: Path, tmp_path: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (run / "mix/runs").iterdir()}
    again, domains = training.train(str(run), "", {}, workers=1, progress=Progress(quiet=True))
    assert domains == ["hill", "sea"]
    assert {p: p.stat().st_mtime_ns for p in (run / "mix/runs").iterdir()} == before
    wanted = tmp_path / "confirm.csv"
    wanted.write_text("run,sea,hill\nfirst,0.25,0.75\nsecond,1,0\n")
    found, _ = training.train(str(run), str(wanted), {"steps": 4}, workers=1, progress=Progress(quiet=True))
    assert found["weight/sea"].to_list() == [0.25, 1.0]
    assert found["bpb/sea"].is_finite().all()
    out = str(tmp_path / "all.parquet")
    assert training.append(again, out) == 4
    assert training.append(found, out) == 6
    assert training.append(found, out) == 6, "the same runs again replace themselves"
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for to, message in (("all.txt", "unknown format; name a .csv or .parquet file"), ("other.csv", "no column 'run'")):
        told = cuvee("mix", "train", str(run), "--swarm", str(wanted), "--out", str(tmp_path / to), status=1).stderr
        assert message in told
        assert "proxies" not in told, "before any work"
    for text, message in (
        ("run,sea,fen\na,0.5,0.5\n", "unknown domains fen; the pools have hill, sea"),
        ("run,sea,hill\na,0.9,0.9\n", "1 rows are no mixtures: a: weights sum to 1.8"),
    ):
        wanted.write_text(text)
        with pytest.raises(CuveeError, match=message):
            training.train(str(run), str(wanted), {}, workers=1, progress=Progress(quiet=True))


def test_solve_show_and_diff_on_the_run(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "mix.yaml"
    done = cuvee(
        "mix", "solve", str(run), "--objective", "bpb/sea", "--bound", "hill=0.3:1", "--bootstrap", "3",
        "--budget", "5000", "--out", str(out),
    )  # fmt: skip
    assert "no mixture is better by more than" in done.stdout
    made = MixManifest.read(str(out))
    assert made.domains["hill"].weight >= 0.3
    assert made.budget == 5000
    assert made.domains["sea"].pools, "a run knows its pools"
    assert made.metrics["bpb/hill"].weight == 0
    assert str(tmp_path) not in out.read_text()
    own = MixManifest.read(str(run / "mix/mix.yaml"))
    assert (made.policy, made.policy_digest) == (own.policy, own.policy_digest), "its pools are what that policy left"
    diff = cuvee("mix", "diff", str(run), str(out)).stdout
    assert "policy" not in diff
    assert "of the blend moved" in diff
    assert "budget: 4000 → 5000" in diff
    assert "sea" in cuvee("mix", "show", str(out)).stdout
    told = cuvee("mix", "solve", str(run), "--available", "sea=5", "--out", str(out), status=1).stderr
    assert "is a run, which knows its own tokens" in told


def test_a_run_solved_again_repeats_its_buckets_of_quality(run: Path, tmp_path: Path) -> None:
    for name in ("run.json", "mix/surrogate.json", "mix/mix.yaml", "mix/pools.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((run / name).read_bytes())
    files = json.loads((run / "mix/pools.json").read_text())
    parted = [f | {"stratum": f"{f['stratum']}~q{q}", "path": f"q{q}/{f['path']}"} for f in files for q in (1, 2)]
    (tmp_path / "mix/pools.json").write_text(json.dumps(parted))
    made = solving.solve_files(str(tmp_path), solving.section("", {"bootstrap": 0}), seed=0)
    for domain in made.domains.values():
        low, high = (b.epochs for b in domain.buckets)
        assert high > low or not domain.tokens
    sea = [f | {"tokens": 10**6} for f in files if f["stratum"].startswith("sea~")]
    (tmp_path / "mix/pools.json").write_text(json.dumps(sea))
    alone = solving.solve_files(str(tmp_path), solving.section("", {"bootstrap": 0}), seed=0)
    assert {name: d.weight for name, d in alone.domains.items()} == {"hill": 0, "sea": 1}, "hill has no pool"


def test_charts_are_files_that_stand_alone(run: Path, tmp_path: Path) -> None:
    names = {Path(p).name for p in plots.of_run(str(run), str(tmp_path))}
    assert names >= {"weights.svg", "pareto.svg", "marginal.svg", "predicted-bpb-sea.svg", "predicted-task-riddles.svg"}
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert text.startswith("<svg")
        assert "var(" not in text
    page = (run / "report/index.html").read_text()
    assert "What two metrics cost each other" in page
    assert "How sure, and what binds" in page


def swarm_tables(folder: Path) -> tuple[str, str]:
    rows = [
        (f"m{i}", a / 10, 1 - a / 10, 3 - (a / 10) ** 0.5, 2 + (a / 10) ** 2)
        for i, a in enumerate([0, 2, 3, 5, 7, 8, 10])
    ]
    w, m = folder / "w.csv", folder / "m.csv"
    w.write_text("model,sea,hill\n" + "".join(f"{n},{s},{h}\n" for n, s, h, _, _ in rows))
    m.write_text("model,val_sea,val_hill,note\n" + "".join(f"{n},{a},{b},ok\n" for n, _, _, a, b in reversed(rows)))
    return str(w), str(m)


def test_results_of_ones_own_trainer_replace_the_proxies(tmp_path: Path) -> None:
    w, m = swarm_tables(tmp_path)
    with open(m, "a") as file:
        file.write("m9,nan,,crashed\n")
    with open(w, "a") as file:
        file.write("m9,0.5,0.5\n")
    results = {"metrics": m, "weights": w, "run": "model", "columns": {"bpb/sea": "val_sea", "bpb/hill": "val_hill"}}
    path = tmp_path / "shore.yaml"
    path.write_text(yaml.safe_dump(recipe(tmp_path, results=results)))
    run_quietly(path, tmp_path / "run", workers=1)
    manifest = MixManifest.read(str(tmp_path / "run/mix/mix.yaml"))
    assert manifest.runs == 7
    assert manifest.left_out == {"m9": "no metric is a finite number"}
    assert list(manifest.metrics) == ["bpb/hill", "bpb/sea"] or list(manifest.metrics) == ["bpb/sea", "bpb/hill"]
    runs = pl.read_parquet(tmp_path / "run/mix/runs.parquet")
    assert runs.filter("diverged")["run"].to_list() == ["m9"]
    results["columns"] = {"bpb/sea": "loss_sea"}
    path.write_text(yaml.safe_dump(recipe(tmp_path, results=results)))
    with pytest.raises(RunFailed, match="has no column loss_sea; it has"):
        run_quietly(path, tmp_path / "run", workers=1)
    path.write_text(yaml.safe_dump(recipe(tmp_path, results=results, proxy={"steps": 3})))
    with pytest.raises(RecipeError, match="results replace the proxies"):
        run_quietly(path, tmp_path / "run", workers=1)


def test_constraints_of_a_file_and_of_options_join(tmp_path: Path) -> None:
    w, m = swarm_tables(tmp_path)
    m2 = tmp_path / "numbers.csv"
    pl.read_csv(m).drop("note").write_csv(m2)
    surrogate = str(tmp_path / "s.json")
    cuvee(
        "mix",
        "fit",
        "--weights",
        w,
        "--metrics",
        str(m2),
        "--key",
        "model",
        "--family",
        "log_linear",
        "--out",
        surrogate,
    )
    file = tmp_path / "constraints.yaml"
    file.write_text("bounds: {sea: [0.2, 0.9]}\nnatural: {sea: 3, hill: 1}\nmax_divergence: 0.5\nbootstrap: 0\n")
    asked = solving.section(str(file), {"bounds": {"hill": (0.3, 1.0)}, "budget": 10})
    assert asked.bounds == {"sea": (0.2, 0.9), "hill": (0.3, 1.0)}
    manifest = solving.solve_files(surrogate, asked, seed=1)
    assert manifest.domains["hill"].weight >= 0.3
    assert manifest.domains["sea"].natural == 0.75
    assert sum(d.tokens for d in manifest.domains.values()) == 10
    assert any("natural" in line for line in mix_tables.findings(manifest))
    for options, message in (
        ({"bounds": {"fen": (0.0, 1.0)}}, "unknown domains in bounds: fen; there are"),
        ({"bounds": {"sea": (0.8, 1.0), "hill": (0.4, 1.0)}}, "no mixture meets these together: hill ≥ 0.4; sea ≥ 0.8"),
        ({"metrics": {"val_fen": 1.0}}, r"unknown metrics \['val_fen'\]"),
    ):
        with pytest.raises(CuveeError, match=message):
            solving.solve_files(surrogate, solving.section(str(file), options), seed=0)
    file.write_text("bonds: {}\n")
    with pytest.raises(CuveeError, match=r"constraints.yaml:1: bonds: unknown key; allowed: .*bounds"):
        solving.section(str(file), {})
    file.write_text("bounds: 5\n")
    with pytest.raises(CuveeError, match="bounds: Input should be a valid dictionary"):
        solving.section(str(file), {"bounds": {"hill": (0.3, 1.0)}})
    with pytest.raises(CuveeError, match=r"^max_epochs: Input should be greater than 0 \(found nan\)$"):
        solving.section("", {"max_epochs": float("nan")})
    assert solving.aims("val_sea=2,val_hill") == {"metrics": {"val_sea": 2.0, "val_hill": 1.0}}
    for wrong, message in (
        (["sea"], "expected DOMAIN=LOW:HIGH"),
        (["sea=0:1", "sea=0:.5"], "'sea' is given twice"),
        (["sea=nan:1"], "--bound sea=nan:1: 'nan' is not a finite number"),
    ):
        with pytest.raises(CuveeError, match=message):
            solving.bounds(wrong)
    for option, value in (("--no-worse", "nan"), ("--max-divergence", "0"), ("--risk", "-1"), ("--decay", "0")):
        said = cuvee("mix", "solve", surrogate, option, value, "--out", str(tmp_path / "o.yaml"), status=1).stderr
        assert f"cuvee: {option[2:].replace('-', '_')}: Input should be" in said
    assert "a folder, not a file" in cuvee("mix", "solve", surrogate, "--out", str(tmp_path), status=1).stderr
