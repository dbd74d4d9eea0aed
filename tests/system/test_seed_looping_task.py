"""One looping task, which everybody watches: 0 to 100, a step every 100 ms, and round again for ever."""

from __future__ import annotations

import time
from typing import Any

import pytest
from harness import Stream, assert_problem, wait_until
from seed_clients import assert_seed_stream, curl, follower, jobs_of_kind, messages

STEP_S = 0.1
OFF_S_MAX = 0.05  # of one interval, as a reader on a busy machine sees it
FAR_OFF_SHARE_MAX = 0.2  # of intervals that may be farther off: a step that is late makes two of them
ROUND = 101  # 0 to 100


def assert_goes_on(moved: list[int]) -> None:
    for one, next_one in zip(moved, moved[1:]):
        assert next_one == (one + 1) % ROUND, moved


def moved(stream: Stream, count: int) -> list[int]:
    return [event.json["moved"] for event in stream.take(count)]


def test_the_payload(server: Any) -> None:
    running = server()
    assert jobs_of_kind(running, "looping") == [], "it costs nothing until somebody asks"
    with running.stream("/events") as stream:
        events = stream.take(5)
        assert_seed_stream(stream)
    first = events[0].json["moved"]
    assert first == 0, "the first who comes starts it"
    assert [event.data for event in events] == [
        f'{{"moved":{n},"total":100,"percent":"{n}.00"}}' for n in range(first, first + 5)
    ]
    assert len({event.id for event in events}) == 5 and None not in {event.id for event in events}


def test_the_pace_and_round_again(server: Any) -> None:
    running = server("--demo-duration", "10999999ms")  # is for the other seeds, be it with a last step of minutes
    with running.stream("/events") as stream:
        seen = moved(stream, 1)
        begun = time.monotonic()
        arrived = [begun]
        for _ in range(50):
            seen += moved(stream, 1)
            arrived.append(time.monotonic())
        mean = (arrived[-1] - begun) / 50
        assert abs(mean - STEP_S) <= 0.2 * STEP_S, f"{mean * 1000:.1f} ms a step"
        intervals = [later - earlier for earlier, later in zip(arrived, arrived[1:])]
        far_off = [interval for interval in intervals if abs(interval - STEP_S) > OFF_S_MAX]
        assert len(far_off) <= FAR_OFF_SHARE_MAX * len(intervals), [f"{one * 1000:.0f} ms" for one in far_off]
        seen += moved(stream, 60)
        assert_goes_on(seen)
        assert 100 in seen and seen[-1] < 20, "round again"
        end, beginning = (event for event in stream.seen if event.json["moved"] in (100, 0) and event != stream.seen[0])
        assert end.data == '{"moved":100,"total":100,"percent":"100.00"}'
        assert beginning.data == '{"moved":0,"total":100,"percent":"0.00"}'


def test_all_listeners_share_one_task(server: Any) -> None:
    running = server()
    streams = [running.stream("/events") for _ in range(3)]
    late = running.stream("/events") if moved(streams[0], 6) else None
    assert late is not None and late.next().json["moved"] >= 5, "who comes late sees where it is"
    last = streams[0].next()
    for stream in (*streams[1:], late):
        assert stream.until(lambda event: event.id == last.id)[-1].data == last.data
    (task,) = jobs_of_kind(running, "looping")
    assert task["state"] == "active" and task["total"] == 100


def test_it_goes_on_without_listeners_and_a_cut_stream_resumes(server: Any) -> None:
    running = server()
    with running.stream("/events") as stream:
        seen = moved(stream, 3)
    (task,) = jobs_of_kind(running, "looping")
    wait_until(lambda: running.job(task)["done"] >= 10, "it to go on")
    with running.stream("/events", last_event_id=stream.last_event_id) as again:
        assert_goes_on(seen + moved(again, 12))
        assert not any(event.named for event in again.seen)
    for unknown in ("what", "1f3a9c04-1"):
        with running.stream("/events", last_event_id=unknown) as lost:
            assert lost.next().json["moved"] >= 10, "the latest, and no gap"


def test_a_task_that_somebody_cancelled_is_started_again_by_the_next(server: Any) -> None:
    running = server()
    with running.stream("/events") as stream:
        stream.take(3)
        (task,) = jobs_of_kind(running, "looping")
        running.cancel(task)
        stream.rest()
        assert not stream.cut
    with running.stream("/events", last_event_id=stream.last_event_id) as again:
        assert_goes_on(moved(again, 3))
    (anew,) = jobs_of_kind(running, "looping")
    assert anew["state"] == "active" and anew["createdAt"] >= task["createdAt"]


def test_a_job_of_somebodys_own_with_that_id_stays(server: Any) -> None:
    running = server()
    own = running.external(id="looping-task", total=8)
    running.patch(own, done=2)
    running.patch(own, state="completed")
    for _ in range(2):
        with running.stream("/events") as stream:
            assert [event.json for event in stream.rest()] == [{"moved": 8, "total": 8, "percent": "100.00"}]
    assert running.job("looping-task")["createdAt"] == own["createdAt"]


def test_other_requests(server: Any) -> None:
    running = server()
    assert_problem(running.request("GET", "/events", headers={"Accept": "application/json"}), 406)
    assert jobs_of_kind(running, "looping") == [], "who is refused starts nothing"
    assert running.request("HEAD", "/events").status == 200
    assert jobs_of_kind(running, "looping") == [], "nor does who asks for the head only"
    answer = running.request("POST", "/events", {})
    assert_problem(answer, 405)
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert running.request("HEAD", "/events")["Content-Type"] == "text/event-stream"


@pytest.mark.parametrize("peer", ["node", "chromium", "fetch"])
def test_browsers_watch(server: Any, tmp_path: Any, peer: str) -> None:
    running = server()
    with follower(peer, running, tmp_path) as watcher:
        watcher.tell(["/events"])
        said = watcher.until(lambda fact: '"moved":20,' in fact.get("data", ""))
    assert not any("error" in fact for fact in said)
    heard = messages(said)
    assert heard[-1] == {"moved": 20, "total": 100, "percent": "20.00"}
    assert_goes_on([fact["moved"] for fact in heard])


def test_an_event_source_comes_back_by_itself_without_a_seam(server: Any, tmp_path: Any) -> None:
    running = server("--max-stream-age", "700ms")
    with follower("node", running, tmp_path) as watcher:
        watcher.tell(["/events"])
        said = watcher.until(lambda fact: '"moved":60,' in fact.get("data", ""))
    assert sum(fact.get("status") == 200 for fact in said) >= 2
    assert_goes_on([fact["moved"] for fact in messages(said)])


def test_curl_watches(server: Any) -> None:
    running = server("--max-stream-age", "1s")
    text = curl(running, "/events")
    assert '\ndata: {"moved":1,"total":100,"percent":"1.00"}\n\n' in text, text
