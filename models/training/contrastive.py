"""Few-shot extension with label-aware contrast, `--method contrastive`: the settings that the measurements chose.

Zhang and Zhuang (arXiv 2404.17178). Owns which settings these are; the recipe is that of `models.training.extend`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.training.contrasts import ContrastConfig

if TYPE_CHECKING:
    from models.training.extend import ExtendConfig


def contrastive(config: ExtendConfig) -> ExtendConfig:
    """The same extension with contrast: its spans against each other beside their cross-entropy.

    The nearest spans of the examples have a say. Labels stand behind its passages only where those of its base do.
    """
    return replace(config, contrast=ContrastConfig(alpha=0.2), neighbours=0.4)


def framework(config: ExtendConfig) -> ExtendConfig:
    """The papers' own: words inside of labels or outside, read with the labels behind, nearest words and labels."""
    contrast = ContrastConfig(distance="js", alpha=0.5, outside=True, units=256)
    return replace(config, scoring="io", suffix=True, spread=True, neighbours=0.5, contrast=contrast)
