"""Findings about what the engine `llm` stands on: its language model, and the index of examples."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from models.errors import AskRefused, EndpointRefused, EndpointUnavailable, GeneratorNotFound
from retrieval.errors import IndexRefused, RetrievalError
from tagwerk.doctor.findings import fail, ok, warn
from workers.settings import COMPACT, REMOTE
from workers.teaching import advice

if TYPE_CHECKING:
    from retrieval.settings import RetrievalSettings
    from tagwerk.doctor.findings import Finding
    from workers.settings import WorkerSettings

CHECK = "language model"
#: Seconds that an endpoint has for its answer to a first word.
ENDPOINT_SECONDS = 20.0


def language(settings: WorkerSettings) -> Finding:
    """Which language model adaptations of the engine `llm` use, and whether it is there."""
    if settings.llm == COMPACT:
        return replace(ok(CHECK, "compact, which ships"), advice=advice(COMPACT))
    if settings.llm.startswith(REMOTE):
        return _remote(settings)
    from models.language_files import kind_of

    worn = settings.llm_adapter
    if worn is not None and not (worn / "adapter_model.safetensors").is_file():
        return fail(CHECK, f"{worn} holds no adapter", "correct TAGWERK_LLM_ADAPTER, or leave it unset")
    try:
        return ok(CHECK, f"{settings.llm}, {kind_of(settings.llm)}" + (f", wearing {worn}" if worn else ""))
    except GeneratorNotFound as error:
        return fail(CHECK, str(error), "put its files there or into the Hugging Face cache, or correct TAGWERK_LLM")


def index(settings: RetrievalSettings) -> Finding:
    """Whether the server that holds indexed examples answers."""
    from retrieval.index import ExampleIndex

    found = urlsplit(settings.qdrant_url or "")
    where = f"{found.hostname}:{found.port}" if found.port else str(found.hostname)
    try:
        with closing(ExampleIndex(settings)) as opened:
            collections = opened.look()
    except IndexRefused as error:
        return fail("qdrant", f"{where}: {error}", "set TAGWERK_QDRANT_API_KEY to the server's key")
    except RetrievalError as error:
        # Jobs go on without it, or wait, as TAGWERK_RETRIEVAL_POLICY says.
        return fail("qdrant", f"{where}: {error}", "start Qdrant, or correct TAGWERK_QDRANT_URL")
    return ok("qdrant", f"{where} answers, {collections} collections")


def _remote(settings: WorkerSettings) -> Finding:
    from models.endpoint import Connection, Endpoint, Oversized

    if settings.llm_url is None:
        return fail(CHECK, f"{settings.llm} and no endpoint", "set TAGWERK_LLM_URL, as http://gpu:8000/v1")
    key, model = settings.llm_api_key, settings.llm.removeprefix(REMOTE)
    endpoint = Endpoint(
        url=settings.llm_url,
        model=model,
        key=key.get_secret_value() if key else None,
        seconds=ENDPOINT_SECONDS,
        attempts=1,
    )
    try:
        # More than was asked for is an answer too.
        with closing(Connection(endpoint)) as connection, suppress(Oversized):
            connection.complete("Say yes.", 1)
    except (AskRefused, EndpointRefused) as error:
        return fail(CHECK, str(error), "correct TAGWERK_LLM, TAGWERK_LLM_URL or TAGWERK_LLM_API_KEY")
    except EndpointUnavailable as error:
        return warn(CHECK, str(error), "start the endpoint; jobs that need it wait until it answers")
    return ok(CHECK, f"{model} at {endpoint.address} answers")
