"""/openapi.json: a valid OpenAPI 3.1 description, and what it tells is what the server does.

That it tells of every route, and of no other, is a test in process: tests/net/api/openapi_test.cc.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from harness import REPOSITORY, Server, assert_problem, node_script, patience
from openapi import Description
from openapi_cases import ASKS, CHANNEL, FOLLOWS, NDJSON, Ask, Follow, filled
from tokens import SECRET, bearer, token

FILE = REPOSITORY / "tools" / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def description() -> Description:
    return Description(FILE.read_bytes())


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    """With auth off; the jobs that it runs for the seed systems are short."""
    running = Server("--demo-duration", "100ms")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With auth on."""
    secret = tmp_path_factory.mktemp("key") / "secret"
    secret.write_bytes(SECRET)
    running = Server("--jwt-secret-file", str(secret), "--max-streams-per-user", "1", "--max-jobs-per-user", "1")
    yield running
    running.stop()


# ------------------------------------------------------------------------------------------------ the file


def test_it_is_openapi(tmp_path: Path) -> None:
    def judge(text: str) -> dict[str, Any]:
        file = tmp_path / "openapi.json"
        file.write_text(text)
        command = [*node_script("validate_openapi.mjs"), str(file)]
        judged = subprocess.run(command, capture_output=True, text=True, timeout=patience())
        assert judged.stderr == "", judged.stderr
        return json.loads(judged.stdout)

    assert judge(FILE.read_text()) == {"valid": True, "version": "3.1", "errors": []}
    assert not judge(FILE.read_text().replace('"operationId"', '"operationID"', 1))["valid"]


def test_it_is_served_as_it_stands(open_server: Server) -> None:
    answer = open_server.request("GET", "/openapi.json")
    assert (answer.status, answer["Content-Type"], answer.body) == (200, "application/json", FILE.read_bytes())
    again = open_server.request("GET", "/openapi.json", headers={"If-None-Match": answer["ETag"] or ""})
    assert (again.status, again.body, again["ETag"]) == (304, b"", answer["ETag"])


def test_who_has_no_token_may_read_it(guarded: Server) -> None:
    assert guarded.request("GET", "/openapi.json").status == 200


def test_its_examples_fit_its_schemas(description: Description) -> None:
    examples = list(description.examples())
    assert len(examples) >= 15
    for example, schema in examples:
        description.check_value(example, schema)


def test_security_is_told_as_it_is(description: Description, guarded: Server) -> None:
    """What takes no token there takes none here; streams take a ticket too."""
    for name, (method, path, operation) in description.operations.items():
        target = path.replace("{id}", "nobody").replace("{user_id}", "nobody")
        answer = guarded.request(method.upper(), target)
        is_open = operation.get("security") == []
        assert (answer.status != 401) == is_open, name
        is_stream = "text/event-stream" in description.answer(name, min(description.statuses(name))).get("content", {})
        assert ({"ticket": []} in operation.get("security", [])) == is_stream, name
        if not is_open:
            description.check_body(name, answer.head, answer.body)


# ------------------------------------------------------------------------------------------------ what it answers


def ask(running: Server, asked: Ask, description: Description, **headers: str) -> None:
    method, path, _ = description.operations[asked.operation]
    fields = None if asked.fields is None else json.loads(filled(json.dumps(asked.fields), running))
    target = filled(asked.target or path, running)
    sent = {**asked.headers, **headers}
    if asked.status == 200 and "Idempotency-Key" in sent:
        running.request(method.upper(), target, fields, headers=sent)
    answer = running.request(method.upper(), target, fields, headers=sent, body=asked.body)
    assert answer.status == asked.status, answer
    description.check_body(asked.operation, answer.head, answer.body)
    if asked.status >= 400:
        assert_problem(answer, asked.status)
    elif fields is not None:
        description.check_request(asked.operation, fields)


@pytest.mark.parametrize("asked", ASKS, ids=str)
def test_what_is_answered_is_what_is_told(asked: Ask, description: Description, open_server: Server) -> None:
    ask(open_server, asked, description)


@pytest.mark.parametrize("followed", FOLLOWS, ids=str)
def test_what_is_streamed_is_what_is_told(followed: Follow, description: Description, open_server: Server) -> None:
    target = filled(followed.target, open_server)
    with open_server.stream(target) as stream:
        assert stream.status == 200
        description.check_head(followed.operation, stream.head)
        seen = [stream.next()] if followed.types[:1] in (["snapshot"], ["gap"]) else []
        followed.act(open_server, target)
        while len(seen) < len(followed.types):
            seen.append(stream.next())
        if not followed.types:
            seen = stream.rest()
            assert seen and not stream.cut
    assert [event.type for event in seen] == (followed.types or len(seen) * ["message"])
    for event in seen:
        description.check_event(followed.operation, event)


