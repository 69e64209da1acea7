"""Devices: what is taken where nobody says, and that a wish is granted."""

from __future__ import annotations

import pytest
import torch

from models.devices import best_device, usable_device, working_dtype
from models.errors import DeviceUnavailable

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_the_accelerator_if_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)

    assert best_device() == best_device("auto") == torch.device(expected)


@pytest.mark.parametrize("name", ["cpu", "cuda:1", "meta"])
def test_a_named_device_is_taken(name: str) -> None:
    assert best_device(name) == torch.device(name)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(RuntimeError, match="abacus"):
        best_device("abacus")


@pytest.mark.parametrize(
    ("name", "dtype"), [("bfloat16", torch.bfloat16), ("float16", torch.float16), ("float32", torch.float32)]
)
def test_a_named_format_is_taken(name: str, dtype: torch.dtype) -> None:
    assert working_dtype(CPU, name) is working_dtype(CUDA, name) is dtype


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({}, torch.float32),
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"bf16": True}, torch.bfloat16),
    ],
)
def test_a_processor_takes_bf16_only_where_it_computes_with_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    assert working_dtype(CPU) is dtype


def test_a_processor_whose_kernels_lack_bf16_takes_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})

    assert working_dtype(CPU) is torch.float32


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_an_accelerator_takes_a_half_format(monkeypatch: pytest.MonkeyPatch, native: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: native)

    assert working_dtype(CUDA) is dtype


def test_this_machine_has_a_device_and_a_format_that_compute() -> None:
    device = best_device()
    values = torch.ones(4, 4, device=device, dtype=working_dtype(device))

    assert (values @ values).float().sum().item() == 64


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_a_device_that_computes_is_usable(wanted: str) -> None:
    assert usable_device(wanted) == best_device(wanted)


@pytest.mark.parametrize("wanted", ["abacus", "meta", "cuda:99"])
def test_a_device_that_does_not_compute_is_refused_by_name(wanted: str) -> None:
    with pytest.raises(DeviceUnavailable, match=f"device '{wanted}' cannot be used: "):
        usable_device(wanted)
