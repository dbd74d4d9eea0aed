"""The Python clients against the real server: what they do all day, cut connections, a server that dies. Both clients."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import struct
import threading
from typing import Any, Callable, Iterator

import pytest
from both_clients import new_client
from harness import Server, patience, steady, wait_until
from progressd_client import (
    AsyncClient,
    Client,
    ConflictError,
    InvalidError,
    JobEvent,
    NotFoundError,
    ReconnectPolicy,
    Settings,
    WaitTimeout,
)


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A factory of clients; each test runs with the synchronous and the asynchronous one."""
    clients = []

    def start(url: str, **options: Any) -> Any:
        clients.append(new_client(request.param, url, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


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
        assert [(event.type, event.job_id) for event in itertools.islice(of_kind, 5)] == [
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


# ------------------------------------------------------------------------------------------------ cut connections


class CuttingProxy:
    """Hands connections on to the server, and cuts each one after so many bytes of its answer. Use it in a `with`."""

    def __init__(self, server: Server, bytes_until_cut: Callable[[], int], reset: Callable[[], bool]) -> None:
        self._server = server
        self._bytes_until_cut = bytes_until_cut
        self._reset = reset
        self.cuts = 0

    def __enter__(self) -> CuttingProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._hand_on, args=(client, self._bytes_until_cut()), daemon=True).start()

    def _hand_on(self, client: socket.socket, left: int) -> None:
        upstream = socket.create_connection(self._server.address)
        threading.Thread(target=self._hand_up, args=(client, upstream), daemon=True).start()
        with client, upstream:
            try:
                while left > 0 and (received := upstream.recv(65536)):
                    client.sendall(received[:left])
                    left -= len(received)
                if left <= 0:
                    self.cuts += 1
                    if self._reset():
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:  # the client left first
                pass
            for end in (client, upstream):
                try:
                    end.shutdown(socket.SHUT_RDWR)  # which ends the other thread's reading too
                except OSError:
                    pass

    @staticmethod
    def _hand_up(client: socket.socket, upstream: socket.socket) -> None:
        try:
            while received := client.recv(65536):
                upstream.sendall(received)
            upstream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


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
        worker = report_steps(shared, job)
        try:
            events = list(connect(proxy.url).follow_job(job))
        finally:
            worker.join()
    assert [event.type for event in events] == ["snapshot", *["progress"] * (len(events) - 2), "completed"]
    first = events[0].done or 0
    assert done_of(events[:-1]) == list(range(first, STEPS + 1))
    assert len({event.id for event in events}) == len(events)
    assert all(event.message == f"caf\u00e9 {event.done}" for event in events[1:-1])
    assert proxy.cuts >= 10 or first > STEPS // 2, f"only {proxy.cuts} cuts"


def test_cut_again_and_again_many_jobs_over_one_stream(shared: Server, connect: Any, kind: str) -> None:
    jobs = [shared.external(total=1000, kind=kind)["id"] for _ in range(3)]
    with cutting(shared, seed=4) as proxy, connect(proxy.url).follow(kind=kind) as stream:
        # Only a stream whose beginning came whole has a place to resume from: let that be before the first step.
        begun = [next(stream) for _ in jobs]
        worker = report_steps(shared, *jobs)
        events: list[JobEvent] = []
        while [event.type for event in events].count("completed") < len(jobs):
            events.append(next(stream))
        worker.join()
    assert {event.type for event in begun} <= {"snapshot", "gap"}
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

    def __init__(self, start: Callable[..., Server]) -> None:
        self._start = start
        self.now = start()
        self._listen = f"{self.now.address[0]}:{self.now.address[1]}"

    def kill(self) -> None:
        self.now.process.kill()
        assert self.now.wait() == -9

    def restart(self) -> Server:
        self.now = self._start(listen=(self._listen,))
        return self.now


@pytest.fixture
def mortal(server: Any) -> Reborn:
    return Reborn(server)


# Patient enough for a server that takes a while to be back.
_SOON = ReconnectPolicy(base_s=0.05, cap_s=0.2, asked_s_max=0.05)
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
