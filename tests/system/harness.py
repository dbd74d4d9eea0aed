"""What the system tests stand on: the server as a process, a raw HTTP/1.1 client, and an event-stream parser.

The client is raw on purpose. A library would repair what the tests want to see: chunk edges, the order of pipelined
answers, the exact bytes of a stream's beginning. Nothing here waits by sleeping: every wait is for an event or a
condition and has a deadline, far above what a healthy server needs.
"""

from __future__ import annotations

import codecs
import json
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BINARY = Path(os.environ.get("PROGRESSD_BIN", REPOSITORY / "build" / "bin" / "progressd")).absolute()
CHROMIUM = os.environ.get("CHROMIUM_BIN", "/usr/bin/chromium")

TERMINAL_STATES = ("completed", "failed", "cancelled")
JOB_FIELDS = {
    "id", "kind", "runner", "owner", "state", "done", "total", "percent", "message", "result", "failedReason",
    "createdAt", "startedAt", "finishedAt", "attempt", "traceparent", "ratePerSecond", "etaSeconds",
    "eventId",
}  # fmt: skip
SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "MemorySanitizer", "runtime error:")


def sanitized() -> bool:
    """Whether the binary was built with a sanitizer: it is then slow, and its memory says nothing."""
    global _sanitized
    if _sanitized is None:
        code = BINARY.read_bytes() if BINARY.exists() else b""
        _sanitized = b"__asan_init" in code or b"__tsan_init" in code
    return _sanitized


_sanitized: bool | None = None


def patience() -> float:
    """How long, in seconds, a test waits for what should come at once."""
    return 60.0 if sanitized() else 20.0


def wait_until(condition: Callable[[], Any], what: str, timeout: float | None = None) -> Any:
    """Asks again and again until the condition holds, and answers what it said."""
    deadline = time.monotonic() + (timeout or patience())
    while True:
        said = condition()
        if said:
            return said
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(0.01)


