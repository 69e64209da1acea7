"""Phase 1 from data to artifact: it learns, survives a kill, and writes a tagger that loads."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from models import artifact
from models.biencoder import BiEncoderConfig
from models.encoder import load_encoder
from models.scores import score
from models.training import phase1
from models.training.loop import LoopConfig
from models.training.phase1 import Phase1, Phase1Config, make_sampler, read_sentences
from models.training.sampling import SamplingConfig
from models.training.sets import HeldOut, Mix
from models.types import Label, Span
from tests.models.building import record, write_set
from tests.models.training.clock import tick

if TYPE_CHECKING:
    from pathlib import Path

MIX = Mix(
    files={"wikigold": ("train",), "uner_ewt": ("train",)},
    weights={"wikigold": 1.0, "uner_ewt": 0.0},
    held_out=(HeldOut(name="web", data_set="uner_ewt", file="dev", labels=None),),
    forbidden=("*/test",),
    familiar=(HeldOut(name="encyclopedia", data_set="wikigold", file="dev", labels=None),),
)
#: The same when nothing is held out any more.
WHOLE = replace(
    MIX,
    files={"wikigold": ("train", "dev"), "uner_ewt": ("dev",)},
    weights={"wikigold": 1.0, "uner_ewt": 1.0},
    held_out=(),
    familiar=(),
)
PEOPLE = ["Anna", "Bo", "Carla", "Dmitri", "Esra", "Finn", "Greta", "Hugo", "Ines", "Jonas"]
PLACES = ["Bern", "Hull", "Oslo", "Porto", "Quito", "Riga", "Seoul", "Turin", "Utrecht", "Vienna"]
LABELS = [Label(name="person"), Label(name="location")]


def sentences(count: int, seed: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    frames = ["{} lives in {} .", "Yesterday {} came to {} by train .", "{} of {} was not there ."]
    found = []
    for i in range(count):
        text = frames[i % 3].format(rng.choice(PEOPLE), rng.choice(PLACES))
        tokens = text.split()
        spans = [(j, j + 1, "PER" if t in PEOPLE else "LOC") for j, t in enumerate(tokens) if t in {*PEOPLE, *PLACES}]
        found.append(record(text, *spans))
    return found


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small sets, and the mix that names them."""
    folder = tmp_path / "data"
    write_set(folder, "wikigold", "train", sentences(200, seed=1))
    write_set(folder, "uner_ewt", "dev", sentences(12, seed=2))
    write_set(folder, "wikigold", "dev", sentences(12, seed=3))
    monkeypatch.setattr(phase1, "load_mix", lambda *, everything=False: WHOLE if everything else MIX)
    tick(monkeypatch, 1.0)
    return folder


def config(base: Path, **loop: Any) -> Phase1Config:  # noqa: ANN401 -- fields of LoopConfig
    """A minute, of steps of a second each, for a small network."""
    chosen = {"minutes": 1.0, "checkpoint_minutes": 0.25, "measure_minutes": 0.25} | loop
    return Phase1Config(
        loop=LoopConfig(**chosen),
        base=str(base),
        network=BiEncoderConfig(dimension=16, max_width=4),
        sampling=SamplingConfig(budget=256, concatenated=0.2),
        encoder_rate=3e-3,
        head_rate=1e-2,
    )


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_learns_and_writes_a_tagger(tiny_folder: Path, data: Path, tmp_path: Path) -> None:
    # Given small sets
    said: list[str] = []

    # When a minute is trained on them
    target = phase1.run(config(tiny_folder), data, tmp_path / "run", resume=False, say=said.append)

    # Then the loss fell
    lines = log(tmp_path / "run")
    assert [line["step"] for line in lines] == [15, 30, 45, 60, 60]
    assert lines[-1]["loss"] < 0.75 * lines[0]["loss"]
    assert said[:2] == [f"reading the sets under {data}", "training"]

    # And the tagger that was written loads, with what the run says of itself, and has learnt something
    manifest = artifact.read_manifest(target)
    assert target == tmp_path / "run/tagger"
    assert manifest.receipt["sets"] == ["wikigold"]
    assert manifest.receipt["held_out_groups"].keys() == {"web"}
    assert manifest.receipt["config"]["loop"]["minutes"] == 1.0
    text = "Greta lives in Oslo ."
    gold = [Span(start=0, end=5, label="person"), Span(start=15, end=19, label="location")]
    [prediction] = artifact.load(target).predict([text], LABELS)
    assert score([gold], [prediction.spans]).correct > 0


