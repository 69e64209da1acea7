"""The ways of learning from a few examples that the measuring commands compare.

Owns their names alone; each is a change of one extension's settings, so that all of them learn from the same examples
for as many steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.training.contrastive import contrastive, framework
from models.training.contrasts import ContrastConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.training.extend import ExtendConfig


def plain(config: ExtendConfig) -> ExtendConfig:
    """An extension as it is."""
    return config


def changed(**settings: Any) -> Callable[[ExtendConfig], ExtendConfig]:  # noqa: ANN401 -- fields of the configuration
    """Extension with contrast beside it, some of its settings changed."""
    return lambda config: replace(contrastive(config), **settings)


#: By name: plain extension, the contrastive papers' framework on words, and extension with contrast beside it: that,
#: with labels behind its passages as well, without one of its parts, and without the objective that its scores are of.
METHODS: dict[str, Callable[[ExtendConfig], ExtendConfig]] = {
    "extension": plain,
    "contrastive": framework,
    "both": contrastive,
    "with suffix": changed(suffix=True),
    "no contrast": changed(contrast=None),
    "no nearest": changed(neighbours=0.0),
    "no labels": changed(contrast=ContrastConfig(alpha=1.0)),
}
EXTENSION = "extension"
#: For tables that compare methods.
NAMED = "both: what `--method contrastive` does; contrastive: the papers' own framework, words as Gaussians"
