"""The requests that are no streams: what is sent, what an answer means, and when it is sent again. Both clients."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from both_clients import at_once, new_client
from progressd_client import (
    ApiError,
    AsyncClient,
    BadRequestError,
    Client,
    ConflictError,
    ConnectionFailed,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ProgressdError,
    ProtocolError,
    ReconnectPolicy,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)
from progressd_client.calls import BATCH_BYTES_MAX, report_batches
from scripted_server import Reply, Request, ScriptedServer, answer, in_turn, json_answer, problem

JOB = json_answer(200, b'{"id":"a","state":"active"}')
CREATED = json_answer(201, b'{"id":"a","state":"pending"}')
LOST = Reply(b"", "reset")
CUT = Reply(JOB.data[:-5], "close")


def idempotency_keys(server: ScriptedServer) -> list[str]:
    return [request.headers["Idempotency-Key"] for request in server.requests]


# ------------------------------------------------------------------------------------------------ what is sent


def test_each_call_is_the_request_of_the_contract(connect: Any, serve: Any) -> None:
    server = serve(lambda request: answer(204) if request.method == "DELETE" else JOB)
    client = connect(server.url)
    client.create_job({"runner": "external", "total": 5}, idempotency_key="once")
    client.get_job("a.b_c~d-e")
    client.cancel_job("a")
    client.delete_job("a")
    client.report("a", {"done": 1, "message": "caf\u00e9"})
    client.update_progress("user 1/2", {"completed": 3, "share": 0.1, "big": 2**60})
    client.delete_progress("user 1/2")
    sent = [(request.method, request.target, json.loads(request.body or "null")) for request in server.requests]
    assert sent == [
        ("POST", "/v1/jobs", {"runner": "external", "total": 5}),
        ("GET", "/v1/jobs/a.b_c~d-e", None),
        ("POST", "/v1/jobs/a/cancel", None),
        ("DELETE", "/v1/jobs/a", None),
        ("PATCH", "/v1/jobs/a", {"done": 1, "message": "caf\u00e9"}),
        ("POST", "/api/v1/sse/progress/user%201%2F2", {"completed": 3, "share": 0.1, "big": 2**60}),
        ("DELETE", "/api/v1/sse/progress/user%201%2F2", None),
    ]
    assert server.requests[0].headers["Idempotency-Key"] == "once"
    for request in server.requests:
        assert request.headers["Content-Type"] == ("application/json" if json.loads(request.body or "null") else None)


ODD_IDS = ["a/b", "a b", "a?b", "a#b", "100%", "%2F", "a+b", "a&b=c", "caf\u00e9", "..a", "'\"", "\x7f"]


@pytest.mark.parametrize("user_id", ODD_IDS)
def test_an_id_of_any_characters_is_one_segment_of_the_path(connect: Any, serve: Any, user_id: str) -> None:
    server = serve(in_turn(json_answer(200, b"null")))
    assert connect(server.url).get_progress(user_id) is None
    assert server.requests[0].target == "/api/v1/sse/progress/status/" + quote(user_id, safe="")


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_an_id_that_would_be_another_path_is_refused(connect: Any, bad: str) -> None:
    with pytest.raises(ValueError):
        connect("http://127.0.0.1:1").get_job(bad)


def test_a_value_that_json_cannot_carry_is_refused(connect: Any) -> None:
    with pytest.raises(ValueError):
        connect("http://127.0.0.1:1").update_progress("user", {"share": float("nan")})


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "http://host/?q=1", ""])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    for kind in ("sync", "async"):
        with pytest.raises(ValueError):
            new_client(kind, url)


def test_a_server_below_a_path(connect: Any, serve: Any) -> None:
    server = serve(in_turn(JOB))
    connect(server.url + "/progress/").get_job("a")
    assert server.requests[0].target == "/progress/v1/jobs/a"


def test_the_token_goes_with_each_request(connect: Any, serve: Any) -> None:
    server = serve(lambda _: JOB)
    connect(server.url, token="fixed").get_job("a")
    tokens = iter(["first", "second"])
    refreshing = connect(server.url, token=lambda: next(tokens))
    refreshing.get_job("a")
    refreshing.get_job("a")
    connect(server.url).get_job("a")
    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer fixed", "Bearer first", "Bearer second", None]


def test_a_token_may_be_awaited_for(serve: Any) -> None:
    async def token() -> str:
        return "awaited"

    server = serve(lambda _: JOB)
    with new_client("async", server.url, token=token) as client:
        client.get_job("a")
    assert server.requests[0].headers["Authorization"] == "Bearer awaited"


@pytest.mark.parametrize(
    "bad", ["secret\n", "sec\r\nret: x", "\nsecret", "sec\0ret", "secret ", "secr\u00e9t", "sec\u2028ret"]
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(serve: Any, kind: str, bad: str) -> None:
    def shown(error: pytest.ExceptionInfo[ValueError]) -> str:
        return f"{error.value!r} {error.value.__cause__!r} {error.value.__context__!r}"

    server = serve(lambda _: JOB)
    with pytest.raises(ValueError, match="visible ASCII") as at_once_refused:
        {"sync": Client, "async": AsyncClient}[kind](server.url, token=bad)
    with new_client(kind, server.url, token=lambda: bad) as client:
        with pytest.raises(ValueError, match="visible ASCII") as refused:
            client.get_job("a")
    assert "sec" not in shown(at_once_refused) + shown(refused)
    assert server.requests == []


def test_netrc_does_not_replace_the_token(serve: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = serve(lambda _: JOB)
    with Client(server.url, token="mine") as client, Client(server.url) as without:
        client.get_job("a")
        without.get_job("a")
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer mine", None]


# ------------------------------------------------------------------------------------------------ what an answer means


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, BadRequestError), (401, UnauthorizedError), (403, ForbiddenError), (404, NotFoundError),
        (405, ApiError), (409, ConflictError), (412, ApiError), (413, ApiError), (422, InvalidError),
    ],
)  # fmt: skip
def test_a_refusal_is_a_typed_exception_at_once(connect: Any, serve: Any, status: int, kind: type) -> None:
    server = serve(in_turn(problem(status, "total: must be an integer")))
    with pytest.raises(kind) as caught:
        connect(server.url).create_job({"total": 0})
    error: ApiError = caught.value
    assert type(error) is kind and isinstance(error, ProgressdError)
    assert (error.status, error.title, error.detail) == (status, "Title", "total: must be an integer")
    assert (error.type, error.problem["status"], error.retry_after_s) == ("about:blank", status, None)
    assert "total: must be an integer" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        answer(404, b"<html>", Content_Type="text/html"),
        answer(404),
        answer(404, b"{cut", Content_Type="application/problem+json"),
        answer(404, b"[]", Content_Type="application/problem+json"),
    ],
)
def test_a_refusal_by_something_else_than_progressd(connect: Any, serve: Any, reply: Reply) -> None:
    with pytest.raises(NotFoundError) as caught:
        connect(serve(in_turn(reply)).url).get_job("a")
    assert (caught.value.status, caught.value.detail, caught.value.problem) == (404, "", {})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5"])
def test_a_success_that_makes_no_sense(connect: Any, serve: Any, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        connect(serve(in_turn(json_answer(200, body))).url).get_job("a")


def test_a_redirect_is_not_followed_with_the_token(connect: Any, serve: Any) -> None:
    elsewhere = serve(in_turn(JOB))
    server = serve(in_turn(answer(302, Location=elsewhere.url)))
    with pytest.raises(ApiError) as caught:
        connect(server.url, token="secret").get_job("a")
    assert caught.value.status == 302 and elsewhere.requests == []


def test_errors_survive_a_task_queue() -> None:
    error = TooManyRequestsError(429, {"detail": "why"}, 1.5)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.status, copy.detail, copy.retry_after_s, str(copy)) == (
        TooManyRequestsError, 429, "why", 1.5, str(error),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ sending again


@pytest.mark.parametrize("lost", [LOST, CUT, problem(503), problem(429), answer(502), answer(504)])
def test_a_repeated_creation_has_one_key(connect: Any, serve: Any, lost: Reply) -> None:
    server = serve(in_turn(lost, lost, CREATED, CREATED))
    client = connect(server.url)
    assert client.create_job()["id"] == "a"
    assert len(set(idempotency_keys(server))) == 1 and len(server.requests) == 3
    client.create_job()
    assert len(set(idempotency_keys(server))) == 2, "another call is another job"


def test_an_answer_that_is_cut_at_any_byte_is_a_lost_one(connect: Any, serve: Any) -> None:
    def cut_first(request: Request) -> Reply:
        """The job's id says after how many bytes the first answer is cut."""
        at = int(request.target.split("/")[3])
        if at in was_cut:
            return JOB
        was_cut.add(at)
        return Reply(JOB.data[:at])

    was_cut: set[int] = set()
    client = connect(serve(cut_first).url)
    for at in range(len(JOB.data)):
        assert client.get_job(str(at)) == {"id": "a", "state": "active"}, f"cut at {at} of {len(JOB.data)}"
    assert len(was_cut) == len(JOB.data)


