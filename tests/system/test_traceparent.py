"""The trace that a job belongs to (W3C Trace Context): taken from the request that makes it, told with each event."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Server
from progressctl import ctl, json_lines

Start = Callable[..., Server]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def create(server: Server, trace: str | None = TRACE, **fields: Any) -> dict[str, Any]:
    headers = {} if trace is None else {"traceparent": trace}
    answer = server.request("POST", "/v1/jobs", {"runner": "external", **fields}, headers=headers)
    assert answer.status == 201, answer
    return answer.json()


def test_each_event_of_a_traced_job_tells_its_trace(shared: Server) -> None:
    job = create(shared)
    assert job["traceparent"] == shared.job(job)["traceparent"] == TRACE
    with shared.follow(job) as stream:
        stream.next()
        shared.patch(job, done=1)
        stream.next()
        shared.patch(job, state="completed")
        stream.rest()
    assert [(event.type, event.json["traceparent"]) for event in stream.seen] == [
        ("snapshot", TRACE), ("progress", TRACE), ("completed", TRACE),
    ]  # fmt: skip


def test_the_events_of_other_jobs_are_not_longer_for_it(shared: Server) -> None:
    job = create(shared, None)
    assert job["traceparent"] is None
    with shared.follow(job) as stream:
        assert stream.next().json["traceparent"] is None
        shared.patch(job, done=1)
        assert "traceparent" not in stream.next().json


@pytest.mark.parametrize("journal", ["memory:", "sqlite:{folder}/journal"])
def test_a_resumed_stream_tells_it_again(server: Start, tmp_path: Path, journal: str) -> None:
    running = server("--journal", journal.format(folder=tmp_path))
    job = create(running, total=10)
    for done in range(1, 4):
        running.patch(job, done=done)
    if journal != "memory:":
        running.stop()
        running = server("--journal", journal.format(folder=tmp_path))
        assert running.job(job)["traceparent"] == TRACE
    with running.follow(job, last_event_id=job["eventId"]) as stream:
        assert [event.json["traceparent"] for event in stream.take(3)] == [TRACE] * 3
    with running.stream("/v1/events?owner=me") as stream:
        assert stream.next().json["traceparent"] == TRACE


@pytest.mark.parametrize(
    "sent",
    [TRACE.upper(), TRACE + "-00", TRACE[:-1], "ff" + TRACE[2:], "", "x", f"{TRACE}, {TRACE}",
     TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), TRACE.replace("00f067aa0ba902b7", "0" * 16)],
)  # fmt: skip
def test_a_malformed_one_is_ignored(shared: Server, sent: str) -> None:
    assert create(shared, sent)["traceparent"] is None


def test_of_several_none_counts(shared: Server) -> None:
    job = shared.request("POST", "/v1/jobs", {"runner": "external"}, headers={"traceparent": TRACE, "Traceparent": TRACE})
    assert job.status == 201 and job.json()["traceparent"] is None


def test_one_of_a_later_version_is_kept_as_one_that_is_known(shared: Server) -> None:
    assert create(shared, "cc" + TRACE[2:] + "-more")["traceparent"] == TRACE


@pytest.mark.parametrize("path,body", [("/create_job", None), ("/start-task", None), ("/api/v1/media/queue", {})])
def test_the_jobs_of_the_seed_systems_have_theirs(server: Start, path: str, body: Any) -> None:
    running = server("--demo-duration", "1h")
    assert running.request("POST", path, body, headers={"traceparent": TRACE}).status in (200, 201)
    (job,) = running.request("GET", "/v1/jobs").json()["jobs"]
    assert job["traceparent"] == TRACE


def test_a_retry_is_answered_with_the_trace_of_the_first(shared: Server) -> None:
    def keyed(trace: str) -> Any:
        headers = {"Idempotency-Key": "traced", "traceparent": trace}
        return shared.request("POST", "/v1/jobs", {"runner": "external"}, headers=headers).json()

    first = keyed(TRACE)
    again = keyed(TRACE.replace("00f067aa0ba902b7", "00f067aa0ba902b8"))
    assert again == first and first["traceparent"] == TRACE


def test_the_command_line_passes_its_own_on(shared: Server) -> None:
    words = ("--url", shared.url)
    for given, kept in ((TRACE, TRACE), ("00-nonsense\r\nX: y", None)):
        run = ctl("run", *words, "--runner", "external", "--detach", "--json", TRACEPARENT=given)
        assert json_lines(run.stdout)[0]["traceparent"] == kept, run
    reported = ctl("report", *words, "--id", "traced-report", stdin="one\ntwo\n", TRACEPARENT=TRACE)
    assert reported.returncode == 0, reported
    assert shared.job("traced-report")["traceparent"] == TRACE
