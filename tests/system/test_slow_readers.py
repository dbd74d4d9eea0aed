"""Slow readers: what one costs, what it gets when it wakes up, and what operators see of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import Connection, Event, Server, Stream, sanitized, wait_until

KIB = 1024
MIB = 1024 * KIB
# Of what a reader has not been sent, the kernel takes so much (TCP_NOTSENT_LOWAT), and fills up the segment that it
# has begun.
KERNEL_UNSENT_BYTES_MAX = 128 * KIB + 64 * KIB


def test_a_reader_that_never_reads_costs_little_and_gets_what_matters(server: Any) -> None:
    """50 MB of progress go by. It wakes up to the newest progress of each job, and to every change of state."""
    running = server()
    busy = running.external(kind="slow", total=1_000_000)
    steady_ones = {end: running.external(kind="slow", total=9) for end in ("completed", "failed", "cancelled")}
    slow = running.stream("/v1/events?kind=slow", receive_buffer=4096)
    filler = "f" * 4000
    done = 0
    with running.follow(busy) as quick:
        quick.next()

        def publish(batches: int) -> None:
            """In steps that the quick reader's socket takes; it has to see each event."""
            nonlocal done
            for _ in range(batches):
                running.report(*({"job": busy["id"], "done": done + n, "message": filler} for n in range(1, 17)))
                assert [event.json["done"] for event in quick.take(16)] == list(range(done + 1, done + 17))
                done += 16

        publish(100)  # the kernel's buffers are full now, or will be
        wait_until(lambda: running.stats()["eventsConflated"] > 0 or publish(10), "something to be conflated")
        before = running.resident_bytes()
        conflated = running.stats()["eventsConflated"]
        for n, (end, job) in enumerate(steady_ones.items()):
            publish(100)
            running.patch(job, done=n + 1)
            running.cancel(job) if end == "cancelled" else running.patch(job, state=end)
        publish(100)
        grown = running.resident_bytes() - before
        assert running.stats()["eventsConflated"] >= conflated + 100
        if not sanitized():
            assert grown < 10 * MIB, f"{grown} bytes more while it slept"
        # It wakes up.
        events: dict[str, list[Event]] = {job["id"]: [] for job in (busy, *steady_ones.values())}

        def awake() -> bool:
            newest = events[busy["id"]] and events[busy["id"]][-1].json["done"] == done
            return bool(newest) and all(events[job["id"]][-1:][0].type == end for end, job in steady_ones.items())

        for event in slow.take(4):
            assert event.type == "snapshot"
            events[event.json["id"]].append(event)
        while not awake():
            event = slow.next()
            assert event.type != "gap"
            events[event.json["id"]].append(event)
        for job_events in events.values():
            steps = [event.json["done"] for event in job_events]
            ids = [event.id for event in job_events]
            assert steps == sorted(steps) and len(set(ids)) == len(ids)
        for end, job in steady_ones.items():
            mine = events[job["id"]]
            assert [event.json["state"] for event in mine][-2:] == ["active", end], mine
            assert mine[0].type == "snapshot" and mine[-1].type == end
        assert len(events[busy["id"]]) < done, "it can't have had them all"
        # And it is a reader like any other again.
        running.patch(busy, state="completed")
        assert slow.until(lambda event: event.type == "completed" and event.json["id"] == busy["id"])


def test_streams_and_stats_say_who_is_slow_and_how_far(server: Any) -> None:
    running = server()
    job = running.external(total=1_000_000)
    quick = running.follow(job)
    slow = running.follow(job, receive_buffer=4096)
    quick.next()
    filler = "f" * 4000
    done = 0

    def publish() -> None:
        nonlocal done
        running.report(*({"job": job["id"], "done": done + n, "message": filler} for n in range(1, 17)))
        assert [event.json["done"] for event in quick.take(16)] == list(range(done + 1, done + 17))
        done += 16

    def listed(stream: Stream) -> dict[str, Any]:
        address = "{}:{}".format(*stream.connection.socket.getsockname())
        rows = running.request("GET", "/v1/streams").json()["streams"]
        return next(row for row in rows if row["address"] == address)

    wait_until(lambda: listed(slow)["conflated"] >= 100 or publish(), "the slow reader's events to be conflated")
    newest = running.job(job)["eventId"]
    row = listed(slow)
    assert row["topics"] == [f"job:{job['id']}"]
    assert row["conflated"] == running.stats()["eventsConflated"]
    assert 0 < row["queuedBytes"] < 2 * len(filler) + KIB, "the event that was begun, and the newest"
    assert row["lastEventId"] != newest
    assert kernel_unsent_bytes(running, slow) <= KERNEL_UNSENT_BYTES_MAX
    row = listed(quick)
    assert (row["conflated"], row["queuedBytes"], row["lastEventId"]) == (0, 0, newest)

    events = slow.until(lambda event: event.json["done"] == done)  # it wakes up
    wait_until(lambda: listed(slow)["queuedBytes"] == 0, "the slow reader to have caught up")
    row = listed(slow)
    assert row["lastEventId"] == events[-1].id == newest
    assert row["conflated"] == done - len(events[1:]), "each event after the snapshot was sent or conflated"
    assert [event.json["state"] for event in events[:2]] == ["pending", "active"]
    running.patch(job, state="completed")
    assert [event.type for event in slow.rest()] == ["completed"]
    assert running.stats()["eventsConflated"] == row["conflated"]


