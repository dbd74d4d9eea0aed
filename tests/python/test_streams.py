"""Following streams through whatever happens to connections. Both clients, against a server that does as told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any, Callable

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
from scripted_server import (
    END_OF_CHUNKS, PATIENCE_S, STREAM_HEAD, Reply, Request, ScriptedServer, answer, chunked, in_turn, problem, until_close,
)  # fmt: skip

RETRY = b"retry: 1489\n\n"


def event(number: int, type_: str = "progress", state: str = "active", **more: Any) -> bytes:
    data = {"id": "a", "state": state, "done": number, "total": 9, "percent": 11.1 * number, **more}
    return f"event: {type_}\nid: e-{number}\ndata: {json.dumps(data)}\n\n".encode()


BEGINNING = [RETRY, event(0, "snapshot", "pending")]
END = event(9, "completed", "completed", result={"caf\u00e9": 1})
WHOLE = Reply(chunked([*BEGINNING, *(event(number) for number in range(1, 9)), END]) + END_OF_CHUNKS)


def resumed_from(request: Request) -> str | None:
    return request.headers["Last-Event-ID"]


def numbers(events: Any) -> list[Any]:
    return [event.done for event in events]


def story(reply: Callable[[list[bytes]], Reply]) -> Callable[[Request], Reply]:
    """A job with ten events, told as progressd tells it: from after the one that the reader has seen.

    `reply` makes the answer out of the blocks that are to be sent.
    """

    def handle(request: Request) -> Reply:
        seen = resumed_from(request)
        if seen == "e-9":
            return answer(204)
        blocks = [event(0, "snapshot", "pending"), *(event(number) for number in range(1, 9)), END]
        return reply([RETRY, *blocks[int(seen.removeprefix("e-")) + 1 if seen else 0 :]])

    return handle


def whole(blocks: list[bytes]) -> Reply:
    return Reply(chunked(blocks) + END_OF_CHUNKS)


# ------------------------------------------------------------------------------------------------ once, in order


def test_a_stream_to_its_end(connect: Any, serve: Any) -> None:
    server = serve(in_turn(WHOLE))
    with connect(server.url).follow_job("a") as stream:
        events = list(stream)
        assert stream.last_event_id == "e-9"
        assert list(stream) == [], "over is over"
    assert numbers(events) == list(range(10))
    assert [event.type for event in events] == ["snapshot", *["progress"] * 8, "completed"]
    assert (events[-1].state, events[-1].is_over, events[-1].data["result"]) == ("completed", True, {"caf\u00e9": 1})
    assert (events[1].id, events[1].job_id, events[1].total, events[1].percent) == ("e-1", "a", 9, 11.1)
    assert len(server.requests) == 1, "the terminal event is the end: nobody comes back to ask"
    headers = server.requests[0].headers
    assert (headers["Accept"], headers["Accept-Encoding"]) == ("text/event-stream", "identity")
    assert resumed_from(server.requests[0]) is None


@pytest.mark.parametrize("then, step", [("close", 1), ("reset", 7)])
def test_cut_at_every_byte_each_event_comes_once(connect: Any, serve: Any, then: str, step: int) -> None:
    def cut_first(request: Request) -> Reply:
        """The job's id says after how many bytes its first stream is cut."""
        told = tell(request)
        at = int(request.target.split("/")[3])
        if at in was_cut:
            return told
        was_cut.add(at)
        return Reply(told.data[:at], then)

    tell = story(whole)
    was_cut: set[int] = set()
    client = connect(serve(cut_first).url)
    for at in range(0, len(WHOLE.data), step):
        assert numbers(client.follow_job(str(at))) == list(range(10)), f"cut at {at} of {len(WHOLE.data)}"
    assert len(was_cut) > 100


@pytest.mark.parametrize("framing", [chunked, until_close])
def test_a_few_bytes_at_a_time_with_a_cut_after_each_event(connect: Any, serve: Any, framing: Any) -> None:
    """Each connection dies in the middle of its second event; without chunks nothing even tells a cut from an end."""
    server = serve(story(lambda blocks: Reply(framing([*blocks[:2], b"".join(blocks[2:3])[:40]]))))
    assert numbers(connect(server.url).follow_job("a")) == list(range(10))
    assert [resumed_from(request) for request in server.requests] == [None, *(f"e-{n}" for n in range(9))]


def test_without_chunks_an_event_comes_when_it_is_sent(connect: Any, serve: Any) -> None:
    server = serve(in_turn(Reply(until_close(BEGINNING), "hold")))
    with connect(server.url).follow_job("a") as stream:
        assert next(stream).done == 0


def test_an_event_across_chunks_and_events_sharing_one(connect: Any, serve: Any) -> None:
    body = b"".join([*BEGINNING, event(1), event(2), END])
    pieces = [body[:50], body[50:51], body[51:200], body[200:]]
    server = serve(in_turn(Reply(chunked(pieces) + END_OF_CHUNKS)))
    assert numbers(connect(server.url).follow_job("a")) == [0, 1, 2, 9]


def test_a_stream_can_be_resumed_by_another(connect: Any, serve: Any) -> None:
    server = serve(story(whole))
    client = connect(server.url)
    with client.follow_job("a") as stream:
        assert [next(stream).done for _ in range(3)] == [0, 1, 2]
        seen = stream.last_event_id
    assert seen == "e-2", "what was received and not yet taken does not count"
    assert numbers(client.follow_job("a", last_event_id=seen)) == [3, 4, 5, 6, 7, 8, 9]
    assert list(client.follow_job("a", last_event_id="e-9")) == []


