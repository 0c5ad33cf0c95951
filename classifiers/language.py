"""The language of a text: py3langid's model, applied by a compiled pass, or a fastText model of the user's.

The model is a naive Bayes classifier over byte sequences that an automaton finds (Lui and Baldwin 2012, langid.py;
py3langid's weights are retrained). Only languages are considered that are written in a script of the text; scripts of
one language need no model. A long text is judged by three windows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from classifiers import scripts
from classifiers.language_codes import iso_639_3
from manifests import schemas, text
from manifests.text import class_of, decode

#: a longer text is judged by this many bytes at its beginning, middle and end
WINDOW = 512


class _Model(NamedTuple):
    moves: npt.NDArray[Any]  # 256 next states a row
    states: npt.NDArray[np.uint64]  # of a state: where its row begins, shifted by 32, and the feature it finds, plus 1
    weights: npt.NDArray[np.float32]  # [feature, label]
    prior: npt.NDArray[np.float32]
    language: npt.NDArray[np.int64]  # of each label: two labels may name one language
    languages: list[str]


@cache
def _model() -> _Model:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE)
    labels = [iso_639_3(label) for label in found.nb_classes]
    languages = sorted(set(labels))
    return _Model(
        np.asarray(found.tk_nextmove),
        np.asarray(found.tk_row, np.uint64) << np.uint64(40)
        | (np.asarray(found.tk_output, np.int64) + 1).astype(np.uint64),
        np.ascontiguousarray(found.nb_ptc, np.float32),
        np.asarray(found.nb_pc, np.float32),
        np.array([languages.index(label) for label in labels]),
        languages,
    )


@njit(cache=True, nogil=True, boundscheck=False)
def _count_scripts(data: Any, start: Any, end: Any, classes: Any, table: Any, counts: Any) -> Any:
    """Letters of ``data[start:end]`` by script into ``counts``; returns how many."""
    counts[:] = 0
    letters = np.int64(0)
    i = start
    while i < end:
        x = data[i]
        if x < 128:
            if 97 <= (x | 32) <= 122:
                counts[scripts.LATIN] += 1
                letters += 1
            i += 1
            continue
        code, size = decode(data, i)
        kind = class_of(classes, code)
        if (kind & text.LETTER) != 0:
            letters += 1
            if code < 0x10000:
                counts[table[code]] += 1
            elif (kind & text.UNSPACED) != 0:
                counts[scripts.HAN] += 1
            else:
                counts[0] += 1
        i += size
    return letters


@njit(cache=True, nogil=True, boundscheck=False)
def _identify(
    offsets: Any, data: Any, classes: Any, table: Any, written: Any, moves: Any, states: Any,
    weights: Any, prior: Any, language: Any, best: Any, probability: Any, script: Any,
) -> None:  # fmt: skip
    """``best``: number of the language, -1 without one. ``script``: that of most letters, -1 without letters."""
    letters = np.zeros(written.shape[0], np.int64)
    considered = np.zeros(written.shape[1], np.bool_)
    seen = np.zeros(weights.shape[0], np.int32)
    visited = np.empty(weights.shape[0], np.int64)
    labels = prior.size
    score = np.empty(labels, np.float32)
    share = np.empty(written.shape[1], np.float64)
    for d in range(offsets.size - 1):
        start = offsets[d]
        end = offsets[d + 1]
        best[d] = -1
        probability[d] = 0.0
        script[d] = -1
        total_letters = _count_scripts(data, start, end, classes, table, letters)
        if total_letters == 0:
            continue
        script[d] = np.argmax(letters)
        considered[:] = False
        for s in range(written.shape[0]):
            if letters[s] >= scripts.SHARE * total_letters:
                for k in range(considered.size):
                    considered[k] = considered[k] or written[s, k]
        n = 0
        row = np.int64(states[0] >> np.uint64(32))
        for i in range(start, end):
            state = states[moves[row + np.int64(data[i])]]
            row = np.int64(state >> np.uint64(32))
            f = np.int64(state & np.uint64(0xFFFFFFFF)) - 1
            if f >= 0:
                if seen[f] == 0:
                    visited[n] = f
                    n += 1
                seen[f] += 1
        score[:] = prior
        for q in range(n):
            f = visited[q]
            times = np.float32(np.log1p(np.float32(seen[f])))
            for k in range(labels):
                score[k] += times * weights[f, k]
            seen[f] = 0
        highest = np.float32(-np.inf)
        for k in range(prior.size):
            if considered[language[k]]:
                highest = max(highest, score[k])
        if n == 0 or highest == -np.inf:
            continue
        # the square root of the length keeps the probabilities calibrated, as py3langid does
        heat = np.sqrt(np.float64(end - start))
        share[:] = 0.0
        total = 0.0
        for k in range(prior.size):
            if considered[language[k]]:
                p = np.exp(np.float64(score[k] - highest) / heat)
                share[language[k]] += p
                total += p
        best[d] = np.argmax(share)
        probability[d] = share[best[d]] / total


@njit(cache=True, nogil=True, boundscheck=False)
def _windows(offsets: Any, data: Any, ends: Any, out: Any) -> None:
    """The beginning, middle and end of each text, of whole characters, with line breaks as spaces."""
    n = np.int64(0)
    for d in range(offsets.size - 1):
        start, end = offsets[d], offsets[d + 1]
        size = end - start
        pieces = 3 if size > 3 * WINDOW else 1
        for piece in range(pieces):
            first, last = start, end
            if pieces == 3:
                first = start + piece * ((size - WINDOW) // 2)
                last = first + WINDOW
                while first < last and (data[first] & 0xC0) == 0x80:
                    first += 1
                while last > first and last < end and (data[last] & 0xC0) == 0x80:
                    last -= 1
                if piece > 0:
                    out[n] = 32
                    n += 1
            for i in range(first, last):
                out[n] = 32 if data[i] == 10 or data[i] == 13 else data[i]
                n += 1
        ends[d] = n


def _samples(texts: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """What the texts are judged by: composed (NFC), and in lower case where all is in upper case."""
    offsets, data = text.buffers(texts)
    ends = np.zeros(len(offsets), np.int64)
    sizes = np.minimum(np.diff(offsets), 3 * WINDOW + 2)
    out = np.empty(int(sizes.sum()), np.uint8)
    _windows(offsets, data, ends[1:], out)
    samples = pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(out))
    if (out > 127).any():  # Arrow's own utf8_normalize takes letters apart where it should put them together
        wide = pc.invert(pc.string_is_ascii(samples))
        composed = [unicodedata.normalize("NFC", value) for value in samples.filter(wide).to_pylist()]
        samples = pc.replace_with_mask(samples, wide, pa.array(composed, pa.large_string()))
    shouted = pc.utf8_is_upper(samples)
    if pc.any(shouted).as_py():
        samples = pc.if_else(shouted, pc.utf8_lower(samples), samples)
    return samples


def identify(
    texts: pa.Array | pa.ChunkedArray, *, model: str = "", thresholds: Mapping[str, float] | None = None
) -> pa.RecordBatch:
    """One row a text: ``language``, an ISO 639-3 code, ``language_score``, its probability, and ``script`` (ISO 15924).

    ``und``, with score 0, for a text without letters, in a script of no known language, or of no known byte sequence;
    ``zxx`` for what the model holds for no language at all. ``script`` is that of most letters, null without one. The
    same text has the same row in any batch. ``model`` is a fastText model file to use instead (lid.176, GlotLID,
    OpenLID, …). Below its language's threshold, or that of ``default``, a text is ``und`` and keeps its score.
    ValueError for a model that is no language model.
    """
    samples = _samples(texts)
    found = _model()
    best = np.empty(len(samples), np.int64)
    probability = np.empty(len(samples), np.float32)
    script = np.empty(len(samples), np.int64)
    _identify(
        *text.buffers(samples), text.classes(), scripts.table(), _written(), *found[:-1], best, probability, script
    )
    names = np.array([*found.languages, "und"], object)  # -1 is the last
    languages: npt.NDArray[np.object_] = names[best]
    if model:
        from classifiers import fasttext_languages

        languages, probability = fasttext_languages.predict(model, samples, languages, probability, script)
    for number in np.unique(script).tolist():
        if number >= 0 and (sole := scripts.SOLE.get(scripts.NAMES[number])):
            languages[script == number] = sole
            probability[script == number] = 1.0
    if thresholds:
        least = {name: thresholds.get(name, thresholds.get("default", 0.0)) for name in set(languages.tolist())}
        languages[probability < np.array([least[name] for name in languages.tolist()], np.float32)] = "und"
    codes = np.array([*(scripts.ISO_15924.get(name, name) or None for name in scripts.NAMES), None], object)
    return pa.record_batch(
        [pa.array(languages, pa.string()), pa.array(probability, pa.float32()), pa.array(codes[script], pa.string())],
        schema=schemas.LANGUAGE,
    )


@cache
def _written() -> npt.NDArray[np.bool_]:
    return scripts.written(_model().languages)


def identify_paragraphs(
    texts: pa.Array | pa.ChunkedArray, *, model: str = "", thresholds: Mapping[str, float] | None = None
) -> pa.RecordBatch:
    """``paragraphs``, one struct (``start``, ``end`` in bytes, ``language``, ``language_score``) a line that is not
    blank, and ``mixed_share``: of the bytes in lines of known language, those in another one than most.
    """
    offsets, data = text.buffers(texts)
    breaks = np.flatnonzero(data == 10)
    starts = np.unique(np.concatenate([offsets[:-1], breaks + 1]))
    starts = starts[starts < len(data)]
    ends = np.minimum(np.append(starts[1:], len(data)), len(data))
    row = np.searchsorted(offsets, starts, side="right") - 1
    ends = np.where(ends == offsets[row + 1], ends, ends - 1)  # without the newline
    ends = np.where((ends > starts) & (data[np.maximum(ends - 1, 0)] == 10), ends - 1, ends)
    bounds = np.append(starts, len(data))
    lines = pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(bounds), pa.py_buffer(data))
    shown = (ends > starts) & (pc.utf8_length(pc.utf8_trim_whitespace(lines)).to_numpy() > 0)
    starts, ends, row, lines = starts[shown], ends[shown], row[shown], lines.filter(pa.array(shown))
    found = identify(lines, model=model, thresholds=thresholds)
    languages, codes = np.unique(
        np.array(found["language"].to_pylist() or ["und"], object).astype(str), return_inverse=True
    )
    codes = codes[: len(row)]
    sizes = np.zeros((len(offsets) - 1, len(languages)), np.int64)
    np.add.at(sizes, (row, codes), ends - starts)
    sizes[:, languages == "und"] = 0
    known = sizes.sum(1)
    mixed = np.divide(known - sizes.max(1), known, out=np.zeros(len(known)), where=known > 0)
    kind = schemas.PARAGRAPHS.field("paragraphs").type
    columns = [starts - offsets[row], ends - offsets[row], found["language"], found["language_score"]]
    items = pa.StructArray.from_arrays(
        [
            pa.array(c, f.type) if isinstance(c, np.ndarray) else c
            for c, f in zip(columns, kind.value_type, strict=True)
        ],
        fields=list(kind.value_type),
    )
    first = np.searchsorted(row, np.arange(len(offsets)))
    lists = pa.ListArray.from_arrays(pa.array(first, pa.int32()), items)
    return pa.record_batch([lists, pa.array(mixed, pa.float32())], schema=schemas.PARAGRAPHS)
