from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("jax", reason="proxies need cuvee[proxy]")

from mixing.proxy import train_stack
from mixing.proxy_config import ProxyConfig
from mixing.tasks import Task

VOCABULARY = 48
OPTIONS = {
    "layers": 1,
    "width": 16,
    "heads": 2,
    "hidden": 32,
    "length": 16,
    "batch": 4,
    "steps": 40,
    "checkpoint_every": 10,
    "learning_rate": 2e-2,
}
CONFIG = ProxyConfig.of(OPTIONS, vocabulary=VOCABULARY)
DOMAINS = ["left", "right"]
WEIGHTS = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])


def corpus(domain: int, n: int, seed: int) -> np.ndarray:
    """Counting up or down inside the domain's half of the vocabulary: easy to learn, and only from its own domain."""
    rng = np.random.default_rng([domain, seed])
    steps = np.cumsum(rng.choice([1, 2], n, p=[0.9, 0.1]) * (1 if domain else -1))
    return (steps % 24 + 24 * domain).astype(np.uint16)


TRAIN = {d: [corpus(i, 700, 0), corpus(i, 500, 1)] for i, d in enumerate(DOMAINS)}
HELDOUT = {d: (corpus(i, 300, 2), 900) for i, d in enumerate(DOMAINS)}


def train(checkpoint: Path, config: ProxyConfig = CONFIG, rows: slice = slice(None), **options: object) -> pl.DataFrame:
    runs = ["x", "y", "z"][rows]
    return train_stack(config, WEIGHTS[rows], runs, DOMAINS, TRAIN, HELDOUT, str(checkpoint), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return train(tmp_path_factory.mktemp("proxy") / "stack.npz")


def test_a_domain_is_learned_by_those_who_read_it(result: pl.DataFrame) -> None:
    assert result.columns == ["run", "bpb/left", "bpb/right", "loss", "diverged"]
    left, right = result["bpb/left"], result["bpb/right"]
    assert left[0] < left[2] < left[1]
    assert right[1] < right[2] < right[0]
    untrained = np.log2(VOCABULARY) * 299 / (299 * 900 / 300)
    assert left[0] < 0.6 * untrained


def test_an_untrained_model_costs_what_a_uniform_one_does(tmp_path: Path) -> None:
    # At a learning rate of nearly zero, bits per byte are known: log2(vocabulary) per token, times tokens per byte.
    config = CONFIG.model_copy(update={"learning_rate": 1e-12, "steps": 1})
    got = train(tmp_path / "s.npz", config)["bpb/left"][0]
    assert got == pytest.approx(np.log2(VOCABULARY) * 300 / 900, rel=0.01)


def test_vmap_and_map_agree(result: pl.DataFrame, tmp_path: Path) -> None:
    other = train(tmp_path / "s.npz", CONFIG.model_copy(update={"stacking": "vmap"}))
    for column in ("bpb/left", "bpb/right", "loss"):
        assert other[column].to_numpy() == pytest.approx(result[column].to_numpy(), rel=2e-3)


class Stopped(Exception):
    pass


def test_resuming_gives_what_was_never_stopped(result: pl.DataFrame, tmp_path: Path) -> None:
    steps: list[int] = []

    def stop(step: int, losses: np.ndarray) -> None:
        steps.append(step)
        if step == 26:
            raise Stopped

    with pytest.raises(Stopped):
        train(tmp_path / "s.npz", progress=stop)
    resumed: list[int] = []
    again = train(tmp_path / "s.npz", progress=lambda step, _: resumed.append(step))
    assert resumed == list(range(20, 40)), "goes on from the last checkpoint"
    assert again.equals(result)
    assert train(tmp_path / "s.npz", progress=lambda *_: pytest.fail("nothing is left to train")).equals(result)


def test_a_checkpoint_of_other_work_is_not_used(result: pl.DataFrame, tmp_path: Path) -> None:
    train(tmp_path / "s.npz", CONFIG.model_copy(update={"seed": 1}))
    assert train(tmp_path / "s.npz").equals(result)


def test_a_run_does_not_depend_on_its_stack(result: pl.DataFrame, tmp_path: Path) -> None:
    assert train(tmp_path / "s.npz", rows=slice(1, 2)).equals(result[1:2])


def test_a_run_that_diverges_is_flagged(tmp_path: Path) -> None:
    wild = train(tmp_path / "s.npz", CONFIG.model_copy(update={"learning_rate": 1e30}))
    assert wild["diverged"].to_list() == [True] * 3
    assert wild["bpb/left"].null_count() == 3


def test_a_loss_that_was_not_finite_once_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mixing.stack import Stack

    step = Stack.step

    def overflow(self: Stack, windows: np.ndarray) -> np.ndarray:
        losses = step(self, windows).copy()
        losses[1] = np.inf
        return losses

    monkeypatch.setattr(Stack, "step", overflow)
    got = train(tmp_path / "s.npz")
    assert got["diverged"].to_list() == [False, True, False]
    assert got["bpb/left"].is_null().to_list() == [False, True, False]


def test_repetition_follows_the_target_run(tmp_path: Path) -> None:
    repeated = train(tmp_path / "s.npz", CONFIG.model_copy(update={"target_tokens": 100 * CONFIG.tokens}))
    assert repeated["bpb/left"][0] > 0
    assert repeated["loss"][0] < train(tmp_path / "t.npz")["loss"][0], "a hundredth of the data is soon known by heart"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "huge"}, "unknown proxy preset 'huge'; there are tiny, 0.3m, 1m, 4m, 15m, 30m, 60m, 100m"),
        ({"widht": 3}, "proxy option widht: .*allowed: preset, vocabulary"),
        ({"steps": 0}, "proxy option steps: .*greater than or equal to 1"),
        ({"width": 60}, "proxy option width: width is 60; it must be a multiple of twice the 4 heads"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProxyConfig.of(options, vocabulary=10)


def test_inputs_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not fit weights"):
        train_stack(CONFIG, WEIGHTS, ["x", "x", "z"], DOMAINS, TRAIN, HELDOUT, str(tmp_path / "s.npz"))
    with pytest.raises(ValueError, match="no domain has held-out text"):
        train_stack(CONFIG, WEIGHTS, ["x", "y", "z"], DOMAINS, TRAIN, {}, str(tmp_path / "s.npz"))


def test_measured_windows_are_spread_over_the_text(result: pl.DataFrame, tmp_path: Path) -> None:
    # Two texts, one after the other: a measurement of a third of the tokens must see both.
    both = {d: (np.concatenate([HELDOUT["left"][0], HELDOUT["right"][0]]), 1800) for d in DOMAINS}
    config = CONFIG.model_copy(update={"heldout_tokens": 192})
    got = train_stack(config, WEIGHTS, ["x", "y", "z"], DOMAINS, TRAIN, both, str(tmp_path / "s.npz"))
    expected = (result["bpb/left"] + result["bpb/right"]) / 2
    assert got["bpb/left"].to_numpy() == pytest.approx(expected.to_numpy(), rel=0.15)


def test_gradients_of_pieces_add_up(result: pl.DataFrame, tmp_path: Path) -> None:
    pieces = train(tmp_path / "s.npz", CONFIG.model_copy(update={"microbatch": 2}))
    for column in ("bpb/left", "bpb/right", "loss"):
        assert pieces[column].to_numpy() == pytest.approx(result[column].to_numpy(), rel=2e-3)
    with pytest.raises(ValueError, match="batch is 4; it must be a multiple of the microbatch, 3"):
        ProxyConfig.of({**OPTIONS, "microbatch": 3}, vocabulary=10)


def test_presets_follow_their_sizes() -> None:
    sizes = {"0.3m": 0.3e6, "1m": 1e6, "4m": 4e6, "15m": 15e6, "30m": 30e6, "60m": 60e6, "100m": 100e6}
    rates = []
    for name, size in sizes.items():
        config = ProxyConfig.of({"preset": name}, vocabulary=1000)
        parameters = config.layers * (4 * config.width**2 + 3 * config.width * config.hidden)
        assert parameters == pytest.approx(size, rel=0.06), name
        assert config.tokens == pytest.approx(20 * parameters, rel=0.05), name
        rates.append(config.learning_rate)
    assert rates == sorted(rates, reverse=True), "larger models learn more slowly"


def test_tasks_are_measured_on_their_answers_alone(tmp_path: Path) -> None:
    rows = np.array([[5, 6, 7, *range(8, 22)], [30, 31, 32, *range(33, 47)]], np.int32)
    counted = np.zeros((2, 16), bool)
    counted[:, 10:] = True
    known, unknown = (Task(rows[i : i + 1], counted[i : i + 1], 6, 1) for i in (0, 1))
    none = Task(rows[:1], np.zeros((1, 16), bool), 6, 1)
    got = train_stack(
        CONFIG, WEIGHTS, ["x", "y", "z"], DOMAINS, TRAIN, HELDOUT, str(tmp_path / "s.npz"),
        tasks={"known": known, "unknown": unknown, "none": none},
    )  # fmt: skip
    assert got.columns[3:6] == ["task/known", "task/none", "task/unknown"]
    assert got["task/none"].to_list() == [0.0, 0.0, 0.0]
    # counting up is what the right domain teaches, and its tokens are 24 to 47
    assert got["task/unknown"][1] < got["task/unknown"][0]
