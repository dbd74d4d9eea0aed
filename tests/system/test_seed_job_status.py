"""The job status application: create a job, ask for its status, or be told of each change of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from harness import Server, Stream, assert_problem, patience, wait_until
from seed_clients import assert_seed_stream, curl, facts, follower, jobs_of_kind, messages, session, statuses


def create(server: Server) -> str:
    answer = server.request("POST", "/create_job")
    assert answer.status == 201, answer
    assert list(answer.json()) == ["job_id"]
    return answer.json()["job_id"]


def client_status(server: Server, job_id: str, **options: Any) -> Stream:
    return server.stream(f"/client_status?job_id={job_id}", **options)


def as_page_reads(data: str) -> Any:
    """The system's page takes each apostrophe for a quote before it parses."""
    return json.loads(data.replace("'", '"'))


# ------------------------------------------------------------------------------------------------ a job of one's own


def test_asking_for_the_head_only_starts_no_demo_job(server: Any) -> None:
    running = server()
    head = running.request("HEAD", "/client_status")
    assert head.status == 200 and head["Content-Type"] == "text/event-stream"
    assert jobs_of_kind(running, "status") == []


def test_asking_for_the_head_of_its_status_starts_none_either(server: Any) -> None:
    running = server("--demo-duration", "10ms")
    for _ in range(2):
        head = running.request("HEAD", "/status")
        assert head.status == 200 and head["Content-Type"] == "application/json"
        assert jobs_of_kind(running, "status") == []
    assert running.request("GET", "/status").json() == {"result": "pending"}
    (demo,) = jobs_of_kind(running, "status")
    running.wait_for_state(demo, "completed")
    whole = running.request("GET", "/status")
    assert whole.json() == {"result": "completed"}
    assert running.request("HEAD", "/status")["Content-Length"] == whole["Content-Length"]
    (still,) = jobs_of_kind(running, "status")
    assert still == running.job(demo)


def test_a_job_of_somebodys_own_with_the_demos_id_stays(server: Any) -> None:
    running = server()
    own = running.external(id="status-demo")
    running.patch(own, state="failed", failedReason="no disk")
    # Even when it has been over for longer than the demo would be kept: see the looping task's, kept for no time.
    answer = running.request("GET", "/status")
    assert answer.json() == {"result": "error", "message": "no disk"}
    assert facts(running.stream("/client_status").rest()) == [{"result": "error", "message": "no disk"}]
    assert running.job("status-demo")["createdAt"] == own["createdAt"]


def test_a_job_is_created_and_its_status_asked_for(server: Any) -> None:
    quick = server("--demo-duration", "1s")
    job_id = create(quick)
    answer = quick.request("GET", f"/status?job_id={job_id}")
    assert answer.status == 200 and answer["Content-Type"] == "application/json"
    assert answer.body.rstrip() == b'{"result":"pending"}'
    native = quick.job(job_id)
    assert native["kind"] == "status" and native["owner"] == "anonymous", "it is a job as any other"
    quick.wait_for_state(native, "completed")
    assert quick.request("GET", f"/status?job_id={job_id}").json() == {"result": "completed"}


def test_the_demo_takes_its_duration(server: Any) -> None:
    quick = server("--demo-duration", "1s")
    job = quick.wait_for_state({"id": create(quick)}, "completed")
    begun, ended = (datetime.fromisoformat(job[name].rstrip("Z")) for name in ("createdAt", "finishedAt"))
    assert 0.9 < (ended - begun).total_seconds() < 1 + patience()


def test_a_status_that_nobody_can_know(server: Any) -> None:
    quick = server("--demo-duration", "1s")
    for path in ("/status", "/client_status"):
        assert_problem(quick.request("GET", f"{path}?job_id=nobody"), 404, "nobody")
        assert_problem(quick.request("GET", f"{path}?job_id="), 422, "job_id")
    for path, allow in (("/status", "GET, HEAD, OPTIONS"), ("/create_job", "POST, OPTIONS")):
        answer = quick.request("PATCH", path)
        assert_problem(answer, 405)
        assert answer["Allow"] == allow
    job_id = create(quick)
    assert_problem(quick.request("GET", f"/client_status?job_id={job_id}", headers={"Accept": "text/html"}), 406)


def test_the_bytes_of_a_stream(server: Any) -> None:
    quick = server("--demo-duration", "1s")
    job_id = create(quick)
    with client_status(quick, job_id) as stream:
        events = stream.rest()
        assert not stream.cut
        assert_seed_stream(stream)
    assert [event.data for event in events] == ['{"result": "pending"}', '{"result": "completed"}']
    assert stream.raw.split(b"\n\n")[2] == b'id: %b\ndata: {"result": "completed"}' % events[-1].last_event_id.encode()
    for method in ("GET", "HEAD"):
        again = quick.stream(f"/client_status?job_id={job_id}", method=method, last_event_id=stream.last_event_id)
        assert again.status == 204, "who saw the end need not come back"
    fresh = client_status(quick, job_id)
    assert [event.data for event in fresh.rest()] == ['{"result": "completed"}']


def test_messages_are_told_and_their_apostrophes_are_no_quotes(shared: Server) -> None:
    job = shared.external(total=9, message='it\'s "here"')
    with client_status(shared, job["id"]) as stream:
        first = stream.next()
        assert first.data == r'{"result": "pending", "message": "it\u0027s \"here\""}'
        shared.patch(job, done=1)  # nothing that this stream tells of
        shared.patch(job, done=2, message="it's \u00e9\u4e2d\n''")
        assert stream.next().data == r'{"result": "pending", "message": "it\u0027s ' + '\u00e9\u4e2d' + r'\n\u0027\u0027"}'
        assert shared.request("GET", f"/status?job_id={job['id']}").json() == {
            "result": "pending",
            "message": "it's \u00e9\u4e2d\n''",
        }
        shared.patch(job, state="completed", message="'done'")
        stream.rest()
    assert [as_page_reads(event.data)["message"] for event in stream.seen] == [
        'it\'s "here"',
        "it's \u00e9\u4e2d\n''",
        "'done'",
    ]


