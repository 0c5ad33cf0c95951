"""The statistics behind the published rules of web corpora, all from one compiled pass.

Two definitions of a word. ``gopher``: a run of characters without white space, as in the paper; characters of scripts
written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) are words by themselves. ``datatrove``: a token of spaCy's
English tokeniser, so that the decisions are those of datatrove's filters. Everything else is defined as those filters
do. A *line* ends at a newline, a *row* at any line break of ``str.splitlines``; lines that hold nothing but white space
count only where it is said. A share whose denominator is zero is zero. docs/rules.md tells which rule reads what.

====================================  =========================================================================
``characters``, ``words``             Unicode code points; words
``proper_words``                      words of more than punctuation
``mean_word_length``                  characters of proper words / proper words
``median_word_length``                over all words
``alpha_word_share``                  words with a letter / words
``stop_words``, ``stop_word_count``   how many of *the be to of and that have with* occur, and how often; ``gopher``
                                      looks past case and punctuation
``language_stop_words``               how many of FineWeb-2's stop words of the text's language occur
``hash_share``, ``ellipsis_share``    occurrences of ``#``, of ``…`` and ``...`` / words
``symbol_word_share``                 runs without white space that hold ``#`` or ``…`` / such runs
``lines``, ``long_lines``             lines with more than white space; of those, of at least 200 characters
``bullet_line_share``                 rows that begin with ``•`` or ``-`` / rows, blank ones too
``ellipsis_line_share``               rows that end in an ellipsis / rows, blank ones too
``terminal_line_share``               lines whose last character ends a sentence / lines
``short_line_share``                  lines of at most 30 characters / lines
``duplicate_line_share``              lines equal to an earlier one / lines, those of white space too
``duplicate_line_char_share``         their characters / characters
``repeated_line_char_share``          the same without lines of white space / characters that are no newline
``duplicate_paragraph_share``         paragraphs, parted by empty lines, equal to an earlier one / paragraphs
``duplicate_paragraph_char_share``    their characters / characters
``top_Ngram_char_share``              N = 2, 3, 4: characters of the most frequent N words in a row, spaces between
                                      them, times its occurrences / characters
``duplicate_Ngram_char_share``        N = 5 … 10: characters of N words in a row that occurred before, from left to
                                      right, each word once / characters
``digit_share``, ``uppercase_share``  decimal digits / characters; upper-case letters / letters
``newline_share``                     newlines / words
``c4_sentences``                      sentences in the rows that C4 keeps
``c4_lorem_ipsum``                    rows with *lorem ipsum* that C4's other rules let pass
``c4_curly_bracket``                  rows with ``{``, likewise
``c4_any_…``                          the same three where a row may end in anything
``removed_word_share``                words in lines and phrases that RefinedWeb takes out / words by white space
====================================  =========================================================================

Gopher: Rae et al. 2021, arXiv:2112.11446. C4: Raffel et al. 2020, arXiv:1910.10683. RefinedWeb: Penedo et al. 2023,
arXiv:2306.01116. FineWeb: Penedo et al. 2024, arXiv:2406.17557. datatrove 0.10.1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

Words = Literal["gopher", "datatrove"]

_NAMES = (
    "characters words proper_words mean_word_length median_word_length alpha_word_share stop_words stop_word_count "
    "language_stop_words hash_share ellipsis_share symbol_word_share lines long_lines bullet_line_share "
    "ellipsis_line_share terminal_line_share short_line_share duplicate_line_share duplicate_line_char_share "
    "repeated_line_char_share duplicate_paragraph_share duplicate_paragraph_char_share top_2gram_char_share "
    "top_3gram_char_share top_4gram_char_share duplicate_5gram_char_share duplicate_6gram_char_share "
    "duplicate_7gram_char_share duplicate_8gram_char_share duplicate_9gram_char_share duplicate_10gram_char_share "
    "digit_share uppercase_share newline_share c4_sentences c4_lorem_ipsum c4_curly_bracket c4_any_sentences "
    "c4_any_lorem_ipsum c4_any_curly_bracket removed_word_share"
).split()
_REAL = ("share", "length")

#: counts are int64, the rest float64; no value is null
SCHEMA = pa.schema([(n, pa.float64() if n.endswith(_REAL) else pa.int64()) for n in _NAMES])


def measure(
    texts: pa.Array | pa.ChunkedArray, languages: pa.Array | None = None, *, words: Words = "gopher"
) -> pa.RecordBatch:
    """One row a text, columns of ``SCHEMA``. Null counts as empty. Time is linear in the bytes.

    ``languages``, names of FineWeb-2 such as ``deu_Latn`` or null, choose the list of ``language_stop_words``.
    """
    from classifiers import stop_words, text_statistics
    from manifests import text

    offsets, data = text.buffers(texts)
    numbers = np.zeros(len(offsets) - 1, np.int64)
    varieties: tuple[str, ...] = ()
    if languages is not None:
        encoded = languages.dictionary_encode()
        varieties = tuple(encoded.dictionary.to_pylist())
        numbers = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    found = text_statistics.statistics(
        offsets, data, numbers, stop_words.table(varieties), datatrove=words == "datatrove"
    )
    assert found.shape[1] == len(SCHEMA)
    columns = [
        pa.array(found[:, k].astype(np.int64) if pa.types.is_integer(field.type) else found[:, k])
        for k, field in enumerate(SCHEMA)
    ]
    return pa.record_batch(columns, schema=SCHEMA)
