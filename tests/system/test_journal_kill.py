"""kill -9 at random moments under mixed load: no acknowledged change is lost, and no reader misses or repeats an event.

Each time it is killed once more while it starts, so that some kills fall into recoveries; and the log is cut off all
the time, so that most fall into a round of that. PROGRESSD_KILLS is how many times under load (20 unless told),
PROGRESSD_TEST_SEED repeats a run's choices.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Server, Stream, sanitized, wait_until
from test_journal import kill

KILLS = int(os.environ.get("PROGRESSD_KILLS", "5" if sanitized() else "20"))
REPORTERS = 3
START_S = 0.08  # about as long as a start takes
RECOVERY_S = 0.01
JSON = {"Content-Type": "application/json"}
GONE = (OSError, HTTPException, AssertionError, EOFError)


class Load:
    """What clients do to one server, and what each was told. It outlives the servers."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.done = [0] * REPORTERS  # acknowledged
        self.created: list[str] = []
        self.posted = 0
        self.readers = [Reader(number) for number in range(REPORTERS)]
        self.lock = threading.Lock()
        self.faults: list[str] = []
        self.acknowledged = 0

    def begin(self, server: Server) -> None:
        for number in range(REPORTERS):
            created = server.request("POST", "/v1/jobs", {"id": f"job-{number}", "runner": "external", "total": 10**9})
            assert created.status == 201

    def count(self) -> None:
        with self.lock:
            self.acknowledged += 1

    def run(self, server: Server, acknowledgements: int) -> None:
        """Until so many changes were acknowledged, and a random moment after that the server is killed."""
        stops = threading.Event()
        until = self.acknowledged + acknowledgements
        jobs: list[Callable[[], None]] = [lambda n=n: self.report(server, n) for n in range(REPORTERS)]  # type: ignore[misc]
        jobs += [lambda: self.create(server), lambda: self.post(server)]
        threads = [threading.Thread(target=self.repeat, args=(stops, job)) for job in jobs]
        threads += [threading.Thread(target=reader.read, args=(server, self.faults)) for reader in self.readers]
        for thread in threads:
            thread.start()
        wait_until(lambda: self.acknowledged >= until or self.faults, "the load to go on")
        server.process.kill()
        stops.set()
        for thread in threads:
            thread.join()
        server.process.wait()
        server.stopped = True
        assert not self.faults, self.faults

    def repeat(self, stops: threading.Event, job: Callable[[], None]) -> None:
        while not stops.is_set():
            try:
                job()
            except GONE:
                return  # the server was killed; what it said last was not heard

    def report(self, server: Server, number: int) -> None:
        response = server.request("PATCH", f"/v1/jobs/job-{number}", {"done": self.done[number] + 1})
        if response.status == 200:
            self.done[number] += 1
            self.count()
        else:
            self.faults.append(f"a report was answered {response.status}: {response.body!r}")

    def create(self, server: Server) -> None:
        name = f"made-{len(self.created)}-{self.acknowledged}"
        if server.request("POST", "/v1/jobs", self.spec(name), headers={"Idempotency-Key": name}).status == 201:
            self.created.append(name)
            self.count()

    @staticmethod
    def spec(name: str) -> dict[str, Any]:
        return {"id": name, "runner": "timer", "total": 3, "stepMs": 5}

    def post(self, server: Server) -> None:
        if server.request("POST", "/api/v1/sse/progress/ann", {"n": self.posted + 1}).status == 202:
            self.posted += 1
            self.count()

    def check(self, server: Server) -> None:
        """After a restart: all that was acknowledged is there; one change of each client may be more than was heard."""
        for number in range(REPORTERS):
            done = server.job(f"job-{number}")["done"]
            assert done - self.done[number] in (0, 1), (done, self.done[number])
            self.done[number] = done
        for name in self.created:
            assert server.request("GET", f"/v1/jobs/{name}").status == 200, name
        if self.created:
            name = self.chance.choice(self.created)
            again = server.request("POST", "/v1/jobs", self.spec(name), headers={"Idempotency-Key": name})
            assert (again.status, again.json()["id"]) == (200, name), "its key is known"
        latest = server.request("GET", "/api/v1/sse/progress/status/ann").json()
        posted = latest["n"] if latest else 0
        assert posted - self.posted in (0, 1)
        self.posted = posted


