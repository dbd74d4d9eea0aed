"""A crowd of clients who mean ill, or are broken: nobody else notices them, and nothing of them is left."""

from __future__ import annotations

import os
import random
import resource
import selectors
import socket
import threading
import time
from typing import Any, Callable

from harness import Connection, Server, patience, request_bytes, sanitized, wait_until
from test_connections import PHASES, settled

JSON = {"Content-Type": "application/json"}
SLOW_LORIS = 2_000
SHORT_CONNECTIONS = 10_000
OTHERS = 200
NEVER_READ = 20
CHURN = 300
MEMORY_SLACK_BYTES = 4 * 1024 * 1024


def allow_descriptors(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= wanted, f"this takes {wanted} descriptors: ulimit -Hn"
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


# ------------------------------------------------------------------------------------------------ without descriptors


def answer_of(connection: Connection) -> int:
    """The status that it is answered with; 0: it was closed without one. It may not be left to wait."""
    try:
        answer = connection.read_response()
    except (EOFError, ConnectionError):
        return 0
    if answer.status == 503:
        assert answer["Retry-After"] and answer["X-Content-Type-Options"] == "nosniff", answer.head
    return answer.status


def test_without_a_descriptor_left_clients_are_turned_away_and_not_left_to_wait(server: Any) -> None:
    running = server("--max-log-rate", "5")
    job = running.create(runner="timer", total=1_000_000, stepMs=50)
    request = request_bytes(running.address, "GET", "/healthz")
    with running.follow(job) as stream:
        stream.take(2)
        # The kernel gives the lowest number that is free, and none from the limit on.
        limit = max(int(name) for name in os.listdir(f"/proc/{running.pid}/fd")) + 11
        before = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        clients = [running.connect() for _ in range(100)]
        answers = []
        for client in clients:
            try:
                client.send(request)
            except ConnectionError:
                pass  # turned away already
            answers.append(answer_of(client))
        assert 5 <= answers.count(200) <= 11, answers
        assert set(answers) <= {200, 503, 0}
        began, cpu = time.monotonic(), running.cpu_seconds()
        stream.take(20)  # a second's worth: who is in is served as ever
        wall, spent = time.monotonic() - began, running.cpu_seconds() - cpu
        assert spent < 0.5 * wall, f"{spent} s of CPU in {wall} s: it spins"
        with running.connect() as late:
            assert answer_of(late) in (503, 0)
        for client in clients:
            client.close()
        wait_until(lambda: answer_of_another(running) == 200, "room for another client")
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, before)
        wait_until(lambda: running.stats()["connections"] == 2, "everybody else to be gone")
    said = [line for line in running.log.all if "turned away" in line]
    assert said, running.log.all


def answer_of_another(running: Server) -> int:
    with Connection(running.address) as connection:
        try:
            connection.send(request_bytes(running.address, "GET", "/healthz", {"Connection": "close"}))
        except ConnectionError:
            return 0
        return answer_of(connection)


# ------------------------------------------------------------------------------------------------ the crowd


class SlowLoris:
    """Connections that send a byte now and then, so that each seems about to say something."""

    HEAD = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    def __init__(self, server: Server, count: int) -> None:
        self.left = 0
        self._selector = selectors.DefaultSelector()
        for number in range(count):
            connection = Connection(server.address)
            # One half never comes to the end of its header, the other half never to that of its body.
            begun = self.HEAD + (b"X: y" if number % 2 else b"Content-Length: 100000\r\n\r\n{")
            connection.send(begun)
            connection.socket.setblocking(False)
            self._selector.register(connection.socket, selectors.EVENT_READ)
            self.left += 1
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()

    def _drip(self) -> None:
        deadline = time.monotonic() + 3 * patience()
        while self.left and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.2):
                if self._is_over(key.fileobj):
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()
                    self.left -= 1
            for key in list(self._selector.get_map().values()):
                try:
                    key.fileobj.send(b"z")
                except OSError:
                    pass  # it is closed, or will be

    @staticmethod
    def _is_over(one: socket.socket) -> bool:
        try:
            return one.recv(65536) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def finish(self) -> None:
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        assert self.left == 0, f"{self.left} of them are still connected"


def send_what_it_takes(connection: Connection, sent: bytes) -> None:
    try:
        connection.send(sent)
    except ConnectionError:
        pass  # refused halfway: so it should


def leave(connection: Connection, chance: random.Random) -> None:
    goodbye = chance.choice(["close", "reset", "half_close"])
    try:
        getattr(connection, goodbye)()
    except OSError:
        pass
    connection.close()


def random_bytes(server: Server, chance: random.Random, count: int) -> None:
    good = request_bytes(server.address, "POST", "/v1/jobs", JSON, b'{"runner":"timer","total":1,"stepMs":1}')
    for number in range(count):
        connection = Connection(server.address)
        if number % 2:
            sent = bytearray(good)
            for _ in range(chance.randint(1, 5)):
                sent[chance.randrange(len(sent))] = chance.randrange(256)
            send_what_it_takes(connection, bytes(sent))
        else:
            send_what_it_takes(connection, chance.randbytes(chance.randint(1, 5_000)))
        leave(connection, chance)


