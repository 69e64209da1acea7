"""Entities shown on the text they were found in, for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Background colours, given to labels in the order of the label file.
COLOURS = (
    "cyan",
    "green",
    "yellow",
    "magenta",
    "blue",
    "red",
    "bright_cyan",
    "bright_green",
    "bright_magenta",
)
#: Types that are shown of an entity.
MOST_TYPES = 4
#: Control characters but tab and line feed, as pictures: a text must not steer the terminal that shows it.
VISIBLE = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n"}
VISIBLE |= {0x7F: "\u2421"} | dict.fromkeys(range(0x80, 0xA0), "\ufffd")


class Palette:
    """One colour a label, the same in the whole output."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}

    def colour(self, *names: str) -> str:
        """The colour of the first of these labels and types that has one."""
        return next((self._colours[name] for name in names if name in self._colours), "white")

    def shown(self, text: str, line: dict[str, Any]) -> Text:
        """A document with its entities coloured and named; errors and escalations are said below it."""
        found = Text()
        found.append(f"{line['id'].translate(VISIBLE)}  ", style="dim")
        position = 0
        for entity in line.get("entities", ()):
            colour = self.colour(entity["label"], *(each["name"] for each in entity.get("types", ())))
            found.append(text[position : entity["start"]].translate(VISIBLE), style="none")
            found.append(f"[{entity['text'].translate(VISIBLE)}", style=f"bold {colour}")
            found.append(f"|{', '.join(_told(entity))}]".translate(VISIBLE), style=colour)
            position = max(position, entity["end"])
        found.append(text[position:].translate(VISIBLE), style="none")
        if "error" in line:
            found.append(f"\n    failed ({line['error']['code']}): {line['error']['message']}", style="bold red")
        elif line["escalation"]:
            reasons, risk = ", ".join(line["escalation"]["reasons"]), line["escalation"]["risk"]
            found.append(f"\n    for a person: {reasons}, risk {risk:.2f}", style="bold yellow")
        return found


def _told(entity: dict[str, Any]) -> Iterator[str]:
    """The label of an entity, where it has one, and its likeliest types."""
    types = entity.get("types", ())
    if entity["label"] is not None:
        yield f"{entity['label']} {entity['score']:.2f}"
    for each in types[:MOST_TYPES]:
        yield f"{each['name']} {each['score']:.2f}"
    if len(types) > MOST_TYPES:
        yield f"{len(types) - MOST_TYPES} more"
