"""Connections: how requests arrive, how clients leave, what happens at the limits."""

from __future__ import annotations

import selectors
import threading
import time
from typing import Any, Callable

import pytest
from harness import (
    Connection,
    Event,
    Server,
    Stream,
    assert_problem,
    assert_steps,
    patience,
    request_bytes,
    wait_until,
)

JSON = {"Content-Type": "application/json"}


# ------------------------------------------------------------------------------------------------ how requests come


def test_a_connection_serves_many_requests(shared: Server) -> None:
    with shared.connect() as connection:
        for n in range(50):
            made = connection.request("POST", "/v1/jobs", JSON, b'{"runner":"external","total":%d}' % (n + 1))
            assert made.status == 201 and made.json()["total"] == n + 1
            assert connection.request("GET", f"/v1/jobs/{made.json()['id']}").json()["total"] == n + 1


def test_connection_close_is_honoured(shared: Server) -> None:
    with shared.connect() as connection:
        answer = connection.request("GET", "/healthz", {"Connection": "close"})
        assert answer.status == 200 and (answer["Connection"] or "").lower() == "close"
        assert connection.closed_by_server()


def test_http_1_0_keep_alive_is_optional_but_consistent(shared: Server) -> None:
    with shared.connect() as connection:
        answer = connection.request("GET", "/healthz", {"Connection": "keep-alive"}, version="HTTP/1.0")
        assert answer.status == 200
        if (answer["Connection"] or "").lower() == "keep-alive":
            assert connection.request("GET", "/healthz").status == 200
        else:
            assert connection.closed_by_server()


def test_pipelined_requests_are_answered_in_order(shared: Server) -> None:
    jobs = [shared.external(total=n + 1) for n in range(20)]
    with shared.connect() as connection:
        requests = []
        for n, job in enumerate(jobs):
            target = f"/v1/jobs/{job['id']}"
            requests.append(request_bytes(shared.address, "GET", target))
            requests.append(request_bytes(shared.address, "PATCH", target, JSON, b'{"message":"%d"}' % n))
            requests.append(request_bytes(shared.address, "GET", "/nowhere"))
            requests.append(request_bytes(shared.address, "HEAD", target))
        connection.send(b"".join(requests))  # in one packet, or nearly
        for n, job in enumerate(jobs):
            assert connection.read_response().json() == job
            assert connection.read_response().json()["message"] == str(n)
            assert connection.read_response().status == 404
            assert connection.read_response("HEAD").status == 200


def test_a_stream_may_be_the_last_of_pipelined_requests(shared: Server) -> None:
    job = shared.external(total=2)
    connection = shared.connect()
    connection.send(
        request_bytes(shared.address, "GET", "/healthz")
        + request_bytes(shared.address, "GET", f"/v1/jobs/{job['id']}/events")
    )
    assert connection.read_response().status == 200
    with Stream(connection) as stream:
        assert stream.next().type == "snapshot"
        shared.patch(job, state="completed")
        assert stream.rest()[-1].type == "completed"


def test_what_is_pipelined_behind_a_stream_waits_for_its_end(shared: Server) -> None:
    job = shared.external(total=2)
    connection = shared.connect()
    connection.send(
        request_bytes(shared.address, "GET", f"/v1/jobs/{job['id']}/events")
        + request_bytes(shared.address, "GET", f"/v1/jobs/{job['id']}")
    )
    stream = Stream(connection)
    stream.next()
    shared.patch(job, state="completed")
    assert stream.rest()[-1].type == "completed" and not stream.cut
    connection.unread = stream.decoder.take_rest() + connection.unread
    try:
        assert connection.read_response().json()["state"] == "completed"
    except (EOFError, ConnectionResetError):
        pass  # a server may close after a stream: the client sees that its second request was not answered


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_chunked_request_bodies(shared: Server) -> None:
    head = request_bytes(shared.address, "POST", "/v1/jobs", {**JSON, "Transfer-Encoding": "chunked"})
    with shared.connect() as connection:
        for body in (
            chunked(b'{"runner":"external","total":7}'),
            chunked(b'{"runner":', b'"external"', b',"total":7', b"}"),
            b'5;name="value"\r\n{"run\r\n1A\r\nner":"external","total":7}\r\n000\r\nTrailer: x\r\n\r\n',
        ):
            connection.send(head + body)
            made = connection.read_response("POST")
            assert made.status == 201 and made.json()["total"] == 7, made
        connection.send(head + chunked())
        assert_problem(connection.read_response("POST"), 400)


