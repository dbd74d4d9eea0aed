"""The Python clients where networks cut and servers die: every event once and in order, and never a hang. Both clients."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from cutting_proxy import CuttingProxy
from harness import Server, patience, wait_until
from progressd_client import AsyncClient, Client, JobEvent, NotFoundError, ReconnectPolicy, Settings


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """A kind that no other test's jobs have."""
    return f"{request.node.name[-60:]}"


def done_of(events: list[JobEvent]) -> list[Any]:
    return [event.done for event in events]


# ------------------------------------------------------------------------------------------------ cut connections


STEPS = 240  # fewer than --history-events, so that nothing is lost to a reader who is slow to come back


def cutting(server: Server, seed: int) -> CuttingProxy:
    dice = random.Random(seed)
    print(f"seed {seed}")
    # From the middle of the response's head to a dozen events.
    return CuttingProxy(server, lambda: dice.randrange(100, 3_000), lambda: dice.random() < 0.5)


def report_steps(server: Server, *jobs: str) -> threading.Thread:
    """Reports each step in a request of its own, then the end, while others follow."""

    def work() -> None:
        for done in range(1, STEPS + 1):
            server.report(*({"job": job, "done": done, "message": f"caf\u00e9 {done}"} for job in jobs))
        server.report(*({"job": job, "state": "completed"} for job in jobs))

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("seed", range(3))
def test_cut_again_and_again_each_event_comes_once_and_in_order(shared: Server, connect: Any, seed: int) -> None:
    job = shared.external(total=1000)["id"]
    with cutting(shared, seed) as proxy:
        stream = iter(connect(proxy.url).follow_job(job))
        events = [next(stream)]  # before the first step: whoever comes after the last one gets one event
        worker = report_steps(shared, job)
        try:
            events.extend(stream)
        finally:
            worker.join()
    assert [event.type for event in events] == ["snapshot", *["progress"] * (len(events) - 2), "completed"]
    assert done_of(events[:-1]) == list(range(STEPS + 1))
    assert len({event.id for event in events}) == len(events)
    assert all(event.message == f"caf\u00e9 {event.done}" for event in events[1:-1])
    assert proxy.cuts >= 10, f"only {proxy.cuts} cuts"


def test_cut_again_and_again_many_jobs_over_one_stream(shared: Server, connect: Any, kind: str) -> None:
    jobs = [shared.external(total=1000, kind=kind)["id"] for _ in range(3)]
    with cutting(shared, seed=4) as proxy, connect(proxy.url).follow(kind=kind) as stream:
        # Only a stream whose beginning came whole has a place to resume from: let that be before the first step.
        left = set(jobs)
        while left:
            event = next(stream)
            assert event.type in ("snapshot", "gap")
            left = set(jobs) if event.type == "gap" else left - {event.job_id}
        worker = report_steps(shared, *jobs)
        left, events = set(jobs), []
        for event in itertools.islice(stream, 10 * STEPS):  # twice as many as there are
            events.append(event)
            left -= {event.job_id} if event.type == "completed" else set()
            if not left:
                break
        worker.join()
    for job in jobs:
        mine = [event for event in events if event.job_id == job and event.type != "snapshot"]
        assert done_of(mine) == [*range(1, STEPS + 1), 1000], job
    ids = [event.id for event in events if event.type != "snapshot"]
    assert len(set(ids)) == len(ids)
    assert proxy.cuts >= 10


def test_a_call_whose_answer_is_lost(shared: Server, connect: Any, kind: str) -> None:
    """The first answer of each client is lost. Nothing is done twice, and what was done is not called a conflict."""
    connections = itertools.count()

    def made() -> list[str]:
        return [job["id"] for job in shared.request("GET", f"/v1/jobs?kind={kind}").json()["jobs"]]

    with CuttingProxy(shared, lambda: 10 if next(connections) % 2 == 0 else 1_000_000, lambda: True) as proxy:
        jobs = [connect(proxy.url).create_job({"runner": "external", "kind": kind})["id"] for _ in range(3)]
        assert made() == jobs[::-1]
        assert connect(proxy.url).report(jobs[0], {"done": 50})["done"] == 50
        assert connect(proxy.url).report(jobs[0], {"state": "completed"})["state"] == "completed"
        assert connect(proxy.url).cancel_job(jobs[1])["state"] == "cancelled"
        for job in jobs:
            connect(proxy.url).delete_job(job)
    assert made() == []
    assert proxy.cuts == 9


def test_streams_that_the_server_ends_for_their_age(server: Any, connect: Any) -> None:
    running = server("--max-stream-age", "200ms")
    job = running.create(total=40, stepMs=50)["id"]
    events = list(connect(running.url).follow_job(job))
    done = done_of(events)
    assert done == sorted(done) and done[-1] == 40 and events[-1].type == "completed"
    assert [later - earlier for earlier, later in zip(done, done[1:])].count(0) <= 2, "active, and the end, may repeat"
    assert max(later - earlier for earlier, later in zip(done, done[1:])) == 1


# ------------------------------------------------------------------------------------------------ a server that dies


class Reborn:
    """A server that is killed with SIGKILL, and started again on its port."""

    def __init__(self, start: Callable[..., Server], *flags: str) -> None:
        self._start, self._flags = start, flags
        self.now = start(*flags)
        self._listen = f"{self.now.address[0]}:{self.now.address[1]}"

    def kill(self) -> None:
        self.now.process.kill()
        assert self.now.wait() == -9

    def restart(self) -> Server:
        self.now = self._start(*self._flags, listen=(self._listen,))
        return self.now