def test_a_killed_run_goes_on(tiny_folder: Path, data: Path, tmp_path: Path) -> None:
    # Given a run that is killed at its first measurement, five steps after a checkpoint
    def kill(text: str) -> None:
        if text.startswith("{"):
            raise KeyboardInterrupt

    chosen = config(tiny_folder, measure_minutes=20 / 60, minutes=0.5)
    with pytest.raises(KeyboardInterrupt):
        phase1.run(chosen, data, tmp_path / "run", resume=False, say=kill)
    assert not (tmp_path / "run/tagger").exists()

    # When it is started again
    said: list[str] = []
    target = phase1.run(chosen, data, tmp_path / "run", resume=True, say=said.append)

    # Then it goes on at the checkpoint, and the tagger is there
    assert "resumed at step 15, 0.2 minutes in" in said
    assert log(tmp_path / "run")[-1]["step"] == 30
    assert artifact.load(target).predict(["Anna lives in Bern ."], LABELS)

    # And when it is started once more, the tagger is written anew from the checkpoint
    before = artifact.read_manifest(target).files
    phase1.run(chosen, data, tmp_path / "run", resume=True, say=said.append)
    assert artifact.read_manifest(target).files == before


def trained(config: Phase1Config, data: Path, folder: Path) -> artifact.Manifest:
    return artifact.read_manifest(phase1.run(config, data, folder, resume=False, say=lambda _: None))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return artifact.shipped_weights(artifact.load(folder).network)


def test_a_run_goes_on_from_a_tagger_and_keeps_a_share_of_it(tiny_folder: Path, data: Path, tmp_path: Path) -> None:
    # Given a tagger, and what more training makes of it
    first = trained(config(tiny_folder), data, tmp_path / "first")
    start = tmp_path / "first/tagger"
    more = replace(config(tiny_folder), start=start, seed=1)
    trained(more, data, tmp_path / "more")

    # When the same training keeps three quarters of where it began
    manifest = trained(replace(more, kept=0.75), data, tmp_path / "kept")

    # Then its weights lie between the two, and it says where it began
    began, ended, kept = (weights(tmp_path / name / "tagger") for name in ("first", "more", "kept"))
    for name, tensor in kept.items():
        assert torch.allclose(tensor, began[name].lerp(ended[name], 0.25), atol=2e-3)
    assert not torch.allclose(began["start.weight"], ended["start.weight"], atol=2e-3)
    assert (manifest.receipt["config"]["start"], manifest.receipt["config"]["kept"]) == ("tagger", 0.75)
    assert manifest.config == first.config


def test_a_contrastive_source_stage_goes_on_from_a_tagger_that_reads_no_labels(
    tiny_folder: Path, data: Path, tmp_path: Path
) -> None:
    # Given a tagger
    trained(config(tiny_folder), data, tmp_path / "first")

    # When it goes on with the labels behind its passages, spans contrasted
    recipe = phase1.contrastive(LoopConfig(minutes=1.0, measure_minutes=0))
    sampling = replace(recipe.sampling, budget=1024)
    more = replace(recipe, start=tmp_path / "first/tagger", sampling=sampling, encoder_rate=1e-3, head_rate=3e-3)
    manifest = trained(more, data, tmp_path / "more")

    # Then the tagger that comes out reads them, and its receipt says how it came to be
    assert (manifest.config.suffix, manifest.config.dimension) == (True, 16)
    assert manifest.receipt["config"]["contrast"]["alpha"] == recipe.contrast.alpha if recipe.contrast else False
    tagger = artifact.load(tmp_path / "more/tagger")
    texts = ["Anna lives in Bern .", "Hugo of Oslo was not there ."]
    gold = [(Span(start=0, end=4, label="person"), Span(start=s, end=s + 4, label="location")) for s in (14, 8)]
    assert score(gold, [each.spans for each in tagger.predict(texts, LABELS)]).f1 > 0.7