def test_it_gives_up_when_nobody_answers(connect: Any) -> None:
    settings = at_once(call_policy=ReconnectPolicy(base_s=0.0, failures_max=2))
    with ScriptedServer(in_turn()) as gone:
        pass
    with pytest.raises(ConnectionFailed) as caught:
        connect(gone.url, settings=settings).get_job("a")
    assert caught.value.__cause__ is not None and "/v1/jobs/a" in str(caught.value)


def test_a_server_that_stays_unavailable_is_the_last_answer(connect: Any, serve: Any) -> None:
    settings = at_once(call_policy=ReconnectPolicy(base_s=0.0, asked_s_max=0.0, failures_max=2))
    server = serve(lambda _: problem(503, "draining", Retry_After="7"))
    with pytest.raises(UnavailableError) as caught:
        connect(server.url, settings=settings).get_job("a")
    assert (caught.value.detail, caught.value.retry_after_s, len(server.requests)) == ("draining", 7.0, 3)


def test_retry_after_is_waited_for(connect: Any, serve: Any) -> None:
    settings = at_once(call_policy=ReconnectPolicy(base_s=0.0, failures_max=1))
    server = serve(in_turn(problem(429, Retry_After="1"), CREATED))
    began = time.monotonic()
    connect(server.url, settings=settings).create_job()
    assert time.monotonic() - began >= 0.9


