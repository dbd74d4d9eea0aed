"""Queued jobs with owners: characters and media are made, and their owner is told how that goes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from harness import Event, Server, Stream, assert_problem, patience
from seed_clients import assert_seed_stream, curl, facts, follower, jobs_of_kind, messages, session, statuses

API = "/api/v1"
SSE = f"{API}/sse/jobs"
QUEUES = {"character": (f"{API}/characters/queue", "characterId"), "media": (f"{API}/media/queue", "mediaId")}
TIMES = ["createdAt", "startedAt", "completedAt"]
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def queue(server: Server, kind: str = "character", **fields: Any) -> str:
    answer = server.request("POST", QUEUES[kind][0], fields)
    assert answer.status == 201, answer
    made = answer.json()
    assert set(made) == {"success", "data"} and made["success"] is True and list(made["data"]) == ["jobId"], made
    return made["data"]["jobId"]


def by_hand(server: Server, kind: str = "character", **fields: Any) -> dict[str, Any]:
    """A job of that kind that somebody else's worker does."""
    return server.external(kind=kind, total=100, **fields)


def follow(server: Server, job: str | dict[str, Any], kind: str = "character", **options: Any) -> Stream:
    stream = server.stream(f"{SSE}/{kind}/{job if isinstance(job, str) else job['id']}", **options)
    assert stream.status == 200, stream.head
    return stream


def assert_job_fact(fact: dict[str, Any], type_: str, job_id: str) -> None:
    """The exact keys, in their order, and which times are known when."""
    keys = ["type", "jobId", "status", "progress"]
    if fact["status"] == "completed" and "result" in fact:
        keys.append("result")
    if fact["status"] == "failed":
        keys.append("failedReason")
    assert list(fact) == keys + TIMES, fact
    assert fact["type"] == type_ and fact["jobId"] == job_id
    assert fact["status"] in ("pending", "active", "completed", "failed") and 0 <= fact["progress"] <= 100
    over = fact["status"] in ("completed", "failed")
    assert TIME.fullmatch(fact["createdAt"])
    assert (fact["startedAt"] is None) == (fact["status"] == "pending") or over
    assert (fact["completedAt"] is not None) == over


def assert_connected(event: Event) -> None:
    assert list(event.json) == ["type", "message"] and event.json["type"] == "connected" and event.json["message"]


def progress(events: list[Event]) -> list[Any]:
    return [event.json["progress"] for event in events]


# ------------------------------------------------------------------------------------------------ one job


@pytest.mark.parametrize("kind", QUEUES)
def test_a_queued_job_is_followed_to_its_result(server: Any, kind: str) -> None:
    running = server("--demo-duration", "1s")
    job_id = queue(running, kind, name="Test", age=25, tags=["a", {"deep": None}])
    with follow(running, job_id, kind) as stream:
        events = stream.rest()
        assert_seed_stream(stream)
        assert not stream.cut
    assert_connected(events[0])
    assert_job_fact(events[1].json, "initial_status", job_id)
    for event in events[2:]:
        assert_job_fact(event.json, "job_update", job_id)
    steps = progress(events[1:])
    assert steps == sorted(steps) and steps[-1] == 100 and len(set(steps)) >= len(steps) - 1, steps
    last = events[-1].json
    assert last["status"] == "completed" and list(last["result"]) == [QUEUES[kind][1]]
    assert isinstance(last["result"][QUEUES[kind][1]], str) and last["result"][QUEUES[kind][1]]
    native = running.job(job_id)
    assert native["kind"] == kind and native["owner"] == "anonymous" and native["result"] == last["result"]
    for method in ("GET", "HEAD"):
        again = running.stream(f"{SSE}/{kind}/{job_id}", method=method, last_event_id=stream.last_event_id)
        assert again.status == 204, "who saw the end need not come back"


