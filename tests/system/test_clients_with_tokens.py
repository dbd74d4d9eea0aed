"""The client libraries against a server that wants a token: the browser's in Chromium, and both of Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_tabs import Browser
from harness import Server, sanitized, wait_until
from progressd_client import ForbiddenError, UnauthorizedError
from tokens import SECRET, bearer, token

LEEWAY_S = 30
ADA, BOB, WORKER = token("ada"), token("bob"), token("worker", "jobs:report")


def nearly_over() -> str:
    """A token of ada's that is accepted for so long that a stream opens, and not for much longer."""
    return token("ada", lives=(12 if sanitized() else 6) - LEEWAY_S)


@pytest.fixture
def guarded(server: Any, tmp_path: Path) -> Server:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    return server("--jwt-secret-file", str(secret))


def create(server: Server, as_: str) -> str:
    answer = server.request("POST", "/v1/jobs", {"runner": "external", "total": 100}, headers=bearer(as_))
    assert answer.status == 201, answer
    return answer.json()["id"]


def report(server: Server, job: str, **fields: Any) -> None:
    answer = server.request("PATCH", f"/v1/jobs/{job}", fields, headers=bearer(WORKER))
    assert answer.status == 200, answer


def streams(server: Server) -> int:
    return server.request("GET", "/v1/stats", headers=bearer(token("ops", "jobs:admin"))).json()["streams"]


# ------------------------------------------------------------------------------------------------ the browser's


def refusals(chromium: Browser, tab: str, job: str) -> list[int]:
    return [fact["error"] for fact in chromium.told(tab, job) if "error" in fact]


@pytest.mark.parametrize("transport", ["fetch", "eventsource"])
def test_tabs_of_one_user_follow_and_come_back(guarded: Server, browser: Any, transport: str) -> None:
    chromium = browser(guarded)
    mine, foreign = create(guarded, ADA), create(guarded, BOB)
    for tab in ("one", "two"):
        chromium.open(tab)
        chromium.follow(tab, [mine, foreign], token=ADA, transport=transport, retryMs=50)
        chromium.wait_for(tab, mine, 0)
        wait_until(lambda tab=tab: refusals(chromium, tab, foreign) == [403], "somebody else's job to be refused")
    assert streams(guarded) == 1
    for done in range(1, 11):
        report(guarded, mine, done=done)
        if done == 5:
            chromium.do("cut")
    for tab in ("one", "two"):
        chromium.wait_for(tab, mine, 10)
    report(guarded, mine, state="completed")
    for tab in ("one", "two"):
        chromium.wait_for_end(tab, [mine])
        assert chromium.done(tab, mine) == [*range(11), 100]


def sign_in(chromium: Browser, tab: str, user: str) -> None:
    """All tabs have the same cookies: whoever signs in last is whom the server takes them for."""
    chromium.call(tab, "document.cookie = given", f"progressd_token={user}; path=/")


def owners(chromium: Browser, tab: str) -> list[str]:
    return [fact["data"]["owner"] for fact in chromium.told(tab, "mine") if fact.get("type") == "snapshot"]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("share", ["worker", "tabs"])
def test_tabs_with_cookies_are_told_of_their_own_jobs_and_share_where_the_page_says_whose_they_are(
    guarded: Server, browser: Any, share: str, named: bool
) -> None:
    chromium = browser(guarded)
    create(guarded, ADA), create(guarded, BOB)
    for tab, user, cookie in [("one", "ada", ADA), ("two", "ada", ADA), ("other", "bob", BOB)]:
        chromium.open(tab)
        sign_in(chromium, tab, cookie)
        chromium.call(tab, "page.followMine(given)", {"share": share, **({"user": user} if named else {})})
        wait_until(lambda tab=tab: owners(chromium, tab), f"tab {tab} to be told of a job")
        assert owners(chromium, tab) == [user]
    assert streams(guarded) == (2 if named else 3)


@pytest.mark.parametrize("transport", ["fetch", "eventsource"])
def test_a_page_that_renews_its_token_goes_on_and_one_that_does_not_is_told(
    guarded: Server, browser: Any, transport: str
) -> None:
    chromium = browser(guarded)
    job = create(guarded, ADA)
    chromium.open("renews", "forgets")
    short = nearly_over()
    for tab in ("renews", "forgets"):
        chromium.call(tab, "void (window.token = given)", short)
        chromium.call(
            tab,
            "page.follow(given.jobs, { ...given.options, token: () => window.token })",
            {"jobs": [job], "options": {"share": False, "transport": transport, "retryMs": 50}},
        )
    for tab in ("renews", "forgets"):
        chromium.wait_for(tab, job, 0)
    chromium.call("renews", "void (window.token = given)", ADA)
    wait_until(lambda: refusals(chromium, "forgets", job) == [401], "the token to be over")
    report(guarded, job, done=1)
    chromium.wait_for("renews", job, 1)
    report(guarded, job, state="completed")
    chromium.wait_for_end("renews", [job])
    assert chromium.done("renews", job) == [0, 1, 100]


# ------------------------------------------------------------------------------------------------ Python's


def test_a_worker_and_a_follower_who_may_not_do_the_same(guarded: Server, connect: Any) -> None:
    worker, follower, stranger = (connect(guarded.url, token=text) for text in (WORKER, ADA, BOB))
    job = follower.create_job({"runner": "external", "total": 3})
    assert job["owner"] == "ada"
    with pytest.raises(ForbiddenError):
        follower.report(job["id"], {"done": 1})
    with pytest.raises(ForbiddenError):
        next(stranger.follow_job(job["id"]))
    with pytest.raises(UnauthorizedError):
        connect(guarded.url).get_job(job["id"])
    with follower.follow_job(job["id"]) as events, follower.follow_progress("ada") as updates:
        worker.update_progress("ada", {"completed": 1})
        assert next(updates) == {"completed": 1}
        with pytest.raises(ForbiddenError):
            follower.update_progress("ada", {"completed": 2})
        with pytest.raises(ForbiddenError):
            stranger.get_progress("ada")
        assert next(events).type == "snapshot"
        worker.report(job["id"], {"state": "completed"})
        assert [event.type for event in events] == ["completed"]


def test_a_token_that_is_renewed_carries_on_and_one_that_is_not_ends_the_stream(guarded: Server, connect: Any) -> None:
    job = create(guarded, ADA)
    short = nearly_over()
    tokens = iter([short])
    with connect(guarded.url, token=lambda: next(tokens, ADA)).follow_job(job) as renewed:
        assert next(renewed).done == 0
        with connect(guarded.url, token=short).follow_job(job) as forgotten:
            assert next(forgotten).done == 0
            with pytest.raises(UnauthorizedError):
                next(forgotten)
        report(guarded, job, done=1)
        report(guarded, job, state="completed")
        assert [event.done for event in renewed] == [1, 100]
