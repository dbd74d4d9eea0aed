"""Progress channels: a channel for each user, to which that user's workers post any JSON object."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from harness import Event, Server, Stream, assert_problem, patience, wait_until
from seed_clients import assert_seed_stream, curl, facts, follower, messages, session

API = "/api/v1/sse"
KIB = 1024
VALUE_BYTES_MAX = 256 * KIB


def post(server: Server, user: str, value: Any) -> None:
    """What `sse_manager.update_progress(user, value)` does."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = server.request("POST", f"{API}/progress/{user}", headers={"Content-Type": "application/json"}, body=body)
    assert answer.status == 202 and answer.body == b"", answer


def latest(server: Server, user: str) -> Any:
    answer = server.request("GET", f"{API}/progress/status/{user}")
    assert answer.status == 200 and answer["Content-Type"] == "application/json", answer
    return answer.json()


def clear(server: Server, user: str) -> None:
    answer = server.request("DELETE", f"{API}/progress/{user}")
    assert answer.status == 200 and list(answer.json()) == ["message"], answer


def follow(server: Server, user: str, **options: Any) -> Stream:
    stream = server.stream(f"{API}/progress/stream/{user}", **options)
    assert stream.status == 200, stream.head
    return stream


def connections(server: Server) -> Any:
    answer = server.request("GET", f"{API}/connections/status")
    assert answer.status == 200, answer
    return answer.json()


def steps(count: int, first: int = 1) -> list[dict[str, Any]]:
    return [{"completed": n, "total": 100, "status": "processing"} for n in range(first, first + count)]


COMPLETED = {
    "completed": 10, "total": 10, "status": "completed", "message": "All files processed successfully!",
    "results": [{"file": "a.pdf", "score": 0.5}], "successful_files": 10, "failed_files": 0,
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ following


def test_a_user_is_told_what_is_posted_and_the_stream_stays_open(shared: Server) -> None:
    with follow(shared, "ann-1") as stream:
        for value in [*steps(3), COMPLETED, *steps(1)]:
            post(shared, "ann-1", value)
        post(shared, "somebody-else", {"status": "processing"})
        events = stream.take(5)
        assert_seed_stream(stream)
        assert facts(events) == [*steps(3), COMPLETED, *steps(1)]
        ids = [event.id for event in events]
        assert None not in ids and len(set(ids)) == 5
        assert latest(shared, "ann-1") == steps(1)[0]


def test_who_comes_late_gets_the_latest_first(shared: Server) -> None:
    for value in steps(3):
        post(shared, "late-1", value)
    with follow(shared, "late-1") as stream:
        assert stream.next().json == steps(3)[-1]
        post(shared, "late-1", COMPLETED)
        assert stream.next().json == COMPLETED
    with follow(shared, "late-1") as stream:
        assert stream.next().json == COMPLETED, "a completed one is no end"
        with follow(shared, "nothing-yet") as other:
            post(shared, "nothing-yet", {"n": 1})
            assert other.next().json == {"n": 1} and len(other.seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"big":12345678901234567890123,"exact":1.10,"e":1E+2,"zero":-0.0,"tiny":0.10000000000000000001}',
        b'{"text":"it\'s \\u00e9 \\ud83d\\ude00 \xe4\xb8\xad \\n\\/","list":[[],{},null,true]}',
        b'{"same":1,"same":2,"status":null}',
        b'{"status":{"code":7}}',
    ],
)
def test_an_object_is_passed_on_as_it_is(shared: Server, body: bytes) -> None:
    with follow(shared, "exact-1") as stream:
        post(shared, "exact-1", body)
        assert stream.until(lambda event: event.data.encode() == body)
    assert shared.request("GET", f"{API}/progress/status/exact-1").body.rstrip(b"\n") == body


def test_line_breaks_in_a_body_break_no_event(shared: Server) -> None:
    body = b'\r\n{ "a" :\r1,\n\n "data: x": [\n1,\t2 ], "id": "y z" }\n'
    with follow(shared, "breaks-1") as stream:
        post(shared, "breaks-1", body)
        post(shared, "breaks-1", {"n": 2})
        assert [event.data for event in stream.take(2)] == ['{"a":1,"data: x":[1,2],"id":"y z"}', '{"n":2}']
        assert_seed_stream(stream)


