"""From what a server answers to values: shapes, pages of shapes, pages of lines.

Owns following pages to their end. An answer that is not what it should be is a `StrangeAnswer`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from api.schemas import EscalationPage, EventPage, FilePage, JobPage
from tagwerk.errors import StrangeAnswer
from tagwerk.exchange import Ask, Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Shape = TypeVar("Shape", bound=BaseModel)
Page = TypeVar("Page", JobPage, FilePage, EventPage, EscalationPage)


class Answers:
    """The answers that come over one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def read(self, shape: type[Shape], ask: Ask) -> Shape:
        """The answer to a request, as a value of this shape."""
        return self.shaped(shape, self._exchange.send(ask))

    def shaped(self, shape: type[Shape], answer: httpx.Response) -> Shape:
        """An answer that is there already."""
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise StrangeAnswer(self._exchange.url, f"{answer.status_code} to {answer.url.path}") from error

    def pages(self, shape: type[Page], path: str, params: Mapping[str, str | int]) -> Iterator[Page]:
        """Yield page after page until the last."""
        page = self.read(shape, Ask(path=path, params=params))
        yield page
        while page.has_more and page.after is not None:
            page = self.read(shape, Ask(path=path, params={**params, "after": page.after}))
            yield page

    def line_pages(self, path: str, page: int, params: Mapping[str, str]) -> Iterator[str]:
        """Yield the lines of an answer that comes `page` lines at a time, without line ends.

        Each page is whole before a line of it is given, so that a lost connection neither loses nor doubles one.
        """
        asked: dict[str, str | int] | None = {**params, "limit": page}
        while asked is not None:
            answer = self._exchange.send(Ask(path=path, params=asked))
            # By line feeds alone: a text may hold other characters that are taken for line ends.
            yield from answer.content.decode().removesuffix("\n").split("\n") if answer.content else ()
            link = answer.links.get("next", {}).get("url")
            # Of the link its parameters alone: behind a proxy the server may not know its own address.
            asked = None if link is None else dict(httpx.URL(link).params.items())

    def parsed(self, line: str | bytes) -> dict[str, Any]:
        """A line that is a JSON object."""
        try:
            value = json.loads(line)
        except ValueError as error:
            raise StrangeAnswer(self._exchange.url, str(error)) from error
        if not isinstance(value, dict):
            raise StrangeAnswer(self._exchange.url, "a line is no object")
        return value