def test_a_jobs_whole_life_in_exact_payloads(shared: Server) -> None:
    job = by_hand(shared)
    with follow(shared, job) as stream:
        connected, initial = stream.take(2)
        assert_connected(connected)
        assert connected.id is None, "nothing was seen yet"
        times = f'"createdAt":"{job["createdAt"]}","startedAt":null,"completedAt":null}}'
        assert initial.data == (
            f'{{"type":"initial_status","jobId":"{job["id"]}","status":"pending","progress":0,{times}'
        )
        shared.patch(job, done=45)
        update = stream.next()
        started = shared.job(job)["startedAt"]
        times = f'"createdAt":"{job["createdAt"]}","startedAt":"{started}","completedAt":null}}'
        assert update.data == f'{{"type":"job_update","jobId":"{job["id"]}","status":"active","progress":45,{times}'
        shared.patch(job, state="completed", result={"characterId": "c-1"})
        (last,) = stream.rest()
        finished = shared.job(job)["finishedAt"]
        times = f'"createdAt":"{job["createdAt"]}","startedAt":"{started}","completedAt":"{finished}"}}'
        assert last.data == (
            f'{{"type":"job_update","jobId":"{job["id"]}","status":"completed","progress":100,'
            f'"result":{{"characterId":"c-1"}},{times}'
        )
    assert [event.id for event in (initial, update, last)] == [event.last_event_id for event in (initial, update, last)]


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_a_fresh_stream_of_a_finished_job(shared: Server, end: str) -> None:
    job = by_hand(shared, "media")
    if end == "cancelled":
        shared.cancel(job)
    elif end == "failed":
        shared.patch(job, state="failed", failedReason="no paint")
    else:
        shared.patch(job, state="completed", result={"mediaId": 7})
    with follow(shared, job, "media") as stream:
        connected, initial, update = stream.rest()
    assert_connected(connected)
    assert_job_fact(initial.json, "initial_status", job["id"])
    assert_job_fact(update.json, "job_update", job["id"])
    assert {**initial.json, "type": "job_update"} == update.json
    assert update.json["status"] == ("failed" if end == "cancelled" else end)
    assert update.json.get("failedReason") == {"failed": "no paint", "cancelled": "cancelled"}.get(end)
    assert update.json.get("result") == ({"mediaId": 7} if end == "completed" else None)
    path = f"{SSE}/media/{job['id']}"
    assert shared.stream(path, last_event_id=update.id).status == 204
    with shared.stream(path, last_event_id=initial.id) as cut_between:
        assert facts(cut_between.rest())[-1] == update.json, "clients finish on the update: its reader has not seen it"


def test_a_live_job_that_is_cancelled_has_failed(shared: Server) -> None:
    job = by_hand(shared)
    with follow(shared, job) as stream:
        stream.take(2)
        shared.cancel(job)
        (last,) = stream.rest()
    assert_job_fact(last.json, "job_update", job["id"])
    assert last.json["status"] == "failed" and last.json["failedReason"] == "cancelled"


def test_a_reconnect_is_greeted_again_and_misses_nothing(shared: Server) -> None:
    job = by_hand(shared)
    with follow(shared, job) as stream:
        stream.take(2)
        shared.patch(job, done=10)
        stream.next()
    for done in (20, 30):
        shared.patch(job, done=done)
    with follow(shared, job, last_event_id=stream.last_event_id) as again:
        connected, initial, *missed = again.take(4)
        assert_connected(connected)
        assert_job_fact(initial.json, "initial_status", job["id"])
        assert initial.json["progress"] == 10, "the status as this reader knows it, then what it missed"
        assert progress(missed) == [20, 30]
        assert {event.json["type"] for event in missed} == {"job_update"}
        shared.patch(job, state="completed")
        assert progress(again.rest()) == [100]
    # Cut off right behind its greeting, it would not lose its place.
    assert connected.last_event_id == initial.last_event_id == stream.last_event_id


def test_a_reconnect_after_the_end_that_it_missed(shared: Server) -> None:
    job = by_hand(shared)
    with follow(shared, job) as stream:
        stream.take(2)
    shared.patch(job, done=10)
    shared.patch(job, state="failed", failedReason="no ink")
    with follow(shared, job, last_event_id=stream.last_event_id) as again:
        connected, initial, *missed = again.rest()
    assert initial.json["status"] == "pending"
    assert [(event.json["status"], event.json["progress"]) for event in missed] == [("active", 10), ("failed", 10)]
    assert missed[-1].json["failedReason"] == "no ink" and "failedReason" not in missed[0].json


