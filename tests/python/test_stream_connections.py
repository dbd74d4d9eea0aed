"""A stream's connections: refused, silent, waited for, closed. Both clients, against a server that does as told."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from both_clients import at_once, new_client
from progressd_client import (
    ApiError,
    AsyncClient,
    Client,
    ConnectionFailed,
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    ReconnectPolicy,
    UnauthorizedError,
    WaitTimeout,
)
from scripted_server import PATIENCE_S, Reply, Request, answer, chunked, in_turn, problem, until_close
from told_job import BEGINNING, END, RETRY, event, numbers, resumed_from, story


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, ApiError), (401, UnauthorizedError), (403, ForbiddenError), (404, NotFoundError),
        (406, ApiError), (410, ApiError), (422, ApiError),
    ],
)  # fmt: skip
def test_a_refusal_that_would_be_the_same_again_is_an_exception(
    connect: Any, serve: Any, status: int, kind: type
) -> None:
    server = serve(in_turn(Reply(chunked(BEGINNING)), problem(status, "token expired")))
    stream = connect(server.url).follow_job("a")
    assert next(stream).done == 0
    with pytest.raises(kind) as caught:
        next(stream)
    assert (caught.value.status, caught.value.detail) == (status, "token expired")
    assert list(stream) == [], "it is over"
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_refusal_that_may_pass_is_not(connect: Any, serve: Any, status: int) -> None:
    passing = problem(status, Retry_After="3600")  # longer than the policy lets it
    server = serve(in_turn(passing, Reply(chunked([*BEGINNING, event(1)])), passing, passing, Reply(chunked([END]))))
    assert numbers(connect(server.url).follow_job("a")) == [0, 1, 9]
    assert [resumed_from(request) for request in server.requests] == [None, None, "e-1", "e-1", "e-1"]


def test_each_connection_asks_for_a_token(connect: Any, serve: Any) -> None:
    tokens = iter(["first", "second"])
    server = serve(in_turn(Reply(chunked(BEGINNING)), Reply(chunked([END]))))
    assert numbers(connect(server.url, token=lambda: next(tokens)).follow_job("a")) == [0, 9]
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("reply", [answer(200, b"<html>", Content_Type="text/html"), answer(200, b"")])
def test_a_page_instead_of_a_stream(connect: Any, serve: Any, reply: Reply) -> None:
    with pytest.raises(ProtocolError):
        next(connect(serve(in_turn(reply)).url).follow_job("a"))


@pytest.mark.parametrize("data", [b"not json", b"[]", b"5"])
def test_an_event_that_makes_no_sense(connect: Any, serve: Any, data: bytes) -> None:
    server = serve(in_turn(Reply(chunked([*BEGINNING, b"data: " + data + b"\n\n"]), "hold")))
    stream = connect(server.url).follow_job("a")
    assert next(stream).done == 0
    with pytest.raises(ProtocolError):
        next(stream)
    server.await_leaving()


def test_an_unknown_type_of_event_is_passed_on(connect: Any, serve: Any) -> None:
    server = serve(in_turn(Reply(chunked([*BEGINNING, event(1, "paused"), END]))))
    assert [event.type for event in connect(server.url).follow_job("a")] == ["snapshot", "paused", "completed"]


# ------------------------------------------------------------------------------------------------ waiting


def test_it_gives_up_after_failures_in_a_row(connect: Any, serve: Any) -> None:
    settings = at_once(stream_policy=ReconnectPolicy(base_s=0.0, asked_s_max=0.0, failures_max=3))
    nothing = Reply(chunked([RETRY]))
    server = serve(in_turn(nothing, nothing, nothing, Reply(chunked(BEGINNING)), *[nothing] * 4))
    stream = connect(server.url, settings=settings).follow_job("a")
    assert next(stream).done == 0, "the fourth connection brought something"
    with pytest.raises(ConnectionFailed):
        next(stream)
    assert len(server.requests) == 7


def test_a_keepalive_is_a_success_too(connect: Any, serve: Any) -> None:
    settings = at_once(stream_policy=ReconnectPolicy(base_s=0.0, asked_s_max=0.0, failures_max=1))
    quiet = Reply(chunked([RETRY, b": keepalive\n\n"]))
    server = serve(in_turn(Reply(chunked(BEGINNING)), *[quiet] * 5, Reply(chunked([END]))))
    assert numbers(connect(server.url, settings=settings).follow_job("a")) == [0, 9]


def test_retry_is_waited_for(connect: Any, serve: Any) -> None:
    settings = at_once(stream_policy=ReconnectPolicy(base_s=0.0))
    server = serve(in_turn(Reply(chunked([b"retry: 1000\n\n", *BEGINNING[1:]])), Reply(chunked([END]))))
    began = time.monotonic()
    assert numbers(connect(server.url, settings=settings).follow_job("a")) == [0, 9]
    assert time.monotonic() - began >= 0.9


def test_a_stream_that_falls_silent_is_replaced(connect: Any, serve: Any) -> None:
    def fall_silent(request: Request) -> Reply:
        if len(server.requests) == 1:
            return Reply(b"", "hold")  # before the answer
        if resumed_from(request) is None:
            return Reply(chunked(BEGINNING) + b"50\r\nevent: progress", "hold")  # and in the middle of an event
        return Reply(chunked([END]))

    server = serve(fall_silent)
    assert numbers(connect(server.url, settings=at_once(stall_timeout_s=0.3)).follow_job("a")) == [0, 9]
    assert resumed_from(server.requests[-1]) == "e-0"
    server.await_leaving()
    server.await_leaving()


def test_keepalives_are_no_silence(connect: Any, serve: Any) -> None:
    """Comments come for longer than the watchdog would wait, and the one connection is kept."""
    server = serve(in_turn(Reply(until_close(BEGINNING), slowly=(*[b": keepalive\n\n"] * 22, END))))
    assert numbers(connect(server.url, settings=at_once(stall_timeout_s=4.0)).follow_job("a")) == [0, 9]
    assert len(server.requests) == 1


# ------------------------------------------------------------------------------------------------ closing


def held(*_: Any) -> Reply:
    return Reply(chunked(BEGINNING), "hold")


def test_closing_leaves_the_server(connect: Any, serve: Any) -> None:
    server = serve(held)
    client = connect(server.url)
    with client.follow_job("a") as stream:
        next(stream)
    server.await_leaving()
    assert list(stream) == []
    other = client.follow_job("a")
    next(other)
    client.close()
    server.await_leaving()


def test_closing_from_another_thread_ends_a_read(serve: Any) -> None:
    server = serve(held)
    for by_client in (False, True):
        with new_client("sync", server.url) as client:
            stream = client.follow_job("a")
            next(stream)
            closer = threading.Timer(0.2, client.close if by_client else stream.close)
            closer.start()
            assert list(stream) == []
            closer.join()
        server.await_leaving()


def test_closing_from_another_thread_ends_a_wait(serve: Any) -> None:
    server = serve(lambda _: problem(503, Retry_After="3600"))
    settings = at_once(stream_policy=ReconnectPolicy(asked_s_max=3600.0))
    with new_client("sync", server.url, settings=settings) as client:
        stream = client.follow_job("a")
        threading.Timer(0.2, stream.close).start()
        assert list(stream) == []


def test_cancelling_a_task_leaves_the_server(serve: Any) -> None:
    server = serve(held)

    async def follow(stream: Any, seen: asyncio.Event) -> None:
        async for _ in stream:  # without `async with`
            seen.set()

    async def main() -> None:
        async with AsyncClient(server.url) as client:
            seen = asyncio.Event()
            stream = client.follow_job("a")  # kept, so that it is not the garbage collector that closes it
            task = asyncio.create_task(follow(stream, seen))
            await seen.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(server.await_leaving)

    asyncio.run(main())


def test_a_cancelled_wait_for_an_event_loses_none(serve: Any) -> None:
    server = serve(in_turn(held(), Reply(chunked([END]))))

    async def main() -> None:
        async with AsyncClient(server.url, settings=at_once()) as client:
            stream = client.follow_job("a")
            assert (await stream.__anext__()).done == 0
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(stream.__anext__(), 0.1)
            assert [event.done async for event in stream] == [9]

    asyncio.run(main())
    assert [resumed_from(request) for request in server.requests] == [None, "e-0"]


def test_closing_from_another_task_ends_a_read_or_a_wait(serve: Any) -> None:
    async def main(url: str, by_client: bool) -> None:
        async with AsyncClient(url) as client:
            stream = client.follow_job("a")
            task = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0.2)  # so that it reads, or waits; were it sooner, it would end all the same
            await (client.close() if by_client else stream.close())
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(task, PATIENCE_S)

    silent = serve(lambda _: Reply(chunked([RETRY]), "hold"))
    unavailable = serve(lambda _: problem(503, Retry_After="3600"))
    for url in (silent.url, unavailable.url):
        for by_client in (False, True):
            asyncio.run(main(url, by_client))


# ------------------------------------------------------------------------------------------------ wait()


def test_wait_answers_the_whole_job(connect: Any, serve: Any) -> None:
    server = serve(story(lambda blocks: Reply(chunked(blocks[:4]))))
    job = connect(server.url).wait("a", timeout_s=PATIENCE_S)
    assert (job["state"], job["result"]) == ("completed", {"caf\u00e9": 1})


def test_wait_gives_up_in_time(connect: Any, serve: Any) -> None:
    for server in (serve(held), serve(lambda _: problem(503, Retry_After="3600"))):
        client = connect(server.url, settings=at_once(stream_policy=ReconnectPolicy(asked_s_max=3600.0)))
        with pytest.raises(WaitTimeout) as caught:
            client.wait("a", timeout_s=0.2)
        assert isinstance(caught.value, TimeoutError)


def test_wait_says_when_the_job_is_lost(connect: Any, serve: Any) -> None:
    server = serve(in_turn(Reply(chunked(BEGINNING)), problem(404)))
    with pytest.raises(NotFoundError):
        connect(server.url).wait("a", timeout_s=PATIENCE_S)


def test_wait_in_a_thread_ends_with_the_client(serve: Any) -> None:
    server = serve(held)
    client: Client = new_client("sync", server.url)
    threading.Timer(0.2, client.close).start()
    with pytest.raises(ConnectionFailed):
        client.wait("a")
