"""Taking a corpus in: what is stored, what is refused, what is left behind, what it costs."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from corpora.blobs import BlobStore
from corpora.errors import CorpusTooLarge, InvalidCorpus
from corpora.ingest import StoredCorpus, ingest
from corpora.limits import Limits
from tests.corpora.corpus import Trickle, corpus, line

MIB = 1024 * 1024


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def taken(blobs: BlobStore, data: bytes, limits: Limits | None = None) -> StoredCorpus:
    return ingest(io.BytesIO(data), blobs, limits or Limits())


def refused(blobs: BlobStore, data: bytes, limits: Limits | None = None) -> InvalidCorpus:
    with pytest.raises(InvalidCorpus) as caught:
        taken(blobs, data, limits)
    assert list(blobs.root.iterdir()) == []
    return caught.value


def test_a_corpus_is_stored_as_it_came(blobs: BlobStore) -> None:
    data = corpus("a", "b", "c")
    stored = taken(blobs, data)
    assert blobs.path(stored.key).read_bytes() == data
    assert (stored.bytes, stored.documents, len(stored.chunks)) == (len(data), 3, 1)


def test_gzip_is_stored_expanded_under_the_same_key(blobs: BlobStore) -> None:
    data = corpus("a", "b")
    assert taken(blobs, gzip.compress(data, mtime=0)) == taken(blobs, data)


def test_mark_blank_lines_and_carriage_returns(blobs: BlobStore) -> None:
    data = b"\xef\xbb\xbf\r\n" + line(id="a", text="x") + b"\r\n \t\n\n" + line(id="b", text="y")
    stored = taken(blobs, data, Limits(chunk_documents=1))
    assert stored.documents == 2
    assert [chunk.first_line for chunk in stored.chunks] == [2, 5]
    assert blobs.path(stored.key).read_bytes() == data.removeprefix(b"\xef\xbb\xbf")


def test_every_problem_is_found_with_the_line_of_the_file(blobs: BlobStore) -> None:
    lines = [line(id="a", text="x"), b"", b"nope", line(id="a", text="y"), line(id=1, text="z"), b"{}"]
    error = refused(blobs, b"\r\n".join(lines))
    assert [(problem.line, problem.code) for problem in error.problems] == [
        (3, "bad_json"),
        (4, "duplicate_id"),
        (5, "id_not_a_string"),
        (6, "missing_id"),
    ]
    assert error.total == 4


def test_twenty_problems_are_kept_and_all_are_counted(blobs: BlobStore) -> None:
    error = refused(blobs, b"nope\n" * 500 + corpus("a") + corpus("a") * 300)
    assert [problem.line for problem in error.problems] == list(range(1, 21))
    assert error.total == 800
    assert str(error).endswith("and 780 more")


def test_early_duplicates_are_kept_before_later_problems(blobs: BlobStore) -> None:
    error = refused(blobs, corpus("a", "a") + b"nope\n" * 30)
    assert error.problems[0].message == "line 2: id 'a' was used before, on line 1"
    assert [problem.line for problem in error.problems] == list(range(2, 22))


def test_duplicates_name_the_first_line_across_batches(blobs: BlobStore) -> None:
    ids = [f"d{i}" for i in range(12_000)]
    error = refused(blobs, corpus(*ids, "d16", "other", "d11999", "d16"))
    assert [problem.message for problem in error.problems] == [
        "line 12001: id 'd16' was used before, on line 17",
        "line 12003: id 'd11999' was used before, on line 12000",
        "line 12004: id 'd16' was used before, on line 17",
    ]


def test_ids_are_told_apart_exactly(blobs: BlobStore) -> None:
    ids = ["a", "A", "a ", "á", "a\u0301", "1", "1.0", "01", "1e0"]
    assert taken(blobs, corpus(*ids)).documents == len(ids)


@pytest.mark.parametrize("data", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_a_file_without_documents(blobs: BlobStore, data: bytes) -> None:
    (problem,) = refused(blobs, data).problems
    assert (problem.line, problem.code) == (None, "empty_corpus")


def test_damaged_gzip_comes_with_the_problems_before_it(blobs: BlobStore) -> None:
    error = refused(blobs, gzip.compress(b"nope\n" + corpus("a"), mtime=0)[:-4])
    assert [problem.code for problem in error.problems] == ["bad_json", "bad_gzip"]


def test_a_corpus_over_the_limit_leaves_nothing(blobs: BlobStore) -> None:
    # Given 20 MB of spaces in 20 kB of gzip
    bomb = gzip.compress(b" " * 20_000_000, mtime=0)
    # When it is taken in under a limit of 1 MB
    with pytest.raises(CorpusTooLarge, match="1,000,000 bytes when expanded"):
        taken(blobs, bomb, Limits(max_corpus_bytes=1_000_000))
    # Then no blob and no temporary file is left
    assert list(blobs.root.iterdir()) == []


def test_a_stream_that_breaks_leaves_nothing(blobs: BlobStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError("the sender went away")

    with pytest.raises(ConnectionResetError):
        ingest(Broken(), blobs, Limits())
    assert list(blobs.root.iterdir()) == []


def test_a_line_over_the_limit_is_never_held(blobs: BlobStore) -> None:
    # Given a stream whose second line has 50 MB
    def pieces() -> list[bytes]:
        return [corpus("a"), *[b"x" * 65536] * 800, b"\n", corpus("a")]

    # When it is taken in with lines of at most 1 MB
    tracemalloc.start()
    with pytest.raises(InvalidCorpus) as caught:
        ingest(Trickle(pieces()), blobs, Limits(max_line_bytes=MIB))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Then the line is named with its size, reading goes on after it, and memory stays near the limit
    assert [problem.message.split(";")[0] for problem in caught.value.problems] == [
        "line 2: the line has 52,428,800 bytes, over the limit of 1,048,576",
        "line 3: id 'a' was used before, on line 1",
    ]
    assert peak < 4 * MIB


def test_progress_counts_documents_and_ends_with_all(blobs: BlobStore) -> None:
    seen: list[int] = []
    data = corpus(*[str(i) for i in range(130)])
    ingest(io.BytesIO(data), blobs, Limits(chunk_documents=50), seen.append)
    assert seen == [50, 100, 130]


MANY = """
import sys
from pathlib import Path
from corpora.blobs import BlobStore
from corpora.ingest import ingest
from corpora.limits import Limits
from tests.corpora.corpus import Trickle

def resident(field):
    status = Path("/proc/self/status").read_text()
    return int(status.split(field)[1].split()[0])

pieces = (b'{"id": "document number %d", "text": "a few words"}\\n' % i for i in range(200_000))
before = resident("VmRSS:")
stored = ingest(Trickle(pieces), BlobStore(Path(sys.argv[1])), Limits())
print(stored.documents, len(stored.chunks), resident("VmHWM:") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from /proc")
def test_many_documents_take_bounded_memory(tmp_path: Path) -> None:
    # Given 200,000 documents, 10 MB of lines that nobody holds at once
    command = [sys.executable, "-c", MANY, str(tmp_path / "blobs")]
    # When a fresh process takes them in
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    # Then all are stored and the whole process, SQLite included, grew by less than 40 MB
    documents, chunks, grown_kib = map(int, done.stdout.split())
    assert (documents, chunks) == (200_000, 3_125)
    assert grown_kib < 40 * 1024
