"""Every endpoint, and bad input of every kind: a table row is a request, the status it gets and the field it names.

After a request that was turned down everything is as it was: `unchanged` compares all jobs, and counts events.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Iterator

import pytest
from harness import JOB_FIELDS, Connection, Response, Server, assert_problem, request_bytes, steady, wait_until

KIB = 1024
TOTAL_MAX = 2**53 - 1
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def everything(server: Server) -> tuple[list[dict[str, Any]], int]:
    jobs: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = server.request("GET", f"/v1/jobs?limit=500&cursor={cursor}" if cursor else "/v1/jobs?limit=500").json()
        jobs += page["jobs"]
        cursor = page["next"]
    return [steady(job) for job in jobs], server.stats()["eventsPublished"]


@contextmanager
def unchanged(server: Server) -> Iterator[None]:
    before = everything(server)
    yield
    assert everything(server) == before


def stop(server: Server, job: dict[str, Any]) -> None:
    """Ends a built-in job, so that it disturbs nobody who counts events."""
    server.cancel(job)
    server.wait_for_state(job, "cancelled")


def named(rows: list[tuple[Any, ...]]) -> list[Any]:
    """The rows, each with the beginning of its first cell as its name."""
    return [pytest.param(*row, id=re.sub(r"[^\x21-\x7e]+", "_", str(row[0]))[:60]) for row in rows]


# ------------------------------------------------------------------------------------------------ POST /v1/jobs


def test_a_job_of_which_nothing_is_said(shared: Server) -> None:
    response = shared.request("POST", "/v1/jobs", {})
    job = response.json()
    assert response.status == 201
    assert response["Content-Type"] == "application/json"
    assert response["Location"] == f"/v1/jobs/{job['id']}"
    assert set(job) >= JOB_FIELDS, "what is not known yet is null, not left out"
    expected = {
        "runner": "timer", "owner": "anonymous", "done": 0, "total": 100, "percent": 0, "attempt": 1,
        "kind": None, "message": None, "result": None, "failedReason": None, "finishedAt": None,
    }  # fmt: skip
    assert {name: job[name] for name in expected} == expected
    assert job["state"] in ("pending", "active")
    assert isinstance(job["eventId"], str) and job["eventId"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["createdAt"])
    stop(shared, job)


def test_a_job_of_which_all_is_said(shared: Server) -> None:
    fields = {
        "id": "Said_it.all-1~", "kind": "media", "runner": "external", "owner": "ada", "total": 7, "message": "hello",
        "result": {"b": [1, 2.5, "x", None, True]},
    }  # fmt: skip
    job = shared.create(**fields)
    given_back = {name: value for name, value in fields.items() if name != "result"}
    assert {name: job[name] for name in given_back} == given_back
    assert job["state"] == "pending" and job["startedAt"] is None
    assert shared.job(job) == job
    finished = shared.patch(job, state="completed")
    assert finished["state"] == "completed"


def test_times_are_in_order(shared: Server) -> None:
    job = shared.external()
    shared.patch(job, done=1)
    job = shared.patch(job, state="completed")
    times = [job["createdAt"], job["startedAt"], job["finishedAt"]]
    moments = [datetime.fromisoformat(time.replace("Z", "+00:00")) for time in times]
    assert moments == sorted(moments)


def test_generated_ids_cannot_be_guessed(shared: Server) -> None:
    ids = {shared.external()["id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{16,128}", made) for made in ids), ids


def test_the_result_given_at_creation_is_set_on_completion(shared: Server) -> None:
    job = shared.create(runner="timer", total=2, stepMs=300, result={"page": 1})
    assert job["result"] is None
    assert shared.wait_for_state(job, "completed")["result"] == {"page": 1}


CREATED = [
    ({"kind": "k" * 64}, {"kind": "k" * 64}),
    ({"kind": "\u00e9" * 32}, {"kind": "\u00e9" * 32}),
    ({"owner": "o" * 256}, {"owner": "o" * 256}),
    ({"message": "m" * 4096}, {"message": "m" * 4096}),
    ({"message": "\U0001f600" * 1024}, {"message": "\U0001f600" * 1024}),
    ({"message": "a\0b\u2028\u2029\"\\/\b\f\n\r\t\x7f"}, {"message": "a\0b\u2028\u2029\"\\/\b\f\n\r\t\x7f"}),
    ({"failedReason": "f" * 4096}, {}),
    ({"total": 1}, {"total": 1}),
    ({"total": TOTAL_MAX}, {"total": TOTAL_MAX}),
    ({"total": 5.0}, {"total": 5}),
    ({"unheardOf": {"a": 1}, "state": "completed", "done": 50}, {"state": "pending", "done": 0}),
    ({"result": None, "kind": None, "owner": None, "total": None, "id": None}, {"owner": "anonymous", "total": 100}),
    (
        {"stepMs": None, "stepWork": None, "failAt": None, "failedReason": None, "message": None, "repeat": None,
         "stallAfterMs": None},
        {"message": None},
    ),  # fmt: skip
]


@pytest.mark.parametrize("fields, expected", named(CREATED))
def test_what_is_accepted(shared: Server, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    job = shared.external(**fields)
    assert {name: job[name] for name in expected} == expected
    assert json.dumps(job["total"]).isdigit(), "numbers are integers"
    assert shared.job(job) == job


def test_numbers_of_built_in_jobs_at_their_edges(shared: Server) -> None:
    stop(shared, shared.create(stepMs=86_400_000, stepWork=10_000, failAt=100, repeat=0))
    stop(shared, shared.create(runner="cpu", stepWork=10_000, repeat=2**31))
    job = shared.create(stepMs=1, stepWork=1, failAt=1)
    assert shared.wait_for_state(job, "failed")["done"] == 1


def test_a_null_runner_is_the_default_one(shared: Server) -> None:
    job = shared.create(runner=None, stepMs=86_400_000)
    assert job["runner"] == "timer"
    stop(shared, job)


@pytest.mark.parametrize("length", [1, 128])
def test_ids_of_each_length_are_accepted(server: Any, length: int) -> None:
    running = server()
    assert running.external(id="x" * length)["id"] == "x" * length
    assert running.job("x" * length)["state"] == "pending"


def test_every_letter_of_the_alphabet_of_ids(shared: Server) -> None:
    job = shared.external(id="AZaz09._~-...")
    with shared.follow(job) as stream:
        assert stream.next().json["id"] == "AZaz09._~-..."
    # RFC 3986: a percent-encoded unreserved character is that character.
    assert shared.request("GET", "/v1/jobs/%41Zaz09._%7E-...").json()["id"] == job["id"]


REFUSED = [
    ({"total": 0}, "total"),
    ({"total": -1}, "total"),
    ({"total": TOTAL_MAX + 1}, "total"),
    ({"total": 2**64}, "total"),
    ({"total": 1e300}, "total"),
    ({"total": 1.5}, "total"),
    ({"total": "5"}, "total"),
    ({"total": True}, "total"),
    ({"total": [5]}, "total"),
    ({"stepMs": 0}, "stepMs"),
    ({"stepMs": 86_400_001}, "stepMs"),
    ({"stepMs": "1s"}, "stepMs"),
    ({"stepWork": 0}, "stepWork"),
    ({"stepWork": 10_001}, "stepWork"),
    ({"stepWork": 0.5}, "stepWork"),
    ({"failAt": 0}, "failAt"),
    ({"failAt": 101}, "failAt"),
    ({"total": 10, "failAt": 11}, "failAt"),
    ({"failAt": "x"}, "failAt"),
    ({"repeat": -1}, "repeat"),
    ({"repeat": 1.5}, "repeat"),
    ({"repeat": "for ever"}, "repeat"),
    ({"runner": "external", "stallAfterMs": -1}, "stallAfterMs"),
    ({"runner": "external", "stallAfterMs": "1s"}, "stallAfterMs"),
    ({"runner": "gpu"}, "runner"),
    ({"runner": ""}, "runner"),
    ({"runner": 5}, "runner"),
    ({"kind": "k" * 65}, "kind"),
    ({"kind": "\u00e9" * 33}, "kind"),
    ({"kind": 5}, "kind"),
    ({"owner": "o" * 257}, "owner"),
    ({"owner": {}}, "owner"),
    ({"message": "m" * 4097}, "message"),
    ({"message": "\U0001f600" * 1025}, "message"),
    ({"message": 5}, "message"),
    ({"failedReason": "f" * 4097}, "failedReason"),
    ({"failedReason": []}, "failedReason"),
    ({"result": "r" * (256 * KIB - 1)}, "result"),
    ({"id": ""}, "id"),
    ({"id": "."}, "id"),
    ({"id": ".."}, "id"),
    ({"id": "a/b"}, "id"),
    ({"id": "a b"}, "id"),
    ({"id": "a%20b"}, "id"),
    ({"id": "\u00e9"}, "id"),
    ({"id": "a\0"}, "id"),
    ({"id": "x" * 129}, "id"),
    ({"id": 5}, "id"),
]


@pytest.mark.parametrize("fields, names", named(REFUSED))
def test_what_is_well_formed_but_invalid(shared: Server, fields: dict[str, Any], names: str) -> None:
    with unchanged(shared):
        problem = assert_problem(shared.request("POST", "/v1/jobs", fields), 422)
        assert re.search(rf"\b{names}\b", problem["detail"]), problem


def test_a_result_of_256_kib_is_not_too_large(shared: Server) -> None:
    result = "r" * (256 * KIB - 2)  # and the two quotation marks
    job = shared.external()
    shared.patch(job, state="completed", result=result)
    assert shared.job(job)["result"] == result


MALFORMED = [
    (b"", JSON, 400),
    (b"", {}, 400),
    (b"   ", JSON, 400),
    (b"{", JSON, 400),
    (b"{} {}", JSON, 400),
    (b'{"total":}', JSON, 400),
    (b'{"total":5,}', JSON, 400),
    (b"{'total':5}", JSON, 400),
    (b'{"total":05}', JSON, 400),
    (b'{"total":NaN}', JSON, 400),
    (b'{"message":"\xff"}', JSON, 400),
    (b'{"message":"\xed\xa0\x80"}', JSON, 400),
    (b'{"message":"a\nb"}', JSON, 400),
    (b'{"message":"\\x"}', JSON, 400),
    (b"[]", JSON, 422),
    (b"5", JSON, 422),
    (b'"x"', JSON, 422),
    (b"null", JSON, 422),
    (b"true", JSON, 422),
    (b"{}", {}, 415),
    (b"{}", {"Content-Type": "text/plain"}, 415),
    (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b"{}", {"Content-Type": "application/x-ndjson"}, 415),
    (b"{}", {"Content-Type": "application/jsonish"}, 415),
]


@pytest.mark.parametrize("body, headers, status", named(MALFORMED))
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bodies_that_are_not_a_json_object(shared: Server, method: str, body: bytes, headers: dict[str, str],
                                          status: int) -> None:  # fmt: skip
    target = "/v1/jobs" if method == "POST" else f"/v1/jobs/{shared.external()['id']}"
    with unchanged(shared):
        assert_problem(shared.request(method, target, headers=headers, body=body), status)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_content_types_that_are_json(shared: Server, content_type: str) -> None:
    response = shared.request("POST", "/v1/jobs", headers={"Content-Type": content_type}, body=b'{"runner":"external"}')
    assert response.status == 201


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_deep_json_is_no_danger(shared: Server, depth: int) -> None:
    body = b'{"runner":"external","result":' + b"[" * depth + b"]" * depth + b"}"
    response = shared.request("POST", "/v1/jobs", headers=JSON, body=body)
    assert response.status in (201, 400, 422), response
    assert shared.request("GET", "/healthz").status == 200


def test_a_lone_surrogate_never_comes_out_as_bad_utf_8(shared: Server) -> None:
    response = shared.request("POST", "/v1/jobs", headers=JSON, body=b'{"runner":"external","message":"\\ud800"}')
    assert response.status in (201, 400, 422)
    response.body.decode("utf-8")


def test_a_taken_id_is_409_and_free_again_after_deletion(shared: Server) -> None:
    job = shared.external(id="once")
    with unchanged(shared):
        assert_problem(shared.request("POST", "/v1/jobs", {"id": "once", "runner": "external"}), 409, "id")
    shared.patch(job, state="completed")
    assert_problem(shared.request("POST", "/v1/jobs", {"id": "once", "runner": "external"}), 409, "id")
    shared.delete(job)
    again = shared.external(id="once")
    assert again["state"] == "pending" and again["eventId"] != job["eventId"]
    with shared.follow(again) as stream:
        assert stream.next().json == again, "nothing of the first one is left"


# ------------------------------------------------------------------------------------------------ Idempotency-Key


def keyed(server: Server, key: str, body: bytes) -> Response:
    return server.request("POST", "/v1/jobs", headers={**JSON, "Idempotency-Key": key}, body=body)


def test_a_key_makes_one_job(shared: Server) -> None:
    first = keyed(shared, "k-1", b'{"runner":"external","total":5,"kind":"a","result":{"x":[1,2],"y":null}}')
    assert first.status == 201
    shared.patch(first.json(), done=3)
    with unchanged(shared):
        for same in (
            b'{"runner":"external","total":5,"kind":"a","result":{"x":[1,2],"y":null}}',
            b' {"kind" : "a", "runner": "\\u0065xternal", "result":{"y":null,"x":[1, 2]}, "total": 5}\n',
        ):
            again = keyed(shared, "k-1", same)
            assert again.status == 200 and again.json()["id"] == first.json()["id"]
        for other in (
            b'{"runner":"external","total":6,"kind":"a","result":{"x":[1,2],"y":null}}',
            b'{"runner":"external","total":5,"kind":"a","result":{"x":[2,1],"y":null}}',
            b'{"runner":"external","total":5,"kind":"a"}',
        ):
            assert_problem(keyed(shared, "k-1", other), 422, "Idempotency-Key")


def test_a_rejected_request_uses_no_key(shared: Server) -> None:
    shared.external(id="in-the-way")
    for refused in (b"{", b'{"total":0}', b'{"id":"in-the-way"}'):
        assert keyed(shared, "k-2", refused).status in (400, 409, 422)
    assert keyed(shared, "k-2", b'{"runner":"external"}').status == 201


def test_keys_belong_to_owners(shared: Server) -> None:
    made = [keyed(shared, "k-3", b'{"runner":"external","owner":"%s"}' % owner) for owner in (b"eve", b"adam")]
    assert [response.status for response in made] == [201, 201]
    assert made[0].json()["id"] != made[1].json()["id"]


def test_twenty_at_once_with_one_key_make_one_job(shared: Server) -> None:
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: keyed(shared, "k-4", b'{"runner":"external"}'), range(20)))
    assert sorted(response.status for response in made) == [200] * 19 + [201]
    assert len({response.json()["id"] for response in made}) == 1


# ------------------------------------------------------------------------------------------------ GET /v1/jobs/{id}


def test_etags(shared: Server) -> None:
    job = shared.external(total=9)
    target = f"/v1/jobs/{job['id']}"
    first = shared.request("GET", target)
    tag = first["ETag"]
    assert tag and re.fullmatch(r'(W/)?"[^"]+"', tag)
    for sent in (tag, "*", f'"other", {tag}', f'W/"other",{tag}', "W/" + tag.removeprefix("W/")):
        answer = shared.request("GET", target, headers={"If-None-Match": sent})
        assert answer.status == 304 and answer.body == b"" and answer["ETag"] == tag, sent
    assert shared.request("GET", target, headers={"If-None-Match": '"other"'}).status == 200
    shared.patch(job, done=1)
    changed = shared.request("GET", target, headers={"If-None-Match": tag})
    assert changed.status == 200 and changed["ETag"] != tag
    assert shared.request("HEAD", target)["ETag"] == changed["ETag"]


def test_if_match(shared: Server) -> None:
    job = shared.external(total=9)
    target = f"/v1/jobs/{job['id']}"

    def patch(match: str, **fields: Any) -> Response:
        return shared.request("PATCH", target, fields, headers={"If-Match": match})

    tag = shared.request("GET", target)["ETag"]
    assert tag
    assert patch(tag, done=1).status == 200
    with unchanged(shared):
        assert_problem(patch(tag, done=2), 412)
        assert_problem(patch('"other"', done=2), 412)
    current = shared.request("GET", target)["ETag"]
    assert patch(f'"other", {current}', done=2).status == 200
    assert patch("*", done=3).status == 200
    assert shared.job(job)["done"] == 3


def test_head_is_get_without_the_body(shared: Server) -> None:
    job = shared.external()
    for target in (f"/v1/jobs/{job['id']}", "/v1/jobs?limit=1&kind=none-such", "/healthz", "/readyz", "/"):
        with shared.connect() as connection:
            got = connection.request("GET", target)
            head = connection.request("HEAD", target)
            assert (head.status, head.body) == (got.status, b"") == (200, b"")
            assert head["Content-Type"] == got["Content-Type"]
            assert head["Content-Length"] in (None, got["Content-Length"])
            assert connection.request("GET", "/healthz").status == 200, "the connection is in step"


# ------------------------------------------------------------------------------------------------ GET /v1/jobs


def listed(server: Server, query: str) -> list[str]:
    response = server.request("GET", f"/v1/jobs?{query}")
    assert response.status == 200, response
    assert set(response.json()) == {"jobs", "next"}
    return [job["id"] for job in response.json()["jobs"]]


def test_the_list_is_newest_first_and_filters_combine(shared: Server) -> None:
    made = [shared.external(kind=f"list-{n % 2}", owner=f"owner-{n % 3}")["id"] for n in range(12)]
    shared.patch(made[0], state="completed")
    shared.patch(made[2], done=1)
    shared.patch(made[4], state="failed")
    assert listed(shared, "kind=list-0") == made[::-1][1::2]
    assert listed(shared, "kind=list-1") == made[::-1][0::2]
    assert listed(shared, "kind=list-0&owner=owner-0") == [made[6], made[0]]
    assert listed(shared, "kind=list-0&state=completed") == [made[0]]
    assert listed(shared, "kind=list-0&state=active") == [made[2]]
    assert listed(shared, "kind=list-0&state=failed") == [made[4]]
    assert listed(shared, "kind=list-0&state=cancelled") == []
    assert listed(shared, "kind=list-0&state=pending&owner=owner-1") == [made[10]]
    assert listed(shared, "kind=never-used") == []
    page = shared.request("GET", "/v1/jobs?kind=list-0").json()
    assert page["next"] is None
    assert [steady(job) for job in page["jobs"]] == [steady(shared.job(job["id"])) for job in page["jobs"]]


def test_a_state_that_is_none_is_told_which_there_are(shared: Server) -> None:
    detail = shared.request("GET", "/v1/jobs?state=done").json()["detail"]
    assert all(state in detail for state in ("pending", "active", "completed", "failed", "cancelled")), detail


def test_filters_are_percent_decoded(shared: Server) -> None:
    job = shared.external(kind="a b&c=\u00e9", owner="x+y/z")
    assert listed(shared, "kind=a%20b%26c%3D%C3%A9") == [job["id"]]
    assert listed(shared, "owner=x%2By%2fz") == [job["id"]]


def test_pages(shared: Server) -> None:
    made = [shared.external(kind="pages")["id"] for _ in range(7)]
    seen: list[str] = []
    query = "kind=pages&limit=3"
    sizes = []
    while query:
        page = shared.request("GET", f"/v1/jobs?{query}").json()
        sizes.append(len(page["jobs"]))
        seen += [job["id"] for job in page["jobs"]]
        query = f"kind=pages&limit=3&cursor={page['next']}" if page["next"] else ""
        shared.external(kind="pages")  # what is created meanwhile moves nothing
    assert sizes == [3, 3, 1]
    assert seen == made[::-1]


def test_a_page_goes_on_after_a_job_that_was_deleted(shared: Server) -> None:
    made = [shared.external(kind="holes")["id"] for _ in range(6)]
    page = shared.request("GET", "/v1/jobs?kind=holes&limit=3").json()
    for gone in (made[3], made[2]):  # the last one seen, and the next one
        assert shared.request("DELETE", f"/v1/jobs/{gone}").status == 204
    assert listed(shared, f"kind=holes&limit=3&cursor={page['next']}") == [made[1], made[0]]


def test_the_default_page_is_50_and_the_largest_500(server: Any) -> None:
    running = server()
    with running.connect() as connection:
        once = request_bytes(running.address, "POST", "/v1/jobs", JSON, b'{"runner":"external"}')
        for _ in range(51):
            connection.send(once * 10)
            for _ in range(10):
                assert connection.read_response("POST").status == 201
    assert len(listed(running, "")) == 50
    assert len(listed(running, "limit=1")) == 1
    assert len(listed(running, "limit=500")) == 500


@pytest.mark.parametrize(
    "query, names",
    named([
        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=-1", "limit"), ("limit=", "limit"), ("limit=x", "limit"),
        ("limit=1.5", "limit"), ("limit=99999999999999999999", "limit"), ("state=", "state"), ("state=done", "state"),
        ("state=Active", "state"), ("kind=", "kind"), ("owner=", "owner"), ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"), ("cursor=%00", "cursor"), ("cursor=" + "A" * 500, "cursor"),
        ("cursor=0", "cursor"), ("cursor=-1", "cursor"),
    ]),
)  # fmt: skip
def test_bad_queries(shared: Server, query: str, names: str) -> None:
    assert_problem(shared.request("GET", f"/v1/jobs?{query}"), 422, names)


def test_a_cursor_belongs_to_its_query(shared: Server) -> None:
    for _ in range(3):
        shared.external(kind="cursor-a")
        shared.external(kind="cursor-b")
    cursor = shared.request("GET", "/v1/jobs?kind=cursor-a&limit=1").json()["next"]
    assert_problem(shared.request("GET", f"/v1/jobs?kind=cursor-b&limit=1&cursor={cursor}"), 422, "cursor")
    assert len(listed(shared, f"kind=cursor-a&limit=2&cursor={cursor}")) == 2


# ------------------------------------------------------------------------------------------------ PATCH


def job_in(server: Server, state: str) -> dict[str, Any]:
    """An external job in that state: total 10, and where it is active done 3."""
    job = server.external(total=10)
    if state == "active":
        return server.patch(job, done=3)
    if state == "cancelled":
        server.cancel(job)
        return server.wait_for_state(job, "cancelled")
    return job if state == "pending" else server.patch(job, state=state)


TRANSITIONS = [
    # from, the change, what comes of it
    ("pending", {"state": "pending"}, "pending"),
    ("pending", {"state": "active"}, "active"),
    ("pending", {"done": 0}, "pending"),
    ("pending", {"done": 1}, "active"),
    ("pending", {"message": "soon"}, "pending"),
    ("pending", {"state": "completed"}, "completed"),
    ("pending", {"state": "failed"}, "failed"),
    ("pending", {"state": "cancelled"}, 422),
    ("active", {"state": "pending"}, 409),
    ("active", {"state": "active"}, "active"),
    ("active", {"done": 3}, "active"),
    ("active", {"done": 10}, "active"),
    ("active", {"done": 4.0}, "active"),
    ("active", {"state": None, "done": None, "message": None}, "active"),
    ("active", {"state": "completed"}, "completed"),
    ("active", {"state": "failed"}, "failed"),
    ("active", {"state": "cancelled"}, 422),
    *(
        (terminal, change, 409)
        for terminal in ("completed", "failed", "cancelled")
        for change in (
            {"state": "pending"}, {"state": "active"}, {"state": "completed"}, {"state": "failed"}, {"done": 10},
            {"message": "late"}, {"result": 1}, {"state": "failed", "failedReason": "late"}, {"total": 20},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "state, change, outcome", [pytest.param(*row, id=f"{row[0]}-{json.dumps(row[1])}") for row in TRANSITIONS]
)
def test_transitions(shared: Server, state: str, change: dict[str, Any], outcome: str | int) -> None:
    job = job_in(shared, state)
    if isinstance(outcome, int):
        with unchanged(shared):
            answer = shared.request("PATCH", f"/v1/jobs/{job['id']}", change)
            assert_problem(answer, outcome, "state" if outcome == 422 else None)
        with unchanged(shared):
            rejected = shared.report_lines(json.dumps({"job": job["id"], **change}).encode()).json()["rejected"]
            assert [line["status"] for line in rejected] == [outcome]
        return
    now = shared.patch(job, **change)
    assert now["state"] == outcome
    assert steady(now) == steady(shared.job(job))
    assert (now["startedAt"] is None) == (outcome == "pending") or outcome in ("completed", "failed")
    assert (now["finishedAt"] is None) == (outcome in ("pending", "active"))
    if outcome == "completed":
        assert now["done"] == now["total"] == 10 and now["percent"] == 100
    if outcome == "failed":
        assert now["done"] == job["done"]


BAD_CHANGES = [
    ({"done": -1}, 422, "done"),
    ({"done": 2}, 422, "done"),  # it is at 3
    ({"done": 11}, 422, "done"),
    ({"done": 3.5}, 422, "done"),
    ({"done": "4"}, 422, "done"),
    ({"done": 2**53}, 422, "done"),
    ({"total": 0}, 422, "total"),
    ({"total": TOTAL_MAX + 1}, 422, "total"),
    ({"total": "20"}, 422, "total"),
    ({"done": 12, "total": 11}, 422, "done"),
    ({"state": "finished"}, 422, "state"),
    ({"state": ""}, 422, "state"),
    ({"state": 1}, 422, "state"),
    ({"message": "m" * 4097}, 422, "message"),
    ({"message": {}}, 422, "message"),
    ({"state": "failed", "failedReason": "f" * 4097}, 422, "failedReason"),
    ({"state": "completed", "result": "r" * (256 * KIB - 1)}, 422, "result"),
    ({"state": "completed", "done": 11}, 422, "done"),
]


@pytest.mark.parametrize("change, status, names", named(BAD_CHANGES))
def test_bad_changes(shared: Server, change: dict[str, Any], status: int, names: str) -> None:
    job = job_in(shared, "active")
    with unchanged(shared):
        problem = assert_problem(shared.request("PATCH", f"/v1/jobs/{job['id']}", change), status)
        assert re.search(rf"\b{names}\b", problem["detail"]), problem


def test_total_may_not_fall_below_done(shared: Server) -> None:
    job = job_in(shared, "active")
    with unchanged(shared):
        assert_problem(shared.request("PATCH", f"/v1/jobs/{job['id']}", {"total": 2}), 422)
    assert shared.patch(job, total=3)["percent"] == 100
    assert shared.patch(job, total=TOTAL_MAX, done=TOTAL_MAX)["done"] == TOTAL_MAX


def test_a_change_sets_what_it_names_and_nothing_else(shared: Server) -> None:
    job = shared.external(total=10, kind="k", owner="ada", message="first")
    assert steady(shared.patch(job)) == steady(job), "an empty change is none"
    now = shared.patch(job, done=4, total=20, message="second", unheardOf=1)
    assert (now["done"], now["total"], now["percent"], now["message"]) == (4, 20, 20, "second")
    now = shared.patch(job, state="failed", failedReason="no disk", result={"partial": True})
    assert (now["state"], now["failedReason"], now["done"]) == ("failed", "no disk", 4)
    for name in ("id", "kind", "owner", "runner", "createdAt", "attempt"):
        assert now[name] == job[name]


def test_only_external_jobs_are_reported_on(shared: Server) -> None:
    job = shared.create(runner="timer", stepMs=86_400_000)
    with unchanged(shared):
        assert_problem(shared.request("PATCH", f"/v1/jobs/{job['id']}", {"done": 1}), 409)
        rejected = shared.report_lines(json.dumps({"job": job["id"], "done": 1}).encode()).json()
        assert [(line["line"], line["status"]) for line in rejected["rejected"]] == [(1, 409)]
        assert list(rejected) == ["accepted", "rejected"], "in the documented order"
    stop(shared, job)


def test_unknown_jobs_are_404(shared: Server) -> None:
    with unchanged(shared):
        for method, target, fields in (
            ("GET", "/v1/jobs/nobody", None),
            ("PATCH", "/v1/jobs/nobody", {"done": 1}),
            ("DELETE", "/v1/jobs/nobody", None),
            ("POST", "/v1/jobs/nobody/cancel", None),
            ("GET", "/v1/jobs/nobody/events", None),
            ("GET", "/v1/events?job=nobody", None),
            ("GET", "/nothing/here", None),
            ("GET", "/v1", None),
            ("GET", "/v1/jobs/nobody/events/more", None),
        ):
            assert_problem(shared.request(method, target, fields), 404)


# ------------------------------------------------------------------------------------------------ reports


def test_each_line_of_a_report_stands_for_itself(shared: Server) -> None:
    a, b = shared.external(total=10), shared.external(total=10)
    builtin = shared.create(runner="timer", stepMs=86_400_000)
    over = job_in(shared, "completed")
    line = [
        (json.dumps({"job": a["id"], "done": 1}).encode(), None, ""),
        (b"", None, "empty"),
        (b'{"job":"%s","message":"\xff"}' % a["id"].encode(), 400, ""),
        (json.dumps({"job": b["id"], "done": 5, "message": "half"}).encode(), None, ""),
        (b"{not json", 400, ""),
        (b"[1]", 422, ""),
        (b'{"done":1}', 422, "job"),
        (b'{"job":5,"done":1}', 422, "job"),
        (b'{"job":"nobody","done":1}', 404, ""),
        (json.dumps({"job": builtin["id"], "done": 1}).encode(), 409, ""),
        (json.dumps({"job": over["id"], "done": 1}).encode(), 409, ""),
        (b"   ", None, "empty"),
        (json.dumps({"job": a["id"], "done": 99}).encode(), 422, "done"),
        (json.dumps({"job": a["id"], "state": "cancelled"}).encode(), 422, "state"),
        (json.dumps({"job": a["id"], "done": 2}).encode() + b"\r", None, ""),
        (json.dumps({"job": a["id"], "done": 1}).encode(), 422, "done"),
        (json.dumps({"job": b["id"], "state": "completed", "result": [1]}).encode(), None, ""),
        (json.dumps({"job": b["id"], "done": 7}).encode(), 409, ""),
        (json.dumps({"job": a["id"], "done": 3}).encode(), None, ""),  # the last one, without a line end
    ]
    response = shared.report_lines(b"\n".join(sent for sent, _, _ in line))
    assert response.status == 200 and response["Content-Type"] == "application/json"
    expected = [(number, status) for number, (_, status, _) in enumerate(line, 1) if status is not None]
    answer = response.json()
    assert [(entry["line"], entry["status"]) for entry in answer["rejected"]] == expected
    assert answer["accepted"] == sum(status is None and note != "empty" for _, status, note in line)
    for entry in answer["rejected"]:
        assert line[entry["line"] - 1][2] in entry["detail"] != ""
    assert (shared.job(a)["done"], shared.job(b)["state"], shared.job(b)["result"]) == (3, "completed", [1])
    stop(shared, builtin)


@pytest.mark.parametrize(
    "body, headers, status",
    named([
        (b"", NDJSON, 400),
        (b"{}", {}, 415),
        (b"{}", JSON, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
    ]),
)  # fmt: skip
def test_reports_as_a_whole(shared: Server, body: bytes, headers: dict[str, str], status: int) -> None:
    with unchanged(shared):
        assert_problem(shared.request("POST", "/v1/reports", headers=headers, body=body), status)


def test_a_report_of_ten_thousand_lines(shared: Server) -> None:
    job = shared.external(total=10_000)
    body = b"".join(b'{"job":"%s","done":%d}\n' % (job["id"].encode(), done) for done in range(1, 10_001))
    assert len(body) < 1024 * KIB
    assert shared.report_lines(body).json() == {"accepted": 10_000, "rejected": []}
    assert shared.job(job)["done"] == 10_000


def test_an_answer_lists_a_thousand_rejections_and_counts_all(shared: Server) -> None:
    job = shared.external(total=10)
    good = json.dumps({"job": job["id"], "done": 1}).encode()
    unreadable, unknown = b"0", b'{"job":"nobody","done":1}'
    exact = shared.report_lines(b"\n".join([unreadable, unknown] * 500 + [good])).json()
    assert (exact["accepted"], len(exact["rejected"])) == (1, 1_000) and "rejectedCount" not in exact
    for lines in ([unreadable, unknown] * 700, [unknown] * 1_400, [unreadable] * 1_400):
        answer = shared.report_lines(b"\n".join([good, *lines, good])).json()
        assert (answer["accepted"], answer["rejectedCount"]) == (2, 1_400)
        assert [entry["line"] for entry in answer["rejected"]] == list(range(2, 1_002)), "the first ones, by line"


@pytest.mark.parametrize("line", [b"0\n", b"\n", b'{"job":"nobody"}\n'], ids=["unreadable", "empty", "unknown"])
def test_how_many_lines_a_report_may_have(shared: Server, line: bytes) -> None:
    most = shared.report_lines(line * 50_000)
    assert most.status == 200 and len(most.body) < 256 * KIB
    assert most.json().get("rejectedCount", 0) == (0 if line == b"\n" else 50_000)
    refused = shared.report_lines(line * 50_000 + b"\n")
    assert_problem(refused, 413, "the body has 50001 lines, a request may have 50000")
    assert_problem(shared.report_lines(b"\n" * (1024 * KIB)), 413)


def test_a_full_body_of_reports_is_taken(shared: Server) -> None:
    """The shortest that say how far a job is: so many lines fit in --max-body-bytes."""
    job = shared.external(id="z", total=10)
    line = b'{"job":"z","done":1}\n'
    count = 1024 * KIB // len(line)
    assert shared.report_lines(line * count).json() == {"accepted": count, "rejected": []}
    shared.delete(job)


# ------------------------------------------------------------------------------------------------ cancel, delete


def test_cancel(shared: Server) -> None:
    job = shared.external()
    answer = shared.request("POST", f"/v1/jobs/{job['id']}/cancel")
    assert answer.status == 202 and answer.json()["id"] == job["id"]
    now = shared.wait_for_state(job, "cancelled")
    assert now["finishedAt"] is not None and now["done"] == 0
    with unchanged(shared):
        assert_problem(shared.request("POST", f"/v1/jobs/{job['id']}/cancel"), 409)


def test_delete(shared: Server) -> None:
    for state in ("pending", "active", "completed"):
        job = job_in(shared, state)
        response = shared.request("DELETE", f"/v1/jobs/{job['id']}")
        assert response.status == 204 and response.body == b""
        assert_problem(shared.request("GET", f"/v1/jobs/{job['id']}"), 404)
        assert_problem(shared.request("DELETE", f"/v1/jobs/{job['id']}"), 404)
        assert_problem(shared.request("GET", f"/v1/jobs/{job['id']}/events"), 404)


def test_delete_of_running_built_in_jobs(server: Any) -> None:
    running = server()
    for runner in ("timer", "cpu"):
        job = running.create(runner=runner, total=1_000_000, stepMs=1, stepWork=1)
        with running.follow(job) as stream:
            stream.until(lambda event: event.json["done"] >= 1)
            running.delete(job)
            assert stream.rest()[-1].type == "cancelled"
        wait_until(lambda: running.request("GET", f"/v1/jobs/{job['id']}").status == 404, "it to be gone")


# ------------------------------------------------------------------------------------------------ methods, types


@pytest.mark.parametrize(
    "method, target, allowed",
    named([
        ("DELETE", "/v1/jobs", {"GET", "POST"}),
        ("PUT", "/v1/jobs", {"GET", "POST"}),
        ("PUT", "/v1/jobs/{id}", {"GET", "PATCH", "DELETE"}),
        ("POST", "/v1/jobs/{id}", {"GET", "PATCH", "DELETE"}),
        ("GET", "/v1/jobs/{id}/cancel", {"POST"}),
        ("DELETE", "/v1/jobs/{id}/events", {"GET"}),
        ("POST", "/v1/events", {"GET"}),
        ("GET", "/v1/reports", {"POST"}),
        ("PATCH", "/v1/stats", {"GET"}),
        ("POST", "/healthz", {"GET"}),
        ("DELETE", "/readyz", {"GET"}),
        ("POST", "/", {"GET"}),
        ("TRACE", "/healthz", {"GET"}),
    ]),
)  # fmt: skip
def test_405_says_what_is_allowed(shared: Server, method: str, target: str, allowed: set[str]) -> None:
    target = target.replace("{id}", shared.external()["id"])
    with unchanged(shared):
        response = shared.request(method, target)
        assert_problem(response, 405)
        said = {name.strip() for name in (response["Allow"] or "").split(",")}
        assert allowed <= said and method not in said, said
        assert said - allowed <= {"HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    "accept, status",
    [
        ("text/event-stream", 200), ("*/*", 200), ("text/*", 200), ("text/html, text/event-stream;q=0.1", 200),
        ("TEXT/Event-Stream", 200), ("application/json", 406), ("text/html", 406), ("text/event-stream;q=0", 406),
        ("text/event-stream;q=0, application/json", 406),
    ],
)  # fmt: skip
def test_streams_negotiate(shared: Server, accept: str, status: int) -> None:
    job = shared.external()
    for target in (f"/v1/jobs/{job['id']}/events", f"/v1/events?job={job['id']}"):
        if status == 406:
            assert_problem(shared.request("GET", target, headers={"Accept": accept}), 406)
        else:
            with shared.stream(target, headers={"Accept": accept}) as stream:
                assert stream.status == 200


@pytest.mark.parametrize(
    "query, status, names",
    named([
        ("", 422, ""), ("?", 422, ""), ("?events=message", 422, ""), ("?owner=", 422, "owner"),
        ("?kind=", 422, "kind"), ("?job=nobody", 404, ""), ("?job={id}&job=nobody", 404, ""),
    ]),
)  # fmt: skip
def test_bad_stream_queries(shared: Server, query: str, status: int, names: str) -> None:
    query = query.replace("{id}", shared.external()["id"])
    assert_problem(shared.request("GET", f"/v1/events{query}"), status, names)


# ------------------------------------------------------------------------------------------------ sizes


def test_bodies_at_the_limit(server: Any) -> None:
    running = server("--max-body-bytes", "2KiB")

    def body(size: int) -> bytes:
        return b'{"runner":"external","x":"%s"}' % (b"x" * (size - 28))

    assert len(body(2048)) == 2048
    assert running.request("POST", "/v1/jobs", headers=JSON, body=body(2048)).status == 201
    with unchanged(running):
        assert_problem(running.request("POST", "/v1/jobs", headers=JSON, body=body(2049)), 413)


def test_a_body_that_is_announced_too_large_is_refused_unread(shared: Server) -> None:
    with shared.connect() as connection:
        connection.send(request_bytes(shared.address, "POST", "/v1/jobs", {**JSON, "Content-Length": str(2**40)}))
        assert_problem(connection.read_response("POST"), 413)
        assert connection.closed_by_server()


def test_a_chunked_body_over_the_limit(shared: Server) -> None:
    with unchanged(shared), shared.connect() as connection:
        connection.send(request_bytes(shared.address, "POST", "/v1/jobs", {**JSON, "Transfer-Encoding": "chunked"}))
        try:
            connection.send(b"%x\r\n%s\r\n" % (1024 * KIB, b" " * 1024 * KIB))
            connection.send(b"1\r\nx\r\n")
        except ConnectionError:
            pass  # the server need not have waited for all of it
        assert_problem(connection.read_response("POST"), 413)
        assert connection.closed_by_server()


def test_urls_at_the_limit(shared: Server) -> None:
    def target(size: int) -> str:
        return "/healthz?" + "x" * (size - 9)

    assert shared.request("GET", target(8 * KIB)).status == 200
    assert_problem(shared.request("GET", target(8 * KIB + 1)), 414)
    with shared.connect() as connection:
        connection.send(b"GET /" + b"y" * 100 * KIB)  # and no end in sight
        assert_problem(connection.read_response(), 414)


def test_headers_at_the_limit(shared: Server) -> None:
    def many(count: int) -> dict[str, str]:
        return {f"X-{n}": "1" for n in range(count - 2)}  # Host and Connection come with every request

    assert shared.request("GET", "/healthz", headers=many(100)).status == 200
    assert_problem(shared.request("GET", "/healthz", headers=many(101)), 431)
    assert shared.request("GET", "/healthz", headers={"X": "x" * 15 * KIB}).status == 200
    assert_problem(shared.request("GET", "/healthz", headers={"X": "x" * 17 * KIB}), 431)
    with shared.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 100 * KIB)  # and no end in sight
        assert_problem(connection.read_response(), 431)


def test_limits_are_flags(server: Any) -> None:
    running = server("--max-url-bytes", "64", "--max-headers", "5", "--max-header-bytes", "512")
    assert running.request("GET", "/healthz?" + "x" * 50).status == 200
    assert_problem(running.request("GET", "/healthz?" + "x" * 60), 414)
    assert_problem(running.request("GET", "/healthz", headers={f"X-{n}": "1" for n in range(6)}), 431)
    assert_problem(running.request("GET", "/healthz", headers={"X": "x" * 600}), 431)
    assert running.stats()["limits"]["maxUrlBytes"] == 64
    assert running.stats()["limits"]["maxHeaders"] == 5
    assert running.stats()["limits"]["maxHeaderBytes"] == 512


# ------------------------------------------------------------------------------------------------ HTTP itself


NOT_HTTP = [
    (b"GET /healthz HTTP/1.1\r\n\r\n", {400}),  # RFC 9112, 3.2: no Host
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", {400}),
    (b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", {400}),  # 5.1: white space before the colon
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", {400}),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", {400}),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\n", {400}),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", {400}),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", {400}),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", {400, 413}),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", {400}),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", {400, 501}),
    (
        b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        {400},
    ),
    (b"GET /healthz HTTP/3.7\r\nHost: a\r\n\r\n", {400, 505}),
    (b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"GET /health\0z HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    (b"GET /v1/jobs/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", {400, 404}),
    (b"GET /v1/jobs/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", {400, 404}),
    (b"BREW /coffee HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", {400, 404, 405, 501}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),  # somebody speaks TLS
    (b"hello?\r\n\r\n", {400}),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
]


@pytest.mark.parametrize("sent, statuses", named(NOT_HTTP))
def test_requests_that_are_none(shared: Server, sent: bytes, statuses: set[int]) -> None:
    with unchanged(shared):
        with shared.connect() as connection:
            connection.send(sent)
            response = connection.read_response()
            assert response.status in statuses
            assert_problem(response, response.status)
            assert connection.closed_by_server()


def test_an_absolute_target_is_a_target(shared: Server) -> None:
    """RFC 9112, 3.2.2: a server must accept the absolute form."""
    assert shared.request("GET", f"{shared.url}/healthz").status == 200


def test_http_1_0_needs_no_host_and_closes(shared: Server) -> None:
    with shared.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert connection.read_response().status == 200
        assert connection.closed_by_server()


# ------------------------------------------------------------------------------------------------ operations


def test_health_and_readiness(shared: Server) -> None:
    for target in ("/healthz", "/readyz"):
        assert shared.request("GET", target).status == 200


def test_stats(server: Any) -> None:
    running = server("--keepalive", "1500ms", "--max-body-bytes", "3KiB", "--history-events", "77")
    job = running.external()
    with running.follow(job) as stream:
        stream.next()
        running.patch(job, done=1)
        stream.next()
        stats = running.stats()
        assert stats["streams"] == 1
        assert stats["connections"] >= 2
        assert stats["jobs"]["active"] == 1 and sum(stats["jobs"].values()) == 1
        assert stats["eventsPublished"] >= 2 and stats["eventsDelivered"] >= 1 and stats["eventsConflated"] == 0
        assert stats["bytesSent"] > 500 and stats["memoryBytes"] > 100_000
        assert set(stats["loopLagMs"]) >= {"p50", "p99", "max"}
        assert 0 <= stats["loopLagMs"]["p50"] <= stats["loopLagMs"]["p99"] <= stats["loopLagMs"]["max"]
        limits = stats["limits"]
        assert (limits["keepalive"], limits["maxBodyBytes"], limits["historyEvents"]) == (1500, 3 * KIB, 77)
    wait_until(lambda: running.stats()["streams"] == 0, "the stream to be gone")


def test_the_dashboard_is_html(shared: Server) -> None:
    response = shared.request("GET", "/")
    assert response.status == 200 and (response["Content-Type"] or "").startswith("text/html")
    assert b"<html" in response.body.lower()


def test_errors_keep_the_connection_in_step(shared: Server) -> None:
    """A refused request has been read to its end: what follows it on the connection is the next request."""
    with Connection(shared.address) as connection:
        plain = {"Content-Type": "text/plain"}
        assert connection.request("POST", "/v1/jobs", plain, b"GET / HTTP/1.1\r\n\r\n").status == 415
        assert connection.request("PUT", "/v1/jobs", JSON, b"{}").status == 405
        assert connection.request("POST", "/nowhere", JSON, b"{}").status == 404
        assert connection.request("POST", "/v1/jobs", JSON, b"{").status == 400
        assert connection.request("GET", "/healthz").status == 200
