"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Ask this server, with the key in TAGWERK_KEY; else TAGWERK_URL's."),
]
