"""How a stream of very many jobs begins: piece by piece, as its reader takes it, and without losing anything."""

from __future__ import annotations

import json
from typing import Any, Callable

from harness import Server, Stream, wait_until

JOBS = 3_000
PADDING = "x" * 2_000
# A piece, the frame that ends it, and what the kernel did not take of the piece before.
HELD_BYTES_MAX = 256 * 1024
NDJSON = {"Content-Type": "application/x-ndjson"}


def make_jobs(server: Server, count: int = JOBS, message: str = PADDING) -> list[str]:
    ids = [f"job-{n:05}" for n in range(count)]
    with server.connect() as connection:
        for job in ids:
            body = json.dumps({"id": job, "runner": "external", "total": 1_000_000, "message": message}).encode()
            assert connection.request("POST", "/v1/jobs", {"Content-Type": "application/json"}, body).status == 201
    return ids


def report(server: Server, lines: list[dict[str, Any]]) -> None:
    body = "\n".join(json.dumps(line) for line in lines).encode()
    answer = server.request("POST", "/v1/reports", headers=NDJSON, body=body)
    assert answer.json() == {"rejected": [], "accepted": len(lines)}


def held(server: Server) -> int:
    """What the server keeps for its only stream."""
    (stream,) = server.request("GET", "/v1/streams").json()["streams"]
    return int(stream["queuedBytes"])


def reader_that_waits(server: Server, target: str, last_event_id: str | None = None) -> Stream:
    stream = server.stream(target, receive_buffer=4_096, last_event_id=last_event_id)
    assert stream.status == 200
    wait_until(lambda: held(server) > 0, "the socket to be full")
    return stream


def test_a_reader_that_waits_holds_a_piece_and_misses_nothing(server: Callable[..., Server]) -> None:
    progressd = server()
    ids = make_jobs(progressd)
    stream = reader_that_waits(progressd, "/v1/events?all=true")
    assert held(progressd) < HELD_BYTES_MAX, "6 MB of snapshots are not made before somebody takes them"

    # What happens to jobs that the reader knows already, to others, to new ones and to those that go.
    for done in range(1, 11):
        report(progressd, [{"job": job, "done": done} for job in ids[::100]])
    assert progressd.request("DELETE", f"/v1/jobs/{ids[1]}").status == 204
    assert progressd.request("DELETE", f"/v1/jobs/{ids[-2]}").status == 204
    progressd.create(id="late", runner="external")
    report(progressd, [{"job": "late", "done": 7}, {"job": ids[0], "state": "completed"}])
    assert held(progressd) < HELD_BYTES_MAX

    known: dict[str, dict[str, Any]] = {}
    removed = []
    while "late" not in known:
        event = stream.next()
        job = event.json["id"]
        assert (event.type == "snapshot") == (job not in known), f"{event.type} of {job}"
        if event.type == "removed":
            removed.append(job)
        if event.type == "progress" and event.last_event_id.endswith("~"):
            assert event.json["eventId"] == event.last_event_id[:-1], "the data say which event it is"
        known.setdefault(job, {}).update(event.json)
        if job != "late":
            partial = stream.last_event_id
    assert removed in ([], [ids[1]]) and (ids[1] in known) == bool(removed)
    assert ids[-2] not in known, "one that was gone before its turn is never told of"
    assert sorted({*known, ids[1], ids[-2]}) == sorted([*ids, "late"])
    for job in (ids[0], ids[100], ids[-100], "late"):
        now = progressd.request("GET", f"/v1/jobs/{job}").json()
        assert {field: known[job][field] for field in ("state", "done")} == {"state": now["state"], "done": now["done"]}

    # From here on the stream is like any other: live, and its ids resume it.
    report(progressd, [{"job": "late", "done": 8}])
    assert stream.next().json["done"] == 8
    report(progressd, [{"job": "late", "done": 9}])
    resumed = progressd.stream("/v1/events?all=true", last_event_id=stream.last_event_id)
    assert [event.json["done"] for event in resumed.take(1)] == [9]
    # An id from before it was whole resumes nothing: its reader did not know every job.
    again = progressd.stream("/v1/events?all=true", last_event_id=partial)
    assert again.next().type == "gap" and again.next().type == "snapshot"


