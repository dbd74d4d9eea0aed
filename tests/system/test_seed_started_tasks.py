"""Start a task, follow it to its end, and it is gone: with the three Python clients of that system."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from harness import Server, Stream, assert_problem, patience, wait_until
from seed_clients import assert_seed_stream, curl, facts, follower, jobs_of_kind, messages, session, statuses


def start(server: Server) -> str:
    answer = server.request("POST", "/start-task")
    assert answer.status == 200 and list(answer.json()) == ["task_id"], answer
    return answer.json()["task_id"]


def progress_of(server: Server, task_id: str, **options: Any) -> Stream:
    return server.stream(f"/task-progress/{task_id}", **options)


def assert_is_gone(server: Server, task_id: str, last_event_id: str | None = None) -> None:
    assert progress_of(server, task_id, last_event_id=last_event_id).status == 404
    assert server.request("GET", f"/v1/jobs/{task_id}").status == 404


def assert_ran_to_its_end(task_id: str, heard: list[dict[str, Any]]) -> None:
    for fact in heard:
        assert list(fact) == ["task_id", "progress", "status"] and fact["task_id"] == task_id, fact
    steps = [fact["progress"] for fact in heard]
    assert steps == sorted(steps) and set(steps) == set(range(steps[0], 101)), steps
    order = ["started", "processing", "completed"]
    assert [fact["status"] for fact in heard] == sorted((fact["status"] for fact in heard), key=order.index)
    assert heard[-1] == {"task_id": task_id, "progress": 100, "status": "completed"}
    assert [fact["status"] for fact in heard].count("completed") == 1


# ------------------------------------------------------------------------------------------------ its life


def test_a_task_is_started_followed_and_cleaned_up(server: Any) -> None:
    running = server("--demo-duration", "1s")
    task_id = start(running)
    native = running.job(task_id)
    assert native["kind"] == "task" and native["owner"] == "anonymous"
    with progress_of(running, task_id) as stream, progress_of(running, task_id) as other:
        assert_ran_to_its_end(task_id, facts(stream.rest()))
        assert_seed_stream(stream)
        assert not stream.cut
        assert facts(other.rest())[-1]["progress"] == 100, "each follower is told"
    assert_is_gone(running, task_id)
    assert_is_gone(running, task_id, stream.last_event_id)
    assert jobs_of_kind(running, "task") == []


def test_the_bytes(server: Any) -> None:
    running = server("--demo-duration", "100ms")
    task_id = start(running)
    with progress_of(running, task_id) as stream:
        last = stream.rest()[-1]
        assert stream.raw.endswith(
            f'id: {last.id}\ndata: {{"task_id":"{task_id}","progress":100,"status":"completed"}}\n\n'.encode()
        )


def test_a_task_that_is_over_waits_for_its_first_follower(server: Any) -> None:
    running = server("--demo-duration", "10ms")
    task_id = start(running)
    running.wait_for_state({"id": task_id}, "completed")
    assert running.request("HEAD", f"/task-progress/{task_id}").status == 200, "which tells nobody of the end"
    assert_problem(running.request("GET", f"/task-progress/{task_id}", headers={"Accept": "text/html"}), 406)
    with progress_of(running, task_id) as stream:
        assert facts(stream.rest()) == [{"task_id": task_id, "progress": 100, "status": "completed"}]
    assert_is_gone(running, task_id, stream.last_event_id)


def test_asking_for_the_head_only_never_removes_a_task(server: Any) -> None:
    running = server("--demo-duration", "10ms")
    task_id = start(running)
    ended = running.wait_for_state({"id": task_id}, "completed")
    seen = {"Last-Event-ID": ended["eventId"]}
    assert running.request("HEAD", f"/task-progress/{task_id}", headers=seen).status == 204
    with progress_of(running, task_id) as stream:
        assert facts(stream.rest())[-1]["status"] == "completed", "it is still there for who was not told"


def test_a_follower_who_was_refused_leaves_it_to_the_next(server: Any) -> None:
    running = server("--demo-duration", "10ms", "--max-streams-per-address", "1")
    task_id = start(running)
    running.wait_for_state({"id": task_id}, "completed")
    with running.follow(running.external()):
        refusal = running.request("GET", f"/task-progress/{task_id}")
        assert_problem(refusal, 429, "--max-streams-per-address")
    wait_until(lambda: running.stats()["streams"] == 0, "the server to notice")
    with progress_of(running, task_id) as stream:
        assert facts(stream.rest()) == [{"task_id": task_id, "progress": 100, "status": "completed"}]
    assert_is_gone(running, task_id, stream.last_event_id)


def test_a_follower_who_was_cut_off_finds_the_rest(server: Any) -> None:
    running = server("--demo-duration", "300ms")
    task_id = start(running)
    with progress_of(running, task_id) as stream:
        seen = facts(stream.take(3))
    wait_until(lambda: running.stats()["streams"] == 0, "the server to notice")
    running.wait_for_state({"id": task_id}, "completed")
    with progress_of(running, task_id, last_event_id=stream.last_event_id) as again:
        assert_ran_to_its_end(task_id, seen + facts(again.rest()))
    assert_is_gone(running, task_id, again.last_event_id)


def test_a_cancelled_task_has_failed(server: Any) -> None:
    running = server("--demo-duration", "1h")
    task_id = start(running)
    with progress_of(running, task_id) as stream:
        stream.next()
        running.cancel({"id": task_id})
        last = stream.rest()[-1].json
    assert last == {"task_id": task_id, "progress": 0, "status": "failed", "reason": "cancelled"}
    assert_is_gone(running, task_id)


def test_any_job_can_be_followed_and_stays_where_it_is(shared: Server) -> None:
    job = shared.external(total=8)
    with progress_of(shared, job["id"]) as stream:
        assert stream.next().json == {"task_id": job["id"], "progress": 0, "status": "started"}
        shared.patch(job, done=1)
        assert stream.next().json == {"task_id": job["id"], "progress": 12.5, "status": "processing"}
        shared.patch(job, state="failed", failedReason="no disk")
        last = {"task_id": job["id"], "progress": 12.5, "status": "failed", "reason": "no disk"}
        assert facts(stream.rest()) == [last]
    assert progress_of(shared, job["id"], last_event_id=stream.last_event_id).status == 204
    for unknown in ("what", "1f3a9c04-9"):
        assert facts(progress_of(shared, job["id"], last_event_id=unknown).rest()) == [last], "and no gap"


def test_other_requests(shared: Server) -> None:
    assert_problem(shared.request("GET", "/task-progress/nobody"), 404, "nobody")
    for path, allow in (("/start-task", "POST, OPTIONS"), ("/task-progress/x", "GET, HEAD, OPTIONS")):
        answer = shared.request("PATCH", path, {})
        assert_problem(answer, 405)
        assert answer["Allow"] == allow


# ------------------------------------------------------------------------------------------------ its clients


async def monitor(http: aiohttp.ClientSession, url: str) -> tuple[str, list[dict[str, Any]]]:
    """client.py: starts a task, and reads its stream line by line."""
    async with http.post(f"{url}/start-task") as answer:
        assert answer.status == 200
        task_id = (await answer.json())["task_id"]
    heard = []
    async with http.get(f"{url}/task-progress/{task_id}") as stream:
        assert stream.status == 200
        async for line in stream.content:
            text = line.decode().strip()
            if text.startswith("data:"):
                heard.append(json.loads(text[5:].strip()))
    return task_id, heard


@pytest.mark.parametrize("count", [1, 20])
def test_aiohttp_monitors_tasks(server: Any, count: int) -> None:
    """client.py with one task, multiple_task.py with several at once."""
    running = server("--demo-duration", "1s")

    async def monitor_all() -> list[tuple[str, list[dict[str, Any]]]]:
        limit = aiohttp.ClientTimeout(total=patience() * 2)
        async with aiohttp.ClientSession(timeout=limit) as http:
            return await asyncio.gather(*(monitor(http, running.url) for _ in range(count)))

    for task_id, heard in asyncio.run(monitor_all()):
        assert_ran_to_its_end(task_id, heard)
        assert_is_gone(running, task_id)


@pytest.mark.parametrize("chunk_size", [1, 512])
def test_requests_monitors_a_task(server: Any, chunk_size: int) -> None:
    """sse_client.py: a synchronous reader, which takes an event where an empty line ends it."""
    running = server("--demo-duration", "1s")
    http = session()
    task_id = http.post(f"{running.url}/start-task", timeout=patience()).json()["task_id"]
    answer = http.get(
        f"{running.url}/task-progress/{task_id}",
        stream=True,
        headers={"Accept": "text/event-stream"},
        timeout=patience(),
    )
    heard, data = [], ""
    for line in answer.iter_lines(chunk_size=chunk_size, decode_unicode=True):
        text = line if isinstance(line, str) else line.decode()
        if text.startswith("data:"):
            data = text[5:].lstrip()
        elif not text and data:
            heard.append(json.loads(data))
            data = ""
    assert_ran_to_its_end(task_id, heard)
    assert http.get(f"{running.url}/task-progress/{task_id}", timeout=patience()).status_code == 404


def test_curl_follows(server: Any) -> None:
    running = server("--demo-duration", "300ms")
    task_id = json.loads(curl(running, "/start-task", "-X", "POST"))["task_id"]
    lines = curl(running, f"/task-progress/{task_id}").splitlines()
    assert_ran_to_its_end(task_id, [json.loads(line[6:]) for line in lines if line.startswith("data: ")])


@pytest.mark.parametrize("peer", ["node", "chromium", "fetch"])
def test_browsers_follow(server: Any, tmp_path: Any, peer: str) -> None:
    running = server("--demo-duration", "3s")
    with follower(peer, running, tmp_path) as watcher:
        task_id = start(running)
        watcher.tell([f"/task-progress/{task_id}"])
        said = watcher.rest()
    assert_ran_to_its_end(task_id, messages(said))
    assert statuses(said) == ([200] if peer == "fetch" else [200, 404]), "it is gone, and the browser stays away"
