"""The browser client library (tools/clients/js): its own tests, and tabs of Chromium that share one connection."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import Any

import pytest
from browser_tabs import complete, report
from harness import HERE, Peer, Server, node_script, patience, plain_environment, wait_until

CLIENT = HERE.parent.parent / "tools" / "clients" / "js"
SHARED_BY = ["worker", "tabs"]


def in_the_package(*command: str) -> None:
    """Runs a command of the client's package, which has to end well."""
    if not (CLIENT / "node_modules").is_dir():
        raise AssertionError(f"the Node packages are missing: npm ci --prefix {CLIENT}")
    environment = plain_environment(PATH=f"{CLIENT / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(command, cwd=CLIENT, env=environment, capture_output=True, timeout=patience() * 6)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("name", sorted(path.name for path in (CLIENT / "tests").glob("*.test.js")))
def test_the_unit_tests(name: str) -> None:
    in_the_package("node", "--test", f"tests/{name}")


def test_the_types_say_what_the_modules_are() -> None:
    in_the_package("npm", "run", "--silent", "types")


def test_every_event_comes_once_while_jobs_join_and_connections_are_cut(shared: Server) -> None:
    with Peer(*node_script("follow_with_client.mjs"), shared.url) as follower:
        jobs = follower.until(lambda fact: "jobs" in fact)[-1]["jobs"]
        ends = follower.rest()[-1]
    assert ends["completed"] == jobs and ends["cuts"] > 10, ends
    assert ends["faults"] == [], ends


# ------------------------------------------------------------------------------------------------ tabs of Chromium


@pytest.mark.parametrize("share", SHARED_BY)
def test_eight_tabs_follow_twenty_jobs_over_one_connection(server: Any, browser: Any, share: str) -> None:
    running = server()
    chromium = browser(running)
    jobs = [running.external(total=30)["id"] for _ in range(20)]
    tabs = [f"tab {number}" for number in range(8)]
    for tab in tabs:
        chromium.open(tab)
        chromium.follow(tab, jobs, share=share)
        chromium.wait_for(tab, jobs[-1], 0)
    assert running.stats()["streams"] == 1
    for done in range(1, 30):
        report(running, jobs, done)
    for tab in tabs:
        chromium.wait_for(tab, jobs[-1], 29)
    assert running.stats()["streams"] == 1
    complete(running, jobs)
    for tab in tabs:
        chromium.wait_for_end(tab, jobs)
        for job in jobs:
            assert chromium.done(tab, job) == list(range(31)), (tab, job)
    wait_until(lambda: running.stats()["streams"] == 0, "the stream to be closed after the end of all jobs")


@pytest.mark.parametrize("share", SHARED_BY)
def test_tabs_that_follow_different_jobs_share_a_connection_too(server: Any, browser: Any, share: str) -> None:
    running = server()
    chromium = browser(running)
    jobs = [running.external(total=30)["id"] for _ in range(5)]
    for number, job in enumerate(jobs):
        chromium.open(job)
        chromium.follow(job, [job], share=share)
        chromium.wait_for(job, job, 0)
        for step in range(1, 4):  # the earlier ones hear each step while the next one joins
            report(running, jobs[: number + 1], 3 * number + step)
    complete(running, jobs)
    for number, job in enumerate(jobs):
        chromium.wait_for_end(job, [job])
        told = chromium.done(job, job)
        # A job was not begun before its tab came: its snapshot says 0.
        assert told == [0, *range(3 * number + 1, 16), 30], (number, told)
    wait_until(lambda: running.stats()["streams"] == 0, "the stream to be closed after the end of all jobs")


@pytest.mark.parametrize("share", SHARED_BY)
def test_tabs_that_come_to_a_busy_job_begin_with_a_snapshot(server: Any, browser: Any, share: str) -> None:
    running = server()
    chromium = browser(running)
    job = running.create(total=1_000_000, stepMs=5)
    tabs = ["one", "two", "three", "four"]
    chromium.open(*tabs)
    for tab in tabs:
        chromium.follow(tab, [job["id"]], share=share)
        chromium.wait_for(tab, job["id"], 1)
    running.cancel(job)
    for tab in tabs:
        chromium.wait_for_end(tab, [job["id"]])
        events = [fact for fact in chromium.told(tab, job["id"]) if "type" in fact]
        assert [fact["type"] for fact in events] == ["snapshot", *["progress"] * (len(events) - 2), "cancelled"]
        assert events[0]["data"]["owner"] == "anonymous", "the whole job, not what an event tells of it"
        done = chromium.done(tab, job["id"])
        assert done[:-1] == list(range(done[0], done[0] + len(done) - 1)), "and then every step, once"


@pytest.mark.parametrize(
    ("share", "end"),
    [("tabs", "close"), ("tabs", "crash"), ("tabs", "leave"), ("worker", "close"), ("worker", "kill_worker")],
)
def test_the_tab_that_led_goes_and_no_event_is_lost(server: Any, browser: Any, share: str, end: str) -> None:
    running = server()
    chromium = browser(running)
    jobs = [running.external(total=100)["id"] for _ in range(3)]
    tabs = ["leader", "heir", "other"]
    for tab in tabs:
        chromium.open(tab)
        chromium.follow(tab, jobs, share=share)
        chromium.wait_for(tab, jobs[-1], 0)
    for done in range(1, 40):
        report(running, jobs, done)
        if done == 20:
            killed = chromium.do(end, "leader")
            assert end != "kill_worker" or killed == 1
    for tab in tabs[1:]:
        chromium.wait_for(tab, jobs[-1], 39)
    wait_until(lambda: running.stats()["streams"] == 1, "one stream, of the tab that took over")
    complete(running, jobs)
    for tab in tabs[1:]:
        chromium.wait_for_end(tab, jobs)
        for job in jobs:
            assert chromium.done(tab, job) == [*range(40), 100], (tab, job)
            assert not [fact for fact in chromium.told(tab, job) if fact.get("type") == "gap"]


def test_a_job_that_only_a_crashed_tab_followed_is_followed_no_more(server: Any, browser: Any) -> None:
    running = server()
    chromium = browser(running)
    one, other = (running.external()["id"] for _ in range(2))
    chromium.open("stays", "goes")
    chromium.follow("stays", [one], share="worker")
    chromium.follow("goes", [other], share="worker")
    chromium.wait_for("goes", other, 0)
    chromium.do("crash", "goes")
    wait_until(
        lambda: len(chromium.call("stays", "page.locks()")) == 2,
        "the locks of the hub and of one tab to be left",
    )
    chromium.call("stays", "page.unfollow(given)", [one])
    wait_until(lambda: running.stats()["streams"] == 0, "the stream to be closed: nobody follows anything")


def test_a_worker_that_cannot_be_loaded_leaves_it_to_the_tabs(server: Any, browser: Any) -> None:
    running = server()
    chromium = browser(running)
    job = running.external(total=5)["id"]
    for tab in ("one", "two"):
        chromium.open(tab, client="workerless")
        chromium.follow(tab, [job])
        chromium.wait_for(tab, job, 0)
    assert running.stats()["streams"] == 1
    complete(running, [job])
    chromium.wait_for_end("two", [job])


def test_a_page_without_web_locks_shares_by_the_worker_or_has_a_connection_of_its_own(
    server: Any, browser: Any
) -> None:
    running = server()
    chromium = browser(running)
    job = running.external(total=5)["id"]
    for tab in ("one", "two", "three"):
        chromium.open(tab, host="plain.test")
        assert chromium.call(tab, "navigator.locks === undefined")
    for tab in ("one", "two"):
        chromium.follow(tab, [job])
        chromium.wait_for(tab, job, 0)
    assert running.stats()["streams"] == 1
    chromium.follow("three", [job], share="tabs")
    chromium.wait_for("three", job, 0)
    assert running.stats()["streams"] == 2
    complete(running, [job])
    for tab in ("one", "two", "three"):
        chromium.wait_for_end(tab, [job])
        assert chromium.done(tab, job) == [0, 5]


def test_tabs_share_with_the_same_user_only(server: Any, browser: Any) -> None:
    def token(user: str, number: int) -> str:
        claims = base64.urlsafe_b64encode(json.dumps({"sub": user, "jti": number}).encode())
        return f"e30.{claims.decode().rstrip('=')}.c2ln"

    running = server()  # with auth off it looks at no token
    chromium = browser(running)
    job = running.external(total=5)["id"]
    for tab, options in {
        "Zoë": {"token": token("Zoë", 1)},
        "Zoë again": {"token": token("Zoë", 2)},
        "Ann": {"token": token("Ann", 3)},
        "nobody": {},
        "a riddle": {"token": "opaque"},
        "the same riddle": {"token": "opaque"},
    }.items():
        chromium.open(tab)
        chromium.follow(tab, [job], **options)
        chromium.wait_for(tab, job, 0)
    assert running.stats()["streams"] == 5
    complete(running, [job])
    for tab in ("Zoë", "Zoë again", "Ann", "nobody", "a riddle", "the same riddle"):
        chromium.wait_for_end(tab, [job])


def test_follow_mine_is_shared_and_hears_of_new_jobs(server: Any, browser: Any) -> None:
    running = server()
    chromium = browser(running)
    before = running.external(total=5)
    for tab in ("one", "two"):
        chromium.open(tab)
        chromium.call(tab, "page.followMine()")
        wait_until(lambda tab=tab: chromium.told(tab, "mine")[1:], f"tab {tab} to be told of a job")
    assert running.stats()["streams"] == 1
    after = running.external(total=7)
    complete(running, [after["id"]])
    running.delete(before)
    for tab in ("one", "two"):
        wait_until(lambda tab=tab: chromium.told(tab, "mine")[-1]["type"] == "removed", "the removal to be told")
        types = [(fact["type"], fact["data"]["id"]) for fact in chromium.told(tab, "mine")[1:]]
        assert types == [
            ("snapshot", before["id"]),
            ("snapshot", after["id"]),
            ("completed", after["id"]),
            ("cancelled", before["id"]),
            ("removed", before["id"]),
        ]


# ------------------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("share", SHARED_BY)
def test_a_restarted_server_that_lost_some_jobs(server: Any, browser: Any, share: str) -> None:
    first = server()
    chromium = browser(first)
    kept, lost = (first.external(id=name, total=50)["id"] for name in ("kept", "lost"))
    report(first, [kept, lost], 7)
    for tab in ("one", "two"):
        chromium.open(tab)
        chromium.follow(tab, [kept, lost], share=share)
        chromium.wait_for(tab, lost, 7)
    first.stop()
    second = server(listen=(f"127.0.0.1:{first.address[1]}",))
    second.external(id=kept, total=50)
    for tab in ("one", "two"):
        wait_until(lambda tab=tab: "error" in str(chromium.told(tab, lost)), "the lost job to be told of as lost")
        assert [fact for fact in chromium.told(tab, lost) if "error" in fact] == [
            {"error": 404, "message": "no job has the id 'lost'"}
        ]
        wait_until(lambda tab=tab: chromium.done(tab, kept)[-1] == 0, "a snapshot of the job that is there again")
        told = [fact.get("type") or fact.get("connection") for fact in chromium.told(tab, kept)]
        assert told[-2:] == ["gap", "snapshot"] and "reconnecting" in told, told
    complete(second, [kept])
    for tab in ("one", "two"):
        chromium.wait_for_end(tab, [kept])
        assert chromium.call(tab, "page.standing().kept.state") == "completed"


@pytest.mark.parametrize("share", [*SHARED_BY, False])
def test_connections_that_break_off_lose_no_event(server: Any, browser: Any, share: Any) -> None:
    running = server()
    chromium = browser(running)
    job = running.external(total=100)["id"]
    for tab in ("one", "two"):
        chromium.open(tab)
        chromium.follow(tab, [job], share=share, transport="fetch" if share is False else "eventsource", retryMs=50)
        chromium.wait_for(tab, job, 0)
    for round_ in range(3):
        for done in range(10 * round_ + 1, 10 * round_ + 11):
            report(running, [job], done)
            if done % 10 == 5:
                chromium.do("cut")
        for tab in ("one", "two"):
            chromium.wait_for(tab, job, 10 * round_ + 10)
    complete(running, [job])
    for tab in ("one", "two"):
        chromium.wait_for_end(tab, [job])
        assert chromium.done(tab, job) == [*range(31), 100]


@pytest.mark.parametrize("share", [*SHARED_BY, False])
def test_a_page_in_the_back_forward_cache_has_no_connection_and_catches_up(
    server: Any, browser: Any, share: Any
) -> None:
    running = server()
    chromium = browser(running)
    job = running.external(total=100)["id"]
    chromium.open("page")
    chromium.follow("page", [job], share=share)
    chromium.wait_for("page", job, 0)
    report(running, [job], 1)
    chromium.wait_for("page", job, 1)
    chromium.do("leave", "page")
    wait_until(lambda: running.stats()["streams"] == 0, "the page to have closed its stream")
    report(running, [job], 2)
    report(running, [job], 3)
    chromium.do("back", "page")
    assert chromium.call("page", "window.wasRestored") is True, "it came out of the cache, not from the server"
    chromium.wait_for("page", job, 3)
    assert running.stats()["streams"] == 1
    complete(running, [job])
    chromium.wait_for_end("page", [job])
    told = chromium.done("page", job)
    # Where the page itself knows the last id, every event is replayed. A worker begins with a snapshot.
    assert told == ([0, 1, 3, 100] if share == "worker" else [0, 1, 2, 3, 100])


@pytest.mark.parametrize("share", [*SHARED_BY, False])
def test_a_frozen_page_gives_its_place_to_another_and_catches_up(server: Any, browser: Any, share: Any) -> None:
    running = server()
    chromium = browser(running)
    job = running.external(total=100)["id"]
    for tab in ("frozen", "awake"):
        chromium.open(tab)
        chromium.follow(tab, [job], share=share)
        chromium.wait_for(tab, job, 0)
    chromium.do("freeze", "frozen")
    wait_until(lambda: running.stats()["streams"] == 1, "one stream, of the page that is awake")
    for done in range(1, 6):
        report(running, [job], done)
    chromium.wait_for("awake", job, 5)
    chromium.do("thaw", "frozen")
    chromium.wait_for("frozen", job, 5)
    complete(running, [job])
    for tab in ("frozen", "awake"):
        chromium.wait_for_end(tab, [job])
    assert chromium.done("awake", job) == [*range(6), 100]
    # It was told the latest by the others, or went on from its own last id.
    assert chromium.done("frozen", job) == ([*range(6), 100] if share is False else [0, 5, 100])
