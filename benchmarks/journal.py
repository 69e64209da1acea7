"""Finished pieces of a long measurement, so that a stopped one goes on.

Owns the file: JSON Lines, one piece a line, each with the settings that it was measured under. Pieces of other
settings stay where they are and do not count.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Journal:
    """What was measured under `settings` (plain values that JSON gives back as they were), by key."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path, self._settings = path, settings
        self._found: dict[str, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a kill tore the last line
            path.write_text(whole, encoding="utf-8")
        for line in whole.splitlines():
            entry = json.loads(line)
            if entry["settings"] == settings:
                self._found[entry["key"]] = entry["result"]

    def once(self, key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result for `key`, measured now unless that was done before."""
        if key not in self._found:
            result = measure()
            line = json.dumps({"key": key, "settings": self._settings, "result": result})
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
            self._found[key] = result
        return self._found[key]