def test_a_long_replay_is_taken_piece_by_piece_and_in_order(server: Callable[..., Server]) -> None:
    progressd = server("--history-events", "100")
    ids = make_jobs(progressd, 50, "")  # more than events in a piece, so that none is conflated in it
    with progressd.stream("/v1/events?all=true") as first:
        first.take(len(ids))
        seen = first.last_event_id
    for done in range(1, 81):
        report(progressd, [{"job": job, "done": done, "message": f"{done} {PADDING}"} for job in ids])
    stream = reader_that_waits(progressd, "/v1/events?all=true", seen)
    assert held(progressd) < HELD_BYTES_MAX, "8 MB of events are not made before somebody takes them"
    report(progressd, [{"job": job, "done": 81, "message": f"81 {PADDING}"} for job in ids])
    told = [stream.next() for _ in range(81 * len(ids))]
    assert [(event.json["id"], event.json["done"]) for event in told] == [
        (job, done) for done in range(1, 82) for job in ids
    ]
    report(progressd, [{"job": ids[3], "done": 82}])
    assert stream.next().json["done"] == 82


def test_a_replay_that_falls_behind_is_cut_off_and_begins_anew(server: Callable[..., Server]) -> None:
    progressd = server("--history-events", "100")
    ids = make_jobs(progressd, 20, "")
    with progressd.stream("/v1/events?all=true") as first:
        first.take(len(ids))
        seen = first.last_event_id
    for done in range(1, 81):
        report(progressd, [{"job": job, "done": done, "message": f"{done} {PADDING}"} for job in ids])
    stream = reader_that_waits(progressd, "/v1/events?all=true", seen)
    for done in range(81, 301):
        report(progressd, [{"job": job, "done": done} for job in ids])
    told = stream.rest()
    assert not stream.cut, "it ends cleanly"
    # In order; what waited together for the socket may have been conflated.
    order = [(event.json["done"], event.json["id"]) for event in told]
    assert order == sorted(set(order)) and order[0] == (1, ids[0]) and order[-1][0] < 300
    again = progressd.stream("/v1/events?all=true", last_event_id=stream.last_event_id)
    assert again.next().type == "gap"
    assert [event.json["done"] for event in again.take(len(ids))] == [300] * len(ids)


def test_a_listed_job_that_goes_while_the_stream_begins_is_told_of(server: Callable[..., Server]) -> None:
    progressd = server()
    ids = make_jobs(progressd, 400)
    query = "&".join(f"job={job}" for job in ids)
    stream = reader_that_waits(progressd, f"/v1/events?{query}")
    assert progressd.request("DELETE", f"/v1/jobs/{ids[-1]}").status == 204
    told = stream.take(len(ids))
    (removed,) = [event for event in told if event.type == "removed"]
    assert (removed.json["id"], removed.json["state"]) == (ids[-1], "cancelled")
    assert [event.json["id"] for event in told if event.type == "snapshot"] == ids[:-1]
    report(progressd, [{"job": ids[0], "done": 5}, {"job": ids[-2], "done": 6}])
    assert [event.json["done"] for event in stream.take(2)] == [5, 6]


def test_a_reader_that_leaves_while_its_stream_begins_leaves_nothing(server: Callable[..., Server]) -> None:
    progressd = server()
    ids = make_jobs(progressd)
    for _ in range(20):
        reader_that_waits(progressd, "/v1/events?all=true").connection.reset()
        wait_until(lambda: progressd.request("GET", "/v1/stats").json()["streams"] == 0, "the reader to be gone")
        report(progressd, [{"job": ids[0], "message": "still here"}])
