from __future__ import annotations

from pathlib import Path

import pytest

from mixing.pools import PoolSet
from mixing.tokenizer import Tokenizer, train_bpe
from tests.mixing.small_pools import SIZES, WORDS, sentences, write_pools


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = str(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json")
    train_bpe([t for d in WORDS for t in sentences(d, 50, 0)], 320, path)
    return Tokenizer.load(path)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def pools(run_folder: Path, tokenizer: Tokenizer) -> PoolSet:
    return PoolSet.open(str(run_folder), write_pools(run_folder, tokenizer, SIZES))