def test_when_all_is_chosen_the_held_out_types_are_learnt_too(tiny_folder: Path, data: Path, tmp_path: Path) -> None:
    # Given a calibrated tagger
    first = trained(config(tiny_folder), data, tmp_path / "first")

    # When training goes on with everything
    last = replace(config(tiny_folder), start=tmp_path / "first/tagger", everything=True)
    manifest = trained(last, data, tmp_path / "last")

    # Then what was held out is among its sets, nothing is measured by it, and scores are read as before
    assert manifest.receipt["sets"] == ["uner_ewt", "wikigold"]
    assert "held_out_f1" not in manifest.receipt
    assert all("held_out_f1" not in line for line in log(tmp_path / "last"))
    assert manifest.calibration == first.calibration


@pytest.fixture
def recipe(tiny_folder: Path, data: Path) -> Phase1:
    chosen = config(tiny_folder)
    encoder = load_encoder(chosen.base)
    return Phase1(chosen, encoder, make_sampler(chosen, read_sentences(data, MIX, encoder), MIX, encoder), [])


def test_every_weight_that_is_trained_is_in_the_artifact(recipe: Phase1) -> None:
    trained = {id(p) for group in recipe.optimizer.param_groups for p in group["params"]}
    shipped = {id(tensor) for tensor in artifact.shipped_weights(recipe.module).values()}

    assert trained <= shipped


def test_all_but_the_word_embeddings_are_trained_at_their_rates(recipe: Phase1) -> None:
    encoder, head = recipe.optimizer.param_groups
    names = {id(parameter): name for name, parameter in recipe.module.named_parameters()}

    trained = {names[id(parameter)] for group in (encoder, head) for parameter in group["params"]}

    assert set(names.values()) - trained == {"encoder.embeddings.word_embeddings.weight"}
    assert (encoder["lr"], head["lr"]) == (3e-3, 1e-2)
    assert not any(names[id(parameter)].startswith("encoder.") for parameter in head["params"])


def test_the_loss_is_the_cross_entropy_of_every_span_per_entity(recipe: Phase1, data: Path, tiny_folder: Path) -> None:
    # Given the batch that the recipe is about to draw
    chosen = config(tiny_folder)
    encoder = load_encoder(chosen.base)
    drawn = make_sampler(chosen, read_sentences(data, MIX, encoder), MIX, encoder).draw(0)

    # When the loss of every span is summed by hand
    encoded = recipe.tagger.encoder.tokenizer(list(drawn.label_texts), padding=True, return_tensors="pt")
    ids, mask = (encoded[name].to(recipe.device) for name in ("input_ids", "attention_mask"))
    with torch.no_grad():
        scores = recipe.module(drawn.batch.to(recipe.device), recipe.module.encode_labels(ids, mask)).double().cpu()
    total, entities = 0.0, 0
    for target, span in zip(drawn.targets.flatten().tolist(), scores.flatten(0, 2), strict=True):
        if target >= 0:
            total -= torch.cat([torch.zeros(1), span]).log_softmax(0)[target].item()
            entities += target > 0

    # Then it is the recipe's
    assert entities > 0
    assert recipe.loss(0).item() == pytest.approx(total / max(8, entities), rel=0.05)


def test_a_step_is_the_same_whenever_it_is_repeated(recipe: Phase1, data: Path, tiny_folder: Path) -> None:
    chosen = config(tiny_folder)
    encoder = load_encoder(chosen.base)
    other = Phase1(chosen, encoder, make_sampler(chosen, read_sentences(data, MIX, encoder), MIX, encoder), [])

    assert recipe.loss(0).item() == pytest.approx(other.loss(0).item())
