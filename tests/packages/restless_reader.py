"""Who asks all the while that a service is upgraded: readers that resume, a worker that reports, and somebody who
only connects. Each is a thread."""

from __future__ import annotations

import json
import threading
from typing import Callable

from harness import Connection, Stream, patience, request_bytes, wait_until

Address = tuple[str, int]
AHEAD_MAX = 100  # reports; a stream resumes within the last 256 events


class Asking:
    """A thread that does something again and again until it is told to end; what it saw go wrong is kept."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.refused: list[str] = []
        self.over = False
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()

    def _go_on(self) -> None:
        while not self.over:
            try:
                self.ask()
            except ConnectionRefusedError as error:
                self.refused.append(str(error))
            except (OSError, EOFError):
                pass  # taken by a process that ended: it asks again

    def ask(self) -> None:
        raise NotImplementedError

    def join(self) -> None:
        self._thread.join(3 * patience())
        assert not self._thread.is_alive(), f"{type(self).__name__} has not ended"

    def end(self) -> None:
        self.over = True
        self.join()


class Reader(Asking):
    """Follows a job to its end, through as many connections as that takes."""

    def __init__(self, address: Address, job: str) -> None:
        self.job = job
        self.done: list[int] = []
        self.ids: list[str] = []
        self.gaps = 0
        self.connections = 0
        super().__init__(address)

    def ask(self) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.ids:
            headers["Last-Event-ID"] = self.ids[-1]
        with Connection(self.address) as connection:
            connection.send(request_bytes(self.address, "GET", f"/v1/jobs/{self.job}/events", headers))
            stream = Stream(connection)
            if stream.status != 200:
                return
            self.connections += 1
            while not self.over:
                event = stream.next()
                self.gaps += event.type == "gap"
                self.ids.append(event.last_event_id)
                self.done.append(event.json["done"])
                self.over = event.json["state"] == "completed"


class Worker(Asking):
    """Reports one step after the other, as fast as the readers read, until it is told to finish the job."""

    def __init__(self, address: Address, job: str, readers: list[Reader]) -> None:
        self.job = job
        self.readers = readers
        self.done = 0
        super().__init__(address)

    def ask(self) -> None:
        wait_until(self._may_go_on, "every reader to come after the worker", 3 * patience())
        if self.report(done=self.done + 1):
            self.done += 1

    def _may_go_on(self) -> bool:
        return self.over or all(self.done - max(reader.done, default=0) < AHEAD_MAX for reader in self.readers)

    def report(self, **fields: object) -> bool:
        with Connection(self.address) as connection:
            sent = {"Content-Type": "application/json", "Connection": "close"}
            answer = connection.request("PATCH", f"/v1/jobs/{self.job}", sent, json.dumps(fields).encode())
        return bool(answer.status == 200)

    def finish(self) -> None:
        self.end()
        assert self.report(state="completed")


class Visitor(Asking):
    """Makes a connection, asks how the server is, and goes."""

    def __init__(self, address: Address) -> None:
        self.answers = 0
        super().__init__(address)

    def ask(self) -> None:
        with Connection(self.address) as connection:
            connection.request("GET", "/healthz", {"Connection": "close"})
        self.answers += 1


def until_more(count: Callable[[], int], more: int, what: str) -> None:
    """Waits until there are so many more than now."""
    before = count()
    wait_until(lambda: count() >= before + more, what, 3 * patience())
