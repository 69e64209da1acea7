"""Taggers that ship with the project, one folder each; torch-free, so that they can be listed anywhere."""

from __future__ import annotations

from pathlib import Path

#: Folder of the shipped taggers.
SHIPPED = Path(__file__).parent
#: The file that makes a folder a tagger.
MANIFEST = "tagger.json"
