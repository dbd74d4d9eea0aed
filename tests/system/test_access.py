"""Who may do what: tokens, tickets, other origins, forged hosts, and the limits of one user.

The big table has a row for each endpoint, and a column for each kind of caller.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator

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
    sanitized,
    wait_until,
)
from tokens import SECRET, base64url, bearer, hs256, token

Start = Callable[..., Server]
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
LEEWAY = 30  # seconds that a token is accepted for after its `exp`

OWN, OTHER = token("ada"), token("eve")
REPORTER, ADMIN = token("rob", "jobs:report"), token("root", "jobs:read jobs:admin")
BAD_TOKENS = {
    "none": None,
    "expired": token("ada", "jobs:admin", lives=-60),
    "wrong key": token("ada", "jobs:admin", sign=hs256(b"another secret of at least 32 bytes")),
    "alg none": token("ada", "jobs:admin", sign=lambda _: b"", header={"alg": "none"}),
    "alg none, signed": token("ada", "jobs:admin", header={"alg": "none"}),
    "alg RS256": token("ada", "jobs:admin", header={"alg": "RS256"}),
    "alg HS512": token("ada", "jobs:admin", header={"alg": "HS512"}),
}


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("access") / "secret"
    path.write_bytes(SECRET + b"\n")
    return str(path)


@pytest.fixture
def guarded(server: Start, secret: str) -> Start:
    """A factory like `server`, of servers with auth on."""
    return lambda *flags, **options: server("--jwt-secret-file", secret, *flags, **options)


@contextmanager
def running(*flags: str) -> Iterator[Server]:
    server = Server(*flags)
    try:
        yield server
    finally:
        server.stop()
    assert not server.sanitizer_report(), server.sanitizer_report()


@pytest.fixture(scope="module")
def both(secret: str) -> Iterator[dict[str, Server]]:
    """The table's servers. Its limits are none, since the table is one long burst."""
    flags = ("--demo-duration", "1h", "--create-rate", "0", "--max-streams-per-user", "0", "--max-jobs-per-user", "0")
    with running("--jwt-secret-file", secret, *flags) as on, running(*flags) as off:
        yield {"on": on, "off": off}


def ask(server: Server, method: str, target: str, as_: str | None = None, fields: Any = None,
        **headers: str) -> Response:  # fmt: skip
    """One request, with that token in its Authorization. Underlines in the names of headers stand for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request(method, target, fields, headers={**({} if as_ is None else bearer(as_)), **sent})


def head_of(server: Server, method: str, target: str, headers: dict[str, str] | None = None,
            body: bytes | None = None) -> Head:  # fmt: skip
    """How the answer begins; that of a stream has no end."""
    with Connection(server.address) as connection:
        connection.send(request_bytes(server.address, method, target, headers, body))
        return connection.read_head()


def create(server: Server, as_: str = OWN, **fields: Any) -> dict[str, Any]:
    answer = ask(server, "POST", "/v1/jobs", as_, {"runner": "external", **fields})
    assert answer.status == 201, answer
    return answer.json()


def follow_status(server: Server, target: str, as_: str | None = None, **options: Any) -> int:
    """What a stream is answered, which is left at once."""
    with server.stream(target, headers={} if as_ is None else bearer(as_), **options) as stream:
        return stream.status


# ------------------------------------------------------------------------------------------- the table

# <...> stands for a job of ada's, made for the request: <external> is done by a worker elsewhere, <timer> by the
# server; <character>, <media> and <task> are those of the seeds.
# Who sends none of the tokens that count is answered 401, but for the rows in OPEN.
# fmt: off
#                                                               other own  report admin auth off
TABLE = [
    ('POST   /v1/jobs {}',                                        201, 201, 201, 201, 201),
    ('POST   /v1/jobs {"owner":"ada"}',                           403, 201, 403, 201, 201),
    ('POST   /v1/jobs {"owner":"ada","runner":"external"}',       403, 201, 403, 201, 201),
    ('GET    /v1/jobs/<external>',                                403, 200, 200, 200, 200),
    ('GET    /v1/jobs/<timer>',                                   403, 200, 403, 200, 200),
    ('HEAD   /v1/jobs/<timer>',                                   403, 200, 403, 200, 200),
    ('GET    /v1/jobs/nobodys',                                   404, 404, 404, 404, 404),
    ('GET    /v1/jobs',                                           200, 200, 200, 200, 200),
    ('GET    /v1/jobs?owner=ada',                                 403, 200, 403, 200, 200),
    ('GET    /v1/jobs?owner=nobody',                              403, 403, 403, 200, 200),
    ('GET    /v1/jobs?state=active&kind=media',                   200, 200, 200, 200, 200),
    ('PATCH  /v1/jobs/<external> {"done":1}',                     403, 403, 200, 200, 200),
    ('PATCH  /v1/jobs/<timer> {"done":1}',                        403, 403, 403, 409, 409),
    ('POST   /v1/jobs/<external>/cancel',                         403, 202, 403, 202, 202),
    ('POST   /v1/jobs/<timer>/cancel',                            403, 202, 403, 202, 202),
    ('DELETE /v1/jobs/<external>',                                403, 204, 403, 204, 204),
    ('DELETE /v1/jobs/<timer>',                                   403, 204, 403, 204, 204),
    ('GET    /v1/jobs/<external>/events',                         403, 200, 200, 200, 200),
    ('GET    /v1/jobs/<timer>/events',                            403, 200, 403, 200, 200),
    ('HEAD   /v1/jobs/<timer>/events',                            403, 200, 403, 200, 200),
    ('GET    /v1/events',                                         422, 422, 422, 422, 422),
    ('GET    /v1/events?job=<external>',                          403, 200, 200, 200, 200),
    ('GET    /v1/events?job=<timer>',                             403, 200, 403, 200, 200),
    ('GET    /v1/events?job=<external>&job=<timer>',              403, 200, 403, 200, 200),
    ('GET    /v1/events?owner=me',                                200, 200, 200, 200, 200),
    ('GET    /v1/events?owner=ada',                               403, 200, 403, 200, 200),
    ('GET    /v1/events?owner=nobody',                            403, 403, 403, 200, 200),
    ('GET    /v1/events?kind=media',                              403, 403, 403, 200, 200),
    ('GET    /v1/events?all=true',                                403, 403, 403, 200, 200),
    ('POST   /v1/reports {"job":"<external>","done":1}',          403, 403, 200, 200, 200),
    ('POST   /v1/tickets {}',                                     201, 201, 201, 201, 201),
    ('POST   /v1/tickets {"job":"<external>"}',                   403, 201, 201, 201, 201),
    ('POST   /v1/tickets {"job":"<timer>"}',                      403, 201, 403, 201, 201),
    ('GET    /v1/streams',                                        403, 403, 403, 200, 200),
    ('GET    /v1/stats',                                          403, 403, 403, 200, 200),
    ('GET    /metrics',                                           403, 403, 403, 200, 200),
    ('GET    /healthz',                                           200, 200, 200, 200, 200),
    ('GET    /readyz',                                            200, 200, 200, 200, 200),
    ('GET    /',                                                  200, 200, 200, 200, 200),

    ('POST   /create_job',                                        201, 201, 201, 201, 201),
    ('GET    /status',                                            200, 200, 200, 200, 200),
    ('GET    /status?job_id=<external>',                          403, 200, 200, 200, 200),
    ('GET    /status?job_id=<timer>',                             403, 200, 403, 200, 200),
    ('GET    /client_status',                                     200, 200, 200, 200, 200),
    ('GET    /client_status?job_id=<external>',                   403, 200, 200, 200, 200),
    ('GET    /client_status?job_id=<timer>',                      403, 200, 403, 200, 200),
    ('GET    /api/v1/sse/progress/stream/ada',                    403, 200, 403, 200, 200),
    ('POST   /api/v1/sse/progress/ada {"completed":1}',           403, 403, 202, 202, 202),
    ('GET    /api/v1/sse/progress/status/ada',                    403, 200, 403, 200, 200),
    ('DELETE /api/v1/sse/progress/ada',                           403, 200, 403, 200, 200),
    ('GET    /api/v1/sse/connections/status',                     200, 200, 200, 200, 200),
    ('POST   /api/v1/characters/queue {}',                        201, 201, 201, 201, 201),
    ('POST   /api/v1/media/queue {}',                             201, 201, 201, 201, 201),
    ('GET    /api/v1/sse/jobs/character/<character>',             403, 200, 200, 200, 200),
    ('GET    /api/v1/sse/jobs/media/<media>',                     403, 200, 200, 200, 200),
    ('GET    /api/v1/sse/jobs/my',                                200, 200, 200, 200, 200),
    ('GET    /events',                                            200, 200, 200, 200, 200),
    ('POST   /start-task',                                        200, 200, 200, 200, 200),
    ('GET    /task-progress/<task>',                              403, 200, 403, 200, 200),
]
# fmt: on
OPEN = ("/healthz", "/readyz", "/")
SUBJECTS: dict[str, dict[str, Any]] = {
    "external": {"runner": "external"},
    "timer": {"runner": "timer", "stepMs": 86_400_000},
    "character": {"runner": "external", "kind": "character"},
    "media": {"runner": "external", "kind": "media"},
}


def make_subject(server: Server, name: str, admin: str | None) -> str:
    """A job of ada's."""
    if name == "task":
        answer = ask(server, "POST", "/start-task", None if admin is None else OWN)
        assert answer.status == 200, answer
        return answer.json()["task_id"]
    answer = ask(server, "POST", "/v1/jobs", admin, {"owner": "ada", **SUBJECTS[name]})
    assert answer.status == 201, answer
    return answer.json()["id"]


