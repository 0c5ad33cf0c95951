"""The language of a text: py3langid's model, applied by a compiled pass.

The model is a naive Bayes classifier over byte sequences that an automaton finds (Lui and Baldwin 2012, langid.py;
py3langid's weights are retrained). Only languages written in the script of most letters are considered.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from classifiers import scripts
from manifests import schemas, text
from manifests.text import class_of, decode

#: a longer text is judged by this many bytes at its beginning, middle and end
WINDOW = 2048

# the model's labels are ISO 639-1 where there is one
_CODES = (
    "af:afr am:amh an:arg ar:ara as:asm az:aze ba:bak be:bel bg:bul bn:ben br:bre bs:bos ca:cat cs:ces cy:cym "
    "da:dan de:deu dz:dzo el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin fo:fao fr:fra fy:fry ga:gle "
    "gd:gla gl:glg gu:guj ha:hau he:heb hi:hin hr:hrv ht:hat hu:hun hy:hye id:ind ig:ibo is:isl it:ita ja:jpn "
    "jv:jav ka:kat kk:kaz km:khm kn:kan ko:kor ku:kur ky:kir la:lat lb:ltz lg:lug ln:lin lo:lao lt:lit lv:lav "
    "mg:mlg mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya ne:nep nl:nld nn:nno no:nor oc:oci om:orm or:ori "
    "pa:pan pl:pol ps:pus pt:por qu:que ro:ron ru:rus rw:kin sa:san se:sme si:sin sk:slk sl:slv sn:sna so:som "
    "sq:sqi sr:srp st:sot sv:swe sw:swa ta:tam te:tel tg:tgk th:tha tk:tuk tl:tgl tr:tur tt:tat ug:uig uk:ukr "
    "ur:urd uz:uzb vi:vie vo:vol wa:wln xh:xho yo:yor zh:zho zu:zul"
)
_ISO_639_3 = dict(pair.split(":") for pair in _CODES.split())


class _Model(NamedTuple):
    moves: npt.NDArray[Any]  # 256 next states a row
    rows: npt.NDArray[Any]  # the row of a state
    features: npt.NDArray[np.int32]  # the feature found on reaching a state, or -1
    weights: npt.NDArray[np.float32]  # [feature, label]
    prior: npt.NDArray[np.float32]
    language: npt.NDArray[np.int64]  # of each label: two labels may name one language
    languages: list[str]


@cache
def _model() -> _Model:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE)
    labels = [_ISO_639_3.get(label, label) for label in found.nb_classes]
    languages = sorted(set(labels))
    return _Model(
        np.asarray(found.tk_nextmove),
        np.asarray(found.tk_row, np.int64),
        np.asarray(found.tk_output, np.int32),
        np.ascontiguousarray(found.nb_ptc, np.float32),
        np.asarray(found.nb_pc, np.float32),
        np.array([languages.index(label) for label in labels]),
        languages,
    )


@njit(cache=True, nogil=True, boundscheck=False)
def _script(data: Any, start: Any, end: Any, classes: Any, table: Any, counts: Any) -> Any:
    """The script of most letters of ``data[start:end]``; -1 without letters."""
    counts[:] = 0
    i = start
    while i < end:
        code, size = decode(data, i)
        kind = class_of(classes, code)
        if (kind & text.LETTER) != 0:
            if code < 0x10000:
                counts[table[code]] += 1
            elif (kind & text.UNSPACED) != 0:
                counts[scripts.HAN] += 1
            else:
                counts[0] += 1
        i += size
    best = np.argmax(counts)
    return best if counts[best] > 0 else -1


@njit(cache=True, nogil=True, boundscheck=False)
def _identify(
    offsets: Any,
    data: Any,
    classes: Any,
    table: Any,
    written: Any,
    moves: Any,
    rows: Any,
    features: Any,
    weights: Any,
    prior: Any,
    language: Any,
    best: Any,
    probability: Any,
) -> None:
    letters = np.zeros(written.shape[0], np.int64)
    seen = np.zeros(weights.shape[0], np.int32)
    visited = np.empty(weights.shape[0], np.int64)
    score = np.empty(prior.size, np.float64)
    share = np.empty(written.shape[1], np.float64)
    for d in range(offsets.size - 1):
        start = offsets[d]
        end = offsets[d + 1]
        best[d] = -1
        probability[d] = 0.0
        script = _script(data, start, end, classes, table, letters)
        if script < 0:
            continue
        n = 0
        state = np.int64(0)
        for i in range(start, end):
            state = np.int64(moves[rows[state] * 256 + np.int64(data[i])])
            f = features[state]
            if f >= 0:
                if seen[f] == 0:
                    visited[n] = f
                    n += 1
                seen[f] += 1
        for k in range(prior.size):
            score[k] = prior[k]
        for q in range(n):
            f = visited[q]
            times = np.log1p(np.float64(seen[f]))
            for k in range(prior.size):
                score[k] += times * weights[f, k]
            seen[f] = 0
        highest = -np.inf
        for k in range(prior.size):
            if written[script, language[k]]:
                highest = max(highest, score[k])
        if n == 0 or highest == -np.inf:
            continue
        # the square root of the length keeps the probabilities calibrated, as py3langid does
        heat = np.sqrt(np.float64(end - start))
        share[:] = 0.0
        total = 0.0
        for k in range(prior.size):
            if written[script, language[k]]:
                p = np.exp((score[k] - highest) / heat)
                share[language[k]] += p
                total += p
        best[d] = np.argmax(share)
        probability[d] = share[best[d]] / total


def _sample(data: bytes) -> bytes:
    """What the text is judged by: whole characters, composed (NFC), not all in upper case."""
    if len(data) > 3 * WINDOW:
        middle = (len(data) - WINDOW) // 2
        data = b" ".join([data[:WINDOW], data[middle : middle + WINDOW], data[-WINDOW:]])
    if data.isascii():
        return data.lower() if data.isupper() else data
    value = data.decode("utf-8", "ignore")  # the cuts may have split characters
    return unicodedata.normalize("NFC", value.lower() if value.isupper() else value).encode()


def identify(texts: pa.Array | pa.ChunkedArray) -> pa.RecordBatch:
    """One row a text: ``language``, an ISO 639-3 code, and ``language_score``, its probability among those considered.

    ``und``, with score 0, for a text without letters, in a script of no known language, or of no known byte sequence;
    ``zxx`` for what the model holds for no language at all. The same text has the same row in any batch.
    """
    offsets, data = text.buffers(texts)
    bounds = offsets.tolist()
    samples = pa.array([_sample(data[a:b].tobytes()) for a, b in pairwise(bounds)], pa.large_binary())
    model = _model()
    best = np.empty(len(samples), np.int64)
    probability = np.empty(len(samples), np.float32)
    _identify(
        *text.buffers(samples),
        text.classes(),
        scripts.table(),
        scripts.written(model.languages),
        *model[:-1],
        best,
        probability,
    )
    names = [*model.languages, "und"]  # -1 is the last
    return pa.record_batch(
        [pa.array([names[k] for k in best.tolist()], pa.string()), pa.array(probability, pa.float32())],
        schema=schemas.LANGUAGE,
    )
