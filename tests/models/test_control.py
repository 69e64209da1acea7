"""The control set: whole, aligned, and enough of every label to tell what was forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from models.control import control
from models.examples import check_examples


def test_there_is_enough_of_every_label() -> None:
    documents, labels = control()

    counts = Counter(span.label for document in documents for span in document.entities or ())
    assert set(counts) == {label.name for label in labels}
    assert min(counts.values()) >= 15
    assert len(documents) >= 60
    assert all(label.description for label in labels)


def test_every_entity_is_whole_words_of_its_text_and_none_overlap() -> None:
    documents, labels = control()

    findings = check_examples(list(enumerate(documents, start=1)), labels)

    assert (findings.errors, findings.warnings) == ((), ())
    assert len({document.id for document in documents}) == len({document.text for document in documents})


def test_some_sentences_hold_nothing() -> None:
    documents, _ = control()

    assert sum(not document.entities for document in documents) >= 4


def test_it_is_read_without_a_model_library() -> None:
    program = "import sys; from models.control import control; control(); print('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