def test_expect_100_continue(shared: Server) -> None:
    expecting = {**JSON, "Expect": "100-continue"}
    body = b'{"runner":"external"}'
    with shared.connect() as connection:
        announced = {**expecting, "Content-Length": str(len(body))}
        connection.send(request_bytes(shared.address, "POST", "/v1/jobs", announced))
        interim = connection.read_head()  # before a single byte of the body has been sent
        assert interim.status == 100
        connection.send(body)
        assert connection.read_response("POST").status == 201
    with shared.connect() as connection:  # who does not wait gets the same
        connection.send(request_bytes(shared.address, "POST", "/v1/jobs", expecting, body))
        assert connection.read_response("POST").status == 201
        assert connection.request("GET", "/healthz").status == 200


@pytest.mark.parametrize("method, target, headers, status", [
    ("POST", "/v1/jobs", {"Content-Type": "application/json", "Content-Length": str(2**30)}, 413),
    ("POST", "/v1/jobs", {"Content-Type": "text/plain", "Content-Length": "10"}, 415),
    ("POST", "/nowhere", {"Content-Type": "application/json", "Content-Length": "10"}, 404),
])  # fmt: skip
def test_expect_100_continue_may_be_answered_no(shared: Server, method: str, target: str, headers: dict[str, str],
                                                status: int) -> None:  # fmt: skip
    with shared.connect() as connection:
        connection.send(request_bytes(shared.address, method, target, {**headers, "Expect": "100-continue"}))
        head = connection.read_head()
        if head.status == 100:  # a server may find out only after the body
            assert status != 413, "it invites a body that it is going to refuse"
            connection.send(b'{"total":1')
            assert connection.read_response(method).status == status
        else:
            assert head.status == status


def test_requests_arrive_byte_by_byte(shared: Server) -> None:
    job = shared.external(total=9)
    whole = (
        request_bytes(shared.address, "PATCH", f"/v1/jobs/{job['id']}", JSON, b'{"done":4,"message":"\xc3\xa9"}')
        + request_bytes(shared.address, "PATCH", f"/v1/jobs/{job['id']}",
                        {**JSON, "Transfer-Encoding": "chunked"}, chunked(b'{"done"', b":5}"))
        + request_bytes(shared.address, "GET", f"/v1/jobs/{job['id']}/events")
    )  # fmt: skip
    connection = shared.connect()  # TCP_NODELAY is on
    for at in range(len(whole)):
        connection.send(whole[at : at + 1])
    assert connection.read_response("PATCH").json()["message"] == "\u00e9"
    assert connection.read_response("PATCH").json()["done"] == 5
    with Stream(connection) as stream:
        assert stream.next().json["done"] == 5


def test_a_client_that_has_said_all_still_gets_its_answer(shared: Server) -> None:
    """`printf ... | nc -N` half-closes behind its request."""
    with shared.connect() as connection:
        connection.send(request_bytes(shared.address, "GET", "/v1/jobs?limit=1", {"Connection": "close"}))
        connection.half_close()
        assert connection.read_response().status == 200


def test_empty_lines_before_a_request_are_ignored(shared: Server) -> None:
    """RFC 9112, 2.2: at least one empty line received prior to the request line ought to be ignored."""
    with shared.connect() as connection:
        connection.send(b"\r\n" + request_bytes(shared.address, "GET", "/healthz"))
        assert connection.read_response().status == 200


# ------------------------------------------------------------------------------------------------ how clients leave


def leave_after_connecting(server: Server, job: dict[str, Any]) -> Connection:
    return Connection(server.address)


def sender(cut: Callable[[bytes], bytes], method: str, target: str, body: bytes | None = None):  # noqa: ANN201
    def leave(server: Server, job: dict[str, Any]) -> Connection:
        connection = Connection(server.address)
        whole = request_bytes(server.address, method, target.format(id=job["id"]), JSON if body else None, body)
        connection.send(cut(whole))
        return connection

    return leave


def all_of(whole: bytes) -> bytes:
    return whole


def leave_a_stream_that_was_read(server: Server, job: dict[str, Any]) -> Connection:
    stream = server.follow(job)
    stream.next()
    return stream.connection


def leave_a_stream_unread(server: Server, job: dict[str, Any]) -> Connection:
    connection = Connection(server.address, receive_buffer=4096)
    connection.send(request_bytes(server.address, "GET", f"/v1/jobs/{job['id']}/events"))
    server.report(*({"job": job["id"], "message": "m" * 4000} for _ in range(200)))
    return connection