def test_an_id_that_cannot_be_placed_gets_the_status_and_no_gap(server: Any) -> None:
    running = server("--history-events", "2")
    job = by_hand(running)
    with follow(running, job) as stream:
        first = stream.take(2)[-1]
    for done in (10, 20, 30):
        running.patch(job, done=done)
    for unknown in (first.id, "what", "1f3a9c04-2"):
        with follow(running, job, last_event_id=unknown) as again:
            connected, initial = again.take(2)
            assert_connected(connected)
            assert initial.json["type"] == "initial_status" and initial.json["progress"] == 30
            running.patch(job, message=f"news for {unknown}")
            assert again.next().json["type"] == "job_update"


def test_whose_job_it_is_not(shared: Server) -> None:
    character, media, other = by_hand(shared), by_hand(shared, "media"), shared.external()
    for kind, job in (("media", character), ("character", media), ("character", other), ("character", {"id": "none"})):
        for method in ("GET", "HEAD"):
            assert shared.stream(f"{SSE}/{kind}/{job['id']}", method=method).status == 404
    assert_problem(shared.request("GET", f"{SSE}/media/{character['id']}"), 404, character["id"])
    assert_problem(shared.request("GET", f"{SSE}/character/{character['id']}", headers={"Accept": "text/html"}), 406)
    assert_problem(shared.request("GET", f"{SSE}/my", headers={"Accept": "text/html"}), 406)


@pytest.mark.parametrize("kind", QUEUES)
def test_what_is_queued_is_any_object_and_nothing_else(shared: Server, kind: str) -> None:
    path = QUEUES[kind][0]
    for body, status in ((b"", 400), (b"{", 400), (b'{"a":\xff}', 400), (b"[1]", 422), (b'"x"', 422)):
        answer = shared.request("POST", path, headers={"Content-Type": "application/json"}, body=body)
        assert_problem(answer, status)
    assert_problem(shared.request("POST", path, headers={"Content-Type": "text/plain"}, body=b"{}"), 415)
    answer = shared.request("GET", path)
    assert_problem(answer, 405)
    assert answer["Allow"] == "POST, OPTIONS"
    before = len(jobs_of_kind(shared, kind))
    queue(shared, kind, status="mine", id="not the job's", n=12345678901234567890123)
    assert len(jobs_of_kind(shared, kind)) == before + 1


# ------------------------------------------------------------------------------------------------ all of one's jobs


def test_my_jobs_are_all_of_the_kinds_those_made_later_too(server: Any) -> None:
    running = server()
    jobs = [by_hand(running, kind) for kind in ("character", "media", "character")]
    running.patch(jobs[0], state="completed", result={"characterId": "c"})
    by_hand(running, "resume"), running.external(), by_hand(running, owner="somebody")
    with running.stream(f"{SSE}/my") as stream:
        connected, *initial = stream.take(4)
        assert_connected(connected)
        for event in initial:
            assert_job_fact(event.json, "initial_status", event.json["jobId"])
        assert {event.json["jobId"] for event in initial} == {job["id"] for job in jobs}
        later = by_hand(running, "media")
        other = running.external()
        running.patch(other, done=1)
        running.patch(later, done=5)
        running.patch(jobs[1], done=7)
        running.cancel(jobs[2])
        running.delete(jobs[2])
        running.patch(later, state="completed")
        updates = stream.take(5)
        assert_seed_stream(stream)
        for event in updates:
            assert_job_fact(event.json, "job_update", event.json["jobId"])
        told = [(event.json["jobId"], event.json["status"], event.json["progress"]) for event in updates]
        assert told == [
            (later["id"], "pending", 0),
            (later["id"], "active", 5),
            (jobs[1]["id"], "active", 7),
            (jobs[2]["id"], "failed", 0),
            (later["id"], "completed", 100),
        ]
        assert not stream.ended, "it stays open"


