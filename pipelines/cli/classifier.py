"""``cuvee classifier``: quality, topic and format models from labels to scores."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pipelines.cli.console import err, out
from pipelines.errors import CuveeError

app = typer.Typer(help="Models that tell labels apart: train, eval, apply.", no_args_is_help=True)

Text = Annotated[str, typer.Option("--text", help="Column that holds the text.")]
Label = Annotated[str, typer.Option("--label", help="Column that holds the label.")]
Source = Annotated[str, typer.Option("--source", help="Column that names each row's source.")]
Id = Annotated[str, typer.Option("--id", help="Column that holds the id; else rows are numbered.")]
Positive = Annotated[str, typer.Option("--positive", help="The label whose probability is the score.")]
Negative = Annotated[list[str] | None, typer.Option("--negative", help="The other label; several count as one.")]


@app.command()
def train(
    labels: Annotated[list[str] | None, typer.Argument(help="Labelled files: Parquet, JSONL (.gz, .zst).")] = None,
    to: Annotated[str, typer.Option("--out", help="Model file to write.")] = "",
    label: Label = "label",
    positive: Positive = "",
    negative: Negative = None,
    positive_docs: Annotated[
        list[str] | None, typer.Option("--positive-docs", help="All of this file is good.")
    ] = None,
    negative_docs: Annotated[list[str] | None, typer.Option("--negative-docs", help="All of this file is not.")] = None,
    text: Text = "text",
    source: Source = "",
    kind: Annotated[str, typer.Option("--kind", help="linear, fasttext or embedding.")] = "linear",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="NAME=VALUE of the kind, as backend=a.b:c.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    folds: Annotated[int, typer.Option("--folds", min=2, max=50, help="Parts left out in turn to measure.")] = 5,
) -> None:
    """Trains a model on labelled rows, or on two corpora; measures and calibrates it on what it had not seen."""
    from classifiers import quality
    from pipelines import classify

    if not to:
        raise CuveeError("--out is missing: name the model file to write")
    if bool(labels) == bool(positive_docs or negative_docs):
        raise CuveeError("give either labelled files, or --positive-docs and --negative-docs")
    if labels:
        if bool(positive) != bool(negative):
            raise CuveeError("--positive and --negative go together; without both, every label is a class of its own")
        names = {positive: positive, **dict.fromkeys(negative or [], (negative or [""])[0])} if positive else None
        found = classify.read_labels(labels, text=text, label=label, source=source, names=names)
    else:
        if not (positive_docs and negative_docs):
            raise CuveeError("two corpora are needed: --positive-docs and --negative-docs")
        positive = positive or "positive"
        corpora = {positive: positive_docs, (negative or ["negative"])[0]: negative_docs}
        found = classify.read_corpora(corpora, text=text, source=source)
    try:
        model, report = quality.train(
            found.column,
            found.labels,
            positive=positive or None,
            sources=found.sources if source else None,
            kind=kind,
            seed=seed,
            folds=folds,
            options=_options(kind, option or []),
        )
    except ValueError as error:
        raise CuveeError(str(error)) from None
    model.save(to)
    counts = ", ".join(f"{name} {n:,}" for name, n in report.labels.items())
    unseen = f"{report.sources} sources left out in turn" if report.sources else "rows left out in turn"
    out.print(f"{to}: {kind}; {counts}; left out {report.left_out:,}", highlight=False, soft_wrap=True)
    out.print(
        f"ROC-AUC {report.auc:.4f}, accuracy {report.accuracy:.4f}, calibration error {report.calibration_error:.4f} "
        f"({unseen})",
        highlight=False,
        soft_wrap=True,
    )
    if report.unscored:
        err.print(f"{report.unscored:,} texts were not measured: without their source a label has no text")


@app.command("eval")
def evaluate(
    model: Annotated[str, typer.Argument(help="Model file.")],
    labels: Annotated[list[str], typer.Argument(help="Labelled files.")],
    label: Label = "label",
    positive: Positive = "",
    negative: Negative = None,
    text: Text = "text",
    source: Source = "",
    precision: Annotated[
        float, typer.Option("--precision", min=0, max=1, help="Find the threshold of this precision.")
    ] = 0.0,
    keep: Annotated[
        float, typer.Option("--keep", min=0, max=1, help="Find the threshold that keeps this share.")
    ] = 0.0,
    to: Annotated[str, typer.Option("--out", help="JSON file with everything, the curve included.")] = "",
) -> None:
    """How a model does on labelled rows: ROC-AUC, calibration, precision and recall by threshold, sources apart."""
    from classifiers import quality
    from manifests import storage
    from pipelines import classify

    loaded = classify.load(model)
    names = None
    if positive or negative:
        if not (positive and negative) or len(loaded.labels) != 2:
            raise CuveeError("--positive and --negative go together, for a model of two labels")
        names = {positive: loaded.labels[1], **dict.fromkeys(negative, loaded.labels[0])}
    elif len(loaded.labels) == 2:
        names = {name: name for name in loaded.labels}
    found = classify.read_labels(labels, text=text, label=label, source=source, names=names)
    said = classify.measured(loaded, found)
    if precision or keep:
        if len(loaded.labels) != 2:
            raise CuveeError("--precision and --keep need a model of two labels")
        import numpy as np

        scores = loaded.score(found.column)
        truth = np.array([name == loaded.labels[1] for name in found.labels])
        try:
            if precision:
                said["threshold_for_precision"] = quality.threshold_for_precision(scores, truth, precision)
            if keep:
                said["threshold_for_share"] = quality.threshold_for_share(scores, keep)
        except ValueError as error:
            raise CuveeError(str(error)) from None
    if to:
        storage.write_bytes(to, (json.dumps(said, indent=1) + "\n").encode())
    out.print_json(json.dumps({k: v for k, v in said.items() if k != "curve"}))


@app.command()
def apply(
    files: Annotated[list[str], typer.Argument(metavar="MODEL... DOCS", help="One model or more, then the documents.")],
    to: Annotated[str, typer.Option("--out", help="Parquet file to write: id, score.")],
    text: Text = "text",
    identifier: Id = "id",
    source: Source = "",
    ensemble: Annotated[str, typer.Option("--ensemble", help="Of several models: max or mean of quantiles.")] = "max",
) -> None:
    """Scores documents. With --source, says how far each source's scores are from those of training."""
    from pipelines import classify

    if len(files) < 2:
        raise CuveeError("name a model and the documents: cuvee classifier apply MODEL DOCS --out scores.parquet")
    if ensemble not in ("max", "mean"):
        raise CuveeError(f"--ensemble {ensemble}: allowed are max, mean")
    *paths, documents = files
    models = [classify.load(path) for path in paths]
    try:
        scored = classify.score_documents(models, documents, text=text, identifier=identifier, source=source)
    except ValueError as error:
        raise CuveeError(str(error)) from None
    n = classify.write_scores(models, scored, ensemble, to)
    out.print(f"{to}: {n:,} scores", highlight=False, soft_wrap=True)
    if source:
        _show_drift(classify.drifted(models[0], scored))