def kernel_unsent_bytes(server: Server, stream: Stream) -> int:
    """What stands in the send queue of the server's socket. Source: proc_net_tcp, the field tx_queue."""
    ports = (server.address[1], stream.connection.socket.getsockname()[1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if tuple(int(address.rpartition(":")[2], 16) for address in fields[1:3]) == ports:
            return int(fields[4].partition(":")[0], 16)
    raise AssertionError("the server has no such connection")


def test_a_cut_after_conflation_loses_nothing(server: Any) -> None:
    """Newer progress takes the place of older progress, ahead of what happened to other jobs in between. The id that
    it carries must not claim that the reader has seen that too."""
    running = server("--history-events", "20000")
    busy = running.external(kind="cut", total=1_000_000)
    ends = [running.external(kind="cut", total=9) for _ in range(4)]
    slow = [running.stream("/v1/events?kind=cut", receive_buffer=4096) for _ in range(6)]
    filler = "f" * 4000
    done = 0

    def publish(count: int) -> None:
        nonlocal done
        for _ in range(count):
            running.report(*({"job": busy["id"], "done": done + n, "message": filler} for n in range(1, 101)))
            done += 100

    wait_until(lambda: running.stats()["eventsConflated"] > 600 * len(slow) or publish(2), "all to lag behind")
    for job in ends:
        running.patch(job, done=1)
        running.patch(job, state="completed")
        publish(1)

    for cut, stream in enumerate(slow):
        states: dict[str, list[str]] = {job["id"]: [] for job in ends}
        steps: list[int] = []
        ids: list[str] = []

        def hear(event: Event) -> None:
            assert event.type != "gap"
            fact = event.json
            ids.append(event.last_event_id)
            if fact["id"] == busy["id"]:
                steps.append(fact["done"])
            elif event.type != "snapshot":
                states[fact["id"]].append(fact["state"])

        def up_to_date() -> bool:
            return steps[-1] == done and all(seen[-1:] == ["completed"] for seen in states.values())

        # To the first event that took the place of others, and `cut` events more; then the connection breaks.
        for event in stream.take(5):
            hear(event)
        while steps[-1] <= steps[-2:][0] + 1:
            hear(stream.next())
        for _ in range(cut):
            if not up_to_date():
                hear(stream.next())
        stream.connection.reset()
        with running.stream("/v1/events?kind=cut", last_event_id=stream.last_event_id) as resumed:
            running.patch(busy, message=f"cut {cut}")
            for event in resumed.until(lambda event: event.json.get("message") == f"cut {cut}"):
                hear(event)
        assert set(map(tuple, states.values())) == {("active", "completed")}, f"cut {cut} events later: {states}"
        assert steps[-1] == done and steps == sorted(steps), "in order, up to the newest"
        assert len(set(ids[5:])) == len(ids[5:]), "an event came twice"


def test_more_snapshots_than_an_outbox_holds(server: Any) -> None:
    """The bound is for readers that don't read. One that does gets all of it."""
    running = server("--max-outbox-bytes", "64KiB")
    jobs = running.create_many(1000, runner="external", kind="crowd")
    with running.stream("/v1/events?kind=crowd") as stream:
        assert {event.json["id"] for event in stream.take(1000)} == set(jobs)
        running.patch(jobs[0], done=1)
        assert stream.next().json["done"] == 1


def test_a_reader_over_the_hard_bound_is_closed_and_resumes(server: Any) -> None:
    """Terminal events are never dropped. Where they are more than the outbox may hold, the stream ends; the next
    one goes on from where this one was."""
    running = server("--max-outbox-bytes", "256KiB")
    jobs = running.create_many(300, runner="external", kind="flood")
    slow = running.stream("/v1/events?kind=flood", receive_buffer=4096)
    slow.next()
    result = "r" * 40_000  # 12 MB in all: more than the kernel buffers for a socket
    for start in range(0, len(jobs), 20):
        running.report(*({"job": job, "state": "completed", "result": result} for job in jobs[start : start + 20]))
    wait_until(lambda: running.stats()["streams"] == 0, "the stream to be closed")
    ended: dict[str, int] = {}
    streams = [slow]
    last = slow.last_event_id
    while len(ended) < len(jobs):
        for event in read_what_is_there(streams[-1], len(jobs) - len(ended)):
            assert event.type != "gap"
            if event.json["state"] == "completed":
                ended[event.json["id"]] = ended.get(event.json["id"], 0) + 1
        last = streams[-1].last_event_id or last
        assert len(streams) < 200, "it never catches up"
        streams.append(running.stream("/v1/events?kind=flood", last_event_id=last))
    assert set(ended) == set(jobs)
    assert set(ended.values()) == {1}, "no event twice"


def read_what_is_there(stream: Stream, wanted: int) -> list[Event]:
    """Reads a stream that stays open until it has had that many completions, or to its end if that comes first."""
    events: list[Event] = []
    while sum(event.json.get("state") == "completed" for event in events) < wanted:
        try:
            events.append(stream.next())
        except EOFError:
            break
    return events
