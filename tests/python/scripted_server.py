"""A server that does what a test tells it: cut, stall, refuse, and say things that progressd would not say."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from email.parser import Parser
from typing import Any, Callable, Iterable, Mapping, Sequence

# How long, in seconds, a test waits for what should come at once.
PATIENCE_S = 60.0

PAUSE_S = 0.2


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]  # ignores case
    body: bytes


@dataclass(frozen=True)
class Reply:
    """The bytes of an answer, and what happens to the connection then: close, reset, or hold until the client goes."""

    data: bytes
    then: str = "close"
    slowly: Sequence[bytes] = ()  # sent after `data`, PAUSE_S before each


def answer(status: int, body: bytes = b"", **headers: str) -> Reply:
    """A whole answer. A header `Content_Type` is sent as `Content-Type`."""
    fields = {"Content-Length": str(len(body)), "Connection": "close"}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    if status == 204:
        del fields["Content-Length"]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return Reply(f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + body)


def json_answer(status: int, body: bytes) -> Reply:
    return answer(status, body, Content_Type="application/json")


def problem(status: int, detail: str = "why", **headers: str) -> Reply:
    body = f'{{"type":"about:blank","title":"Title","status":{status},"detail":"{detail}"}}'.encode()
    return answer(status, body, Content_Type="application/problem+json", **headers)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"


def chunked(body: Iterable[bytes]) -> bytes:
    """A stream's beginning, each piece as a chunk. It ends with `END_OF_CHUNKS`."""
    return STREAM_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in body)


END_OF_CHUNKS = b"0\r\n\r\n"


def until_close(body: Iterable[bytes]) -> bytes:
    return STREAM_HEAD + b"\r\n" + b"".join(body)


@dataclass
class ScriptedServer:
    """Each connection carries one request, which `handle` answers. Use it in a `with`."""

    handle: Callable[[Request], Reply]
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> ScriptedServer:
        self.left = threading.Semaphore(0)  # released for each held connection that its client has left
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._listener.close()

    def await_leaving(self) -> None:
        """Waits until a client has left a connection that was held."""
        assert self.left.acquire(timeout=PATIENCE_S), "the client stays"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        then = ""
        with connection:
            try:
                request = _read_request(connection)
                if request is None:
                    return
                self.requests.append(request)
                reply = self.handle(request)
                then = reply.then
                connection.sendall(reply.data)
                for piece in reply.slowly:
                    time.sleep(PAUSE_S)
                    connection.sendall(piece)
                if then == "hold":
                    while connection.recv(4096):
                        pass
                elif then == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    connection.shutdown(socket.SHUT_WR)  # and not a reset, which would take the answer with it
            except TimeoutError:  # it stays
                return
            except OSError:  # it has left
                pass
        if then == "hold":
            self.left.release()


def _read_request(connection: socket.socket) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    start, _, fields = head.decode("utf-8").partition("\r\n")
    method, target, _ = start.split(" ")
    headers: Any = Parser().parsestr(fields)
    while len(body) < int(headers.get("Content-Length", "0")):
        body += connection.recv(65536)
    return Request(method, target, headers, body)


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """The replies, one for each request; a request too many is one that no client repeats."""
    left = list(replies)
    lock = threading.Lock()

    def handle(_: Request) -> Reply:
        with lock:
            return left.pop(0) if left else answer(418)

    return handle