def test_an_id_of_any_characters_is_sent_back(connect: Any, serve: Any) -> None:
    block = "id: \u00fc \u4e2d\ndata: {}\n\n".encode()
    server = serve(in_turn(Reply(chunked([block])), answer(204)))
    assert len(list(connect(server.url).follow_path("/v1/events?kind=k"))) == 1
    assert resumed_from(server.requests[1]) == "\u00fc \u4e2d"
    with pytest.raises(ValueError):
        connect(server.url).follow_job("a", last_event_id="a\r\nX-Injected: b")


# ------------------------------------------------------------------------------------------------ gaps and ends


def test_a_gap_is_an_event_and_not_the_end(connect: Any, serve: Any) -> None:
    gap = b'event: gap\ndata: {"lastEventId":"e-1"}\n\n'
    server = serve(
        in_turn(
            Reply(chunked([*BEGINNING, event(1)])),
            Reply(chunked([RETRY, gap])),
            Reply(chunked([RETRY, gap, event(5, "snapshot")])),
            Reply(chunked([RETRY, END])),
        )
    )
    with connect(server.url).follow_job("a") as stream:
        events = list(stream)
    assert [event.type for event in events] == ["snapshot", "progress", "gap", "gap", "snapshot", "completed"]
    gap_event = events[2]
    assert gap_event.data == {"lastEventId": "e-1"}
    assert (gap_event.job_id, gap_event.state, gap_event.percent, gap_event.is_over) == (None, None, None, False)
    assert [resumed_from(request) for request in server.requests] == [None, "e-1", "e-1", "e-5"]


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_snapshot_of_a_finished_job_is_the_end(connect: Any, serve: Any, state: str) -> None:
    server = serve(in_turn(Reply(chunked([RETRY, event(5, "snapshot", state)]) + END_OF_CHUNKS)))
    client = connect(server.url)
    assert [event.state for event in client.follow_job("a")] == [state]
    server = serve(in_turn(Reply(chunked([RETRY, event(5, "snapshot", state)]))))
    assert connect(server.url).wait("a")["state"] == state


def test_204_is_the_end(connect: Any, serve: Any) -> None:
    server = serve(in_turn(answer(204)))
    assert list(connect(server.url).follow_job("a", last_event_id="e-9")) == []
    assert len(server.requests) == 1


def test_many_jobs_end_when_the_last_named_one_is_removed(connect: Any, serve: Any) -> None:
    def block(number: int, type_: str, job: str, state: str) -> bytes:
        return event(number, type_, state, id=job)

    server = serve(
        in_turn(
            Reply(chunked([block(0, "snapshot", "a", "active"), block(1, "snapshot", "b&", "active")])),
            Reply(chunked([block(2, "completed", "a", "completed"), block(3, "removed", "a", "completed")])),
            Reply(chunked([block(4, "progress", "b&", "active")])),
            Reply(chunked([block(5, "removed", "b&", "cancelled")])),
        )
    )
    events = list(connect(server.url).follow(jobs=["a", "b&", "a"]))
    assert [(event.type, event.job_id) for event in events] == [
        ("snapshot", "a"), ("snapshot", "b&"), ("completed", "a"), ("removed", "a"), ("progress", "b&"), ("removed", "b&"),
    ]  # fmt: skip
    both, left = "/v1/events?job=a&job=b%26", "/v1/events?job=b%26"
    assert [request.target for request in server.requests] == [both, both, left, left]


def test_filters_of_many_jobs(connect: Any, serve: Any) -> None:
    server = serve(lambda _: answer(204))
    client = connect(server.url)
    for filters in ({"owner": "me"}, {"kind": "a b"}, {"owner": "caf\u00e9", "kind": "k"}, {"jobs": "abc"}):
        assert list(client.follow(**filters)) == []
    assert [request.target for request in server.requests] == [
        "/v1/events?owner=me", "/v1/events?kind=a+b", "/v1/events?owner=caf%C3%A9&kind=k", "/v1/events?job=abc",
    ]  # fmt: skip
    for wrong in ({}, {"jobs": []}, {"jobs": ["a"], "owner": "me"}):
        with pytest.raises(ValueError):
            client.follow(**wrong)


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
    settings = at_once(stall_timeout_s=0.3)
    server = serve(
        in_turn(
            Reply(b"", "hold"),  # silent before the answer
            Reply(chunked(BEGINNING) + b"50\r\nevent: progress", "hold"),  # and in the middle of an event
            Reply(chunked([END])),
        )
    )
    assert numbers(connect(server.url, settings=settings).follow_job("a")) == [0, 9]
    assert [resumed_from(request) for request in server.requests] == [None, None, "e-0"]
    server.await_leaving()
    server.await_leaving()


def test_keepalives_are_no_silence(connect: Any, serve: Any) -> None:
    """Comments come for longer than the watchdog would wait, and the one connection is kept."""
    server = serve(in_turn(Reply(until_close(BEGINNING), slowly=(*[b": keepalive\n\n"] * 15, END))))
    assert numbers(connect(server.url, settings=at_once(stall_timeout_s=2.5)).follow_job("a")) == [0, 9]
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

    async def follow(client: AsyncClient, seen: asyncio.Event) -> None:
        async for _ in client.follow_job("a"):  # without `async with`
            seen.set()

    async def main() -> None:
        async with AsyncClient(server.url) as client:
            seen = asyncio.Event()
            task = asyncio.create_task(follow(client, seen))
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
