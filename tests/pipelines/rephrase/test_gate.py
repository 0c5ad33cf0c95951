"""The gate refuses what a small model was seen to do: invent, loop, chat, copy, stop half-way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.rephrase import gate, styles
from pipelines.rephrase.gate import Verdict

STYLE = styles.get("wikipedia")
SOURCE = (
    "The module was written by Ada Lovelace in 1843. It reads 300 files from disk and writes a report about them. "
    "Every file is checked twice before the report is written, and errors are listed at the end."
)
GOOD = (
    "Written by Ada Lovelace in 1843, this module loads 300 files and produces a report on them. Each file undergoes "
    "two checks beforehand, while errors appear in a list at the end."
)


def judge(answer: str, source: str = SOURCE, *, finish: str = "stop", language: str = "eng") -> Verdict:
    return gate.judge(source, answer, style=STYLE, finish_reason=finish, language=language)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOOD, ""),
        ("", "empty"),
        ("1843, 300.", "empty"),
        ("It reads.", "wrong_length"),
        (GOOD * 3, "wrong_length"),
        (GOOD.replace("300", "400"), "new_numbers"),
        (GOOD.replace("300", "twenty thousand"), "new_numbers"),
        (GOOD.replace("a report", "a report for Microsoft"), "new_names"),
        (GOOD.replace("Ada", "Mr. Babbage and Ada"), "new_names"),
        (GOOD.replace("this module", "`ada.report_module`"), "new_names"),
        (GOOD.replace("this module", "the `q` module"), "new_names"),
        (GOOD.replace("this module", "the `module`"), ""),
        (GOOD.replace("Each file", "FileReader"), "new_names"),
        ("the files are read and " * 8, "repetitive"),
        (SOURCE, "copied"),
        (GOOD.replace("this module", "I think it"), "chatty"),
        (GOOD + " This is a rewritten version of the original text.", "chatty"),
        ("I'm sorry, the assistant cannot do that, the module reads files from disk and writes about them.", "chatty"),
        (
            "Bright mornings bring gardeners outside, where patient hands prepare fertile ground, planting colourful "
            "flowers beside winding paths that visitors admire during pleasant summer walks.",
            "drifted",
        ),
    ],
)
def test_the_first_failure_is_the_reason(answer: str, reason: str) -> None:
    verdict = judge(answer)
    assert verdict.reason == reason
    assert verdict.accepted is (reason == "")


def test_an_unfinished_answer_is_refused_however_good() -> None:
    assert judge(GOOD, finish="length").reason == "cut_off"


def test_another_language_is_refused() -> None:
    assert judge(GOOD, language="deu").reason == "wrong_language"


def test_an_answer_that_drops_most_numbers_is_refused() -> None:
    source = f"{SOURCE} It took 12 days, 40 people and 7 machines."
    assert judge(GOOD.replace(" in 1843", "").replace("300 ", ""), source).reason == "lost_numbers"


def test_numbers_are_the_same_however_they_are_written() -> None:
    source = SOURCE.replace("300", "12,000").replace("Every file", "Every one of twelve files")
    assert judge(GOOD.replace("300", "12000").replace("Each file", "Each of 12 files"), source).reason == ""


def test_a_name_after_an_abbreviation_starts_no_sentence() -> None:
    source = SOURCE.replace("Ada", "Dr. Ada")
    assert judge(GOOD.replace("Ada", "Dr. Ada"), source).reason == ""
    assert judge(GOOD.replace("Ada", "Dr. Babbage"), source).reason == "new_names"
    assert judge(GOOD.replace("Ada", "Dr. J. Ada"), source.replace("Dr.", "Dr. J.")).reason == ""


def test_one_who_speaks_in_the_source_may_speak_in_the_answer() -> None:
    assert judge(GOOD.replace("this module", "the I/O module"), f"I/O. {SOURCE}").reason == ""
    assert judge(GOOD.replace("this module", "I think it"), f"That is, i.e. so. {SOURCE}").reason == "chatty"
    assert judge(GOOD.replace("this module", "my module"), f"My notes. {SOURCE}").reason == ""


@pytest.mark.parametrize(
    "said",
    [
        "Here is the rewritten text: {}",
        "Sure! Here's a version in formal English:\n\n{}",
        'Here is the text:\n"{}"',
        "Rewritten text: {}",
        "“{}”",
    ],
)
def test_what_is_said_before_the_answer_goes(said: str) -> None:
    assert judge(said.format(GOOD)).text == GOOD


@pytest.mark.parametrize(
    "kept", ["Text processing: a module.", 'A "quoted" word', '"One" and "two"', "Sure enough, it runs."]
)
def test_what_belongs_to_the_answer_stays(kept: str) -> None:
    assert judge(kept).text == kept


def test_scores_are_those_of_the_definitions() -> None:
    source = "one two three four five six seven eight nine ten"
    scores = judge("one two three four five six seven eight alpha beta", source).scores
    assert scores["length_ratio"] == 1.0
    assert scores["copy"] == pytest.approx(1 / 3)  # of three 8-grams
    assert scores["repetition"] == 0.0
    assert scores["novel_words"] == pytest.approx(2 / 7)  # alpha, beta of the words of four letters and more
    assert judge("a b c a b c a b c", source).scores["repetition"] == pytest.approx(4 / 7)


def test_styles_bound_the_length() -> None:
    strict = replace(STYLE, shortest=0.99, longest=1.01)
    assert gate.judge(SOURCE, GOOD, style=strict, finish_reason="stop", language="eng").reason == "wrong_length"
    assert strict.digest != STYLE.digest


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown rephrasing style 'poem'; allowed: wikipedia, distill"):
        styles.get("poem")
