"""followMine of the browser client (tools/clients/js): what a page is told of its jobs, and knows of them, after it slept,
after its hub died, and after the server was started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_tabs import Browser, complete, report
from harness import wait_until


class Mine:
    """What one tab is told by followMine(), and what it knows."""

    def __init__(self, chromium: Browser, tab: str, share: Any) -> None:
        self.chromium = chromium
        self.tab = tab
        chromium.open(tab)
        chromium.call(tab, "page.followMine(given)", {"share": share})

    def told(self) -> list[tuple[str, str, int]]:
        """Type, job and its `done`, of each event; of a gap only the type."""
        facts = [fact for fact in self.chromium.told(self.tab, "mine") if "type" in fact]
        return [(fact["type"], fact["data"].get("id", ""), fact["data"].get("done", 0)) for fact in facts]

    def knows(self) -> dict[str, dict[str, Any]]:
        return {job["id"]: job for job in self.chromium.call(self.tab, "page.mine()")}

    def wait_for(self, kind: str, job: str, done: int) -> None:
        wait_until(lambda: (kind, job, done) in self.told(), f"{self.tab} to be told: {kind} {job} {done}")

    def check(self, server: Any, *jobs: str) -> None:
        """It knows exactly these, whole, as the server does."""
        # A snapshot is estimated when it is asked for; that a job was started is progress, which does not say when.
        untold = ("ratePerSecond", "etaSeconds", "startedAt")
        known = self.knows()
        assert sorted(known) == sorted(jobs)
        for name in jobs:
            theirs = server.job(name)
            assert set(known[name]) == set(theirs), "the whole job"
            assert {**known[name], **{field: theirs[field] for field in untold}} == theirs


def two_jobs(server: Any) -> None:
    for name in ("gone", "stays"):
        server.external(id=name, total=50)
    report(server, ["gone", "stays"], 1)


ASLEEP = [("worker", ""), ("worker", "follows a job"), ("worker", "follows all"), ("tabs", ""), (False, "")]


@pytest.mark.parametrize(("share", "other"), ASLEEP)
def test_a_page_out_of_the_back_forward_cache(server: Any, browser: Any, share: Any, other: str) -> None:
    running = server()
    chromium = browser(running)
    two_jobs(running)
    if other:
        chromium.open("other")  # and keeps the worker alive
    if other == "follows a job":
        chromium.follow("other", ["stays"], share=share)
        chromium.wait_for("other", "stays", 1)
    elif other:
        others = Mine(chromium, "another", share)
        others.wait_for("snapshot", "stays", 1)
    mine = Mine(chromium, "page", share)
    mine.wait_for("snapshot", "stays", 1)
    before = mine.told()
    chromium.do("leave", "page")
    wait_until(lambda: running.stats()["streams"] == (1 if other else 0), "the page's stream to be closed")
    running.delete({"id": "gone"})
    running.external(id="new", total=50)
    chromium.do("back", "page")
    mine.wait_for("snapshot", "new", 0)
    report(running, ["stays"], 2)
    mine.wait_for("progress", "stays", 2)
    told = mine.told()[len(before) :]
    went = [("removed", "gone", 1)]
    if share != "worker":  # the page goes on from its own last id, and is told each event
        went.insert(0, ("cancelled", "gone", 1))
    assert sorted(told[:-1]) == sorted([*went, ("snapshot", "new", 0)])
    assert told[-1] == ("progress", "stays", 2)
    mine.check(running, "stays", "new")


@pytest.mark.parametrize("share", ["worker", "tabs", False])
def test_a_page_that_wakes_when_no_job_is_left(server: Any, browser: Any, share: Any) -> None:
    running = server()
    chromium = browser(running)
    two_jobs(running)
    mine = Mine(chromium, "page", share)
    mine.wait_for("snapshot", "stays", 1)
    chromium.do("leave", "page")
    wait_until(lambda: running.stats()["streams"] == 0, "the page's stream to be closed")
    for name in ("gone", "stays"):
        running.delete({"id": name})
    chromium.do("back", "page")
    wait_until(lambda: mine.knows() == {}, "the page to know of no job")
    assert [job for kind, job, _ in mine.told() if kind == "removed"] == ["gone", "stays"]


@pytest.mark.parametrize("share", ["worker", "tabs", False])
def test_a_frozen_page(server: Any, browser: Any, share: Any) -> None:
    running = server()
    chromium = browser(running)
    two_jobs(running)
    frozen, awake = (Mine(chromium, tab, share) for tab in ("frozen", "awake"))
    for mine in (frozen, awake):
        mine.wait_for("snapshot", "stays", 1)
    before = frozen.told()
    chromium.do("freeze", "frozen")
    wait_until(lambda: running.stats()["streams"] == 1, "one stream, of the page that is awake")
    running.delete({"id": "gone"})
    report(running, ["stays"], 2)
    running.external(id="new", total=50)
    awake.wait_for("snapshot", "new", 0)
    chromium.do("thaw", "frozen")
    frozen.wait_for("snapshot", "new", 0)
    complete(running, ["stays"])
    for mine in (frozen, awake):
        mine.wait_for("completed", "stays", 50)
        mine.check(running, "stays", "new")
    meanwhile = [("cancelled", "gone", 1), ("removed", "gone", 1), ("progress", "stays", 2), ("snapshot", "new", 0)]
    end = ("completed", "stays", 50)
    assert awake.told()[len(before) :] == [*meanwhile, end]
    told = frozen.told()[len(before) :]
    if share is False:  # on from its own last id
        assert told == [*meanwhile, end]
    else:  # told by the other how things stand
        assert sorted(told[:-1]) == [("removed", "gone", 1), ("snapshot", "new", 0), ("snapshot", "stays", 2)]
        assert told[-1] == end


@pytest.mark.parametrize(
    ("share", "end"), [("tabs", "close"), ("tabs", "crash"), ("tabs", "leave"), ("worker", "kill_worker")]
)
def test_the_hub_goes_and_the_next_goes_on(server: Any, browser: Any, share: str, end: str) -> None:
    running = server()
    chromium = browser(running)
    two_jobs(running)
    leader, heir, other = (Mine(chromium, tab, share) for tab in ("leader", "heir", "other"))
    for mine in (leader, heir, other):
        mine.wait_for("snapshot", "stays", 1)
    killed = chromium.do(end, "leader")
    assert end != "kill_worker" or killed == 1
    running.delete({"id": "gone"})
    for done in range(2, 20):
        report(running, ["stays"], done)
    running.external(id="new", total=50)
    complete(running, ["stays"])
    for mine in (heir, other):
        mine.wait_for("completed", "stays", 50)
        assert mine.told() == [
            ("snapshot", "gone", 1),
            ("snapshot", "stays", 1),
            ("cancelled", "gone", 1),
            ("removed", "gone", 1),
            *[("progress", "stays", done) for done in range(2, 20)],
            ("snapshot", "new", 0),
            ("completed", "stays", 50),
        ]
        mine.check(running, "stays", "new")
    assert running.stats()["streams"] == 1


@pytest.mark.parametrize("share", ["worker", "tabs"])
@pytest.mark.parametrize("kept", [True, False])
def test_the_server_is_started_again(server: Any, browser: Any, tmp_path: Path, share: str, kept: bool) -> None:
    journal = ("--journal", f"sqlite:{tmp_path / 'journal'}" if kept else "memory:")
    first = server(*journal)
    chromium = browser(first)
    two_jobs(first)
    tabs = [Mine(chromium, tab, share) for tab in ("one", "two")]
    for mine in tabs:
        mine.wait_for("snapshot", "stays", 1)
    before = [("snapshot", "gone", 1), ("snapshot", "stays", 1)]
    first.stop()
    second = server(*journal, listen=(f"127.0.0.1:{first.address[1]}",))
    if kept:
        second.delete({"id": "gone"})
        anew = [("cancelled", "gone", 1), ("removed", "gone", 1)]
    else:
        second.external(id="stays", total=50)
        anew = [("gap", "", 0), ("snapshot", "stays", 0)]
    wait_until(lambda: all(len(mine.told()) == len(before) + 2 for mine in tabs), "the tabs to be told how things stand")
    report(second, ["stays"], 3)
    for mine in tabs:
        mine.wait_for("progress", "stays", 3)
        assert mine.told() == [*before, *anew, ("progress", "stays", 3)]
        mine.check(second, "stays")