def test_my_stream_without_a_job_waits_for_one(server: Any) -> None:
    running = server("--demo-duration", "100ms")
    with running.stream(f"{SSE}/my") as stream:
        assert_connected(stream.next())
        job_id = queue(running)
        events = stream.until(lambda event: event.json["status"] == "completed")
    assert {event.json["jobId"] for event in events} == {job_id}
    assert {event.json["type"] for event in events} == {"job_update"}


def test_my_stream_resumes_with_a_status_each_and_misses_nothing(server: Any) -> None:
    running = server()
    jobs = [by_hand(running, kind) for kind in ("character", "media")]
    gone = by_hand(running)
    with running.stream(f"{SSE}/my") as stream:
        stream.take(4)
        running.patch(jobs[0], done=10)
        stream.next()
    running.patch(jobs[1], done=20)
    later = by_hand(running, "media")
    running.patch(jobs[0], done=30)
    running.patch(gone, state="completed")
    running.delete(gone)
    with running.stream(f"{SSE}/my", last_event_id=stream.last_event_id) as again:
        connected, *initial = again.take(4)
        assert_connected(connected)
        known = {event.json["jobId"]: event.json["progress"] for event in initial}
        assert known == {jobs[0]["id"]: 10, jobs[1]["id"]: 0, later["id"]: 0}
        missed = [(event.json["jobId"], event.json["progress"]) for event in again.take(4)]
        assert missed == [(jobs[1]["id"], 20), (later["id"], 0), (jobs[0]["id"], 30), (gone["id"], 100)]
        running.patch(later, done=1)
        assert again.next().json["progress"] == 1


def test_a_reader_cut_off_among_its_first_statuses_starts_again(server: Any) -> None:
    running = server()
    jobs = [by_hand(running) for _ in range(3)]
    with running.stream(f"{SSE}/my") as stream:
        first = stream.take(2)[-1]
    with running.stream(f"{SSE}/my", last_event_id=first.id) as again:
        assert {event.json["jobId"] for event in again.take(4)[1:]} == {job["id"] for job in jobs}


# ------------------------------------------------------------------------------------------------ its clients


@pytest.mark.parametrize("peer", ["node", "chromium", "fetch"])
def test_the_hooks_of_the_guide(server: Any, tmp_path: Any, peer: str) -> None:
    """Each is told of one job to its end: from the beginning, and one that was over before."""
    running = server("--demo-duration", "3s")
    over = by_hand(running, "media")
    running.patch(over, state="completed", result={"mediaId": "m"})
    with follower(peer, running, tmp_path) as watcher:
        job_id = queue(running, name="Test")
        watcher.tell([f"{SSE}/character/{job_id}", f"{SSE}/media/{over['id']}"])
        said = watcher.rest()
    assert not any("error" in fact for fact in said), said
    for at in range(2):
        heard = messages(said, at)
        assert [fact["type"] for fact in heard[:2]] == ["connected", "initial_status"]
        assert {fact["type"] for fact in heard[2:]} == {"job_update"}
        assert heard[-1]["status"] == "completed" and heard[-1]["progress"] == 100
        assert statuses(said, at) == ([200] if peer == "fetch" else [200, 204])
    heard = messages(said, 0)
    assert list(heard[-1]["result"]) == ["characterId"] and messages(said, 1)[-1]["result"] == {"mediaId": "m"}
    steps = [fact["progress"] for fact in heard[1:]]
    assert steps == sorted(steps) and set(range(steps[0], 101)) == set(steps), steps


def test_curl_and_requests_follow_one_job(server: Any) -> None:
    running = server("--demo-duration", "500ms")
    made = session().post(f"{running.url}{QUEUES['media'][0]}", json={"prompt": "a cat"}, timeout=patience())
    assert made.status_code == 201
    job_id = made.json()["data"]["jobId"]
    lines = curl(running, f"{SSE}/media/{job_id}", "-H", "Authorization: Bearer none").splitlines()
    heard = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert heard[0]["type"] == "connected" and heard[-1]["status"] == "completed"
    answer = session().get(f"{running.url}{SSE}/media/{job_id}", stream=True, timeout=patience())
    heard = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith(b"data: ")]
    assert [fact["type"] for fact in heard] == ["connected", "initial_status", "job_update"]
