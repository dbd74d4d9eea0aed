"""Processor instructions and system calls per delivered update, counted by callgrind. Counts, unlike
times, are the same on a busy machine.

progressd runs under valgrind once, for all loads. callgrind writes down its counters and sets them
back whenever the server is asked for /v1/stats:

    streams are opened │ /v1/stats │ nothing │ /v1/stats │ a load │ /v1/stats │ the next load │ …
                                     └ what /v1/stats itself costs, taken off the others

Each load comes several times and the least count stands: a machine that is slower lets more of the
server's timers go off meanwhile, which can only add.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from lock_step import Reader, Requests
from server_process import ServerProcess
from settings import Trouble

# The handler of /v1/stats, as callgrind sees it.
MARK = "progressd::OperationsApi::stats(*"
READERS = 100
JOBS = 100
BROADCAST = "broadcast"  # the job that all readers of the first load follow
LINES = 50
TIMES = 3
# Rounds of a load before it is counted: first uses and first growth are over then.
WARMUP_ROUNDS = 10
MESSAGE = "encoding the second pass"


@dataclass(frozen=True)
class Cost:
    """Of one delivered update."""

    instructions: float
    system_calls: float


class Subject:
    """A server with its jobs and readers, and the three ways to report on them."""

    def __init__(self, port: int) -> None:
        self._requests = Requests(port)
        self._done = 0
        names = [BROADCAST, *(f"job-{i}" for i in range(JOBS))]
        for name in names:
            job = {"id": name, "runner": "external", "total": 1_000_000}
            self._requests.ask("POST", "/v1/jobs", json.dumps(job))
        self._crowd = [Reader(port, f"/v1/jobs/{BROADCAST}/events") for _ in range(READERS)]
        self._readers = {name: Reader(port, f"/v1/jobs/{name}/events") for name in names[1:]}
        self._names = names[1:]

    def mark(self) -> None:
        self._requests.ask("GET", "/v1/stats")

    def broadcast(self, rounds: int) -> None:
        """One job to all of the crowd, a report a request."""
        for _ in range(rounds):
            self._patch(BROADCAST)
            for reader in self._crowd:
                reader.take_event()

    def reports(self, rounds: int) -> None:
        """Half of the jobs in one request, then the other half."""
        for number in range(rounds):
            names = self._names[:LINES] if number % 2 else self._names[-LINES:]
            self._done += 1
            lines = [json.dumps({"job": name, "done": self._done, "message": MESSAGE}) for name in names]
            self._requests.ask("POST", "/v1/reports", "\n".join(lines), "application/x-ndjson")
            for name in names:
                self._readers[name].take_event()

    def patches(self, rounds: int) -> None:
        """A request per update, each about another job."""
        for number in range(rounds):
            name = self._names[number % JOBS]
            self._patch(name)
            self._readers[name].take_event()

    def close(self) -> None:
        for connection in [self._requests, *self._crowd, *self._readers.values()]:
            connection.close()

    def _patch(self, name: str) -> None:
        self._done += 1
        report = {"done": self._done, "message": MESSAGE}
        self._requests.ask("PATCH", f"/v1/jobs/{name}", json.dumps(report))


@dataclass(frozen=True)
class Load:
    name: str
    run: Callable[[Subject, int], None]
    rounds: int
    updates_a_round: int


LOADS = [
    Load("broadcast", Subject.broadcast, 200, READERS),
    Load("reports", Subject.reports, 100, LINES),
    Load("patch", Subject.patches, 1_000, 1),
]


def measure(progressd: str, profiles: Path) -> dict[str, Cost]:
    """The cost of each load by its name. Leaves NAME.callgrind in `profiles` for callgrind_annotate."""
    counters = profiles / "counters"
    in_order = LOADS * TIMES
    with _started(progressd, counters) as server, closing(Subject(server.port)) as subject:
        for load in LOADS:
            load.run(subject, WARMUP_ROUNDS)
        subject.mark()
        subject.mark()
        for load in in_order:
            load.run(subject, load.rounds)
            subject.mark()
    # The first mark ends what came before, the second one "nothing".
    marks = [counters.with_name(f"{counters.name}.{n}") for n in range(1, len(in_order) + 3)]
    if not all(path.exists() for path in marks):
        raise Trouble(f"callgrind did not see {MARK}: was it renamed, or inlined?")
    nothing = read_totals(marks[1].read_text())
    counts: dict[str, list[dict[str, int]]] = {load.name: [] for load in LOADS}
    for load, path in zip(in_order, marks[2:]):
        counts[load.name].append(read_totals(path.read_text()))
        path.rename(profiles / f"{load.name}.callgrind")
    for left in profiles.glob(f"{counters.name}*"):
        left.unlink()

    def each(load: Load, event: str) -> float:
        least = min(totals[event] for totals in counts[load.name])
        return (least - nothing[event]) / (load.rounds * load.updates_a_round)

    return {load.name: Cost(each(load, "Ir"), each(load, "sysCount")) for load in LOADS}


def read_totals(profile: str) -> dict[str, int]:
    """Source: the Valgrind manual, "Callgrind Format Specification": the lines events: and totals:."""
    lines = dict(line.split(": ", 1) for line in profile.splitlines() if ": " in line)
    if "events" not in lines or "totals" not in lines:
        raise Trouble("callgrind wrote no totals")
    totals = map(int, lines["totals"].split())  # without the zeros at its end
    return dict(zip_longest(lines["events"].split(), totals, fillvalue=0))


@contextmanager
def _started(progressd: str, counters: Path) -> Iterator[ServerProcess]:
    if not shutil.which("valgrind"):
        raise Trouble("valgrind is missing: apt-get install valgrind")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counters}"]
    command += [f"--dump-before={MARK}", "--collect-systime=yes"]
    command += [progressd, "--listen", "127.0.0.1:0", "--job-threads", "1"]
    with ServerProcess("progressd", command, core=None) as server:
        yield server
