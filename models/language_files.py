"""Whether a causal language model is there, without loading it: for whoever only wants to know."""

from __future__ import annotations

import os

from models.errors import GeneratorNotFound


def kind_of(name: str) -> str:
    """The architecture of a model by folder or Hugging Face name, as `qwen2`; raises GeneratorNotFound.

    As when it is loaded, nothing is downloaded unless HF_HUB_OFFLINE=0 says so.
    """
    offline = os.environ.setdefault("HF_HUB_OFFLINE", "1") != "0"
    from transformers import AutoConfig

    try:
        return str(AutoConfig.from_pretrained(name, local_files_only=offline).model_type)
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise GeneratorNotFound(f"language model {name!r} is not there: {reason}") from error
