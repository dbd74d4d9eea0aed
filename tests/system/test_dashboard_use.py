"""The dashboard in use: by the keyboard, by search and filter, and with jobs that mean it ill."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dashboard_browser import NARROW, Dashboard, create_many
from harness import Server, wait_until

EVIL = "<img src=x onerror=\"document.title='pwned'\"><b>&amp;</b>"


def shown(dashboard: Dashboard) -> set[str]:
    return set(dashboard.rows())


def test_the_keyboard_reaches_every_job(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, 200)[::-1]  # the newest first, as they are shown
    dashboard.open(running)
    dashboard.press("/")
    dashboard.wait("document.activeElement.id === 'search'")
    dashboard.press("Tab")
    assert dashboard.focused() == ids[0]
    dashboard.press("ArrowDown", "ArrowDown", "ArrowUp")
    assert dashboard.focused() == ids[1]
    dashboard.press("PageDown")
    assert ids.index(dashboard.focused()) > 5
    dashboard.press("End")
    assert dashboard.focused() == ids[-1]
    assert dashboard.eval("document.activeElement.getAttribute('aria-rowindex')") == "201"
    in_view = """(() => {
      const row = document.activeElement.getBoundingClientRect();
      const grid = document.getElementById('grid').getBoundingClientRect();
      return row.top >= grid.top && row.bottom <= grid.bottom + 1;
    })()"""
    assert dashboard.eval(in_view), "the row that has the focus is seen"
    dashboard.press("ArrowDown")
    assert dashboard.focused() == ids[-1], "there is nothing below"
    dashboard.press("Home", "PageUp")
    assert dashboard.focused() == ids[0]
    dashboard.press("ArrowDown", "Enter")
    dashboard.wait_for_page("job")
    dashboard.wait_for_text("#job-id", ids[1])
    assert dashboard.focused() == "job-title"
    dashboard.press("Escape")
    dashboard.wait_for_page("jobs")
    assert dashboard.focused() == ids[1], "back on the row that was left"
    dashboard.press("Tab")
    assert dashboard.eval("document.activeElement.getAttribute('aria-label')") == f"Cancel job {ids[1]}"
    dashboard.press("Enter")
    dashboard.wait_for_row(ids[1], "cancelled")
    dashboard.check_console()


def test_what_has_the_focus_keeps_it_while_jobs_come_and_go(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, 40)[::-1]
    dashboard.open(running)
    dashboard.eval(f"document.querySelector('[data-id=\"{ids[3]}\"]').focus()")
    running.external(id="newer")
    dashboard.wait_for_row("newer")
    assert dashboard.focused() == ids[3] and dashboard.rows()[0] == "newer"
    dashboard.eval("void (document.getElementById('grid').scrollTop = 1e6)")
    dashboard.wait_for_row(ids[-1])
    assert dashboard.focused() == ids[3], "also out of view"
    running.delete({"id": ids[3]})
    dashboard.wait(f"document.activeElement.dataset.id === '{ids[4]}'")
    dashboard.click('[data-filter="failed"]')
    dashboard.wait_for_shown("#nothing")
    dashboard.check_console()


def test_what_is_looked_at_stays_when_jobs_come_above_it(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, 100)
    dashboard.open(running)
    dashboard.eval("void (document.getElementById('grid').scrollTop = 30 * 52)")
    place = f"document.querySelector('[data-id=\"{ids[65]}\"]')?.getBoundingClientRect().top"
    dashboard.wait(f"{place} > 0")
    before = dashboard.eval(place)
    for number in range(5):
        running.external(id=f"newer-{number}")
    dashboard.wait("document.getElementById('count-all').textContent === '105'")
    dashboard.do("drawn")
    assert dashboard.eval(place) == before
    dashboard.check_console()


def test_filters_and_search_let_jobs_through(server: Any, dashboard: Dashboard) -> None:
    running = server()
    running.external(id="a1", kind="import", owner="ann", message="reading page 1")
    running.external(id="b2", kind="export", owner="bob")
    running.patch("b2", done=5)
    dashboard.open(running)
    dashboard.wait_for_row("b2")
    both = {"a1", "b2"}
    found = {"ANN": {"a1"}, "port": both, "EXTERNAL": both, "export bob": {"b2"}, "page": {"a1"}, "ann b2": set()}
    for words, expected in found.items():
        dashboard.fill("#search", words)
        dashboard.do("drawn")
        assert shown(dashboard) == expected or not dashboard.is_shown("#grid") and not expected, words
    dashboard.fill("#search", "")
    dashboard.click('[data-filter="active"]')
    dashboard.wait_for_text("#shown-count", "1 of 2 shown")
    assert shown(dashboard) == {"b2"}
    assert dashboard.eval("document.querySelector('[data-filter=active]').getAttribute('aria-pressed')") == "true"
    running.patch("a1", done=1)  # which comes into the filter while it is looked at
    dashboard.wait_for_row("a1")
    running.patch("b2", state="completed")
    dashboard.wait("document.querySelector('[data-id=b2]') === null")
    dashboard.click('[data-filter=""]')
    dashboard.wait_for_row("b2", "completed")
    dashboard.check_console()


def test_the_search_is_left_for_what_it_found(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, 40)[::-1]
    dashboard.open(running)
    dashboard.fill("#search", "many-0000")
    dashboard.press("ArrowDown")
    assert dashboard.focused() == ids[30] == "many-00009", "the first that it found"
    dashboard.press("ArrowDown", "/")
    dashboard.wait("document.activeElement.id === 'search'")
    dashboard.press("Escape")
    assert dashboard.focused() == ids[31], "the row that was left"
    assert dashboard.eval("document.getElementById('search').value") == ""
    assert dashboard.text("#shown-count") == "", "nothing is filtered"
    dashboard.fill("#search", "nobody has this")
    dashboard.press("ArrowDown", "Enter")
    assert dashboard.focused() == "search", "there is nothing to open"
    dashboard.press("Escape")
    assert dashboard.focused() == ids[0], "the first one"
    dashboard.fill("#search", "many-00007")
    dashboard.press("Enter")
    dashboard.wait_for_page("job")
    dashboard.wait_for_text("#job-id", "many-00007")
    dashboard.press("Escape")
    dashboard.wait_for_page("jobs")
    assert dashboard.focused() == "many-00007"
    dashboard.check_console()


def test_the_search_has_the_focus_before_the_next_letter(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server())
    slash = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))"
    assert dashboard.eval(f"({slash}, document.activeElement.id)") == "search"
    dashboard.eval("void (location.hash = '#/figures')")
    dashboard.wait_for_page("figures")
    dashboard.press("/")
    dashboard.wait_for_page("jobs")
    dashboard.wait("document.activeElement.id === 'search'")
    dashboard.check_console()


def test_delete_asks_first(server: Any, dashboard: Dashboard) -> None:
    running = server()
    for number in range(2):
        running.patch(running.external(id=f"job-{number}"), state="completed")
    dashboard.open(running)
    dashboard.wait_for_row("job-1", "completed")
    dashboard.click('[data-id="job-1"] .act')
    dashboard.wait_for_shown("#confirm")
    assert dashboard.text("#confirm-id") == "job-1"
    dashboard.press("Enter")  # the safe answer has the focus
    dashboard.wait("!document.getElementById('confirm').open")
    dashboard.click('[data-id="job-1"] .act')
    dashboard.press("Escape")
    dashboard.wait("!document.getElementById('confirm').open")
    assert running.job("job-1")["state"] == "completed"
    dashboard.click('[data-id="job-1"] .act')
    dashboard.click("#confirm .danger")
    dashboard.wait("document.querySelectorAll('#rows > [data-id]').length === 1")
    assert running.request("GET", "/v1/jobs/job-1").status == 404
    dashboard.check_console()


def test_a_job_is_cancelled_and_deleted_on_its_own_page(server: Any, dashboard: Dashboard) -> None:
    running = server()
    job = running.external(kind="import")
    dashboard.open(running, f"/#/jobs/{job['id']}")
    dashboard.wait_for_shown("#job-shown")
    assert dashboard.text("#follow-command") == f"curl -N '{running.url}/v1/jobs/{job['id']}/events'"
    dashboard.click("#job-delete")
    dashboard.wait_for_shown("#confirm-live")
    dashboard.press("Escape")
    dashboard.click("#job-cancel")
    dashboard.wait_for_text("#job-state", "cancelled")
    dashboard.wait_for_text("#events-rows", "state pending → cancelled")
    assert not dashboard.is_shown("#events-before"), "its end was seen here"
    dashboard.click("#job-delete")
    dashboard.wait_for_shown("#confirm")
    assert not dashboard.is_shown("#confirm-live")
    dashboard.click("#confirm .danger")
    dashboard.wait_for_page("jobs")
    dashboard.wait_for_shown("#empty")
    dashboard.check_console()


def test_what_jobs_say_is_text_and_nothing_else(server: Any, dashboard: Dashboard) -> None:
    running = server()
    job = running.external(kind=EVIL[:64], owner=EVIL, message=EVIL)
    failing = running.external(kind="k", message=EVIL)
    dashboard.open(running)
    dashboard.wait_for_row(job["id"])
    running.patch(failing, state="failed", failedReason=EVIL)
    dashboard.wait_for_row(failing["id"], "failed")
    said = dashboard.eval("[...document.querySelectorAll('#rows .message')].map((one) => one.textContent)")
    assert said == [EVIL, EVIL]
    dashboard.eval(f"void (location.hash = '#/jobs/{job['id']}')")
    dashboard.wait_for_shown("#job-shown")
    running.patch(job, done=1, message=EVIL + "2")
    dashboard.wait_for_text("#events-rows", EVIL + "2")
    running.patch(job, state="completed", result={EVIL: EVIL})
    dashboard.wait_for_shown("#result")
    assert json.loads(dashboard.text("#result")) == {EVIL: EVIL}
    dashboard.click('[data-shows="raw"]')
    dashboard.wait_for_text("#raw", "event: completed")
    dashboard.eval("void (location.hash = '#/streams')")
    dashboard.wait_for_text("#streams-rows", "all")
    dashboard.eval("void (location.hash = '#/jobs/%3Cimg%20src=x%20onerror=alert(1)%3E')")
    dashboard.wait_for_shown("#job-missing")
    assert dashboard.eval("document.querySelectorAll('img, b > b').length") == 0
    assert "pwned" not in dashboard.eval("document.title")
    dashboard.check_console(404)


def test_changes_of_state_are_announced_in_one_breath(server: Any, dashboard: Dashboard) -> None:
    running = server()
    ids = create_many(running, 30)
    dashboard.open(running)
    dashboard.eval("""(() => {
      window.heard = [];
      const place = document.getElementById('announcer');
      new MutationObserver(() => heard.push(place.textContent)).observe(place, { childList: true });
    })()""")
    running.report(*[{"job": job, "state": "completed"} for job in ids[:20]])
    dashboard.wait("heard.length > 0")
    assert dashboard.eval("heard") == ["20 jobs completed."]
    running.report({"job": ids[20], "state": "failed", "failedReason": "no room"})
    dashboard.wait("heard.length > 1")
    assert dashboard.eval("heard.at(-1)") == f"job {ids[20]} failed."
    dashboard.check_console()


def test_the_history_of_a_job_is_bounded(server: Any, dashboard: Dashboard) -> None:
    running = server()
    job = running.external(total=5000)
    dashboard.open(running, f"/#/jobs/{job['id']}")
    dashboard.wait_for_text("#job-stream", "following")
    for first in range(1, 1201, 100):
        running.report(*[{"job": job["id"], "done": done, "message": "x" * 200} for done in range(first, first + 100)])
    dashboard.wait_for_text("#job-steps", "1,200 of 5,000")
    dashboard.wait_for_text("#events-count", "the last 500 of")
    assert dashboard.eval("document.getElementById('events-rows').childElementCount") == 500
    dashboard.wait_for_text("#events-rows tr:first-child", "→ 1200")
    dashboard.click('[data-shows="raw"]')
    dashboard.wait("document.getElementById('raw').textContent.startsWith('…')")
    assert dashboard.eval("document.getElementById('raw').textContent.length") == 65_537
    dashboard.check_console()


def test_the_colours_that_were_chosen_are_kept(server: Any, dashboard: Dashboard) -> None:
    running = server()
    dashboard.open(running)
    ground = "getComputedStyle(document.body).backgroundColor"
    dashboard.look(1280, 800, "light")
    light = dashboard.eval(ground)
    dashboard.look(1280, 800, "dark")
    dark = dashboard.eval(ground)
    assert light != dark, "as the system has it"
    dashboard.click("#theme")
    assert dashboard.eval(ground) == light
    dashboard.do("reload")
    dashboard.wait_for_connection("live")
    assert dashboard.eval(ground) == light, "kept"
    dashboard.click("#theme")
    assert dashboard.eval(ground) == dark
    dashboard.click("#theme")
    assert dashboard.eval("document.getElementById('theme').getAttribute('aria-label')").startswith("Colours: system")
    dashboard.check_console()


@pytest.mark.parametrize("reduced", [True, False])
def test_motion_is_left_out_for_those_who_asked(server: Any, dashboard: Dashboard, reduced: bool) -> None:
    running = server()
    running.create(total=1000, stepMs=50)
    dashboard.open(running)
    dashboard.look(1280, 800, "light", reduced)
    dashboard.wait("document.querySelector('#rows .fill') !== null")
    moving = "getComputedStyle(document.querySelector('.connection .signal')).animationName !== 'none'"
    assert dashboard.eval(moving) == (not reduced)
    glides = "document.getAnimations().some((one) => one.transitionProperty === 'transform')"
    if reduced:
        assert not dashboard.eval(glides)
    else:
        dashboard.wait(glides)
    dashboard.check_console()


def test_a_finger_has_room(server: Any, dashboard: Dashboard) -> None:
    running = server()
    running.external()
    dashboard.open(running)
    dashboard.look(*NARROW)
    dashboard.do("touch")
    dashboard.wait("matchMedia('(pointer: coarse)').matches")
    heights = dashboard.eval("""[...document.querySelectorAll('button, input')]
      .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().height)""")
    assert len(heights) > 8 and min(heights) >= 44, heights
    wait_until(lambda: dashboard.eval("document.documentElement.scrollWidth") <= NARROW[0], "nothing to stick out")
    dashboard.check_console()


def test_only_one_row_is_reached_by_tab(server: Any, dashboard: Dashboard) -> None:
    running: Server = server()
    create_many(running, 50)
    dashboard.open(running)
    assert dashboard.eval("document.querySelectorAll('#rows [tabindex=\"0\"]').length") == 2, "it, and its button"


def test_many_streams_are_turned_over_page_by_page(server: Any, dashboard: Dashboard) -> None:
    running = server()
    job = running.external()
    for _ in range(130):
        running.follow(job)
    dashboard.open(running, "/#/streams")
    dashboard.wait_for_text("#streams-count", "1 to 100 of 131, none slow")
    before = "document.getElementById('streams-before').disabled"
    assert dashboard.eval(before) and dashboard.eval("document.getElementById('streams-rows').rows.length") == 100
    dashboard.click("#streams-after")
    dashboard.wait_for_text("#streams-count", "101 to 131 of 131")
    assert dashboard.eval("document.getElementById('streams-rows').rows.length") == 31 and not dashboard.eval(before)
    dashboard.click("#streams-before")
    dashboard.wait_for_text("#streams-count", "1 to 100 of")
    dashboard.check_console()


def test_a_chart_is_read_off_by_pointing_at_it(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server(), "/#/figures")
    note = "#cards [data-figure=memory] .card-note"
    dashboard.wait_for_text(note, "highest: ")
    dashboard.do("hover", selector="#cards [data-figure=memory] svg")
    dashboard.wait(f"/^at [0-9]+:[0-9]+:[0-9]+$/.test(document.querySelector('{note}').textContent)")
    dashboard.do("hover", selector="#figures-title")
    dashboard.wait_for_text(note, "highest: ")
    dashboard.check_console()


def test_a_command_is_copied(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server())
    dashboard.click("#copy")
    # A browser that gives no clipboard away gets the text selected instead.
    dashboard.wait("['Copied', 'Selected'].includes(document.getElementById('copy').textContent)")
    assert dashboard.eval("String(getSelection())").startswith("curl http")
    dashboard.wait_for_text("#copy", "Copy")
    dashboard.check_console()


def test_the_skip_link_leads_into_the_page_that_is_shown(server: Any, dashboard: Dashboard) -> None:
    dashboard.open(server(), "/#/figures")
    dashboard.press("Tab")
    assert dashboard.eval("document.activeElement.className") == "skip"
    dashboard.press("Enter")
    assert dashboard.focused() == "main" and dashboard.eval("location.hash") == "#/figures"
    dashboard.check_console()