def test_an_object_of_256_kib_arrives_whole(shared: Server) -> None:
    value = {"text": "x" * (VALUE_BYTES_MAX - len('{"text":""}'))}
    with follow(shared, "large-1") as stream:
        post(shared, "large-1", value)
        assert stream.next().json == value
    value["text"] += "x"
    answer = shared.request("POST", f"{API}/progress/large-1", value)
    assert_problem(answer, 422, str(VALUE_BYTES_MAX))
    answer = shared.request("POST", f"{API}/progress/large-1", {"text": "x" * KIB * KIB})
    assert_problem(answer, 413)
    assert len(latest(shared, "large-1")["text"]) == len(value["text"]) - 1, "what is refused changes nothing"


# ------------------------------------------------------------------------------------------------ the latest, and none


def test_there_is_nothing_before_the_first_post_and_after_a_deletion(shared: Server) -> None:
    assert latest(shared, "gone-1") is None
    with follow(shared, "gone-1") as stream:
        clear(shared, "gone-1")
        post(shared, "gone-1", {"n": 1})
        assert latest(shared, "gone-1") == {"n": 1}
        clear(shared, "gone-1")
        assert latest(shared, "gone-1") is None
        post(shared, "gone-1", {"n": 2})
        assert facts(stream.take(2)) == [{"n": 1}, {"n": 2}], "a deletion sends no event and ends no stream"
        clear(shared, "gone-1")
    with follow(shared, "gone-1") as stream:
        post(shared, "gone-1", {"n": 3})
        assert stream.next().json == {"n": 3}, "what was deleted is told to nobody"


def test_a_deletion_says_whose(shared: Server) -> None:
    user = 'o\'"\u00e9'
    answer = shared.request("DELETE", f"{API}/progress/{quote(user)}")
    assert answer.status == 200 and user in answer.json()["message"]


def test_a_channel_that_nobody_posts_to_is_forgotten_after_its_time_but_not_its_readers(server: Any) -> None:
    running = server("--retain-channels", "300ms")
    with follow(running, "idle-1") as stream:
        post(running, "idle-1", {"n": 1})
        wait_until(lambda: latest(running, "idle-1") is None, "the channel to be forgotten")
        post(running, "idle-1", {"n": 2})
        assert facts(stream.take(2)) == [{"n": 1}, {"n": 2}]


def test_more_channels_than_the_limit(server: Any) -> None:
    running = server("--max-channels", "2")
    assert running.stats()["limits"]["maxChannels"] == 2
    for user in ("a", "b", "a"):
        post(running, user, {"n": 1})
    with follow(running, "c") as stream:
        refused = running.request("POST", f"{API}/progress/c", {"n": 1})
        assert_problem(refused, 503, "channels")
        assert int(refused["Retry-After"] or 0) > 0
        assert latest(running, "c") is None
        clear(running, "b")
        post(running, "c", {"n": 2})
        assert stream.next().json == {"n": 2}


# ------------------------------------------------------------------------------------------------ resuming


def test_a_cut_stream_resumes_without_a_gap_or_a_duplicate(shared: Server) -> None:
    with follow(shared, "cut-1") as stream:
        post(shared, "cut-1", steps(1)[0])
        first = stream.next()
    for value in steps(4, first=2):
        post(shared, "cut-1", value)
    for options in ({"last_event_id": first.id}, {}):
        path = "cut-1" if options else f"cut-1?lastEventId={first.id}"
        with follow(shared, path, **options) as again:
            assert facts(again.take(4)) == steps(4, first=2)
            post(shared, "cut-1", {"live": True})
            assert again.next().json == {"live": True}
            post(shared, "cut-1", {"live": True})  # so that the next round has one more to be live
            again.next()
        shared.request("DELETE", f"{API}/progress/cut-1")
        for value in steps(4, first=2):
            post(shared, "cut-1", value)


def test_an_id_that_cannot_be_placed_gets_the_latest_and_no_gap(server: Any) -> None:
    running = server("--history-events", "3")
    with follow(running, "u") as stream:
        for value in steps(6):
            post(running, "u", value)
        ids = [event.id for event in stream.take(6)]
    for unknown in (ids[0], ids[1], "what", "1f3a9c04-3", f"{ids[-1]}0", f"{ids[-1]}~"):
        with follow(running, "u", last_event_id=unknown) as again:
            assert again.next().json == steps(6)[-1]
            assert not again.seen[0].named and again.seen[0].id == ids[-1]
    with follow(running, "u", last_event_id=ids[2]) as again:
        assert facts(again.take(3)) == steps(6)[3:], "the last three are kept"
    with follow(running, "u", last_event_id=ids[-1]) as again:
        post(running, "u", {"n": 7})
        assert again.next().json == {"n": 7}, "who has seen all is told only what is new"


