"""A language model behind an OpenAI-compatible endpoint (vLLM, TGI, Ollama, ...) as a generator.

Owns the way from asks to answers over the network: prompts that fit, requests in parallel, what is tried again.
The endpoint knows no grammar, so its answers are parsed. Its key stands in no message and no log line.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from models.asking import UNPARSABLE, WINDOW_TOO_LONG, Answer
from models.batching import by_length
from models.endpoint import Connection, Oversized
from models.errors import AskRefused, EndpointUnavailable, WindowTooLong
from models.parsing import parse
from models.prompting import fit, window_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.asking import Ask
    from models.endpoint import Endpoint
    from models.prompting import Prompt

#: UTF-8 bytes that a piece has at least on average; the endpoint's own tokenizer is not known.
BYTES_PER_PIECE = 3


class RemoteGenerator:
    """An endpoint as a `Generator`; a span's score is the chance of its line where the endpoint tells it, else 1."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.name = f"{endpoint.model} at {endpoint.address}"
        #: Words that one window of a long text should have.
        self.window = window_words(endpoint.context)
        self._connection = Connection(endpoint)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        """As `Generator.answer`; the asks of a batch are sent together, as many as the endpoint's concurrency allows.

        An ask that stayed without an answer after all attempts comes back with EndpointUnavailable. Raises
        EndpointRefused where nothing that is asked can be answered.
        """
        prompts: dict[int, Prompt] = {}
        unfit: list[tuple[int, Answer | Exception]] = []
        for i, ask in enumerate(asks):
            try:
                prompts[i] = fit(ask, _pieces, self.endpoint.context)
            except WindowTooLong:
                unfit.append((i, Answer(spans=(), shown=0, flags=(WINDOW_TOO_LONG,))))
        if unfit:
            yield unfit
        places = list(prompts)
        with ThreadPoolExecutor(self.endpoint.concurrency, thread_name_prefix="llm") as pool:
            for group in by_length([prompts[i].pieces + prompts[i].room for i in places], budget):
                chosen = [places[i] for i in group]
                answers = pool.map(self._one, (asks[i] for i in chosen), (prompts[i] for i in chosen))
                yield list(zip(chosen, answers, strict=True))

    def _one(self, ask: Ask, prompt: Prompt) -> Answer | Exception:
        try:
            reply = self._connection.complete(prompt.text, prompt.room)
        except Oversized:
            # Asked again it would babble again.
            return Answer(spans=(), shown=prompt.shown, flags=(UNPARSABLE,))
        except (AskRefused, EndpointUnavailable) as error:
            return error
        return parse(reply.text, ask, prompt.shown, whole=reply.whole, scores=reply.scores)


def _pieces(text: str) -> int:
    return len(text.encode(errors="surrogatepass")) // BYTES_PER_PIECE + 1
