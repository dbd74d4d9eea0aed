"""A stream that is followed with asyncio: an asynchronous iterator, for one task at a time."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, Generic, Mapping, Optional, TypeVar

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from .errors import Answer
from .following import Follower

T = TypeVar("T")

# What aiohttp raises when a connection fails, or ends in the middle of something.
LOST = (
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
    HttpProcessingError,
    asyncio.TimeoutError,
)


class AsyncEventStream(Generic[T]):
    """An iterator over what is followed; it reconnects and resumes by itself. Close it, or use an `async with`."""

    def __init__(
        self, follower: Follower[T], connect: Callable[[str, Mapping[str, str]], Awaitable[aiohttp.ClientResponse]]
    ) -> None:
        self._follower = follower
        self._connect = connect
        self._closed = asyncio.Event()
        self._response: Optional[aiohttp.ClientResponse] = None

    @property
    def last_event_id(self) -> str:
        """The id of the last event that was taken, for another stream to resume after it."""
        return self._follower.last_event_id

    def __aiter__(self) -> AsyncEventStream[T]:
        return self

    async def __anext__(self) -> T:
        try:
            while not self._closed.is_set():
                item = self._follower.take()
                if item is not None:
                    return item
                if self._follower.is_over:
                    break
                await self._advance()
        except asyncio.CancelledError:
            self._disconnect()  # nobody may be left to do it; who goes on nevertheless resumes
            raise
        except Exception:
            await self.close()
            raise
        await self.close()
        raise StopAsyncIteration

    async def close(self) -> None:
        """Ends the iteration, from any task of this loop: a read that is under way returns."""
        self._closed.set()
        self._disconnect()

    async def __aenter__(self) -> AsyncEventStream[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _advance(self) -> None:
        """Connects, or reads once, or waits once."""
        try:
            if self._response is None:
                wait_s = await self._open()
            elif received := await self._response.content.readany():
                self._follower.received(received)
                return
            else:
                self._disconnect()
                wait_s = self._follower.lost(None)
        except LOST as error:
            self._disconnect()
            if self._closed.is_set():
                return
            wait_s = self._follower.lost(error)
        await self._wait(wait_s)

    async def _open(self) -> float:
        response = await self._connect(self._follower.path(), self._follower.headers())
        if not self._follower.is_opened_by(response.status, response.headers.get("Content-Type", "")):
            return self._follower.refused(await answer_of(response))
        self._response = response
        if self._closed.is_set():
            self._disconnect()
        return 0.0

    async def _wait(self, wait_s: float) -> None:
        # Between a response's head and the first read of its body nothing may run: when a connection ends,
        # aiohttp drops what it has received and nobody has read.
        if wait_s <= 0:
            return
        try:
            await asyncio.wait_for(self._closed.wait(), wait_s)
        except asyncio.TimeoutError:
            pass

    def _disconnect(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


async def answer_of(response: aiohttp.ClientResponse) -> Answer:
    async with response:
        return Answer(response.status, response.headers, await response.read())
