"""A restart that nobody notices: a new process takes the connections and the journal of an old one over, under load."""

from __future__ import annotations

import json
import resource
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Server, assert_problem, patience, request_bytes, sanitized, wait_until
from steady_load import Follower, Followers, Worker, check_sequence, histogram

Start = Callable[..., Server]
WAITS = "waiting for its end"
JSON = {"Content-Type": "application/json"}


class Load:
    """Workers and readers on one address."""

    def __init__(self, running: Server, *, jobs: int, streams: int, workers: int, per_second: float) -> None:
        ids = [running.external(total=1_000_000)["id"] for _ in range(jobs)]
        pause = workers / per_second
        self.workers = [Worker(running.address, ids[i::workers], pause) for i in range(workers)]
        self.followers = Followers(running.address, ids, streams)

    def __enter__(self) -> Load:
        self.followers.start()
        self.wait_for("all streams", lambda follower: follower.opened == 1)
        for worker in self.workers:
            worker.start()
        self.wait_for("news on all streams", lambda follower: len(follower.done) > 2)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.stop()
        self.followers.stop()

    def faults(self) -> list[str]:
        return self.followers.faults + [fault for worker in self.workers for fault in worker.faults]

    def wait_for(self, what: str, holds: Callable[[Follower], bool]) -> None:
        def all_hold() -> bool:
            assert not self.faults(), self.faults()
            return all(holds(follower) for follower in self.followers.all)

        wait_until(all_hold, what, timeout=4 * patience())

    def reports(self) -> int:
        return sum(worker.answers[200] for worker in self.workers)

    def finish(self, running: Server) -> None:
        """Ends the reports, and checks that all were kept, and seen by every reader."""
        for worker in self.workers:
            worker.stop()
        acknowledged = {job: done for worker in self.workers for job, done in worker.acknowledged.items()}
        repeated = {report for worker in self.workers for report in worker.repeated}
        # The last one may have been made, and its worker told to stop before it was answered.
        last = {job: running.job(job)["done"] for job in acknowledged}
        for job, done in acknowledged.items():
            assert last[job] == done, f"{job}: {done} was acknowledged, {last[job]} is there"
        self.wait_for("the last event", lambda follower: bool(follower.done) and follower.done[-1] == last[follower.job])
        self.followers.stop()
        for follower in self.followers.all:
            check_sequence(follower, repeated, last[follower.job])


def successor(server: Start, first: Server, *flags: str) -> Server:
    """Another process on the same address, which waits for the journal."""
    second = server(*flags, listen=[f"127.0.0.1:{first.address[1]}"], ready=False)
    second.wait_for_log(WAITS)
    return second


def hand_over_by_port(server: Start, tmp_path: Path, **load: Any) -> None:
    drain = 3.0
    flags = ("--reuse-port", "--journal", f"sqlite:{tmp_path}/journal", "--drain", f"{drain:.0f}s")
    first = server(*flags)
    with Load(first, **load) as under:
        second = successor(server, first, *flags)
        terminated = time.monotonic()
        first.terminate()
        second.wait_for_ready()
        taken_over = time.monotonic() - terminated
        assert first.wait() == 0
        reports = under.reports()
        under.wait_for("all streams to come back", lambda follower: follower.opened == 2)
        wait_until(lambda: under.reports() > reports + 50, "reports to go on")
        under.finish(second)
        ends = under.followers.ends
        counts = histogram(ends, terminated, drain)
        answers = sum((worker.answers for worker in under.workers), Counter())
        print(f"taken over after {taken_over * 1000:.0f} ms; answers {dict(answers)}; ends by tenth of --drain: {counts}")
    assert len(ends) == len(under.followers.all)
    assert max(ends) - min(ends) > drain / 3, "all at once is a stampede"
    if len(ends) >= 1_000 and not sanitized():
        assert max(counts) < 3 * len(ends) / len(counts), counts


def test_by_port_under_load(server: Start, tmp_path: Path) -> None:
    hand_over_by_port(server, tmp_path, jobs=20, streams=200, workers=4, per_second=300)


