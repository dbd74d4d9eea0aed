"""The synchronous and the asynchronous client behind one face, so that each test is a test of both."""

from __future__ import annotations

import asyncio
import inspect
import os
from typing import Any, Callable, Iterator

import pytest
from progressd_client import AsyncClient, Client, ReconnectPolicy, Settings

os.environ["NO_PROXY"] = "*"  # the servers of the tests are here, whatever proxy this machine has

# As impatient as a test wants to be: it never waits, and gives up where a healthy server would have answered.
AT_ONCE = ReconnectPolicy(base_s=0.0, cap_s=0.0, asked_s_max=0.0, failures_max=20)


def at_once(**more: Any) -> Settings:
    return Settings(**{"stream_policy": AT_ONCE, "call_policy": AT_ONCE, **more})


class Driven:
    """An AsyncClient that is used like a Client: each call runs its event loop until it is answered."""

    def __init__(self, url: str, **options: Any) -> None:
        self._client = AsyncClient(url, **options)
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            async def run() -> Any:
                result = method(*arguments, **options)
                return await result if inspect.iscoroutine(result) else result

            result = self._loop.run_until_complete(run())
            return DrivenStream(self._loop, result) if hasattr(result, "__anext__") else result

        return call

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._loop.run_until_complete(self._client.close())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DrivenStream:
    def __init__(self, loop: asyncio.AbstractEventLoop, stream: Any) -> None:
        self._loop = loop
        self._stream = stream

    @property
    def last_event_id(self) -> str:
        return self._stream.last_event_id

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.run_until_complete(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        self._loop.run_until_complete(self._stream.close())

    def __enter__(self) -> DrivenStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def new_client(kind: str, url: str, **options: Any) -> Any:
    """A client that waits for nothing, unless told otherwise."""
    options.setdefault("settings", at_once())
    return Driven(url, **options) if kind == "async" else Client(url, **options)


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A factory of clients: `connect(url, token=…)`; each test runs with the synchronous and the asynchronous one."""
    clients = []

    def start(url: str, **options: Any) -> Any:
        clients.append(new_client(request.param, url, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
