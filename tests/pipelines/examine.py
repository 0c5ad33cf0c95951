"""What must hold in every run folder, checked with Polars and NumPy from the files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from manifests import edits, parts, storage
from manifests.token_files import SUFFIXES
from mixing.tokenizer import Tokenizer
from tests.mixing.shards.test_mds import read_shard

#: what DESIGN promises to be the same bytes, whatever the engine, the workers or the folder
IDENTICAL = (
    "documents",
    "annotations",
    "duplicates",
    "edits",
    "verdicts",
    "rejects",
    "models",
    "pools",
    "mix/mix.yaml",
    "shards",
)


def column(run: Path, name: str) -> pl.DataFrame:
    """All parts of a column, with the part they came from."""
    paths = sorted((run / name).glob("*/part-*.parquet"))
    return pl.concat(
        [
            pl.read_parquet(p).with_columns(part=pl.lit(f"{p.parent.name}/{p.stem}")).with_row_index("row")
            for p in paths
        ],
        how="diagonal_relaxed",
    )


def examine(run: Path) -> None:
    """Raises AssertionError where the run folder breaks a promise."""
    verdicts_are_complete(run)
    columns_are_aligned(run)
    duplicates_point_to_kept_documents(run)
    pools_hold_the_kept_documents(run)
    for folder in sorted((run / "shards").glob("*/")):
        shards_are_covered(run, folder)


def verdicts_are_complete(run: Path) -> None:
    documents, verdicts = column(run, "documents"), column(run, "verdicts")
    kept = verdicts.filter(pl.col("keep"))
    assert kept["id"].n_unique() == kept.height, "ids repeat"
    assert documents["id"].to_list() == verdicts["id"].to_list(), "a document lacks its verdict, or has two"
    assert verdicts.filter(pl.col("keep") == pl.col("reason").is_not_null()).is_empty(), "kept with a reason, or not"
    dropped = int(verdicts.filter(~pl.col("keep"))["reason"].value_counts()["count"].sum())
    assert kept.height + dropped == documents.height


def columns_are_aligned(run: Path) -> None:
    for path in sorted((run / "documents").glob("*/part-*.parquet")):
        want = storage.read_metadata(str(path))
        assert want["cuvee.schema"] == "documents/1"
        for name in ("annotations/*", "duplicates", "verdicts", "edits/*"):
            found = sorted(run.glob(f"{name}/{path.parent.name}/{path.name}"))
            assert found or name == "edits/*", f"{name} of {path}"
            for other in found:
                metadata = storage.read_metadata(str(other))
                assert metadata["cuvee.ids"] == want["cuvee.ids"], other
                assert metadata["cuvee.rows"] == want["cuvee.rows"], other


def duplicates_point_to_kept_documents(run: Path) -> None:
    duplicates, verdicts = column(run, "duplicates"), column(run, "verdicts")
    kept = verdicts.filter(pl.col("keep") | (pl.col("reason") == "nothing_left"))["id"]
    survivors = duplicates["survivor"].drop_nulls()
    assert survivors.is_in(kept.implode()).all(), "a duplicate's survivor is not kept"


def pools_hold_the_kept_documents(run: Path) -> None:
    kept = column(run, "verdicts").filter(pl.col("keep")).select("part", "row", "stratum", "split")
    found = []
    for path in sorted((run / "pools").glob("*/*.spans.parquet")):
        spans = pl.read_parquet(path).with_columns(
            part=pl.col("part").cast(pl.String).str.strip_prefix("documents/").str.strip_suffix(".parquet"),
            stratum=pl.lit(path.parent.name),
            split=pl.lit(path.name.split("-")[0]),
        )
        found.append(spans.select("part", pl.col("row").cast(pl.UInt32), "stratum", "split"))
    assert pl.concat(found).sort("part", "row").equals(kept.sort("part", "row")), "pools and verdicts disagree"


def shards_are_covered(run: Path, folder: Path) -> None:
    """Every token lies in exactly one span, and every span decodes to its document as the run's edits left it."""
    tokenizer = Tokenizer.load(str(run / "models/tokenizer.json"))
    names = sorted(p.name for p in (run / edits.FOLDER).glob("*"))
    texts = {}
    for part in column(run, "documents")["part"].unique().to_list():
        made = [n for n in names if (run / parts.path(edits.column(n), part)).is_file()]
        shown = edits.view(str(run), part, made).texts.to_pylist()
        texts |= {f"{part}#{row}": text for row, text in enumerate(shown)}
    arrays = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)
    assert arrays, f"{folder} holds no shard"
    for path in arrays:
        tokens = tokens_of(path, tokenizer.dtype)
        spans = pl.read_parquet(path.with_suffix(".spans.parquet"))
        starts, ends = spans["start"].to_numpy(), spans["end"].to_numpy()
        assert starts[0] == 0
        assert ends[-1] == len(tokens)
        assert (starts[1:] == ends[:-1]).all(), f"{path}: spans overlap or leave a gap"
        assert (tokens[ends - 1] == tokenizer.eos).all()
        for start, end, part, row in spans.select("start", "end", pl.col("part").cast(pl.String), "row").iter_rows():
            name = part.removeprefix("documents/").removesuffix(".parquet")
            assert tokenizer.decode(tokens[start:end]) == texts[f"{name}#{row}"], f"{path}:{start}"


def tokens_of(path: Path, dtype: Any) -> np.ndarray:
    """All tokens of a shard, by the plain readers of its format."""
    if path.suffix != ".mds":
        return np.fromfile(path, dtype)
    _, samples = read_shard(path.read_bytes())
    return np.concatenate(samples)


def digests(run: Path) -> dict[str, str]:
    """Digest of every file that must be the same bytes."""
    files = (p for name in IDENTICAL for p in ([run / name] if (run / name).is_file() else (run / name).rglob("*")))
    return {str(p.relative_to(run)): storage.digest(str(p)) for p in sorted(files) if p.is_file()}


def receipts(run: Path, stage: str) -> list[dict[str, object]]:
    return [json.loads(p.read_text()) for p in sorted((run / "receipts" / stage).glob("*.json"))]


def differences(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """The files of two runs, as ``digests`` gives them, that are not the same."""
    return sorted(p for p in a.keys() | b.keys() if a.get(p) != b.get(p))
