"""The Python clients against the real server: what they do all day, the README, Celery, many at once. Both clients."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from itertools import islice
from typing import Any

import pytest
from harness import REPOSITORY, Server, patience, plain_environment, steady, wait_until
from progressd_client import (
    AsyncClient,
    Client,
    ConflictError,
    InvalidError,
    JobEvent,
    NotFoundError,
    WaitTimeout,
)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """A kind that no other test's jobs have."""
    return f"{request.node.name[-60:]}"


def done_of(events: list[JobEvent]) -> list[Any]:
    return [event.done for event in events]


# ------------------------------------------------------------------------------------------------ all day


def test_a_worker_and_its_follower(shared: Server, connect: Any) -> None:
    client = connect(shared.url)
    job = client.create_job({"runner": "external", "total": 3, "kind": "import"})
    assert steady(client.get_job(job["id"])) == steady(job) and job["state"] == "pending"
    events = []
    with client.follow_job(job["id"]) as stream:
        events.append(next(stream))
        client.report(job["id"], {"done": 1, "message": "warming up"})
        client.report(job["id"], {"done": 2})
        final = client.report(job["id"], {"state": "completed", "result": {"rows": 500}})
        events += list(stream)
    assert [event.type for event in events] == ["snapshot", "progress", "progress", "completed"]
    assert done_of(events) == [0, 1, 2, 3]
    assert [event.message for event in events] == [None, "warming up", "warming up", "warming up"]
    assert events[-1].data["result"] == {"rows": 500} and events[-1].id == final["eventId"]
    assert steady(client.wait(job["id"], timeout_s=patience())) == steady(final)
    with pytest.raises(ConflictError):
        client.report(job["id"], {"done": 3})
    assert list(client.follow_job(job["id"], last_event_id=events[-1].id)) == [], "204: the end was seen"


def test_waiting_for_jobs_that_the_server_runs(shared: Server, connect: Any) -> None:
    client = connect(shared.url)
    completed = client.create_job({"total": 5, "stepMs": 20, "result": [1, 2]})
    failed = client.create_job({"total": 5, "stepMs": 20, "failAt": 3, "failedReason": "no paper"})
    endless = client.create_job({"repeat": 0})
    assert client.wait(completed["id"])["result"] == [1, 2]
    assert client.wait(failed["id"])["failedReason"] == "no paper"
    with pytest.raises(WaitTimeout):
        client.wait(endless["id"], timeout_s=0.2)
    assert client.cancel_job(endless["id"])["state"] == "cancelled"
    assert client.wait(endless["id"])["state"] == "cancelled"
    with pytest.raises(ConflictError):
        client.cancel_job(endless["id"])
    client.delete_job(endless["id"])
    for call in (client.get_job, client.delete_job, client.wait):
        with pytest.raises(NotFoundError) as caught:
            call(endless["id"])
        assert endless["id"] in caught.value.detail and caught.value.problem["status"] == 404


def test_a_key_makes_one_job(shared: Server, connect: Any, kind: str) -> None:
    client = connect(shared.url)
    spec = {"runner": "external", "kind": kind}
    first = client.create_job(spec, idempotency_key=f"key of {kind}")
    assert client.create_job(spec, idempotency_key=f"key of {kind}")["id"] == first["id"]
    assert client.create_job(spec)["id"] != first["id"]
    with pytest.raises(InvalidError):
        client.create_job({**spec, "total": 7}, idempotency_key=f"key of {kind}")


def test_a_list_over_many_pages(shared: Server, connect: Any, kind: str) -> None:
    client = connect(shared.url)
    ids = [client.create_job({"runner": "external", "kind": kind})["id"] for _ in range(23)]
    client.report(ids[0], {"state": "failed", "failedReason": "why"})
    assert [job["id"] for job in client.list_jobs(kind=kind, page_size=5)] == ids[::-1]
    assert [job["id"] for job in client.list_jobs(kind=kind, state="failed")] == ids[:1]
    assert list(client.list_jobs(owner="nobody")) == []
    with pytest.raises(InvalidError):
        list(client.list_jobs(state="asleep"))


def test_many_reports_at_once(shared: Server, connect: Any, kind: str) -> None:
    """More than a batch holds, with bad ones among them, told by their place among all."""
    client = connect(shared.url)
    job = client.create_job({"runner": "external", "total": 20_000, "kind": kind})["id"]
    reports: list[Any] = [{"job": job, "done": done} for done in range(12_000)]
    reports[7] = {"job": "nobody", "done": 1}
    reports[11_000] = {"job": job, "done": -1}
    rejected = client.report_many(iter(reports))
    assert [(one.line, one.status) for one in rejected] == [(8, 404), (11_001, 422)]
    assert rejected[0].report == reports[7] and "nobody" in rejected[0].detail
    assert client.get_job(job)["done"] == 11_999
    told = client.report_many({"job": "nobody", "done": 1} for _ in range(3_000))
    assert [one.line for one in told] == list(range(1, 3_001)), "of each, though an answer lists 1,000"
    assert client.report_many([]) == []


