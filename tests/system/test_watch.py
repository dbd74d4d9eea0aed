"""--watch: somebody else's status URL, polled once for everybody, and streamed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import Server, Stream, assert_problem, patience, wait_until


def has_closed(peer: socket.socket) -> bool:
    try:
        return peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class StatusServer:
    """A status URL that answers as a test says; it counts what is asked of it, and over how many connections."""

    def __init__(self) -> None:
        self.answer: Callable[[socket.socket], bool] = self.status("pending")
        self.paths: list[str] = []
        self.connections_max = 0  # at one time
        self._peers: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/status" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            # Asked of the kernel, as the threads may not have noticed yet who is gone.
            self._peers = [other for other in self._peers if not has_closed(other)] + [peer]
            self.connections_max = max(self.connections_max, len(self._peers))
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            while head := self._read_head(peer):
                self.paths.append(head.split()[1].decode())
                if not self.answer(peer):
                    return

    @staticmethod
    def _read_head(peer: socket.socket) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = peer.recv(4096)
            if not more:
                return b""
            head += more
        return head

    def close(self) -> None:
        self._listener.close()

    # -- answers: each says whether the connection stays

    @staticmethod
    def raw(status: str, body: bytes, fields: str = "") -> Callable[[socket.socket], bool]:
        def answer(peer: socket.socket) -> bool:
            peer.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body)
            return True

        return answer

    @classmethod
    def status(cls, result: str, message: str | None = None) -> Callable[[socket.socket], bool]:
        said = {"result": result, "other": [1]} | ({} if message is None else {"message": message})
        return cls.raw("200 OK", json.dumps(said).encode(), "Content-Type: application/json\r\n")

    @staticmethod
    def hang(peer: socket.socket) -> bool:
        peer.recv(1)  # until the other side gives up
        return False

    @staticmethod
    def reset(peer: socket.socket) -> bool:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def elsewhere(self, peer: socket.socket) -> bool:
        return self.raw("302 Found", b"", f"Location: {self.url}-elsewhere\r\n")(peer)


@pytest.fixture
def upstream() -> Iterator[StatusServer]:
    upstream = StatusServer()
    yield upstream
    upstream.close()


def watch_of(server: Server, name: str = "job") -> dict[str, Any]:
    return next(watch for watch in server.request("GET", "/v1/stats").json()["watches"] if watch["name"] == name)


def watching(server: Callable[..., Server], upstream: StatusServer, *flags: str) -> Server:
    return server("--watch", f"job={upstream.url},interval=20ms", *flags)


def test_each_change_is_streamed_and_the_end_ends_the_stream(
    server: Callable[..., Server], upstream: StatusServer
) -> None:
    upstream.answer = upstream.status("pending")
    watcher = watching(server, upstream)
    early = watcher.stream("/client_status?watch=job")
    assert early.status == 200 and early.head["Content-Type"] == "text/event-stream"
    assert early.next().data == '{"result": "pending"}'
    upstream.answer = upstream.status("pending", "it's half way")
    event = early.next()
    assert event.data == '{"result": "pending", "message": "it\\u0027s half way"}'
    assert event.id and not event.named
    late = watcher.stream("/client_status?watch=job")
    assert late.next().data == event.data, "who comes late is told the last good status first"
    upstream.answer = upstream.status("completed")
    for stream in (early, late):
        assert [event.data for event in stream.rest()] == ['{"result": "completed"}']
        assert not stream.cut

    # A reconnect that has seen the end stops there; a fresh reader is told how it stands.
    assert watcher.stream("/client_status", last_event_id=early.last_event_id).status == 204
    assert [event.data for event in watcher.stream("/client_status").rest()] == ['{"result": "completed"}']
    # Polling goes on: what begins anew is seen.
    upstream.answer = upstream.status("pending", "again")
    wait_until(lambda: watch_of(watcher)["result"] == "pending", "the next job's status")
    assert watcher.stream("/client_status").next().json == {"result": "pending", "message": "again"}


def test_a_reader_that_was_cut_off_gets_what_it_missed(server: Callable[..., Server], upstream: StatusServer) -> None:
    watcher = watching(server, upstream)
    witness = watcher.stream("/client_status")
    with watcher.stream("/client_status") as stream:
        seen = stream.next()
    for result in ("queued", "running", "uploading"):
        upstream.answer = upstream.status(result)
        assert witness.until(lambda event: event.json["result"] == result)
    resumed = watcher.stream("/client_status", last_event_id=seen.last_event_id)
    assert [event.json["result"] for event in resumed.take(3)] == ["queued", "running", "uploading"]
    # An id of another process, or of nobody, is no error: the reader is told how it stands.
    strange = watcher.stream("/client_status", last_event_id="12345678-1")
    assert strange.next().json == {"result": "uploading"}


def test_a_reader_that_missed_the_end_is_told_of_it_although_another_job_has_begun(
    server: Callable[..., Server], upstream: StatusServer
) -> None:
    watcher = watching(server, upstream)
    witness = watcher.stream("/client_status")
    with watcher.stream("/client_status") as stream:
        seen = stream.next()
    upstream.answer = upstream.status("error", "no disk")
    assert len(witness.rest()) == 2
    upstream.answer = upstream.status("pending", "again")
    wait_until(lambda: watch_of(watcher)["result"] == "pending", "the next job's status")
    resumed = watcher.stream("/client_status", last_event_id=seen.last_event_id)
    assert [event.json for event in resumed.rest()] == [{"result": "error", "message": "no disk"}]
    assert not resumed.cut
    # Who saw that end before it was cut off follows the next one.
    follows = watcher.stream("/client_status", last_event_id=witness.last_event_id)
    assert follows.next().json == {"result": "pending", "message": "again"}
    upstream.answer = upstream.status("completed")
    assert [event.json for event in follows.rest()] == [{"result": "completed"}]


FAILURES: dict[str, Callable[[StatusServer], Callable[[socket.socket], bool]]] = {
    "hangs": lambda upstream: upstream.hang,
    "resets": lambda upstream: upstream.reset,
    "status 500": lambda upstream: upstream.raw("500 Oops", b'{"result":"completed"}'),
    "status 204": lambda upstream: upstream.raw("204 No Content", b""),
    "redirects": lambda upstream: upstream.elsewhere,
    "bad JSON": lambda upstream: upstream.raw("200 OK", b'{"result":'),
    "no object": lambda upstream: upstream.raw("200 OK", b'["completed"]'),
    "no result": lambda upstream: upstream.raw("200 OK", b'{"status":"completed"}'),
    "a result that is no string": lambda upstream: upstream.raw("200 OK", b'{"result":7}'),
    "bad UTF-8": lambda upstream: upstream.raw("200 OK", b'{"result":"\xff"}'),
    "10 MB": lambda upstream: upstream.raw("200 OK", b'{"result":"%s"}' % (b"x" * 10_000_000)),
    "not HTTP": lambda upstream: lambda peer: peer.sendall(b"hello\r\n\r\n") is not None,
}


@pytest.mark.parametrize("how", FAILURES)
def test_readers_see_nothing_of_a_failure(server: Callable[..., Server], upstream: StatusServer, how: str) -> None:
    watcher = watching(server, upstream, "--keepalive", "100ms")
    streams = [watcher.stream("/client_status") for _ in range(20)]
    for stream in streams:
        assert stream.next().json == {"result": "pending"}
    upstream.answer = FAILURES[how](upstream)
    failing = wait_until(lambda: (found := watch_of(watcher))["failuresInARow"] >= 2 and found, "two failures")
    assert failing["failure"] and failing["result"] == "pending"
    metrics = watcher.request("GET", "/metrics").body.decode()
    assert int(re.findall(r'^progressd_watch_failures_total\{watch="job"\} (\d+)$', metrics, re.MULTILINE)[0]) >= 2
    assert 'progressd_watch_up{watch="job"} 0' in metrics
    # Nothing but keepalives came meanwhile, to those who were there and to who comes now.
    late = watcher.stream("/client_status")
    assert late.next().json == {"result": "pending"}
    for stream in streams:
        stream.comments_until(len(stream.parser.comments) + 2)
    upstream.answer = upstream.status("completed", "after all")
    for stream in (*streams, late):
        assert [event.json for event in stream.rest()] == [{"result": "completed", "message": "after all"}]
    assert watch_of(watcher)["failure"] is None
    assert upstream.connections_max == 1, "one connection at most, however many readers"
    assert set(upstream.paths) == {"/status"}, "no redirect was followed"
    assert any("watch job" in line for line in watcher.log.all), "the log tells"


def test_before_the_first_good_status_there_is_a_stream_without_events(
    server: Callable[..., Server], upstream: StatusServer
) -> None:
    upstream.answer = upstream.raw("503 Busy", b"")
    watcher = watching(server, upstream, "--keepalive", "100ms")
    stream = watcher.stream("/client_status?watch=job")
    stream.comments_until(2)
    upstream.answer = upstream.status("pending")
    assert stream.next().json == {"result": "pending"}


def test_several_are_told_apart_by_name(server: Callable[..., Server], upstream: StatusServer) -> None:
    other = StatusServer()
    other.answer = other.status("uploading")
    flags = ("--watch", f"a={upstream.url},interval=20ms", "--watch", f"b={other.url},interval=20ms")
    watcher = server(*flags)
    assert watcher.stream("/client_status?watch=a").next().json == {"result": "pending"}
    assert watcher.stream("/client_status?watch=b").next().json == {"result": "uploading"}
    assert_problem(watcher.request("GET", "/client_status"), 422, "watch")
    assert_problem(watcher.request("GET", "/client_status?watch="), 422, "watch")
    assert_problem(watcher.request("GET", "/client_status?watch=c"), 404, "'c'")
    assert_problem(watcher.request("GET", "/client_status?watch=a", headers={"Accept": "text/html"}), 406)
    topics = [topic for stream in watcher.request("GET", "/v1/streams").json()["streams"] for topic in stream["topics"]]
    assert sorted(topics) == ["watch:a", "watch:b"]
    other.close()


def test_a_drain_ends_the_streams_of_a_watch_that_hangs(
    server: Callable[..., Server], upstream: StatusServer
) -> None:
    watcher = watching(server, upstream)
    stream = watcher.stream("/client_status")
    stream.next()
    upstream.answer = upstream.hang
    polls = len(upstream.paths)
    wait_until(lambda: len(upstream.paths) > polls, "a poll that hangs")
    watcher.process.terminate()
    assert stream.rest() == [] and not stream.cut
    watcher.stop()  # which checks the exit status


SLOW_LOOKUP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
  if (node != NULL && strcmp(node, "slow.test") == 0) {
    fclose(fopen(getenv("LOOKUP_BEGUN"), "w"));
    for (;;) pause();
  }
  int (*real)(const char*, const char*, const struct addrinfo*, struct addrinfo**);
  *(void**)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  return real(node, service, hints, found);
}
"""


