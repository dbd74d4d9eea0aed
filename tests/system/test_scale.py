"""Ten thousand idle streams, a thousand jobs at 10 Hz with a stream each, every core busy: one process holds it all.

The client is one loop over epoll: raw sockets, an incremental reader per stream which checks order and completeness
as the bytes come in.
"""

from __future__ import annotations

import errno
import json
import resource
import select
import socket
import time
from typing import Any

import pytest
from harness import Connection, ProtocolError, Server, patience, request_bytes, wait_until

IDLE_STREAMS = 10_000
TIMER_JOBS = 1_000
STEPS = 100
STEP_MS = 100
LAG_P99_MS_MAX = 20


class Reader:
    """One stream. Takes off the chunks, and looks at each event's job, as far as it needs to."""

    __slots__ = ("socket", "rest", "in_head", "steps", "snapshots", "completed", "ended", "comments")

    def __init__(self, address: tuple[str, int], target: str) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        outcome = self.socket.connect_ex(address)
        assert outcome in (0, errno.EINPROGRESS), errno.errorcode[outcome]
        self.rest = b""
        self.in_head = True
        self.steps: list[int] = []
        self.snapshots = 0
        self.completed = False
        self.ended = False
        self.comments = 0

    def take(self, received: bytes) -> None:
        data = self.rest + received
        at = 0
        if self.in_head:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.rest = data
                return
            if not data.startswith(b"HTTP/1.1 200 "):
                raise ProtocolError(data[:200].decode("latin-1"))
            self.in_head = False
            at = end + 4
        while True:
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                break
            size = int(data[at:line_end], 16)
            begin = line_end + 2
            if len(data) < begin + size + 2:
                break
            if size == 0:
                self.ended = True
            else:
                self._take_chunk(data[begin : begin + size])
            at = begin + size + 2
        self.rest = data[at:]

    def _take_chunk(self, chunk: bytes) -> None:
        for block in chunk.split(b"\n\n"):
            if not block or block.startswith(b"retry:") and b"\ndata:" not in block:
                continue
            if block.startswith(b":"):
                self.comments += 1
                continue
            type_ = _field(block, b"event:")
            fact = json.loads(_field(block, b"data:"))
            if self.completed:
                raise ProtocolError(f"after the end: {block!r}")
            if type_ == b"snapshot":
                self.snapshots += 1
                self.steps.append(fact["done"])
            elif type_ == b"progress":
                if fact["done"] - self.steps[-1] not in (0, 1):
                    raise ProtocolError(f"{fact['done']} after {self.steps[-5:]}")
                self.steps.append(fact["done"])
            elif type_ == b"completed":
                self.completed = True
            else:
                raise ProtocolError(f"an event that nobody expected: {block!r}")


def _field(block: bytes, name: bytes) -> bytes:
    for line in block.split(b"\n"):
        if line.startswith(name):
            return line[len(name) :].strip()
    raise ProtocolError(f"no {name!r} in {block!r}")


class Crowd:
    """Readers, opened and read in one loop."""

    CONNECTING_MAX = 200  # fewer than any listener's backlog

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.epoll = select.epoll()
        self.readers: dict[int, Reader] = {}
        self.dropped = 0

    def open(self, targets: list[str]) -> list[Reader]:
        opened: list[Reader] = []
        connecting: dict[int, str] = {}
        waiting = targets[::-1]
        while waiting or connecting:
            while waiting and len(connecting) < self.CONNECTING_MAX:
                reader = Reader(self.address, waiting[-1])
                connecting[reader.socket.fileno()] = waiting.pop()
                self.readers[reader.socket.fileno()] = reader
                opened.append(reader)
                self.epoll.register(reader.socket, select.EPOLLOUT)
            for number, ready in self.epoll.poll(patience()):
                if number in connecting and ready & select.EPOLLOUT:
                    reader = self.readers[number]
                    reader.socket.send(request_bytes(self.address, "GET", connecting.pop(number)))
                    self.epoll.modify(number, select.EPOLLIN)
                else:
                    self._read(number)
        return opened

    def read(self, timeout: float) -> None:
        for number, _ in self.epoll.poll(timeout, 4096):
            self._read(number)

    def _read(self, number: int) -> None:
        reader = self.readers[number]
        try:
            received = reader.socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionResetError:
            received = b""
        if received:
            reader.take(received)
        if not received or reader.ended:
            if not (reader.completed and reader.ended):
                self.dropped += 1
            self.epoll.unregister(number)
            reader.socket.close()
            del self.readers[number]

    def close(self) -> None:
        for reader in self.readers.values():
            reader.socket.close()
        self.epoll.close()


