"""Examples on their way to an adaptation, and the result on its way back.

Owns checking examples before there is a job, also where a server will check them again.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from corpora.reading import documents_in
from corpora.settings import CorporaSettings
from models.errors import InvalidExamples
from models.examples import check_examples
from models.typed_examples import check_typed_examples
from models.types import Label
from models.typing_hierarchy import restored
from tagwerk.console import say
from tagwerk.submission import opened

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.records import JobView
    from tagwerk.service import Service


def read_examples(path: Path, labels: list[dict[str, Any]], types: list[dict[str, str]] | None = None) -> bytes:
    """The examples as they are, once they are found good for learning these labels, or types; warnings are said.

    Raises `UnusableInput`, `InvalidCorpus` or `InvalidExamples`.
    """
    with opened(path, "file of examples") as stream:
        data = stream.read()
    limits = CorporaSettings().limits()
    examples = [(numbered.line, numbered.document) for numbered in documents_in(io.BytesIO(data), limits)]
    if types is None:
        findings = check_examples(examples, [Label(**label) for label in labels])
    else:
        findings = check_typed_examples(examples, restored(types))
    for warning in findings.warnings:
        say(f"warning: {warning.message}")
    if findings.errors:
        raise InvalidExamples(findings)
    return data


def result_of(service: Service, job: JobView) -> dict[str, Any] | None:
    """The line of an adaptation that ended well; None of one that did not, which is said."""
    for text in service.lines(job):
        line: dict[str, Any] = json.loads(text)
        if "error" not in line:
            return line
        if job.error is None:
            say(f"error: {line['error']['message']}")
    return None