@pytest.mark.scale
def test_by_port_with_ten_thousand_streams(server: Start, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        hand_over_by_port(server, tmp_path, jobs=1_000, streams=10_000, workers=4, per_second=300)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_by_a_passed_socket_under_load(server: Start, tmp_path: Path) -> None:
    flags = ("--journal", f"sqlite:{tmp_path}/journal", "--drain", "1s")
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        first = server(*flags, passed=listener)
        with Load(first, jobs=20, streams=200, workers=4, per_second=300) as under:
            first.terminate()
            assert first.wait() == 0
            second = server(*flags, passed=listener)
            under.wait_for("all streams to come back", lambda follower: follower.opened == 2)
            under.finish(second)


def end(running: Server) -> None:
    """Ends one that drains for an hour."""
    running.terminate()
    assert running.wait() == 0


def test_new_connections_are_the_new_ones_at_once(server: Start) -> None:
    first = server("--reuse-port", "--drain", "1h")
    job = first.external()
    staying = first.follow(job)
    kept = first.connect()
    second = server("--reuse-port", listen=[f"127.0.0.1:{first.address[1]}"])
    for _ in range(50):
        assert second.request("GET", f"/v1/jobs/{job['id']}").status == 404, "its own journal is in memory"
    assert kept.request("GET", f"/v1/jobs/{job['id']}").status == 200
    assert staying.next().type == "snapshot"
    first.terminate()
    first.wait_for_log("draining")
    assert_problem(kept.request("GET", f"/v1/jobs/{job['id']}"), 503)
    end(first)
    # The second of two is the newest again.
    third = server("--reuse-port", listen=[f"127.0.0.1:{first.address[1]}"])
    made = third.external()
    for _ in range(50):
        assert third.request("GET", f"/v1/jobs/{made['id']}").status == 200


def test_who_asks_for_a_stream_meanwhile_is_sent_away_without_503(server: Start) -> None:
    """An EventSource gives up for good on 503; on a connection that ends it comes again."""
    first = server("--reuse-port", "--drain", "1h")
    job = first.external()
    staying = first.follow(job)
    kept = [first.connect() for _ in range(2)]
    for connection in kept:
        assert connection.request("GET", "/healthz").status == 200
    first.terminate()
    first.wait_for_log("draining")
    kept[0].send(request_bytes(first.address, "GET", f"/v1/jobs/{job['id']}/events", {"Accept": "text/event-stream"}))
    with pytest.raises((EOFError, ConnectionResetError)):
        kept[0].read_head()
    assert_problem(kept[1].request("POST", "/v1/jobs", JSON, b"{}"), 503)
    assert staying.next().type == "snapshot"
    end(first)


def test_who_waits_to_be_accepted_is_accepted_before_the_end(server: Start) -> None:
    running = server("--drain", "1h")
    staying = running.follow(running.external())
    # More than are accepted in a turn of the loop, so that some still wait when it hears of its end.
    running.process.send_signal(signal.SIGSTOP)
    connections = [Connection(running.address, wait=False) for _ in range(600)]
    running.terminate()
    running.process.send_signal(signal.SIGCONT)
    for connection in connections:
        with connection:
            connection.socket.settimeout(patience())
            # Some are accepted before the loop hears of the end.
            assert connection.request("GET", "/healthz").status in (200, 503)
    assert staying.next().type == "snapshot"
    end(running)


def test_a_journal_that_is_not_given_up_ends_the_wait(server: Start, tmp_path: Path) -> None:
    flags = ("--reuse-port", "--journal", f"sqlite:{tmp_path}/journal")
    first = server(*flags)
    second = Server(*flags, "--takeover-wait", "300ms", listen=[f"127.0.0.1:{first.address[1]}"], ready=False)
    with pytest.raises(AssertionError, match="ended with 1(.|\n)*waiting for its end(.|\n)*another process writes it"):
        second.wait_for_ready()
    assert first.external()["id"], "new connections are the old one's again"


def test_who_waits_for_a_journal_can_be_ended(server: Start, tmp_path: Path) -> None:
    flags = ("--reuse-port", "--journal", f"sqlite:{tmp_path}/journal")
    first = server(*flags)
    second = Server(*flags, listen=[f"127.0.0.1:{first.address[1]}"], ready=False)
    second.wait_for_log("waiting for its end")
    second.terminate()
    assert second.wait() == 0
    assert first.external()["id"], "the journal is the old one's still"


def test_without_the_flag_the_address_and_the_journal_are_taken(server: Start, tmp_path: Path) -> None:
    first = server("--reuse-port", "--journal", f"sqlite:{tmp_path}/journal")
    with pytest.raises(AssertionError, match="ended with 1(.|\n)*can't listen on"):
        Server(listen=[f"127.0.0.1:{first.address[1]}"])
    with pytest.raises(AssertionError, match="ended with 1(.|\n)*another process writes it.*with --reuse-port on both"):
        Server("--journal", f"sqlite:{tmp_path}/journal")


def test_the_journal_is_given_up_while_streams_are_still_ended(server: Start, tmp_path: Path) -> None:
    """What was answered is there, jobs go on in the other process, and nobody runs them twice."""
    flags = ("--journal", f"sqlite:{tmp_path}/journal")
    first = server(*flags, "--drain", "1h")
    runs = [first.create(runner=runner, total=1_000_000, stepMs=5, stepWork=5) for runner in ("timer", "cpu")]
    followed = first.external(total=10)
    streams = [first.follow(followed) for _ in range(3)]
    for run in runs:
        wait_until(lambda run=run: first.job(run)["done"] > 2, "the job to run")
    first.patch(followed, done=3)
    first.terminate()
    first.wait_for_log("is closed")
    assert first.process.poll() is None
    second = server(*flags)
    assert second.job(followed)["done"] == 3
    for run in runs:
        assert second.wait_for_state(run, "active")["attempt"] in (1, 2)
        wait_until(lambda run=run: second.job(run)["attempt"] == 2, "the job to be resumed")
    for stream in streams:
        assert [event.json["done"] for event in stream.until(lambda event: event.json["done"] == 3)][-1] == 3
    end(first)


def test_changes_that_wait_for_the_disk_are_answered_before_the_journal_is_given_up(server: Start,
                                                                                   tmp_path: Path) -> None:  # fmt: skip
    flags = ("--journal", f"sqlite:{tmp_path}/journal")
    first = server(*flags, "--drain", "1s")
    answers: dict[str, int] = {}

    def create(worker: int) -> None:
        with Connection(first.address) as connection:
            for number in range(1_000):
                body = json.dumps({"id": f"{worker}-{number}", "runner": "external"}).encode()
                try:
                    status = connection.request("POST", "/v1/jobs", JSON, body).status
                except (EOFError, ConnectionError):
                    return
                answers[f"{worker}-{number}"] = status
                if status == 503:
                    return

    threads = [threading.Thread(target=create, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) > 50, "some to be made")
    first.terminate()
    assert first.wait() == 0
    for thread in threads:
        thread.join(patience())
    assert 503 in answers.values(), "the end came while they were at work"
    second = server(*flags)
    for job, status in answers.items():
        assert second.request("GET", f"/v1/jobs/{job}").status == (200 if status == 201 else 404), job