def test_the_history_is_bounded_in_bytes_too(shared: Server) -> None:
    # Each has a status of its own, so that none gives way to a newer one where a socket is full.
    large = [{"n": n, "status": n, "text": "x" * 200 * KIB} for n in range(8)]
    with follow(shared, "heavy-1") as stream:
        ids = []
        for value in large:
            post(shared, "heavy-1", value)
            ids.append(stream.next().id)
    with follow(shared, "heavy-1", last_event_id=ids[2]) as again:
        assert [event.json["n"] for event in again.take(5)] == [3, 4, 5, 6, 7], "five of 200 KiB are less than 1 MiB"
    with follow(shared, "heavy-1", last_event_id=ids[1]) as again:
        assert again.next().json["n"] == 7


def test_who_resumes_after_a_deletion_gets_what_was_posted_since(shared: Server) -> None:
    with follow(shared, "del-1") as stream:
        post(shared, "del-1", {"n": 1})
        seen = stream.next().id
    clear(shared, "del-1")
    with follow(shared, "del-1", last_event_id=seen) as again:
        post(shared, "del-1", {"n": 2})
        post(shared, "del-1", {"n": 3})
        assert facts(again.take(2)) == [{"n": 2}, {"n": 3}]
    with follow(shared, "del-1", last_event_id=seen) as again:
        assert facts(again.take(2)) == [{"n": 2}, {"n": 3}]


# ------------------------------------------------------------------------------------------------ slow readers


def test_a_slow_reader_misses_no_change_of_status(server: Any) -> None:
    running = server()
    slow = follow(running, "slow", receive_buffer=4096)
    filler = "f" * 16_000
    worker = running.connect()
    sent: list[str] = []

    def tell(status: str, count: int) -> None:
        for _ in range(count):
            sent.append(status)
            body = json.dumps({"n": len(sent), "status": status, "filler": filler}).encode()
            answer = worker.request("POST", f"{API}/progress/slow", {"Content-Type": "application/json"}, body)
            assert answer.status == 202, answer

    wait_until(lambda: running.stats()["eventsConflated"] > 0 or tell("parsing", 20), "something to be conflated")
    for status in ("scoring", "scoring", "parsing", "done", "done", "parsing"):
        tell(status, 5)
    events = slow.until(lambda event: event.json["n"] == len(sent))
    numbers = [event.json["n"] for event in events]
    assert numbers == sorted(set(numbers)) and len(numbers) < len(sent), "in order, and not all of them"
    changes = [n for n, status in enumerate(sent, 1) if n == 1 or status != sent[n - 2]]
    assert set(changes) <= set(numbers), f"a change of status is missing: {sorted(set(changes) - set(numbers))}"


# ------------------------------------------------------------------------------------------------ input


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 400),
        (b"{", 400),
        (b'{"a":1}{}', 400),
        (b'{"a":1 2}', 400),
        (b"{'a':1}", 400),
        (b'{"a":"\xff"}', 400),
        (b'{"a":"\n"}', 400),
        (b"nonsense", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"17", 422),
        (b'{"a":1e999}', 422),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", 422),
    ],
)
def test_a_bad_body_is_refused_and_changes_nothing(shared: Server, body: bytes, status: int) -> None:
    post(shared, "bad-1", {"n": 1})
    answer = shared.request("POST", f"{API}/progress/bad-1", headers={"Content-Type": "application/json"}, body=body)
    assert_problem(answer, status)
    assert latest(shared, "bad-1") == {"n": 1}


def test_other_media_types_and_methods(shared: Server) -> None:
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-ndjson"}):
        answer = shared.request("POST", f"{API}/progress/media-1", headers=headers, body=b"{}")
        assert_problem(answer, 415, "application/json")
    for path, allow in (
        ("progress/u", "POST, DELETE, OPTIONS"),
        ("progress/stream/u", "GET, HEAD, OPTIONS"),
        ("progress/status/u", "GET, HEAD, OPTIONS"),
        ("connections/status", "GET, HEAD, OPTIONS"),
    ):
        answer = shared.request("PATCH", f"{API}/{path}", {})
        assert_problem(answer, 405)
        assert answer["Allow"] == allow, path
    assert_problem(shared.request("GET", f"{API}/progress/stream/u", headers={"Accept": "application/json"}), 406)
    assert shared.request("HEAD", f"{API}/progress/stream/u")["Content-Type"] == "text/event-stream"


