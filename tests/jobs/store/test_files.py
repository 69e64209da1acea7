"""Files: a stored corpus as one tenant's, with where its chunks lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.errors import BadName, UnknownFile
from jobs.store import files
from jobs.store.engine import Engines
from tests.jobs.building import ranges, stored_corpus

if TYPE_CHECKING:
    from jobs.store import Ledger


def test_a_file_says_what_was_stored(ledger: Ledger) -> None:
    corpus = stored_corpus(chunks=3, documents=2)
    acme = ledger.tenant("acme")

    file = acme.add_file(corpus, "gigs.jsonl")

    assert acme.file(file.id) == file
    assert (file.tenant, file.name, file.blob) == ("acme", "gigs.jsonl", corpus.key)
    assert (file.bytes, file.documents) == (corpus.bytes, 6)
    assert file.created_at <= ledger.now()


def test_the_chunks_come_back_as_they_lay(ledger: Ledger, ledger_url: str) -> None:
    file = ledger.tenant("acme").add_file(stored_corpus(chunks=30, documents=2), None)
    engines = Engines(ledger_url)

    with engines.reading() as connection:
        assert files.chunks(connection, "acme", file.id) == ranges(30, 2)
        with pytest.raises(UnknownFile):
            files.chunks(connection, "globex", file.id)
    engines.close()


def test_files_are_listed_newest_first_in_pages(ledger: Ledger) -> None:
    acme = ledger.tenant("acme")
    made = sorted((acme.add_file(stored_corpus(), name) for name in "abc"), key=lambda file: file.id, reverse=True)

    page = acme.files(limit=2)

    assert page + acme.files(limit=2, after=page[-1].id) == made
    assert ledger.tenant("globex").files() == []


def test_one_corpus_may_be_the_file_of_two_tenants(ledger: Ledger) -> None:
    corpus = stored_corpus()
    mine, yours = (ledger.tenant(name).add_file(corpus, None) for name in ("acme", "globex"))

    assert mine.blob == yours.blob
    assert mine.id != yours.id


def test_an_unknown_file_is_named(ledger: Ledger) -> None:
    for file_id in ("", "file_" + "0" * 20, "file_\0", "file_" + "\ud800" * 20, "x" * 10_000):
        with pytest.raises(UnknownFile, match="there is no file '"):
            ledger.tenant("acme").file(file_id)


def test_a_page_behind_what_can_be_no_file_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownFile):
        ledger.tenant("acme").files(after="file_\0")


def test_a_name_that_cannot_be_kept_leaves_no_file(ledger: Ledger) -> None:
    acme = ledger.tenant("acme")

    with pytest.raises(BadName):
        acme.add_file(stored_corpus(), "a\0")

    assert acme.files() == []
