"""Logging: what long-running processes print, and where a command's own events go.

Owns how an event is written: one line of logfmt, whatever it is written to.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How a line begins.
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
#: What a log level may be called.
LEVELS = ("debug", "info", "warning", "error")


def route() -> None:
    """Send structlog's events through the standard library's logging; from there only warnings are printed."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def configure(level: str) -> None:
    """Print all events of at least this level on standard error."""
    route()
    logging.basicConfig(level=level.upper(), format=FORMAT)


@contextmanager
def kept_in(path: Path) -> Iterator[None]:
    """Append the project's own events to a file instead of printing them, until the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    ours = logging.getLogger("tagwerk")
    before = ours.level, ours.propagate
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.level, ours.propagate = before
        handler.close()
