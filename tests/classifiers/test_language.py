"""Languages: known sentences, texts without language, agreement with the model's own library."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest

from classifiers import language, scripts
from classifiers.language_codes import iso_639_3

SENTENCES = {
    "eng": "All human beings are born free and equal in dignity and rights.",
    "deu": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fra": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "spa": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "rus": "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "ukr": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "ell": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "ara": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "heb": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hin": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "zho": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
    "jpn": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "kor": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "tha": "มนุษย์ทั้งปวงเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
}


def languages(*texts: str | None) -> list[str]:
    found: list[str] = language.identify(pa.array(texts, pa.string()))["language"].to_pylist()
    return found


def test_known_sentences() -> None:
    assert languages(*SENTENCES.values()) == list(SENTENCES)


def test_upper_case_and_decomposed_letters_read_the_same() -> None:
    shouted = [s.upper() for s in SENTENCES.values()]
    taken_apart = [unicodedata.normalize("NFD", s) for s in SENTENCES.values()]
    assert languages(*shouted) == list(SENTENCES)
    assert languages(*taken_apart) == list(SENTENCES)


@pytest.mark.parametrize("value", [None, "", " \n", "123 456", "--- *** ---", "😀😀", "ᚠᚢᚦᚨᚱᚲ"])
def test_what_no_known_language_is_written_in(value: str | None) -> None:
    (row,) = language.identify(pa.array([value], pa.string())).to_pylist()
    assert (row["language"], row["language_score"]) == ("und", 0.0)


def test_scripts() -> None:
    found = language.identify(pa.array(["ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", *SENTENCES.values(), "1"])).to_pylist()
    assert found[0] == {"language": "chr", "language_score": 1.0, "script": "Cher"}
    scripts_of = ["Latn"] * 4 + ["Cyrl"] * 2 + ["Grek", "Arab", "Hebr", "Deva", "Hani", "Jpan", "Hang", "Thai", None]
    assert [row["script"] for row in found[1:]] == scripts_of


def test_below_its_threshold_a_text_is_undetermined() -> None:
    texts = pa.array(["free and", SENTENCES["deu"]])
    found = language.identify(texts, thresholds={"default": 0.95, "deu": 1.0})
    assert found["language"].to_pylist() == ["und", "und"]
    assert found["language_score"].to_pylist()[1] > 0.5
    assert language.identify(texts, thresholds={"default": 0.0})["language"].to_pylist() == ["eng", "deu"]


def test_paragraphs_have_their_own_languages() -> None:
    english, german = SENTENCES["eng"], SENTENCES["deu"]
    value = f"{english}\n\n \n{german}\n{english}\n"
    rows = language.identify_paragraphs(pa.array([value, None, "", "\n"])).to_pylist()
    raw = value.encode()
    assert [raw[p["start"] : p["end"]].decode() for p in rows[0]["paragraphs"]] == [english, german, english]
    assert [p["language"] for p in rows[0]["paragraphs"]] == ["eng", "deu", "eng"]
    lengths = [len(one.encode()) for one in (german, english)]
    assert rows[0]["mixed_share"] == pytest.approx(lengths[0] / (lengths[0] + 2 * lengths[1]))
    assert rows[1:] == [{"paragraphs": [], "mixed_share": 0.0}] * 3


def _trained(path: Path, labels: dict[str, str]) -> str:
    import fasttext

    lines = [f"__label__{label} {SENTENCES[code]}" for code, label in labels.items() for _ in range(20)]
    (path / "train.txt").write_text("\n".join(lines))
    model = fasttext.train_supervised(
        str(path / "train.txt"), dim=8, minn=2, maxn=3, bucket=2000, epoch=30, thread=1, verbose=0
    )
    model.save_model(str(path / "model.bin"))
    return str(path / "model.bin")


def test_a_fasttext_model_of_the_users(tmp_path: Path) -> None:
    model = _trained(tmp_path, {"eng": "eng_Latn", "deu": "de", "rus": "rus_Cyrl"})
    texts = pa.array([SENTENCES["deu"], SENTENCES["rus"], "12", None, "привет"])
    found = language.identify(texts, model=model)
    assert found["language"].to_pylist()[:4] == ["deu", "rus", "und", "und"]
    latin_only = _trained(tmp_path, {"eng": "eng_Latn", "deu": "de"})
    # a short text in a script that the answer is not written in keeps the answer of our own model
    assert language.identify(pa.array(["привет"]), model=latin_only)["language"].to_pylist() not in (["eng"], ["deu"])


def test_a_file_that_is_no_language_model(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot be read as a fastText model"):
        language.identify(pa.array(["word"]), model=str(tmp_path / "model.bin"))


def test_scores_are_probabilities_and_more_text_is_surer() -> None:
    short, long = language.identify(pa.array(["free and", " ".join([SENTENCES["eng"]] * 20)]))["language_score"]
    assert 0 < short.as_py() < long.as_py() <= 1


def test_a_language_of_another_script_is_never_the_answer() -> None:
    model = language._model()
    written = scripts.written(model.languages)
    greek = scripts.NAMES.index("Grek")
    found = language.identify(pa.array(["ααα βββ γγγ x", "λ", "Ω ω Ω", "ζζζζ ηηηηz"]))["language"].to_pylist()
    assert all(written[greek][model.languages.index(one)] for one in found)


def test_every_label_of_the_model_is_an_iso_639_3_code_with_a_script() -> None:
    model = language._model()
    assert all(len(code) == 3 for code in model.languages)
    assert set(scripts._WRITTEN) <= set(model.languages)
    assert scripts.written(model.languages).any(0).all()


def test_a_row_does_not_depend_on_its_batch() -> None:
    texts = [*SENTENCES.values(), "", "x"]
    whole = language.identify(pa.array(texts))
    assert whole.to_pylist() == [language.identify(pa.array([t])).to_pylist()[0] for t in texts]


def test_a_long_text_is_judged_by_its_beginning_middle_and_end() -> None:
    filler = "1234567890 " * 4000
    german, english = SENTENCES["deu"], SENTENCES["eng"]
    assert languages(f"{filler}{german * 30}{filler}") == ["deu"]
    assert languages(f"{'ü' * 5001}{english * 100}{'漢' * 900}") != ["und"]


def test_the_scores_are_those_of_the_models_own_library() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    library = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    rows = language.identify(pa.array(SENTENCES.values())).to_pylist()
    for sentence, row in zip(SENTENCES.values(), rows, strict=True):
        label, score = library.classify(sentence)
        assert row["language"] == iso_639_3(label)
        # ours leaves out languages of other scripts, so it is at least as sure
        assert score - 1e-3 <= row["language_score"]


def test_sentences_of_many_languages(shared_data: Path) -> None:
    rows = [json.loads(line) for line in (shared_data / "lid" / "lid.jsonl").open()]
    known = set(language._model().languages) - {"zxx"}
    rows = [r for r in rows if r["set"] == "udhr" and r["lang"] in known and len(r["text"]) >= 100]
    found = languages(*(r["text"] for r in rows))
    right = sum(a == r["lang"] for a, r in zip(found, rows, strict=True))
    assert right / len(rows) > 0.9
