"""A server that speaks as much of Qdrant's REST interface as we use, over an index in memory.

It stands in for the real server, whose binary no package registry has: requests and answers go over a real socket
in the real client's encoding. What it cannot show is the real server's search graph and its limits.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a request's body holds; None where it has none.
Json = Any
_vectors: TypeAdapter[dict[str, models.VectorParams]] = TypeAdapter(dict[str, models.VectorParams])


class StandIn:
    """The server; `client` is what it keeps, for a test to spoil. Collections are real, the search is exact."""

    def __init__(self) -> None:
        self.client = QdrantClient(":memory:")
        self.lock = threading.Lock()
        #: Names of what was asked for, in order.
        self.asked: list[str] = []
        #: Called before a request is answered, with its name.
        self.before: Callable[[str], None] = lambda _: None
        #: The key that it demands, if any.
        self.key: str | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: Json) -> tuple[int, object]:
        parts = path.split("?")[0].strip("/").split("/")[1:]
        name, rest = (parts[0], "/".join(parts[1:])) if parts else ("", "")
        asked = f"{method} {rest}" if rest else f"{method} {'collection' if name else 'collections'}"
        self.asked.append(asked)
        self.before(asked)
        with self.lock:
            there = not name or asked == "GET exists" or self.client.collection_exists(name)
            if asked == "PUT collection":
                return self._created(name, body, there=there)
            if not there and method != "DELETE":
                return 404, f"Not found: Collection `{name}` doesn't exist!"
            try:
                return 200, self._result(asked, name, body)
            except ValueError as error:
                return 400, f"Wrong input: {error}"

    def _created(self, name: str, body: Json, *, there: bool) -> tuple[int, object]:
        if there:
            return 409, f"Wrong input: Collection `{name}` already exists!"
        return 200, self.client.create_collection(name, vectors_config=_vectors.validate_python(body["vectors"]))

    def _result(self, asked: str, name: str, body: Json) -> object:
        client = self.client
        match asked:
            case "GET collections":
                return {"collections": [{"name": each.name} for each in client.get_collections().collections]}
            case "GET exists":
                return {"exists": client.collection_exists(name)}
            case "DELETE collection":
                return client.delete_collection(name) if client.collection_exists(name) else False
            case "PUT points":
                client.upsert(name, [models.PointStruct.model_validate(point) for point in body["points"]])
                return {"operation_id": 1, "status": "completed"}
            case "POST points":
                return [
                    each.model_dump() for each in client.retrieve(name, body["ids"], with_vectors=body["with_vector"])
                ]
            case "POST points/count":
                return {"count": client.count(name, exact=body["exact"]).count}
            case "POST points/query/batch":
                searches = [models.QueryRequest.model_validate(search) for search in body["searches"]]
                return [each.model_dump() for each in client.query_batch_points(name, searches)]
        raise AssertionError(f"the stand-in does not know {asked!r}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status: int = 401
                result: object = "Must provide an API key or an Authorization bearer token"
                if standin.key is None or self.headers.get("api-key") == standin.key:
                    status, result = standin.answer(self.command, self.path, json.loads(raw) if raw else None)
                said = {"result": result, "status": "ok"} if status == 200 else {"status": {"error": result}}
                content = json.dumps(said | {"time": 0.0}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815 -- http.server's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