def plain_environment(**more: str) -> dict[str, str]:
    """The environment for a process under test: no proxy, and no flag of the caller's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and (not name.startswith("PROGRESSD_") or name == "PROGRESSD_BIN")
    }
    return {**kept, **more}


# ---------------------------------------------------------------------------------------------- event streams


class ProtocolError(AssertionError):
    """The server sent bytes that its protocol does not allow."""


@dataclass(frozen=True)
class Event:
    """One dispatched event, as WHATWG HTML ("Server-sent events", interpreting an event stream) defines it."""

    type: str
    data: str
    last_event_id: str
    id: str | None  # the block's own id field; None where it has none
    named: bool  # the block has an event field
    data_lines: int

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class SseParser:
    """An incremental parser of text/event-stream; bytes may be split anywhere.

    Dispatches as WHATWG HTML says. Stricter in one thing: bad UTF-8 and field names that no reader knows are errors
    here, because a server has no business sending them.
    """

    _LINE_END = re.compile(r"\r\n|\n|\r")

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._at_start = True
        self._skip_lf = False
        self._line = ""
        self._last_event_id = ""
        self._begin_block()
        self.last_event_id = ""  # what an EventSource would send when it reconnects now
        self.retry: int | None = None
        self.comments: list[str] = []

    def _begin_block(self) -> None:
        self._type = ""
        self._data: list[str] = []
        self._id: str | None = None

    @property
    def mid_event(self) -> bool:
        """Whether the bytes so far end inside a block."""
        return bool(self._line or self._type or self._data or self._id is not None)

    def feed(self, received: bytes) -> list[Event]:
        try:
            text = self._utf8.decode(received)
        except UnicodeDecodeError as error:
            raise ProtocolError(f"a stream that is not UTF-8: {error}") from error
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        if self._skip_lf and text:
            self._skip_lf = False
            text = text.removeprefix("\n")
        events: list[Event] = []
        start = 0
        for end in self._LINE_END.finditer(text):
            line = self._line + text[start : end.start()]
            self._line = ""
            start = end.end()
            event = self._take_line(line)
            if event is not None:
                events.append(event)
        self._skip_lf = start == len(text) and text.endswith("\r")
        self._line += text[start:]
        return events

    def _take_line(self, line: str) -> Event | None:
        if line == "":
            return self._dispatch()
        if line.startswith(":"):
            self.comments.append(line[1:].removeprefix(" "))
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
                self._last_event_id = value
        elif name == "retry":
            if not re.fullmatch(r"[0-9]+", value):
                raise ProtocolError(f"retry is not a number: {line!r}")
            self.retry = int(value)
        else:
            raise ProtocolError(f"a field that nobody knows: {line!r}")
        return None

    def _dispatch(self) -> Event | None:
        self.last_event_id = self._last_event_id
        data, type_, id_ = self._data, self._type, self._id
        self._begin_block()
        if not data:
            return None
        return Event(type_ or "message", "\n".join(data), self.last_event_id, id_, type_ != "", len(data))


# ---------------------------------------------------------------------------------------------- HTTP


@dataclass
class Head:
    version: str
    status: int
    reason: str
    fields: list[tuple[str, str]]
    raw: bytes

    def __getitem__(self, name: str) -> str | None:
        found = [value for key, value in self.fields if key.lower() == name.lower()]
        if len(found) > 1:
            raise ProtocolError(f"{name} came {len(found)} times")
        return found[0] if found else None

    @staticmethod
    def parse(raw: bytes) -> Head:
        lines = raw.decode("latin-1").split("\r\n")
        start = re.fullmatch(r"(HTTP/1\.[01]) ([1-5][0-9][0-9]) ?(.*)", lines[0])
        if not start:
            raise ProtocolError(f"no status line: {lines[0]!r}")
        fields = []
        for line in lines[1:]:
            match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", line)
            if not match or re.search(r"[\r\n\0]", match[2]):
                raise ProtocolError(f"not a header line: {line!r}")
            fields.append((match[1], match[2]))
        return Head(start[1], int(start[2]), start[3], fields, raw)


class BodyDecoder:
    """Takes the framing off a message body; strict about it, and keeps the chunks as they were cut."""

    def __init__(self, head: Head, method: str) -> None:
        coding, length = head["Transfer-Encoding"], head["Content-Length"]
        if coding is not None and length is not None:
            raise ProtocolError("both Transfer-Encoding and Content-Length")
        self._rest = b""
        self._left = 0
        self.ended = False
        if method == "HEAD" or head.status in (204, 304) or head.status < 200:
            self.framing, self.ended = "none", True
            if coding is not None and head.status in (204, 304) and method != "HEAD":
                raise ProtocolError(f"Transfer-Encoding with {head.status}")
        elif coding is not None:
            if coding.lower() != "chunked":
                raise ProtocolError(f"Transfer-Encoding: {coding}")
            self.framing = "chunked"
        elif length is not None:
            if not re.fullmatch(r"[0-9]+", length):
                raise ProtocolError(f"Content-Length: {length}")
            self.framing, self._left = "length", int(length)
            self.ended = self._left == 0
        else:
            self.framing = "close"

    def feed(self, received: bytes) -> list[bytes]:
        """The payload pieces that are complete now: whole chunks where the body is chunked."""
        if self.framing == "close":
            return [received] if received else []
        self._rest += received
        pieces = []
        if self.framing == "length":
            piece, self._rest = self._rest[: self._left], self._rest[self._left :]
            self._left -= len(piece)
            self.ended = self._left == 0
            return [piece] if piece else []
        while self.framing == "chunked" and not self.ended:
            line_end = self._rest.find(b"\r\n")
            if line_end < 0:
                break
            size_text = self._rest[:line_end]
            if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size_text):
                raise ProtocolError(f"not a chunk size: {size_text[:60]!r}")
            size = int(size_text, 16)
            if len(self._rest) < line_end + 2 + size + 2:
                break
            chunk = self._rest[line_end + 2 : line_end + 2 + size]
            if self._rest[line_end + 2 + size : line_end + 4 + size] != b"\r\n":
                raise ProtocolError("a chunk that is longer than it says (or trailers, which we never send)")
            self._rest = self._rest[line_end + 4 + size :]
            if size == 0:
                self.ended = True
            else:
                pieces.append(chunk)
        return pieces

    def partial_chunk(self) -> bytes:
        """The payload bytes of a chunk that has not ended yet: a reader that streams has seen them too."""
        line_end = self._rest.find(b"\r\n") if self.framing == "chunked" else -1
        if line_end < 0:
            return b""
        return self._rest[line_end + 2 :][: int(self._rest[:line_end], 16)]

    def take_rest(self) -> bytes:
        """The bytes after the body: the beginning of the next answer."""
        rest, self._rest = self._rest, b""
        return rest


@dataclass
class Response:
    head: Head
    body: bytes
    interim: list[Head] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.head.status

    def __getitem__(self, name: str) -> str | None:
        return self.head[name]

    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<{self.head.status} {self.body[:400]!r}>"


class Connection:
    """One socket to the server, and the answers that come back on it."""

    def __init__(self, address: tuple[str, int], receive_buffer: int | None = None, *, wait: bool = True) -> None:
        """`receive_buffer` is SO_RCVBUF, for a reader that is to be slow; without `wait` connecting is only begun."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if wait:
            self.socket.settimeout(patience())
            self.socket.connect(address)
        else:
            self.socket.setblocking(False)
            self.socket.connect_ex(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = address
        self.unread = b""

    def send(self, sent: bytes) -> None:
        self.socket.sendall(sent)

    def request(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None,
                version: str = "HTTP/1.1") -> Response:  # fmt: skip
        self.send(request_bytes(self.address, method, target, headers, body, version))
        return self.read_response(method)

    def receive(self) -> bytes:
        """Some bytes; none when the server has closed. A reset is an error of the test's own choosing."""
        if self.unread:
            taken, self.unread = self.unread, b""
            return taken
        return self.socket.recv(65536)

    def read_head(self) -> Head:
        received = b""
        while b"\r\n\r\n" not in received:
            more = self.receive()
            if not more:
                raise EOFError(f"closed before an answer was complete: {received[:200]!r}")
            received += more
            if len(received) > 65536 and b"\r\n\r\n" not in received:
                raise ProtocolError("a head without an end")
        head, _, self.unread = received.partition(b"\r\n\r\n")
        return Head.parse(head)

    def read_response(self, method: str = "GET") -> Response:
        interim = []
        head = self.read_head()
        while head.status < 200:
            interim.append(head)
            head = self.read_head()
        decoder = BodyDecoder(head, method)
        pieces: list[bytes] = []
        while not decoder.ended:
            more = self.receive()
            if not more:
                if decoder.framing != "close":
                    raise EOFError("closed inside a body")
                break
            pieces += decoder.feed(more)
        self.unread = decoder.take_rest() + self.unread
        return Response(head, b"".join(pieces), interim)

    def closed_by_server(self) -> bool:
        """Waits for the server's end of the connection; a reset counts. Bytes on the way are dropped."""
        try:
            while self.receive():
                pass
        except ConnectionResetError:
            pass
        return True

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Leaves without a goodbye: the server sees ECONNRESET."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request_bytes(address: tuple[str, int], method: str, target: str, headers: dict[str, str] | None = None,
                  body: bytes | None = None, version: str = "HTTP/1.1") -> bytes:  # fmt: skip
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    fields = {"Host": f"{host}:{address[1]}", **(headers or {})}
    if body is not None and "Transfer-Encoding" not in fields and "Content-Length" not in fields:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


