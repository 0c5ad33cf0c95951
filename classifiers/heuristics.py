"""The statistics behind the published rules of web corpora, all from one compiled pass.

A word is a run of characters without white space, as in Gopher; characters of scripts written without spaces (Han,
kana, Thai, Lao, Khmer, Myanmar) are words by themselves. A line holds more than white space; that at its ends
does not count, and lines are compared with every run of white space as one space. Paragraphs are lines in a row, ended
by a blank line. A share whose denominator is zero is zero.

====================================  =========================================================================  =======
``characters``                        Unicode code points
``words``, ``mean_word_length``       words; characters in words / words                                         Gopher
``alpha_word_share``                  words with a letter / words                                                Gopher
``stop_words``                        how many of *the be to of and that have with* occur                        Gopher
``hash_share``, ``ellipsis_share``    occurrences of ``#``, of ``…`` or ``...`` / words                          Gopher
``lines``                             lines
``bullet_line_share``                 lines that begin with a bullet, or ``-`` or ``*`` and a space / lines      Gopher
``ellipsis_line_share``               lines that end in an ellipsis / lines                                      Gopher
``terminal_line_share``               lines that end in a terminal mark or closing quote / lines                 C4
``short_line_share``                  lines of at most 30 characters / lines                                     FineWeb
``duplicate_line_share``              lines equal to an earlier one / lines                                      Gopher
``duplicate_line_char_share``         their characters / characters of all lines                                 Gopher
``duplicate_paragraph_share``         paragraphs equal to an earlier one / paragraphs                            Gopher
``duplicate_paragraph_char_share``    their characters / characters of all paragraphs                            Gopher
``top_Ngram_char_share``              N = 2, 3, 4: characters of the most frequent N words in a row, times       Gopher
                                      its occurrences / characters in words, at most 1; 0 when none repeats
``duplicate_Ngram_char_share``        N = 5 … 10: characters in N words in a row that occurred before, each      Gopher
                                      once / characters in words
``digit_share``                       decimal digits / characters
``uppercase_share``                   upper-case letters / letters
``newline_share``                     newlines / words                                                           FineWeb
====================================  =========================================================================  =======

Gopher: Rae et al. 2021, arXiv:2112.11446, A1.1. C4: Raffel et al. 2020, arXiv:1910.10683. FineWeb: Penedo et al. 2024,
arXiv:2406.17557.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_COUNTS = frozenset({"characters", "words", "stop_words", "lines"})
_NAMES = [
    "characters",
    "words",
    "mean_word_length",
    "alpha_word_share",
    "stop_words",
    "hash_share",
    "ellipsis_share",
    "lines",
    "bullet_line_share",
    "ellipsis_line_share",
    "terminal_line_share",
    "short_line_share",
    "duplicate_line_share",
    "duplicate_line_char_share",
    "duplicate_paragraph_share",
    "duplicate_paragraph_char_share",
    *(f"top_{n}gram_char_share" for n in range(2, 5)),
    *(f"duplicate_{n}gram_char_share" for n in range(5, 11)),
    "digit_share",
    "uppercase_share",
    "newline_share",
]

#: counts are int64, the rest float32; no value is null
SCHEMA = pa.schema([(name, pa.int64() if name in _COUNTS else pa.float32()) for name in _NAMES])


def measure(texts: pa.Array | pa.ChunkedArray) -> pa.RecordBatch:
    """One row a text, columns of ``SCHEMA``. Null counts as empty. Time is linear in the bytes."""
    from classifiers import text_statistics
    from manifests import text

    offsets, data = text.buffers(texts)
    found = text_statistics.statistics(offsets, data)
    assert found.shape[1] == len(SCHEMA)
    columns = [
        pa.array(found[:, k].astype(np.int64 if field.name in _COUNTS else np.float32))
        for k, field in enumerate(SCHEMA)
    ]
    return pa.record_batch(columns, schema=SCHEMA)
