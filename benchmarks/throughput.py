"""Documents per second of the whole system, beside the raw encoder's forward over the same pieces.

    python benchmarks/throughput.py [--documents 2000] [--rounds 3]

The system is the embedded stack: a corpus is submitted, chunked, rung, claimed, tagged and committed; the clock
runs from the submission to the last row. Raw is the tuned encoder's forward alone, in the same number format,
over the same windows in the same batches, already tokenised. Rounds alternate, so both see the same machine.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks import tables
from corpora.labels import load_labels
from corpora.reading import read_documents
from jobs.states import JobState
from models import artifact
from models.batching import by_length, collate, padded
from models.devices import best_device, working_dtype
from models.passages import passages
from tagwerk.connection import working
from tagwerk.waiting import wait
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from models.tagger import Tagger
    from tagwerk.service import Service

EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> None:
    """Measure and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--documents", type=int, default=2000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    texts = list(itertools.islice(itertools.cycle(example_texts()), options.documents))
    device = best_device()
    tagger = artifact.load(artifact.shipped_folder(), device=device, dtype=working_dtype(device))
    with tempfile.TemporaryDirectory() as home:
        os.environ["TAGWERK_HOME"] = home
        with working() as service:
            run_system(service, texts[:64])  # loads the model, as a running worker has
            pairs = [(run_raw(tagger, texts), run_system(service, texts)) for _ in range(options.rounds)]
    report(options.documents, pairs, f"{tagger.dtype} on {device.type}, {torch.get_num_threads()} threads")


def example_texts() -> list[str]:
    """The texts of the three short example corpora."""
    return [
        numbered.document.text
        for name in ("music", "clinical", "support")
        for numbered in read_documents(EXAMPLES / name / "corpus.jsonl")
    ]


def run_raw(tagger: Tagger, texts: list[str]) -> float:
    """Seconds that the encoder's forward takes, tokenising and padding not counted."""
    items = [passage for text in texts for passage in passages(text, tagger.encoder.tokenizer)]
    groups = by_length([padded(len(item.pieces)) for item in items], WorkerSettings().batch_pieces)
    batches = [collate([items[i] for i in group], tagger.encoder.tokenizer).to(tagger.device) for group in groups]
    seconds = 0.0
    with torch.inference_mode(), torch.autocast(tagger.device.type, tagger.dtype):
        for batch in batches:
            began = time.monotonic()
            tagger.network.encode_pieces(batch)
            seconds += time.monotonic() - began
    return seconds


def run_system(service: Service, texts: list[str]) -> float:
    """Seconds from the submission of a corpus to its last row."""
    corpus = "".join(json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts))
    labels = [asdict(label) for label in load_labels(EXAMPLES / "music" / "labels.yaml").labels]
    began = time.monotonic()
    stream = io.BytesIO(corpus.encode())
    job_id = service.submit(stream, labels, tagger="default", engine="biencoder", name="throughput")
    job = wait(service, job_id, lambda _: None, every=0.1)  # asking more often would take time from the worker
    seconds = time.monotonic() - began
    if job.state is not JobState.COMPLETED or job.completed != len(texts):
        raise SystemExit(f"the job ended {job.state.value} with {job.completed} of {len(texts)} documents")
    return seconds


def report(documents: int, pairs: list[tuple[float, float]], machine: str) -> None:
    """Write the rounds and the median ratio."""
    rows = [
        {"round": str(i), "raw forward, documents/s": documents / raw, "system, documents/s": documents / system}
        | {"ratio": f"{raw / system:.2f}"}
        for i, (raw, system) in enumerate(pairs, start=1)
    ]
    ratio = statistics.median(raw / system for raw, system in pairs)
    notes = [f"median ratio {ratio:.2f}", f"{documents} documents of the examples, music labels; {machine}"]
    print(tables.write("throughput", "The whole system beside the raw encoder", rows, notes).read_text("utf-8"))


if __name__ == "__main__":
    main()