GZIP_WBITS = 31  # zlib's word for gzip, and nothing else


class Stream:
    """One SSE response. Keeps what it has seen: chunks as they came, events. One that is compressed has to end well:
    without gzip's own end, or with bytes behind it, it was cut."""

    def __init__(self, connection: Connection, method: str = "GET") -> None:
        self.connection = connection
        self.head = connection.read_head()
        self.decoder = BodyDecoder(self.head, method)
        self.parser = SseParser()
        self.inflater = zlib.decompressobj(GZIP_WBITS) if self.head["Content-Encoding"] == "gzip" else None
        self.chunks: list[bytes] = []
        self.seen: list[Event] = []
        self.ended = self.decoder.ended
        self.cut = False  # the connection ended, and the body did not
        self._ready: list[Event] = []

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def raw(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def last_event_id(self) -> str:
        """What a reader that has seen these events, and none that may have come since, would resume from."""
        return self.seen[-1].last_event_id if self.seen else ""

    def pump(self, deadline: float | None = None) -> None:
        """Waits for bytes, and takes what is there. Keepalives are bytes: they must not move the deadline."""
        left = patience() if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.socket.settimeout(left)
        try:
            received = self.connection.receive()
        except ConnectionResetError:
            received = b""
        finally:
            self.connection.socket.settimeout(patience())
        if not received:
            self.ended = True
            self.cut = self.decoder.framing != "close" or not self._is_inflated()
            return
        for chunk in self.decoder.feed(received):
            self.chunks.append(chunk)
            self._ready += self.parser.feed(self.inflater.decompress(chunk) if self.inflater else chunk)
        self.ended = self.decoder.ended
        self.cut = self.ended and not self._is_inflated()

    def _is_inflated(self) -> bool:
        return self.inflater is None or (self.inflater.eof and not self.inflater.unused_data)

    def next(self) -> Event:
        """The next event; an error when the stream ends, or when none comes in time."""
        deadline = time.monotonic() + patience()
        while not self._ready:
            if self.ended:
                raise EOFError(f"the stream ended {'abruptly' if self.cut else 'cleanly'} after {self.seen[-3:]}")
            try:
                self.pump(deadline)
            except TimeoutError:
                raise AssertionError(f"no event came; the last ones were {self.seen[-3:]}") from None
        event = self._ready.pop(0)
        self.seen.append(event)
        return event

    def take(self, count: int) -> list[Event]:
        return [self.next() for _ in range(count)]

    def until(self, wanted: Callable[[Event], bool]) -> list[Event]:
        """The events up to and including the first wanted one."""
        events = [self.next()]
        while not wanted(events[-1]):
            events.append(self.next())
        return events

    def rest(self) -> list[Event]:
        """Everything up to the end of the stream."""
        events = []
        while True:
            try:
                events.append(self.next())
            except EOFError:
                return events

    def comments_until(self, count: int) -> list[str]:
        """Waits for that many comments, keeping the events for later."""
        deadline = time.monotonic() + patience()
        while len(self.parser.comments) < count:
            if self.ended:
                raise EOFError("the stream ended")
            try:
                self.pump(deadline)
            except TimeoutError:
                raise AssertionError(f"only {len(self.parser.comments)} comments came") from None
        return self.parser.comments

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# ---------------------------------------------------------------------------------------------- processes


class Lines:
    """A process's output, line by line as it comes, read by a thread so that its pipe never fills up."""

    def __init__(self, pipe: Any) -> None:
        self.all: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: Any) -> None:
        for line in pipe:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.all.append(text)
            self._queue.put(text)
        self._queue.put(None)

    def next(self, timeout: float | None = None) -> str | None:
        """The next line; None at the end of the output."""
        try:
            return self._queue.get(timeout=timeout or patience())
        except queue.Empty:
            raise AssertionError(f"no line came; the last ones were {self.all[-5:]}") from None

    def finish(self) -> None:
        self._thread.join(patience())


