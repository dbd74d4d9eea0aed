"""An incremental parser of text/event-stream: bytes in, split anywhere, events out.

It works on bytes: a line end is never part of another UTF-8 character, so only whole lines are decoded.
Source: WHATWG HTML, "Server-sent events", interpreting an event stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from .errors import ProtocolError

# Far above what a server sends. Beyond it there is no event stream, and memory would run out.
EVENT_BYTES_MAX = 16 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\n|\r")
_RETRY = re.compile(rb"[0-9]{1,18}")  # longer than that is no time that anybody could wait
_BYTE_ORDER_MARK = "\ufeff".encode()


@dataclass(frozen=True)
class SseEvent:
    """One dispatched event. `id` is what resumes after it; empty when the stream has given none."""

    type: str
    data: str
    id: str


class SseParser:
    """The parser of one response. What it ends in the middle of is dropped, as the standard wants it."""

    def __init__(self, last_event_id: str = "", event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        """`last_event_id`: what the response was asked to resume from; it holds until the stream says another."""
        self.last_event_id = last_event_id
        self.retry_ms: Optional[int] = None
        self.comments = 0
        self._event_bytes_max = event_bytes_max
        self._first_line = True
        self._skip_line_feed = False  # the bytes before ended in \r, and \r\n is one line end
        self._line = bytearray()
        self._id = last_event_id
        self._type = ""
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, received: bytes) -> list[SseEvent]:
        """The events that these bytes complete. Raises ProtocolError for one over the bound."""
        if not received:
            return []
        if self._skip_line_feed:
            received = received.removeprefix(b"\n")
        self._skip_line_feed = received.endswith(b"\r")
        *lines, rest = _LINE_END.split(received)
        events: list[SseEvent] = []
        for line in lines:
            if self._line:
                line = bytes(self._line) + line
                self._line.clear()
            self._take_line(line, events)
        self._line += rest
        if len(self._line) + self._data_bytes > self._event_bytes_max:
            raise ProtocolError(f"an event of over {self._event_bytes_max} bytes")
        return events

    def _take_line(self, line: bytes, events: list[SseEvent]) -> None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            self._dispatch(events)
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not name:
            self.comments += 1
        elif name == b"data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and _RETRY.fullmatch(value):
            self.retry_ms = int(value)

    def _dispatch(self, events: list[SseEvent]) -> None:
        self.last_event_id = self._id
        if self._data:
            data = b"\n".join(self._data).decode("utf-8", "replace")
            events.append(SseEvent(self._type or "message", data, self._id))
        self._type = ""
        self._data.clear()
        self._data_bytes = 0
