"""The ways of learning from a few examples that the measuring commands compare.

Owns their names alone; each is a change of one extension's settings, so that all of them learn from the same examples
for as many steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.training.contrastive import contrastive, framework

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.training.extend import ExtendConfig


def plain(config: ExtendConfig) -> ExtendConfig:
    """An extension as it is."""
    return config


def changed(**settings: Any) -> Callable[[ExtendConfig], ExtendConfig]:  # noqa: ANN401 -- fields of the configuration
    """Extension with contrast beside it, some of its settings taken away."""
    return lambda config: replace(contrastive(config), **settings)


#: By name: plain extension, the contrastive papers' framework on words, extension with contrast beside it, and that
#: without one of its parts each.
METHODS: dict[str, Callable[[ExtendConfig], ExtendConfig]] = {
    "extension": plain,
    "contrastive": framework,
    "both": contrastive,
    "no suffix": changed(suffix=False),
    "no contrast": changed(contrast=None),
    "no nearest": changed(neighbours=0.0),
    "suffix alone": changed(contrast=None, neighbours=0.0),
    "contrast alone": changed(suffix=False, neighbours=0.0),
    "nearest alone": changed(suffix=False, contrast=None),
}
EXTENSION = "extension"
