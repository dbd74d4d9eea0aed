"""Resuming, and streams of many jobs: every retained event after the id, in order, once, then live ones."""

from __future__ import annotations

import random
import threading
from typing import Any, Callable
from urllib.parse import quote

import pytest
from harness import Event, Server, Stream, patience, steady, wait_until


def done_of(events: list[Event]) -> list[int]:
    return [event.json["done"] for event in events]


def progressed(server: Server, steps: int, total: int = 100) -> tuple[dict[str, Any], list[Event]]:
    """A job that has made that many steps, and all events of it, as somebody saw them who was there from the start."""
    job = server.external(total=total)
    with server.follow(job) as stream:
        stream.next()
        server.report(*({"job": job["id"], "done": done} for done in range(1, steps + 1)))
        return job, stream.seen[:1] + stream.take(steps)


def by_header(last_id: str) -> dict[str, Any]:
    return {"last_event_id": last_id}


# ------------------------------------------------------------------------------------------------ one job


def test_every_id_resumes_with_exactly_what_came_after_it(shared: Server) -> None:
    job, events = progressed(shared, 10)
    path = f"/v1/jobs/{job['id']}/events"
    shared.patch(job, message="the next one")
    for position, event in enumerate(events):
        assert event.id
        for stream in (
            shared.stream(path, last_event_id=event.id),
            shared.stream(f"{path}?lastEventId={quote(event.id, safe='')}"),
        ):
            with stream:
                assert stream.status == 200
                replayed = stream.take(len(events) - position)
                assert [event.id for event in replayed[:-1]] == [event.id for event in events[position + 1 :]]
                assert [event.data for event in replayed[:-1]] == [event.data for event in events[position + 1 :]]
                assert replayed[-1].json["message"] == "the next one"
                assert {event.type for event in replayed} == {"progress"}


def test_replay_is_followed_by_what_is_live_without_a_seam(shared: Server) -> None:
    job, events = progressed(shared, 5)
    with shared.follow(job, **by_header(events[2].id or "")) as stream:
        assert done_of(stream.take(3)) == [3, 4, 5]
        shared.patch(job, done=6)
        shared.patch(job, state="completed")
        assert [(event.type, event.json["done"]) for event in stream.rest()] == [("progress", 6), ("completed", 100)]


def test_the_latest_id_resumes_with_live_events_only(shared: Server) -> None:
    job, events = progressed(shared, 3)
    for latest in (events[-1].id or "", shared.job(job)["eventId"]):
        with shared.follow(job, **by_header(latest)) as stream:
            shared.patch(job, message=f"after {latest}")
            assert stream.next().json["message"] == f"after {latest}"
            assert stream.parser.retry is not None, "retry comes first on every stream"


def test_an_event_id_from_an_answer_resumes(shared: Server) -> None:
    job = shared.external(total=10)
    at_creation = job["eventId"]
    after_two = shared.patch(job, done=2)["eventId"]
    shared.patch(job, done=3)
    with shared.follow(job, **by_header(at_creation)) as stream:
        assert done_of(stream.take(2)) == [2, 3]
    with shared.follow(job, **by_header(after_two)) as stream:
        assert done_of(stream.take(1)) == [3]


def test_a_finished_job_replays_to_its_end(shared: Server) -> None:
    job, events = progressed(shared, 3)
    shared.patch(job, state="failed", failedReason="why")
    with shared.follow(job, **by_header(events[1].id or "")) as stream:
        rest = stream.rest()
    assert [event.type for event in rest] == ["progress", "progress", "failed"]
    assert shared.stream(f"/v1/jobs/{job['id']}/events", **by_header(rest[-1].id or "")).status == 204


def test_the_header_wins_over_the_query(shared: Server) -> None:
    job, events = progressed(shared, 4)
    target = f"/v1/jobs/{job['id']}/events?lastEventId={quote(events[1].id or '', safe='')}"
    with shared.stream(target, **by_header(events[3].id or "")) as stream:
        assert done_of(stream.take(1)) == [4]
    with shared.stream(target, **by_header("")) as stream:  # an empty header counts as absent
        assert done_of(stream.take(3)) == [2, 3, 4]


def test_an_empty_id_is_a_fresh_start(shared: Server) -> None:
    job, _ = progressed(shared, 2)
    path = f"/v1/jobs/{job['id']}/events"
    for stream in (shared.stream(path, last_event_id=""), shared.stream(path + "?lastEventId=")):
        with stream:
            first = stream.next()
            assert first.type == "snapshot" and first.json["done"] == 2