SEEN_ALL = [
    ("followJob", "/v1/jobs/{ended}/events"),
    ("followStatus", "/client_status?job_id={status}"),
    ("followCharacter", "/api/v1/sse/jobs/character/{character}"),
    ("followMedia", "/api/v1/sse/jobs/media/{media}"),
]


@pytest.mark.parametrize(("operation", "target"), SEEN_ALL)
def test_who_has_seen_the_end_is_told_so(
    operation: str, target: str, description: Description, open_server: Server
) -> None:
    target = filled(target, open_server)
    with open_server.stream(target) as stream:
        last = stream.rest()[-1].last_event_id
    answer = open_server.request("GET", target, headers={"Last-Event-ID": last})
    assert answer.status == 204
    description.check_body(operation, answer.head, answer.body)


@pytest.mark.parametrize(("operation", "target"), [("getJob", "/v1/jobs/{ended}"), ("getOpenApi", "/openapi.json")])
def test_what_has_not_changed_is_told_so(
    operation: str, target: str, description: Description, open_server: Server
) -> None:
    target = filled(target, open_server)
    tag = open_server.request("GET", target)["ETag"] or ""
    answer = open_server.request("GET", target, headers={"If-None-Match": tag})
    assert answer.status == 304
    description.check_body(operation, answer.head, answer.body)


def test_every_operation_was_tried(description: Description) -> None:
    done = {asked.operation for asked in ASKS if asked.status < 300} | {followed.operation for followed in FOLLOWS}
    assert done == set(description.operations)


# ------------------------------------------------------------------------------------------------ refusals of its own


def test_refusals_with_auth_on(description: Description, guarded: Server) -> None:
    ann, bob, admin = (bearer(token("ann")), bearer(token("bob")), bearer(token("root", "jobs:admin")))
    assert guarded.request("POST", "/v1/jobs", {"id": "anns", "stepMs": 1000}, headers=ann).status == 201
    refusals = [
        Ask("getJob", 403, "/v1/jobs/anns"),
        Ask("listJobs", 403, "/v1/jobs?owner=ann"),
        Ask("createJob", 403, fields={"owner": "ann"}),
        Ask("reportJob", 403, "/v1/jobs/anns", {"done": 1}),
        Ask("reportJobs", 403, body=b"{}", headers=NDJSON),
        Ask("cancelJob", 403, "/v1/jobs/anns/cancel"),
        Ask("deleteJob", 403, "/v1/jobs/anns"),
        Ask("issueTicket", 403, fields={"job": "anns"}),
        Ask("followJob", 403, "/v1/jobs/anns/events"),
        Ask("followJobs", 403, "/v1/events?owner=ann"),
        Ask("listStreams", 403),
        Ask("getStats", 403),
        Ask("getMetrics", 403),
        Ask("getStatus", 403, "/status?job_id=anns"),
        Ask("postToChannel", 403, f"{CHANNEL}/ann", {}),
        Ask("getChannel", 403, f"{CHANNEL}/status/ann"),
        Ask("clearChannel", 403, f"{CHANNEL}/ann"),
        Ask("followChannel", 403, f"{CHANNEL}/stream/ann"),
        Ask("followTask", 403, "/task-progress/anns"),
    ]
    for refused in refusals:
        ask(guarded, refused, description, **bob)
    with guarded.stream("/v1/events?owner=me", headers=bob) as stream:
        assert stream.status == 200
        ask(guarded, Ask("followJobs", 429, "/v1/events?owner=me"), description, **bob)
    streams = guarded.request("GET", "/v1/streams", headers=admin)
    description.check_body("listStreams", streams.head, streams.body)


@pytest.mark.parametrize("operation", ["createJob", "createStatusJob", "queueMedia", "startTask"])
def test_who_has_too_many_jobs_is_told_so(operation: str, description: Description, guarded: Server) -> None:
    eve = bearer(token(f"eve-{operation}"))
    fields = {} if operation in ("createJob", "queueMedia") else None
    assert guarded.request("POST", "/v1/jobs", {"stepMs": 60_000}, headers=eve).status == 201
    ask(guarded, Ask(operation, 429, fields=fields), description, **eve)


def test_a_page_of_another_origin_is_refused(description: Description, server: Any) -> None:
    running = server("--cors-origin", "https://app.example")
    ask(running, Ask("createJob", 403, fields={}), description, **{"Sec-Fetch-Site": "cross-site"})


def test_a_server_that_ends_says_so(description: Description, server: Any) -> None:
    running = server("--drain", "20s")
    job = running.external()
    with running.follow(job), running.connect() as kept:
        assert kept.request("GET", "/readyz").status == 200
        running.terminate()
        running.wait_for_log("draining 1 streams")
        answer = kept.request("GET", "/readyz")
        assert answer.status == 503
        description.check_body("getReadiness", answer.head, answer.body)
