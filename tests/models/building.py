"""Small encoders, taggers and data sets, and hostile strings, as the tests of this room need them.

What is tested of offsets, batches and artifacts does not depend on what the weights know, so most tests run on
a random encoder of one layer behind the packaged tokenizer.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from hypothesis import strategies as st
from transformers import BertConfig, BertModel

from models.biencoder import Batch, BiEncoder, BiEncoderConfig, span_mask
from models.tagger import Calibration, Tagger
from models.types import Document, Label, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from models.encoder import Encoder
    from models.memory import Neighbours

EXAMPLES = Path(__file__).parents[2] / "examples"
PERSON = Label(name="person", description="the name of a human being")
PLACE = Label(name="place", description="the name of a town, a country or a river")
TRICKY = (
    "aZ1é ßẞİıǅﬁ½²٣",
    " \t\r\n\x0b\x0c\x85\u00a0\u2028\u3000\x1c",
    ".,;:'\"-_/\\()[]{}<>#@&%$*",
    "\u0301\u0308\u20dd\ufe0f\u200d\u200c\u200b\u2060\ufeff\u00ad\u202e",
    "\x00\x07\x1b\x7f\ufffd\ufffe\U000e0001\U0010ffff",
    "中文ひらカナｶﾞー한국ไทยກຂកမ",
    "👩🏽🚀🇩🇪❤ℹ☎\U0001d552\U00010330",
    "\u0600\u06dd\u0d4eक्षिनिעברית",
)
characters = st.one_of(st.sampled_from("".join(TRICKY)), st.characters(exclude_categories=["Cs"]))
#: Whatever a caller's string may hold.
hostile = st.text(characters, max_size=60)


def tiny_model(positions: int = 512) -> BertModel:
    """A random encoder of one layer for the packaged vocabulary; the same one every time."""
    torch.manual_seed(7)
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=30522,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        attn_implementation="eager",
    )
    model = BertModel(config)
    model.train(False)
    return model


def tiny_tagger(
    encoder: Encoder, *, kind: type[BiEncoder] = BiEncoder, eager: float = 0.0, **calibration: float
) -> Tagger:
    """An untrained tagger, the same one every time; the higher `eager`, the more spans it sees."""
    torch.manual_seed(11)
    network = kind(encoder.model, BiEncoderConfig(dimension=16, initial_outside=-eager))
    return Tagger(encoder, network, Calibration(**calibration))


def with_model(encoder: Encoder, model: BertModel) -> Encoder:
    """The same tokenizer before another model."""
    return replace(encoder, model=model, max_pieces=model.config.max_position_embeddings)


class Scripted(BiEncoder):
    """A network that says what it is told: probabilities of each label by (first word, last word)."""

    script: Mapping[tuple[int, int], Sequence[float]]

    def spans_inside(
        self, pieces: Tensor, batch: Batch, labels: Tensor, neighbours: Neighbours | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        inside = span_mask(batch.word_mask, self.config.max_width)
        scores = torch.full((*inside.shape, labels.size(0)), -20.0)
        for (first, last), told in self.script.items():
            scores[:, first, last - first] = torch.tensor(told).logit()
        yield inside.nonzero(), scores[inside]


def scripted(encoder: Encoder, script: Mapping[tuple[int, int], Sequence[float]], **calibration: float) -> Tagger:
    """A tagger on a `Scripted` network."""
    tagger = tiny_tagger(encoder, kind=Scripted, **calibration)
    assert isinstance(tagger.network, Scripted)
    tagger.network.script = script
    return tagger


def example(domain: str) -> tuple[list[Document], list[Label]]:
    """Documents, with their gold entities, and labels of examples/<domain>."""
    [path] = (EXAMPLES / domain).glob("*.jsonl")
    documents = []
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        entities = tuple(Span(**entity) for entity in raw["entities"])
        documents.append(Document(id=raw["id"], text=raw["text"], entities=entities))
    labels = yaml.safe_load((EXAMPLES / domain / "labels.yaml").read_text(encoding="utf-8"))
    return documents, [Label(**label) for label in labels]


def record(text: str, *entities: tuple[int, int, str]) -> dict[str, Any]:
    """A line of a training set: the text's tokens, and entities as [first, last) tokens with a type."""
    named = [{"start": start, "end": end, "label": label} for start, end, label in entities]
    return {"tokens": text.split(), "entities": named}


def write_set(data: Path, data_set: str, file: str, records: Sequence[dict[str, Any]]) -> None:
    """Write one file of a training set below `data`."""
    folder = data / data_set
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / f"{file}.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in records)