UNKNOWN = [
    "nonsense", "0", "1", "-1", "18446744073709551616", "99999999999999999999999999", "0-0", "1-1", "a-b-c", "*", "$",
    "x" * 300, 'quo"te\\', "{}", "\u00e9\u4e2d", "null",
]  # fmt: skip


@pytest.mark.parametrize("given", UNKNOWN)
def test_an_unknown_id_gets_a_gap_and_a_snapshot(shared: Server, given: str) -> None:
    job, _ = progressed(shared, 2)
    path = f"/v1/jobs/{job['id']}/events"
    for stream in (
        shared.stream(path, last_event_id=given),  # an EventSource sends UTF-8
        shared.stream(f"{path}?lastEventId={quote(given, safe='')}"),
    ):
        with stream:
            assert stream.status == 200
            gap, snapshot = stream.take(2)
            assert gap.type == "gap" and gap.json == {"lastEventId": given}
            assert gap.id is None, "a gap is nothing to resume from"
            assert snapshot.type == "snapshot" and steady(snapshot.json) == steady(shared.job(job))
            assert snapshot.last_event_id
    shared.patch(job, done=3)
    with shared.follow(job, **by_header(snapshot.last_event_id)) as resumed:
        assert done_of(resumed.take(1)) == [3]


def test_a_finished_job_with_an_unknown_id_is_gap_snapshot_end(shared: Server) -> None:
    job = shared.external()
    shared.patch(job, state="completed")
    with shared.follow(job, **by_header("nonsense")) as stream:
        assert [event.type for event in stream.rest()] == ["gap", "snapshot"]
        assert not stream.cut


def test_an_id_of_another_process_is_recognised_as_such(server: Any) -> None:
    """A memory journal's ids from before a restart name nothing, and are not mistaken for new ones."""
    before, after = server(), server()
    old, events = progressed(before, 8)
    job = after.external(id=old["id"], total=100)
    after.report(*({"job": job["id"], "done": done} for done in range(1, 9)))
    for event in events:
        with after.follow(job, **by_header(event.id or "")) as stream:
            gap, snapshot = stream.take(2)
            assert (gap.type, snapshot.type) == ("gap", "snapshot") and snapshot.json["done"] == 8


def test_the_last_events_of_a_job_are_retained_and_no_more(server: Any) -> None:
    running = server("--history-events", "4")
    job, events = progressed(running, 10)
    other, _ = progressed(running, 10)  # each job has a history of its own
    outcomes = []
    for position, event in enumerate(events):
        with running.follow(job, **by_header(event.id or "")) as stream:
            if position == len(events) - 1:
                running.patch(job, message="live")
            first = stream.next()
            outcomes.append(first.type)
            if first.type == "gap":
                assert stream.next().json["done"] == 10
            else:
                seen = [first, *stream.take(len(events) - position - 2)] if position < len(events) - 1 else []
                assert done_of(seen) == list(range(position + 1, 11))[: len(seen)]
    # Evicted ones first, then the last four events. (After the fifth last all is retained, but it is not.)
    assert outcomes == sorted(outcomes), outcomes
    assert outcomes[-4:] == ["progress"] * 4 and outcomes[:6] == ["gap"] * 6, outcomes


def test_the_default_history_is_256_events(shared: Server) -> None:
    job, events = progressed(shared, 400, total=1000)
    with shared.follow(job, **by_header(events[-256].id or "")) as stream:
        assert done_of(stream.take(255)) == list(range(146, 401))
    with shared.follow(job, **by_header(events[0].id or "")) as stream:
        assert [event.type for event in stream.take(2)] == ["gap", "snapshot"]


def test_events_message_leaves_the_field_out(shared: Server) -> None:
    job = shared.external(total=2)
    for target in (f"/v1/jobs/{job['id']}/events?events=message", f"/v1/events?job={job['id']}&events=message"):
        with shared.stream(target, last_event_id="nonsense") as stream:
            gap, snapshot = stream.take(2)
            assert not gap.named and gap.json == {"lastEventId": "nonsense"}
            assert not snapshot.named and snapshot.json["id"] == job["id"]
            assert b"event:" not in stream.raw
    with shared.stream(f"/v1/jobs/{job['id']}/events?events=message") as stream:
        first = stream.next()
        shared.patch(job, done=1)
        shared.patch(job, state="completed")
        rest = stream.rest()
        assert [event.type for event in rest] == ["message", "message"] and done_of(rest) == [1, 2]
    with shared.stream(f"/v1/jobs/{job['id']}/events?events=message", last_event_id=first.id) as stream:
        assert [event.data for event in stream.rest()] == [event.data for event in rest]