def test_a_server_that_says_nothing_is_given_up(connect: Any, serve: Any) -> None:
    settings = at_once(call_policy=ReconnectPolicy(base_s=0.0, failures_max=1), answer_timeout_s=0.2)
    server = serve(lambda _: Reply(b"", "hold"))
    with pytest.raises(ConnectionFailed):
        connect(server.url, settings=settings).get_job("a")
    assert len(server.requests) == 2


STATES = {"completed": b'{"id":"a","state":"completed"}', "cancelled": b'{"id":"a","state":"cancelled"}'}


def test_an_end_that_was_reported_before_its_answer_was_lost(connect: Any, serve: Any) -> None:
    server = serve(in_turn(LOST, problem(409), json_answer(200, STATES["completed"])))
    assert connect(server.url).report("a", {"state": "completed"})["state"] == "completed"
    server = serve(in_turn(LOST, problem(409), json_answer(200, STATES["cancelled"])))
    assert connect(server.url).cancel_job("a")["state"] == "cancelled"


def test_an_end_that_somebody_else_reported_is_a_conflict(connect: Any, serve: Any) -> None:
    server = serve(in_turn(LOST, problem(409), json_answer(200, STATES["cancelled"])))
    with pytest.raises(ConflictError):
        connect(server.url).report("a", {"state": "completed"})
    server = serve(in_turn(problem(409), json_answer(200, STATES["completed"])))
    with pytest.raises(ConflictError):
        connect(server.url).report("a", {"state": "completed"})
    assert len(server.requests) == 1, "no answer was lost: there is nothing to ask"