def row_status(server: Server, row: str, as_: str | None, admin: str | None) -> int:
    """The status of that row's request; a request that is refused has to change nothing."""
    method, target, body = (row.split(None, 2) + [""])[:3]
    subjects = {name: make_subject(server, name, admin) for name in re.findall(r"<(\w+)>", row)}
    for name, made in subjects.items():
        target, body = target.replace(f"<{name}>", made), body.replace(f"<{name}>", made)
    headers = {} if as_ is None else bearer(as_)
    if body:
        headers |= NDJSON if target == "/v1/reports" else JSON
    head = head_of(server, method, target, headers, body.encode() if body else None)
    if head.status in (401, 403):
        for name, made in subjects.items():
            left = ask(server, "GET", f"/v1/jobs/{made}", admin)
            assert left.status == 200, f"{row} was answered {head.status}, and {made} is gone"
            if name == "external":
                assert (left.json()["state"], left.json()["done"]) == ("pending", 0), left
            else:
                assert left.json()["state"] in ("pending", "active"), left
    if head.status == 401:
        assert (head["WWW-Authenticate"] or "").startswith("Bearer"), head
    return head.status


NAMED_TABLE = [pytest.param(*row, id=re.sub(r"\s+", "_", row[0])[:70]) for row in TABLE]


@pytest.mark.parametrize("row,other,own,reporter,admin,off", NAMED_TABLE)
def test_who_may_do_what(
    both: dict[str, Server], row: str, other: int, own: int, reporter: int, admin: int, off: int
) -> None:
    unknown = 200 if row.split()[1] in OPEN else 401
    expected = dict.fromkeys(BAD_TOKENS, unknown) | {"other": other, "own": own, "reporter": reporter, "admin": admin}
    tokens = BAD_TOKENS | {"other": OTHER, "own": OWN, "reporter": REPORTER, "admin": ADMIN}
    assert {who: row_status(both["on"], row, text, ADMIN) for who, text in tokens.items()} == expected
    # With auth off nobody looks at tokens.
    assert {who: row_status(both["off"], row, text, None) for who, text in tokens.items()} == dict.fromkeys(tokens, off)


def test_the_dashboards_assets_are_open(both: dict[str, Server]) -> None:
    page = ask(both["on"], "GET", "/").body.decode()
    assets = re.findall(r'(?:src|href)="(?!data:|https?:|#)\.?/?([^"]+\.(?:js|css|mjs))"', page)
    assert assets, page[:2000]
    assert {asset: ask(both["on"], "GET", f"/{asset}").status for asset in assets} == dict.fromkeys(assets, 200)


@pytest.mark.parametrize("journal", [False, True], ids=["in memory", "on disk"])
def test_each_line_of_a_report_is_asked_what_a_patch_is(guarded: Start, tmp_path: Path, journal: bool) -> None:
    guard = guarded(*(("--journal", f"sqlite:{tmp_path / 'journal'}") if journal else ()))
    ids = {name: make_subject(guard, name, ADMIN) for name in ("timer", "external")}
    ids["own timer"] = ask(guard, "POST", "/v1/jobs", REPORTER, SUBJECTS["timer"]).json()["id"]
    body = "".join(json.dumps({"job": made, "done": 1}) + "\n" for made in [*ids.values(), "nobody"]).encode()
    for who, expected in ((REPORTER, [403, 200, 409, 404]), (ADMIN, [409, 200, 409, 404])):
        patched = [ask(guard, "PATCH", f"/v1/jobs/{made}", who, {"done": 1}).status for made in [*ids.values(), "nobody"]]
        assert patched == expected
        answer = guard.request("POST", "/v1/reports", headers={**NDJSON, **bearer(who)}, body=body)
        assert answer.status == 200 and answer.json()["accepted"] == 1, answer
        statuses = {line["line"]: line["status"] for line in answer.json()["rejected"]}
        assert [statuses.get(line, 200) for line in range(1, 5)] == expected
    assert ask(guard, "GET", f"/v1/jobs/{ids['timer']}", ADMIN).json()["done"] == 0


CLAIMS = [
    ("no sub", {"user": None}, 401),
    ("an empty sub", {"user": ""}, 401),
    ("no exp", {"user": "ada", "lives": None}, 200),
    ("exp within the leeway", {"user": "ada", "lives": -10}, 200),
    ("exp beyond the leeway", {"user": "ada", "lives": -31}, 401),
    ("exp is a text", {"user": "ada", "exp": "tomorrow"}, 401),
    ("nbf within the leeway", {"user": "ada", "nbf": int(time.time()) + 10}, 200),
    ("nbf to come", {"user": "ada", "nbf": int(time.time()) + 3600}, 401),
]


@pytest.mark.parametrize("claims,status", [pytest.param(*row[1:], id=row[0]) for row in CLAIMS])
def test_claims(both: dict[str, Server], claims: dict[str, Any], status: int) -> None:
    assert ask(both["on"], "GET", "/v1/jobs", token(**claims)).status == status


def test_what_a_token_must_say_where_that_is_configured(guarded: Start) -> None:
    strict = guarded("--jwt-audience", "jobs", "--jwt-issuer", "https://id.example", "--jwt-require-exp")
    good = {"aud": "jobs", "iss": "https://id.example"}

    def status(lives: Any = 60, **claims: Any) -> int:
        return ask(strict, "GET", "/v1/jobs", token("ada", lives=lives, **claims)).status

    assert status(**good) == 200
    assert status(**good | {"aud": ["others", "jobs"]}) == 200
    assert status(**good | {"aud": "others"}) == 401
    assert status(aud="jobs") == 401
    assert status(iss="https://id.example") == 401
    assert status(lives=None, **good) == 401


# ------------------------------------------------------------------------------------------- where tokens are

BAD = BAD_TOKENS["wrong key"]
# fmt: off
#    Authorization, cookie, query                 status
PLACES = [
    (OWN,           None,   None,                 200),
    (None,          OWN,    None,                 200),
    (None,          None,   OWN,                  200),
    (OWN,           BAD,    BAD,                  200),
    (BAD,           OWN,    OWN,                  401),
    (None,          OWN,    BAD,                  200),
    (None,          BAD,    OWN,                  401),
    (None,          None,   BAD,                  401),
    (None,          None,   None,                 401),
]
# fmt: on


def ask_at(server: Server, header: str | None, cookie: str | None, query: str | None) -> Response:
    headers = {} if header is None else bearer(header)
    if cookie is not None:
        headers["Cookie"] = f"theme=dark; progressd_token={cookie}; progressd_token_of_others=x"
    return server.request("GET", "/v1/jobs" + ("" if query is None else f"?access_token={query}"), headers=headers)