def test_following_many_jobs(shared: Server, connect: Any, kind: str) -> None:
    client = connect(shared.url)
    first, second = (client.create_job({"runner": "external", "total": 2, "kind": kind})["id"] for _ in "ab")
    with client.follow(jobs=[first, second]) as named, client.follow(kind=kind) as of_kind:
        assert {next(named).job_id, next(named).job_id} == {first, second}
        assert {next(of_kind).type, next(of_kind).type} == {"snapshot"}
        later = client.create_job({"runner": "external", "total": 2, "kind": kind})["id"]
        client.report(first, {"state": "completed"})
        client.delete_job(second)
        client.delete_job(first)
        assert [(event.type, event.job_id) for event in named] == [
            ("completed", first), ("cancelled", second), ("removed", second), ("removed", first),
        ]  # fmt: skip
        assert [(event.type, event.job_id) for event in islice(of_kind, 5)] == [
            ("snapshot", later), ("completed", first), ("cancelled", second), ("removed", second), ("removed", first),
        ]  # fmt: skip
    with pytest.raises(NotFoundError):
        next(client.follow(jobs=[first]))


def test_closing_leaves_no_stream_behind(server: Any, connect: Any) -> None:
    running = server()
    client = connect(running.url)
    job = running.external()["id"]
    streams = [client.follow_job(job) for _ in range(3)]
    for stream in streams:
        next(stream)
    assert running.stats()["streams"] == 3
    streams[0].close()
    wait_until(lambda: running.stats()["streams"] == 2, "one stream to be gone")
    client.close()
    wait_until(lambda: running.stats()["streams"] == 0, "all streams to be gone")


# ------------------------------------------------------------------------------------------------ the README, and Celery

TOOLS = REPOSITORY / "tools"
PACKAGE = TOOLS / "clients" / "python"
README_PROGRAMS = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.S)


@pytest.mark.parametrize("at, last_line", enumerate(["completed 100", "completed 100", "409 "]))
def test_the_readmes_programs_run(shared: Server, at: int, last_line: str) -> None:
    program = README_PROGRAMS[at].replace("http://127.0.0.1:8080", shared.url)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=plain_environment(PYTHONPATH=str(PACKAGE)),
        timeout=patience() * 2,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(last_line), done.stdout


def test_a_celery_task_is_a_job_that_everybody_can_follow(shared: Server) -> None:
    """With a fake Celery, which runs the task where it is sent."""
    program = (
        "import json, pytest, fake_celery; fake_celery.install(pytest.MonkeyPatch()); import tasks;"
        "tasks.IMPORTS_PER_SECOND = 100; print(tasks.start_import(['row'] * 30))"
    )
    folders = [PACKAGE, TOOLS / "examples" / "celery", REPOSITORY / "tests" / "python"]
    environment = plain_environment(PYTHONPATH=":".join(map(str, folders)))
    environment["PROGRESSD_URL"] = shared.url
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=patience() * 2)
    assert done.returncode == 0, done.stderr
    job = shared.job(done.stdout.strip())
    assert (job["state"], job["done"], job["kind"], job["result"]) == ("completed", 30, "import", {"rows": 30})


# ------------------------------------------------------------------------------------------------ many at once


def test_threads_share_a_client(shared: Server, kind: str) -> None:
    outcomes: list[str] = []

    def run(client: Client) -> None:
        job = client.create_job({"total": 5, "stepMs": 20, "kind": kind})
        outcomes.append(client.wait(job["id"])["state"])

    with Client(shared.url) as client:
        threads = [threading.Thread(target=run, args=(client,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(patience())
    assert outcomes == ["completed"] * 20


def test_tasks_share_a_client_beyond_any_pool(shared: Server) -> None:
    """More streams at once than aiohttp's pool has room for when nobody asks for more."""
    followers = 150
    job = shared.external(total=3)["id"]

    async def main() -> list[list[Any]]:
        async with AsyncClient(shared.url) as client:
            begun = asyncio.Semaphore(0)

            async def follow() -> list[Any]:
                done = []
                async with client.follow_job(job) as stream:
                    async for event in stream:
                        done.append(event.done)
                        begun.release()
                return done

            tasks = [asyncio.create_task(follow()) for _ in range(followers)]
            for _ in tasks:
                await asyncio.wait_for(begun.acquire(), patience())
            await client.report(job, {"done": 1})
            await client.report(job, {"state": "completed"})
            return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [[0, 1, 3]] * followers
