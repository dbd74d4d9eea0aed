"""The limits that test_access.py (of one user) and test_api.py (of one request) don't have: each at its edge."""

from __future__ import annotations

import json
import re
import select
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import (
    BINARY,
    Connection,
    Head,
    Response,
    Server,
    assert_problem,
    patience,
    plain_environment,
    request_bytes,
    wait_until,
)
from tokens import SECRET, bearer, token

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
REPORTER, OTHER_REPORTER = bearer(token("rob", "jobs:report")), bearer(token("eve", "jobs:report"))

# What is no limit, though its name looks like one.
NO_LIMITS = {"--max-stream-age"}


@pytest.fixture
def guarded(server: Callable[..., Server], tmp_path: Path) -> Callable[..., Server]:
    """A factory like `server`, of servers with auth on."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return lambda *flags, **options: server("--jwt-secret-file", str(path), *flags, **options)


def test_each_limit_of_the_help_is_among_the_stats(shared: Server) -> None:
    told = subprocess.run([str(BINARY), "--help"], capture_output=True, text=True, timeout=patience(),
                          env=plain_environment()).stdout  # fmt: skip
    flags = set(re.findall(r"^ +(--(?:max-[\w-]+|[\w-]+-rate|[\w-]+-timeout|history-[\w-]+))", told, re.M))
    assert len(flags) > 18
    in_camel_case = {re.sub("-([a-z])", lambda found: found[1].upper(), flag[2:]): flag for flag in flags}
    limits = shared.stats()["limits"]
    missing = {flag for name, flag in in_camel_case.items() if name not in limits} - {"--demo-fail-rate"}
    assert not missing - NO_LIMITS
    for name in ("reportRate", "createRate", "readRate", "maxJobBytes", "maxIdempotencyKeysPerUser", "historyBytes", "maxPipelined", "maxLogRate", "maxOutboxBytes"):
        assert limits[name] > 0, f"{name} is bounded by default"


# ------------------------------------------------------------------------------------------------ reports


def assert_too_many(head: Head) -> None:
    assert head.status == 429 and re.fullmatch("[1-9][0-9]*", head["Retry-After"] or ""), head


def at_once(server: Server, request: bytes, count: int, method: str) -> list[Response]:
    """The answers to requests that came in one write: also on a slow machine within a second or little more."""
    with server.connect() as connection:
        connection.send(request * count)
        return [connection.read_response(method) for _ in range(count)]


WAYS = {
    "patch": ("PATCH", "/v1/jobs/{job}", JSON, b'{"done":1}', 200),
    "report": ("POST", "/v1/reports", NDJSON, b'{"job":"{job}","done":1}\n', 200),
    "channel": ("POST", "/api/v1/sse/progress/ada", JSON, b'{"completed":1}', 202),
}


@pytest.mark.parametrize("way", WAYS)
def test_how_fast_one_user_reports(guarded: Callable[..., Server], way: str) -> None:
    guard = guarded("--report-rate", "5")
    made = guard.request("POST", "/v1/jobs", {"runner": "external"}, headers=bearer(token("ada")))
    job = made.json()["id"]
    method, target, kind, body, ok = WAYS[way]
    target, body = target.replace("{job}", job), body.replace(b"{job}", job.encode())
    answers = at_once(guard, request_bytes(guard.address, method, target, REPORTER | kind, body), 40, method)
    assert [answer.status for answer in answers[:5]] == [ok] * 5, "a second's worth at once"
    assert {answer.status for answer in answers} == {ok, 429}
    for answer in answers:
        if answer.status == 429:
            assert_too_many(answer.head)
            assert_problem(answer, 429)
    others = guard.request(method, target, headers=OTHER_REPORTER | kind, body=body)
    assert others.status == ok, "another user is not concerned"
    wait_until(
        lambda: guard.request(method, target, headers=REPORTER | kind, body=body).status == ok, "the rate to allow more"
    )


def test_lines_count_and_not_requests(guarded: Callable[..., Server]) -> None:
    guard = guarded("--report-rate", "10")
    lines = b'{"job":"nobody","done":1}\n' * 600
    assert guard.request("POST", "/v1/reports", headers=REPORTER | NDJSON, body=lines).status == 200
    refused = guard.request("POST", "/v1/reports", headers=REPORTER | NDJSON, body=lines[:26])
    assert_too_many(refused.head)
    # 600 lines take a minute of that rate, of which a slow machine has used up a part.
    assert 20 <= int(refused["Retry-After"] or "") <= 60


def test_a_refused_report_changes_nothing(guarded: Callable[..., Server]) -> None:
    guard = guarded("--report-rate", "1")
    job = guard.request("POST", "/v1/jobs", {"runner": "external"}, headers=bearer(token("ada"))).json()["id"]
    spent = guard.request("POST", "/v1/reports", headers=REPORTER | NDJSON, body=b'{"job":"x"}\n' * 600)
    assert spent.status == 200
    assert_too_many(guard.request("PATCH", f"/v1/jobs/{job}", {"done": 7}, headers=REPORTER).head)
    assert_too_many(guard.request("POST", "/api/v1/sse/progress/ada", {"n": 1}, headers=REPORTER).head)
    assert guard.request("GET", f"/v1/jobs/{job}", headers=REPORTER).json()["done"] == 0
    channel = guard.request("GET", "/api/v1/sse/progress/status/ada", headers=bearer(token("ada")))
    assert channel.json() is None


def test_reports_have_no_rate_with_auth_off(server: Any) -> None:
    plain = server("--report-rate", "1")
    job = plain.external()
    plain.report(*({"job": job["id"], "done": n} for n in range(50)))
    assert plain.patch(job, done=60)["done"] == 60


# ------------------------------------------------------------------------------------------------ bodies


def test_bodies_of_all_connections(server: Any) -> None:
    running = server("--max-bodies-bytes", "4MiB", "--body-timeout", "1h")
    whole = b'{"message":"' + b"m" * 1_000_000 + b'"}'
    request = request_bytes(running.address, "POST", "/v1/jobs", JSON, whole)
    open_ones = []
    for _ in range(8):  # each of them but for its last byte: there is no room for more than four
        connection = running.connect()
        connection.send(request[:-1])
        open_ones.append(connection)
    answered, _, _ = select.select([connection.socket for connection in open_ones], [], [], patience())
    assert answered, "one is refused before its body is whole"
    for connection in open_ones:
        if connection.socket in answered:
            refused = connection.read_head()
            assert refused.status == 503 and refused["Connection"] == "close"
            assert int(refused["Retry-After"] or "") > 0
    assert running.create(runner="external")["state"] == "pending", "small ones are not concerned"
    for connection in open_ones:
        connection.close()

    def whole_one() -> int:
        with running.connect() as connection:
            connection.send(request)
            return connection.read_head().status

    wait_until(lambda: whole_one() == 422, "there to be room again")


# ------------------------------------------------------------------------------------------------ answers


def test_answers_that_nobody_reads(server: Any) -> None:
    running = server("--max-answers-bytes", "4MiB", "--body-timeout", "1h")
    result = "r" * 250_000
    small = running.external()
    jobs = [running.patch(running.external(), result=result) for _ in range(5)]
    page = request_bytes(running.address, "GET", "/v1/jobs")
    assert len(running.request("GET", "/v1/jobs").body) > 800_000

    def begun(request: bytes, count: int) -> list[tuple[Connection, Head]]:
        """The heads of answers whose rest is not read."""
        connections = [running.connect(receive_buffer=4096) for _ in range(count)]
        heads = []
        for connection in connections:
            connection.send(request)
            heads.append(connection.read_head())
        return list(zip(connections, heads))

    unread = begun(page, 40)
    assert {head.status for _, head in unread} == {200, 503}, "there is no room for 40 of them"
    refused = [head for _, head in unread if head.status == 503]
    assert all(int(head["Retry-After"] or "") > 0 and head["Connection"] != "close" for head in refused)
    assert [head.status for _, head in unread[:3]] == [200] * 3
    # Neither small ones nor those of changes are concerned, which were made when they are answered.
    assert running.request("GET", "/healthz").status == 200
    assert running.request("HEAD", "/v1/jobs").status == 200
    assert running.patch(jobs[0], message="told")["result"] == result

    # As many of those as there is room for again; then no more changes are made.
    patch = request_bytes(running.address, "PATCH", f"/v1/jobs/{jobs[1]['id']}", JSON, b'{"done":1}')
    changes = begun(patch, 80)
    assert {head.status for _, head in changes} == {200, 503}
    assert_problem(running.request("PATCH", f"/v1/jobs/{small['id']}", {"done": 2}), 503, "wait for their readers")
    assert running.request("GET", f"/v1/jobs/{small['id']}").json()["done"] == 0, "nothing was changed"
    for connection, _ in unread + changes:
        connection.close()
    wait_until(lambda: running.request("GET", "/v1/jobs").status == 200, "there to be room again")
    assert running.patch(small, done=2)["done"] == 2


# ------------------------------------------------------------------------------------------------ lists


def test_a_page_looks_at_so_many_jobs_and_no_more(server: Any) -> None:
    running = server()
    oldest = running.external(kind="rare")
    common = request_bytes(running.address, "POST", "/v1/jobs", JSON, b'{"runner":"external"}')
    for _ in range(21):
        assert {answer.status for answer in at_once(running, common, 500, "POST")} == {201}
    newest = running.external(kind="rare")
    pages = []
    cursor = ""
    while cursor is not None:
        page = running.request("GET", f"/v1/jobs?kind=rare{cursor and '&cursor=' + cursor}").json()
        pages.append([job["id"] for job in page["jobs"]])
        cursor = page["next"]
    assert pages == [[newest["id"]], [oldest["id"]]], "a short page, and the rest of it"
    assert running.request("GET", "/v1/jobs?kind=none").json()["jobs"] == []
    assert len(running.request("GET", "/v1/jobs?limit=500").json()["jobs"]) == 500, "others are as long as before"


# ------------------------------------------------------------------------------------------------ topics


def test_jobs_at_once(server: Any) -> None:
    running = server("--max-jobs", "3")
    jobs = [running.external() for _ in range(3)]
    refused = running.request("POST", "/v1/jobs", {"runner": "external"})
    assert_problem(refused, 503)
    assert refused["Retry-After"]
    for target in ("/create_job", "/start-task"):
        assert running.request("POST", target).status == 503, target
    running.delete(jobs[0])
    running.external()
    assert running.request("POST", "/v1/jobs", {"runner": "external"}).status == 503


def test_channels_at_once(server: Any) -> None:
    running = server("--max-channels", "2")
    for user, status in (("a", 202), ("b", 202), ("c", 503), ("a", 202)):
        answer = running.request("POST", f"/api/v1/sse/progress/{user}", {"n": 1})
        assert answer.status == status and (status == 202 or answer["Retry-After"]), (user, answer)


def replayed(server: Server, job: dict[str, Any], last_event_id: str) -> list[Any]:
    """What a reader that comes back with this id is given, but for the live end."""
    with server.follow(job, last_event_id=last_event_id) as stream:
        server.patch(job, state="completed")
        return stream.rest()


def test_the_bytes_of_a_jobs_history(server: Any) -> None:
    running = server("--history-bytes", "10KiB", "--history-events", "1000")
    within, beyond = running.external(total=100), running.external(total=100)
    for job, messages in ((within, 10), (beyond, 11)):
        with running.follow(job) as stream:
            stream.next()
            running.patch(job, done=1)
            first = stream.next().id
        job["first"] = first
        for n in range(messages):
            running.patch(job, message=f"{n:1024}")
    kept = replayed(running, within, within["first"])
    assert [event.type for event in kept] == ["progress"] * 10 + ["completed"]
    dropped = replayed(running, beyond, beyond["first"])
    assert [event.type for event in dropped][:2] == ["gap", "snapshot"], dropped


# ------------------------------------------------------------------------------------------------ requests


def test_pipelined_requests_of_one_turn(server: Any) -> None:
    """All are answered, in order; those beyond the bound on a later turn, which takes a millisecond to come."""
    running = server("--max-pipelined", "1")
    targets = ["/healthz" if n % 2 else "/nowhere" for n in range(200)]
    with running.connect() as connection:
        began = time.monotonic()
        connection.send(b"".join(request_bytes(running.address, "GET", target) for target in targets))
        statuses = [connection.read_response().status for _ in targets]
        took = time.monotonic() - began
    assert statuses == [200 if target == "/healthz" else 404 for target in targets]
    assert took > 0.1, f"{took} s: they did not wait for their turn"


def test_without_a_bound_pipelined_requests_are_answered_too(server: Any) -> None:
    running = server("--max-pipelined", "0")
    with running.connect() as connection:
        connection.send(request_bytes(running.address, "GET", "/healthz") * 500)
        assert [connection.read_response().status for _ in range(500)] == [200] * 500


# ------------------------------------------------------------------------------------------------ the log


def test_the_log_as_json(server: Any) -> None:
    running = server("--log-format", "json")
    running.terminate()
    assert running.wait() == 0
    lines = [json.loads(line) for line in running.log.all]
    assert len(lines) >= 3
    for line in lines:
        assert set(line) == {"time", "level", "message"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert {line["level"] for line in lines} == {"info"}
    assert lines[-1]["message"] == "ended"


SECRETS = [token("ada"), token("ada", sign=lambda text: text[:32]), "not.a.token", "tick_et-0123456789"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_of_a_request_is_logged(guarded: Callable[..., Server], tmp_path: Path, form: str) -> None:
    """Tokens, tickets, bodies and control characters wherever they can stand, at the chattiest level."""
    guard = guarded("--log-level", "debug", "--log-format", form, "--cors-origin", "https://app.example")
    mark = "\x1b[2Jmark\x07"
    body = json.dumps({"id": "x", "message": mark, "result": {"mark": mark}, "owner": mark}).encode()
    for secret in SECRETS:
        for headers in (bearer(secret), {"Cookie": f"progressd_token={secret}"}, {"X-Mark": secret}):
            for target in ("/v1/jobs", f"/v1/jobs/{secret}", f"/v1/jobs?access_token={secret}", "/events",
                           f"/events?ticket={secret}", f"/v1/jobs/%1b%07{secret}/events?lastEventId=%1b%0a"):  # fmt: skip
                for method, more, sent in (("GET", {}, None), ("POST", JSON, body), ("POST", NDJSON, body + b"\n\x1b\n")):
                    with Connection(guard.address) as connection:  # some are answered with a stream
                        connection.send(request_bytes(guard.address, method, target, headers | more, sent))
                        assert connection.read_head().status in (200, 201, 401, 403, 404, 405, 415, 422)
    for sent in (b"\x1b[31mGET / HTTP/1.1\r\n\r\n", b"GET /\x1b HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\xff\x1b\n" * 50):
        with guard.connect() as connection:
            connection.send(sent)
            connection.half_close()
            assert connection.closed_by_server()
    guard.terminate()
    assert guard.wait() == 0
    said = "\n".join(guard.log.all)
    assert len(guard.log.all) >= 3
    for secret in [*SECRETS, "mark", "access_token", "progressd_token", SECRET.decode()]:
        assert secret not in said
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said)
