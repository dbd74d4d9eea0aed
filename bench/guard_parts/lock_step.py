"""A client in lock step: it says nothing before all that came of the last thing has arrived. So the
server does the same work, in the same turns of its loop, in every run."""

from __future__ import annotations

import re
import socket

from settings import Trouble

# Far above what a healthy server needs, also under valgrind on a busy machine.
ANSWER_S_MAX = 60.0
CHUNK_END = b"\n\n\r\n"


class _Connection:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX)
        # Else a request in two segments would wait for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _send(self, method: str, path: str, body: str = "", content_type: str = "") -> None:
        fields = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: guard\r\n{fields}\r\n"
        self._socket.sendall((head + body).encode())

    def _receive(self) -> bytes:
        received = self._socket.recv(65536)
        if not received:
            raise Trouble("progressd closed a connection")
        return received

    def close(self) -> None:
        self._socket.close()


class Requests(_Connection):
    """One kept-alive connection, one request at a time."""

    def ask(self, method: str, path: str, body: str = "", content_type: str = "application/json") -> None:
        self._send(method, path, body, content_type)
        received = b""
        while not (answer := re.match(rb"HTTP/1.1 (\d+) .*?\r\n\r\n", received, re.DOTALL)):
            received += self._receive()
        length = re.search(rb"\r\nContent-Length: (\d+)\r\n", answer[0])
        due = answer.end() + (int(length[1]) if length else 0)
        while len(received) < due:
            received += self._receive()
        if answer[1][:1] != b"2":
            raise Trouble(f"{method} {path}: {received.decode(errors='replace')}")


class Reader(_Connection):
    """One stream, opened when its snapshot is there."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(port)
        self._send("GET", path)
        received = b""
        while b"event: snapshot" not in received or not received.endswith(CHUNK_END):
            received += self._receive()

    def take_event(self) -> None:
        received = b""
        while not received.endswith(CHUNK_END):
            received += self._receive()
        if received.count(b"\ndata: ") != 1:
            raise Trouble(f"not one event, but {received.decode(errors='replace')}")