@pytest.mark.parametrize("user", ["a/b", "\u00fcn\u00ef", "stream", "status", "a b", "..", "x" * 256, "%", "'\""])
def test_any_name_of_up_to_256_bytes_is_a_user(shared: Server, user: str) -> None:
    name = quote(user, safe="")
    with follow(shared, name) as stream:
        post(shared, name, {"user": user})
        assert stream.next().json == {"user": user}
    assert latest(shared, name) == {"user": user}
    clear(shared, name)


@pytest.mark.parametrize("name", ["x" * 257, "%ff", "\u00e9" * 129])
def test_other_names_are_nobodys(shared: Server, name: str) -> None:
    name = name if name.startswith("%") else quote(name)
    for method, path in (("GET", "stream/"), ("GET", "status/"), ("POST", ""), ("DELETE", "")):
        answer = shared.request(method, f"{API}/progress/{path}{name}", {} if method == "POST" else None)
        assert_problem(answer, 422, "user_id")


# ------------------------------------------------------------------------------------------------ who listens


def test_connections_are_counted_by_user(server: Any) -> None:
    running = server()
    assert running.request("GET", f"{API}/connections/status").body.rstrip() == b'{"active_connections":0,"users":{}}'
    post(running, "nobody-listens", {})
    streams = [follow(running, quote(user)) for user in ("ann", "ann", "b\u00f6b")]
    assert connections(running) == {"active_connections": 3, "users": {"ann": 2, "b\u00f6b": 1}}
    streams[2].close()
    wait_until(lambda: connections(running) == {"active_connections": 2, "users": {"ann": 2}}, "one to be gone")
    listed = running.request("GET", "/v1/streams").json()["streams"]
    assert [stream["topics"] for stream in listed] == [["channel:ann"]] * 2
    for stream in streams[:2]:
        stream.close()
    wait_until(lambda: connections(running) == {"active_connections": 0, "users": {}}, "all to be gone")


# ------------------------------------------------------------------------------------------------ its clients


@pytest.mark.parametrize("peer", ["node", "chromium", "fetch"])
def test_browsers_follow(server: Any, tmp_path: Any, peer: str) -> None:
    # What takes each chunk for whole lines needs whole lines: Node's decoder cuts where 16 KiB are full.
    running = server("--compress-streams", "off" if peer == "fetch" else "on")
    user = f"user_{peer}"
    values = [*steps(5), {"status": "x", "text": "\u00e9" * 7_000}, COMPLETED]
    with follower(peer, running, tmp_path) as watcher:
        watcher.tell([f"{API}/progress/stream/{user}"])
        said = watcher.until(lambda fact: fact.get("open") or fact.get("status") == 200)
        wait_until(lambda: connections(running)["users"].get(user), "the stream")
        for value in values:
            post(running, user, value)
        said += watcher.until(lambda fact: "completed" in fact.get("data", "") and COMPLETED == json.loads(fact["data"]))
    assert messages(said) == values
    assert not any("error" in fact for fact in said)


def test_the_documents_curl_commands(shared: Server) -> None:
    post(shared, "user_123", COMPLETED)
    assert json.loads(curl(shared, f"{API}/connections/status"))["active_connections"] >= 0
    assert json.loads(curl(shared, f"{API}/progress/status/user_123")) == COMPLETED
    assert curl(shared, f"{API}/progress/status/user_124").strip() == "null"
    answer = json.loads(curl(shared, f"{API}/progress/user_123", "-X", "DELETE"))
    assert "user_123" in answer["message"]


def test_requests_posts_and_reads_line_by_line(shared: Server) -> None:
    http = session()
    with http.get(f"{shared.url}{API}/progress/stream/user_r", stream=True, timeout=patience()) as stream:
        for value in [*steps(3), COMPLETED]:
            answer = http.post(f"{shared.url}{API}/progress/user_r", json=value, timeout=patience())
            assert answer.status_code == 202
        heard = []
        for line in stream.iter_lines(chunk_size=1):
            if line.startswith(b"data: "):
                heard.append(json.loads(line[6:]))
            if heard and heard[-1].get("status") == "completed":
                break
    assert heard == [*steps(3), COMPLETED]


def test_an_event_carries_its_id(shared: Server) -> None:
    with follow(shared, "ids-1") as stream:
        post(shared, "ids-1", {"n": 1})
        event: Event = stream.next()
        assert stream.raw.endswith(f'id: {event.id}\ndata: {{"n":1}}\n\n'.encode())
