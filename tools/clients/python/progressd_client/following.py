"""Following a stream over any number of connections: what to ask for, what to deliver, when to come back.

No socket here: the two clients feed the same `Follower` with what they receive. Every event is delivered
once and in order, because a connection that is lost is replaced by one that resumes after the last event
that was read whole.

    opened? ── received(bytes) ─► take() ─► item … ─► over
       │            │ cut, stalled, ended: lost()
       └ refused() ─┴─► seconds to wait, then the next connection
"""

from __future__ import annotations

import json
import logging
from collections import deque
from typing import Any, Generic, Iterable, Optional, TypeVar
from urllib.parse import urlencode

from .calls import channel_stream_path, path_segment
from .errors import Answer, ConnectionFailed, ProtocolError
from .models import JobEvent
from .reconnect import RETRYABLE_STATUSES, Backoff, ReconnectPolicy
from .sse import SseEvent, SseParser

log = logging.getLogger("progressd_client")

T = TypeVar("T")

# `identity`: a proxy that compresses would hold events back until a block is full.
STREAM_HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}


# ---- what can be followed


class Followed(Generic[T]):
    """Something that has a stream: where it is, what its events are, and which one is the last."""

    def path(self) -> str:
        raise NotImplementedError

    def read(self, event: SseEvent) -> T:
        raise NotImplementedError

    def ends_with(self, item: T) -> bool:
        return False


class RawStream(Followed[SseEvent]):
    """Any stream of the server, as its bare events."""

    def __init__(self, path: str) -> None:
        if not path.startswith("/"):
            raise ValueError(f"a path begins with /: {path!r}")
        self._path = path

    def path(self) -> str:
        return self._path

    def read(self, event: SseEvent) -> SseEvent:
        return event


class ProgressChannel(Followed["dict[str, Any]"]):
    """A user's progress channel. It has no last event: an update may follow a completed one."""

    def __init__(self, user_id: str) -> None:
        self._path = channel_stream_path(user_id)

    def path(self) -> str:
        return self._path

    def read(self, event: SseEvent) -> dict[str, Any]:
        return _read_object(event)


class OneJob(Followed[JobEvent]):
    """One job, to its end."""

    def __init__(self, job_id: str) -> None:
        self._path = f"/v1/jobs/{path_segment(job_id)}/events"

    def path(self) -> str:
        return self._path

    def read(self, event: SseEvent) -> JobEvent:
        return _read_job_event(event)

    def ends_with(self, item: JobEvent) -> bool:
        return item.is_over


class ManyJobs(Followed[JobEvent]):
    """Many jobs over one connection; of named ones, to the removal of the last."""

    def __init__(self, jobs: Optional[Iterable[str]], owner: Optional[str], kind: Optional[str]) -> None:
        named = [jobs] if isinstance(jobs, str) else jobs  # one id, and not its letters
        self._jobs = None if named is None else list(dict.fromkeys(named))
        self._filters = {name: value for name, value in (("owner", owner), ("kind", kind)) if value is not None}
        if (self._jobs is None) == (not self._filters) or self._jobs == []:
            raise ValueError("name jobs, or else an owner, a kind or both")

    def path(self) -> str:
        query = list(self._filters.items()) if self._jobs is None else [("job", job) for job in self._jobs]
        return f"/v1/events?{urlencode(query)}"

    def read(self, event: SseEvent) -> JobEvent:
        job_event = _read_job_event(event)
        if job_event.type == "removed" and self._jobs and job_event.job_id in self._jobs:
            self._jobs.remove(job_event.job_id)  # there is nothing more to ask for
        return job_event

    def ends_with(self, item: JobEvent) -> bool:
        return self._jobs == []


def _read_object(event: SseEvent) -> dict[str, Any]:
    try:
        value = json.loads(event.data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ProtocolError(f"an event that is not a JSON object: {event.data[:200]!r}")
    return value


def _read_job_event(event: SseEvent) -> JobEvent:
    return JobEvent(event.type, event.id, _read_object(event))


# ---- following it


class Follower(Generic[T]):
    """The state of one followed stream, over all of its connections."""

    def __init__(self, followed: Followed[T], policy: ReconnectPolicy, last_event_id: Optional[str]) -> None:
        self.last_event_id = last_event_id or ""  # of the last event that was taken
        if any(char in self.last_event_id for char in "\r\n\0"):
            raise ValueError(f"not an event id: {last_event_id!r}")
        self.is_over = False
        self._followed = followed
        self._backoff = Backoff(policy)
        self._parser = SseParser(self.last_event_id)
        self._retry_s = 0.0
        self._ready: deque[SseEvent] = deque()

    def path(self) -> str:
        return self._followed.path()

    def headers(self) -> dict[str, str]:
        """What the next connection asks with. For when all events that were received have been taken."""
        resume_after = self._parser.last_event_id
        return {**STREAM_HEADERS, "Last-Event-ID": resume_after} if resume_after else STREAM_HEADERS

    def is_opened_by(self, status: int, content_type: str) -> bool:
        """Whether the response is a stream, to be read; any other one goes to `refused`, with its body."""
        if status != 200 or content_type.partition(";")[0].strip().lower() != "text/event-stream":
            return False
        self._parser = SseParser(self._parser.last_event_id)
        return True

    def refused(self, answer: Answer) -> float:
        """The seconds to wait before the next connection; raises when it would be refused again."""
        if answer.status == 204:  # the end was seen before
            self.is_over = True
            return 0.0
        if answer.status == 200:
            raise ProtocolError(f"{self.path()} is not a text/event-stream but {answer.headers.get('Content-Type')!r}")
        error = answer.error()
        if answer.status not in RETRYABLE_STATUSES:
            raise error
        return self._wait_s(error, error.retry_after_s or 0.0)

    def received(self, data: bytes) -> None:
        comments = self._parser.comments
        events = self._parser.feed(data)
        if self._parser.retry_ms is not None:
            self._retry_s = self._parser.retry_ms / 1000
        if events or self._parser.comments > comments:  # it lives; `retry:` alone is what a broken one begins with
            self._backoff.succeeded()
        self._ready.extend(events)

    def take(self) -> Optional[T]:
        """The next event; None when more has to be received first, or when the stream is over."""
        if not self._ready:
            return None
        event = self._ready.popleft()
        item = self._followed.read(event)
        self.last_event_id = event.id
        if self._followed.ends_with(item):
            self.is_over = True
            self._ready.clear()
        return item

    def lost(self, cause: Optional[Exception]) -> float:
        """The connection ended, by `cause` or cleanly. The seconds to wait before the next one."""
        return self._wait_s(cause, 0.0)

    def _wait_s(self, cause: Optional[Exception], asked_s: float) -> float:
        wait_s = self._backoff.failed(max(asked_s, self._retry_s))
        if wait_s is None:
            raise ConnectionFailed(f"{self.path()}: {cause or 'the stream keeps ending'}") from cause
        log.info("%s: %s; again in %.1f s", self.path(), cause or "the stream ended", wait_s)
        return wait_s
