"""The ways of learning from a few examples that the measuring commands compare.

Owns their names alone; each is a change of one extension's settings, so that all of them learn from the same examples
for as many steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.training.contrastive import contrastive, framework

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.training.extend import ExtendConfig


def plain(config: ExtendConfig) -> ExtendConfig:
    """An extension as it is."""
    return config


def unread(config: ExtendConfig) -> ExtendConfig:
    """Extension with contrast beside it that reads no labels behind its passages."""
    return replace(contrastive(config), suffix=False)


#: By name: plain extension, the contrastive papers' framework on words, and extension with contrast beside it.
METHODS: dict[str, Callable[[ExtendConfig], ExtendConfig]] = {
    "extension": plain,
    "contrastive": framework,
    "both": contrastive,
    "no suffix": unread,
}
EXTENSION = "extension"