class Reader:
    """Follows a job of which each event is one step, over all servers."""

    def __init__(self, number: int) -> None:
        self.job = f"job-{number}"
        self.last_id: str | None = None
        self.done = 0

    def read(self, server: Server, faults: list[str]) -> None:
        try:
            self.follow(server.stream(f"/v1/jobs/{self.job}/events", last_event_id=self.last_id), faults)
        except GONE:
            return

    def follow(self, stream: Stream, faults: list[str]) -> None:
        while True:
            event = stream.next()
            step = 0 if event.type == "snapshot" else 1
            if event.type not in ("snapshot", "progress"):
                faults.append(f"{self.job}: {event.type} {event.data}")
            elif self.last_id is not None and event.json["done"] != self.done + step:
                faults.append(f"{self.job}: {event.json['done']} after {self.done} ({self.last_id} -> {event.id})")
            self.done, self.last_id = event.json["done"], event.id


def kill_at_its_start(server: Callable[..., Server], chance: random.Random, *flags: str) -> bool:
    """At a random moment of it; half of them not before it listens. Whether it was reading its journal."""
    starting = server(*flags, ready=False)
    if listens := chance.random() < 0.5:
        while "listening on" not in (starting.log.next() or "listening on"):
            pass
    time.sleep(chance.uniform(0, RECOVERY_S if listens else START_S))
    starting.process.kill()
    starting.process.wait()
    starting.log.finish()
    starting.stopped = True
    said = "\n".join(starting.log.all)
    return "listening on" in said and "were read again" not in said


def test_no_creation_is_lost_in_a_round_that_is_cut_short(server: Callable[..., Server], tmp_path: Path) -> None:
    """More jobs and keys than a slice takes: when the process ends, some have their rows and some have not."""
    journal = ("--journal", f"sqlite:{tmp_path / 'journal'}", "--durability", "relaxed")
    first = server(*journal)
    names = [f"job-{number}" for number in range(1_200)]
    with first.connect() as connection:
        for name in names:
            body = json.dumps({"id": name, "runner": "external"}).encode()
            assert connection.request("POST", "/v1/jobs", {**JSON, "Idempotency-Key": name}, body).status == 201
    kill(first)
    for _ in range(3):
        running = server(*journal, "--journal-log-bytes", "1KiB")
        with closing(sqlite3.connect(f"file:{tmp_path / 'journal'}?mode=ro", uri=True)) as db:
            wait_until(lambda: db.execute("SELECT count(*) FROM idempotency_key").fetchone() != (0,), "the first slice")
        kill(running)
    last = server(*journal)
    assert last.stats()["jobs"]["pending"] == len(names)


@pytest.mark.parametrize("durability", ["full", "relaxed"])
def test_nothing_acknowledged_is_lost_and_no_reader_is_misled(
    server: Callable[..., Server], tmp_path: Path, durability: str
) -> None:
    seed = int(os.environ.get("PROGRESSD_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"repeat with PROGRESSD_TEST_SEED={seed}")
    chance = random.Random(seed)
    journal = (
        "--journal", f"sqlite:{tmp_path / 'journal'}", "--durability", durability,
        "--history-events", "100000", "--journal-log-bytes", "1KiB",
    )  # fmt: skip
    load = Load(chance)
    running = server(*journal)
    load.begin(running)
    in_recovery = 0
    cuts = set()
    for _ in range(KILLS):
        load.run(running, chance.randrange(1, 80))
        in_recovery += kill_at_its_start(server, chance, *journal)
        running = server(*journal)
        load.check(running)
        with closing(sqlite3.connect(f"file:{tmp_path / 'journal'}?mode=ro", uri=True)) as db:
            cuts.update(db.execute("SELECT value FROM meta WHERE name = 'cut_through'").fetchone())
    print(f"{KILLS} kills under load, {in_recovery} while the journal was read, {load.acknowledged} changes acknowledged")
    assert len(cuts) > KILLS // 2, "the log was cut too seldom: this shows nothing of that"
    for reader in load.readers:
        with running.follow(reader.job, last_event_id=reader.last_id) as stream:
            missing = running.job(reader.job)["done"] - reader.done
            assert [event.json["done"] for event in stream.take(missing)] == list(
                range(reader.done + 1, reader.done + missing + 1)
            )