def leave_many_answers_unread(server: Server, job: dict[str, Any]) -> Connection:
    connection = Connection(server.address, receive_buffer=4096)
    connection.socket.setblocking(False)
    once = request_bytes(server.address, "GET", "/v1/jobs?limit=500") * 50
    try:
        for _ in range(200):
            connection.socket.send(once)
    except BlockingIOError:
        pass  # the server has stopped reading: it waits for us to read
    return connection


PHASES: dict[str, Callable[[Server, dict[str, Any]], Connection]] = {
    "connected": leave_after_connecting,
    "in the request line": sender(lambda whole: whole[:9], "GET", "/healthz"),
    "in a header": sender(lambda whole: whole[:-9], "GET", "/healthz"),
    "before the body": sender(lambda whole: whole.partition(b"{")[0], "PATCH", "/v1/jobs/{id}", b'{"done":1}'),
    "in the body": sender(lambda whole: whole[:-3], "PATCH", "/v1/jobs/{id}", b'{"done":1}'),
    "before the answer": sender(all_of, "GET", "/v1/jobs?limit=500"),
    "before the stream": sender(all_of, "GET", "/v1/jobs/{id}/events"),
    "before a stream of many": sender(all_of, "GET", "/v1/events?all=true"),
    "in the stream": leave_a_stream_that_was_read,
    "in a stream that it never read": leave_a_stream_unread,
    "in many answers that it never read": leave_many_answers_unread,
}


@pytest.mark.parametrize("goodbye", ["close", "reset", "half_close"])
def test_clients_that_vanish_leave_nothing_behind(server: Any, goodbye: str) -> None:
    running = server("--header-timeout", "2s", "--body-timeout", "2s", "--idle-timeout", "2s", "--keepalive", "300ms")
    job = running.external(total=9, message="m" * 4000)
    for _ in range(20):
        running.external(message="m" * 4000)
    with running.follow(job) as witness:
        witness.next()
        before = settled(running)
        leavers = []
        for phase, leave in PHASES.items():
            # Who half-closes a stream, or answers, may still be reading: that is no way of leaving.
            if goodbye == "half_close" and ("stream" in phase or "answer" in phase):
                continue
            leavers += [leave(running, job) for _ in range(5)]
        for leaver in leavers:
            getattr(leaver, goodbye)()
        wait_until(lambda: settled(running) == before, f"connections, streams, descriptors back to {before}")
        assert running.job(job)["done"] == 0, "half a request is none"
        running.patch(job, done=1)
        assert witness.until(lambda event: event.json["done"] == 1)
        for leaver in leavers:
            leaver.close()


def settled(server: Server) -> tuple[int, int, int]:
    """What may not grow, as it is beside the connection that asks."""
    stats = server.stats()
    return stats["connections"], stats["streams"], server.descriptors()


def test_streams_come_and_go_while_events_are_published(server: Any) -> None:
    running = server()
    job = running.external(total=1_000_000)
    over = threading.Event()

    def publish() -> None:
        done = 0
        with Connection(running.address) as connection:
            while not over.is_set():
                done += 1
                target = f"/v1/jobs/{job['id']}"
                assert connection.request("PATCH", target, JSON, b'{"done":%d}' % done).status == 200

    publisher = threading.Thread(target=publish)
    with running.follow(job) as witness:
        witness.next()
        before = settled(running)
        publisher.start()
        try:
            for _ in range(30):
                streams = [running.follow(job) for _ in range(10)]
                for n, stream in enumerate(streams):
                    if n % 2:
                        stream.take(3)
                    stream.connection.reset() if n % 3 else stream.close()
        finally:
            over.set()
            publisher.join()
        running.patch(job, state="completed")
        done = [event.json["done"] for event in witness.seen[:1] + witness.rest()]
        assert done[:-1] == list(range(len(done) - 1)), "the witness missed nothing"
    wait_until(lambda: settled(running)[1] == 0, "all streams to be gone")
    wait_until(lambda: settled(running)[2] <= before[2], "all descriptors to be back")


# ------------------------------------------------------------------------------------------------ time


def test_keepalive_comments(server: Any) -> None:
    running = server("--keepalive", "300ms", "--idle-timeout", "400ms", "--header-timeout", "400ms")
    job = running.external()
    with running.follow(job) as stream:
        stream.next()
        stream.comments_until(5)  # more than a second: the idle time-out is not for streams
        assert set(stream.parser.comments) == {"keepalive"}
        assert b"\n: keepalive\n" in stream.raw
        running.patch(job, done=1)
        assert stream.next().json["done"] == 1