# ------------------------------------------------------------------------------------------------ many jobs


def test_named_jobs_share_a_stream(shared: Server) -> None:
    a, b, other = (shared.external(total=5) for _ in range(3))
    with shared.stream(f"/v1/events?job={a['id']}&job={b['id']}&job={a['id']}") as stream:
        snapshots = stream.take(2)
        assert {event.type for event in snapshots} == {"snapshot"}
        assert sorted(event.json["id"] for event in snapshots) == sorted([a["id"], b["id"]])
        for event in snapshots:
            assert steady(event.json) == steady(shared.job(event.json["id"]))
        shared.patch(other, done=1)
        shared.patch(b, done=1)
        shared.patch(a, done=1)
        shared.patch(b, state="completed")
        shared.patch(a, done=2)
        seen = [(event.type, event.json["id"], event.json["done"]) for event in stream.take(4)]
        assert seen == [
            ("progress", b["id"], 1), ("progress", a["id"], 1), ("completed", b["id"], 5), ("progress", a["id"], 2),
        ]  # fmt: skip
        shared.patch(a, state="failed")
        assert stream.next().type == "failed"
        shared.delete(b)
        assert stream.next().type == "removed", "the stream stays open after the last job has ended"


FILTERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    # the query, a job that is meant, a job that is not
    "owner=me": ("owner=me", {}, {"owner": "somebody"}),
    "owner=NAME": ("owner=ada%20l", {"owner": "ada l"}, {"owner": "ada"}),
    "kind=K": ("kind=media", {"kind": "media"}, {"kind": "medias"}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_includes_jobs_that_are_created_later(server: Any, name: str) -> None:
    running = server()
    query, meant, not_meant = FILTERS[name]
    there = running.external(**meant)
    running.external(**not_meant)
    with running.stream(f"/v1/events?{query}") as stream:
        assert stream.status == 200
        first = stream.next()
        assert first.type == "snapshot" and first.json == running.job(there)
        outside = running.external(**not_meant)
        later = running.external(**meant)
        running.patch(outside, done=1)
        running.patch(later, done=1)
        running.patch(there, done=1)
        snapshot, *progress = stream.take(3)
        assert snapshot.type == "snapshot" and snapshot.json["id"] == later["id"]
        assert [(event.type, event.json["id"]) for event in progress] == [
            ("progress", later["id"]), ("progress", there["id"]),
        ]  # fmt: skip


def test_all_is_everybody(server: Any) -> None:
    running = server()
    there = running.external(owner="eve", kind="a")
    with running.stream("/v1/events?all=true") as stream:
        assert stream.next().json["id"] == there["id"]
        later = running.external(owner="adam")
        assert stream.next().json["id"] == later["id"]
        running.patch(there, done=1)
        assert stream.next().json["id"] == there["id"]


def test_a_filter_that_matches_nothing_yet_stays_open(server: Any) -> None:
    running = server("--keepalive", "100ms")
    with running.stream("/v1/events?kind=not-yet") as stream:
        stream.comments_until(2)
        assert stream.parser.retry is not None
        job = running.external(kind="not-yet")
        assert stream.next().json["id"] == job["id"]


def test_deletion_is_cancelled_and_removed(shared: Server) -> None:
    job = shared.external(kind="deleted", total=9)
    finished = shared.external(kind="deleted")
    shared.patch(finished, state="completed")
    with shared.follow(job) as one, shared.stream("/v1/events?kind=deleted") as many:
        one.next()
        many.take(2)
        shared.delete(job)
        shared.delete(finished)
        assert [event.type for event in one.rest()] == ["cancelled"]
        assert not one.cut
        events = many.take(3)
        assert [(event.type, event.json["id"]) for event in events] == [
            ("cancelled", job["id"]), ("removed", job["id"]), ("removed", finished["id"]),
        ]  # fmt: skip
        assert all(event.id for event in events)
        again = shared.external(kind="deleted", id=job["id"], total=3)
        snapshot = many.next()
        assert snapshot.type == "snapshot" and snapshot.json == again


def test_removed_is_replayed(shared: Server) -> None:
    job, keep = shared.external(kind="removed-later"), shared.external(kind="removed-later")
    with shared.stream("/v1/events?kind=removed-later") as stream:
        seen = stream.take(2)[-1].last_event_id
    shared.delete(job)
    shared.patch(keep, message="still here")
    with shared.stream("/v1/events?kind=removed-later", last_event_id=seen) as stream:
        model = Model()
        model.take_until(stream, lambda event: event.type != "gap" and event.json.get("message") == "still here")
        assert set(model.jobs) == {keep["id"]}, "whoever resumes learns that the other one is gone"


def test_named_jobs_are_followed_on_after_one_was_removed(shared: Server) -> None:
    gone, stays = shared.external(), shared.external()
    target = f"/v1/events?job={gone['id']}&job={stays['id']}"
    with shared.stream(target) as stream:
        stream.take(2)
        shared.delete(gone)
        seen = stream.take(2)[-1]
    assert (seen.type, seen.json["id"]) == ("removed", gone["id"])
    shared.patch(stays, done=1)
    with shared.stream(target, last_event_id=seen.last_event_id) as stream:
        event = stream.next()
        assert (event.type, event.json["id"], event.json["done"]) == ("progress", stays["id"], 1)
    assert shared.request("GET", target).status == 404, "for a reader that begins it is unknown"
    shared.delete(stays)
    nobody = shared.request("GET", f"/v1/events?job={gone['id']}", headers={"Last-Event-ID": seen.last_event_id})
    assert nobody.status == 404, "there is nothing to follow any more"


class Model:
    """What a page shows: the latest that it heard of each job."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}

    def hear(self, event: Event) -> None:
        fact = event.json
        if event.type == "removed":
            self.jobs.pop(fact["id"], None)
        elif event.type == "gap":
            self.jobs.clear()
        else:
            self.jobs.setdefault(fact["id"], {}).update(fact)

    def take_until(self, stream: Stream, last: Callable[[Event], bool]) -> None:
        for event in stream.until(last):
            self.hear(event)


def test_an_id_resumes_every_job_of_the_stream(shared: Server) -> None:
    """Cut after each event in turn, the beginning included: nothing of any job is missing after the resume."""
    jobs = [shared.external(kind="each", total=50) for _ in range(4)]
    target = "/v1/events?kind=each"
    chance = random.Random(20)
    with shared.stream(target) as whole:
        whole.take(4)
        done = [0] * 4
        for _ in range(30):
            n = chance.randrange(4)
            done[n] += 1
            shared.patch(jobs[n], done=done[n])
        whole.take(30)
    truth = {job["id"]: shared.job(job)["done"] for job in jobs}
    for cut in range(1, len(whole.seen)):
        model = Model()
        for event in whole.seen[:cut]:
            model.hear(event)
        with shared.stream(target, last_event_id=whole.seen[cut - 1].last_event_id) as resumed:
            while {name: job["done"] for name, job in model.jobs.items()} != truth:
                model.hear(resumed.next())
            if cut >= 4:  # past the snapshots: exactly the rest
                assert [event.id for event in resumed.seen] == [event.id for event in whole.seen[cut:]]
                assert [event.data for event in resumed.seen] == [event.data for event in whole.seen[cut:]]


def test_a_cut_between_the_snapshots_loses_no_job(shared: Server) -> None:
    """The id of a first snapshot must not claim that the others have been seen."""
    jobs = [shared.external(kind="snapshots", total=9) for _ in range(6)]
    for n, job in enumerate(jobs):
        shared.patch(job, done=n + 1)
    target = "/v1/events?kind=snapshots"
    for cut in range(1, 7):
        model = Model()
        with shared.stream(target) as first:
            for event in first.take(cut):
                model.hear(event)
            last = first.last_event_id
        with shared.stream(target, last_event_id=last) as second:
            shared.patch(jobs[0], message=f"cut {cut}")
            model.take_until(second, lambda event: event.type == "progress" and event.json["message"] == f"cut {cut}")
        assert {name: job["done"] for name, job in model.jobs.items()} == {
            job["id"]: n + 1 for n, job in enumerate(jobs)
        }, f"cut after {cut} of 6 snapshots"


def test_a_gap_on_a_many_job_stream_is_followed_by_all_snapshots(server: Any) -> None:
    running = server("--history-events", "3")
    quiet, busy = running.external(kind="g"), running.external(kind="g", total=100)
    with running.stream("/v1/events?kind=g") as stream:
        early = stream.take(2)[-1].last_event_id
    running.report(*({"job": busy["id"], "done": done} for done in range(1, 21)))
    for given in (early, "nonsense"):
        with running.stream("/v1/events?kind=g", last_event_id=given) as stream:
            gap, *snapshots = stream.take(3)
            assert gap.type == "gap" and gap.id is None and gap.json == {"lastEventId": given}
            assert {event.type for event in snapshots} == {"snapshot"}
            assert {event.json["id"]: event.json["done"] for event in snapshots} == {quiet["id"]: 0, busy["id"]: 20}


def test_a_job_created_while_away_begins_with_its_snapshot(shared: Server) -> None:
    first = shared.external(kind="away", total=9)
    with shared.stream("/v1/events?kind=away") as stream:
        seen = stream.next().last_event_id
    second = shared.external(kind="away", total=9)
    shared.patch(second, done=2)
    shared.patch(first, done=1)
    with shared.stream("/v1/events?kind=away", last_event_id=seen) as stream:
        events = stream.take(3)
    assert [(event.type, event.json["id"], event.json["done"]) for event in events] == [
        ("snapshot", second["id"], 0), ("progress", second["id"], 2), ("progress", first["id"], 1),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ at random


class Reader(threading.Thread):
    """Follows a stream, loses its connection at random byte positions, and resumes, until it has seen the end."""

    def __init__(self, server: Server, target: str, jobs: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.server, self.target, self.jobs, self.chance = server, target, jobs, random.Random(seed)
        self.events: list[Event] = []
        self.connections = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            last = ""
            while sum(event.type == "completed" for event in self.events) < self.jobs:
                last = self.read_a_while(last)
        except BaseException as failure:  # told to the test, which is waiting
            self.failure = failure

    def read_a_while(self, last: str) -> str:
        self.connections += 1
        stream = self.server.stream(self.target, headers={"Last-Event-ID": last} if last else {})
        assert stream.status == 200, stream.head
        budget = self.chance.choice([0, 40, 400, 4000, 40_000])
        budget = self.chance.randint(0, budget)
        connection, parser = stream.connection, stream.parser
        heard = connection.unread
        connection.unread = b""
        while not stream.decoder.ended:
            # Only the bytes within the budget have "arrived"; whole events among them have been seen.
            for chunk in stream.decoder.feed(heard[:budget]):
                self.events += parser.feed(chunk)
            budget -= len(heard)
            if budget <= 0:
                self.events += parser.feed(stream.decoder.partial_chunk())
                break
            if sum(event.type == "completed" for event in self.events) == self.jobs:
                break
            heard = connection.socket.recv(65536)
            assert heard, "the server cut a stream"
        if self.chance.random() < 0.5:
            connection.reset()
        else:
            connection.close()
        return parser.last_event_id or last


def test_random_publishing_random_disconnects(shared: Server) -> None:
    """Whatever is published, and wherever a connection breaks: each reader sees every event once, in order."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    steps = 200  # within the retained history, so that nobody may see a gap
    kind = f"random-{seed}"
    jobs = [shared.external(kind=kind, total=steps + 1) for _ in range(5)]
    targets = [(f"/v1/jobs/{job['id']}/events", 1) for job in jobs * 2] + [(f"/v1/events?kind={kind}", len(jobs))] * 3
    readers = [Reader(shared, target, followed, chance.randrange(2**32)) for target, followed in targets]
    for reader in readers:
        reader.start()
    wait_until(lambda: all(reader.events or reader.failure for reader in readers), "every reader to have begun")
    done = {job["id"]: 0 for job in jobs}
    while done:
        lines = []
        for _ in range(chance.randint(1, 25)):
            if not done:
                break
            job = chance.choice(list(done))
            done[job] += 1
            if done[job] <= steps:
                lines.append({"job": job, "done": done[job], "message": "m" * chance.randint(0, 300)})
            else:
                lines.append({"job": job, "state": "completed"})
                del done[job]
        shared.report(*lines)
    for reader in readers:
        reader.join(patience() * 3)
        assert not reader.is_alive(), f"{reader.target} has not seen the end: {reader.events[-1:]}"
        assert reader.failure is None, repr(reader.failure)
    for reader in readers:
        for job in jobs:
            mine = [event for event in reader.events if event.json.get("id") == job["id"]]
            if not mine and "/jobs/" in reader.target:
                continue  # a reader of another job
            types = [event.type for event in mine if event.type != "snapshot"]
            assert types == ["progress"] * (len(types) - 1) + ["completed"]
            after = [event.json["done"] for event in mine if event.type != "snapshot"]
            assert after == list(range(after[0], steps + 2)), f"{reader.target}, {reader.connections} connections"
            snapshots = [event.json["done"] for event in mine if event.type == "snapshot"]
            assert snapshots and max(snapshots) == after[0] - 1
        types = [event.type for event in reader.events]
        assert "gap" not in types[types.index("progress") :]
    assert sum(reader.connections for reader in readers) > 3 * len(readers), "hardly anybody was cut off"