def leave_in_every_phase(server: Server, job: dict[str, Any], times: int) -> None:
    for goodbye in ("reset", "close"):
        for begin in PHASES.values():
            for leaver in [begin(server, job) for _ in range(times)]:
                getattr(leaver, goodbye)()


def half_close_and_stay(server: Server, job: dict[str, Any], count: int) -> list[Connection]:
    """Who has said all, and waits for an answer without reading it."""
    staying = []
    for number in range(count):
        connection = Connection(server.address)
        target = f"/v1/jobs/{job['id']}/events" if number % 2 else "/v1/jobs?limit=50"
        connection.send(request_bytes(server.address, "GET", target))
        connection.half_close()
        staying.append(connection)
    return staying


def come_for_a_moment(server: Server, chance: random.Random, count: int) -> None:
    request = request_bytes(server.address, "GET", "/healthz", {"Connection": "close"})
    for number in range(count):
        connection = Connection(server.address)
        if number % 4 == 0:
            connection.send(request)
            assert connection.read_head().status == 200
        elif number % 4 == 1:
            send_what_it_takes(connection, request)
        leave(connection, chance)


def never_read(server: Server, count: int) -> list[Connection]:
    """Streams of a job that says much, whose readers take nothing."""
    loud = server.external(total=1_000_000)
    request = request_bytes(server.address, "GET", f"/v1/jobs/{loud['id']}/events")
    readers = []
    for _ in range(count):
        reader = Connection(server.address, receive_buffer=4096)
        reader.send(request)
        readers.append(reader)
    for done in range(1, 40):
        server.report(*({"job": loud["id"], "done": done, "message": f"{n:4000}"} for n in range(20)))
    server.cancel(loud)
    return readers


def churn_streams(server: Server, job: dict[str, Any], chance: random.Random, count: int) -> None:
    for _ in range(count):
        stream = server.follow(job)
        stream.next()
        leave(stream.connection, chance)


def attack(server: Server, job: dict[str, Any], chance: random.Random, scale: float) -> None:
    def scaled(count: int) -> int:
        return max(1, int(count * scale))

    loris = SlowLoris(server, scaled(SLOW_LORIS))
    try:
        random_bytes(server, chance, scaled(OTHERS))
        leave_in_every_phase(server, job, scaled(10))
        staying = half_close_and_stay(server, job, scaled(OTHERS)) + never_read(server, scaled(NEVER_READ))
        come_for_a_moment(server, chance, scaled(SHORT_CONNECTIONS))
        churn_streams(server, job, chance, scaled(CHURN))
        for one in staying:
            one.reset()
    finally:
        loris.finish()


class Witnesses:
    """Ordinary readers of a job that is reported on all the while. Each must see each step."""

    def __init__(self, server: Server, count: int) -> None:
        self.server = server
        self.job = server.external(total=1_000_000)
        self.reported = 0
        self._streams = [server.follow(self.job) for _ in range(count)]
        for stream in self._streams:
            stream.next()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=stream.rest) for stream in self._streams]
        self._threads.append(threading.Thread(target=self._report))
        for thread in self._threads:
            thread.start()

    def _report(self) -> None:
        with Connection(self.server.address) as connection:
            while not self._over.is_set():
                body = b'{"done":%d}' % (self.reported + 1)
                target = f"/v1/jobs/{self.job['id']}"
                assert connection.request("PATCH", target, JSON, body).status == 200
                self.reported += 1
                self._over.wait(0.005)  # a pace, so that the readers of this process can follow

    def finish(self) -> None:
        self._over.set()
        self._threads[-1].join()
        self.server.patch(self.job, state="completed")
        for thread in self._threads:
            thread.join()
        assert self.reported > 10
        for stream in self._streams:
            steps = [event.json["done"] for event in stream.seen if event.type == "progress"]
            assert steps == list(range(1, self.reported + 1)), "a witness missed something"
            assert stream.seen[-1].type == "completed"
            stream.close()


def test_a_hostile_crowd_leaves_nothing_behind(server: Callable[..., Server]) -> None:
    allow_descriptors(SLOW_LORIS + 2 * OTHERS + 500)
    seed = int(os.environ.get("PROGRESSD_TEST_SEED", random.randrange(2**32)))
    print(f"PROGRESSD_TEST_SEED={seed}")
    chance = random.Random(seed)
    running = server("--header-timeout", "3s", "--body-timeout", "3s", "--idle-timeout", "3s", "--keepalive", "300ms",
                     "--max-outbox-bytes", "256KiB", "--retain-finished", "0")  # fmt: skip
    job = running.external(total=9, message="m" * 4000)
    # What is kept for the next crowd is there after the first; a sanitizer's memory says nothing.
    attack(running, job, chance, scale=0.05 if sanitized() else 1)
    wait_until(lambda: settled(running)[:2] == (1, 0), "the first of them to be gone")
    before, memory = settled(running), running.resident_bytes()

    witnesses = Witnesses(running, 5)
    attack(running, job, chance, scale=1)
    witnesses.finish()

    assert running.request("GET", "/healthz").status == 200
    wait_until(lambda: settled(running) == before, f"connections, streams, descriptors back to {before}")
    grown = running.resident_bytes() - memory
    assert sanitized() or grown < MEMORY_SLACK_BYTES, f"{grown:,} bytes of memory are not given back"
    assert running.job(job)["state"] == "pending"