def test_a_header_that_takes_too_long(server: Any) -> None:
    running = server("--header-timeout", "300ms")
    with running.connect() as silent, running.connect() as half:
        half.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        assert half.closed_by_server()
        assert silent.closed_by_server(), "one that says nothing is over its time too"
    with running.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\n")
        try:
            assert_problem(connection.read_response(), 408)
        except (EOFError, ConnectionResetError):
            pass  # 408 is a courtesy
    with running.connect() as dripping:
        # A byte now and then does not buy more time.
        dripping.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        deadline = time.monotonic() + patience()
        with pytest.raises(ConnectionError):
            while time.monotonic() < deadline:
                dripping.send(b"X")
                time.sleep(0.05)


def test_a_body_that_takes_too_long(server: Any) -> None:
    running = server("--body-timeout", "300ms")
    with running.connect() as connection:
        connection.send(request_bytes(running.address, "POST", "/v1/jobs", {**JSON, "Content-Length": "99"}) + b"{")
        try:
            assert_problem(connection.read_response(), 408)
        except (EOFError, ConnectionResetError):
            pass
        assert connection.closed_by_server()
    assert running.request("GET", "/v1/jobs").json()["jobs"] == []


def test_an_idle_connection_is_closed(server: Any) -> None:
    running = server("--idle-timeout", "300ms")
    with running.connect() as connection:
        assert connection.request("GET", "/healthz").status == 200
        assert connection.closed_by_server()
    wait_until(lambda: running.stats()["connections"] == 1, "nobody but who asks")


def test_an_old_stream_ends_and_resumes(server: Any) -> None:
    running = server("--max-stream-age", "400ms")
    job = running.create(runner="timer", total=40, stepMs=50)
    events: list[Event] = []
    streams = 0
    last: str | None = None
    while not events or events[-1].type != "completed":
        stream = running.follow(job, last_event_id=last)
        events += stream.rest()
        assert not stream.cut, "it is ended cleanly"
        last = stream.last_event_id or last
        streams += 1
    assert_steps(events, total=40)
    assert streams >= 3, "two seconds in pieces of 400 ms at the most"


# ------------------------------------------------------------------------------------------------ limits


def outcome(connection: Connection, timeout: float) -> str:
    """What became of a stream request: "stream", "refused" (503, or closed), or "waiting"."""
    connection.socket.settimeout(timeout)
    try:
        head = connection.read_head()
    except TimeoutError:
        return "waiting"  # not accepted yet, which is a way of saying no
    except (EOFError, ConnectionResetError):
        return "refused"
    finally:
        connection.socket.settimeout(patience())
    if head.status == 200:
        return "stream"
    assert head.status == 503 and head["Retry-After"], head
    return "refused"


def test_the_limit_of_connections(server: Any) -> None:
    running = server("--max-connections", "8")
    job = running.external()
    request = request_bytes(running.address, "GET", f"/v1/jobs/{job['id']}/events")

    def ask(timeout: float) -> tuple[Connection, str]:
        connection = running.connect()
        connection.send(request)
        return connection, outcome(connection, timeout)

    wait_until(lambda: running.stats()["connections"] == 1, "nobody else to be there")
    opened = [ask(patience()) for _ in range(8)]
    assert [what for _, what in opened] == ["stream"] * 8
    ninth, what = ask(1)
    assert what in ("refused", "waiting")
    opened[0][0].close()
    if what == "waiting":
        assert ninth.read_head().status == 200, "it gets the place that is free now"
        ninth.close()

    def again() -> bool:
        connection, what = ask(1)
        if what != "stream":
            connection.close()
        return what == "stream"

    wait_until(again, "a place to be free again")


def test_few_descriptors_and_many_clients(server: Any) -> None:
    """With 64 descriptors it can't serve 200. It serves those it can, does not spin, and recovers."""
    running = server("--keepalive", "1s", descriptors="64:64")
    job = running.create(runner="timer", total=1_000_000, stepMs=100)
    request = request_bytes(running.address, "GET", f"/v1/jobs/{job['id']}/events")
    clients = [Connection(running.address, wait=False) for _ in range(200)]
    streaming = wait_for_streams(clients, request, 10)
    assert running.process.poll() is None
    began, cpu = time.monotonic(), running.cpu_seconds()
    for stream in streaming:
        stream.take(10)  # a second's worth: those who are in are served as ever
    wall = time.monotonic() - began
    spent = running.cpu_seconds() - cpu
    assert spent < 0.5 * max(wall, 0.5), f"{spent} s of CPU in {wall} s: it spins"
    for client in clients:
        client.close()

    def healthy() -> bool:
        try:
            return running.request("GET", "/healthz").status == 200
        except (ConnectionError, EOFError):
            return False

    wait_until(healthy, "it to recover")
    wait_until(lambda: running.stats()["streams"] == 0, "the streams to be gone")
    with running.follow(job) as stream:
        stream.take(2)


