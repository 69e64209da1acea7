"""A wire between a client and a server that can be cut: a TCP proxy with a fate for each connection."""

from __future__ import annotations

import socket
import threading
from collections import deque
from contextlib import closing, suppress
from dataclasses import dataclass

BLOCK = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The server gets all that is asked; of its answers the client gets so many bytes, then the line is dead."""

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """The server gets nothing; the client gets these bytes as answer."""

    answer: bytes


class Drop:
    """The connection ends as soon as it is made."""


Fate = Cut | Say | Drop


class Wire:
    """Each connection meets the next fate; when there are none left, the wire is sound."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._fates: deque[Fate] = deque()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        #: Where the server seems to be, and how often somebody came.
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        #: How many blocks did not pass since it is hushed.
        self.held = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def meets(self, *fates: Fate) -> None:
        """Set the fates of the connections to come."""
        self._fates.extend(fates)

    def hush(self) -> None:
        """From now on nothing passes, on connections that are open and stay so."""
        self._flows.clear()

    def close(self) -> None:
        """Cut everything."""
        self._flows.set()
        for each in [self._listener, *self._open]:
            _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            fate = self._fates.popleft() if self._fates else None
            threading.Thread(target=self._meet, args=(client, fate), daemon=True).start()

    def _meet(self, client: socket.socket, fate: Fate | None) -> None:
        with suppress(OSError):
            if isinstance(fate, Say):
                client.recv(BLOCK)
                client.sendall(fate.answer)
                client.shutdown(socket.SHUT_WR)
                _read_all(client)
            elif not isinstance(fate, Drop):
                self._carry(client, None if fate is None else fate.after)
        _end(client)

    def _carry(self, client: socket.socket, after: int | None) -> None:
        with closing(socket.create_connection(("127.0.0.1", self._port))) as server:
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            while block := server.recv(BLOCK):
                self._pass()
                if after is not None:
                    if len(block) > after:
                        client.sendall(block[:after])
                        return
                    after -= len(block)
                client.sendall(block)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(BLOCK):
                self._pass()
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)

    def _pass(self) -> None:
        if not self._flows.is_set():
            self.held += 1
            self._flows.wait()


def _end(connection: socket.socket) -> None:
    # Closing alone says nothing to the other side while another thread still reads.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _read_all(source: socket.socket) -> None:
    source.settimeout(5)
    while source.recv(BLOCK):
        pass