def test_a_deletion_whose_answer_was_lost(connect: Any, serve: Any) -> None:
    connect(serve(in_turn(LOST, problem(404))).url).delete_job("a")
    with pytest.raises(NotFoundError):
        connect(serve(in_turn(problem(404))).url).delete_job("a")
    with pytest.raises(NotFoundError):
        connect(serve(in_turn(problem(503), problem(404))).url).delete_job("a")


# ------------------------------------------------------------------------------------------------ pages and batches


def test_pages_are_fetched_as_they_are_needed(connect: Any, serve: Any) -> None:
    server = serve(
        in_turn(
            json_answer(200, b'{"jobs":[{"id":"a"},{"id":"b"}],"next":"c+/="}'),
            json_answer(200, b'{"jobs":[],"next":"d"}'),
            json_answer(200, b'{"jobs":[{"id":"c"}],"next":null}'),
        )
    )
    jobs = iter(connect(server.url).list_jobs(state="active", kind="a&b", page_size=2))
    assert [next(jobs)["id"], next(jobs)["id"]] == ["a", "b"]
    assert len(server.requests) == 1
    assert [job["id"] for job in jobs] == ["c"]
    queries = [parse_qs(urlsplit(request.target).query) for request in server.requests]
    filters = {"state": ["active"], "kind": ["a&b"], "limit": ["2"]}
    assert queries == [filters, {**filters, "cursor": ["c+/="]}, {**filters, "cursor": ["d"]}]


def test_reports_go_in_batches_and_come_back_with_their_place(connect: Any, serve: Any) -> None:
    def refuse_first_and_last(request: Request) -> Reply:
        lines = len(request.body.splitlines())
        rejected = [{"line": line, "status": 404, "detail": "why"} for line in (1, lines)]
        return json_answer(200, json.dumps({"accepted": 0, "rejected": rejected}).encode())

    server = serve(refuse_first_and_last)
    reports = [{"job": f"job-{number}", "done": number, "message": "m" * 1000} for number in range(1200)]
    rejected = connect(server.url).report_many(iter(reports))
    sent = [json.loads(line) for request in server.requests for line in request.body.splitlines()]
    assert sent == reports
    assert len(server.requests) == 3
    for request in server.requests:
        assert request.headers["Content-Type"] == "application/x-ndjson" and len(request.body) <= BATCH_BYTES_MAX
    assert [one.report for one in rejected] == [reports[one.line - 1] for one in rejected]
    assert (rejected[0].line, rejected[-1].line, rejected[0].status, rejected[0].detail) == (1, 1200, 404, "why")
    assert len(rejected) == 6


def test_batches_are_bounded_in_bytes_and_lines() -> None:
    short, long = {"job": "a", "done": 1}, {"job": "a", "message": "m" * 100}
    assert [len(call.body.splitlines()) for call in report_batches([short] * 7, lines_max=3)] == [3, 3, 1]
    assert [len(call.body.splitlines()) for call in report_batches([short, long, short], bytes_max=60)] == [1, 1, 1]
    assert list(report_batches([])) == []


def test_a_batch_whose_answer_is_lost_is_not_sent_again(connect: Any, serve: Any) -> None:
    server = serve(in_turn(LOST, json_answer(200, b'{"accepted":1,"rejected":[]}')))
    with pytest.raises(ConnectionFailed):
        connect(server.url).report_many([{"job": "a", "done": 1}])
    assert len(server.requests) == 1
    server = serve(in_turn(problem(503), json_answer(200, b'{"accepted":1,"rejected":[]}')))
    assert connect(server.url).report_many([{"job": "a", "done": 1}]) == [], "a 503 has changed nothing"


# ------------------------------------------------------------------------------------------------ its end


def test_a_closed_client_answers_no_call(serve: Any) -> None:
    for kind in ("sync", "async"):
        client: Any = new_client(kind, serve(lambda _: JOB).url)
        with client:
            client.get_job("a")
            if kind == "async":
                client._loop.run_until_complete(client._client.close())
            else:
                client.close()
            with pytest.raises(ConnectionFailed):
                client.get_job("a")
