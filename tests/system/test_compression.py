"""Compressed streams, as the clients that people have read them: each event at once, and an end that is whole."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import aiohttp
import pytest
import requests
from harness import (
    BINARY,
    Event,
    Server,
    SseParser,
    Stream,
    assert_problem,
    patience,
    plain_environment,
    wait_until,
)
from seed_clients import follower
from tokens import SECRET, bearer, token

GZIP = {"Accept-Encoding": "gzip"}


def in_lock_step(server: Server, follow: Callable[[str], Iterator[Event]]) -> None:
    """No report is made before the event of the last one has been seen: whoever holds one back stops the test."""
    before = server.stats()["compression"]["events"]
    job = server.external(total=5)
    events = follow(f"/v1/jobs/{job['id']}/events")
    assert next(events).type == "snapshot"
    for done in range(1, 6):
        server.patch(job, done=done, message="m" * done)
        event = next(events)
        assert (event.type, event.json["done"], event.json["message"]) == ("progress", done, "m" * done)
    server.patch(job, state="completed", result={"answer": 42})
    event = next(events)
    assert (event.type, event.json["result"]) == ("completed", {"answer": 42})
    assert next(events, None) is None, "the stream ends with the job"
    # Peers that see a stream through come back once, and are told 204.
    assert server.stats()["compression"]["events"] == before + 7, "it was compressed"


def assert_ends_well(stream: Stream) -> None:
    stream.rest()
    assert stream.ended and not stream.cut
    assert stream.inflater and stream.inflater.eof


# ------------------------------------------------------------------------------------------------ who gets it


@pytest.mark.parametrize(
    "asked, coding",
    [
        (None, None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("br, *;q=0", None),
        ("identity;q=1, gzip;q=0.5", None),
    ],
)
def test_who_asks_gets_it(shared: Server, asked: str | None, coding: str | None) -> None:
    job = shared.external()
    headers = {} if asked is None else {"Accept-Encoding": asked}
    for method in ("GET", "HEAD"):
        stream = shared.follow(job, headers=headers, method=method)
        assert stream.head["Content-Encoding"] == coding
        assert stream.head["Vary"] == "Accept, Accept-Encoding"
        assert stream.head["Content-Type"] == "text/event-stream"
        assert stream.head["Cache-Control"] == "no-store, no-transform"
        assert stream.head["Transfer-Encoding"] == "chunked"
        if method == "GET":
            assert stream.next().json["id"] == job["id"]


@pytest.mark.parametrize(
    "accept, coding",
    [
        ("text/event-stream", "gzip"),
        ("text/html, Text/Event-Stream;q=0.9", "gzip"),
        ("*/*", None),
        ("text/*", None),
    ],
)
def test_only_who_names_event_streams_gets_it(shared: Server, accept: str, coding: str | None) -> None:
    """fetch() asks for gzip by itself, and its program may take each chunk for whole lines."""
    stream = shared.follow(shared.external(), headers={**GZIP, "Accept": accept})
    assert stream.head["Content-Encoding"] == coding


def test_what_is_no_stream_is_not_compressed(shared: Server) -> None:
    job = shared.external()
    for target in (f"/v1/jobs/{job['id']}", "/v1/jobs/unknown/events", "/v1/stats"):
        response = shared.request("GET", target, headers=GZIP)
        assert response["Content-Encoding"] is None
        response.json()
    assert_problem(shared.request("GET", "/v1/jobs/unknown/events", headers=GZIP), 404)


def test_the_answer_varies_with_the_origin_too(server: Any) -> None:
    running = server("--cors-origin", "https://app.example")
    stream = running.follow(running.external(), headers={**GZIP, "Origin": "https://app.example"})
    assert [value for name, value in stream.head.fields if name == "Vary"] == ["Accept, Accept-Encoding", "Origin"]


def test_it_can_be_turned_off_also_while_the_server_runs(server: Any, tmp_path: Path) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text('compress-streams = "on"\n')
    running = server("--config", str(config))
    job = running.external(total=9)
    before = running.follow(job, headers=GZIP)
    config.write_text('compress-streams = "off"\n')
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_log("is in force")
    after = running.follow(job, headers=GZIP)
    assert (before.head["Content-Encoding"], after.head["Content-Encoding"]) == ("gzip", None)
    assert after.head["Vary"] is None
    running.patch(job, done=1)
    running.patch(job, state="completed")
    for stream in (before, after):
        assert [event.json["done"] for event in stream.rest()] == [0, 1, 9]
        assert not stream.cut


@pytest.mark.parametrize("value", ["yes", "gzip", ""])
def test_a_wrong_value_is_named(value: str) -> None:
    done = subprocess.run(
        [str(BINARY), "config", "check", f"--compress-streams={value}"],
        capture_output=True,
        text=True,
        env=plain_environment(),
    )
    assert done.returncode == 2 and "--compress-streams" in done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------ clients


def test_each_event_is_a_chunk_that_can_be_inflated_at_once(shared: Server) -> None:
    def follow(path: str) -> Iterator[Event]:
        stream = shared.stream(path, headers=GZIP)
        for _ in range(7):
            yield stream.next()
        assert_ends_well(stream)
        # The header; `retry:`, the snapshot; five steps, the end; the trailer.
        assert len(stream.chunks) == 1 + 2 + 6 + 1

    in_lock_step(shared, follow)


def test_http_1_0_reads_until_the_connection_closes(shared: Server) -> None:
    def follow(path: str) -> Iterator[Event]:
        stream = shared.stream(path, headers=GZIP, version="HTTP/1.0")
        assert stream.head["Content-Encoding"] == "gzip" and stream.head["Transfer-Encoding"] is None
        for _ in range(7):
            yield stream.next()
        assert_ends_well(stream)

    in_lock_step(shared, follow)


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_curl(shared: Server, version: str) -> None:
    def follow(path: str) -> Iterator[Event]:
        with subprocess.Popen(
            ["curl", "-sS", "-N", "--compressed", "-H", "Accept: text/event-stream", version, "--max-time", str(int(patience() * 2)), shared.url + path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=plain_environment(),
        ) as curl:
            assert curl.stdout and curl.stderr
            parser = SseParser()
            for line in curl.stdout:
                yield from parser.feed(line)
            assert curl.wait(patience()) == 0, curl.stderr.read()

    in_lock_step(shared, follow)


def test_gzip_is_content_with_the_bytes(shared: Server, tmp_path: Path) -> None:
    job = shared.create(runner="timer", total=20, stepMs=10, result={"file": "out.png"})
    raw = tmp_path / "stream.gz"
    url = f"{shared.url}/v1/jobs/{job['id']}/events"
    fetch = ["curl", "-sS", "-N", "-H", "Accept-Encoding: gzip", "-H", "Accept: text/event-stream", "-o", str(raw), url]
    assert subprocess.run(fetch, env=plain_environment(), timeout=patience()).returncode == 0
    assert subprocess.run(["gzip", "-t", str(raw)], timeout=patience()).returncode == 0
    events = SseParser().feed(subprocess.check_output(["gzip", "-dc", str(raw)], timeout=patience()))
    assert (events[0].type, events[-1].type) == ("snapshot", "completed")


def test_requests(shared: Server) -> None:
    def follow(path: str) -> Iterator[Event]:
        session = requests.Session()
        session.trust_env = False
        headers = {"Accept": "text/event-stream"}
        with session.get(shared.url + path, headers=headers, stream=True, timeout=patience()) as answer:
            assert answer.headers["Content-Encoding"] == "gzip", "it asks by itself"
            parser = SseParser()
            for chunk in answer.iter_content(chunk_size=None):
                yield from parser.feed(chunk)

    in_lock_step(shared, follow)


def test_aiohttp(shared: Server) -> None:
    seen: list[Event] = []

    async def follow(path: str, job: dict[str, Any]) -> None:
        parser = SseParser()
        limit = aiohttp.ClientTimeout(total=patience() * 2)
        async with aiohttp.ClientSession(
            timeout=limit, headers={"Accept": "text/event-stream"}
        ) as session, session.get(shared.url + path) as answer:
            assert answer.headers["Content-Encoding"] == "gzip", "it asks by itself"
            async for line in answer.content:
                for event in parser.feed(line):
                    seen.append(event)
                    if event.type == "completed":
                        continue
                    done = event.json["done"]  # lock step: it reports what it waits for next
                    change = {"done": done + 1} if done < 3 else {"state": "completed"}
                    await asyncio.to_thread(shared.patch, job, **change)

    job = shared.external(total=3)
    asyncio.run(follow(f"/v1/jobs/{job['id']}/events", job))
    assert [event.json["done"] for event in seen] == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("peer", ["node", "chromium"])
def test_an_event_source(server: Any, tmp_path: Path, peer: str) -> None:
    running = server()

    def follow(path: str) -> Iterator[Event]:
        with follower(peer, running, tmp_path) as watcher:
            watcher.tell([path])
            for _ in range(7):
                fact = watcher.until(lambda fact: "event" in fact)[-1]
                yield Event(fact["event"], fact["data"], fact["id"], fact["id"], True, 1)
            said = watcher.rest()  # it comes back, and is told that there is no more
            assert not [fact for fact in said if "event" in fact]
            assert [fact["status"] for fact in said if "status" in fact] == [204]

    in_lock_step(running, follow)


# ------------------------------------------------------------------------------------------------ streams of all kinds


def test_many_readers_cost_one_compression(server: Any) -> None:
    running = server()
    job = running.external(total=100)
    streams = [running.follow(job, headers=GZIP) for _ in range(100)]
    for stream in streams:
        assert stream.next().type == "snapshot"
    before = running.stats()["compression"]
    assert before["streams"] == 100
    for done in range(1, 21):
        running.patch(job, done=done)
        for stream in streams:
            assert stream.next().json["done"] == done
    after = running.stats()["compression"]
    assert after["events"] - before["events"] == 20
    running.patch(job, state="completed")
    for stream in streams:
        assert_ends_well(stream)
    wait_until(lambda: running.stats()["compression"]["streams"] == 0, "the streams to be over")


def test_a_cut_stream_resumes_without_a_seam(shared: Server) -> None:
    job = shared.external(total=200)
    first = shared.follow(job, headers=GZIP)
    first.next()
    shared.report(*({"job": job["id"], "done": done} for done in range(1, 51)))
    assert [event.json["done"] for event in first.take(50)] == list(range(1, 51))
    first.close()
    shared.report(*({"job": job["id"], "done": done} for done in range(51, 201)))
    again = shared.follow(job, headers=GZIP, last_event_id=first.last_event_id)
    assert [event.json["done"] for event in again.take(150)] == list(range(51, 201))
    assert len(again.chunks) < 10, "what is replayed together is compressed together"
    shared.patch(job, state="completed")
    assert_ends_well(again)


def test_an_id_that_cannot_be_placed_gets_a_gap(shared: Server) -> None:
    job = shared.external()
    stream = shared.follow(job, headers=GZIP, last_event_id="nonsense")
    assert [event.type for event in stream.take(2)] == ["gap", "snapshot"]


def test_a_stuck_reader_wakes_up_to_a_good_stream(server: Any) -> None:
    """Events that it never gets are in no sum: the end it is sent is right for what it was sent."""
    running = server()
    job = running.external(total=1_000_000)
    slow = running.follow(job, headers=GZIP, receive_buffer=4096)
    done = 0

    def publish() -> None:
        nonlocal done
        # Text that hardly gets smaller, so that the kernel's buffers fill up.
        lines = []
        for _ in range(16):
            done += 1
            lines.append({"job": job["id"], "done": done, "message": noise(done)})
        running.report(*lines)

    wait_until(lambda: running.stats()["eventsConflated"] >= 100 or publish(), "events to be conflated")
    running.patch(job, state="completed")
    events = slow.rest()
    assert not slow.cut and slow.inflater and slow.inflater.eof
    steps = [event.json["done"] for event in events]
    assert steps == sorted(steps) and steps[-2] == done and len(steps) < done
    assert [event.type for event in events[-2:]] == ["progress", "completed"]
    assert events[-2].json["message"] == noise(done)


def noise(seed: int) -> str:
    """4,000 letters without a pattern, the same for the same seed."""
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=4000))


def test_many_jobs_begin_with_blocks_that_are_much_smaller(server: Any) -> None:
    running = server()
    jobs = running.create_many(600, runner="external", kind="crowd")
    stream = running.stream("/v1/events?kind=crowd", headers=GZIP)
    snapshots = stream.take(600)
    assert {event.json["id"] for event in snapshots} == set(jobs)
    sent = sum(len(chunk) for chunk in stream.chunks)
    plain = sum(len(event.data) for event in snapshots)
    assert sent * 5 < plain, f"{plain} bytes of data came as {sent}"
    running.report(*({"job": job, "done": 1} for job in jobs[:50]))
    assert [event.json["id"] for event in stream.take(50)] == jobs[:50]
    again = running.stream("/v1/events?kind=crowd", headers=GZIP, last_event_id=snapshots[-1].last_event_id)
    assert [event.json["id"] for event in again.take(50)] == jobs[:50]
    running.terminate()
    for each in (stream, again):
        assert_ends_well(each)


def test_a_large_result(shared: Server) -> None:
    job = shared.external()
    stream = shared.follow(job, headers=GZIP)
    stream.next()
    result = {"rows": [{"n": n, "name": f"row {n}"} for n in range(3_000)], "noise": noise(1) + noise(2)}
    shared.patch(job, state="completed", result=result)
    assert stream.next().json["result"] == result
    assert_ends_well(stream)


def test_keepalives_and_the_greatest_age(server: Any) -> None:
    running = server("--keepalive", "200ms", "--max-stream-age", "3s")
    stream = running.follow(running.external(), headers=GZIP)
    assert stream.next().type == "snapshot"
    assert stream.comments_until(2)[:2] == ["keepalive", "keepalive"]
    assert_ends_well(stream)


def test_the_seeds_streams(server: Any) -> None:
    running = server("--demo-duration", "1s")
    task = running.request("POST", "/start-task").json()["task_id"]
    status = running.request("POST", "/create_job").json()["job_id"]
    queued = running.request("POST", "/api/v1/characters/queue", {"name": "Test"}).json()["data"]["jobId"]
    posted = running.request("POST", "/api/v1/sse/progress/ann", {"completed": 3, "status": "processing"})
    assert posted.status == 202
    ending = [f"/task-progress/{task}", f"/client_status?job_id={status}"]
    open_ones = ["/events", "/api/v1/sse/progress/stream/ann"]
    streams = {target: running.stream(target, headers=GZIP) for target in (*ending, *open_ones)}
    for stream in streams.values():
        assert stream.head["Content-Encoding"] == "gzip"
        assert not stream.next().named
    # These are read by hooks that take each chunk of a fetch for whole lines; a decoder's chunks are not.
    for target in (f"/api/v1/sse/jobs/character/{queued}", "/api/v1/sse/jobs/my"):
        stream = running.stream(target, headers=GZIP)
        assert stream.head["Content-Encoding"] is None
        assert stream.next().json["type"] == "connected"
    for target in ending:
        assert_ends_well(streams[target])
    running.terminate()
    for target in open_ones:
        assert_ends_well(streams[target])


def test_a_drain_ends_them_cleanly(server: Any) -> None:
    running = server("--drain", "500ms")
    job = running.external()
    streams = [running.follow(job, headers=GZIP) for _ in range(20)]
    for stream in streams:
        stream.next()
    running.terminate()
    for stream in streams:
        assert_ends_well(stream)
    assert running.wait() == 0


def test_a_token_that_expires_ends_its_stream_cleanly(server: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    running = server("--jwt-secret-file", str(secret))
    leeway = 30  # seconds that a token is accepted for after its `exp`
    short = bearer(token("ada", lives=5 - leeway))
    stream = running.stream("/v1/events?owner=me", headers={**GZIP, **short})
    assert stream.status == 200, stream.head
    assert_ends_well(stream)
    assert stream.parser.comments[-1] == "token expired"


def test_the_figures(server: Any) -> None:
    running = server()
    job = running.external(total=9)
    plain = running.follow(job)
    stream = running.follow(job, headers=GZIP)
    plain.next()
    stream.next()
    figures = running.stats()["compression"]
    assert (figures["streams"], figures["events"]) == (1, 1)
    assert 0 < figures["bytesOut"] < figures["bytesIn"]
    samples = dict(
        line.rsplit(" ", 1)
        for line in running.request("GET", "/metrics").body.decode().splitlines()
        if line.startswith("progressd_compress")
    )
    assert samples == {
        "progressd_compressed_streams": "1",
        "progressd_compressed_events_total": "1",
        "progressd_compression_blocks_total": "1",
        "progressd_compression_input_bytes_total": str(figures["bytesIn"]),
        "progressd_compression_output_bytes_total": str(figures["bytesOut"]),
    }