@pytest.mark.scale
def test_ten_thousand_idle_streams_a_thousand_jobs_and_busy_cores(server: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = IDLE_STREAMS + TIMER_JOBS + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.fail(f"needs {needed} descriptors; the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lags = []
    try:
        # What is delivered must hold every time. How late the loop is says something of it only while the
        # machine gives it a processor, so the best of three counts.
        while len(lags) < 3 and not (lags and min(lags) < LAG_P99_MS_MAX):
            running = server("--keepalive", "5s")
            lags.append(hold(running))
            running.stop()
        assert min(lags) < LAG_P99_MS_MAX, f"loop lag p99 of each try: {lags} ms"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold(running: Server) -> float:
    """Checks all that is delivered. Returns the loop's lag, p99 in milliseconds."""
    quiet = running.external(total=9)
    crowd = Crowd(running.address)
    try:
        idle = crowd.open([f"/v1/jobs/{quiet['id']}/events"] * IDLE_STREAMS)
        computing = [running.create(runner="cpu", total=1_000_000, stepWork=10) for _ in range(8)]
        jobs = running.create_many(TIMER_JOBS, runner="timer", total=STEPS, stepMs=STEP_MS)
        watching = crowd.open([f"/v1/jobs/{job}/events" for job in jobs])
        control = Connection(running.address)
        deadline = time.monotonic() + STEPS * STEP_MS / 1000 * 3 + patience()
        most_streams = 0
        asked = time.monotonic()
        while not all(reader.completed and reader.ended for reader in watching):
            crowd.read(0.5)
            unfinished = sum(not reader.completed for reader in watching)
            assert time.monotonic() < deadline, f"{unfinished} jobs have not ended"
            if time.monotonic() - asked > 1:
                stats = control.request("GET", "/v1/stats").json()
                most_streams = max(most_streams, stats["streams"])
                asked = time.monotonic()
        stats = control.request("GET", "/v1/stats").json()
        wait_until(lambda: running.stats()["streams"] == IDLE_STREAMS, "the finished jobs' streams to be gone")
        control.close()
        print(f"{most_streams} streams, {stats['loopLagMs']}, {stats['memoryBytes'] / 2**20:.1f} MiB")
        assert crowd.dropped == 0, f"{crowd.dropped} streams were dropped"
        assert most_streams >= IDLE_STREAMS + TIMER_JOBS // 2, most_streams
        assert stats["eventsConflated"] == 0
        for reader in watching:
            assert reader.snapshots == 1 and reader.ended
            assert sorted(set(reader.steps)) == list(range(reader.steps[0], reader.steps[-1] + 1))
            assert reader.steps[-1] >= STEPS - 1
            middle = [step for step in reader.steps if 0 < step < STEPS]
            assert len(middle) <= len(set(middle)) + 1, "a step came twice"
        late = sum(reader.steps[0] > STEPS // 2 for reader in watching)
        assert late < TIMER_JOBS // 2, f"{late} streams were opened when their job was half over"
        for job in computing:
            assert running.job(job)["done"] > 0, "the cores were busy"
            running.cancel(job)
        for reader in idle:
            assert reader.snapshots == 1 and reader.steps == [0] and reader.comments > 0 and not reader.ended
        # They are all still there: one event reaches each of them.
        running.patch(quiet, state="completed")
        while not all(reader.ended for reader in idle):
            assert time.monotonic() < deadline, f"{sum(reader.completed for reader in idle)} of them heard of the end"
            crowd.read(1)
        assert crowd.dropped == 0
        return float(stats["loopLagMs"]["p99"])
    finally:
        crowd.close()
