"""Streams through nginx, Caddy and HAProxy, as the guide configures them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import Connection, Server, patience, plain_environment, wait_until
from proxies import COMMANDS, Proxy, free_port

Start = Callable[[int], Proxy]


@pytest.fixture(params=sorted(COMMANDS))
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """A proxy of each kind: `start(port)` has it in front of the server with that port."""
    started: list[Proxy] = []

    def make(backend: int) -> Proxy:
        started.append(Proxy(request.param, tmp_path, backend))
        return started[-1]

    yield make
    for proxy in started:
        proxy.stop()


def streams(running: Server) -> int:
    return int(running.stats()["streams"])


def test_events_come_one_by_one_and_the_stream_ends_cleanly(server: Any, start: Start) -> None:
    running = server()
    proxy = start(running.address[1])
    job = running.external(total=20)
    with proxy.follow(job) as stream:
        assert stream.head["Content-Type"] == "text/event-stream"
        assert "no-transform" in (stream.head["Cache-Control"] or "") and stream.head["Content-Encoding"] is None
        assert stream.next().type == "snapshot"
        for done in range(1, 20):
            running.patch(job, done=done)
            event = stream.next()  # or the next one is never published
            assert (event.type, event.json["done"]) == ("progress", done)
        running.patch(job, state="completed", result={"rows": 5})
        rest = stream.rest()
        assert rest[-1].type == "completed" and rest[-1].json["result"] == {"rows": 5}
        assert stream.ended and not stream.cut and not stream.parser.mid_event
    with proxy.stream(f"/v1/jobs/{job['id']}/events", last_event_id=rest[-1].last_event_id) as again:
        assert again.status == 204, "which stops an EventSource"


def test_keepalives_come_through(server: Any, start: Start) -> None:
    running = server("--keepalive", "100ms")
    proxy = start(running.address[1])
    job = running.external()
    with proxy.follow(job) as stream:
        assert set(stream.comments_until(5)) == {"keepalive"}
        running.patch(job, done=1)
        stream.until(lambda event: event.type == "progress")


def test_a_stream_is_resumed(server: Any, start: Start) -> None:
    running = server()
    proxy = start(running.address[1])
    job = running.external()
    with proxy.follow(job) as stream:
        running.patch(job, done=1)
        seen = stream.until(lambda event: event.json["done"] == 1)
    for done in (2, 3, 4):
        running.patch(job, done=done)
    with proxy.follow(job, last_event_id=seen[-1].last_event_id) as stream:
        assert [event.json["done"] for event in stream.take(3)] == [2, 3, 4]


def test_a_client_that_leaves_is_noticed(server: Any, start: Start) -> None:
    running = server("--keepalive", "200ms")
    proxy = start(running.address[1])
    job = running.external()
    with proxy.follow(job) as stays:
        for leave in (Connection.close, Connection.reset):
            stream = proxy.follow(job)
            assert stream.next().type == "snapshot"
            assert streams(running) == 2
            leave(stream.connection)
            wait_until(lambda: streams(running) == 1, "the stream of who left to be gone")
        assert stays.next().type == "snapshot"


def test_all_else_comes_through(server: Any, start: Start) -> None:
    running = server()
    proxy = start(running.address[1])
    job = running.external(total=2**40)
    with proxy.stream(f"/v1/jobs/{job['id']}/events", method="HEAD") as head:
        assert (head.status, head.head["Content-Type"]) == (200, "text/event-stream")
    with Connection(proxy.address) as connection:
        line = b'{"job":"%s","done":1}\n' % str(job["id"]).encode()
        body = line * (1_000_000 // len(line))
        answer = connection.request("POST", "/v1/reports", {"Content-Type": "application/x-ndjson"}, body)
        assert answer.status == 200 and answer.json()["accepted"] == len(body) // len(line), answer
        target, as_json = f"/v1/jobs/{job['id']}", {"Content-Type": "application/json"}
        answer = connection.request("PATCH", target, as_json, b'{"done":0}')
        assert (answer.status, answer["Content-Type"]) == (422, "application/problem+json")
        assert connection.request("DELETE", target).status == 204
        assert connection.request("GET", target).status == 404


# What a proxy and the kernel's buffers of three connections may take for a reader that reads nothing.
BYTES_ON_THE_WAY_MAX = 64 * 1024 * 1024


def test_a_slow_reader_is_left_to_progressd(server: Any, start: Start) -> None:
    """A proxy that took its events, onto its disk at last, would keep them from being replaced by newer ones."""
    running = server()
    proxy = start(running.address[1])
    job = running.external(total=2**40)
    message = "m" * 4096
    with proxy.follow(job) as stream, Connection(running.address) as worker:
        for done in range(1, BYTES_ON_THE_WAY_MAX // len(message)):
            fields = json.dumps({"done": done, "message": message}).encode()
            worker.request("PATCH", f"/v1/jobs/{job['id']}", {"Content-Type": "application/json"}, fields)
            if done % 100 == 0 and running.stats()["eventsConflated"] > 0:
                break
        print(f"{done * len(message)} bytes were on the way")
        assert running.stats()["eventsConflated"] > 0
        running.patch(job, state="completed")
        assert stream.rest()[-1].type == "completed"


def test_all_streams_have_the_proxys_address(server: Any, start: Start) -> None:
    """So a limit for each address counts the proxy, as the guide says."""
    running = server("--max-streams-per-address", "1")
    proxy = start(running.address[1])
    job = running.external()
    with proxy.follow(job) as stream:
        assert stream.next().type == "snapshot"
        with proxy.stream("/v1/events?all=true") as refused:
            assert refused.status == 429


def test_a_restart_ends_streams_cleanly_and_they_are_resumed(server: Any, start: Start, tmp_path: Path) -> None:
    port = free_port()
    flags = ("--journal", f"sqlite:{tmp_path / 'journal'}")
    first = server(*flags, listen=[f"127.0.0.1:{port}"])
    proxy = start(port)
    job = first.external()
    with proxy.follow(job) as stream:
        first.patch(job, done=1)
        seen = stream.until(lambda event: event.json["done"] == 1)
        first.terminate()
        assert stream.rest() == [] and not stream.cut
    assert first.wait() == 0
    second = server(*flags, listen=[f"127.0.0.1:{port}"])
    second.patch(job, done=2)
    with proxy.follow(job, last_event_id=seen[-1].last_event_id) as stream:
        assert stream.next().json["done"] == 2


STREAMS_OVER_ONE_CONNECTION = 12  # twice what an HTTP/1.1 browser opens to a host


def test_many_streams_share_one_connection_over_http2(server: Any, start: Start, tmp_path: Path) -> None:
    running = server()
    proxy = start(running.address[1])
    jobs = [running.external() for _ in range(STREAMS_OVER_ONE_CONNECTION)]
    command = ["curl", "--silent", "--http2", "--parallel", "--cacert", str(tmp_path / "chain.pem"),
               "--write-out", "%{http_version} %{num_connects}\n"]  # fmt: skip
    for job in jobs:
        command += ["--output", str(tmp_path / job["id"])]
        command += [f"https://localhost:{proxy.tls_port}/v1/jobs/{job['id']}/events"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=plain_environment()) as curl:  # fmt: skip
        wait_until(lambda: streams(running) == len(jobs), "all streams at once")
        for job in jobs:
            running.patch(job, state="completed")
        said, complaints = curl.communicate(timeout=patience())
    assert curl.returncode == 0, complaints
    versions, connects = zip(*(line.split() for line in said.splitlines()))
    assert set(versions) == {"2"} and sum(map(int, connects)) == 1, said
    for job in jobs:
        assert "event: completed\n" in (tmp_path / job["id"]).read_text()
