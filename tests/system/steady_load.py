"""Load that goes on while one process hands over to another: workers that report, and readers that come back.

What they do is what the README asks of clients: a report that was not answered, or answered 503, is made again; a
reader whose stream ends comes back with the id of the last event it saw.
"""

from __future__ import annotations

import errno
import json
import random
import re
import select
import socket
import threading
import time
from collections import Counter
from typing import Any

from harness import Connection, patience, request_bytes

Address = tuple[str, int]
JSON = {"Content-Type": "application/json"}


class Worker:
    """Reports on its jobs, one after the other, over connections that it keeps as long as the server does."""

    def __init__(self, address: Address, jobs: list[str], pause: float) -> None:
        self.address = address
        self.acknowledged = dict.fromkeys(jobs, 0)
        self.repeated: set[tuple[str, int]] = set()  # reports that were made more than once
        self.faults: list[str] = []
        self.answers: Counter[int] = Counter()
        self._pause = pause
        self._over = threading.Event()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(2 * patience())
        if self._connection:
            self._connection.close()

    def _run(self) -> None:
        try:
            for done in range(1, 1_000_000):
                for job in self.acknowledged:
                    if self._over.wait(self._pause):
                        return
                    self._report(job, done)
        except Exception as error:
            self.faults.append(repr(error))

    def _report(self, job: str, done: int) -> None:
        deadline = time.monotonic() + 2 * patience()
        while (status := self._try(job, done)) != 200:
            assert status in (0, 503), status
            assert time.monotonic() < deadline, f"{job}: {done} was never acknowledged"
            self.repeated.add((job, done))
        self.acknowledged[job] = done

    def _try(self, job: str, done: int) -> int:
        """The status of the answer; 0 where none came."""
        try:
            # Connecting must always do.
            connection = self._connection = self._connection or Connection(self.address)
        except OSError as error:
            raise AssertionError(f"could not connect: {error}") from error
        try:
            answer = connection.request("PATCH", f"/v1/jobs/{job}", JSON, json.dumps({"done": done}).encode())
        except (ConnectionError, EOFError):
            status = 0
        else:
            status = answer.status
        if status != 200:
            connection.close()
            self._connection = None
        self.answers[status] += 1
        return status


class Follower:
    """A reader of one job, over as many streams as it takes."""

    __slots__ = ("job", "socket", "rest", "last_id", "done", "opened", "in_head")

    EVENT = re.compile(rb'event: (\w+)\nid: (\S+)\ndata: (?:[^\n]*?)"done":(\d+)[^\n]*\n\n')

    def __init__(self, job: str) -> None:
        self.job = job
        self.last_id = b""
        self.done: list[int] = []
        self.opened = 0


class Followers:
    """All readers, in one loop over epoll on a thread of its own."""

    CONNECTING_MAX = 500  # fewer than any listener's backlog

    def __init__(self, address: Address, jobs: list[str], count: int) -> None:
        self.address = address
        self.all = [Follower(jobs[i % len(jobs)]) for i in range(count)]
        self.ends: list[float] = []  # of streams
        self.faults: list[str] = []
        self.ids: dict[str, dict[bytes, int]] = {job: {} for job in jobs}  # to the `done` that it told
        self._epoll = select.epoll()
        self._by_number: dict[int, Follower] = {}
        self._connecting = 0
        self._waiting = list(self.all)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(patience())
        for follower in self._by_number.values():
            follower.socket.close()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                while self._waiting and self._connecting < self.CONNECTING_MAX:
                    self._connect(self._waiting.pop())
                for number, ready in self._epoll.poll(0.1, 4096):
                    self._on_ready(number, ready)
        except Exception as error:
            self.faults.append(repr(error))

    def _connect(self, follower: Follower) -> None:
        follower.socket = socket.socket()
        follower.socket.setblocking(False)
        follower.rest, follower.in_head = b"", True
        outcome = follower.socket.connect_ex(self.address)
        assert outcome in (0, errno.EINPROGRESS), errno.errorcode[outcome]
        self._by_number[follower.socket.fileno()] = follower
        self._epoll.register(follower.socket, select.EPOLLOUT)
        self._connecting += 1

    def _on_ready(self, number: int, ready: int) -> None:
        follower = self._by_number[number]
        if ready & select.EPOLLOUT:
            self._connecting -= 1
            failed = follower.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert failed == 0, f"could not connect: {errno.errorcode[failed]}"
            seen = {"Last-Event-ID": follower.last_id.decode()} if follower.last_id else {}
            headers = {"Accept": "text/event-stream", **seen}
            follower.socket.send(request_bytes(self.address, "GET", f"/v1/jobs/{follower.job}/events", headers))
            self._epoll.modify(number, select.EPOLLIN)
            return
        try:
            received = follower.socket.recv(65536)
        except ConnectionResetError:
            received = b""
        if received:
            self._take(follower, received)
            return
        self._epoll.unregister(number)
        del self._by_number[number]
        follower.socket.close()
        if not follower.in_head:
            self.ends.append(time.monotonic())
        self._waiting.insert(random.randrange(len(self._waiting) + 1), follower)

    def _take(self, follower: Follower, received: bytes) -> None:
        data = follower.rest + received
        if follower.in_head:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                follower.rest = head
                return
            # An EventSource would give up for good.
            assert head.startswith(b"HTTP/1.1 200 "), head
            follower.in_head = False
            follower.opened += 1
        at = 0
        for event in follower.EVENT.finditer(data):
            at = event.end()
            self._take_event(follower, event[1], event[2], int(event[3]))
        assert b"event: gap" not in data, f"{follower.job}: a gap"
        follower.rest = data[at:]

    def _take_event(self, follower: Follower, type_: bytes, id_: bytes, done: int) -> None:
        assert type_ in (b"snapshot", b"progress"), type_
        assert type_ == b"progress" or not follower.done, f"{follower.job}: a snapshot after {follower.done[-3:]}"
        assert id_ != follower.last_id, f"{follower.job}: {done} came twice"
        told = self.ids[follower.job].setdefault(id_, done)
        assert told == done, f"{follower.job}: {id_!r} told {told} and {done}"
        follower.last_id = id_
        follower.done.append(done)


def histogram(times: list[float], since: float, span: float, bars: int = 10) -> list[int]:
    """How many of the times are in each part of the span; what is outside goes to its ends."""
    counts = [0] * bars
    for at in times:
        counts[min(max(int((at - since) / span * bars), 0), bars - 1)] += 1
    return counts


def check_sequence(follower: Follower, repeated: set[tuple[str, int]], last: int) -> None:
    """Each step once, in order, up to the last one. A report that was made again may be told again."""
    done: Any = follower.done
    assert done and done[-1] == last, f"{follower.job}: {done[-3:]} instead of {last}"
    for earlier, later in zip(done, done[1:]):
        again = later == earlier and (follower.job, later) in repeated
        assert later == earlier + 1 or again, f"{follower.job}: {later} after {earlier}"