# What systemd does between fork and exec (sd_listen_fds(3)): ARGUMENTS are the descriptor, then the command.
PASS_SOCKET = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Server:
    """A progressd process."""

    LISTENING = re.compile(r"listening on http://(\[[0-9a-fA-F:]+\]|[0-9.]+):([0-9]+)")

    def __init__(self, *flags: str, environment: dict[str, str] | None = None, descriptors: str | None = None,
                 listen: Iterable[str] = ("127.0.0.1:0",), passed: socket.socket | None = None,
                 ready: bool = True, prefix: Iterable[str] = ()) -> None:  # fmt: skip
        """`descriptors` is the limit of open files, as prlimit writes it: SOFT:HARD. `passed` is a socket that it is
        handed as by systemd. With `ready` false, wait_for_ready() is left to the caller. `prefix` is a command that
        becomes the server."""
        command = [*prefix]
        if descriptors:
            command += ["prlimit", f"--nofile={descriptors}"]
        if passed is not None:
            command += [sys.executable, "-c", PASS_SOCKET, str(passed.fileno())]
        command.append(str(BINARY))
        for address in listen:
            command += ["--listen", address]
        if "--drain" not in flags and "PROGRESSD_DRAIN" not in (environment or {}):
            command += ["--drain", "200ms"]  # tests that look at draining give their own
        command += flags
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=plain_environment(**(environment or {})),
            pass_fds=() if passed is None else (passed.fileno(),),
        )
        self.log = Lines(self.process.stderr)
        self._open: list[Connection] = []
        self.addresses: list[tuple[str, int]] = []
        self.stopped = False
        self._addresses_wanted = len(list(listen))
        if ready:
            self.wait_for_ready()

    def wait_for_ready(self) -> None:
        try:
            self._read_addresses()
            wait_until(self._is_ready, "/readyz to say 200")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def wait_for_log(self, said: str) -> None:
        wait_until(lambda: [line for line in self.log.all if said in line], f"the log to say {said!r}")

    def _read_addresses(self) -> None:
        while len(self.addresses) < self._addresses_wanted:
            line = self.log.next()
            if line is None:
                self._complain_of_its_end()
            for host, port in self.LISTENING.findall(line):
                self.addresses.append((host.strip("[]"), int(port)))

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/readyz").status == 200
        except (OSError, EOFError):  # it listens, and then finds that its journal is none
            self._complain_of_its_end()
            raise

    def _complain_of_its_end(self) -> None:
        status = self.process.wait(patience())
        self.stopped = True
        self.log.finish()
        raise AssertionError(f"progressd ended with {status} instead of listening:\n" + "\n".join(self.log.all))

    @property
    def address(self) -> tuple[str, int]:
        return self.addresses[0]

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def pid(self) -> int:
        return self.process.pid

    # -- talking to it

    def connect(self, receive_buffer: int | None = None) -> Connection:
        connection = Connection(self.address, receive_buffer)
        self._open.append(connection)
        return connection

    def request(self, method: str, target: str, fields: Any = None, *, headers: dict[str, str] | None = None,
                body: bytes | None = None) -> Response:  # fmt: skip
        """One request on a connection of its own. `fields` is sent as JSON, `body` as it is."""
        sent = dict(headers or {})
        if fields is not None:
            body = json.dumps(fields).encode()
            sent.setdefault("Content-Type", "application/json")
        sent.setdefault("Connection", "close")
        with Connection(self.address) as connection:
            return connection.request(method, target, sent, body)

    def stream(self, target: str, *, last_event_id: str | None = None, headers: dict[str, str] | None = None,
               method: str = "GET", version: str = "HTTP/1.1",
               receive_buffer: int | None = None) -> Stream:  # fmt: skip
        sent = {"Accept": "text/event-stream", **(headers or {})}
        if last_event_id is not None:
            sent["Last-Event-ID"] = last_event_id
        connection = self.connect(receive_buffer)
        connection.send(request_bytes(self.address, method, target, sent, None, version))
        return Stream(connection, method)

    def follow(self, job: str | dict[str, Any], **options: Any) -> Stream:
        """The stream of one job."""
        job_id = job if isinstance(job, str) else job["id"]
        stream = self.stream(f"/v1/jobs/{job_id}/events", **options)
        assert stream.status == 200, stream.head
        return stream

    # -- the API in words

    def create(self, **fields: Any) -> dict[str, Any]:
        response = self.request("POST", "/v1/jobs", fields)
        assert response.status == 201, response
        return response.json()

    def external(self, **fields: Any) -> dict[str, Any]:
        return self.create(runner="external", **fields)

    def create_many(self, count: int, **fields: Any) -> list[str]:
        """The ids of that many jobs, a multiple of 50, quickly made over one connection."""
        assert count % 50 == 0, count
        body = json.dumps(fields).encode()
        request = request_bytes(self.address, "POST", "/v1/jobs", {"Content-Type": "application/json"}, body)
        ids: list[str] = []
        with self.connect() as connection:
            while len(ids) < count:
                connection.send(request * 50)
                for _ in range(50):
                    made = connection.read_response("POST")
                    assert made.status == 201, made
                    ids.append(made.json()["id"])
        return ids

    def job(self, job: str | dict[str, Any]) -> dict[str, Any]:
        job_id = job if isinstance(job, str) else job["id"]
        response = self.request("GET", f"/v1/jobs/{job_id}")
        assert response.status == 200, response
        return response.json()

    def patch(self, job: str | dict[str, Any], **fields: Any) -> dict[str, Any]:
        job_id = job if isinstance(job, str) else job["id"]
        response = self.request("PATCH", f"/v1/jobs/{job_id}", fields)
        assert response.status == 200, response
        return response.json()

    def cancel(self, job: dict[str, Any]) -> dict[str, Any]:
        response = self.request("POST", f"/v1/jobs/{job['id']}/cancel")
        assert response.status == 202, response
        return response.json()

    def delete(self, job: dict[str, Any]) -> None:
        response = self.request("DELETE", f"/v1/jobs/{job['id']}")
        assert response.status == 204, response

    def report(self, *lines: dict[str, Any]) -> None:
        """Reports that all have to be accepted."""
        response = self.report_lines("".join(json.dumps(line) + "\n" for line in lines).encode())
        assert response.status == 200 and response.json() == {"accepted": len(lines), "rejected": []}, response

    def report_lines(self, body: bytes) -> Response:
        return self.request("POST", "/v1/reports", headers={"Content-Type": "application/x-ndjson"}, body=body)

    def stats(self) -> dict[str, Any]:
        response = self.request("GET", "/v1/stats")
        assert response.status == 200, response
        return response.json()

    def wait_for_state(self, job: dict[str, Any], *states: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            now = self.job(job)
            return now if now["state"] in states else None

        return wait_until(reached, f"{job['id']} to be {' or '.join(states)}")

    # -- what the kernel says about it

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        spent = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        match = re.search(r"^VmRSS:\s+([0-9]+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.M)
        assert match
        return int(match[1]) * 1024

    # -- its end

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit status; the process gets 15 seconds (more under a sanitizer) after having been told to stop."""
        limit = 45 if sanitized() else 15
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # a core or a sanitizer's stack says more than a kill
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            raise AssertionError(f"still running {limit} s after SIGTERM") from None
        finally:
            self.log.finish()
        self.stopped = True
        return status

    def stop(self) -> None:
        """Stops it, and checks that it went well."""
        for connection in self._open:
            connection.close()
        if self.stopped:
            return
        if self.process.poll() is None:
            self.terminate()
        status = self.wait()
        assert status == 0, f"progressd ended with {status}"

    def sanitizer_report(self) -> str:
        """The log from where a sanitizer complains; empty where none does."""
        for number, line in enumerate(self.log.all):
            if any(mark in line for mark in SANITIZER_MARKS):
                return "\n".join(self.log.all[number : number + 60])
        return ""


class Peer:
    """A foreign client in a process of its own, which says what it sees: a JSON object per line of its output."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=plain_environment(),
        )
        self.lines = Lines(self.process.stdout)
        self.said: list[dict[str, Any]] = []

    def tell(self, fact: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(fact).encode() + b"\n")
        self.process.stdin.flush()

    def next(self) -> dict[str, Any] | None:
        line = self.lines.next()
        if line is None:
            return None
        try:
            self.said.append(json.loads(line))
        except ValueError:
            raise AssertionError("the peer failed:\n" + "\n".join(self.lines.all)) from None
        return self.said[-1]

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        said = []
        while not said or not wanted(said[-1]):
            line = self.next()
            assert line is not None, "the peer ended: " + "\n".join(self.lines.all[-20:])
            said.append(line)
        return said

    def rest(self) -> list[dict[str, Any]]:
        """What it says until it ends by itself, which has to be well."""
        said = []
        while (line := self.next()) is not None:
            said.append(line)
        status = self.process.wait(patience())
        assert status == 0, f"the peer ended with {status}: " + "\n".join(self.lines.all[-20:])
        return said

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.stdin
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(patience())
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.lines.finish()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def node_script(name: str) -> list[str]:
    """The command that runs one of the Node programs beside this file."""
    if not (HERE / "node_modules").is_dir():
        raise AssertionError("the Node packages are missing: npm ci --omit=optional --prefix tests/system")
    return ["node", str(HERE / name)]


# ---------------------------------------------------------------------------------------------- what must hold


def assert_problem(response: Response, status: int, names: str | None = None) -> dict[str, Any]:
    """An RFC 9457 problem of that status, whose detail names the field where one is given."""
    assert response.status == status, response
    assert (response["Content-Type"] or "").split(";")[0] == "application/problem+json", response.head
    problem = response.json()
    assert problem["status"] == status, problem
    for member in ("type", "title", "detail"):
        assert isinstance(problem[member], str) and problem[member], problem
    if names is not None:
        assert names.lower() in problem["detail"].lower(), f"{names!r} is not named in {problem['detail']!r}"
    return problem


def steady(job: dict[str, Any]) -> dict[str, Any]:
    """A job without its estimates, which may change while nothing happens."""
    return {name: value for name, value in job.items() if name not in ("ratePerSecond", "etaSeconds")}


def assert_steps(events: list[Event], *, total: int) -> None:
    """A one-job stream from a snapshot to completion on which no step is missed, repeated or out of order.

    A job that becomes active, and one that has done its last step, may say so in a `progress` of its own.
    """
    assert events[0].type == "snapshot", events[0]
    assert events[-1].type == "completed", events[-1]
    assert [event.type for event in events[1:-1]] == ["progress"] * (len(events) - 2), events
    ids = [event.id for event in events]
    assert None not in ids and len(set(ids)) == len(ids), ids
    done = [event.json["done"] for event in events]
    for earlier, later in zip(done, done[1:]):
        assert later - earlier in (0, 1), f"{earlier} is followed by {later} in {done}"
    assert done.count(total) <= 2 and done[-1] == total, done
    states = [event.json["state"] for event in events]
    assert states == sorted(states, key=["pending", "active", "completed"].index), states
    middle = [value for value in done[1:-1] if value not in (done[0], total)]
    assert len(set(middle)) == len(middle), f"a step came twice: {done}"