def test_what_a_proxy_asks_for_hides_no_token(both: dict[str, Server]) -> None:
    basic = {"Authorization": "Basic YTpi"}
    cookie = {"Cookie": f"progressd_token={OWN}"}
    guard = both["on"]
    assert guard.request("GET", "/v1/jobs", headers=basic | cookie).status == 200
    assert guard.request("GET", f"/v1/jobs?access_token={OWN}", headers=basic).status == 200
    assert_problem(guard.request("GET", "/v1/jobs", headers=basic), 401, "only the scheme Bearer is known")
    # A browser sends both by itself, whichever page asks.
    forged = basic | cookie | {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert_problem(guard.request("POST", "/v1/tickets", headers=forged, body=b""), 403)


@pytest.mark.parametrize("header,cookie,query,status", PLACES, ids=[f"row {row}" for row in range(1, len(PLACES) + 1)])
def test_the_first_place_that_has_a_token_decides(
    both: dict[str, Server], header: str | None, cookie: str | None, query: str | None, status: int
) -> None:
    answer = ask_at(both["on"], header, cookie, query)
    assert answer.status == status, answer
    if status == 401:
        assert_problem(answer, 401)
        challenge = answer["WWW-Authenticate"] or ""
        assert challenge.startswith("Bearer")
        assert ("invalid_token" in challenge) == any((header, cookie, query)), challenge
    # A stream's client has the same choice.
    target = "/v1/events?owner=me" + ("" if query is None else f"&access_token={query}")
    headers = ({} if header is None else bearer(header)) | (
        {} if cookie is None else {"Cookie": f"progressd_token={cookie}"}
    )
    with both["on"].stream(target, headers=headers) as stream:
        assert stream.status == status


def test_without_query_tokens(guarded: Start) -> None:
    strict = guarded("--no-query-token")
    assert ask_at(strict, None, None, OWN).status == 401
    assert ask_at(strict, OWN, None, BAD).status == 200
    assert ask_at(strict, None, OWN, BAD).status == 200
    assert follow_status(strict, f"/v1/events?owner=me&access_token={OWN}") == 401


# ------------------------------------------------------------------------------------------- the end of a token


def nearly_over() -> str:
    """A token of ada's that is accepted for two to three seconds more, and somewhat longer on a slow server."""
    return token("ada", lives=(6 if sanitized() else 3) - LEEWAY)


@pytest.mark.parametrize("by_ticket", [False, True], ids=["by token", "by ticket"])
def test_a_stream_ends_with_its_token(guarded: Start, by_ticket: bool) -> None:
    guard = guarded()
    job = create(guard)
    short = nearly_over()
    headers, target = bearer(short), f"/v1/jobs/{job['id']}/events"
    lasting = guard.stream(target, headers=bearer(OWN))
    if by_ticket:
        answer = ask(guard, "POST", "/v1/tickets", short, {"ttlSeconds": 60})
        assert answer.status == 201, answer
        headers, target = {}, f"{target}?ticket={answer.json()['ticket']}"
    stream = guard.stream(target, headers=headers)
    assert stream.status == 200, stream.head
    assert [event.type for event in stream.rest()] == ["snapshot"]
    assert not stream.cut, "it ends cleanly"
    assert stream.parser.comments[-1] == "token expired"
    again = guard.stream(target, headers=headers, last_event_id=stream.last_event_id)
    assert again.status == 401
    assert (again.head["WWW-Authenticate"] or "").startswith("Bearer")
    # Who has a token that lives on is not disturbed.
    assert ask(guard, "PATCH", f"/v1/jobs/{job['id']}", ADMIN, {"state": "completed"}).status == 200
    assert [event.type for event in lasting.rest()] == ["snapshot", "completed"]
    assert "token expired" not in lasting.parser.comments


def test_streams_of_the_seeds_end_with_their_token(guarded: Start) -> None:
    guard = guarded()
    short = bearer(nearly_over())
    streams = [
        guard.stream(target, headers=short)
        for target in ("/events", "/api/v1/sse/jobs/my", "/api/v1/sse/progress/stream/ada", "/v1/events?owner=me")
    ]
    assert [stream.status for stream in streams] == [200] * len(streams)
    for stream in streams:
        stream.rest()
        assert not stream.cut and stream.parser.comments[-1] == "token expired"


# ------------------------------------------------------------------------------------------- tickets


def ticket(server: Server, as_: str = OWN, **fields: Any) -> str:
    answer = ask(server, "POST", "/v1/tickets", as_, fields)
    assert answer.status == 201, answer
    assert set(answer.json()) == {"ticket", "expiresAt"}
    return answer.json()["ticket"]


def test_a_ticket_admits_one_stream_and_its_reconnects(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    target = f"/v1/jobs/{job['id']}/events?ticket={ticket(guard, job=job['id'])}"
    first = guard.stream(target)
    assert first.status == 200
    seen = first.next()
    assert seen.type == "snapshot" and seen.json["id"] == job["id"]
    assert follow_status(guard, target) == 401, "it is used up"
    first.close()
    assert follow_status(guard, target) == 401, "it stays used up"
    assert follow_status(guard, target, last_event_id=seen.last_event_id) == 200
    assert follow_status(guard, f"{target}&lastEventId={seen.last_event_id}") == 200


def test_a_used_ticket_is_for_no_other_stream(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    text = ticket(guard)
    target = f"/v1/jobs/{job['id']}/events?events=message&ticket={text}"
    first = guard.stream(target)
    seen = first.next().last_event_id
    first.close()
    for other in (f"/v1/jobs/{job['id']}/events?", "/v1/events?owner=me&", f"/v1/jobs/{create(guard)['id']}/events?"):
        assert follow_status(guard, f"{other}ticket={text}", last_event_id=seen) == 401, other
    assert follow_status(guard, f"{target}&lastEventId={seen}") == 200


@pytest.mark.parametrize("given", ["header", "query"])
def test_an_empty_last_event_id_does_not_make_a_reconnect(both: dict[str, Server], given: str) -> None:
    guard, job = both["on"], create(both["on"])
    target = f"/v1/jobs/{job['id']}/events?ticket={ticket(guard)}"
    assert follow_status(guard, target) == 200
    if given == "header":
        assert follow_status(guard, target, last_event_id="") == 401
    else:
        assert follow_status(guard, f"{target}&lastEventId=") == 401


def test_a_ticket_for_any_of_the_callers_streams(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    assert follow_status(guard, f"/v1/events?owner=me&ticket={ticket(guard)}") == 200
    assert follow_status(guard, f"/api/v1/sse/jobs/my?ticket={ticket(guard)}") == 200
    assert follow_status(guard, f"/events?ticket={ticket(guard)}") == 200
    assert follow_status(guard, f"/client_status?job_id={job['id']}&ticket={ticket(guard)}") == 200
    assert follow_status(guard, f"/v1/jobs/{job['id']}/events?ticket={ticket(guard, OTHER)}") == 403, "eve's, not ada's"
    assert follow_status(guard, f"/v1/events?kind=x&ticket={ticket(guard)}") == 403
    assert follow_status(guard, f"/v1/events?kind=x&ticket={ticket(guard, ADMIN)}") == 200


def test_a_ticket_of_one_job_is_for_no_other(both: dict[str, Server]) -> None:
    guard, job, other = both["on"], create(both["on"]), create(both["on"])
    for target in (f"/v1/jobs/{other['id']}/events?", "/v1/events?owner=me&", f"/v1/events?job={other['id']}&"):
        text = ticket(guard, job=job["id"])
        assert follow_status(guard, f"{target}ticket={text}") == 403, target
        # What was refused used nothing up.
        assert follow_status(guard, f"/v1/jobs/{job['id']}/events?ticket={text}") == 200


def test_a_ticket_of_one_job_is_for_that_job_wherever_it_is_followed(both: dict[str, Server]) -> None:
    guard, job, other = both["on"], create(both["on"])["id"], create(both["on"])["id"]
    for target, parameter in (("/v1/events", "job"), ("/client_status", "job_id")):
        text = ticket(guard, job=job)
        for refused in ("", f"{parameter}={other}", f"{parameter}={job}&{parameter}={other}"):
            assert follow_status(guard, f"{target}?{refused}&ticket={text}") == 403, refused
        assert follow_status(guard, f"{target}?{parameter}={job}&ticket={text}") == 200
        assert follow_status(guard, f"{target}?{parameter}={job}&ticket={text}") == 401, "it is used up"


def test_a_refused_stream_uses_no_ticket_up(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    target = f"/v1/jobs/{job['id']}/events?ticket={ticket(guard)}"
    assert follow_status(guard, f"{target}&events=none-such") == 422
    assert follow_status(guard, target) == 200


@pytest.mark.parametrize("target", ["/v1/jobs", "/v1/jobs/<job>", "/v1/stats", "/api/v1/sse/connections/status"])
def test_a_ticket_is_for_streams_only(both: dict[str, Server], target: str) -> None:
    guard = both["on"]
    if "<job>" in target:
        target = target.replace("<job>", create(guard, ADMIN)["id"])
    said = assert_problem(ask(guard, "GET", f"{target}?ticket={ticket(guard, ADMIN)}"), 401, "ticket")
    assert "this path is none" in said["detail"]


def test_a_ticket_changes_nothing(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    text = ticket(guard)
    assert ask(guard, "POST", f"/v1/jobs?ticket={text}", None, {}).status == 401
    assert ask(guard, "DELETE", f"/v1/jobs/{job['id']}?ticket={text}").status == 401
    assert ask(guard, "POST", f"/v1/tickets?ticket={text}", None, {}).status == 401


def test_forged_tickets(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    text = ticket(guard)
    changed = text[:40] + ("B" if text[40] == "A" else "A") + text[41:]
    for forged in ("", "x", changed, text[:-8], text + "AAAA", OWN):
        assert follow_status(guard, f"/v1/jobs/{job['id']}/events?ticket={forged}") == 401, forged
    assert follow_status(guard, f"/v1/jobs/{job['id']}/events?ticket={text}") == 200


def test_an_expired_ticket(both: dict[str, Server]) -> None:
    guard, job = both["on"], create(both["on"])
    answer = ask(guard, "POST", "/v1/tickets", OWN, {"ttlSeconds": 1}).json()
    expires_at = datetime.fromisoformat(answer["expiresAt"].replace("Z", "+00:00")).timestamp()
    assert expires_at <= time.time() + 1.1
    target = f"/v1/jobs/{job['id']}/events?ticket={answer['ticket']}"
    wait_until(lambda: time.time() > expires_at, "the ticket to expire")
    assert follow_status(guard, target) == 401
    assert follow_status(guard, target, last_event_id=job["eventId"]) == 401, "no reconnect either"


# fmt: off
@pytest.mark.parametrize("fields,status", [
    ({"ttlSeconds": 60}, 201), ({"ttlSeconds": 1}, 201), ({"ttlSeconds": None, "job": None}, 201), ({}, 201),
    ({"ttlSeconds": 61}, 422), ({"ttlSeconds": 0}, 422), ({"ttlSeconds": -1}, 422), ({"ttlSeconds": "30"}, 422),
    ({"ttlSeconds": 1.5}, 422), ({"job": 7}, 422), ([], 422), ({"job": "nobodys"}, 404),
])
# fmt: on
def test_wishes_for_tickets(both: dict[str, Server], fields: Any, status: int) -> None:
    for guard, as_ in ((both["on"], OWN), (both["off"], None)):
        answer = ask(guard, "POST", "/v1/tickets", as_, fields)
        assert answer.status == status, answer
        if status == 422:
            assert_problem(answer, 422, next(iter(fields), None))
        if status == 201:
            lives = datetime.fromisoformat(answer.json()["expiresAt"].replace("Z", "+00:00")).timestamp() - time.time()
            assert lives <= (fields.get("ttlSeconds") or 30) + 0.1


def test_a_ticket_for_which_nothing_is_wished(both: dict[str, Server]) -> None:
    answer = ask(both["on"], "POST", "/v1/tickets", OWN)
    assert answer.status == 201 and follow_status(both["on"], f"/v1/events?owner=me&ticket={answer.json()['ticket']}") == 200
    for body, status in ((b"{", 400), (b"[]", 422)):
        assert both["on"].request("POST", "/v1/tickets", headers=bearer(OWN) | JSON, body=body).status == status
    assert both["on"].request("POST", "/v1/tickets", headers=bearer(OWN), body=b"{}").status == 415


def test_a_ticket_with_auth_off_does_no_harm(both: dict[str, Server]) -> None:
    text = ask(both["off"], "POST", "/v1/tickets", None, {}).json()["ticket"]
    assert follow_status(both["off"], f"/v1/events?owner=me&ticket={text}") == 200


def test_no_ticket_and_no_token_is_logged(guarded: Start) -> None:
    guard = guarded("--log-level", "debug")
    job = create(guard)
    target = f"/v1/jobs/{job['id']}/events"
    good = ticket(guard)
    secrets = [good, OWN, OTHER, BAD_TOKENS["wrong key"], BAD_TOKENS["expired"]]
    for text in (good, good, "x" + good):
        follow_status(guard, f"{target}?ticket={text}")
    for text in secrets[1:]:
        assert text is not None
        ask(guard, "GET", f"/v1/jobs?access_token={text}")
        ask(guard, "GET", "/v1/jobs", text, Cookie=f"progressd_token={text}")
        follow_status(guard, f"{target}?access_token={text}")
        ask(guard, "GET", f"/nowhere?access_token={text}")
        ask(guard, "PATCH", f"/v1/jobs?access_token={text}")
    guard.stop()
    log = "\n".join(guard.log.all)
    for text in [*secrets, SECRET.decode()]:
        assert text is not None
        assert text not in log and text[-20:] not in log


# ------------------------------------------------------------------------------------------- other origins

APP, EVIL = "https://app.example", "https://evil.example"
ALLOWED = {
    "content-type", "authorization", "idempotency-key", "last-event-id", "if-match", "if-none-match", "cache-control",
}  # fmt: skip
EXPOSED = {"location", "etag", "retry-after"}


def listed(head: Head, name: str) -> set[str]:
    """The members of a header that may come several times."""
    values = [value for key, value in head.fields if key.lower() == name.lower()]
    return {member.strip().lower() for value in values for member in value.split(",")} - {""}


def preflight(server: Server, target: str, origin: str, method: str = "POST") -> Head:
    return head_of(server, "OPTIONS", target, {
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,last-event-id",
    })  # fmt: skip


def answers(server: Server, origin: str, as_: str | None = None) -> list[Head]:
    """An answer of each kind: good ones, bad ones and streams."""
    headers = {"Origin": origin, **({} if as_ is None else bearer(as_))}
    job = create(server, as_) if as_ else server.external()
    heads = [
        head_of(server, "GET", f"/v1/jobs/{job['id']}", headers),
        head_of(server, "POST", "/v1/jobs", headers | JSON, b"{}"),
        head_of(server, "POST", "/v1/jobs", headers | JSON, b"{"),
        head_of(server, "GET", "/nowhere", headers),
        head_of(server, "DELETE", "/v1/jobs", headers),
        head_of(server, "GET", f"/v1/jobs/{job['id']}/events", headers | {"Accept": "image/png"}),
        head_of(server, "POST", "/v1/jobs", headers | {"Content-Type": "application/xml"}, b"{}"),
        head_of(server, "POST", "/v1/jobs", headers | JSON, b'{"total":0}'),
        head_of(server, "POST", "/v1/jobs", headers | JSON | {"Content-Length": "99999999"}, b""),
    ]
    statuses = [200, 201, 400, 404, 405, 406, 415, 422, 413]
    if as_ is not None:
        heads.append(head_of(server, "GET", "/v1/jobs", {"Origin": origin}))
        statuses.append(401)
    assert [head.status for head in heads] == statuses
    heads += [
        head_of(server, "GET", target, headers)
        for target in (f"/v1/jobs/{job['id']}/events", "/v1/events?owner=me", "/events", "/api/v1/sse/jobs/my")
    ]
    assert [head.status for head in heads[len(statuses) :]] == [200] * 4
    return heads


def test_every_origin_may_read_with_auth_off(both: dict[str, Server]) -> None:
    for head in answers(both["off"], EVIL):
        assert head["Access-Control-Allow-Origin"] == "*", head
        assert head["Access-Control-Allow-Credentials"] is None, head
        assert listed(head, "Access-Control-Expose-Headers") >= EXPOSED, head


@pytest.mark.parametrize("target", ["/v1/jobs", "/v1/jobs/x", "/v1/jobs/x/events", "/v1/reports", "/events"])
def test_preflights_with_auth_off(both: dict[str, Server], target: str) -> None:
    head = preflight(both["off"], target, EVIL, "PATCH")
    assert head.status in (200, 204)
    assert head["Access-Control-Allow-Origin"] == "*"
    assert listed(head, "Access-Control-Allow-Methods") >= {"get", "post", "patch", "delete"}
    assert listed(head, "Access-Control-Allow-Headers") >= ALLOWED


def test_no_origin_may_read_with_auth_on(both: dict[str, Server]) -> None:
    heads = [*answers(both["on"], EVIL, OWN), preflight(both["on"], "/v1/jobs", EVIL)]
    for head in heads:
        assert not [name for name, _ in head.fields if name.lower().startswith("access-control-")], head


@pytest.mark.parametrize("auth", ["on", "off"])
def test_named_origins(server: Start, secret: str, auth: str) -> None:
    key = ["--jwt-secret-file", secret] if auth == "on" else []
    picky = server("--cors-origin", APP, "--cors-origin", "http://localhost:3000", *key)
    as_ = OWN if auth == "on" else None
    for origin in (APP, "http://localhost:3000"):
        for head in [*answers(picky, origin, as_), preflight(picky, "/v1/jobs", origin)]:
            assert head["Access-Control-Allow-Origin"] == origin, head
            assert head["Access-Control-Allow-Credentials"] == "true", head
            assert "origin" in listed(head, "Vary"), head
        head = preflight(picky, "/v1/jobs", origin)
        assert head.status in (200, 204) and listed(head, "Access-Control-Allow-Headers") >= ALLOWED
    for origin in (EVIL, APP + ".evil.example", APP + ":8443", "http://app.example", "null"):
        for head in [*answers(picky, origin, as_), preflight(picky, "/v1/jobs", origin)]:
            assert head["Access-Control-Allow-Origin"] is None, head
            assert head["Access-Control-Allow-Credentials"] is None, head
            assert "origin" in listed(head, "Vary"), head


TOO_LARGE = [("/" + "x" * 10_000, {}, 414), ("/v1/jobs", {"X-Long": "x" * 20_000}, 431)]


@pytest.mark.parametrize("target,more,status", TOO_LARGE, ids=["414", "431"])
def test_a_page_may_read_that_its_request_was_too_large(
    server: Start, target: str, more: dict[str, str], status: int
) -> None:
    head = head_of(server(), "GET", target, {"Origin": APP, **more})
    assert head.status == status
    assert head["Access-Control-Allow-Origin"] == "*", head


def test_a_star_beside_a_name(guarded: Start) -> None:
    guard = guarded("--cors-origin", "*", "--cors-origin", APP)
    for origin, allowed, credentials in ((APP, APP, "true"), (EVIL, "*", None)):
        for head in (preflight(guard, "/v1/jobs", origin), head_of(guard, "GET", "/v1/jobs", {"Origin": origin})):
            assert head["Access-Control-Allow-Origin"] == allowed
            assert head["Access-Control-Allow-Credentials"] == credentials
            assert "origin" in listed(head, "Vary")


# ------------------------------------------------------------------------------------------- forged requests


def host_status(server: Server, host: str, target: str = "/healthz", **more: str) -> int:
    return head_of(server, "GET", target, {"Host": host, **more}).status


@pytest.mark.parametrize("target", ["/healthz", "/", "/v1/jobs", "/v1/events?owner=me", "/events", "/status"])
def test_a_host_that_is_no_loopback_is_421(both: dict[str, Server], target: str) -> None:
    port = both["off"].address[1]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example",
                 "192.0.2.1", "evil.example:80"):  # fmt: skip
        assert host_status(both["off"], host, target) == 421, host
    for host in ("localhost", f"localhost:{port}", "LocalHost", "127.0.0.1", f"127.0.0.1:{port}", "[::1]",
                 f"[::1]:{port}", "127.1.2.3"):  # fmt: skip
        assert host_status(both["off"], host, target) == 200, host


def test_a_refused_host_changes_nothing(server: Start) -> None:
    plain = server()
    answer = ask(plain, "POST", "/v1/jobs", None, {}, Host="evil.example")
    assert_problem(answer, 421)
    assert plain.request("GET", "/v1/jobs").json()["jobs"] == []
    assert head_of(plain, "OPTIONS", "/v1/jobs", {
        "Host": "evil.example", "Origin": "http://evil.example", "Access-Control-Request-Method": "POST",
    }).status == 421  # fmt: skip


def test_allowed_hosts(server: Start) -> None:
    plain = server("--allow-host", "jobs.example", "--allow-host", "jobs.internal")
    for host in ("jobs.example", "Jobs.Example:8080", "jobs.internal", "localhost"):
        assert host_status(plain, host) == 200, host
    for host in ("evil.example", "x.jobs.example", "jobs.example.evil.example"):
        assert host_status(plain, host) == 421, host


def test_any_host_is_good_where_it_protects_nothing(both: dict[str, Server], server: Start) -> None:
    assert host_status(both["on"], "jobs.example") == 200
    assert host_status(both["on"], "jobs.example", "/v1/jobs", Authorization=f"Bearer {OWN}") == 200
    everywhere = server("--insecure", listen=["0.0.0.0:0"])
    assert host_status(everywhere, "jobs.example") == 200


# fmt: off
#    Sec-Fetch-Site, Origin, answer to a cancel of APP's friend
FETCHES = [
    ("cross-site",  EVIL,    403),
    ("same-site",   EVIL,    403),
    ("cross-site",  None,    403),
    ("cross-site",  "null",  403),
    ("cross-site",  APP,     202),
    ("same-origin", None,    202),
    ("none",        None,    202),
    (None,          None,    202),
]
# fmt: on


@pytest.mark.parametrize("auth", ["on", "off"])
def test_forged_cancels(server: Start, secret: str, auth: str) -> None:
    friendly = server("--cors-origin", APP, *(["--jwt-secret-file", secret] if auth == "on" else []))
    cookie = {"Cookie": f"progressd_token={OWN}"} if auth == "on" else {}
    for site, origin, status in FETCHES:
        job = create(friendly, OWN)
        headers = cookie | ({"Sec-Fetch-Site": site} if site else {}) | ({"Origin": origin} if origin else {})
        answer = friendly.request("POST", f"/v1/jobs/{job['id']}/cancel", headers=headers)
        assert answer.status == status, (site, origin, answer)
        left = ask(friendly, "GET", f"/v1/jobs/{job['id']}", OWN).json()
        assert left["state"] == ("cancelled" if status == 202 else "pending")


def test_forged_requests_of_other_kinds(server: Start) -> None:
    friendly = server("--cors-origin", APP)
    forged = {"Sec-Fetch-Site": "cross-site", "Origin": EVIL}
    for target in ("/create_job", "/start-task", "/v1/jobs"):
        assert friendly.request("POST", target, headers=forged).status == 403, target
    assert friendly.request("DELETE", "/api/v1/sse/progress/ada", headers=forged).status == 403
    # Reading changes nothing, and CORS keeps the answer from the page.
    assert friendly.request("GET", "/v1/jobs", headers=forged).json()["jobs"] == []


def test_a_cookie_that_a_foreign_page_made_the_browser_send(guarded: Start) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": EVIL, "Cookie": f"progressd_token={OWN}"}
    for flags in ((), ("--cors-origin", "*")):
        guard = guarded(*flags)
        job = create(guard)
        assert guard.request("POST", f"/v1/jobs/{job['id']}/cancel", headers=headers).status == 403, flags
        assert ask(guard, "GET", f"/v1/jobs/{job['id']}", OWN).json()["state"] == "pending"


def test_any_page_may_post_with_auth_off(both: dict[str, Server]) -> None:
    job = both["off"].external()
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": EVIL}
    assert both["off"].request("POST", f"/v1/jobs/{job['id']}/cancel", headers=headers).status == 202


# ------------------------------------------------------------------------------------------- limits


def assert_names(answer: Response, flag: str) -> None:
    """429, and by which flag."""
    assert_too_many(answer.head)
    assert flag in answer.json()["detail"], answer


def assert_too_many(head: Head) -> None:
    assert head.status == 429, head
    assert re.fullmatch(r"[1-9][0-9]*", head["Retry-After"] or ""), head
    assert head["Content-Type"] == "application/problem+json", head


def test_streams_of_one_user(guarded: Start) -> None:
    guard = guarded("--max-streams-per-user", "2")
    job = create(guard)
    targets = [f"/v1/jobs/{job['id']}/events", "/api/v1/sse/jobs/my", "/v1/events?owner=me", "/events"]
    first, second = (guard.stream(target, headers=bearer(OWN)) for target in targets[:2])
    assert (first.status, second.status) == (200, 200)
    for target in targets:
        assert_too_many(head_of(guard, "GET", target, bearer(OWN)))
    text = ticket(guard)
    assert_too_many(head_of(guard, "GET", f"{targets[0]}?ticket={text}"))
    assert_names(ask(guard, "GET", targets[0], OWN), "--max-streams-per-user")
    assert ask(guard, "GET", "/v1/jobs", OWN).status == 200, "requests are no streams"
    assert follow_status(guard, "/events", OTHER) == 200, "another user is not concerned"
    first.close()
    third = wait_until(lambda: follow_status(guard, f"{targets[0]}?ticket={text}") == 200, "a place for a stream")
    assert third
    # A stream that ends by itself gives its place back, too.
    wait_until(lambda: follow_status(guard, targets[0], OWN) == 200, "the ticket's place")
    ending = wait_until(lambda: (s := guard.stream(targets[0], headers=bearer(OWN))).status == 200 and s, "a place")
    assert_too_many(head_of(guard, "GET", "/events", bearer(OWN)))
    assert ask(guard, "POST", f"/v1/jobs/{job['id']}/cancel", OWN).status == 202
    assert ending.rest()[-1].type == "cancelled"
    wait_until(lambda: follow_status(guard, "/events", OWN) == 200, "the ended stream's place")


def test_streams_of_one_address(server: Start) -> None:
    plain = server("--max-streams-per-address", "2")
    first, second = plain.stream("/events"), plain.stream("/v1/events?owner=me")
    assert (first.status, second.status) == (200, 200)
    assert_too_many(head_of(plain, "GET", "/events"))
    assert plain.request("GET", "/v1/jobs").status == 200
    second.close()
    wait_until(lambda: follow_status(plain, "/events") == 200, "a place for a stream")


def test_streams_of_one_address_for_all_of_its_users(guarded: Start) -> None:
    guard = guarded("--max-streams-per-address", "1")
    first = guard.stream("/events", headers=bearer(OWN))
    assert first.status == 200
    assert_too_many(head_of(guard, "GET", "/events", bearer(OTHER)))


def test_what_the_jobs_of_one_user_take(guarded: Start) -> None:
    guard = guarded("--max-job-bytes-per-user", "200KiB")
    large = {"runner": "external", "result": "x" * 100_000}
    ids = [create(guard, **large)["id"] for _ in range(2)]
    create(guard, runner="external")
    assert ask(guard, "POST", f"/v1/jobs/{ids[0]}/cancel", OWN).status == 202
    assert ask(guard, "PATCH", f"/v1/jobs/{ids[1]}", ADMIN, {"result": "y" * 100_000}).status == 200
    for target in ("/v1/jobs", "/create_job"):
        assert_names(ask(guard, "POST", target, OWN, {}), "--max-job-bytes-per-user")
    assert create(guard, OTHER)["owner"] == "eve", "another user is not concerned"
    assert ask(guard, "DELETE", f"/v1/jobs/{ids[0]}", OWN).status == 204, "which makes room"
    create(guard)


def test_idempotency_keys_of_one_user(guarded: Start) -> None:
    guard = guarded("--max-idempotency-keys-per-user", "2")

    def make(key: str, as_: str = OWN) -> Response:
        return ask(guard, "POST", "/v1/jobs", as_, {"runner": "external"}, Idempotency_Key=key)

    assert [make(key).status for key in "ab"] == [201, 201]
    assert_names(make("c"), "--max-idempotency-keys-per-user")
    assert make("a").status == 200, "a retry needs no room"
    assert make("c", OTHER).status == 201, "another user is not concerned"
    create(guard)  # nor is who gives no key


def at_once(server: Server, *requests: bytes) -> list[Response]:
    """The answers to GETs that came in one write: also on a slow machine within a second or little more."""
    with server.connect() as connection:
        connection.send(b"".join(requests))
        return [connection.read_response() for _ in requests]


@pytest.mark.parametrize("target", ["/v1/jobs/{job}", "/v1/jobs?limit=1", "/status?job_id={job}"])
def test_how_fast_one_user_reads(guarded: Start, target: str) -> None:
    guard = guarded("--read-rate", "5")
    job = create(guard)["id"]
    answers = at_once(guard, *[request_bytes(guard.address, "GET", target.format(job=job), bearer(OWN))] * 40)
    assert [answer.status for answer in answers[:5]] == [200] * 5, "a second's worth at once"
    assert {answer.status for answer in answers} == {200, 429}
    assert_names(next(answer for answer in answers if answer.status == 429), "--read-rate")
    assert ask(guard, "GET", "/v1/jobs", OTHER).status == 200, "another user is not concerned"
    create(guard)  # nor is who makes a change
    assert guard.request("GET", "/healthz").status == 200
    wait_until(lambda: ask(guard, "GET", "/v1/jobs", OWN).status == 200, "the rate to allow more")


@pytest.mark.parametrize("by", ["token", "ticket"])
def test_openings_of_streams_count_as_reads(guarded: Start, by: str) -> None:
    guard = guarded("--read-rate", "1")
    target = "/v1/events?owner=me" + (f"&ticket={ticket(guard)}" if by == "ticket" else "")
    headers = bearer(OWN) if by == "token" else {}
    read = request_bytes(guard.address, "GET", "/v1/jobs", bearer(OWN))
    answers = at_once(guard, *[read] * 5, request_bytes(guard.address, "GET", target, headers))
    assert_names(answers[-1], "--read-rate")
    wait_until(lambda: head_of(guard, "GET", target, headers).status == 200, "the rate to allow it, with that ticket")


def test_reads_have_no_rate_with_auth_off(server: Start) -> None:
    plain = server("--read-rate", "1")
    assert {plain.request("GET", "/v1/jobs").status for _ in range(20)} == {200}


@pytest.mark.parametrize("job_id,target", [("status-demo", "/status"), ("looping-task", "/events")])
def test_nobody_takes_the_id_of_a_job_that_all_share(both: dict[str, Server], job_id: str, target: str) -> None:
    taken = ask(both["on"], "POST", "/v1/jobs", OWN, {"id": job_id, "runner": "external"})
    assert_problem(taken, 409, "id")
    assert head_of(both["on"], "GET", target, bearer(OTHER)).status == 200


@pytest.mark.parametrize("with_continue", [False, True])
@pytest.mark.parametrize("target,status", [("/v1/jobs", 401), ("/v1/reports", 401), ("/none-such", 404), ("/healthz", 405)])
def test_a_stranger_is_answered_before_the_body(
    both: dict[str, Server], target: str, status: int, with_continue: bool
) -> None:
    headers = JSON | {"Content-Length": "1000000"} | ({"Expect": "100-continue"} if with_continue else {})
    # Of the body only this comes, ever.
    answer = head_of(both["on"], "POST", target, headers, b'{"id":"x')
    assert answer.status == status and answer["Connection"] == "close"


@pytest.mark.parametrize("target,ok", [("/v1/jobs", 201), ("/create_job", 201), ("/api/v1/media/queue", 201),
                                       ("/start-task", 200)])  # fmt: skip
def test_live_jobs_of_one_user(guarded: Start, target: str, ok: int) -> None:
    guard = guarded("--max-jobs-per-user", "3", "--demo-duration", "1h")
    ids = [create(guard)["id"] for _ in range(3)]
    body = b"{}" if target in ("/v1/jobs", "/api/v1/media/queue") else None
    headers = bearer(OWN) | (JSON if body else {})

    def make() -> Head:
        return head_of(guard, "POST", target, headers, body)

    assert_too_many(make())
    assert_names(ask(guard, "POST", "/v1/jobs", OWN, {}), "--max-jobs-per-user")
    assert len(ask(guard, "GET", "/v1/jobs", OWN).json()["jobs"]) == 3
    assert create(guard, OTHER)["owner"] == "eve", "another user is not concerned"
    assert ask(guard, "POST", f"/v1/jobs/{ids[0]}/cancel", OWN).status == 202
    assert make().status == ok
    assert_too_many(make())
    assert ask(guard, "PATCH", f"/v1/jobs/{ids[1]}", ADMIN, {"state": "completed"}).status == 200
    assert make().status == ok, "a finished job does not count"
    assert ask(guard, "DELETE", f"/v1/jobs/{ids[2]}", OWN).status == 204
    assert make().status == ok, "nor a deleted one"
    assert_too_many(make())


def test_how_fast_one_user_creates(guarded: Start) -> None:
    guard = guarded("--create-rate", "2")
    # All at once, in one write: on a slow machine, too, they come faster than two a second.
    with guard.connect() as connection:
        request = request_bytes(guard.address, "POST", "/v1/jobs", bearer(OWN) | JSON, b'{"runner":"external"}')
        connection.send(request * 12)
        got = [connection.read_response("POST") for _ in range(12)]
    assert [answer.status for answer in got[:2]] == [201, 201], "a second's worth at once"
    assert {answer.status for answer in got} == {201, 429}
    for answer in got:
        if answer.status == 429:
            assert_names(answer, "--create-rate")
    made = sum(answer.status == 201 for answer in got)
    assert len(ask(guard, "GET", "/v1/jobs", OWN).json()["jobs"]) == made, "what was refused made nothing"
    assert create(guard, OTHER)["owner"] == "eve", "another user is not concerned"
    wait_until(lambda: ask(guard, "POST", "/v1/jobs", OWN, {}).status == 201, "the rate to allow another job")


WAYS_TO_CREATE = {
    "job": ("/v1/jobs", {}),
    "job with a key of its own": ("/v1/jobs", {"Idempotency-Key": "new"}),
    "queued": ("/api/v1/characters/queue", {}),
}


@pytest.mark.parametrize("way", WAYS_TO_CREATE)
@pytest.mark.parametrize("body", [b'{"total":0', b"[]"], ids=["malformed", "no object"])
def test_what_cannot_be_made_counts_and_is_refused_unread(guarded: Start, way: str, body: bytes) -> None:
    guard = guarded("--create-rate", "2")
    target, headers = WAYS_TO_CREATE[way]
    request = request_bytes(guard.address, "POST", target, bearer(OWN) | JSON | headers, body)
    with guard.connect() as connection:
        connection.send(request * 12)
        got = [connection.read_response("POST") for _ in range(12)]
    assert all(answer.status in (400, 422) for answer in got[:2]), "a second's worth at once"
    refused = [answer for answer in got[2:] if answer.status == 429]
    assert refused
    for answer in refused:
        assert_names(answer, "--create-rate")
    assert {answer.status for answer in got} - {429} <= {400, 422}
    assert ask(guard, "POST", target, OTHER, {}, **headers).status == 201, "another user is not concerned"


def test_an_administrators_key_may_be_of_any_owner(guarded: Start) -> None:
    guard = guarded("--create-rate", "1")

    def make(key: str, owner: str) -> Response:
        return ask(guard, "POST", "/v1/jobs", ADMIN, {"runner": "external", "owner": owner}, Idempotency_Key=key)

    first = make("one", "ada")
    assert first.status == 201
    for _ in range(5):
        again = make("one", "ada")
        assert again.status == 200 and again.json()["id"] == first.json()["id"]
    wait_until(lambda: make("two", "ada").status == 201, "the rate to allow another job")
    assert 429 in [make(f"{number}", "ada").status for number in range(12)], "new keys count"


def test_a_retry_with_its_key_is_answered_at_a_limit_too(guarded: Start) -> None:
    guard = guarded("--max-jobs-per-user", "1", "--create-rate", "1")

    def make(key: str) -> Response:
        return ask(guard, "POST", "/v1/jobs", OWN, {"runner": "external"}, Idempotency_Key=key)

    first = make("one")
    assert first.status == 201
    for _ in range(5):
        again = make("one")
        assert again.status == 200 and again.json()["id"] == first.json()["id"]
    assert_too_many(make("two").head)


def test_users_have_no_limits_with_auth_off(server: Start) -> None:
    plain = server("--create-rate", "1", "--max-jobs-per-user", "1", "--max-streams-per-user", "1")
    job = [plain.external() for _ in range(5)][0]
    assert [plain.follow(job).status for _ in range(3)] == [200] * 3


# ------------------------------------------------------------------------------------------- what lists show


def listed_ids(server: Server, as_: str, query: str = "") -> list[str]:
    answer = ask(server, "GET", f"/v1/jobs{query}", as_)
    assert answer.status == 200, answer
    return [job["id"] for job in answer.json()["jobs"]]


def test_lists_show_what_one_may_see(guarded: Start) -> None:
    guard = guarded()
    adas = [create(guard, OWN, kind="a")["id"], create(guard, OWN, runner="timer", stepMs=86_400_000)["id"]]
    eves = [create(guard, OTHER)["id"], create(guard, OTHER, runner="timer", stepMs=86_400_000)["id"]]
    robs = [create(guard, REPORTER, runner="timer", stepMs=86_400_000)["id"]]
    assert listed_ids(guard, OWN) == adas[::-1]
    assert listed_ids(guard, OWN, "?owner=ada") == adas[::-1]
    assert listed_ids(guard, OTHER) == eves[::-1]
    assert listed_ids(guard, OTHER, "?kind=a") == []
    assert listed_ids(guard, token("new")) == []
    assert listed_ids(guard, REPORTER) == [robs[0], eves[0], adas[0]], "external ones, and one's own"
    assert listed_ids(guard, ADMIN) == [*robs, *eves[::-1], *adas[::-1]]
    assert listed_ids(guard, ADMIN, "?owner=eve") == eves[::-1]
    # The same with streams of all of one's jobs.
    stream = guard.stream("/v1/events?owner=me", headers=bearer(OWN))
    assert {event.json["id"] for event in stream.take(2)} == set(adas)
    create(guard, OTHER)
    last = create(guard, OWN)["id"]
    assert stream.next().json["id"] == last, "eve's newest job is not told"


def test_connections_of_oneself_and_of_all(guarded: Start) -> None:
    guard = guarded()
    for user, as_ in (("ada", OWN), ("eve", OTHER)):
        assert guard.stream(f"/api/v1/sse/progress/stream/{user}", headers=bearer(as_)).status == 200
    status = "/api/v1/sse/connections/status"
    own = ask(guard, "GET", status, OWN).json()
    assert own["users"] == {"ada": 1} and own["active_connections"] == 1, own
    everybodys = ask(guard, "GET", status, ADMIN).json()
    assert everybodys["users"] == {"ada": 1, "eve": 1} and everybodys["active_connections"] == 2


def test_who_listens_is_named(guarded: Start) -> None:
    guard = guarded()
    job = create(guard)
    assert guard.stream(f"/v1/jobs/{job['id']}/events", headers=bearer(REPORTER)).status == 200
    streams = ask(guard, "GET", "/v1/streams", ADMIN).json()["streams"]
    assert [stream["user"] for stream in streams] == ["rob"]


def test_cursors_are_of_one_list(guarded: Start) -> None:
    guard = guarded()
    for as_ in (OWN, OTHER):
        for _ in range(3):
            create(guard, as_, kind="k")
    page = ask(guard, "GET", "/v1/jobs?limit=1", OWN).json()
    cursor = page["next"]
    assert cursor and len(page["jobs"]) == 1
    after = ask(guard, "GET", f"/v1/jobs?limit=1&cursor={cursor}", OWN)
    assert after.status == 200 and after.json()["jobs"][0]["id"] != page["jobs"][0]["id"]
    assert_problem(ask(guard, "GET", f"/v1/jobs?limit=1&kind=k&cursor={cursor}", OWN), 422, "cursor")
    assert_problem(ask(guard, "GET", f"/v1/jobs?limit=1&cursor={cursor}x", OWN), 422, "cursor")
    assert_problem(ask(guard, "GET", f"/v1/jobs?limit=1&cursor={cursor}", OTHER), 422, "cursor")


def test_ids_cannot_be_guessed(both: dict[str, Server]) -> None:
    made = []
    for _ in range(10):
        made.append(create(both["on"])["id"])
        made.append(ask(both["on"], "POST", "/create_job", OWN).json()["job_id"])
        made.append(ask(both["on"], "POST", "/start-task", OWN).json()["task_id"])
        made.append(ask(both["on"], "POST", "/api/v1/characters/queue", OWN, {}).json()["data"]["jobId"])
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{20,128}", one) for one in made), made
    assert len(set(made)) == len(made)
    # Two that were made one after the other have no more in common than any two.
    for earlier, later in zip(made, made[1:]):
        assert sum(a != b for a, b in zip(earlier, later)) >= 10, (earlier, later)


# ------------------------------------------------------------------------------------------- public keys


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


class EllipticKey:
    """A key pair for ES256."""

    def __init__(self, path: Path) -> None:
        self.path = path
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path))
        point = openssl("pkey", "-in", str(path), "-pubout", "-outform", "DER")[-64:]
        self.coordinates = {"x": base64url(point[:32]), "y": base64url(point[32:])}
        self.public = openssl("pkey", "-in", str(path), "-pubout")

    def sign(self, text: bytes) -> bytes:
        der = openssl("dgst", "-sha256", "-sign", str(self.path), given=text)
        # Two integers, each behind its tag and its length: JWS has them as 32 bytes each.
        numbers, rest = [], der[2:]
        for _ in range(2):
            numbers.append(int.from_bytes(rest[2 : 2 + rest[1]], "big").to_bytes(32, "big"))
            rest = rest[2 + rest[1] :]
        return b"".join(numbers)

    def jwk(self, kid: str) -> dict[str, str]:
        return {"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig", **self.coordinates}

    def token(self, user: str, **header: Any) -> str:
        return token(user, sign=self.sign, header={"alg": "ES256", **header})


@pytest.mark.parametrize("given_as", ["jwks", "pem"])
def test_a_public_key(server: Start, tmp_path: Path, given_as: str) -> None:
    key, stranger = EllipticKey(tmp_path / "key.pem"), EllipticKey(tmp_path / "stranger.pem")
    if given_as == "jwks":
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk("one")]}))
        guard = server("--jwks-file", str(tmp_path / "jwks.json"))
    else:
        (tmp_path / "public.pem").write_bytes(key.public)
        guard = server("--jwt-public-key", str(tmp_path / "public.pem"))
    assert ask(guard, "GET", "/v1/jobs", key.token("ada", kid="one")).status == 200
    assert ask(guard, "POST", "/v1/jobs", key.token("ada", kid="one"), {}).json()["owner"] == "ada"
    refused = {
        "another key": stranger.token("ada", kid="one"),
        "HS256 with the public key": token("ada", sign=hs256(key.public), header={"kid": "one"}),
        "HS256 with its coordinates": token("ada", sign=hs256(json.dumps(key.coordinates).encode())),
        "alg none": token("ada", sign=lambda _: b"", header={"alg": "none", "kid": "one"}),
        "alg RS256": token("ada", sign=key.sign, header={"alg": "RS256", "kid": "one"}),
    }
    assert {why: ask(guard, "GET", "/v1/jobs", text).status for why, text in refused.items()} == dict.fromkeys(
        refused, 401
    )
    # Tickets work without a secret that is shared.
    assert follow_status(guard, f"/events?ticket={ticket(guard, key.token('ada', kid='one'))}") == 200