@pytest.fixture
def mortal(server: Any) -> Reborn:
    return Reborn(server)


# Patient enough for a server that takes a while to be back.
_SOON = ReconnectPolicy(base_s=0.05, cap_s=0.2, asked_s_max=0.05, failures_max=300)
UNTIL_IT_IS_BACK = Settings(stream_policy=_SOON, call_policy=_SOON)


def test_a_job_that_was_lost_with_its_server_is_an_exception(mortal: Reborn, connect: Any) -> None:
    client = connect(mortal.now.url, settings=UNTIL_IT_IS_BACK)
    job = mortal.now.external(total=5)["id"]
    with client.follow_job(job) as stream:
        assert next(stream).type == "snapshot"
        mortal.now.report({"job": job, "done": 1})
        assert next(stream).done == 1
        mortal.kill()
        mortal.restart()
        with pytest.raises(NotFoundError) as caught:
            next(stream)
        assert job in caught.value.detail
        assert list(stream) == []
    with pytest.raises(NotFoundError):
        client.wait(job)


def test_a_job_goes_on_with_a_server_that_keeps_it(server: Any, connect: Any, tmp_path: Path) -> None:
    """Killed in the middle of a job that it runs itself: each step is told once and in order all the same."""
    mortal = Reborn(server, "--journal", f"sqlite:{tmp_path / 'journal'}")
    job = mortal.now.create(total=100, stepMs=50)["id"]
    with connect(mortal.now.url, settings=UNTIL_IT_IS_BACK).follow_job(job) as stream:
        events = [next(stream)]
        while events[-1].done < 30:
            events.append(next(stream))
        mortal.kill()
        assert mortal.restart().job(job)["state"] == "active", "it was in the middle of it"
        events.extend(stream)
    assert [event.type for event in events] == ["snapshot", *["progress"] * (len(events) - 2), "completed"]
    done = done_of(events)
    steps = [later for earlier, later in zip(done, done[1:]) if later != earlier]
    assert steps == list(range(done[0] + 1, 101))
    assert len(done) - 1 - len(steps) <= 2, "only becoming active, and going on, are told without a step"
    assert len({event.id for event in events}) == len(events)
    assert events[-1].data["attempt"] == 2


def test_a_job_that_was_made_again_goes_on_after_a_gap(mortal: Reborn, connect: Any) -> None:
    client = connect(mortal.now.url, settings=UNTIL_IT_IS_BACK)
    mortal.now.external(id="import-7", total=5)
    with client.follow_job("import-7") as stream:
        seen = next(stream)
        mortal.kill()
        mortal.restart().external(id="import-7", total=9)
        assert [(event.type, event.total) for event in itertools.islice(stream, 2)] == [("gap", None), ("snapshot", 9)]
        mortal.now.patch("import-7", state="completed")
        assert [event.type for event in stream] == ["completed"]
    assert stream.last_event_id != seen.id


def test_an_owners_stream_outlives_its_server(mortal: Reborn, connect: Any) -> None:
    client = connect(mortal.now.url, settings=UNTIL_IT_IS_BACK)
    mortal.now.external(owner="ann")
    with client.follow(owner="ann") as stream:
        next(stream)
        mortal.kill()
        mortal.restart()
        gap = next(stream)
        assert gap.type == "gap" and gap.data["lastEventId"]
        job = mortal.now.external(owner="ann")
        assert (next(stream).job_id, stream.last_event_id) == (job["id"], job["eventId"])


def test_a_wait_does_not_hang_on_a_job_that_was_lost(mortal: Reborn) -> None:
    """While somebody waits: the synchronous one in a thread, the asynchronous one in a task."""
    job = mortal.now.external()["id"]
    outcomes: list[object] = []

    def wait() -> None:
        with Client(mortal.now.url, settings=UNTIL_IT_IS_BACK) as client:
            try:
                outcomes.append(client.wait(job))
            except NotFoundError as error:
                outcomes.append(error.status)

    async def wait_asynchronously() -> None:
        async with AsyncClient(mortal.now.url, settings=UNTIL_IT_IS_BACK) as client:
            try:
                outcomes.append(await client.wait(job))
            except NotFoundError as error:
                outcomes.append(error.status)

    threads = [threading.Thread(target=wait), threading.Thread(target=lambda: asyncio.run(wait_asynchronously()))]
    for thread in threads:
        thread.start()
    wait_until(lambda: mortal.now.stats()["streams"] == 2, "both to wait")
    mortal.kill()
    mortal.restart()
    for thread in threads:
        thread.join(patience())
    assert outcomes == [404, 404]


def test_a_worker_outlives_a_restart(mortal: Reborn, connect: Any) -> None:
    """Calls that are made while the server is away are answered by the next one."""
    client = connect(mortal.now.url, settings=UNTIL_IT_IS_BACK)
    assert client.create_job({"id": "before", "runner": "external"})["id"] == "before"
    mortal.kill()
    starter = threading.Thread(target=mortal.restart)
    starter.start()
    try:
        assert client.create_job({"id": "after", "runner": "external"})["id"] == "after"
    finally:
        starter.join()
    assert [job["id"] for job in client.list_jobs()] == ["after"]


def test_a_server_that_is_stopped_in_order_loses_nobody(mortal: Reborn, connect: Any) -> None:
    client = connect(mortal.now.url, settings=UNTIL_IT_IS_BACK)
    mortal.now.external(owner="ann")
    with client.follow(owner="ann") as stream:
        next(stream)
        mortal.now.stop()
        mortal.restart()
        assert next(stream).type == "gap"
