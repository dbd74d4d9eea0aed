"""The dashboard with very many jobs, and with streams that break off: few elements, no gap, a page that answers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cutting_proxy import HoldingProxy
from dashboard_browser import Dashboard, create_many
from harness import Server

MANY = 10_000
ROWS_MAX = 60  # elements: those in view of a window 800 px high, and some beside it

FRAMES = """new Promise((done) => {
  let frames = 0;
  const end = performance.now() + 2000;
  const draw = (now) => (frames += 1, now < end ? requestAnimationFrame(draw) : done(frames));
  requestAnimationFrame(draw);
})"""


@pytest.mark.scale
def test_ten_thousand_jobs_are_smooth(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, MANY)
    dashboard.open(running)
    dashboard.wait("document.getElementById('count-all').textContent === '10,000'")
    assert dashboard.rows()[0] == ids[-1] and len(dashboard.rows()) < ROWS_MAX
    assert running.stats()["streams"] == 1, "one stream for all of them"
    assert dashboard.text("#loading-text") == "Loading jobs: 10,000 so far…"
    stop = threading.Event()
    reporting = threading.Thread(target=keep_reporting, args=(running, ids, stop))
    reporting.start()
    try:
        frames = dashboard.eval(FRAMES)
        dashboard.eval("void (document.getElementById('grid').scrollTop = 1e9)")
        dashboard.wait_for_row(ids[0])
        assert len(dashboard.rows()) < ROWS_MAX
        dashboard.wait("document.querySelector('#rows [data-state=active]') !== null")
        dashboard.fill("#search", ids[5000])
        dashboard.wait("document.querySelectorAll('#rows > [data-id]').length === 1")
        dashboard.fill("#search", "")
        dashboard.press("Tab", "End")
        assert dashboard.focused() == ids[0]
    finally:
        stop.set()
        reporting.join()
    # A page that does not keep up draws a few frames in two seconds; one that does, on a busy machine, many.
    assert frames >= 20, frames
    print(f"{frames} frames in 2 s at about 1,000 updates per second")
    dashboard.wait("document.getElementById('connection').dataset.state === 'live'")
    dashboard.check_console()


def keep_reporting(server: Server, ids: list[str], stop: threading.Event) -> None:
    """About 1,000 a second, over all of them."""
    done = 0
    while not stop.is_set():
        done += 1
        for first in range(0, len(ids), 100):
            if stop.wait(0.1):
                return
            server.report(*[{"job": job, "done": done} for job in ids[first : first + 100]])


@pytest.mark.scale
def test_the_page_keeps_the_newest_of_more_jobs_than_it_holds(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, 20_030)
    dashboard.open(running)
    dashboard.wait("document.getElementById('count-all').textContent === '20,000'")
    dashboard.wait_for_text("#beyond", "30 older ones are not shown")
    running.external(id="one-more")
    dashboard.wait_for_row("one-more")
    running.report({"job": ids[3], "done": 7}, {"job": ids[20_000], "done": 7})
    dashboard.wait_for_text("#beyond", "31 older ones are not shown")
    running.patch(ids[1], state="completed")  # which tells of one that is not shown
    running.delete({"id": ids[0]})
    dashboard.wait_for_text("#beyond", "30 older ones are not shown")
    dashboard.eval("void (document.getElementById('grid').scrollTop = 1e9)")
    dashboard.wait_for_row(ids[31])
    assert dashboard.rows()[-1] == ids[31]
    dashboard.check_console()


def test_a_stream_that_breaks_off_misses_nothing(server: Any, dashboard: Dashboard) -> None:
    # It is closed by its age again and again, and the job goes on.
    running = server("--max-stream-age", "700ms")
    job = running.create(total=60, stepMs=100)
    dashboard.open(running, f"/#/jobs/{job['id']}")
    dashboard.eval("""(() => {
      window.told = 0;
      new MutationObserver(() => (told += !document.getElementById('notice').hidden))
        .observe(document.getElementById('notice'), { attributes: true });
    })()""")
    dashboard.wait_for_text("#job-state", "completed")
    assert dashboard.eval("told") == 0, "a stream that ended cleanly is nothing to read of"
    changes = dashboard.eval("[...document.querySelectorAll('#events-rows .what')].map((one) => one.textContent)")
    steps = [line.split(",")[0] for line in changes[::-1] if line.startswith("done ")]
    begin = int(steps[0].split()[1])
    assert steps == [f"done {done} → {done + 1}" for done in range(begin, begin + len(steps))] and len(steps) > 10, changes
    dashboard.press("Escape")
    dashboard.wait_for_row(job["id"], "completed")
    dashboard.check_console()


def test_a_gap_is_made_good_without_a_word(server: Any, dashboard: Dashboard) -> None:
    running = server()
    create_many(running, 20)
    dashboard.open(running)
    dashboard.wait("document.getElementById('count-all').textContent === '20'")
    address = running.address
    running.stop()
    dashboard.wait_for_connection("reconnecting")
    anew = server(listen=(f"{address[0]}:{address[1]}",))
    create_many(anew, 10, kind="made-anew")  # ids that were there before, and are other jobs now
    dashboard.eval("document.getElementById('retry').click()")
    dashboard.wait_for_connection("live")
    dashboard.wait("document.getElementById('count-all').textContent === '10'")
    kinds = dashboard.eval("[...new Set([...document.querySelectorAll('#rows .kind')].map((one) => one.textContent))]")
    assert kinds == ["made-anew"]
    assert dashboard.text("#count-pending") == "10"
    dashboard.check_console(0)


# Longer than the quiet after which the page takes an opening for over that tells of nothing.
QUIET = "new Promise((over) => setTimeout(over, 1500))"


@pytest.mark.parametrize("is_cut", [False, True])
def test_jobs_whose_snapshots_are_late_after_a_gap_stay(server: Any, dashboard: Dashboard, is_cut: bool) -> None:
    running = server("--history-events", "1", "--compress-streams", "off")
    ids = create_many(running, 1_000)
    with HoldingProxy(running) as proxy:
        dashboard.open(proxy, f"/#/jobs/{ids[-1]}")
        dashboard.wait("document.getElementById('count-all').textContent === '1,000'")
        dashboard.eval("""(() => {
          window.seen = new Set();
          const look = () => seen.add(`${document.getElementById('count-all').textContent} ` +
            (document.getElementById('job-gone').hidden ? 'there' : 'gone'));
          const what = { subtree: true, childList: true, characterData: true, attributes: true };
          new MutationObserver(look).observe(document.body, what);
        })()""")
        proxy.hold_at = ids[500].encode()
        proxy.cut()
        running.delete({"id": ids[0]})
        for done in range(1, 4):
            running.report({"job": ids[1], "done": done})
        assert proxy.held.wait(60)
        if is_cut:
            proxy.hold_at = b"HTTP/1.1"
            proxy.cut()
            dashboard.wait_for_connection("reconnecting")
        dashboard.eval(QUIET)
        assert dashboard.text("#count-all") == "1,000"
        proxy.go_on.set()
        dashboard.wait("document.getElementById('count-all').textContent === '999'")
        dashboard.wait_for_connection("live")
        assert set(dashboard.eval("[...seen]")) == {"1,000 there", "999 there"}


def test_a_job_that_is_told_of_again_is_no_longer_gone(server: Any, dashboard: Dashboard) -> None:
    running = server("--history-events", "1", "--compress-streams", "off")
    job = create_many(running, 2)[-1]
    with HoldingProxy(running) as proxy:
        dashboard.open(proxy, f"/#/jobs/{job}")
        dashboard.wait("document.getElementById('count-all').textContent === '2'")
        proxy.hold_at = b"event: snapshot"  # after the gap, which tells that more is to come
        proxy.cut()
        for done in range(1, 4):
            running.report({"job": job, "done": done})
        dashboard.wait_for_shown("#job-gone")
        assert dashboard.text("#count-all") == "0"
        proxy.go_on.set()
        dashboard.wait("document.getElementById('job-gone').hidden")
        running.report({"job": job, "done": 9})
        dashboard.wait_for_text("#job-steps", "9")
        assert dashboard.is_shown("#job-delete") and dashboard.text("#count-all") == "2"


def test_a_job_that_is_made_anew_is_followed_on_its_page(server: Any, dashboard: Dashboard) -> None:
    running = server()
    running.external(id="phoenix", kind="first")
    dashboard.open(running, "/#/jobs/phoenix")
    dashboard.wait_for_text("#job-kind", "first")
    running.delete({"id": "phoenix"})
    dashboard.wait_for_shown("#job-gone")
    running.external(id="phoenix", kind="second")
    dashboard.wait_for_text("#job-kind", "second")
    running.report({"job": "phoenix", "done": 9})
    dashboard.wait_for_text("#job-steps", "9")
    assert not dashboard.is_shown("#job-gone") and dashboard.is_shown("#job-delete")
    dashboard.check_console()