def public_key_flags(folder: Path) -> tuple[EllipticKey, tuple[str, str]]:
    key = EllipticKey(folder / "key.pem")
    (folder / "public.pem").write_bytes(key.public)
    return key, ("--jwt-public-key", str(folder / "public.pem"))


def test_tickets_are_of_one_process_where_no_secret_is_shared(server: Start, tmp_path: Path) -> None:
    key, flags = public_key_flags(tmp_path)
    one, other = server(*flags), server(*flags)
    target = f"/v1/events?owner=me&ticket={ticket(one, key.token('ada'))}"
    assert follow_status(other, target) == 401
    assert follow_status(one, target) == 200


@pytest.mark.parametrize("keys", ["public", "secret"])
def test_nodes_that_share_a_ticket_secret_take_each_others(
    server: Start, tmp_path: Path, secret: str, keys: str
) -> None:
    key, flags = public_key_flags(tmp_path)
    as_ = key.token("ada")
    if keys == "secret":
        flags, as_ = ("--jwt-secret-file", secret), OWN
    shared, another = tmp_path / "tickets", tmp_path / "others"
    shared.write_bytes(b"what all the nodes know, and nobody else\n")
    another.write_bytes(b"what none of those nodes has ever heard of")
    one = server(*flags, "--ticket-secret-file", str(shared))
    two = server(*flags, "--ticket-secret-file", str(shared))
    stranger = server(*flags, "--ticket-secret-file", str(another))
    text = ticket(one, as_)
    assert follow_status(stranger, f"/v1/events?owner=me&ticket={text}") == 401
    assert follow_status(two, f"/v1/events?owner=me&ticket={text}") == 200
    assert follow_status(one, f"/v1/events?owner=me&ticket={ticket(two, as_)}") == 200
    text = ticket(one, as_)
    one.stop()
    again = server(*flags, "--ticket-secret-file", str(shared))
    assert follow_status(again, f"/v1/events?owner=me&ticket={text}") == 200, "a restart changes nothing"
    text = ticket(again, as_)
    shared.write_bytes(another.read_bytes())
    again.process.send_signal(signal.SIGHUP)
    again.wait_for_log("is in force")
    assert follow_status(again, f"/v1/events?owner=me&ticket={text}") == 401, "signed with what is gone"
    assert follow_status(stranger, f"/v1/events?owner=me&ticket={ticket(again, as_)}") == 200


