"""Five hundred clients of each of the five seed systems at once on one server: each is told all, in order.

The clients are one asyncio loop: a protocol for each stream, which takes the chunks off as they come.
"""

from __future__ import annotations

import asyncio
import json
import resource
from typing import Any, Iterator

import pytest
from harness import ProtocolError, Server, patience, request_bytes

CLIENTS = 500  # of each system
JOBS = 50  # with ten clients each, where clients share one
UPDATES = 40
OPENING_MAX = 100  # connections on their way at one time
JSON = {"Content-Type": "application/json"}
API = "/api/v1/sse"


class Client(asyncio.Protocol):
    """One stream: the JSON of each event, in the order in which they came."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.ended = False
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.BaseTransport | None = None
        self._rest = b""
        self._in_head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, received: bytes) -> None:
        data = self._rest + received
        if self._in_head:
            head, _, data = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ProtocolError(head[:200].decode("latin-1"))
            self._in_head = False
        at = 0
        while (line_end := data.find(b"\r\n", at)) >= 0:
            size = int(data[at:line_end], 16)
            begin = line_end + 2
            if len(data) < begin + size + 2:
                break
            if size == 0:
                self.ended = True
            else:
                self._take(data[begin : begin + size])
            at = begin + size + 2
        self._rest = data[at:]

    def _take(self, chunk: bytes) -> None:
        assert not self.ended, chunk
        if not self.begun.done():
            self.begun.set_result(None)
        for block in chunk.removesuffix(b"\n\n").split(b"\n\n"):
            lines = block.split(b"\n")
            data = [line[6:] for line in lines if line.startswith(b"data: ")]
            assert not any(line.startswith(b"event:") for line in lines), block
            if data:
                self.heard.append(json.loads(b"".join(data)))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(error or ProtocolError("closed before the stream began"))


async def open_streams(server: Server, targets: list[str]) -> list[Client]:
    room = asyncio.Semaphore(OPENING_MAX)
    loop = asyncio.get_running_loop()

    async def open_one(target: str) -> Client:
        async with room:
            transport, client = await loop.create_connection(Client, *server.address)
            transport.write(request_bytes(server.address, "GET", target))
            await asyncio.wait_for(client.begun, patience())
            return client

    return await asyncio.gather(*(open_one(target) for target in targets))


class Worker:
    """Requests over one connection, one after the other."""

    def __init__(self, server: Server) -> None:
        self.address = server.address
        self.connection = server.connect()

    def post(self, target: str, fields: dict[str, Any] | None = None) -> Any:
        body = None if fields is None else json.dumps(fields).encode()
        answer = self.connection.request("POST", target, JSON if body else {"Content-Length": "0"}, body)
        assert answer.status in (200, 201, 202), answer
        return answer.json() if answer.body else None


async def until(done: Any, what: str, seconds: float) -> None:
    for _ in range(int(seconds * 20)):
        if done():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited in vain for: {what}")


@pytest.fixture
def descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 5 * CLIENTS + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.fail(f"needs {needed} descriptors; the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.scale
def test_five_hundred_clients_of_each_system_at_once(server: Any, descriptors: None) -> None:
    running = server("--demo-duration", "20s")
    asyncio.run(hold(running))
    stats = running.stats()
    assert stats["eventsConflated"] == 0 and stats["streamsClosedSlow"] == 0, stats


async def hold(running: Server) -> None:
    worker = Worker(running)
    statuses = [worker.post("/create_job")["job_id"] for _ in range(JOBS)]
    queued = [worker.post("/api/v1/characters/queue", {"n": n})["data"]["jobId"] for n in range(JOBS)]
    tasks = [worker.post("/start-task")["task_id"] for _ in range(CLIENTS)]
    users = [f"user_{n}" for n in range(JOBS)]
    targets = {
        "status": [f"/client_status?job_id={statuses[n % JOBS]}" for n in range(CLIENTS)],
        "channels": [f"{API}/progress/stream/{users[n % JOBS]}" for n in range(CLIENTS)],
        "queued": [f"{API}/jobs/character/{queued[n % JOBS]}" for n in range(CLIENTS)],
        "looping": ["/events"] * CLIENTS,
        "tasks": [f"/task-progress/{task}" for task in tasks],
    }
    crowds = {name: await open_streams(running, paths) for name, paths in targets.items()}
    assert running.stats()["streams"] == 5 * CLIENTS, "all of them at once"
    assert running.request("GET", f"{API}/connections/status").json()["active_connections"] == CLIENTS
    for n in range(1, UPDATES + 1):
        status = "completed" if n == UPDATES else "processing"
        for user in users:
            worker.post(f"{API}/progress/{user}", {"user": user, "completed": n, "status": status})
        await asyncio.sleep(0)  # to read meanwhile

    ending = [client for name in ("status", "queued", "tasks") for client in crowds[name]]
    await until(lambda: all(client.ended for client in ending), "every job's streams to end", 20 * 3 + patience())
    await until(lambda: all(len(client.heard) >= UPDATES for client in crowds["channels"]), "updates", patience())

    for client in crowds["status"]:
        assert client.heard == [{"result": "pending"}, {"result": "completed"}]
    for number, client in enumerate(crowds["channels"]):
        assert [(fact["user"], fact["completed"]) for fact in client.heard] == [
            (users[number % JOBS], n) for n in range(1, UPDATES + 1)
        ]
    for number, client in enumerate(crowds["queued"]):
        types = [fact["type"] for fact in client.heard]
        assert types == ["connected", "initial_status"] + ["job_update"] * (len(types) - 2)
        assert {fact["jobId"] for fact in client.heard[1:]} == {queued[number % JOBS]}
        assert_every_step(client.heard[1:])
    for client in crowds["looping"]:
        moved = [fact["moved"] for fact in client.heard]
        assert len(moved) > 20 and not client.ended
        assert all(one == (before + 1) % 101 for before, one in zip(moved, moved[1:])), moved
    for number, client in enumerate(crowds["tasks"]):
        assert {fact["task_id"] for fact in client.heard} == {tasks[number]}
        assert_every_step(client.heard)
    for clients in crowds.values():
        for client in clients:
            assert client.transport
            client.transport.close()


def assert_every_step(facts: list[dict[str, Any]]) -> None:
    """From where the stream began to 100, each step once (the first may be told twice: it became active)."""
    steps = [fact["progress"] for fact in facts]
    assert steps[0] < 90, "the stream was opened in good time"
    assert steps in ([*range(steps[0], 101)], [0, *range(101)], [0, 0, *range(101)]), steps
    assert facts[-1]["status"] == "completed"
