"""Which device and number format a model runs with on this machine.

Owns the choice only. bf16 is taken where the hardware computes with it; elsewhere it would be slower.
"""

from __future__ import annotations

import torch

from models.errors import DeviceUnavailable


def best_device(wanted: str = "auto") -> torch.device:
    """`auto` is the first accelerator there is, else the processor; anything else as torch names it."""
    if wanted != "auto":
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_device(wanted: str = "auto") -> torch.device:
    """The device as `best_device` chooses it, once it has computed something; raises DeviceUnavailable."""
    try:
        device = best_device(wanted)
        (torch.ones(1, device=device) + 1).cpu()
    # A torch that was built without an accelerator asserts; `meta` holds no numbers to copy.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DeviceUnavailable(f"device {wanted!r} cannot be used: {str(error).splitlines()[0]}") from error
    return device


def working_dtype(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """`auto` is bfloat16 where the device computes with it natively, else float32."""
    if wanted != "auto":
        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() and _native_bf16() else torch.float32


def _native_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
