"""The estimate of what examples are worth to a language model, and the receipt: by models whose answers are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from models.asking import RETRIEVAL_DEGRADED, UNPARSABLE, Answer, Retrieved
from models.llm import CALIBRATION
from models.training import llm_adapting
from models.training.course import Course
from models.training.llm_adapting import Lesson, Prompted, Tuned, adapt, verdict
from models.types import Document, Label, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.asking import Ask

BAND = Label(name="band", description="a music group")
CITY = Label(name="city", threshold=0.6)


@dataclass(slots=True)
class Sure:
    """Finds a text's first word where it is shown an example, or anyhow where it was taught."""

    name: str = "sure"
    taught: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()
    score: float = 0.9
    fails: str = ""

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        for i, ask in enumerate(asks):
            yield [(i, self._one(ask))]

    def _one(self, ask: Ask) -> Answer | Exception:
        if self.fails and self.fails in ask.text:
            return ValueError("too strange")
        assert all(each.text != ask.text for each in ask.examples)
        assert ask.text not in self.taught, "asked about what it was taught by"
        there = bool(ask.examples or self.taught)
        span = Span(start=0, end=len(ask.text.split()[0]), label="band", score=self.score)
        return Answer(spans=(span,) * there, shown=len(ask.examples), flags=self.flags)


@dataclass(slots=True)
class Others:
    """Finds all documents but the text itself."""

    documents: Sequence[Document]
    degraded: bool = False

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        found = (tuple(each for each in self.documents if each.text != text) for text in texts)
        return [Retrieved(examples=() if self.degraded else each, degraded=self.degraded) for each in found]


def documents(count: int) -> list[Document]:
    texts = [f"Band{number} played" for number in range(count)]
    return [
        Document(id=text, text=text, entities=(Span(start=0, end=len(text.split()[0]), label="band"),))
        for text in texts
    ]


def lesson(count: int = 9, generator: Sure | None = None, **retriever: Any) -> Lesson:  # noqa: ANN401
    examples = documents(count)
    return Lesson(
        generator=generator or Sure(),
        retriever=Others(examples, **retriever),
        examples=examples,
        labels=(BAND,),
        budget=100,
        window=50,
    )


def shown(given: Lesson, folder: Path) -> Prompted:
    return adapt(given, None, folder, lambda _stage, _share: None)


def test_each_example_is_asked_about_with_the_others_beside_it(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []

    found = adapt(lesson(), None, tmp_path, lambda stage, share: told.append((stage, share)))

    receipt = found.receipt
    assert (receipt["documents"], receipt["before"]["f1"], receipt["after"]["f1"]) == (9, 0.0, 1.0)
    assert receipt["held_out"] == "each of 9 examples in turn, the others being those to be shown"
    assert (receipt["verdict"], receipt["llm"], receipt["labels"]["band"]["after"]["f1"]) == ("better", "sure", 1.0)
    assert found.tuned is None
    assert not {"doubts", "steps"} & receipt.keys()
    assert {stage for stage, _ in told} == {"judging"}
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_of_many_examples_some_are_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_adapting, "JUDGED", 4)

    receipt = shown(lesson(10), tmp_path).receipt

    assert receipt["documents"] <= 4
    assert receipt["examples"] == 10
    assert receipt["held_out"].startswith(f"each of {receipt['documents']} examples of 10 in turn")


def test_a_single_example_claims_nothing(tmp_path: Path) -> None:
    found = shown(lesson(1), tmp_path)

    assert (found.receipt["verdict"], found.receipt["documents"]) == ("unknown", 0)
    assert found.calibration == CALIBRATION


def test_what_failed_or_is_flagged_is_counted(tmp_path: Path) -> None:
    receipt = shown(lesson(9, Sure(flags=(UNPARSABLE,), fails="Band3"), degraded=True), tmp_path).receipt

    assert receipt["doubts"] == {
        "failed before": 1,
        "failed after": 1,
        f"{UNPARSABLE} before": 8,
        f"{UNPARSABLE} after": 8,
        f"{RETRIEVAL_DEGRADED} after": 8,
    }
    assert receipt["verdict"] == "unknown"


def test_a_tuned_model_is_asked_about_what_it_was_not_taught(tmp_path: Path) -> None:
    # Given a tuner that keeps what it was given
    given: list[tuple[str, frozenset[str]]] = []

    def tune(seen: Sequence[Document], folder: Path, watch: Callable[[float], None]) -> Tuned:
        texts = frozenset(each.text for each in seen)
        given.append((folder.name, texts))
        watch(0.5)
        return Tuned(generator=Sure(taught=texts), write=lambda _: None)

    # When nine examples are to be learnt from, without any to be shown
    asked = lesson(degraded=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Course, "of", lambda _: Course(losses=(1.0, 0.5), norms=(2.0, 1.0)))
        told: list[str] = []
        found = adapt(asked, tune, tmp_path, lambda stage, _share: told.append(stage))

    # Then thirds are held out, and all are learnt from in the end
    assert [name for name, _ in given] == ["part-0", "part-1", "part-2", "learning"]
    assert [len(texts) for _, texts in given] == [6, 6, 6, 9]
    assert found.receipt["after"]["f1"] == 1.0
    assert (found.receipt["steps"], found.receipt["loss"]) == (2, [[1, 1.0], [2, 0.5]])
    assert found.tuned is not None
    assert list(dict.fromkeys(told)) == ["judging", "learning"]


def test_scores_near_the_threshold_decide_the_margin(tmp_path: Path) -> None:
    sure, unsure = (shown(lesson(9, Sure(score=score)), tmp_path / str(score)) for score in (0.9, 0.12))

    assert sure.calibration.margin > 0.5
    assert unsure.calibration.margin == llm_adapting.MARGINS[0]


@pytest.mark.parametrize(
    ("before", "after", "said"), [(0.5, 0.6, "better"), (0.5, 0.4, "worse"), (0.5, 0.5, "unknown")]
)
def test_the_verdict_is_by_held_out_f1(before: float, after: float, said: str) -> None:
    assert verdict({"before": {"f1": before}, "after": {"f1": after}}) == said
