"""The asynchronous client, over aiohttp, for the tasks of one event loop.

Its rules, and those of the synchronous one, are in `calls`, `following` and `reconnect`: here is only
what moves the bytes.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from typing import Any, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Optional, TypeVar, Union, cast

import aiohttp
from yarl import URL

from . import calls
from .async_stream import LOST, AsyncEventStream, answer_of
from .errors import ConnectionFailed, WaitTimeout
from .following import Followed, Follower, ManyJobs, OneJob, ProgressChannel, RawStream
from .models import Job, JobEvent, JobSpec, Rejected, Report, ReportLine
from .settings import Settings, base_url, bearer
from .sse import SseEvent

T = TypeVar("T")
AsyncToken = Union[str, Callable[[], Union[str, Awaitable[str]]]]


class AsyncClient:
    """A client of one server. Close it, or use it in an `async with`, and its connections are closed too."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        token: Optional[AsyncToken] = None,
        session: Optional[aiohttp.ClientSession] = None,
        settings: Settings = Settings(),
    ) -> None:
        """`token`: the bearer token, or what is asked (or awaited) for one before each request.

        `session`: for proxies, certificates and the like; it stays the caller's to close.
        """
        self._url = base_url(url)
        if isinstance(token, str):
            bearer(token)  # refused now, and not by the first request
        self._token = token
        self._session = session
        self._owns_session = session is None
        self._settings = settings
        self._is_closed = False
        self._streams: weakref.WeakSet[AsyncEventStream[Any]] = weakref.WeakSet()

    # -- jobs

    async def create_job(self, spec: Optional[JobSpec] = None, *, idempotency_key: Optional[str] = None) -> Job:
        """Creates a job. With the key of an earlier call, answers the job that that one made."""
        return await self._send(calls.create_job(spec, idempotency_key))

    async def get_job(self, job_id: str) -> Job:
        return await self._send(calls.get_job(job_id))

    async def list_jobs(
        self,
        *,
        state: Optional[str] = None,
        kind: Optional[str] = None,
        owner: Optional[str] = None,
        page_size: int = 50,
    ) -> AsyncIterator[Job]:
        """All jobs that match, newest first; pages are fetched as they are needed."""
        filters = {"state": state, "kind": kind, "owner": owner}
        cursor: Optional[str] = None
        while True:
            page = await self._send(calls.list_jobs(filters, page_size, cursor))
            for job in page["jobs"]:
                yield job
            cursor = page["next"]
            if cursor is None:
                return

    async def cancel_job(self, job_id: str) -> Job:
        return await self._send(calls.cancel_job(job_id))

    async def delete_job(self, job_id: str) -> None:
        await self._send(calls.delete_job(job_id))

    async def report(self, job_id: str, report: Report) -> Job:
        """Says how an external job is doing."""
        return await self._send(calls.report(job_id, report))

    async def report_many(self, reports: Iterable[ReportLine]) -> list[Rejected]:
        """Reports on many jobs in few requests, and answers which reports were refused.

        A batch whose answer is lost is not sent again: ConnectionFailed, and it may have been read.
        """
        return [rejected for batch in calls.report_batches(reports) for rejected in await self._send(batch)]

    async def wait(self, job_id: str, timeout_s: Optional[float] = None) -> Job:
        """The job when it is over, however it ended. Raises WaitTimeout when it is not in time."""
        try:
            return await asyncio.wait_for(self._wait(job_id), timeout_s)
        except asyncio.TimeoutError:
            raise WaitTimeout(f"job {job_id} is not over after {timeout_s} s") from None

    async def _wait(self, job_id: str) -> Job:
        async with self.follow_job(job_id) as events:
            async for event in events:
                if event.is_over:
                    return cast(Job, event.data)
        raise ConnectionFailed("the client was closed")

    # -- streams

    def follow_job(self, job_id: str, *, last_event_id: Optional[str] = None) -> AsyncEventStream[JobEvent]:
        """The events of one job, up to its end."""
        return self._follow(OneJob(job_id), last_event_id)

    def follow(
        self,
        *,
        jobs: Optional[Iterable[str]] = None,
        owner: Optional[str] = None,
        kind: Optional[str] = None,
        last_event_id: Optional[str] = None,
    ) -> AsyncEventStream[JobEvent]:
        """The events of many jobs: the named ones, or all of an owner and of a kind, later ones too."""
        return self._follow(ManyJobs(jobs, owner, kind), last_event_id)

    def follow_progress(self, user_id: str, *, last_event_id: Optional[str] = None) -> AsyncEventStream[dict[str, Any]]:
        """The updates of a user's progress channel, the latest one first."""
        return self._follow(ProgressChannel(user_id), last_event_id)

    def follow_path(self, path: str, *, last_event_id: Optional[str] = None) -> AsyncEventStream[SseEvent]:
        """The bare events of any stream of the server; it comes back until it is closed or answered 204."""
        return self._follow(RawStream(path), last_event_id)

    # -- progress channels

    async def update_progress(self, user_id: str, progress: Mapping[str, Any]) -> None:
        """Sends an object to everybody who follows that user's progress."""
        await self._send(calls.update_progress(user_id, progress))

    async def get_progress(self, user_id: str) -> Optional[dict[str, Any]]:
        return await self._send(calls.get_progress(user_id))

    async def delete_progress(self, user_id: str) -> None:
        await self._send(calls.delete_progress(user_id))

    # -- its end

    async def close(self) -> None:
        """Ends everything that is under way, in other tasks too."""
        self._is_closed = True
        for stream in list(self._streams):
            await stream.close()
        if self._owns_session and self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- bytes

    async def _request(self, method: str, path: str, read_timeout_s: float, **options: Any) -> aiohttp.ClientResponse:
        if self._is_closed:
            raise ConnectionFailed("the client was closed")
        if self._session is None:
            # Made here because it belongs to the running loop. No limit: each stream keeps a connection.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        given = self._token() if callable(self._token) else self._token
        token = await given if inspect.isawaitable(given) else given
        headers = {**options.pop("headers"), **bearer(token)}
        return await self._session.request(
            method,
            URL(self._url + path, encoded=True),
            headers=headers,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._settings.connect_timeout_s, sock_read=read_timeout_s
            ),
            allow_redirects=False,  # no progressd sends one, and a token should not follow it
            raise_for_status=False,
            skip_auto_headers=("Content-Type",),  # which says something about a body that is not there
            **options,
        )

    async def _send(self, call: calls.Call[T]) -> T:
        attempts = calls.Attempts(call, self._settings.call_policy)
        while True:
            try:
                answer = await answer_of(
                    await self._request(
                        call.method, call.path, self._settings.answer_timeout_s, data=call.body, headers=call.headers
                    )
                )
            except LOST as error:
                await asyncio.sleep(attempts.lost(error))
                continue
            wait_s = attempts.refused(answer)
            if wait_s is not None:
                await asyncio.sleep(wait_s)
                continue
            job_id = attempts.job_in_question(answer)
            if job_id is not None and attempts.is_done_by(job := await self.get_job(job_id)):
                return cast(T, job)
            return attempts.result(answer)

    def _follow(self, followed: Followed[T], last_event_id: Optional[str]) -> AsyncEventStream[T]:
        def connect(path: str, headers: Mapping[str, str]) -> Awaitable[aiohttp.ClientResponse]:
            return self._request("GET", path, self._settings.stall_timeout_s, headers=headers)

        stream = AsyncEventStream(Follower(followed, self._settings.stream_policy, last_event_id), connect)
        self._streams.add(stream)
        return stream
