"""Every state of the dashboard, as it looks: light and dark, wide and narrow, with a picture of each, and what axe
says of roles, labels and contrast. Set PROGRESSD_PICTURES to a folder to look at the pictures."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dashboard_browser import NARROW, WIDE, Dashboard
from harness import BINARY, Server, wait_until
from tokens import SECRET, bearer, token

MESSAGE = "reading page 12 of the archive"
ALL_JOBS = "**/v1/events?all=true"


def some_jobs(server: Server) -> dict[str, str]:
    """One job of each state, and more active ones; their ids by state."""
    ids = {}
    for number, state in enumerate(["active", "active", "completed", "failed", "cancelled", "pending", "active"]):
        job = server.external(id=f"{state}-{number}", kind=["import", "export", "media"][number % 3], total=200, message=MESSAGE)
        if state in ("active", "completed", "failed"):
            server.patch(job, done=30 + 20 * number)
        if state == "completed":
            server.patch(job, state=state, result={"rows": 500, "files": ["a.csv", "b.csv"]})
        if state == "failed":
            server.patch(job, state=state, failedReason="the archive is corrupt at byte 1,204,332")
        if state == "cancelled":
            server.cancel(job)
        ids[state] = job["id"]
    return ids


@pytest.fixture
def secured(server: Any, tmp_path: Path) -> Server:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    return server("--jwt-secret-file", str(secret))


def sign_in(dashboard: Dashboard, text: str) -> None:
    dashboard.wait_for_shown("#sign-in")
    dashboard.fill("#token", text)
    dashboard.click("#sign-in-button")


def test_loading(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server(), live=False, held=ALL_JOBS)
    dashboard.wait_for_shown("#loading")
    assert dashboard.is_shown("#ghosts") and not dashboard.is_shown("#empty")
    assert dashboard.text("#connection-word") == "Connecting"
    dashboard.check_look("loading")
    dashboard.check_console()


def test_empty(server: Any, dashboard: Dashboard) -> None:
    running = server()
    dashboard.open(running)
    dashboard.wait_for_shown("#empty")
    assert f"curl {running.url}/v1/jobs" in dashboard.text("#curl")
    assert not dashboard.is_shown("#ghosts") and not dashboard.is_shown("#grid")
    dashboard.check_look("empty")
    dashboard.check_console()


def test_the_list(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = some_jobs(running)
    dashboard.open(running)
    for state, job in ids.items():
        dashboard.wait_for_row(job, state)
    assert "runner" in dashboard.eval("document.getElementById('search').placeholder")
    counts = {state: dashboard.text(f"#count-{state}") for state in ids}
    assert counts == {"active": "3", "completed": "1", "failed": "1", "cancelled": "1", "pending": "1"}
    dashboard.check_look("list")
    dashboard.check_console()


def test_times_and_ids_are_not_cut(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = [running.external(kind="import")["id"], running.external(id="a-job-without-a-kind")["id"]]
    dashboard.open(running)
    dashboard.wait_for_row(ids[1])
    cut = """[...document.querySelectorAll('#rows [data-part=time], #rows .cell-job p')].filter((one) =>
      one.checkVisibility() && (one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1))
      .map((one) => one.textContent)"""
    for size in (WIDE, NARROW):
        dashboard.look(*size)
        for text in ("took 59 min 59 s", "23 h 59 min left"):
            for part, value in {"time": text, "rate": "99.9/s"}.items():
                place = f"[data-id='{ids[0]}'] [data-part={part}]"
                dashboard.eval(f'void (document.querySelector("{place}").textContent = "{value}")')
            assert dashboard.eval(cut) == [], size
    assert not dashboard.is_shown(f"[data-id={ids[1]}] .kind"), "the id is its title"
    dashboard.check_console()


def test_nothing_matches(server: Any, dashboard: Dashboard) -> None:
    running = server()
    some_jobs(running)
    dashboard.open(running)
    dashboard.fill("#search", "nobody has this")
    dashboard.wait_for_shown("#nothing")
    dashboard.check_look("nothing-matches")
    dashboard.click("#clear-filters")
    dashboard.wait("document.querySelectorAll('#rows > [data-id]').length === 7")
    dashboard.check_console()


def test_reconnecting_keeps_the_list(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = some_jobs(running)
    dashboard.open(running)
    dashboard.wait_for_row(ids["active"])
    running.stop()
    dashboard.wait_for_connection("reconnecting")
    dashboard.wait_for_text("#notice-text", "What you see is from")
    dashboard.wait_for_text("#notice-wait", "Trying again in")
    assert len(dashboard.rows()) == 7
    dashboard.check_look("reconnecting")
    dashboard.click('.starts [data-start="timer"]')
    dashboard.wait_for_text("#toasts", "The server does not answer.")
    anew = server(listen=(f"127.0.0.1:{running.address[1]}",))  # its journal is in memory: it knows nothing
    anew.external(id="the-new-one")
    dashboard.do("drawn")
    dashboard.eval("document.getElementById('retry').checkVisibility() && document.getElementById('retry').click()")
    dashboard.wait_for_connection("live")
    dashboard.wait_for_row("the-new-one")
    # A gap: what the server does not know any more goes, without a word.
    dashboard.wait("document.querySelectorAll('#rows > [data-id]').length === 1")
    assert not dashboard.is_shown("#notice")
    assert dashboard.text("#toasts") == "", "nothing says that the server is away"
    dashboard.check_console(0)


def test_overloaded(server: Any, dashboard: Dashboard) -> None:
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "the server is draining"}
    dashboard.open(server(), live=False, held=ALL_JOBS)
    headers = {"Content-Type": "application/problem+json", "Retry-After": "60"}
    dashboard.do("answer", pattern=ALL_JOBS, status=503, headers=headers, body=json.dumps(problem))
    dashboard.do("reload")
    dashboard.wait_for_text("#notice-text", "The server is draining (503)")
    dashboard.wait("/in (5[0-9]|60) s/.test(document.getElementById('notice-wait').textContent)")
    assert dashboard.is_shown("#ghosts")
    dashboard.check_look("overloaded")
    dashboard.do("release", pattern=ALL_JOBS)
    dashboard.eval("document.getElementById('retry').focus()")
    dashboard.press("Enter")
    dashboard.wait_for_connection("live")
    assert not dashboard.is_shown("#notice") and dashboard.focused() == "main"
    dashboard.check_console(503)


def test_refused_for_good(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server(), live=False, held=ALL_JOBS)
    headers = {"Content-Type": "application/problem+json"}
    dashboard.do("answer", pattern=ALL_JOBS, status=421, headers=headers, body='{"detail": "this host is not served"}')
    dashboard.do("reload")
    dashboard.wait_for_connection("refused")
    dashboard.wait_for_text("#notice-text", "This host is not served (421).")
    assert dashboard.text("#notice-wait") == "", "nothing is tried again by itself"
    dashboard.check_look("refused")
    dashboard.do("release", pattern=ALL_JOBS)
    dashboard.click("#retry")
    dashboard.wait_for_connection("live")
    dashboard.check_console(421)


@pytest.mark.parametrize("state", ["active", "completed", "failed"])
def test_a_job(server: Any, dashboard: Dashboard, state: str) -> None:
    running = server()
    ids = some_jobs(running)
    dashboard.open(running, f"/#/jobs/{ids[state]}")
    dashboard.wait_for_text("#job-state", state)
    if state == "active":
        running.patch(ids[state], done=180, message="reading page 13")
        dashboard.wait_for_text("#events-rows", "done 150 → 180, message reading page 12 of the archive → reading page 13")
    else:
        dashboard.wait_for_text("#job-stream", "ended")
    assert dashboard.is_shown("#job-cancel") == (state == "active")
    assert dashboard.is_shown("#events-before") == (state != "active"), "opened after its end"
    if state == "completed":
        assert json.loads(dashboard.text("#result")) == {"rows": 500, "files": ["a.csv", "b.csv"]}
    if state == "failed":
        assert "byte 1,204,332" in dashboard.text("#job-facts")
    dashboard.check_look(f"job-{state}")
    dashboard.click('[data-shows="raw"]')
    dashboard.wait_for_text("#raw", "event: snapshot\n")
    dashboard.check_look(f"job-{state}-raw")
    dashboard.check_console()


def test_a_job_that_is_not_there(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server(), "/#/jobs/nobody")
    dashboard.wait_for_shown("#job-missing")
    assert dashboard.text("#job-missing-title") == "No such job"
    dashboard.check_look("job-missing")
    dashboard.check_console(404)


def test_a_job_that_goes(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = some_jobs(running)
    dashboard.open(running, f"/#/jobs/{ids['completed']}")
    dashboard.wait_for_shown("#result")
    running.delete({"id": ids["completed"]})
    dashboard.wait_for_shown("#job-gone")
    assert not dashboard.is_shown("#job-delete") and dashboard.is_shown("#result")
    dashboard.check_look("job-gone")
    dashboard.check_console()


def test_a_job_that_a_restart_forgot(server: Any, dashboard: Dashboard) -> None:
    running = server()
    job = running.create(total=100_000, stepMs=100)
    dashboard.open(running, f"/#/jobs/{job['id']}")
    dashboard.wait_for_text("#job-pace", " left")
    running.stop()
    dashboard.wait_for_connection("reconnecting")
    server(listen=(f"127.0.0.1:{running.address[1]}",))  # its journal is in memory: it knows nothing
    dashboard.wait_for_shown("#job-gone")
    assert "deleted or forgotten, or the server restarted without a journal" in dashboard.text("#job-gone")
    assert dashboard.text("#job-pace") == "" and not dashboard.is_shown("#job-badge")
    dashboard.wait_for_text("#job-stream", "the stream has ended")
    dashboard.wait_for_connection("live")
    dashboard.check_look("job-forgotten")
    dashboard.check_console(0, 404)


def test_asking_before_a_job_is_deleted(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = some_jobs(running)
    dashboard.open(running)
    dashboard.wait_for_row(ids["failed"])
    dashboard.click(f'[data-id="{ids["failed"]}"] .act')
    dashboard.wait_for_shown("#confirm")
    dashboard.check_look("asking")
    dashboard.check_console()


def test_an_error_is_told(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server("--max-jobs", "1"))
    dashboard.click('.starts [data-start="timer"]')
    dashboard.wait("document.querySelectorAll('#rows > [data-id]').length === 1")
    dashboard.click('.starts [data-start="timer"]')
    dashboard.wait_for_text("#toasts", "(503)")
    dashboard.check_look("toast")
    dashboard.click("#toasts button")
    dashboard.wait("document.getElementById('toasts').childElementCount === 0")
    dashboard.check_console(503)


def test_streams(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = some_jobs(running)
    chosen = [running.external(id=f"large-{number}") for number in range(60)]
    query = "&".join(f"job={job['id']}" for job in chosen)
    slow = running.stream(f"/v1/events?{query}", receive_buffer=4096)
    assert slow.status == 200
    running.stream(f"/v1/jobs/{ids['active']}/events")
    dashboard.open(running, "/#/streams")
    dashboard.wait("document.querySelectorAll('#streams-rows tr').length === 3")
    assert "none slow" in dashboard.text("#streams-count")
    waiting = 0

    def is_stuck() -> bool:
        nonlocal waiting
        waiting += 1
        running.report(*[{"job": job["id"], "message": f"{waiting} " + "x" * 4000} for job in chosen])
        return any(one["queuedBytes"] > 0 for one in running.request("GET", "/v1/streams").json()["streams"])

    wait_until(is_stuck, "a reader that never reads to be slow")
    dashboard.wait_for_text("#streams-rows tr:first-child", "slow")
    assert "1 slow" in dashboard.text("#streams-count") and "57 more" in dashboard.text("#streams-rows tr:first-child")
    dashboard.check_look("streams")
    dashboard.check_console()


def test_figures(server: Any, dashboard: Dashboard) -> None:
    running = server()
    running.create(total=1000, stepMs=20)
    dashboard.open(running, "/#/figures")
    for figure in ("published", "delivered", "latency", "lag", "memory", "streams", "connections", "conflated"):
        dashboard.wait(f"/[0-9]/.test(document.querySelector('#cards [data-figure={figure}] .card-value').textContent)")
    dashboard.wait("document.querySelector('#cards [data-figure=published] .spark-line').getAttribute('d').includes('L')")
    label = dashboard.eval("document.querySelector('#cards [data-figure=published] svg').getAttribute('aria-label')")
    assert label.startswith("Events published: ") and "/s now" in label
    dashboard.check_look("figures")
    dashboard.check_console()


def test_limits(server: Any, dashboard: Dashboard) -> None:
    running = server("--idle-timeout", "75s")
    dashboard.open(running, "/#/figures")
    dashboard.wait_for_shown("#limits-section")
    lines = "[...document.querySelectorAll('#limits > div')]"
    shown = dict(dashboard.eval(f"{lines}.map((line) => [...line.children].map((part) => part.textContent))"))
    flags = set(re.findall(r"--[a-z-]+", subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout))
    assert set(shown) <= flags, "each is a flag"
    assert len(shown) == len(running.stats()["limits"])
    expected = {"--max-job-bytes": "1 GiB", "--max-job-bytes-per-user": "256 MiB", "--retain-finished": "1 h",
                "--retain-channels": "1 d", "--idle-timeout": "1 min 15 s", "--max-stream-age": "none",
                "--max-jobs": "1,000,000", "--history-events": "256"}  # fmt: skip
    assert {flag: shown[flag] for flag in expected} == expected
    for size in (WIDE, NARROW):
        dashboard.look(*size)
        out = "([name, value]) => value.right > name.parent.right + 1 || value.left < name.right && value.top < name.bottom"
        boxes = """(line) => {
          const box = (one) => one.getBoundingClientRect();
          const [name, value] = line.children;
          return [{ parent: box(line), right: box(name).right, bottom: box(name).bottom }, box(value)];
        }"""
        assert dashboard.eval(f"{lines}.map({boxes}).filter({out}).length") == 0, "nothing sticks out"
    dashboard.check_console()


def test_signing_in(secured: Server, dashboard: Dashboard) -> None:
    dashboard.open(secured, live=False)
    dashboard.wait_for_shown("#sign-in")
    assert dashboard.focused() == "token" and dashboard.text("#connection-word") == "Signed out"
    assert not dashboard.is_shown("#sign-in-why") and not dashboard.is_shown("#page-jobs")
    assert "progressctl token --secret-file secret --sub NAME" in dashboard.text("#sign-in")
    dashboard.check_look("sign-in")
    dashboard.fill("#token", token("ada", "jobs:admin", sign=lambda _: b"forged"))
    dashboard.click("#sign-in-button")
    dashboard.wait_for_text("#sign-in-why", "This token was refused")
    assert dashboard.text("#token-user") == "ada" and dashboard.text("#token-scopes") == "jobs:admin"
    dashboard.check_look("sign-in-refused")
    dashboard.check_console(401)


def test_what_is_for_administrators(secured: Server, dashboard: Dashboard) -> None:
    theirs = secured.request("POST", "/v1/jobs", {"runner": "external"}, headers=bearer(token("eve"))).json()["id"]
    dashboard.open(secured, live=False)
    sign_in(dashboard, token("ada"))
    dashboard.wait_for_connection("live")
    dashboard.check_look("signed-in")
    # The widest that the top line gets.
    dashboard.eval("void (document.getElementById('connection-word').textContent = 'Reconnecting')")
    dashboard.look(*NARROW)
    assert dashboard.eval("document.querySelector('.top').clientHeight") < 100, "two lines, not three"
    dashboard.look(*WIDE)
    dashboard.eval("void (document.getElementById('connection-word').textContent = 'Live')")
    for page in ("streams", "figures"):
        dashboard.eval(f"void (location.hash = '#/{page}')")
        dashboard.wait_for_shown(f"#{page}-forbidden")
        dashboard.check_look(f"{page}-forbidden")
    dashboard.check_console(401)
    dashboard.eval(f"void (location.hash = '#/jobs/{theirs}')")
    dashboard.wait_for_shown("#job-missing")
    assert "somebody else" in dashboard.text("#job-missing-title")
    dashboard.check_look("job-forbidden")
    dashboard.check_console(401, 403)
