"""The synchronous client, over requests. It may be shared by threads, as may each of its streams.

Its rules, and those of the asynchronous one, are in `calls`, `following` and `reconnect`: here is only
what moves the bytes.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, TypeVar, Union, cast

import requests
from requests.auth import AuthBase

from . import calls
from .errors import ConnectionFailed, WaitTimeout
from .following import Followed, Follower, ManyJobs, OneJob, ProgressChannel, RawStream
from .models import Job, JobEvent, JobSpec, Rejected, Report, ReportLine
from .settings import Settings, base_url, bearer
from .sse import SseEvent
from .sync_stream import LOST, EventStream, answer_of

T = TypeVar("T")
Token = Union[str, Callable[[], str]]


class Client:
    """A client of one server. Close it, or use it in a `with`, and its connections are closed too."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        token: Optional[Token] = None,
        session: Optional[requests.Session] = None,
        settings: Settings = Settings(),
    ) -> None:
        """`token`: the bearer token, or what is asked for one before each request.

        `session`: for proxies, certificates and the like; it stays the caller's to close.
        """
        self._url = base_url(url)
        if isinstance(token, str):
            bearer(token)  # refused now, and not by the first request
        self._token = token
        self._session = session or requests.Session()
        self._owns_session = session is None
        self._settings = settings
        self._closed = threading.Event()
        self._streams: weakref.WeakSet[EventStream[Any]] = weakref.WeakSet()

    # -- jobs

    def create_job(self, spec: Optional[JobSpec] = None, *, idempotency_key: Optional[str] = None) -> Job:
        """Creates a job. With the key of an earlier call, answers the job that that one made."""
        return self._send(calls.create_job(spec, idempotency_key))

    def get_job(self, job_id: str) -> Job:
        return self._send(calls.get_job(job_id))

    def list_jobs(
        self,
        *,
        state: Optional[str] = None,
        kind: Optional[str] = None,
        owner: Optional[str] = None,
        page_size: int = 50,
    ) -> Iterator[Job]:
        """All jobs that match, newest first; pages are fetched as they are needed."""
        filters = {"state": state, "kind": kind, "owner": owner}
        cursor: Optional[str] = None
        while True:
            page = self._send(calls.list_jobs(filters, page_size, cursor))
            yield from page["jobs"]
            cursor = page["next"]
            if cursor is None:
                return

    def cancel_job(self, job_id: str) -> Job:
        return self._send(calls.cancel_job(job_id))

    def delete_job(self, job_id: str) -> None:
        self._send(calls.delete_job(job_id))

    def report(self, job_id: str, report: Report) -> Job:
        """Says how an external job is doing."""
        return self._send(calls.report(job_id, report))

    def report_many(self, reports: Iterable[ReportLine]) -> list[Rejected]:
        """Reports on many jobs in few requests, and answers which reports were refused.

        A batch whose answer is lost is not sent again: ConnectionFailed, and it may have been read.
        """
        return [rejected for batch in calls.report_batches(reports) for rejected in self._send(batch)]

    def wait(self, job_id: str, timeout_s: Optional[float] = None) -> Job:
        """The job when it is over, however it ended. Raises WaitTimeout when it is not in time."""
        with self.follow_job(job_id) as events:
            timer = threading.Timer(timeout_s, events.close) if timeout_s is not None else None
            if timer:
                timer.daemon = True
                timer.start()
            try:
                for event in events:
                    if event.is_over:
                        return cast(Job, event.data)
            finally:
                if timer:
                    timer.cancel()
        if self._closed.is_set():
            raise ConnectionFailed("the client was closed")
        raise WaitTimeout(f"job {job_id} is not over after {timeout_s} s")

    # -- streams

    def follow_job(self, job_id: str, *, last_event_id: Optional[str] = None) -> EventStream[JobEvent]:
        """The events of one job, up to its end."""
        return self._follow(OneJob(job_id), last_event_id)

    def follow(
        self,
        *,
        jobs: Optional[Iterable[str]] = None,
        owner: Optional[str] = None,
        kind: Optional[str] = None,
        last_event_id: Optional[str] = None,
    ) -> EventStream[JobEvent]:
        """The events of many jobs: the named ones, or all of an owner and of a kind, later ones too."""
        return self._follow(ManyJobs(jobs, owner, kind), last_event_id)

    def follow_progress(self, user_id: str, *, last_event_id: Optional[str] = None) -> EventStream[dict[str, Any]]:
        """The updates of a user's progress channel, the latest one first."""
        return self._follow(ProgressChannel(user_id), last_event_id)

    def follow_path(self, path: str, *, last_event_id: Optional[str] = None) -> EventStream[SseEvent]:
        """The bare events of any stream of the server; it comes back until it is closed or answered 204."""
        return self._follow(RawStream(path), last_event_id)

    # -- progress channels

    def update_progress(self, user_id: str, progress: Mapping[str, Any]) -> None:
        """Sends an object to everybody who follows that user's progress."""
        self._send(calls.update_progress(user_id, progress))

    def get_progress(self, user_id: str) -> Optional[dict[str, Any]]:
        return self._send(calls.get_progress(user_id))

    def delete_progress(self, user_id: str) -> None:
        self._send(calls.delete_progress(user_id))

    # -- its end

    def close(self) -> None:
        """Ends everything that is under way, in other threads too."""
        self._closed.set()
        for stream in list(self._streams):
            stream.close()
        if self._owns_session:
            self._session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- bytes

    def _request(self, method: str, path: str, read_timeout_s: float, **options: Any) -> requests.Response:
        if self._closed.is_set():
            raise ConnectionFailed("the client was closed")
        token = self._token() if callable(self._token) else self._token
        return self._session.request(
            method,
            self._url + path,
            auth=_BearerAuth(token),
            timeout=(self._settings.connect_timeout_s, read_timeout_s),
            allow_redirects=False,  # no progressd sends one, and a token should not follow it
            stream=True,
            **options,
        )

    def _send(self, call: calls.Call[T]) -> T:
        attempts = calls.Attempts(call, self._settings.call_policy)
        while True:
            try:
                answer = answer_of(
                    self._request(
                        call.method, call.path, self._settings.answer_timeout_s, data=call.body, headers=call.headers
                    )
                )
            except LOST as error:
                self._closed.wait(attempts.lost(error))
                continue
            wait_s = attempts.refused(answer)
            if wait_s is not None:
                self._closed.wait(wait_s)
                continue
            job_id = attempts.job_in_question(answer)
            if job_id is not None and attempts.is_done_by(job := self.get_job(job_id)):
                return cast(T, job)
            return attempts.result(answer)

    def _follow(self, followed: Followed[T], last_event_id: Optional[str]) -> EventStream[T]:
        def connect(path: str, headers: Mapping[str, str]) -> requests.Response:
            # An id may hold any character; as text, requests would refuse all beyond Latin-1.
            encoded = {name: value.encode() for name, value in headers.items()}
            return self._request("GET", path, self._settings.stall_timeout_s, headers=encoded)

        stream = EventStream(Follower(followed, self._settings.stream_policy, last_event_id), connect)
        self._streams.add(stream)
        return stream


class _BearerAuth(AuthBase):
    """The token. As an `auth` it keeps requests from putting a password of ~/.netrc in its place."""

    def __init__(self, token: Optional[str]) -> None:
        self._fields = bearer(token)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._fields)
        return request