@app.command("label")
def annotate(
    documents: Annotated[str, typer.Argument(help="Documents to rate.")],
    rubric: Annotated[str, typer.Option("--rubric", help="Text file: what deserves 0 and what 5.")],
    to: Annotated[str, typer.Option("--out", help="JSONL file to write: id, text, rating, label.")],
    url: Annotated[str, typer.Option("--url", help="OpenAI-compatible endpoint.")],
    model: Annotated[str, typer.Option("--model", help="Name of the model there.")],
    key_env: Annotated[str, typer.Option("--key-env", help="Environment variable with the API key.")] = "",
    threshold: Annotated[int, typer.Option("--threshold", min=1, max=5, help="Ratings from here on are positive.")] = 3,
    text: Text = "text",
    identifier: Id = "id",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=8, help="Of an answer.")] = 512,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Labels from a language model, which rates each document from 0 to 5 by a rubric."""
    from pathlib import Path

    from manifests import storage
    from pipelines import rubric as rating
    from pipelines.cli.console import existing_file
    from pipelines.rephrase.endpoint import Endpoint

    said = existing_file(Path(rubric)).read_text("utf-8")
    rows = unrated = 0
    try:
        generator = Endpoint(url, model, key_env=key_env, temperature=0.0, max_tokens=max_tokens, seed=seed)
        with storage.open_output(to) as stream:
            for row in rating.rated(
                documents,
                generator,
                said,
                text=text,
                identifier=identifier,
                threshold=threshold,
                positive="positive",
                negative="negative",
            ):
                stream.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
                rows += 1
                unrated += row["rating"] is None
    except ValueError as error:
        raise CuveeError(str(error)) from None
    out.print(f"{to}: {rows:,} documents, {unrated:,} without a rating", highlight=False, soft_wrap=True)


def _options(kind: str, given: list[str]) -> dict[str, object]:
    """NAME=VALUE pairs, each of the type the kind's default has."""
    from classifiers.quality import KINDS

    defaults = KINDS[kind].defaults if kind in KINDS else {}
    found: dict[str, object] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CuveeError(f"--option {pair}: must be NAME=VALUE")
        try:
            found[name] = type(defaults.get(name, ""))(value)
        except ValueError:
            raise CuveeError(f"--option {name}: {value!r} is no {type(defaults[name]).__name__}") from None
    return found


def _show_drift(rows: list[tuple[str, int, float, float, float, str]]) -> None:
    from rich.table import Table

    table = Table(title="Scores by source, beside those of training", title_justify="left", box=None, pad_edge=False)
    for i, name in enumerate(("source", "documents", "mean score", "above one half", "drift", "")):
        table.add_column(name, justify="right" if 0 < i < 5 else "left")
    for name, n, mean, above, index, word in rows:
        table.add_row(name, f"{n:,}", f"{mean:.3f}", f"{above:.1%}", f"{index:.2f}", word)
    out.print(table)