@pytest.mark.parametrize("given,why", [(b"short", "32 bytes"), (None, "No such file"), (b"-----BEGIN X" + b"x" * 40, "PEM")])
def test_a_ticket_secret_must_be_one(secret: str, tmp_path: Path, given: bytes | None, why: str) -> None:
    file = tmp_path / "tickets"
    if given is not None:
        file.write_bytes(given)
    said = run_config("--jwt-secret-file", secret, "--ticket-secret-file", str(file))
    assert said.returncode == 2 and "--ticket-secret-file" in said.stderr and why in said.stderr, said
    file.write_bytes(b"what all the nodes know, and nobody else")
    alone = run_config("--ticket-secret-file", str(file))
    assert alone.returncode == 2 and "--ticket-secret-file" in alone.stderr, "without a key there are no tickets"
    good = run_config("--jwt-secret-file", secret, "--ticket-secret-file", str(file))
    assert good.returncode == 0 and str(file) in good.stdout
    assert "what all the nodes know" not in good.stdout + good.stderr


def run_config(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [str(BINARY), "config", "show", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=plain_environment())


def test_nobodys_name_gives_nobody_what_was_made_without_auth(server: Start, tmp_path: Path, secret: str) -> None:
    journal = ("--journal", f"sqlite:{tmp_path}/journal")
    plain = server(*journal)
    job = plain.external()
    plain.request("POST", "/api/v1/sse/progress/anonymous", {"n": 1})
    plain.stop()
    guard = server(*journal, "--jwt-secret-file", secret)
    for target in (f"/v1/jobs/{job['id']}", "/v1/jobs", "/api/v1/sse/progress/status/anonymous"):
        assert ask(guard, "GET", target, token("anonymous", "jobs:admin")).status == 401, target
        assert ask(guard, "GET", target, ADMIN).status == 200, target
    assert ask(guard, "GET", f"/v1/jobs/{job['id']}", OWN).status == 403
    assert ask(guard, "GET", "/v1/jobs", OWN).json()["jobs"] == []


def test_who_was_let_in_with_the_head_is_asked_again_when_the_body_comes_late(server: Start, tmp_path: Path) -> None:
    old, new = EllipticKey(tmp_path / "old.pem"), EllipticKey(tmp_path / "new.pem")
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [old.jwk("old"), new.jwk("new")]}))
    guard = server("--jwks-file", str(file))
    leaked = old.token("ada", kid="old")
    head = (
        f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {leaked}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(guard.address, timeout=patience()) as peer:
        peer.sendall(head.encode())
        assert peer.recv(100).startswith(b"HTTP/1.1 100"), "it is let in"
        (tmp_path / "next.json").write_text(json.dumps({"keys": [new.jwk("new")]}))
        (tmp_path / "next.json").rename(file)
        wait_until(lambda: ask(guard, "GET", "/v1/jobs", leaked).status == 401, "the key to be gone")
        peer.sendall(b"{}")
        assert peer.recv(100).startswith(b"HTTP/1.1 401")
    assert ask(guard, "GET", "/v1/jobs", new.token("ada", kid="new")).json()["jobs"] == []


def test_a_key_that_was_taken_out_does_not_come_back_with_a_sighup(server: Start, tmp_path: Path) -> None:
    old, new = EllipticKey(tmp_path / "old.pem"), EllipticKey(tmp_path / "new.pem")
    file, config = tmp_path / "jwks.json", tmp_path / "progressd.toml"
    file.write_text(json.dumps({"keys": [old.jwk("old"), new.jwk("new")]}))
    config.write_text(f'jwks-file = "{file}"\n')
    guard = server("--config", str(config))
    leaked, good = old.token("ada", kid="old"), new.token("ada", kid="new")
    assert ask(guard, "GET", "/v1/jobs", leaked).status == 200
    (tmp_path / "next.json").write_text(json.dumps({"keys": [new.jwk("new")]}))
    (tmp_path / "next.json").rename(file)
    wait_until(lambda: ask(guard, "GET", "/v1/jobs", leaked).status == 401, "the key to be gone")
    # What is meant to turn auth off turns nothing off, and the keys in force stay.
    file.unlink()
    config.write_text("")
    guard.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("is in force" in line for line in guard.log.all), "the log to say that it is in force")
    assert ask(guard, "GET", "/v1/jobs", leaked).status == 401
    assert ask(guard, "GET", "/v1/jobs", good).status == 200


def test_streams_end_when_the_key_of_their_token_is_taken_out(server: Start, tmp_path: Path) -> None:
    old, new = EllipticKey(tmp_path / "old.pem"), EllipticKey(tmp_path / "new.pem")
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [old.jwk("old"), new.jwk("new")]}))
    guard = server("--jwks-file", str(file))
    leaked, good = old.token("ada", kid="old"), new.token("ada", kid="new")
    job = create(guard, good, runner="external")
    target = f"/v1/jobs/{job['id']}/events"
    by_ticket = f"{target}?ticket={ticket(guard, leaked)}"
    streams = {as_: guard.stream(target, headers=bearer(as_)) for as_ in (leaked, good)}
    (tmp_path / "next.json").write_text(json.dumps({"keys": [new.jwk("new")]}))
    (tmp_path / "next.json").rename(file)
    for stream in streams.values():
        assert [event.type for event in stream.rest()] == ["snapshot"]
        assert not stream.cut and stream.parser.comments[-1] == "token expired"
    seen = streams[leaked].last_event_id
    assert follow_status(guard, target, leaked, last_event_id=seen) == 401
    assert follow_status(guard, by_ticket) == 401, "nor by a ticket from before"
    assert follow_status(guard, target, good, last_event_id=seen) == 200