def wait_for_streams(clients: list[Connection], request: bytes, wanted: int) -> list[Stream]:
    """Asks from each client as soon as it is connected; the streams, once there are that many."""
    streams: list[Stream] = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_WRITE, client)
        deadline = time.monotonic() + patience()
        while len(streams) < wanted:
            assert time.monotonic() < deadline, f"only {len(streams)} streams were opened"
            for key, ready in selector.select(1):
                client = key.data
                client.socket.settimeout(patience())
                try:
                    if ready & selectors.EVENT_WRITE:
                        selector.modify(client.socket, selectors.EVENT_READ, client)
                        client.send(request)
                        continue
                    selector.unregister(client.socket)
                    stream = Stream(client)
                except (EOFError, ConnectionError):
                    continue  # turned away without a word
                if stream.status == 200:
                    streams.append(stream)
                else:
                    assert stream.status == 503 and stream.head["Retry-After"]
    return streams


def test_it_takes_the_hard_limit_of_descriptors_and_says_so(server: Any) -> None:
    running = server(descriptors="64:300")
    assert any("300" in line for line in running.log.all), running.log.all
    job = running.external()
    streams = [running.follow(job) for _ in range(100)]
    for stream in streams:
        assert stream.next().type == "snapshot"


# ------------------------------------------------------------------------------------------------ the end


def test_sigterm_drains(server: Any) -> None:
    running = server("--drain", "3s")
    job = running.external()
    streams = [running.follow(job) for _ in range(60)]
    for stream in streams:
        stream.next()
    idle = running.connect()
    assert idle.request("GET", "/readyz").status == 200
    running.terminate()

    def refused() -> bool:
        try:
            Connection(running.address).close()
        except ConnectionRefusedError:
            return True
        return False

    wait_until(refused, "the listener to close")
    # Sixty streams end over three seconds: some are still there, and so is the process.
    answer = idle.request("GET", "/readyz")
    assert_problem(answer, 503)
    assert answer["Retry-After"] and (answer["Connection"] or "").lower() == "close"
    assert idle.closed_by_server()
    ends = end_times(streams)
    assert not [stream for stream in streams if stream.cut], "streams are ended cleanly"
    assert max(ends) - min(ends) > 0.3, "all at once is a stampede"
    assert running.wait() == 0


def end_times(streams: list[Stream]) -> list[float]:
    ends = []
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream.connection.socket, selectors.EVENT_READ, stream)
        while selector.get_map():
            ready = selector.select(patience())
            assert ready, "the streams do not end"
            for key, _ in ready:
                stream = key.data
                stream.pump()
                if stream.ended:
                    ends.append(time.monotonic())
                    selector.unregister(key.fileobj)
    return ends


def test_sigterm_while_everything_is_going_on(server: Any) -> None:
    running = server("--drain", "500ms")
    jobs = [running.create(runner=runner, total=1_000_000, stepMs=1, stepWork=5) for runner in ("timer", "cpu") * 20]
    streams = [running.follow(job) for job in jobs]
    half = running.connect()
    half.send(request_bytes(running.address, "POST", "/v1/jobs", {**JSON, "Content-Length": "99"}) + b"{")
    stuck = running.stream("/v1/events?all=true", receive_buffer=4096)
    assert stuck.status == 200
    for stream in streams:
        stream.take(2)
    running.terminate()
    assert running.wait() == 0


def test_sigterm_with_nobody_there_is_quick(server: Any) -> None:
    running = server("--drain", "1h")
    running.terminate()
    assert running.wait() == 0


def test_signals_until_the_very_end_do_not_change_the_status(server: Any) -> None:
    running = server("--drain", "1h")
    stream = running.follow(running.external())
    stream.next()
    # The second ends it at once; the others come while all is taken down.
    while running.process.poll() is None:
        running.terminate()
    assert running.wait() == 0


def test_readers_see_the_end_of_the_process_as_the_end_of_the_stream(server: Any) -> None:
    running = server("--drain", "200ms")
    job = running.external()
    stream = running.follow(job)
    stream.next()
    running.terminate()
    assert stream.rest() == [] and not stream.cut
    assert running.wait() == 0