def test_failures_are_errors_and_say_why(shared: Server) -> None:
    failed, cancelled = (shared.external(total=9, message="working") for _ in range(2))
    streams = [client_status(shared, job["id"]) for job in (failed, cancelled)]
    for stream in streams:
        stream.next()
    shared.patch(failed, state="failed", failedReason="no disk")
    shared.cancel(cancelled)
    for stream, job, why in zip(streams, (failed, cancelled), ("no disk", "cancelled")):
        assert facts(stream.rest()) == [{"result": "error", "message": why}]
        assert shared.request("GET", f"/status?job_id={job['id']}").json() == {"result": "error", "message": why}


def test_a_cut_stream_resumes_and_an_unknown_id_gets_the_latest(shared: Server) -> None:
    job = shared.external(total=9, message="one")
    with client_status(shared, job["id"]) as stream:
        stream.next()
    for message in ("two", "three"):
        shared.patch(job, message=message)
    shared.patch(job, done=5)
    with client_status(shared, job["id"], last_event_id=stream.last_event_id) as again:
        assert [event.json["message"] for event in again.take(2)] == ["two", "three"]
        shared.patch(job, message="four")
        assert again.next().json["message"] == "four"
    for unknown in ("what", "1f3a9c04-17", again.last_event_id + "0"):
        with client_status(shared, job["id"], last_event_id=unknown) as lost:
            shared.patch(job, state="active", message="five " + unknown)
            events = lost.until(lambda event: event.json["message"] == "five " + unknown)
            assert len(events) <= 2 and not any(event.named for event in events), "no gap is told here"


# ------------------------------------------------------------------------------------------------ the shared demo job


def test_the_demo_job_is_everybodys_and_is_started_anew_five_seconds_after_its_end(server: Any) -> None:
    running = server("--demo-duration", "300ms")
    assert jobs_of_kind(running, "status") == [], "it costs nothing until somebody asks"
    assert running.request("GET", "/status").json() == {"result": "pending"}
    readers = [running.stream("/client_status") for _ in range(3)]
    for reader in readers:
        assert [event.data for event in reader.rest()][-1:] == ['{"result": "completed"}']
    (demo,) = jobs_of_kind(running, "status")
    assert demo["state"] == "completed"

    def asked() -> bool:
        assert running.stream("/client_status", last_event_id=readers[0].last_event_id).status == 204
        return running.request("GET", "/status").json() == {"result": "pending"}

    wait_until(asked, "a new demo job", timeout=5 + patience())
    (anew,) = jobs_of_kind(running, "status")
    ended, begun = (datetime.fromisoformat(text.rstrip("Z")) for text in (demo["finishedAt"], anew["createdAt"]))
    assert (begun - ended).total_seconds() >= 5, "until then the finished one is the answer"
    # Who saw the end of the one before has still seen it, and somebody who has not follows the new one.
    assert running.stream("/client_status", last_event_id=readers[0].last_event_id).status == 204
    with running.stream("/client_status", last_event_id=readers[0].seen[0].last_event_id) as other:
        assert facts(other.rest())[-1] == {"result": "completed"}


def test_a_reader_that_saw_the_end_starts_no_new_demo(server: Any) -> None:
    running = server("--demo-duration", "10ms")
    stream = running.stream("/client_status")
    stream.rest()
    running.delete(jobs_of_kind(running, "status")[0])
    assert running.stream("/client_status", last_event_id=stream.last_event_id).status == 204
    assert jobs_of_kind(running, "status") == []


@pytest.mark.parametrize("rate, results", [("0", {"completed"}), ("1", {"error"}), ("0.5", {"completed", "error"})])
def test_some_demo_jobs_fail_when_they_are_told_to(server: Any, rate: str, results: set[str]) -> None:
    running = server("--demo-duration", "10ms", "--demo-fail-rate", rate)
    heard = set()
    for _ in range(40):
        last = client_status(running, create(running)).rest()[-1].json
        assert ("message" in last) == (last["result"] == "error")
        heard.add(last["result"])
    assert heard == results


# ------------------------------------------------------------------------------------------------ its clients


@pytest.mark.parametrize("peer", ["node", "chromium"])
def test_an_event_source_sees_the_end_and_does_not_come_back(server: Any, tmp_path: Any, peer: str) -> None:
    running = server("--demo-duration", "3s")
    with follower(peer, running, tmp_path) as watcher:
        watcher.tell(["/client_status", f"/client_status?job_id={create(running)}"])
        said = watcher.rest()
    for at in range(2):
        assert messages(said, at) == [{"result": "pending"}, {"result": "completed"}]
        assert statuses(said, at) == [200, 204]
        assert [as_page_reads(fact["data"])["result"] for fact in said if "event" in fact][-1] == "completed"


def test_curl_and_a_poll_with_requests(server: Any) -> None:
    running = server("--demo-duration", "500ms")
    created = session().post(f"{running.url}/create_job", timeout=patience())
    assert created.status_code == 201
    job_id = created.json()["job_id"]
    assert curl(running, f"/client_status?job_id={job_id}").endswith('data: {"result": "completed"}\n\n')
    polled = session().get(f"{running.url}/status", params={"job_id": job_id}, timeout=patience())
    assert polled.json() == {"result": "completed"}
    assert curl(running, "/client_status").endswith('data: {"result": "completed"}\n\n')
