"""The main job, end to end: post a job, watch it, and see the end, with the clients that people have."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from typing import Any

import aiohttp
import pytest
import requests
from harness import (
    JOB_FIELDS,
    Event,
    Peer,
    Server,
    SseParser,
    assert_problem,
    assert_steps,
    node_script,
    patience,
    plain_environment,
    steady,
    wait_until,
)

# Long enough for a peer to have connected before the job ends, on a slow machine too.
BUILT_IN = {
    "timer": {"runner": "timer", "total": 40, "stepMs": 50},
    "cpu": {"runner": "cpu", "total": 40, "stepWork": 50},
}


def finish_by_hand(server: Server, job: dict[str, Any]) -> None:
    """What a worker does: reports two steps, says something, and is done."""
    server.patch(job, done=1, message="warming up")
    server.patch(job, done=2)
    server.patch(job, state="completed", result={"answer": 42})


class Curl:
    """curl -N, as the README shows it."""

    def __init__(self, url: str, *flags: str) -> None:
        self.process = subprocess.Popen(
            ["curl", "-sS", "-N", "--max-time", str(int(patience() * 2)), *flags, url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=plain_environment(),
        )
        self.parser = SseParser()
        self.text = b""

    def first_event(self) -> list[Event]:
        assert self.process.stdout
        events: list[Event] = []
        while not events:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.text += line
            events = self.parser.feed(line)
        return events

    def rest(self) -> list[Event]:
        """What comes up to the end; curl itself has to be content with how the stream ended."""
        out, complaint = self.process.communicate(timeout=patience() * 3)
        assert self.process.returncode == 0, complaint
        self.text += out
        events = self.parser.feed(out)
        assert not self.parser.mid_event
        return events


# ------------------------------------------------------------------------------------------------ curl


@pytest.mark.parametrize("runner", BUILT_IN)
def test_curl_sees_a_built_in_job_from_snapshot_to_completion(shared: Server, runner: str) -> None:
    job = shared.create(**BUILT_IN[runner], result={"file": "out.png"})
    curl = Curl(f"{shared.url}/v1/jobs/{job['id']}/events")
    events = curl.first_event() + curl.rest()
    assert_steps(events, total=40)
    assert len(events) > 20, "the job was nearly over before curl came; it ought to take two seconds"
    assert events[-1].json["result"] == {"file": "out.png"}


def test_curl_sees_an_external_job(shared: Server) -> None:
    job = shared.external(total=3)
    curl = Curl(f"{shared.url}/v1/jobs/{job['id']}/events")
    events = curl.first_event()
    finish_by_hand(shared, job)
    events += curl.rest()
    assert_steps(events, total=3)
    assert [event.json["done"] for event in events] == [0, 1, 2, 3]
    assert [event.json["message"] for event in events] == [None, "warming up", "warming up", "warming up"]
    assert [event.json["state"] for event in events] == ["pending", "active", "active", "completed"]
    assert events[-1].json["result"] == {"answer": 42}


def test_curl_over_http_1_0_reads_until_the_connection_closes(shared: Server) -> None:
    job = shared.external(total=3)
    curl = Curl(f"{shared.url}/v1/jobs/{job['id']}/events", "--http1.0", "--include", "--raw")
    assert curl.process.stdout
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += curl.process.stdout.readline()
    assert re.match(rb"HTTP/1\.[01] 200 ", head), head
    assert b"transfer-encoding" not in head.lower(), "HTTP/1.0 knows no chunks"
    assert b"content-length" not in head.lower()
    events = curl.first_event()
    finish_by_hand(shared, job)
    events += curl.rest()
    assert_steps(events, total=3)


def test_curl_head_gets_the_headers_of_a_stream_and_no_more(shared: Server) -> None:
    job = shared.external()
    url = f"{shared.url}/v1/jobs/{job['id']}/events"
    done = subprocess.run(
        ["curl", "-sS", "--head", "--max-time", str(int(patience())), url],
        capture_output=True,
        env=plain_environment(),
    )
    assert done.returncode == 0, done.stderr
    head = done.stdout.decode().lower()
    assert head.startswith("http/1.1 200 ")
    assert "content-type: text/event-stream" in head


# ------------------------------------------------------------------------------------------------ EventSource


@pytest.mark.parametrize("peer", ["node", "chromium"])
def test_an_event_source_follows_to_the_end_and_does_not_come_back(shared: Server, tmp_path: Any, peer: str) -> None:
    with follower(peer, shared, tmp_path) as watcher:
        jobs = [shared.create(**BUILT_IN["timer"]), shared.create(**BUILT_IN["cpu"]), shared.external(total=3)]
        watcher.tell([f"/v1/jobs/{job['id']}/events" for job in jobs])
        said = watcher.until(lambda fact: fact["at"] == 2 and fact.get("event") == "snapshot")
        finish_by_hand(shared, jobs[2])
        said += watcher.rest()
    for at, total in enumerate([40, 40, 3]):
        mine = [fact for fact in said if fact["at"] == at]
        assert_steps(events_of(mine), total=total)
        # One answer with the stream, one that says: nothing more will come. No third.
        assert [fact["status"] for fact in mine if "status" in fact] == [200, 204], mine
        assert sum("open" in fact for fact in mine) == 1
        assert {"at": at, "closed": True} in mine
        resumed = [fact["resumedFrom"] for fact in mine if fact.get("status") == 204]
        # (Chromium does not show this header to every version of its tooling.)
        assert resumed == [events_of(mine)[-1].id] or (peer == "chromium" and resumed == [None])


@pytest.mark.parametrize("peer", ["node", "chromium"])
def test_an_event_source_resumes_by_itself_and_misses_nothing(server: Any, tmp_path: Any, peer: str) -> None:
    """The server ends the stream in mid-job, more than once; whoever watches sees one stream without a seam."""
    running = server("--max-stream-age", "600ms")
    with follower(peer, running, tmp_path) as watcher:
        job = running.create(runner="timer", total=60, stepMs=100)
        watcher.tell([f"/v1/jobs/{job['id']}/events"])
        said = watcher.rest()
    statuses = [fact["status"] for fact in said if "status" in fact]
    assert len(statuses) >= 3 and set(statuses[:-1]) == {200} and statuses[-1] == 204, statuses
    assert_steps(events_of(said), total=60)


@pytest.mark.parametrize("peer", ["node", "chromium"])
def test_onmessage_sees_everything_when_asked_for(shared: Server, tmp_path: Any, peer: str) -> None:
    job = shared.external(total=3)
    with follower(peer, shared, tmp_path) as watcher:
        watcher.tell([f"/v1/jobs/{job['id']}/events?events=message"])
        said = watcher.until(lambda fact: "event" in fact)
        finish_by_hand(shared, job)
        said += watcher.rest()
    heard = [fact for fact in said if "event" in fact]
    assert [fact["event"] for fact in heard] == ["message"] * 4
    assert [json.loads(fact["data"])["done"] for fact in heard] == [0, 1, 2, 3]


def follower(peer: str, server: Server, tmp_path: Any) -> Peer:
    """A program with an EventSource that is ready to be told what to follow."""
    watcher = Peer(*node_script(f"follow_in_{peer}.mjs"), server.url, str(tmp_path / "profile"))
    assert watcher.next() == {"ready": True}
    return watcher


def events_of(said: list[dict[str, Any]]) -> list[Event]:
    return [
        Event(fact["event"], fact["data"], fact["id"], fact["id"], True, 1) for fact in said if "event" in fact
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ Python's clients


def test_requests_reads_line_by_line(shared: Server) -> None:
    job = shared.create(runner="timer", total=20, stepMs=50)
    session = requests.Session()
    session.trust_env = False
    with session.get(f"{shared.url}/v1/jobs/{job['id']}/events", stream=True, timeout=patience()) as answer:
        assert answer.status_code == 200
        parser = SseParser()
        events = [event for line in answer.iter_lines() for event in parser.feed(line + b"\n")]
    assert_steps(events, total=20)


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_requests_that_splits_each_chunk_on_newlines_sees_whole_events(shared: Server, coding: str) -> None:
    """What naive readers do: each network chunk is split into lines, and a line is believed to be whole."""
    job = shared.external(total=30)
    session = requests.Session()
    session.trust_env = False
    url, asks = f"{shared.url}/v1/jobs/{job['id']}/events", {"Accept-Encoding": coding, "Accept": "text/event-stream"}
    with session.get(url, headers=asks, stream=True, timeout=patience()) as answer:
        chunks = (chunk for chunk in answer.raw.read_chunked(decode_content=True) if chunk)
        seen = [next(chunks)]
        shared.report(*({"job": job["id"], "done": done, "message": "m" * 2000} for done in range(1, 30)))
        shared.patch(job, state="completed")
        seen += list(chunks)
    facts = [
        json.loads(line.removeprefix(b"data:"))
        for chunk in seen
        for line in chunk.split(b"\n")
        if line.startswith(b"data:")
    ]
    assert [fact["done"] for fact in facts] == list(range(31))


def test_aiohttp_follows_several_jobs_at_once(shared: Server) -> None:
    jobs = [shared.create(runner="timer", total=20, stepMs=50) for _ in range(5)]

    async def follow(session: aiohttp.ClientSession, job: dict[str, Any]) -> list[Event]:
        parser = SseParser()
        events: list[Event] = []
        async with session.get(f"{shared.url}/v1/jobs/{job['id']}/events") as answer:
            assert answer.status == 200
            async for line in answer.content:
                events += parser.feed(line)
        return events

    async def follow_all() -> list[list[Event]]:
        limit = aiohttp.ClientTimeout(total=patience() * 2)
        async with aiohttp.ClientSession(timeout=limit) as session:
            return await asyncio.gather(*(follow(session, job) for job in jobs))

    for events in asyncio.run(follow_all()):
        assert_steps(events, total=20)


# ------------------------------------------------------------------------------------------------ the bytes


def test_the_head_of_a_stream(shared: Server) -> None:
    with shared.follow(shared.external()) as stream:
        assert stream.head.version == "HTTP/1.1"
        assert (stream.head["Content-Type"] or "").split(";")[0] == "text/event-stream"
        assert stream.head["Cache-Control"] == "no-store, no-transform"
        assert stream.head["X-Accel-Buffering"] == "no"
        assert stream.head["Transfer-Encoding"] == "chunked"
        assert stream.head["Content-Length"] is None
        assert stream.head["Content-Encoding"] is None


def test_a_stream_begins_with_retry_and_a_snapshot(shared: Server) -> None:
    job = shared.external(kind="media", message="it's \u00e9\u4e2d\U0001f600 \"here\"\n\r\u2028", result={"a": [1]})
    with shared.follow(job) as stream:
        stream.next()
        begin = re.fullmatch(rb"retry: ([1-9][0-9]*)\n\n?((?:[a-z]+: [^\r\n]*\n)+)\n", stream.raw)
        assert begin, stream.raw
        names = [line.split(b":")[0] for line in begin[2].splitlines()]
        assert sorted(names) == [b"data", b"event", b"id"], "each once; data is one line"
        assert stream.seen[0].type == "snapshot"
        assert stream.seen[0].json == shared.job(job), "a snapshot is the whole job"


def test_retry_is_jittered(shared: Server) -> None:
    job = shared.external()
    asked = set()
    for _ in range(12):
        with shared.follow(job) as stream:
            stream.next()
            asked.add(stream.parser.retry)
    assert None not in asked and len(asked) > 1, asked
    assert all(100 <= wait <= 60_000 for wait in asked if wait is not None), asked


def test_each_event_is_one_chunk(shared: Server) -> None:
    job = shared.external(total=9)
    with shared.follow(job) as stream:
        first = stream.next()
        shared.report(*({"job": job["id"], "done": done, "message": "x" * 4000} for done in range(1, 9)))
        shared.patch(job, state="completed", result="r" * 7000)  # with the message, still under 16 KiB
        stream.rest()
        assert first.type == "snapshot"
    for chunk in stream.chunks:
        parser = SseParser()
        events = parser.feed(chunk)
        assert not parser.mid_event, f"an event is cut: ...{chunk[-80:]!r}"
        assert len(events) <= 1, f"{len(events)} events in a chunk"
    assert len(stream.seen) == 10 and not stream.cut


def test_a_large_result_arrives_whole(shared: Server) -> None:
    job = shared.external()
    result = {"text": "\u00e9" * 100_000}
    with shared.follow(job) as stream:
        stream.next()
        shared.patch(job, state="completed", result=result)
        (last,) = stream.rest()
    assert last.type == "completed" and last.data_lines == 1
    assert last.json["result"] == result


def test_events_say_what_the_contract_lists(shared: Server) -> None:
    job = shared.external(total=3, kind="k")
    with shared.follow(job) as stream:
        snapshot = stream.next()
        assert set(snapshot.json) >= JOB_FIELDS
        shared.patch(job, state="active")
        active = stream.next()
        assert active.type == "progress" and active.json["state"] == "active" and active.json["done"] == 0
        shared.patch(job, message="hello")
        told = stream.next()
        assert told.type == "progress" and told.json["message"] == "hello"
        shared.patch(job, done=1)
        progress = stream.next()
        shared.patch(job, state="completed")
        completed = stream.next()
    named = {"id", "kind", "state", "done", "total", "percent", "message", "ratePerSecond", "etaSeconds"}
    for event in (active, told, progress):
        assert set(event.json) >= named
    assert progress.json["id"] == job["id"] and progress.json["kind"] == "k"
    assert steady(completed.json) == steady(shared.job(job)), "a terminal event is the whole job"


def test_percent_has_two_decimals_at_most(shared: Server) -> None:
    job = shared.external(total=7)
    with shared.follow(job) as stream:
        stream.next()
        shared.report(*({"job": job["id"], "done": done} for done in range(1, 8)))
        for event in stream.take(7):
            text = re.search(r'"percent":\s*([^,}]+)', event.data)
            assert text and re.fullmatch(r"[0-9]+(\.[0-9]{1,2})?", text[1]), event.data
            assert abs(float(text[1]) - 100 * event.json["done"] / 7) <= 0.01
        assert event.json["percent"] == 100


def test_the_server_estimates_rate_and_rest(shared: Server) -> None:
    job = shared.create(runner="timer", total=1000, stepMs=20)
    assert job["ratePerSecond"] is None or job["ratePerSecond"] >= 0
    with shared.follow(job) as stream:
        stream.until(lambda event: event.json["done"] >= 40)
    now = shared.job(job)
    shared.cancel(job)
    assert 5 < now["ratePerSecond"] < 100, "about 50 per second, on a machine that has time"
    expected = (1000 - now["done"]) / now["ratePerSecond"]
    assert expected / 3 < now["etaSeconds"] < expected * 3


# ------------------------------------------------------------------------------------------------ the end


def terminal_jobs(server: Server) -> dict[str, dict[str, Any]]:
    jobs = {state: server.external(total=2) for state in ("completed", "failed", "cancelled")}
    server.patch(jobs["completed"], state="completed", result=[1])
    server.patch(jobs["failed"], state="failed", failedReason="no disk")
    server.cancel(jobs["cancelled"])
    server.wait_for_state(jobs["cancelled"], "cancelled")
    return jobs


def test_a_fresh_stream_of_a_finished_job_is_one_snapshot_and_the_end(shared: Server) -> None:
    for state, job in terminal_jobs(shared).items():
        with shared.follow(job) as stream:
            (only,) = stream.rest()
            assert only.type == "snapshot" and only.json["state"] == state
            assert steady(only.json) == steady(shared.job(job))
            assert not stream.cut, "the end is a clean one"
            again = shared.stream(f"/v1/jobs/{job['id']}/events", last_event_id=stream.last_event_id)
            assert again.status == 204, "this reader knows all there is"


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_the_stream_ends_after_the_terminal_event_and_a_reconnect_gets_204(shared: Server, end: str) -> None:
    job = shared.external(total=2)
    with shared.follow(job) as stream:
        stream.next()
        if end == "cancelled":
            shared.cancel(job)
        else:
            shared.patch(job, state=end)
        (last,) = stream.rest()
        assert last.type == end and last.json["state"] == end
        assert last.json["finishedAt"] is not None
        assert not stream.cut
    path = f"/v1/jobs/{job['id']}/events"
    for headers in ({"Last-Event-ID": last.id}, {"Last-Event-ID": shared.job(job)["eventId"]}):
        response = shared.request("GET", path, headers=headers)
        assert response.status == 204 and response.body == b""
        assert response["Content-Type"] is None or "event-stream" not in response["Content-Type"]
    assert shared.request("GET", f"{path}?lastEventId={last.id}").status == 204
    assert shared.request("HEAD", path, headers={"Last-Event-ID": last.id or ""}).status == 204


def test_the_connection_serves_again_after_a_stream_has_ended(shared: Server) -> None:
    job = terminal_jobs(shared)["completed"]
    with shared.connect() as connection:
        for _ in range(3):
            answer = connection.request("GET", f"/v1/jobs/{job['id']}/events")
            assert answer.status == 200 and b"event: snapshot" in answer.body
            if (answer["Connection"] or "").lower() == "close":
                return  # a server may say so
        assert connection.request("GET", "/healthz").status == 200


def test_a_failing_built_in_job(shared: Server) -> None:
    for runner in ("timer", "cpu"):
        job = shared.create(runner=runner, total=10, stepMs=10, stepWork=1, failAt=4, failedReason="broken lens")
        with shared.follow(job) as stream:
            last = stream.until(lambda event: event.json["state"] not in ("pending", "active"))[-1]
        assert last.json["state"] == "failed" and last.json["failedReason"] == "broken lens"
        assert last.json["done"] == 4
        assert last.json["result"] is None


def test_a_repeating_job_starts_again_at_nought(shared: Server) -> None:
    job = shared.create(runner="timer", total=3, stepMs=100, repeat=3)
    with shared.follow(job) as stream:
        events = stream.rest()
    assert events[-1].type == "completed"
    assert {event.type for event in events[1:-1]} == {"progress"}
    done = [event.json["done"] for event in events]
    steps = [value for value, next_one in zip(done, [*done[1:], None]) if value != next_one]
    assert steps == ([0, 1, 2, 3] * 3)[-len(steps) :] and len(steps) > 4, done


def test_a_job_that_repeats_for_ever_can_be_cancelled(shared: Server) -> None:
    job = shared.create(runner="timer", total=2, stepMs=10, repeat=0)
    with shared.follow(job) as stream:
        events = stream.take(30)
        assert all(event.type == "progress" for event in events[1:])
        shared.cancel(job)
        assert stream.rest()[-1].type == "cancelled"


def test_cancelling_takes_effect_at_the_next_step(shared: Server) -> None:
    for fields in ({"runner": "timer", "stepMs": 20}, {"runner": "cpu", "stepWork": 20}):
        job = shared.create(total=1_000_000, **fields)
        with shared.follow(job) as stream:
            stream.until(lambda event: event.json["done"] >= 2)
            shared.cancel(job)
            last = stream.rest()[-1]
            assert last.type == "cancelled" and last.json["done"] < 1_000_000
        assert_problem(shared.request("POST", f"/v1/jobs/{job['id']}/cancel"), 409)
        assert shared.job(job)["done"] == last.json["done"], "nothing changes a terminal job"


def test_a_cpu_job_really_computes(server: Any) -> None:
    running = server()
    before = running.cpu_seconds()
    job = running.create(runner="cpu", total=50, stepWork=20)
    running.wait_for_state(job, "completed")
    spent = running.cpu_seconds() - before
    assert 0.3 < spent, f"50 steps of 20 ms took {spent} s of CPU"


def test_many_cpu_jobs_share_the_threads_fairly(shared: Server) -> None:
    jobs = [shared.create(runner="cpu", total=1_000_000, stepWork=1, kind="fair") for _ in range(100)]
    with shared.stream("/v1/events?kind=fair") as stream:
        done = {job["id"]: 0 for job in jobs}
        while min(done.values()) < 5:
            event = stream.next().json
            done[event["id"]] = event["done"]
    for job in jobs:
        shared.cancel(job)
    assert max(done.values()) <= 5 * 10, f"from {min(done.values())} to {max(done.values())} steps"


def test_an_external_job_that_nobody_reports_on_stalls(shared: Server) -> None:
    job = shared.external(stallAfterMs=300)
    with shared.follow(job) as stream:
        last = stream.rest()[-1]
    assert last.type == "failed" and last.json["failedReason"] == "stalled"
    assert_problem(shared.request("PATCH", f"/v1/jobs/{job['id']}", {"done": 1}), 409)


def test_a_finished_job_is_forgotten_after_its_retention(server: Any) -> None:
    running = server("--retain-finished", "300ms")
    job = running.external(id="short-lived")
    running.patch(job, state="completed")
    wait_until(lambda: running.request("GET", "/v1/jobs/short-lived").status == 404, "the job to be forgotten")
    assert running.request("GET", "/v1/jobs/short-lived/events").status == 404
    assert running.request("GET", "/v1/jobs").json()["jobs"] == []
    assert running.external(id="short-lived")["state"] == "pending", "its id is free again"


def test_the_demo_job_is_there_from_the_start(server: Any) -> None:
    running = server("--demo")
    assert running.job("demo")["id"] == "demo"
    with running.follow("demo") as stream:
        assert stream.next().type == "snapshot"
        assert stream.next().type == "progress"
