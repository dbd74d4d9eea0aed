"""What a stream delivers: every event once and in order, gaps and ends. Both clients, against a server that does as told."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_server import END_OF_CHUNKS, Reply, Request, answer, chunked, in_turn, until_close
from told_job import BEGINNING, END, RETRY, WHOLE, event, numbers, resumed_from, story, whole


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