def test_a_lookup_that_hangs_stops_neither_the_loop_nor_the_exit(
    server: Callable[..., Server], upstream: StatusServer, tmp_path: Path
) -> None:
    source, library, begun = tmp_path / "slow.c", tmp_path / "slow.so", tmp_path / "begun"
    source.write_text(SLOW_LOOKUP)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    watcher = server(
        *("--watch", "slow=http://slow.test/status,interval=20ms"),
        *("--watch", f"quick={upstream.url},interval=20ms"),
        environment={
            "LD_PRELOAD": str(library),
            "LOOKUP_BEGUN": str(begun),
            # A sanitizer wants to be the first library; it need not be for this one.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        },
    )
    wait_until(begun.exists, "the look-up")
    # While it hangs, others are answered and watched, and its own readers wait.
    waiting = watcher.stream("/client_status?watch=slow")
    assert waiting.status == 200
    polls = len(upstream.paths)
    wait_until(lambda: len(upstream.paths) > polls + 10, "the other watch to go on")
    assert watcher.stream("/client_status?watch=quick").next().json == {"result": "pending"}
    wait_until(lambda: watch_of(watcher, "slow")["failuresInARow"] >= 1, "it to be given up")
    assert watcher.stats()["loopLagMs"]["max"] < 1_000 * patience(), "no turn of the loop waited for it"
    watcher.process.terminate()
    assert waiting.rest() == [] and not waiting.cut
    watcher.stop()  # which checks that it ends, and how


def test_the_job_that_everybody_shares_ends_and_is_begun_anew(server: Callable[..., Server]) -> None:
    """The seed's own two processes: the status that is watched has no id, and each asker of it may begin the job."""
    jobs = server("--demo-duration", "2s")
    library = server("--watch", f"status={jobs.url}/status,interval=50ms")

    def assert_followed(streams: list[Stream]) -> None:
        for stream in streams:
            assert [event.data for event in stream.rest()] == ['{"result": "pending"}', '{"result": "completed"}']
            assert not stream.cut

    first = [library.stream("/client_status") for _ in range(3)]
    assert_followed(first)
    begun = jobs.job("status-demo")["createdAt"]
    # Its end stays the answer for a while. Then a poll begins it anew, though nobody but the watch asks.
    wait_until(lambda: watch_of(library, "status")["result"] == "pending", "it to be begun anew")
    assert jobs.job("status-demo")["createdAt"] > begun
    back = library.stream("/client_status", last_event_id=first[0].last_event_id)
    assert_followed([back, library.stream("/client_status")])


def test_two_processes_reproduce_the_status_server_and_its_library(server: Callable[..., Server]) -> None:
    """One runs the jobs and answers GET /status; the other saves callers from polling it."""
    jobs = server()
    job = jobs.external()  # which is over when the test says so, however slow the machine is
    library = server("--watch", f"status={jobs.url}/status?job_id={job['id']},interval=20ms")
    with library.stream("/client_status") as stream:
        assert stream.next().json == {"result": "pending"}
        jobs.patch(job, state="completed")
        assert [event.json for event in stream.rest()] == [{"result": "completed"}]
    assert jobs.request("GET", f"/status?job_id={job['id']}").json() == {"result": "completed"}
